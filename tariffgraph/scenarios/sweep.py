"""Sweep: one graph under many laws; a grid or a list of changes of rates, dates, overlays and pass-through.

Scenarios that differ in rates only share one compiled problem: their facts, classes and arrays are prepared once, the
law is walked once for all of them, and prices are solved in blocks. Other changes begin a new problem.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem
from ..customs.law import day_of
from ..customs.varied import owed_in_scenarios
from ..errors import Finding, TariffGraphError, TooLargeError, suggestion, visible
from ..graph.read import read_graph
from ..problem import compile_varied, rules_for
from ..rules.rate import AdValorem
from ..rules.rate_text import parse_rate_text
from ..rules.read import read_rules

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from ..graph.production_graph import ProductionGraph
    from ..problem import Problem
    from ..rules.rules import Rules

Array = np.ndarray[Any, Any]

__all__ = ["Plan", "plan", "sweep"]

#: Keys of a scenario that are no settings of the law.
SPECIAL = ("as_of", "known_on", "overlays", "pass_through")
#: Scenarios that are solved together.
BLOCK = 64
MOST_SCENARIOS = 1_000_000


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sweep is going to do: its scenarios, in blocks that are solved together.

    ``columns``: the keys that scenarios set, in the order of their first use; ``scenarios``: one mapping each;
    ``blocks``: the numbers of the scenarios of each block, all of one problem.
    """

    graph: ProductionGraph
    rules: Rules
    as_of: date | str | None
    known_on: date | str | None
    market: str | None
    columns: tuple[str, ...]
    scenarios: tuple[Mapping[str, Any], ...]
    blocks: tuple[tuple[int, ...], ...]

    def frames(self, skip: int = 0) -> Iterator[pl.DataFrame]:
        """Yield the rows of each block, but for the first ``skip`` blocks."""
        last: tuple[Any, Problem] | None = None
        for block in self.blocks[skip:]:
            key = _problem_key(self.scenarios[block[0]])
            if last is None or last[0] != key:
                last = (key, self._problem(self.scenarios[block[0]]))
            yield self._rows(last[1], block)

    def _varied(self) -> list[str]:
        return [one for one in self.columns if any(_rate(scenario, one) is not None for scenario in self.scenarios)]

    def _problem(self, scenario: Mapping[str, Any]) -> Problem:
        rules = self.rules
        for overlay in _overlays(scenario):
            rules = read_rules(rules, overlay)
        general = [f"{key}={value}" for key, value in scenario.items() if _is_general(scenario, key)]
        rules = rules.apply_settings(general)
        as_of, known_on = scenario.get("as_of", self.as_of), scenario.get("known_on", self.known_on)
        return compile_varied(self.graph, rules, self._varied(), as_of, known_on)

    def _rows(self, problem: Problem, block: Sequence[int]) -> pl.DataFrame:
        scenarios = [self.scenarios[at] for at in block]
        varied = {
            name: np.array([math.nan if (rate := _rate(one, name)) is None else rate for one in scenarios])
            for name in self._varied()
        }
        if varied:
            t = owed_in_scenarios(problem.graph, problem.law, problem.borders, varied)
        else:
            t = np.repeat(problem.classes.statutory[:, None], len(block), axis=1)
        phi = problem.classes.pass_through[:, None]
        phi = np.stack(
            [np.full(len(phi), one["pass_through"]) if "pass_through" in one else phi[:, 0] for one in scenarios],
            axis=1,
        )
        results = _results(problem, t, phi, self.market)
        count = len(results["shipments"])
        stated = {name: [one.get(name) for one in scenarios for _ in range(count)] for name in self.columns}
        return (
            pl.DataFrame({"scenario": pl.Series(np.repeat(np.array(block, np.int64), count))})
            .hstack([_column(name, values, self.scenarios) for name, values in stated.items()])
            .hstack(pl.concat([results["shipments"]] * len(block)))
            .hstack(results["rates"])
        )


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
    of mappings is a list of scenarios, a key that one leaves out staying as it is. Keys: a setting of the law
    (``"ieepa-reciprocal@JPN.rate"``, values as in ``--set``, numbers being fractions), ``"as_of"``, ``"known_on"``,
    ``"overlays"`` (a name or several, laid over the rules) and ``"pass_through"`` (of all inputs and shipments).
    ``rules``: what ``read_rules`` gives or takes, None for the graph's own. ``max_memory``: bytes that may be used.
    Columns: scenario (its number, from 0), the keys, then those of ``Incidence.shipments``; ``duty_rate`` is
    effective_rate + exporter_rate. Raises TariffGraphError.
    """
    todo = plan(graph, rules, changes, as_of=as_of, known_on=known_on, market=market, max_memory=max_memory)
    frames = []
    done = 0
    for block, frame in zip(todo.blocks, todo.frames(), strict=True):
        frames.append(frame)
        done += len(block)
        if tell is not None:
            tell(f"{done} of {len(todo.scenarios)} scenarios")
    return pl.concat(frames)


def plan(
    graph: ProductionGraph | str | os.PathLike[str],
    rules: Any,
    changes: Mapping[str, Iterable[object]] | Sequence[Mapping[str, object]],
    *,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    market: str | None = None,
    max_memory: float | None = None,
) -> Plan:
    """Return what a sweep is going to do, its keys and values checked; the arguments are those of ``sweep``."""
    if isinstance(graph, str) or hasattr(graph, "__fspath__"):
        graph = read_graph(graph)
    book: Rules = rules_for(graph, rules)
    if market is not None and market not in set(graph.shipments["market"]):
        known = graph.shipments["market"].unique().sort()
        message = f"nothing is shipped to the market '{visible(market)}'"
        raise TariffGraphError(Finding(message, suggestion(market, known, "markets"), field="market"))
    scenarios = _scenarios(changes)
    columns = tuple(dict.fromkeys(key for one in scenarios for key in one))
    order: dict[Any, list[int]] = {}
    for at, scenario in enumerate(scenarios):
        order.setdefault(_problem_key(scenario), []).append(at)
    size = _block_size(graph, max_memory)
    blocks = [tuple(numbers[at : at + size]) for numbers in order.values() for at in range(0, len(numbers), size)]
    blocks.sort()
    todo = Plan(graph, book, as_of, known_on, market, columns, tuple(scenarios), tuple(blocks))
    for numbers in order.values():  # what cannot be set is told before anything is solved
        _check_settings(book, scenarios[numbers[0]], columns)
    return todo


def _scenarios(changes: Any) -> list[dict[str, Any]]:
    if isinstance(changes, Mapping):
        values = {str(key): _values(str(key), value) for key, value in changes.items()}
        count = math.prod(len(each) for each in values.values())
        if count > MOST_SCENARIOS:
            message = f"the grid has {count:,} scenarios, more than {MOST_SCENARIOS:,}"
            raise TariffGraphError(Finding(message, "Split it.", field="changes"))
        listed: list[Any] = [dict(zip(values, each, strict=True)) for each in product(*values.values())]
    elif isinstance(changes, Sequence) and not isinstance(changes, str):
        listed = list(changes)
    else:
        raise TariffGraphError(
            Finding("the changes are neither a grid nor a list", "Give a mapping of lists, or a list of mappings.")
        )
    if not listed:
        raise TariffGraphError(Finding("there is no scenario", "Give at least one.", field="changes"))
    problems: list[Finding] = []
    found = []
    for at, scenario in enumerate(listed):
        if not isinstance(scenario, Mapping):
            problems.append(Finding("it is no mapping", "Write KEY: VALUE.", field=f"scenario {at}"))
            continue
        found.append({str(key): _value(str(key), value, at, problems) for key, value in scenario.items()})
    if problems:
        raise TariffGraphError(problems)
    return found


def _values(key: str, value: object) -> list[object]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    if not values:
        raise TariffGraphError(Finding("the list is empty", "Give at least one value.", field=visible(key)))
    return values


def _value(key: str, value: object, at: int, problems: list[Finding]) -> Any:
    """Return a value as it is used: days as text, parts of one as numbers, ad valorem rates as they were written."""
    where = f"scenario {at}, {visible(key)}"
    try:
        if key in ("as_of", "known_on"):
            if value is not None and not isinstance(value, (str, date)):
                raise CodeProblem(f"{visible(repr(value))} is not a date", "Write YYYY-MM-DD.")
            day = day_of(value, key)
            return None if day is None else day.isoformat()
        if key == "pass_through":
            number = _number(value)
            if number is None or not 0.0 <= number <= 1.0:
                raise CodeProblem(f"{visible(repr(value))} is not a pass-through", "Write a number from 0 to 1.")
            return number
        if key == "overlays":
            return ";".join(_names(value))
        if isinstance(value, float) and not math.isfinite(value):
            raise CodeProblem(f"{value!r} is not a rate", "Write a finite number.")
    except CodeProblem as problem:
        problems.append(Finding(problem.message, problem.remedy, field=where))
    except TariffGraphError as error:
        problems += [one.at(field=where) for one in error.findings]
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        rate = parse_rate_text(value)
        return rate.share if isinstance(rate, AdValorem) else None
    return float(value)


def _names(value: object) -> list[str]:
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, Iterable) else [value]
    return [str(one) for one in names]


def _overlays(scenario: Mapping[str, Any]) -> list[str]:
    return [one for one in str(scenario.get("overlays") or "").split(";") if one]


def _rate(scenario: Mapping[str, Any], key: str) -> float | None:
    """Return the ad valorem rate that a scenario sets, None where it sets none, or another kind."""
    if key in SPECIAL or not key.endswith(".rate") or scenario.get(key) is None:
        return None
    try:
        return _number(scenario[key])
    except CodeProblem:
        return None


def _is_general(scenario: Mapping[str, Any], key: str) -> bool:
    return key not in SPECIAL and scenario[key] is not None and _rate(scenario, key) is None


def _problem_key(scenario: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what scenarios have to share to be solved as one problem: all but ad valorem rates and pass-through."""
    fixed = [(key, scenario.get(key)) for key in ("as_of", "known_on", "overlays")]
    return (*fixed, *((key, str(value)) for key, value in scenario.items() if _is_general(scenario, key)))


