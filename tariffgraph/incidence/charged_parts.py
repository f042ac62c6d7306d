"""Which parts of a customs value are charged: by each measure, and by several measures together.

A part is the whole less amounts of kinds, or amounts of kinds (:mod:`tariffgraph.customs.part`). A set of facts may be
several entries, a claim of preference or a quota in part: each measure then has several parts, with their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..customs.part import NOTHING, Part
from .charges import grouped
from .sums import added_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..customs.assess import Line
    from ..customs.classes import Assessed

Array = np.ndarray[Any, Any]

__all__ = ["ChargedParts", "charged_parts"]


@dataclass(frozen=True, eq=False)
class ChargedParts:
    """What of the value is charged, by set of facts (``key``).

    ``whole``: (parts,), whether a part is the whole less its amounts; ``amounts``: (parts, kinds), shares of the value.
    ``of_measures``: key, number (of the measure), part, and its weight in what the measure charges; weights add to 1.
    ``together``: key, law (a group of measures), the part that any of them charges, and its weight in the flow.
    """

    kinds: tuple[str, ...]
    whole: Array
    amounts: Array
    of_measures: pl.DataFrame
    together: pl.DataFrame


def charged_parts(assessed: Sequence[Assessed], law: Array) -> ChargedParts:
    """Return the parts that measures charge, and those that groups of them charge together.

    ``law``: (measures,), the group of each, by number.
    """
    alone, together = _Rows(), _Rows()
    for one in assessed:
        for members, lines in _alike(one):
            keys = one.classes[members]
            joined: dict[int, Part] = {}
            for line in lines:
                part = _of(line.part or NOTHING, members, len(one.classes))
                duty = np.broadcast_to(np.asarray(line.duty), len(one.classes))[members]
                alone.add(keys, line.number, one.weight * duty, part)
                group = int(law[line.number])
                joined[group] = joined.get(group, NOTHING).joined(part)
            for group, part in joined.items():
                together.add(keys, group, np.full(len(members), one.weight), part)
    kinds = tuple(sorted(alone.kinds | together.kinds))
    columns = ["whole", *(f"content.{kind}" for kind in kinds)]
    rows = pl.concat([alone.frame("number", kinds), together.frame("law", kinds)], how="diagonal")
    distinct, number = grouped(rows, columns)
    rows = rows.select("key", "number", "law", "weight", part=pl.Series(number, dtype=pl.Int64))
    return ChargedParts(
        kinds,
        distinct["whole"].to_numpy(),
        np.array([distinct[one].to_numpy() for one in columns[1:]], np.float64).reshape(len(kinds), len(distinct)).T,
        _with_weights(rows.filter(pl.col("number").is_not_null()).drop("law")),
        rows.filter(pl.col("law").is_not_null()).drop("number"),
    )


def _alike(one: Assessed) -> Iterator[tuple[Array, list[Line]]]:
    """Yield the members of a group on which the same measures charge something, and their lines."""
    lines = [line for line in one.lines if line.part is not None]
    if not lines:
        return
    charges = np.stack([np.broadcast_to(np.asarray(line.duty) != 0, len(one.classes)) for line in lines])
    patterns, which = np.unique(charges, axis=1, return_inverse=True)
    for at, pattern in enumerate(patterns.T):
        yield np.flatnonzero(which.ravel() == at), [line for line, holds in zip(lines, pattern, strict=True) if holds]


def _of(part: Part, members: Array, size: int) -> Part:
    """Return the part of some members of a group."""
    amounts = {kind: np.broadcast_to(np.asarray(amount), size)[members] for kind, amount in part.amounts.items()}
    return Part(part.whole, amounts)


def _with_weights(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows, whose weight is a duty, with the share of that duty in what the measure charges."""
    _, number = grouped(rows, ["key", "number"])
    duty = rows["weight"].to_numpy()
    total = added_up(number, duty, int(number.max(initial=-1)) + 1)
    return rows.with_columns(weight=pl.Series(duty / total[number], dtype=pl.Float64))


class _Rows:
    """Rows of parts as they are found: keys, a number, weights, and the part of each key."""

    def __init__(self) -> None:
        self.found: list[tuple[Array, int, Array, Part]] = []
        self.kinds: set[str] = set()

    def add(self, keys: Array, number: int, weight: Array, part: Part) -> None:
        self.found.append((keys, number, weight, part))
        self.kinds.update(part.amounts)

    def frame(self, name: str, kinds: Sequence[str]) -> pl.DataFrame:
        """Return key, the number under its ``name``, weight, whole and the amount of every kind."""
        sizes = [len(keys) for keys, *_ in self.found]

        def column(values: list[Array], kind: Any) -> pl.Series:
            return pl.Series(np.concatenate(values) if values else [], dtype=kind)

        def spread(values: list[Any], kind: Any) -> pl.Series:
            return column([np.full(size, value) for size, value in zip(sizes, values, strict=True)], kind)

        return pl.DataFrame(
            {
                "key": column([keys for keys, *_ in self.found], pl.Int64),
                name: spread([number for _, number, *_ in self.found], pl.Int64),
                "weight": column([weight for *_, weight, _ in self.found], pl.Float64),
                "whole": spread([part.whole for *_, part in self.found], pl.Boolean),
                **{
                    f"content.{kind}": spread([part.amounts.get(kind, 0.0) for *_, part in self.found], pl.Float64)
                    for kind in kinds
                },
            }
        )
