"""Paths: along which chains of inputs the duties in a price come, the largest first, and for certain (docs/method.md).

A path begins at a border that charges, e₁ = (i → j), and follows inputs e₂ … eₙ down to the final good f. It carries

    a(e₁) a(e₂) … a(eₙ) · p_i φτ(e₁)        of f's embedded rate; the last border alone is the path of length 0

The duty embodied in a unit of j is its excess price, x_j = Σ_e a_e [p_i φτ_e + x_i], term for term. So all that a chain
of weight w can still lead to upstream of j comes to w x_j, which bounds each of its paths. A search that always opens
the largest bound finds the paths in their order, and knows what it has not looked at. Source: structural path analysis,
Defourny & Thorbecke 1984; Treloar 1997.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, TariffGraphError
from ..frozen import FrozenFrame
from ..memory import refuse_beyond_memory

if TYPE_CHECKING:
    from ..problem import Problem, Solution

Array = np.ndarray[Any, Any]

__all__ = ["Paths", "find_paths"]

DEFAULT_TOP = 10
#: What rounding may take from a bound, relative to it.
ROUNDING = 1e-12
#: Branches that are kept sorted at a time; what is dropped is sorted again when it is needed.
BRANCHES_HELD = 20_000_000
#: What an open chain costs, without and with each of its inputs, and how often that is looked at.
BYTES_OF_A_CHAIN, BYTES_OF_AN_INPUT = 250, 40
CHECKED_EVERY = 1 << 16

_COLUMNS: dict[str, Any] = {
    "rank": pl.Int64,
    "path": pl.String,
    "stages": pl.List(pl.String),
    "inputs": pl.List(pl.String),
    "crossing": pl.String,
    "exporter": pl.String,
    "importer": pl.String,
    "length": pl.Int64,
    "depth": pl.Int64,
    "weight": pl.Float64,
    "price": pl.Float64,
    "border_rate": pl.Float64,
    "rate": pl.Float64,
    "cumulative": pl.Float64,
    "amount": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Paths:
    """The largest paths of a shipment's effective rate, in their order, and what is left.

    ``frame``: one row a path, ``rate`` its part of the effective rate. ``total``: the effective rate; ``remainder``:
    total less the paths found, what all other paths carry together; none of them carries more than ``next_at_most``.
    ``opened``: how many chains were looked at.
    """

    shipment: str
    total: float
    remainder: float
    next_at_most: float
    opened: int
    frame: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default

    def __repr__(self) -> str:
        count = self.frame.height
        return f"Paths({count} of '{self.shipment}': {self.total - self.remainder:.6g} of {self.total:.6g})"


def find_paths(
    problem: Problem,
    solution: Solution,
    row: int,
    *,
    top: int | None = None,
    cover: float | None = None,
    at_least: float | None = None,
) -> Paths:
    """Return the largest paths of the shipment in ``row`` of the graph's table.

    ``top``: so many paths; ``cover``: until they carry this part of the effective rate; ``at_least``: all that carry
    at least this rate. The first limit that is reached ends the search; without any it is ten paths. Of paths that
    carry the same the shorter goes first, then the order of the inputs table. Raises TariffGraphError for a limit that
    is none, TooLargeError where the open chains need more memory than there is.
    """
    _check_limits(top, cover, at_least)
    if top is None and cover is None and at_least is None:
        top = DEFAULT_TOP
    search = _Search(problem, solution, row)
    found = search.found(top, cover, at_least)
    remainder = search.total - math.fsum(path.rate for path in found) if search.open else 0.0
    return Paths(
        shipment=str(problem.graph.shipments["id"][row]),
        total=search.total,
        remainder=remainder,
        next_at_most=max(0.0, min(-search.open[0][0], remainder)) if search.open else 0.0,
        opened=search.opened,
        frame=_frame(problem, row, found),
    )


def _check_limits(top: int | None, cover: float | None, at_least: float | None) -> None:
    problems = []
    if top is not None and (isinstance(top, bool) or not isinstance(top, int) or top < 0):
        problems.append(Finding(f"{top!r} is no number of paths", "Write a whole number, 0 or more.", field="top"))
    for name, limit, most, remedy in (
        ("cover", cover, 1.0, "Write a share of the effective rate, from 0 to 1."),
        ("at_least", at_least, math.inf, "Write a rate, above 0."),
    ):
        if limit is None:
            continue
        number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
        if not number or not 0.0 <= limit <= most or (name == "at_least" and limit == 0.0):
            problems.append(Finding(f"{limit!r} is out of range", remedy, field=name))
    if problems:
        raise TariffGraphError(problems)


@dataclass(frozen=True, slots=True)
class _Path:
    """A path that was found. ``rows``: its inputs in the graph's table, the one into the final good first."""

    rows: tuple[int, ...]
    weight: float
    price: float
    border_rate: float
    rate: float


@dataclass(frozen=True, slots=True)
class _Branches:
    """What a unit of a stage's good can be followed to, largest first.

    ``bound``: the duty at the border of an input, or all that lies upstream of its supplier; ``input``: its number in
    the engine's order; ``upstream``: which of the two.
    """

    bound: Array
    input: Array
    upstream: Array


#: A chain that is open at its upstream end: minus the bound of its next branch, its length with that, its rows from the
#: final good on, the stage at its end (−1: the last border), the number of the branch, its weight.
_Chain = tuple[float, int, tuple[int, ...], int, int, float]


