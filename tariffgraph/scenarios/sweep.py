"""Sweep: one graph under many laws; a grid or a list of changes of rates, dates, overlays and pass-through.

Scenarios that differ in ad valorem rates and pass-through only are one problem: its facts, classes and arrays are
prepared once, the law is walked once for a block of them, and their prices are solved together. Another date, overlay
or any other setting begins another problem.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem
from ..customs.classes import owe
from ..customs.law import day_of
from ..customs.varied import owed_in_scenarios
from ..errors import Finding, NotProductiveError, TariffGraphError, TooLargeError, UnknownNameError, suggestion, visible
from ..frozen import FrozenMapping
from ..graph.production_graph import ProductionGraph
from ..graph.read import read_graph
from ..memory import refuse_beyond_memory
from ..problem import compile_varied, rules_for
from ..provenance import provenance
from ..rules.read import read_rules
from .stated import Stated

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..problem import Problem
    from ..rules.rules import Rules
    from .stated import Scenario

Array = np.ndarray[Any, Any]

__all__ = ["Plan", "Solved", "counting", "plan", "sweep", "table"]

#: bytes for the scenarios that are worked out together, where nobody states a limit
WORKING_MEMORY = 1e9
#: scenarios that are worked out together at most: so often are progress told and interrupts heard
MOST_TOGETHER = 4096
#: a part of a long sweep is complete with so many rows, blocks, or visits of an input: what is lost when it is stopped
ROWS_OF_PART, BLOCKS_OF_PART, VISITS_OF_PART = 250_000, 64, 200_000_000

# Bytes, measured on graphs of 100 to 1,000,000 inputs: of the program itself, for each row of a table that it compiles,
# for each scenario that is stated and each row that comes out.
_PROGRAM, _STAGE, _INPUT, _SHIPMENT, _SCENARIO, _ROW = 2.5e8, 500.0, 950.0, 950.0, 700.0, 500.0


@dataclass(frozen=True, slots=True)
class Question:
    """What scenarios have in common that are one problem.

    ``settings``: what is set, in order, and to what; None for an ad valorem rate, which each scenario sets for itself.
    """

    as_of: str | None
    known_on: str | None
    overlays: tuple[str, ...] | None
    settings: tuple[tuple[str, str | None], ...]

    @property
    def varied(self) -> list[str]:
        """The rates that each scenario sets for itself."""
        return [key for key, value in self.settings if value is None]


@dataclass(frozen=True, slots=True)
class Block:
    """Scenarios that are worked out together, by number."""

    question: Question
    numbers: tuple[int, ...]


@dataclass(slots=True)
class _Bench:
    """The problem that is being worked on: the next one takes its place. And all that was surprising so far."""

    question: Question | None = None
    problem: Problem | None = None
    findings: dict[Finding, None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Solved:
    """Rows of scenarios, sorted by scenario and id; ``methods``: how their prices were solved, each way once."""

    rows: pl.DataFrame
    methods: tuple[str, ...]

    @classmethod
    def together(cls, each: Sequence[Solved]) -> Solved:
        """Return the rows of all."""
        rows = pl.concat([one.rows for one in each]).sort("scenario", maintain_order=True)
        return cls(rows, tuple(sorted({method for one in each for method in one.methods})))


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep is going to do, in parts: the blocks whose rows are kept together.

    ``rules``: by the overlays that scenarios lay over them. Parts depend on graph, rules, scenarios and ``max_memory``,
    never on the machine.
    """

    graph: ProductionGraph
    rules: Mapping[tuple[str, ...] | None, Rules]
    as_of: date
    known_on: date | None
    market: str | None
    max_memory: float | None
    stated: Stated
    of_graph: Mapping[str, Any] = FrozenMapping()
    parts: tuple[tuple[Block, ...], ...] = ()
    bench: _Bench = field(default_factory=_Bench, repr=False)

    def __len__(self) -> int:
        return len(self.stated.scenarios)

    @property
    def rows(self) -> int:
        """How many rows the whole table has."""
        return len(self) * self._shipments.height

    @property
    def meta(self) -> dict[str, Any]:
        """Where the results come from."""
        return {
            **provenance(self.rules[None], self.as_of, self.known_on),
            "overlays": {";".join(names): book.hash for names, book in self.rules.items() if names},
            "graph": dict(self.of_graph),
            "market": self.market,
            "scenarios": len(self),
        }

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was right but surprising so far; that a measure meets nothing on some day is no surprise here."""
        told = dict.fromkeys((*self.rules[None].findings, *self.bench.findings))
        return tuple(one for one in told if one.check != "matches-nothing")

    def meta_of(self, solved: Solved) -> dict[str, Any]:
        """Where these rows come from, and how their prices were solved."""
        return {**self.meta, "solver": {"methods": list(solved.methods)}}

    def solved(
        self, parts: Iterable[int] | None = None, tell: Callable[[int], object] | None = None
    ) -> Iterator[Solved]:
        """Yield each part (of those named by number).

        ``tell`` is called with the number of scenarios of each block that is done.
        """
        for number in range(len(self.parts)) if parts is None else parts:
            blocks = []
            for block in self.parts[number]:
                blocks.append(self._block(block))
                if tell is not None:
                    tell(len(block.numbers))
            yield Solved.together(blocks)

    @cached_property
    def _shipments(self) -> pl.DataFrame:
        """The shipments that are shown, with their rows in the graph's table."""
        shipments = self.graph.shipments.with_row_index("row").sort("id")
        return shipments if self.market is None else shipments.filter(pl.col("market") == self.market)

    @contextmanager
    def _of_scenario(self, at: int) -> Iterator[None]:
        """Say of what goes wrong in which scenario it does."""
        try:
            yield
        except TariffGraphError as error:
            raise type(error)(one if one.file else self.stated.placed(one, at) for one in error.findings) from None

    def _problem(self, question: Question, at: int) -> Problem:
        """Return the problem of a question, which scenario ``at`` asks."""
        bench = self.bench
        if bench.problem is None or bench.question != question:
            bench.question = bench.problem = None  # not two at a time
            settings = [key if value is None else f"{key}={value}" for key, value in question.settings]
            as_of, known_on = question.as_of or self.as_of, question.known_on or self.known_on
            with self._of_scenario(at):
                problem = compile_varied(self.graph, self.rules[question.overlays], settings, as_of, known_on)
            bench.question, bench.problem = question, problem
            bench.findings |= dict.fromkeys(problem.findings)
        return bench.problem

    def _block(self, block: Block) -> Solved:
        """Return the rows of a block, scenario by scenario."""
        problem = self._problem(block.question, block.numbers[0])
        scenarios = [self.stated.scenarios[at] for at in block.numbers]
        t = self._statutory(problem, block, scenarios)
        stated = np.array([one.get("pass_through", math.nan) for one in scenarios], np.float64)
        phi = np.where(np.isnan(stated), problem.classes.pass_through[:, None], stated)
        rates, method = self._rates(problem, t, phi, block)
        shipments = self._shipments.select("id", "stage", "market", "value")
        scenario = np.repeat(np.arange(len(scenarios)), shipments.height)
        row = np.tile(np.arange(shipments.height), len(scenarios))
        rows = pl.concat([self.stated.frame(block.numbers)[scenario], shipments[row], rates], how="horizontal")
        return Solved(rows, (method,))

    def _statutory(self, problem: Problem, block: Block, scenarios: Sequence[Scenario]) -> Array:
        """Return t of every class in every scenario, (classes, scenarios)."""
        varied = {
            name: np.array([one.get(name, math.nan) for one in scenarios], np.float64) for name in block.question.varied
        }
        if not varied:
            return np.repeat(problem.classes.statutory[:, None], len(scenarios), axis=1)
        try:
            return owed_in_scenarios(problem.graph, problem.law, problem.borders, varied)
        except (CodeProblem, TariffGraphError):
            for column, at in enumerate(block.numbers):  # in which of them?
                rate_of = {name: float(rates[column]) for name, rates in varied.items()}
                with self._of_scenario(at):
                    owe(problem.graph, problem.law, problem.borders, rate_of)
            raise

    def _rates(self, problem: Problem, t: Array, phi: Array, block: Block) -> tuple[pl.DataFrame, str]:
        """Return the rates of the shipments in every scenario (docs/method.md), and how their prices were solved."""
        tau = t * problem.classes.relief[:, None]
        rates = phi * tau
        excess = self._excess(problem, rates, block)
        borne = problem.borne_by_sellers(excess, tau, phi)
        rows = self._shipments["row"].to_numpy()
        stage, class_ = problem.shipments.stage[rows], problem.shipments.class_[rows]
        # Where no border is crossed at the end, the class is −1: the row below the last.
        none = np.zeros((1, len(block.numbers)))
        statutory, net, border, passed = (np.concatenate([one, none])[class_] for one in (t, tau, rates, phi))
        embedded = excess[stage]
        compounding = embedded * border
        effective = border + embedded + compounding
        exporter = borne[stage] + (1.0 + embedded) * net * (1.0 - passed) / (1.0 + net)
        value = self._shipments["value"].cast(pl.Float64).to_numpy()[:, None]
        columns = {
            "statutory_rate": statutory,
            "border_rate": border,
            "embedded_rate": embedded,
            "compounding_rate": compounding,
            "effective_rate": effective,
            "exporter_rate": exporter,
            "duty_rate": effective + exporter,
            "landed_value": value * (1.0 + effective),
            "duty": value * (effective + exporter),
        }
        frame = pl.DataFrame({name: np.ascontiguousarray(one.T).reshape(-1) for name, one in columns.items()})
        return frame.with_columns(pl.col("landed_value", "duty").fill_nan(None)), problem.way_to_solve(rates)

    def _excess(self, problem: Problem, rates: Array, block: Block) -> Array:
        try:
            return problem.excess_prices(rates=rates)
        except NotProductiveError:
            for column, at in enumerate(block.numbers):  # in which of them?
                with self._of_scenario(at):
                    problem.excess_prices(rates=np.ascontiguousarray(rates[:, column]))
            raise