def _check_settings(rules: Rules, scenario: Mapping[str, Any], columns: Sequence[str]) -> None:
    for overlay in _overlays(scenario):
        rules = read_rules(rules, overlay)
    problems: list[Finding] = []
    for key in columns:
        if key in SPECIAL:
            continue
        value = scenario.get(key)
        try:
            if value is None or not _is_general(scenario, key):
                rules.with_varied_rate(key)
            else:
                rules.apply_settings([f"{key}={value}"])
        except TariffGraphError as error:
            problems += error.findings
    if problems:
        raise TariffGraphError(problems)


def _block_size(graph: ProductionGraph, max_memory: float | None) -> int:
    """Return how many scenarios are solved together: as many as the memory allows, at most ``BLOCK``."""
    # Prices, weights and rates of a scenario by stage and input, and its rows.
    each = 8.0 * (4 * len(graph.stages) + 2 * len(graph.inputs)) + 400.0 * len(graph.shipments)
    if max_memory is None:
        return BLOCK
    size = int(max_memory // each)
    if size < 1:
        raise TooLargeError(
            Finding(
                f"a scenario needs about {each / 1e6:,.1f} MB, and {max_memory / 1e6:,.1f} MB are allowed",
                "Allow more memory, or cut the graph to fewer shipments.",
                check="memory",
            )
        )
    return min(BLOCK, size)


def _column(name: str, values: list[Any], scenarios: Sequence[Mapping[str, Any]]) -> pl.Series:
    stated = [one[name] for one in scenarios if one.get(name) is not None]
    if stated and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in stated):
        return pl.Series(name, values, dtype=pl.Float64)
    return pl.Series(name, [None if one is None else str(one) for one in values], dtype=pl.String)


