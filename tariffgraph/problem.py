"""Problem: a production graph under the law of a day, as arrays; the one place that knows layout and domain.

Crossings with the same facts share a class. The law is asked once a class, and a class carries the rates; what the core
sees is shares, class numbers and a small table.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .codes import CodeProblem
from .core.structure import Structure, Unproductive
from .customs.assess import assess_facts, claiming_and_not, draw_up
from .customs.content import content_of_kind, matching_stages
from .customs.facts import Facts
from .customs.origin import determine_origin
from .errors import Finding, GraphError, NotProductiveError, RulesError, TariffGraphError, suggestion, visible
from .graph.production_graph import ProductionGraph
from .graph.read import read_graph
from .provenance import provenance
from .rules.rules import as_rules

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from .customs.law import Law

Array = np.ndarray[Any, Any]

__all__ = ["Problem", "ShipmentArrays", "Solution", "check_for_unproductive_cycle", "compile"]

# Contents that differ only by the noise of summing share a class: digits that are kept. Rounding to decimals instead
# would cost small contents their relative precision.
SIGNIFICANT_DIGITS = 14


@dataclass(frozen=True, eq=False)
class ShipmentArrays:
    """The shipments as arrays, in the order of the graph's table.

    ``stage``: engine's number of the stage; ``class_``: class of the last border, −1 where there is none.
    """

    stage: Array
    class_: Array


@dataclass(frozen=True, eq=False)
class Solution:
    """Excess price, part borne by sellers and duty collected, of every stage, per unit of untaxed value (SPEC §2)."""

    excess: Array
    borne_by_sellers: Array
    duty_collected: Array
    residual_bound: float


@dataclass(frozen=True, eq=False)
class Problem:
    """A graph and a law, prepared once; shapes by axis name.

    ``stages``: ids in the order of the arrays. ``rates``: (classes,), φτ of each class of crossings: what it adds to
    the price. ``statutory``: (classes,), t; ``relief``: (classes,), 1 − drawback; ``pass_through``: (classes,), φ.
    ``share`` and ``class_of_input``: (inputs,) in the engine's order; class −1 crosses no border. ``line_class``,
    ``line_measure``, ``line_rate``: (lines,), the part t_m of a class's t that each measure charges; measures by number
    in ``law.measures``. ``crossings``: the facts of every input and shipment that crosses a border.
    """

    graph: ProductionGraph
    law: Law
    structure: Structure
    stages: tuple[str, ...]
    share: Array
    class_of_input: Array
    shipments: ShipmentArrays
    rates: Array
    statutory: Array
    relief: Array
    pass_through: Array
    line_class: Array
    line_measure: Array
    line_rate: Array
    crossings: pl.DataFrame
    meta: Mapping[str, Any]
    findings: tuple[Finding, ...]

    def excess_prices(self, rates: Array | None = None) -> Array:
        """Excess price of every stage. Solves x_j = Σ_e a_e [x_i (1 + φτ) + φτ], in the order of ``stages``.

        ``rates``: φτ by class, (classes,) or (classes, scenarios); the answer is (stages,) or (stages, scenarios), each
        column the same bits as alone. Default: the problem's own. Raises NotProductiveError when the duties make
        the graph feed on more than it makes. Source: SPEC §2; Miller & Blair 2009, ch. 2.
        """
        table = self.rates if rates is None else np.asarray(rates, np.float64)
        if table.shape[:1] != self.rates.shape or table.ndim > 2:
            raise TariffGraphError(
                Finding(
                    f"rates has the shape {table.shape}",
                    f"Give ({len(self.rates)},) or ({len(self.rates)}, scenarios).",
                )
            )
        if not np.isfinite(table).all():
            raise TariffGraphError(Finding("rates holds a value that is not a finite number", "Give finite rates."))
        if table.ndim == 2:
            columns = [self._excess(np.ascontiguousarray(table[:, k]))[0] for k in range(table.shape[1])]
            return np.stack(columns, axis=1) if columns else np.zeros((len(self.stages), 0))
        return self._excess(table)[0]

    def _excess(self, table: Array) -> tuple[Array, Array, Array]:
        """Return the excess prices, and the weights and constants of their equation."""
        rate = _by_input(table, self.class_of_input)
        weight = self.share * (1.0 + rate)
        constant = _by_user(self.structure, self.share * rate)
        try:
            return self.structure.solve(weight, constant), weight, constant
        except Unproductive as cycle:
            raise self._unproductive_with_duties(cycle, rate) from None

    def solve(self) -> Solution:
        """Return the state of every stage under the problem's own rates: x, b and g of SPEC §2.

        b_j = Σ_e a_e [b_i + p_i τ(1 − φ)/(1 + τ)],  g_j = Σ_e a_e [g_i + p_i τ(1 + φτ)/(1 + τ)],  x + b = g.
        """
        excess, weight, constant = self._excess(self.rates)
        price = 1.0 + excess[self.structure.supplier]
        tau = _by_input(self.statutory * self.relief, self.class_of_input)
        phi = _by_input(self.pass_through, self.class_of_input)
        of_sellers = _by_user(self.structure, self.share * price * tau * (1.0 - phi) / (1.0 + tau))
        of_duty = _by_user(self.structure, self.share * price * tau * (1.0 + phi * tau) / (1.0 + tau))
        borne = self.structure.solve(self.share, of_sellers)
        collected = self.structure.solve(self.share, of_duty)
        bound = 0.0
        if self.structure.cycles:
            try:
                bound = float(np.max(self.structure.error_bound(weight, constant, excess), initial=0.0))
            except Unproductive as cycle:
                raise self._unproductive_with_duties(cycle, _by_input(self.rates, self.class_of_input)) from None
        return Solution(excess, borne, collected, bound)

    def requirements(self, stage: int) -> Array:
        """Return L_jf: the output of every stage j embodied in one unit of the good of ``stage``, untaxed."""
        unit = np.zeros(len(self.stages))
        unit[stage] = 1.0
        return self.structure.solve_backward(self.share, unit)

    def _unproductive_with_duties(self, cycle: Unproductive, rate: Array) -> NotProductiveError:
        places, radius, _ = self.structure.worst_cycle(self.share * (1.0 + rate), cycle.start, cycle.stop)
        names = [self.stages[place] for place in places]
        first, last = int(self.structure.first[cycle.start]), int(self.structure.first[cycle.stop])
        classes = {int(c) for c in self.class_of_input[first:last] if c >= 0}
        charged = sorted(
            {
                self.law.measures[int(measure)].measure.id
                for class_, measure, part in zip(self.line_class, self.line_measure, self.line_rate, strict=True)
                if int(class_) in classes and part > 0
            }
        )
        return NotProductiveError(
            Finding(
                f"with the duties on, the cycle {_path_text(names)} feeds on more than it makes "
                f"(spectral radius {radius:.6g}, not below 1); {', '.join(charged) or 'the rates given'} make it so",
                "A price would be infinite. Lower the rates on the cycle or the shares in it.",
                check="not-productive",
                stage=names[0],
            )
        )


def compile(  # noqa: A001 - the field's and SPEC's word
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
    book = _rules_for(graph, rules)
    settings = tuple(settings)
    if settings:
        book = book.apply_settings(settings)
    if pass_through is not None and not 0.0 <= pass_through <= 1.0:
        raise TariffGraphError(
            Finding(f"{pass_through!r} is not a pass-through", "Write a number from 0 to 1.", field="pass_through")
        )
    law = draw_up(book, as_of if as_of is not None else graph.default_as_of, known_on)
    return _Compiler(graph, law, pass_through, settings).problem()


def _rules_for(graph: ProductionGraph, rules: Any) -> Any:
    if rules is None:
        if not graph.default_rules:
            raise RulesError(
                Finding(
                    "no rule set is named, and the graph names none",
                    "Name one, as in rules='us-2025' or --rules us-2025.",
                )
            )
        rules = graph.default_rules
    return as_rules(rules)


def structure_of(graph: ProductionGraph) -> tuple[Structure, Array]:
    """Return the graph's inputs in the engine's order, and their shares. Raises NotProductiveError, untaxed."""
    ids = graph.stages["stage"]
    number = pl.DataFrame({"stage": ids}).with_row_index("number")
    ends = graph.inputs.select("supplier", "user")
    joined = ends.join(number, left_on="supplier", right_on="stage", how="left", maintain_order="left").join(
        number, left_on="user", right_on="stage", how="left", maintain_order="left", suffix="_user"
    )
    supplier = joined["number"].to_numpy().astype(np.int64)
    user = joined["number_user"].to_numpy().astype(np.int64)
    structure = Structure.build(len(ids), supplier, user)
    share = graph.inputs["share"].to_numpy()[structure.input]
    try:
        structure.prove_productive(share)
    except Unproductive as cycle:
        places, radius, _ = structure.worst_cycle(share, cycle.start, cycle.stop)
        path = [str(ids[int(structure.stage[place])]) for place in places]
        raise NotProductiveError(
            Finding(
                f"the cycle {_path_text(path)} feeds on at least what it makes "
                f"(spectral radius {radius:.6g}, not below 1)",
                "Lower the shares in it: it has to leave value added.",
                file="inputs",
                check="not-productive",
                stage=path[0],
            )
        ) from None
    return structure, share


def check_for_unproductive_cycle(graph: ProductionGraph) -> tuple[Finding, ...]:
    """Return a finding when a cycle of the untaxed graph feeds on at least what it makes."""
    try:
        structure_of(graph)
    except NotProductiveError as error:
        return error.findings
    return ()


def _by_input(table: Array, class_of_input: Array) -> Array:
    """Return a table by class spread over inputs; 0 where no border is crossed (class −1)."""
    return np.append(table, 0.0)[class_of_input]


def _by_user(structure: Structure, value: Array) -> Array:
    """Sum (inputs,) over the inputs of each stage, in their order."""
    return np.bincount(structure.user, weights=value, minlength=structure.stages)


def _path_text(names: Sequence[str]) -> str:
    shown = [visible(name) for name in names]
    if len(shown) > 6:
        shown = [*shown[:3], f"... {len(shown) - 5} more ...", *shown[-2:]]
    return " → ".join([*shown, visible(names[0])])


class _Compiler:
    """The steps from tables to classes, in order; each method is one of them."""

    def __init__(self, graph: ProductionGraph, law: Law, pass_through: float | None, settings: tuple[str, ...]) -> None:
        self.graph = graph
        self.law = law
        self.pass_through = pass_through
        self.settings = settings
        self.findings: list[Finding] = [*graph.findings, *law.rules.findings]
        self.counts: dict[str, int] = {}
        self.structure, self.share = structure_of(graph)
        self.names = tuple(graph.stages["stage"].gather(self.structure.stage))

    def problem(self) -> Problem:
        crossings = self.crossings()
        crossings, keys = self.classes(crossings)
        t, line_class, line_measure, line_rate = self.assessed(crossings, keys)
        relief = 1.0 - keys["drawback"].to_numpy()
        pass_through = keys["pass_through"].to_numpy()
        inputs = np.full(len(self.share), -1, np.int64)
        shipments = np.full(len(self.graph.shipments), -1, np.int64)
        class_ = crossings["class"].to_numpy().astype(np.int64)
        row = crossings["row"].to_numpy().astype(np.int64)
        of_input = (crossings["kind"] == "input").to_numpy()
        place = np.empty(len(self.share), np.int64)
        place[self.structure.input] = np.arange(len(self.share))
        inputs[place[row[of_input]]] = class_[of_input]
        shipments[row[~of_input]] = class_[~of_input]
        position = np.empty(self.structure.stages, np.int64)
        position[self.structure.stage] = np.arange(self.structure.stages)
        number = pl.DataFrame({"stage": self.graph.stages["stage"]}).with_row_index("number")
        stage = self.graph.shipments.select("stage").join(number, on="stage", how="left", maintain_order="left")[
            "number"
        ]
        without_value = self.graph.shipments["value"].null_count()
        self.counts |= {
            "shipments": len(shipments),
            "shipments_without_value": without_value,
            "crossings": len(crossings),
            "classes": len(keys),
        }
        for array in (self.share, inputs, t, relief, pass_through, line_class, line_measure, line_rate):
            array.setflags(write=False)
        rates = pass_through * (t * relief)
        rates.setflags(write=False)
        return Problem(
            graph=self.graph,
            law=self.law,
            structure=self.structure,
            stages=self.names,
            share=self.share,
            class_of_input=inputs,
            shipments=ShipmentArrays(position[stage.to_numpy().astype(np.int64)], shipments),
            rates=rates,
            statutory=t,
            relief=relief,
            pass_through=pass_through,
            line_class=line_class,
            line_measure=line_measure,
            line_rate=line_rate,
            crossings=crossings,
            meta=self.meta(),
            findings=tuple(self.findings),
        )

    def meta(self) -> dict[str, Any]:
        graph = self.graph
        return {
            **provenance(self.law.rules, self.law.as_of, self.law.known_on),
            "graph": {
                "title": graph.title,
                "hash": graph.hash,
                "currency": graph.currency,
                "stages": len(graph.stages),
                "inputs": len(graph.inputs),
                "shipments": len(graph.shipments),
            },
            "pass_through": self.pass_through,
            "settings": list(self.settings),
            "counts": self.counts,
        }

    # --- facts ----------------------------------------------------------------------------------------

    def crossings(self) -> pl.DataFrame:
        """Return one row a border crossing with the facts that the law may ask for."""
        graph = self.graph
        origin = determine_origin(graph, self.structure, self.share)
        stages = graph.stages.select("stage", "country", "product", "nationality").with_columns(customs_origin=origin)
        made = stages.rename({"stage": "supplier", "country": "exporter", "customs_origin": "origin"})
        used = stages.select(user="stage", importer="country", used_in="product")
        common = ["pass_through", "program", "utilization", "drawback", "declares"]
        declared = sorted(
            {one for frame in (graph.inputs, graph.shipments) for one in frame.columns if one.startswith("content.")}
        )

        def with_content(frame: pl.DataFrame) -> list[pl.Expr]:
            return [pl.col(one) if one in frame.columns else pl.lit(None, pl.Float64).alias(one) for one in declared]

        inputs = (
            graph.inputs.with_row_index("row")
            .select("row", "id", "supplier", "user", "share", *common, *with_content(graph.inputs))
            .join(made, on="supplier", how="left", maintain_order="left")
            .join(used, on="user", how="left", maintain_order="left")
            .with_columns(
                kind=pl.lit("input"),
                value=pl.lit(None, pl.Float64),
                quantity=pl.lit(None, pl.Float64),
                unit=pl.lit(None, pl.String),
            )
        )
        shipments = (
            graph.shipments.with_row_index("row")
            .select(
                "row",
                "id",
                "value",
                "quantity",
                "unit",
                *common,
                *with_content(graph.shipments),
                supplier="stage",
                importer="market",
            )
            .join(made, on="supplier", how="left", maintain_order="left")
            .with_columns(
                kind=pl.lit("shipment"),
                user=pl.lit(None, pl.String),
                used_in=pl.lit(None, pl.String),
                share=pl.lit(None, pl.Float64),
            )
        )
        crossings = pl.concat([inputs, shipments.select(inputs.columns)]).filter(
            pl.col("exporter") != pl.col("importer")
        )
        if self.pass_through is not None:
            crossings = crossings.with_columns(pass_through=pl.lit(self.pass_through, pl.Float64))
        return self._claims(self._contents(crossings, declared))

    def _claims(self, crossings: pl.DataFrame) -> pl.DataFrame:
        """Drop claims of programs that no loaded set knows, and declarations that nothing asks for; say so."""
        known = sorted(self.law.programs)
        claimed = crossings["program"]
        unknown = claimed.is_not_null() & ~claimed.is_in(pl.Series(known, dtype=pl.String).implode())
        self.counts["programs_not_known"] = int(unknown.sum())
        for (program,), rows in sorted(
            crossings.filter(unknown).group_by("program", maintain_order=True), key=lambda pair: str(pair[0])
        ):
            self._warn(
                f"no loaded rule set knows the program '{visible(str(program))}' claimed by {_crossings_text(rows)}",
                suggestion(str(program), known, "programs"),
                "unknown-program",
                rows,
            )
        for declares in crossings["declares"].drop_nulls().unique().sort():
            for declaration in declares.split(";"):
                if declaration not in self.law.declarations:
                    rows = crossings.filter(pl.col("declares") == declares)
                    self._warn(
                        f"nothing in the rules asks for '{visible(declaration)}', declared by {_crossings_text(rows)}",
                        suggestion(declaration, self.law.declarations, "declarations"),
                        "unknown-declaration",
                        rows,
                    )
        # What is not claimed has no part that claims it.
        program = pl.when(pl.Series(unknown)).then(None).otherwise(pl.col("program"))
        return crossings.with_columns(program=program).with_columns(
            utilization=pl.when(pl.col("program").is_not_null()).then(pl.col("utilization")).otherwise(1.0)
        )

    def _contents(self, crossings: pl.DataFrame, declared: Sequence[str]) -> pl.DataFrame:
        """Fill the content columns: declared where a crossing declares, else computed from the graph, else unknown.

        A content is computed only where a row in force asks for it.
        """
        asked: dict[str, list[str]] = {}
        for country in crossings["importer"].unique().sort():
            for fact in self.law.importer(country).asks:
                if fact.startswith("content."):
                    asked.setdefault(fact, []).append(country)
        for column in declared:
            kind = column.removeprefix("content.")
            if kind not in self.law.kinds:
                self._warn(
                    f"the column {visible(column)} declares a content that no rule set knows",
                    suggestion(kind, self.law.kinds, "kinds"),
                    "unknown-kind",
                )
        crossings = crossings.drop([column for column in declared if column not in asked])
        for column, importers in sorted(asked.items()):
            kind = column.removeprefix("content.")
            origin = determine_origin(self.graph, self.structure, self.share)
            matches = matching_stages(self.graph.stages, origin, self.law, kind)[self.structure.stage]
            content, known = content_of_kind(self.structure, self.share, matches)
            by_stage = pl.DataFrame(
                {
                    "supplier": pl.Series(self.names, dtype=pl.String),
                    "computed": pl.Series(_without_noise(content)),
                }
            ).with_columns(computed=pl.when(pl.Series(known)).then(pl.col("computed")))
            stated = pl.col(column) if column in crossings.columns else pl.lit(None, pl.Float64)
            crossings = (
                crossings.join(by_stage, on="supplier", how="left", maintain_order="left")
                .with_columns(
                    pl.when(pl.col("importer").is_in(importers)).then(pl.coalesce(stated, "computed")).alias(column)
                )
                .drop("computed")
            )
        return crossings

    def _warn(self, message: str, remedy: str, check: str, rows: pl.DataFrame | None = None) -> None:
        crossing = str(rows["id"][0]) if rows is not None and len(rows) == 1 else ""
        self.findings.append(Finding(message, remedy, severity="warning", check=check, crossing=crossing))

    # --- classes --------------------------------------------------------------------------------------

    def classes(self, crossings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Number the crossings by class: the same facts, as far as the importer's law asks, and the same φ and d."""
        asks = {country: self.law.importer(country).asks for country in crossings["importer"].unique().sort()}
        crossings = crossings.sort("kind", "row")
        for column, fact in (
            ("nationality", "nationality"),
            ("used_in", "used_in"),
            ("quantity", "quantity"),
            ("unit", "quantity"),
        ):
            importers = sorted(country for country, facts in asks.items() if fact in facts)
            crossings = crossings.with_columns(
                pl.when(pl.col("importer").is_in(pl.Series(importers, dtype=pl.String).implode()))
                .then(pl.col(column))
                .alias(f"asked_{column}")
            )
        crossings = crossings.with_columns(
            asked_value=pl.when(pl.col("asked_quantity").is_not_null()).then(pl.col("value"))
        )
        columns = [
            "importer", "exporter", "origin", "product", "program", "utilization", "declares", "pass_through",
            "drawback", "asked_nationality", "asked_used_in", "asked_value", "asked_quantity", "asked_unit",
            *(one for one in crossings.columns if one.startswith("content.")),
        ]  # fmt: skip
        keys = crossings.select(columns).unique(maintain_order=True).with_row_index("class")
        numbered = crossings.join(keys, on=columns, how="left", nulls_equal=True, maintain_order="left")
        return numbered.drop([one for one in numbered.columns if one.startswith("asked_")]), keys

    def assessed(self, crossings: pl.DataFrame, keys: pl.DataFrame) -> tuple[Array, Array, Array, Array]:
        """Ask the law once a class; return t by class, and the lines (class, measure, t_m)."""
        t = np.zeros(len(keys))
        lines: list[tuple[int, int, float]] = []
        problems: list[Finding] = []
        coarse: dict[tuple[str, str], int] = {}
        uncovered: set[str] = set()
        met: set[int] = set()
        reasons: dict[int, Counter[str]] = {}
        for class_, key in enumerate(keys.iter_rows(named=True)):
            importer = self.law.importer(key["importer"])
            if not importer.measures:
                uncovered.add(key["importer"])
                continue
            facts = _facts_of(key)
            weights: dict[int, float] = {}
            for weight, each in claiming_and_not(facts, key["utilization"]):
                try:
                    assessed = assess_facts(self.law, importer, each)
                except CodeProblem as problem:
                    rows = crossings.filter(pl.col("class") == class_)
                    problems.append(
                        Finding(
                            f"{_crossings_text(rows)}: {problem.message}",
                            problem.remedy,
                            check="facts",
                            crossing=str(rows["id"][0]),
                        )
                    )
                    break
                for line in assessed:
                    if line.coarse:
                        coarse[(facts.product, f"{line.reason} ({self.law.measures[line.number].measure.id})")] = class_
                    if line.status == "not-applicable":
                        reasons.setdefault(line.number, Counter())[line.reason.partition(" (it is ")[0]] += 1
                    else:
                        met.add(line.number)
                        weights[line.number] = weights.get(line.number, 0.0) + weight * line.duty
            lines.extend((class_, number, part) for number, part in sorted(weights.items()) if part)
            t[class_] = math.fsum(weights.values())
        if problems:
            raise GraphError(problems)
        for (_, reason), class_ in sorted(coarse.items()):
            rows = crossings.filter(pl.col("class") == class_)
            self._warn(
                f"{_crossings_text(rows)}: {reason}",
                "Give the product with more digits.",
                "coarse-product",
                rows,
            )
        self._uncovered(crossings, uncovered)
        self._unmatched(met, reasons)
        columns = list(zip(*lines, strict=True)) if lines else [(), (), ()]
        return (
            t,
            np.array(columns[0], np.int64),
            np.array(columns[1], np.int64),
            np.array(columns[2], np.float64),
        )

    def _uncovered(self, crossings: pl.DataFrame, uncovered: set[str]) -> None:
        rows = crossings.filter(pl.col("importer").is_in(pl.Series(sorted(uncovered), dtype=pl.String).implode()))
        self.counts["crossings_not_covered"] = len(rows)
        if len(rows):
            self._warn(
                f"no loaded rule set covers imports into {', '.join(sorted(uncovered))}: "
                f"{_crossings_text(rows)} pay nothing",
                "Load the rule sets of these importers to charge their duties.",
                "importer-not-covered",
                rows,
            )

    def _unmatched(self, met: set[int], reasons: Mapping[int, Counter[str]]) -> None:
        """Warn of measures in force that meet no crossing of the graph, and say why."""
        for one in self.law.measures:
            if one.dormant or one.number in met:
                continue
            products = one.measure.conditions.products
            if one.number not in reasons:
                importers = " or ".join(one.measure.conditions.importer or one.rule_set.importer)
                why = f"nothing in it is imported by {importers}"
            elif products is not None and not len(self.law.scope(products, one.rule_set)):
                why = f"the list {' and '.join(products.lists)} is empty"
            else:
                told = sorted(reasons[one.number].items(), key=lambda pair: (-pair[1], pair[0]))
                why = "; or ".join(reason for reason, _ in told[:3])
            self._warn(f"the measure {one.measure.id} matches nothing in this graph: {why}", "", "matches-nothing")


def _without_noise(content: Array) -> Array:
    """Return the contents rounded to ``SIGNIFICANT_DIGITS`` significant digits."""
    size = np.floor(np.log10(np.maximum(np.abs(content), 1e-300)))
    scale = 10.0 ** np.clip(SIGNIFICANT_DIGITS - 1 - size, 0, 22)
    return np.asarray(np.round(content * scale) / scale)


def _facts_of(key: Mapping[str, Any]) -> Facts:
    return Facts(
        product=key["product"],
        origin=key["origin"],
        exporter=key["exporter"],
        importer=key["importer"],
        nationality=key["asked_nationality"],
        used_in=key["asked_used_in"],
        program=key["program"],
        declares=frozenset((key["declares"] or "").split(";")) - {""},
        content={
            name.removeprefix("content."): share
            for name, share in key.items()
            if name.startswith("content.") and share is not None
        },
        value=key["asked_value"],
        quantity=key["asked_quantity"],
        unit=key["asked_unit"],
    )


def _crossings_text(rows: pl.DataFrame) -> str:
    ids = [f"'{visible(one)}'" for one in rows["id"].head(3)]
    more = len(rows) - len(ids)
    return ", ".join(ids) + (f" and {more} more" if more else "")