def sweep(
    graph: ProductionGraph | str | os.PathLike[str],
    rules: Any,
    changes: Mapping[str, Iterable[object]] | Sequence[Mapping[str, object]],
    *,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    market: str | None = None,
    max_memory: float | None = None,
    tell: Callable[[str], None] | None = None,
) -> pl.DataFrame:
    """Rates of every shipment in every scenario: one row each, sorted by scenario and id.

    ``changes``: a mapping is a grid, all combinations of the values of its keys, the last varying fastest; a sequence
    of mappings is a list of scenarios. Keys: settings of the law (``"ieepa-reciprocal@JPN.rate"``, values as in
    ``--set``, numbers being fractions), ``"as_of"``, ``"known_on"``, ``"overlays"`` (a name or several, laid over the
    rules), ``"pass_through"`` (of all inputs and shipments), in a list also ``"name"``. What a scenario leaves out, or
    states as None, stays as it is. Settings are applied in the order in which their keys are first used.
    ``rules``: what ``read_rules`` gives or takes, None for the graph's own. ``max_memory``: bytes that may be used.
    ``tell`` is called with how far the work is.

    Columns: scenario (its number, from 0), the keys, then those of ``Incidence.shipments``; ``duty_rate`` is
    effective_rate + exporter_rate. Raises TariffGraphError.
    """
    todo = plan(graph, rules, changes, as_of=as_of, known_on=known_on, market=market, max_memory=max_memory)
    return table(todo, None if tell is None else counting(len(todo), tell)).rows


