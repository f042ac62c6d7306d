"""Problem: a production graph under the law of a day, as arrays; the one place that knows layout and domain.

Crossings with the same facts share a class. The law is asked once a class, and a class carries the rates; what the core
sees is shares, class numbers and a small table.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .bundled import bundled_rule_sets, bundled_rules
from .core.structure import NotSettled, Structure, Unproductive, class_codes
from .customs.classes import Classes, assessed_classes, owe
from .customs.content import hidden_weight, matching_stages
from .customs.credit import earning_stages
from .customs.crossings import Crossings, cross_borders
from .customs.law import draw_up
from .customs.preference import worksheet
from .errors import (
    Finding,
    NotProductiveError,
    RulesError,
    TariffGraphError,
    TooLargeError,
    UnknownNameError,
    suggestion,
    visible,
)
from .frozen import FrozenMapping, FrozenRecord, read_only
from .graph.checks import positions
from .graph.production_graph import ProductionGraph
from .graph.read import read_graph
from .provenance import provenance
from .recall import recalled
from .rules.rules import as_rules

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from .customs.classes import Assessed
    from .customs.law import Law
    from .recall import Recalled
    from .rules.rules import Rules

Array = np.ndarray[Any, Any]

__all__ = [
    "Problem",
    "ShipmentArrays",
    "Solution",
    "check_for_unproductive_cycle",
    "compile",
    "compile_varied",
    "not_settled",
    "rules_for",
    "structure_of",
]


@dataclass(frozen=True, eq=False)
class ShipmentArrays:
    """The shipments as arrays, in the order of the graph's table.

    ``stage``: engine's number of the stage; ``class_``: class of the last border, −1 where there is none.
    """

    stage: Array
    class_: Array


@dataclass(frozen=True, eq=False)
class Solution:
    """x, b and g of every stage, per unit of untaxed value: excess price, borne by sellers, duty collected."""

    excess: Array
    borne_by_sellers: Array
    duty_collected: Array
    residual_bound: float


@dataclass(frozen=True, eq=False)
class Problem:
    """A graph and a law, prepared once; shapes by axis name.

    ``rates``: (classes,), φτ, the part of the duty in the buyer's price. ``share`` and ``class_of_input``: (inputs,)
    in the engine's order; the class after the last crosses no border. ``classes``: the crossings with their facts,
    and what each class owes to which measure (by number in ``law.measures``); ``borders``: the facts without what is
    owed.
    """

    graph: ProductionGraph
    law: Law
    structure: Structure
    share: Array
    class_of_input: Array
    shipments: ShipmentArrays
    rates: Array
    classes: Classes
    borders: Crossings
    meta: FrozenRecord = FrozenRecord()  # noqa: RUF009 - a descriptor, not a default
    findings: tuple[Finding, ...] = ()

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """The ids of the stages, in the order of the arrays."""
        return tuple(self.graph.stages["stage"].gather(self.structure.stage))

    def excess_prices(self, rates: Array | None = None) -> Array:
        """Excess price of every stage. Solves x_j = Σ_e a_e [x_i (1 + φτ) + φτ], in the order of ``stages``.

        ``rates``: φτ by class, (classes,) or (classes, scenarios); the answer is (stages,) or (stages, scenarios), each
        column the same bits as alone, except where ``way_to_solve`` names an update. Default: the problem's own. Raises
        NotProductiveError when the duties make the graph feed on more than it makes. Source: docs/method.md; Miller &
        Blair 2009, ch. 2.
        """
        return self._excess(self._table(rates))

    def way_to_solve(self, rates: Array | None = None) -> str:
        """Return how ``excess_prices`` solves these rates: an acyclic sweep, a cyclic solve or a low-rank update.

        Many scenarios that differ for few buyers, in a large cycle, are exact low-rank updates of the first of them:
        they agree with single solves within their error bounds, but not bit for bit.
        """
        table = self._table(rates)
        return self.structure.method if table.ndim == 1 else self.structure.way_to_solve(self.class_of_input, table)

    def _table(self, rates: Array | None) -> Array:
        try:
            table = self.rates if rates is None else np.asarray(rates, np.float64)
        except (TypeError, ValueError):
            raise TariffGraphError(Finding("rates is no array of numbers", "Give fractions, one a class.")) from None
        if table.shape[:1] != self.rates.shape or table.ndim > 2:
            raise TariffGraphError(
                Finding(
                    f"rates has the shape {table.shape}",
                    f"Give ({len(self.rates)},) or ({len(self.rates)}, scenarios).",
                )
            )
        if not np.isfinite(table).all():
            raise TariffGraphError(Finding("rates holds a value that is not a finite number", "Give finite rates."))
        return table

    def _excess(self, table: Array) -> Array:
        worst = table if table.ndim == 1 else table.max(axis=1, initial=0.0)
        with self._cycles_explained(worst):
            if table.ndim == 1:
                return self.structure.excess(self.share, self.class_of_input, table)
            return self.structure.excess_of_many(self.share, self.class_of_input, table)

    def solve(self) -> Solution:
        """Return the state of every stage under the problem's own rates: x, b and g of docs/method.md.

        b_j = Σ_e a_e [b_i + p_i τ(1 − φ)/(1 + τ)],  g_j = Σ_e a_e [g_i + p_i τ(1 + φτ)/(1 + τ)] = x_j + b_j.
        """
        excess = self._excess(self.rates)
        bound = 0.0
        with self._cycles_explained(self.rates):
            borne = self.borne_by_sellers(
                excess[:, None], self.classes.tau[:, None], self.classes.pass_through[:, None]
            )
            if self.structure.cycles:
                bounds = self.structure.excess_bound(self.share, self.class_of_input, self.rates, excess)
                bound = float(np.max(bounds, initial=0.0))
        return Solution(read_only(excess), read_only(borne[:, 0]), read_only(excess + borne[:, 0]), bound)

    def borne_by_sellers(self, excess: Array, tau: Array, phi: Array) -> Array:
        """What sellers bear along the chain in scenarios: b_j = Σ_e a_e [b_i + p_i τ(1 − φ)/(1 + τ)], as ``excess``.

        ``excess``: (stages, scenarios); ``tau`` and ``phi``: (classes, scenarios).
        """
        borne = np.zeros_like(excess)
        columns = np.flatnonzero((phi < 1.0).any(axis=0))
        for column in columns:
            t = tau[:, column]
            part = _by_input(t * (1.0 - phi[:, column]) / (1.0 + t), self.class_of_input)
            price = 1.0 + excess[self.structure.supplier, column]
            borne[:, column] = _by_user(self.structure, self.share * price * part)
        if len(columns):
            borne[:, columns] = self.structure.contents(self.share, borne[:, columns], stopping=False)
        return borne

    @cached_property
    def assessed(self) -> tuple[Assessed, ...]:
        """What the law says of every set of facts (by number in ``borders.keys``): who charges what, who does not, why.

        The law is asked again, once; credits are not among its lines.
        """
        return assessed_classes(self.graph, self.law, self.borders)

    def places(self, stages: pl.Series) -> Array:
        """Return the place of each stage, by id, in the order of the arrays."""
        return positions(stages, pl.Series(self.stages, dtype=pl.String))

    def requirements(self, stage: int) -> Array:
        """Return L_jf: the output of every stage j embodied in one unit of the good of ``stage``, untaxed."""
        unit = np.zeros(len(self.stages))
        unit[stage] = 1.0
        with self._cycles_explained(np.zeros(len(self.rates))):
            return self.structure.solve_backward(self.share, unit)

    def hidden_content(self) -> pl.DataFrame:
        """Return what the graph cannot show of the contents that the law asks for: crossing, kind, content, hidden.

        ``hidden`` is the part of the good's value in stages upstream that show no inputs and are not of the kind: they
        count 0 in the content. Crossings that declare the content are left out, and those where nothing is hidden.
        """
        origin = self.borders.origin
        found = [
            pl.DataFrame(schema={"crossing": pl.String, "kind": pl.String, "content": pl.Float64, "hidden": pl.Float64})
        ]
        for column in sorted(one for one in self.classes.crossings.columns if one.startswith("content.")):
            kind = column.removeprefix("content.")
            if self.law.kinds[kind][0].method == "residual":
                continue  # what is not shown to hold none stays in
            declared = [
                frame.filter(pl.col(column).is_not_null())["id"]
                for frame in (self.graph.inputs, self.graph.shipments)
                if column in frame.columns
            ]
            matches = matching_stages(self.graph.stages, origin, self.law, kind)[self.structure.stage]
            hidden = hidden_weight(self.structure, self.share, matches)
            computed = self.classes.crossings.filter(pl.col(column).is_not_null())
            for ids in declared:
                computed = computed.filter(~pl.col("id").is_in(ids.implode()))
            found.append(
                computed.with_columns(hidden=pl.Series(hidden[self.places(computed["supplier"])]))
                .filter(pl.col("hidden") > 0)
                .select(crossing="id", kind=pl.lit(kind), content=column, hidden="hidden")
            )
        return pl.concat(found).sort("kind", "crossing")

    def worksheet(self, crossing: str, *, program: str | None = None, levels: int = 0) -> pl.DataFrame:
        """Return the origin worksheet of a good that crosses a border, as a customs worksheet would have it.

        Its value added, each material with its share and status, each test with what it finds and asks for, and the
        result. ``crossing``: id of an input or shipment; ``program``: another preference than the one claimed;
        ``levels``: how many levels of materials are opened up (docs/method.md, Origin). Raises UnknownNameError.
        """
        rows = self.classes.crossings.filter(pl.col("id") == crossing)
        if rows.is_empty():
            message = f"no border crossing has the id '{visible(str(crossing))}'"
            remedy = suggestion(str(crossing), self.classes.crossings["id"], "crossings")
            raise UnknownNameError(Finding(message, remedy, field="crossing"))
        row = rows.row(0, named=True)
        origin = self.borders.origin
        claim = {**row, "program": row["claimed"]}
        return worksheet(
            self.graph, self.law, self.structure, self.share, origin, claim, program=program, levels=levels
        )

    @contextmanager
    def _cycles_explained(self, rates: Array) -> Iterator[None]:
        try:
            yield
        except Unproductive as cycle:
            raise self._unproductive_with_duties(cycle, _by_input(rates, self.class_of_input)) from None
        except NotSettled as cycle:
            raise not_settled(cycle) from None

    def _unproductive_with_duties(self, cycle: Unproductive, rate: Array) -> NotProductiveError:
        places, radius, product = self.structure.worst_cycle(self.share * (1.0 + rate), cycle.start, cycle.stop)
        names = [self.stages[place] for place in places]
        first, last = int(self.structure.first[cycle.start]), int(self.structure.first[cycle.stop])
        classes = {int(one) for one in self.class_of_input[first:last] if one < len(self.rates)}
        charged = sorted(
            {
                self.law.measures[int(measure)].measure.id
                for class_, measure, part in zip(*self.classes.lines, strict=True)
                if int(class_) in classes and part > 0
            }
        )
        return NotProductiveError(
            Finding(
                f"with the duties on, the cycle {_path_text(names)} feeds on more than it makes "
                f"(taxed, its shares multiply to {product:.6g}; spectral radius {radius:.6g}, not below 1): "
                f"the duties are {', '.join(charged) or 'the rates given'}",
                "A price would be infinite. Lower the rates on the cycle or the shares in it.",
                check="not-productive",
                stage=names[0],
            )
        )


def compile(  # noqa: A001 - the field's word
    graph: ProductionGraph | str | os.PathLike[str],
    rules: Any = None,
    *,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    pass_through: float | None = None,
    settings: Iterable[str] = (),
) -> Problem:
    """Prepare a graph under the law of a day: facts of every crossing, classes, and what each class owes.

    ``graph``: a graph, a folder or a bundled name; ``rules``: what ``read_rules`` gives or takes, default the graph's
    own; ``as_of``: day of entry, default the graph's, else today; ``known_on``: what was published later does not
    exist; ``pass_through``: sets that of all inputs and shipments; ``settings``: changes of the law, as
    ``"s232-autos.rate=15%"``. Raises GraphError, RulesError, NotProductiveError.
    """
    if not isinstance(graph, ProductionGraph):
        graph = read_graph(graph)
    book = rules_for(graph, rules)
    settings = tuple(settings)
    if settings:
        book = book.apply_settings(settings)
    if pass_through is not None and not (isinstance(pass_through, (int, float)) and 0.0 <= pass_through <= 1.0):
        raise TariffGraphError(
            Finding(f"{pass_through!r} is not a pass-through", "Write a number from 0 to 1.", field="pass_through")
        )
    law = draw_up(book, as_of if as_of is not None else graph.default_as_of, known_on)
    return _assembled(graph, law, pass_through, settings)


def compile_varied(
    graph: ProductionGraph, rules: Rules, settings: Sequence[str], as_of: date | str | None, known_on: date | str | None
) -> Problem:
    """Prepare a graph once for scenarios that set rates of their own (``NAME.rate``, ``NAME@COUNTRY.rate``).

    Settings are applied in order; with a value (``s232-autos.rate=ends``) they hold in all scenarios. The rates are
    those of the law as it is; ``customs.varied.owed_in_scenarios`` says what ``borders`` owe in each scenario.
    """
    for setting in settings:
        rules = rules.apply_settings([setting]) if "=" in setting else rules.with_varied_rate(setting)
    law = draw_up(rules, as_of if as_of is not None else graph.default_as_of, known_on)
    return _assembled(graph, law, None, (), {one: math.nan for one in settings if "=" not in one})


def rules_for(graph: ProductionGraph, rules: Any) -> Any:
    """Return the rules that are meant: what is given, else those that the graph names. Raises RulesError."""
    if rules is None:
        if not graph.default_rules:
            raise RulesError(
                Finding(
                    "no rule set is named, and the graph names none",
                    "Name one, as in rules='us-2025' or --rules us-2025.",
                )
            )
        # A bundled name of the graph means the bundled rules, whatever lies in the working directory.
        bundled = bundled_rule_sets()
        rules = [bundled_rules(entry) if entry in bundled else entry for entry in graph.default_rules]
    return as_rules(rules)


def structure_of(graph: ProductionGraph) -> tuple[Structure, Array]:
    """Return the graph's inputs in the engine's order, and their shares. Raises NotProductiveError, untaxed.

    Those of large graphs are kept on disk, by the hash of the graph.
    """
    return recalled(
        "structure",
        graph,
        (),
        lambda: _structure_built(graph),
        lambda made: dict(zip(("structure", "share"), made, strict=True)),
        lambda found: (found.part("structure", Structure), found.array("share")),
    )


def _structure_built(graph: ProductionGraph) -> tuple[Structure, Array]:
    ids = graph.stages["stage"]
    structure = Structure.build(len(ids), graph.supplier, graph.user)
    share = read_only(graph.inputs["share"].to_numpy()[structure.input])
    try:
        cycles = structure.unproductive_cycles(share)
    except NotSettled as cycle:
        raise not_settled(cycle) from None
    if cycles:
        raise NotProductiveError(_unproductive(structure, ids, share, start, stop) for start, stop in cycles)
    return structure, share


def _unproductive(structure: Structure, ids: pl.Series, share: Array, start: int, stop: int) -> Finding:
    places, radius, product = structure.worst_cycle(share, start, stop)
    path = [str(ids[int(structure.stage[place])]) for place in places]
    return Finding(
        f"the cycle {_path_text(path)} feeds on at least what it makes (its shares multiply to {product:.6g}; "
        f"with all that its stages buy from each other the spectral radius is {radius:.6g}, not below 1)",
        "Lower the shares in it: it has to leave value added.",
        file="inputs",
        check="not-productive",
        stage=path[0],
    )


def not_settled(cycle: NotSettled, what: str = "its prices do not settle") -> TooLargeError:
    """Return the error that tells of a cycle for which numbers are not found."""
    return TooLargeError(
        Finding(
            f"a cycle of {cycle.stop - cycle.start} stages leaves so little value added that {what}, "
            "and it is too large to be solved directly",
            "Lower the shares in it, or split the graph.",
            check="not-settled",
        )
    )


def check_for_unproductive_cycle(graph: ProductionGraph) -> tuple[Finding, ...]:
    """Return a finding when a cycle of the untaxed graph feeds on at least what it makes."""
    try:
        structure_of(graph)
    except NotProductiveError as error:
        return error.findings
    return ()


def _by_input(table: Array, class_of_input: Array) -> Array:
    """Return a table by class spread over inputs; 0 where no border is crossed (the class after the last)."""
    return np.append(table, 0.0)[class_of_input]


def _by_user(structure: Structure, value: Array) -> Array:
    """Sum (inputs,) over the inputs of each stage, in their order."""
    return np.bincount(structure.user, weights=value, minlength=structure.stages)


def _path_text(names: Sequence[str]) -> str:
    shown = [visible(name) for name in names]
    if len(shown) > 6:
        shown = [*shown[:3], f"... {len(shown) - 5} more ...", *shown[-2:]]
    return " → ".join([*shown, visible(names[0])])


def _assembled(
    graph: ProductionGraph,
    law: Law,
    pass_through: float | None,
    settings: tuple[str, ...],
    varied: Mapping[str, float] = FrozenMapping(),
) -> Problem:
    structure, share = structure_of(graph)
    owed = _owed(graph, law, structure, share, pass_through, varied)
    classes = owed.classes
    return Problem(
        graph=graph,
        law=law,
        structure=structure,
        share=share,
        class_of_input=owed.class_of_input,
        shipments=owed.shipments,
        rates=read_only(classes.pass_through * classes.tau),
        classes=classes,
        borders=classes.borders,
        meta={
            **provenance(law.rules, law.as_of, law.known_on),
            "graph": {
                "title": graph.title,
                "hash": graph.hash,
                "currency": graph.currency,
                "stages": len(graph.stages),
                "inputs": len(graph.inputs),
                "shipments": len(graph.shipments),
            },
            "pass_through": pass_through,
            "settings": list(settings),
            "counts": {**classes.counts, "shipments_without_value": graph.shipments["value"].null_count()},
        },
        findings=(*graph.findings, *law.rules.findings, *law.findings, *classes.findings),
    )


@dataclass(frozen=True, eq=False)
class _Owed:
    """What a law makes of a graph: which input and shipment crosses a border in which class, what each class owes."""

    class_of_input: Array
    shipments: ShipmentArrays
    classes: Classes


def _owed(
    graph: ProductionGraph,
    law: Law,
    structure: Structure,
    share: Array,
    pass_through: float | None,
    varied: Mapping[str, float],
) -> _Owed:
    """Return what a law makes of a graph. That of a large graph is kept on disk, by the hash of graph and law."""

    def compute() -> _Owed:
        classes = owe(graph, law, cross_borders(graph, law, structure, share, pass_through), varied)
        return _by_class(graph, structure, classes)

    def together(found: Recalled) -> _Owed:
        earning = earning_stages(law, graph.stages)
        borders = found.part("borders", Crossings, graph=graph, earning=earning)
        classes = found.part("classes", Classes, borders=borders)
        return _Owed(found.array("class_of_input"), found.part("shipments", ShipmentArrays), classes)

    return recalled(
        "owed",
        graph,
        # Not the hashes of the rule sets: messages follow the order in which the rules are written.
        (law.rules.rule_sets, law.as_of, law.known_on, pass_through, tuple(varied)),
        compute,
        lambda made: {**vars(made), "borders": made.classes.borders},
        together,
    )


def _by_class(graph: ProductionGraph, structure: Structure, classes: Classes) -> _Owed:
    borders = classes.borders
    none = class_codes(np.array([-1]), len(classes.statutory))
    class_of_row = np.repeat(none, len(graph.inputs))
    class_of_row[borders.row[: borders.inputs]] = borders.class_[: borders.inputs]
    class_of_shipment = np.full(len(graph.shipments), -1, np.int64)
    class_of_shipment[borders.row[borders.inputs :]] = borders.class_[borders.inputs :]
    shipments = ShipmentArrays(read_only(structure.place[graph.seller]), read_only(class_of_shipment))
    return _Owed(read_only(class_of_row[structure.input]), shipments, classes)