def _results(problem: Problem, t: Array, phi: Array, market: str | None) -> dict[str, pl.DataFrame]:
    """Return the shipments that are shown, and their rates in every scenario, scenario by scenario."""
    shipments = problem.graph.shipments.with_row_index("row").sort("id")
    if market is not None:
        shipments = shipments.filter(pl.col("market") == market)
    rows = shipments["row"].to_numpy()
    tau = t * problem.classes.relief[:, None]
    rates = phi * tau
    excess = problem.excess_prices(rates=rates)
    borne = problem.borne_by_sellers(excess, tau, phi)
    stage, class_ = problem.shipments.stage[rows], problem.shipments.class_[rows]
    none = np.zeros((1, t.shape[1]))
    embedded, price = excess[stage], 1.0 + excess[stage]
    statutory, net, border = (np.concatenate([one, none])[class_] for one in (t, tau, rates))
    passed = np.concatenate([phi, none + 1.0])[class_]
    compounding = embedded * border
    effective = border + embedded + compounding
    exporter = borne[stage] + price * net * (1.0 - passed) / (1.0 + net)
    value = shipments["value"].to_numpy().astype(np.float64)[:, None]
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
    money = [pl.col(name).fill_nan(None) for name in ("landed_value", "duty")]
    return {"shipments": shipments.select("id", "stage", "market", "value"), "rates": frame.with_columns(money)}