def table(todo: Plan, tell: Callable[[int], object] | None = None) -> Solved:
    """Return the rows of all scenarios. Raises TooLargeError where they are more than the memory allows.

    ``tell`` is called with the number of scenarios of each block that is done.
    """
    need = _ROW * todo.rows
    remedy = "Write it in parts (tariffgraph sweep --out FOLDER), or cut it to one market."
    if todo.max_memory is not None and need > todo.max_memory - _fixed(todo.graph, len(todo)):
        message = (
            f"the table of {todo.rows:,} rows needs about {need / 1e6:,.0f} MB, beside what the graph takes, and "
            f"{todo.max_memory / 1e6:,.0f} MB are allowed in all"
        )
        raise TooLargeError(Finding(message, remedy, check="memory"))
    refuse_beyond_memory(need, f"the table of {todo.rows:,} rows", remedy)
    return Solved.together(list(todo.solved(tell=tell)))


def counting(all_: int, tell: Callable[[str], None], done: int = 0, bar: int = 0) -> Callable[[int], None]:
    """Return what counts the scenarios that are done and tells how many of ``all_``; with a bar of so many signs."""

    def count(more: int) -> None:
        nonlocal done
        done += more
        full = bar * done // all_
        drawn = f"[{'#' * full}{'.' * (bar - full)}] " if bar else ""
        tell(f"{drawn}{done:,} of {all_:,} scenarios")

    return count


