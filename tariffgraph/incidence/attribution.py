"""Attribution: each cent of a rate to a measure, a crossing, a country and a depth, without residual (docs/method.md).

Duty counts where and as it is collected, at taxed prices; L = (I − A)^-1, on untaxed shares, takes it to good f:

    crossing e = (i → j), measure m:  L_jf a_e · p_i φ t_m (1 − d)                       of the embedded rate
                                      L_jf a_e · p_i t_m (1 − d)(1 − φ)/(1 + τ)          of the exporter's part
                                      L_jf a_e · p_i t_m (1 − d)(1 + φτ)/(1 + τ)         of the duty collected
    the last border:                  the same with L_jf a_e = 1 and p_f

L is worked out for one good after the other, or the sums over a group of lines for all goods at once, whichever are
fewer; by depth, level by level (:mod:`.depth`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..memory import refuse_beyond_memory
from ..tables import DEPTHS, sort_order
from .charges import charges
from .depth import BEYOND, carried, embodied
from .sums import added_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..problem import Problem, Solution
    from .charges import Charges

Array = np.ndarray[Any, Any]

__all__ = ["KEYS", "KEYS_OF_LAW", "ROUNDING", "attribute", "columns_of", "differs"]

KEYS = ("measure", "action", "authority", "crossing", "importer", "exporter", "origin", "product", "depth")
#: Those that name the law.
KEYS_OF_LAW = KEYS[:3]
#: What a row of the split costs: ids and keys as text, four numbers, and the copy that sorting makes.
BYTES_OF_A_ROW = 400
#: How many groups of lines are carried to all goods at once: with two columns each they fill the lanes of a kernel.
GROUPS_AT_ONCE = 16

# The same duties, added up over stages or over goods, differ in their last digits; so small a part is no change.
ROUNDING = 1e-13


def columns_of(keys: Sequence[str], known: Sequence[str] = KEYS, *, field: str = "by") -> tuple[str, ...]:
    """Return the columns that stand for ``keys``, an authority with its importer. Raises UnknownNameError."""
    for key in keys:
        if key not in known:
            message = f"'{visible(str(key))}' is nothing to attribute to"
            raise UnknownNameError(Finding(message, suggestion(str(key), known, "keys"), field=field))
    return tuple(dict.fromkeys(one for key in keys for one in ((key, "importer") if key == "authority" else (key,))))


def attribute(problem: Problem, solution: Solution, rows: Array, columns: Sequence[str]) -> pl.DataFrame:
    """Return the rates of the shipments ``rows`` by ``columns``, one row for each that some duty touches."""
    by_depth = "depth" in columns
    charged = charges(problem, solution, columns)
    stages, good = np.unique(problem.shipments.stage[rows], return_inverse=True)
    found = _embedded(problem, charged, stages, len(rows), columns, by_depth=by_depth)
    further = (problem.shipments.class_[rows] >= 0) & by_depth
    found = found.of_goods(len(stages), good, further).with_last_borders(charged, rows)
    shipments = problem.graph.shipments[rows[found.good]]
    return pl.DataFrame(
        {
            "shipment": shipments["id"],
            **charged.keys(columns, found.group, found.depth),
            "rate": found.rate,
            "exporter_rate": found.exporter_rate,
            "duty_rate": found.rate + found.exporter_rate,
            "amount": shipments["value"] * found.rate,
        }
    ).sort(sort_order(["shipment", *columns]))


def differs(before: pl.Expr, after: pl.Expr) -> pl.Expr:
    """Tell whether two parts of a rate differ by more than rounding; a null differs from any number."""
    apart = (after - before).abs() > ROUNDING * pl.max_horizontal(before.abs(), after.abs())
    return (before.is_null() != after.is_null()) | apart.fill_null(value=False)


@dataclass(frozen=True, eq=False)
class _Parts:
    """Parts of rates, one entry each: of which ``good``, at which ``depth``, of which ``group`` of lines."""

    good: Array
    depth: Array
    group: Array
    rate: Array
    exporter_rate: Array

    @classmethod
    def joined(cls, parts: Sequence[_Parts]) -> _Parts:
        """Return the parts one after the other."""
        columns = ("good", "depth", "group", "rate", "exporter_rate")
        return cls(*(np.concatenate([getattr(one, name) for one in parts]) for name in columns))

    def of_goods(self, stages: int, good: Array, further: Array) -> _Parts:
        """Return the parts of goods, out of those of their stages: ``good`` is the stage of each, numbered as here.

        ``further``: whether the market of the good is one border further on than its stage.
        """
        order = np.argsort(self.good, kind="stable")
        count = np.bincount(self.good, minlength=stages)
        start = np.cumsum(count) - count
        number = np.repeat(np.arange(len(good)), count[good])
        at = np.arange(len(number)) - np.repeat(np.cumsum(count[good]) - count[good], count[good])
        entry = order[np.repeat(start[good], count[good]) + at]
        depth = np.minimum(self.depth[entry] + further[number], BEYOND)
        return _Parts(number, depth, self.group[entry], self.rate[entry], self.exporter_rate[entry])

    def with_last_borders(self, charged: Charges, rows: Array) -> _Parts:
        """Return the parts with those of the goods' last borders, at depth 0; entries of one kind added up."""
        borders = charged.borders
        number = np.full(int(borders.shipment.max(initial=-1)) + 1, -1, np.int64)
        shown = rows < len(number)
        number[rows[shown]] = np.flatnonzero(shown)
        good = number[borders.shipment]
        kept = good >= 0
        last = _Parts(
            good[kept],
            np.zeros(int(kept.sum()), np.int64),
            borders.group[kept],
            borders.rate[kept],
            borders.exporter_rate[kept],
        )
        both = _Parts.joined([self, last])
        levels, groups = len(DEPTHS), max(1, charged.groups)
        place, entry = np.unique((both.good * levels + both.depth) * groups + both.group, return_inverse=True)
        rate, exporter_rate = (added_up(entry, one, len(place)) for one in (both.rate, both.exporter_rate))
        return _Parts(place // groups // levels, place // groups % levels, place % groups, rate, exporter_rate)


def _embedded(
    problem: Problem, charged: Charges, stages: Array, shipments: int, columns: Sequence[str], *, by_depth: bool
) -> _Parts:
    """Return what the goods of ``stages``, numbered in their order, carry of the duties on inputs."""
    parts = _group_by_group if charged.groups < len(stages) else _stage_by_stage
    none = np.zeros(0, np.int64)
    found, held = [_Parts(none, none, none, np.zeros(0), np.zeros(0))], 0
    for done, part in parts(problem, charged, stages, by_depth=by_depth):
        found.append(part)
        held += len(part.good)
        refuse_beyond_memory(
            held / done * shipments / max(1, len(stages)) * BYTES_OF_A_ROW,
            f"splitting {shipments} shipment{'s' if shipments != 1 else ''} by {' and '.join(columns)}",
            "Split by fewer keys, or ask for fewer shipments.",
        )
    return _Parts.joined(found)


def _stage_by_stage(
    problem: Problem, charged: Charges, stages: Array, *, by_depth: bool
) -> Iterator[tuple[float, _Parts]]:
    """Yield the part of the work done, and what the good of one stage carries: L_jf times what j pays."""
    paid = charged.inputs
    nothing = np.zeros(problem.structure.stages)
    for number, stage in enumerate(stages):
        one = nothing.copy()
        one[stage] = 1.0
        for depth, requirement in enumerate(embodied(problem, one, nothing, by_depth=by_depth)):
            weight = requirement[paid.user]
            used = np.flatnonzero(weight)
            group, weight = paid.group[used], weight[used]
            touched = np.flatnonzero(np.bincount(group))
            rate, exporter_rate = (
                added_up(group, weight * one[used], charged.groups)[touched] for one in (paid.rate, paid.exporter_rate)
            )
            same = np.ones(len(touched), np.int64)
            yield (number + 1) / len(stages), _Parts(number * same, depth * same, touched, rate, exporter_rate)


def _group_by_group(
    problem: Problem, charged: Charges, stages: Array, *, by_depth: bool
) -> Iterator[tuple[float, _Parts]]:
    """Yield the part of the work done, and what all goods carry of some groups of lines."""
    paid = charged.inputs
    size = problem.structure.stages
    for first in range(0, charged.groups, GROUPS_AT_ONCE):
        groups = min(GROUPS_AT_ONCE, charged.groups - first)
        mine = np.flatnonzero((paid.group >= first) & (paid.group < first + groups))
        place = paid.user[mine] * groups + paid.group[mine] - first
        columns = [np.ones(len(mine)), paid.rate[mine], paid.exporter_rate[mine]]
        own = [
            added_up(place, one, size * groups).reshape(size, groups) for one in columns[: 3 if columns[2].any() else 2]
        ]
        for depth, met in enumerate(carried(problem, np.concatenate(own, axis=1), by_depth=by_depth)):
            here = np.zeros((len(stages), 3 * groups))
            here[:, : met.shape[1]] = met[stages]
            count, rate, exporter_rate = np.split(here, 3, axis=1)
            good, group = np.nonzero(count)
            same = np.full(len(good), depth)
            yield (
                (first + groups) / charged.groups,
                _Parts(good, same, first + group, rate[good, group], exporter_rate[good, group]),
            )