class _Search:
    """A best-first search upstream from one final good."""

    def __init__(self, problem: Problem, solution: Solution, row: int) -> None:
        self.structure = problem.structure
        self.share = problem.share
        self.rate_of_input = np.append(problem.rates, 0.0)
        self.class_of_input = problem.class_of_input
        self.excess = solution.excess
        self.error = solution.residual_bound
        stage = int(problem.shipments.stage[row])
        class_ = int(problem.shipments.class_[row])
        embedded = float(self.excess[stage])
        self.price = 1.0 + embedded
        self.border_rate = float(problem.rates[class_]) if class_ >= 0 else 0.0
        self.total = self.border_rate + embedded + embedded * self.border_rate
        self.open: list[_Chain] = []
        self.opened = 0
        self.branches: dict[int, _Branches] = {}
        self.held = 0
        if self.border_rate:
            heappush(self.open, (-self.price * self.border_rate, 0, (), -1, 0, 1.0))
        self._open(stage, (), 1.0)

    def found(self, top: int | None, cover: float | None, at_least: float | None) -> list[_Path]:
        """Return the paths in their order, until a limit is reached."""
        found: list[_Path] = []
        enough = math.inf if cover is None else cover * self.total * (1.0 - ROUNDING)
        carried = 0.0
        while self.open and (top is None or len(found) < top) and carried < enough:
            if at_least is not None and -self.open[0][0] < at_least:
                break
            path = self._next()
            if path is not None:
                found.append(path)
                carried += path.rate
        return found

    def _next(self) -> _Path | None:
        """Follow the branch with the largest bound; return the path that it ends, if it is a border that charges."""
        bound, length, rows, stage, number, weight = heappop(self.open)
        self.opened += 1
        if self.opened % CHECKED_EVERY == 0:
            self._check_memory(length)
        if stage < 0:
            return _Path(rows, weight, self.price, self.border_rate, -bound)
        branches = self._branches(stage)
        if number + 1 < len(branches.bound):
            heappush(
                self.open,
                (-weight * float(branches.bound[number + 1]), length, rows, stage, number + 1, weight),
            )
        at = int(branches.input[number])
        supplier = int(self.structure.supplier[at])
        rows = (*rows, int(self.structure.input[at]))
        weight *= float(self.share[at])
        if branches.upstream[number]:
            self._open(supplier, rows, weight)
            return None
        border_rate = float(self.rate_of_input[self.class_of_input[at]])
        return _Path(rows, weight, 1.0 + float(self.excess[supplier]), border_rate, -bound)

    def _open(self, stage: int, rows: tuple[int, ...], weight: float) -> None:
        branches = self._branches(stage)
        if len(branches.bound):
            heappush(self.open, (-weight * float(branches.bound[0]), len(rows) + 1, rows, stage, 0, weight))

    def _branches(self, stage: int) -> _Branches:
        if stage not in self.branches:
            if self.held > BRANCHES_HELD:
                self.branches.clear()
                self.held = 0
            self.branches[stage] = self._sorted_branches(stage)
            self.held += len(self.branches[stage].bound)
        return self.branches[stage]

    def _sorted_branches(self, stage: int) -> _Branches:
        inputs = np.arange(int(self.structure.first[stage]), int(self.structure.first[stage + 1]))
        share, excess = self.share[inputs], self.excess[self.structure.supplier[inputs]]
        duty = share * (1.0 + excess) * self.rate_of_input[self.class_of_input[inputs]]
        upstream = np.where(excess > 0.0, share * (excess * (1.0 + ROUNDING) + self.error), 0.0)
        bound = np.concatenate([duty, upstream])
        kept = np.flatnonzero(bound > 0.0)
        of_input = inputs[kept % len(inputs)] if len(inputs) else kept
        further = kept >= len(inputs)
        order = np.lexsort((self.structure.input[of_input], further, -bound[kept]))
        return _Branches(bound[kept][order], of_input[order], further[order])

    def _check_memory(self, length: int) -> None:
        refuse_beyond_memory(
            2.0 * len(self.open) * (BYTES_OF_A_CHAIN + BYTES_OF_AN_INPUT * length),
            "following more paths",
            "Ask for fewer (top), or for those that carry more (at_least, cover).",
        )


def _frame(problem: Problem, row: int, found: list[_Path]) -> pl.DataFrame:
    """Return the paths as a table."""
    graph = problem.graph
    shipment = graph.shipments.row(row, named=True)
    leaves = int(problem.shipments.class_[row] >= 0)
    rows = sorted({one for path in found for one in path.rows})
    inputs = dict(zip(rows, graph.inputs[rows].select("id", "supplier", "user").iter_rows(), strict=True))
    ends = pl.Series([one for _, *pair in inputs.values() for one in pair] + [shipment["stage"]], dtype=pl.String)
    country = dict(graph.stages.filter(pl.col("stage").is_in(ends.implode())).select("stage", "country").iter_rows())
    crosses = {one: country[supplier] != country[user] for one, (_, supplier, user) in inputs.items()}
    table: list[tuple[Any, ...]] = []
    carried: list[float] = []
    for rank, path in enumerate(found, start=1):
        upstream_first = [inputs[one] for one in reversed(path.rows)]
        stages = [*(supplier for _, supplier, _ in upstream_first), shipment["stage"]]
        carried.append(path.rate)
        table.append(
            (
                rank,
                " -> ".join(stages if path.rows else [*stages, shipment["market"]]),
                stages,
                [name for name, *_ in upstream_first],
                upstream_first[0][0] if path.rows else shipment["id"],
                country[stages[0]],
                country[stages[1]] if path.rows else shipment["market"],
                len(path.rows),
                leaves + sum(crosses[one] for one in path.rows[:-1]) if path.rows else 0,
                path.weight,
                path.price,
                path.border_rate,
                path.rate,
                math.fsum(carried),
                None if shipment["value"] is None else shipment["value"] * path.rate,
            )
        )
    return pl.DataFrame(table, schema=_COLUMNS, orient="row")