def plan(
    graph: ProductionGraph | str | os.PathLike[str],
    rules: Any,
    changes: Mapping[str, Iterable[object]] | Sequence[Mapping[str, object]] | Stated,
    *,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    market: str | None = None,
    max_memory: float | None = None,
    overlays: Mapping[str, os.PathLike[str]] | None = None,
) -> Plan:
    """Return what a sweep is going to do, its keys and values checked; the arguments are those of ``sweep``.

    ``overlays``: where overlays lie that are neither bundled nor called by their path.
    """
    stated = changes if isinstance(changes, Stated) else Stated.of(changes)
    if not isinstance(graph, ProductionGraph):
        graph = read_graph(graph)
    markets = graph.shipments["market"].unique().sort()
    if market is not None and market not in markets:
        message = f"nothing is shipped to the market '{visible(str(market))}'"
        raise UnknownNameError(Finding(message, suggestion(str(market), markets, "markets"), field="market"))
    numbers = _by_question(stated)
    todo = Plan(
        graph=graph,
        rules=_checked_rules(rules_for(graph, rules), stated, numbers, overlays or {}),
        as_of=day_of(as_of if as_of is not None else graph.default_as_of, "as_of") or date.today(),
        known_on=day_of(known_on, "known_on"),
        market=market,
        max_memory=max_memory,
        stated=stated,
    )
    first = next(iter(numbers))
    problem = todo._problem(first, numbers[first][0])
    size, rows = _sizes(todo, len(problem.rates))
    most = min(rows / max(1, todo._shipments.height), VISITS_OF_PART / max(1, len(todo.graph.inputs)))
    blocks = [
        Block(question, tuple(each[at : at + size]))
        for question, each in numbers.items()
        for at in range(0, len(each), size)
    ]
    return replace(todo, of_graph=problem.meta["graph"], parts=tuple(_in_parts(blocks, most)))


def _by_question(stated: Stated) -> dict[Question, list[int]]:
    """Return the scenarios of each problem by number, in the order of their first scenarios."""
    numbers: dict[Question, list[int]] = {}
    varied: dict[Question, set[str]] = {}
    for at, one in enumerate(stated.scenarios):
        fixed = tuple((key, str(one[key])) for key in stated.settings if isinstance(one.get(key), str))
        special: dict[str, Any] = {key: one.get(key) for key in ("as_of", "known_on", "overlays")}
        asked = Question(**special, settings=fixed)
        numbers.setdefault(asked, []).append(at)
        varied.setdefault(asked, set()).update(key for key, value in one.items() if isinstance(value, float))
    found: dict[Question, list[int]] = {}
    for asked, each in numbers.items():
        set_to = {**dict.fromkeys(varied[asked]), **dict(asked.settings)}
        settings = tuple((key, set_to[key]) for key in stated.settings if key in set_to)
        found[replace(asked, settings=settings)] = each
    return found


