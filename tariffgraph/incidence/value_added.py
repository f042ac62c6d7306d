"""Whose value added is in the parts of goods that are charged (docs/method.md, Exposure).

    in the whole good j       c_j = v_j [owner_j] + Σ_e a_e c_supplier(e)
    in what is of a kind K    m_j = c_j if stage j matches, else Σ_e a_e m_supplier(e); by the residual: customs.content
    in amounts A of kinds     Σ_K A_K · m_K / |m_K|
    in the whole less them    c − Σ_K A_K · m_K / |m_K|, not below 0

|m_K| is the content of the kind that the graph shows. Where it shows none, and the crossing declares some, nothing is
known of whose it is: c takes the place of m_K / |m_K|, and what follows from it is told apart as a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..customs.content import (
    content_of_kind,
    declared_contents,
    matching_stages,
    residual_content,
    value_added_of_owners,
    within_kind,
    within_residual,
)
from ..memory import refuse_beyond_memory

if TYPE_CHECKING:
    from ..problem import Problem
    from .charged_parts import ChargedParts

Array = np.ndarray[Any, Any]

__all__ = ["OWNERS", "Owners", "ValueAdded", "owners_of", "value_added_in"]

#: Columns of stages that tell whose value added it is.
OWNERS = ("country", "nationality", "firm")
#: Numbers that the contents of all stages may take at once, some owners after the others.
NUMBERS_AT_ONCE = 1 << 25
#: What is left of an owner's value added where all of it is of a kind: noise of rounding contents to 14 digits.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Owners:
    """To whom value added belongs. ``names``: (owners,), sorted; ``of_stage``: (stages,), in the engine's order."""

    names: pl.Series
    of_stage: Array


@dataclass(frozen=True, eq=False)
class ValueAdded:
    """Value added by owner, as shares of the untaxed value of goods.

    ``charged``: (owners, goods), in the part of each good that is charged; ``guessed``: (owners, goods), what of it is
    spread as the whole good for want of knowing better; ``whole``: (owners, shipped), in all of the goods shipped.
    """

    charged: Array
    guessed: Array
    whole: Array


def owners_of(problem: Problem, column: str) -> Owners:
    """Return to whom the value added of every stage belongs; one column of the stages table says it."""
    named = problem.graph.stages.select(pl.col(column).cast(pl.String))
    names = named.unique().sort(column).with_row_index("owner")
    number = named.join(names, on=column, how="left", nulls_equal=True, maintain_order="left")["owner"]
    return Owners(names[column], number.to_numpy().astype(np.int64)[problem.structure.stage])


def value_added_in(
    problem: Problem, owners: Owners, parts: ChargedParts, place: Array, part: Array, shipped: Array
) -> ValueAdded:
    """Return whose value added is in parts of goods. ``place`` and ``part``: (goods,), the stage and the part.

    ``shipped``: stages of whose goods the whole is asked. Raises TooLargeError.
    """
    count, goods = len(owners.names), len(place)
    refuse_beyond_memory(
        8.0 * count * (3 * goods + len(shipped)),
        f"telling apart the value added of {count} owners in what borders charge",
        "Ask for fewer shipments, or for another column than firm.",
    )
    kinds = [_Kind(problem, kind) for kind in parts.kinds]
    amounts = parts.amounts[part]
    held = np.stack([kind.content[place] for kind in kinds], axis=1) if kinds else np.zeros((goods, 0))
    per_content = np.divide(amounts, held, out=np.zeros_like(amounts), where=held > 0.0)
    unshown = np.where(held > 0.0, 0.0, amounts).sum(axis=1)[:, None]
    whole, cut = parts.whole[part, None], (amounts > 0.0).any(axis=1, keepdims=True)
    found = ValueAdded(*(np.empty((count, size)) for size in (goods, goods, len(shipped))))
    at_once = max(1, NUMBERS_AT_ONCE // max(1, problem.structure.stages * (2 + len(kinds))))
    value_added = problem.graph.stages["value_added"].gather(problem.structure.stage).to_numpy()
    for first in range(0, count, at_once):
        some = np.arange(first, min(first + at_once, count))
        added = np.where(owners.of_stage[:, None] == some, value_added[:, None], 0.0)
        content = value_added_of_owners(problem.structure, problem.share, added)
        mine = content[place]
        of_kinds = unshown * mine
        for at, kind in enumerate(kinds):
            of_kinds += per_content[:, at, None] * kind.within(content)[place]
        rest = mine - of_kinds
        rest[cut & (rest < ROUNDING * mine)] = 0.0
        found.charged[some] = np.where(whole, rest, of_kinds).T
        found.guessed[some] = np.where(whole, (unshown > 0.0) * rest, unshown * mine).T
        found.whole[some] = content[shipped].T
    return found


class _Kind:
    """A kind of content in a graph: how much of it each good holds, and whose value added it is."""

    def __init__(self, problem: Problem, kind: str) -> None:
        self.structure, self.share = problem.structure, problem.share
        origin = problem.borders.origin
        self.matches = matching_stages(problem.graph.stages, origin, problem.law, kind)[self.structure.stage]
        self.residual = problem.law.kinds[kind][0].method == "residual"
        self.declared = declared_contents(problem.graph, self.structure, kind)
        if self.residual:
            self.content, _ = residual_content(self.structure, self.share, self.matches, self.declared)
        else:
            self.content, _ = content_of_kind(self.structure, self.share, self.matches)

    def within(self, value_added: Array) -> Array:
        """Return how much of the value added by owner, (stages, owners), is in what is of the kind."""
        if self.residual:
            return within_residual(self.structure, self.share, self.matches, self.declared, value_added)
        return within_kind(self.structure, self.share, self.matches, value_added)