def _checked_rules(
    rules: Rules, stated: Stated, numbers: Mapping[Question, Sequence[int]], places: Mapping[str, os.PathLike[str]]
) -> dict[tuple[str, ...] | None, Rules]:
    """Return the rules with each choice of overlays; raise with all that cannot be laid over or set."""
    found: dict[tuple[str, ...] | None, Rules] = {None: rules}
    kinds: set[type[TariffGraphError]] = set()
    problems: dict[str, Finding] = {}
    tried: set[tuple[Any, ...]] = set()

    @contextmanager
    def noted(at: int, key: str) -> Iterator[None]:
        try:
            yield
        except TariffGraphError as error:
            kinds.add(type(error))
            told = (one.at(file="", line=None, column=None) if key != "overlays" else one for one in error.findings)
            placed = (stated.placed(one, at, key) for one in told)
            problems.update((str(one), one) for one in placed)  # once for all the measures of an action

    for question, each in numbers.items():
        names = question.overlays
        if names not in found:
            found[names] = rules
            with noted(each[0], "overlays"):
                found[names] = read_rules(rules, *(places.get(name, name) for name in names or ()))
        for key, value in question.settings:
            if (names, key, value) not in tried:
                tried.add((names, key, value))
                at = next(at for at in each if key in stated.scenarios[at])
                with noted(at, key):
                    if value is None:
                        found[names].with_varied_rate(key)
                    else:
                        found[names].apply_settings([f"{key}={value}"])
    if problems:
        raise (kinds.pop() if len(kinds) == 1 else TariffGraphError)(problems.values())
    return found


def _fixed(graph: ProductionGraph, scenarios: int) -> float:
    """Return the bytes that are used whatever is worked out together."""
    tables = _STAGE * len(graph.stages) + _INPUT * len(graph.inputs) + _SHIPMENT * len(graph.shipments)
    return _PROGRAM + tables + _SCENARIO * scenarios


def _sizes(todo: Plan, classes: int) -> tuple[int, int]:
    """Return how many scenarios are worked out together, and how many rows complete a part, as memory allows."""
    shipments = max(1, todo._shipments.height)
    # Prices and what sellers bear, with room to work, by stage; t, τ, φ and φτ by class; the rows.
    each = 8.0 * (4 * len(todo.graph.stages) + 8 * classes) + _ROW * shipments
    rows = min(todo.rows, ROWS_OF_PART)
    if todo.max_memory is None:
        return max(1, min(MOST_TOGETHER, int(WORKING_MEMORY // each))), rows
    # While blocks become a part, its rows stand twice; the least is a part of one scenario.
    room = todo.max_memory - _fixed(todo.graph, len(todo))
    least = each + 2 * _ROW * shipments
    if room < least:
        need = todo.max_memory - room + least
        message = f"{todo.max_memory / 1e6:,.0f} MB are allowed, and this graph needs about {need / 1e6:,.0f} MB"
        raise TooLargeError(Finding(message, "Allow more, or cut the graph.", field="max_memory", check="memory"))
    rows = max(shipments, min(rows, int((room - least) / 2 / (2 * _ROW))))
    together = int((room - 2 * _ROW * rows) // each)
    return max(1, min(MOST_TOGETHER, together, -(-rows // shipments))), rows


def _in_parts(blocks: Sequence[Block], most: float) -> Iterator[tuple[Block, ...]]:
    """Yield the blocks of each part: it is complete with so many scenarios, or with ``BLOCKS_OF_PART``."""
    part: list[Block] = []
    for block in blocks:
        part.append(block)
        if len(part) == BLOCKS_OF_PART or sum(len(one.numbers) for one in part) >= most:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)
