"""Credits: what a stage earns against the duties on its inputs (docs/rules.md, Credits).

At a stage j the duties of the measures named, on crossings into j, are scaled by 1 − γ:

    γ = min(1, share · m_j / D_j),   D_j = Σ_e a_e t_e (1 − d_e) of those measures, on untaxed values

with m_j the stage's credit base. Each credit stands as a negative line beside the line that it pays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key

if TYPE_CHECKING:
    from .law import CreditInForce, Law

Array = np.ndarray[Any, Any]
Lines = tuple[Array, Array, Array]

__all__ = ["Charge", "Lines", "apply_credits", "charges_of"]


@dataclass(frozen=True, slots=True)
class Charge:
    """Who stands in a line: a measure, or a credit against one, which has the action and authority of that measure."""

    number: int
    measure: str
    action: str
    authority: str


def charges_of(law: Law) -> tuple[Charge, ...]:
    """Return the measures of the law by number, and after them the credits, one for each measure they pay."""
    measures = [Charge(one.number, one.measure.id, one.measure.action, one.measure.authority) for one in law.measures]
    credited = [
        Charge(number, credit.credit.id, measures[paid].action, measures[paid].authority)
        for credit in law.credits
        for paid, number in credit.numbers.items()
    ]
    return (*measures, *sorted(credited, key=lambda one: one.number))


def apply_credits(
    law: Law, stages: pl.DataFrame, crossings: pl.DataFrame, relief: Array, lines: Lines
) -> tuple[Array, list[int], Lines]:
    """Return the class of every crossing, the class that each class was split from, and the lines with the credits.

    A line is a class, who charges or pays, and its part of t.
    ``crossings``: in their order, with their ``class``; ``relief``: (classes,), 1 − drawback. Crossings into a stage
    that earns a credit leave their class for one of their own, shared by those with the same credit.
    """
    class_ = crossings["class"].to_numpy().astype(np.int64)
    parents = list(range(len(relief)))
    earning = _earning(law, stages)
    if not earning:
        return class_, parents, lines
    into = crossings.with_row_index("at").filter(
        (pl.col("kind") == "input") & pl.col("user").is_in(pl.Series(sorted(earning), dtype=pl.String).implode())
    )
    concerned = np.isin(lines[0], into["class"].unique().to_numpy())
    of_class: dict[int, list[tuple[int, float]]] = {}
    for one, measure, t in zip(*(part[concerned].tolist() for part in lines), strict=True):
        of_class.setdefault(one, []).append((measure, t))
    paid: list[tuple[int, int, str, list[tuple[int, int, float]]]] = []
    owed: dict[tuple[str, int], list[float]] = {}
    for at, old, user, share in into.select("at", "class", "user", "share").iter_rows():
        credited = [
            (credit, measure, t)
            for measure, t in of_class.get(old, ())
            if (credit := earning[user].get(measure, -1)) >= 0
        ]
        for credit, _, t in credited:
            owed.setdefault((user, credit), []).append(share * t * float(relief[old]))
        if credited:
            paid.append((at, old, user, credited))
    base = dict(stages.select("stage", "credit_base").iter_rows())
    part = {
        (user, credit): min(1.0, law.credits[credit].credit.share * base[user] / math.fsum(duties))
        for (user, credit), duties in owed.items()
        if math.fsum(duties) > 0
    }
    new_lines: list[tuple[int, int, float]] = []
    numbered: dict[tuple[int, tuple[tuple[int, float], ...]], int] = {}
    for at, old, user, credited in paid:
        # The credits of a crossing and their γ tell its class from the others'.
        key = (old, tuple(sorted({(credit, part.get((user, credit), 0.0)) for credit, *_ in credited})))
        if key not in numbered:
            numbered[key] = new = len(parents)
            parents.append(old)
            new_lines += [(new, measure, t) for measure, t in of_class[old]]
            new_lines += [
                (new, law.credits[credit].numbers[measure], -part.get((user, credit), 0.0) * t)
                for credit, measure, t in credited
            ]
        class_[at] = numbered[key]
    if new_lines:
        added = zip(*new_lines, strict=True)
        lines = tuple(np.concatenate([one, np.array(more, one.dtype)]) for one, more in zip(lines, added, strict=True))  # type: ignore[assignment]
    return class_, parents, lines


def _earning(law: Law, stages: pl.DataFrame) -> dict[str, dict[int, int]]:
    """Return, by stage, the credit that pays each measure: the last that holds."""
    earning: dict[str, dict[int, int]] = {}
    for at, credit in enumerate(law.credits):
        for stage in stages.filter(pl.Series(_places(law, credit, stages), dtype=pl.Boolean))["stage"]:
            earning.setdefault(stage, {}).update(dict.fromkeys(credit.numbers, at))
    return earning


def _places(law: Law, in_force: CreditInForce, stages: pl.DataFrame) -> Array:
    credit, rule_set = in_force.credit, in_force.rule_set
    matches = np.ones(len(stages), np.bool_)
    for products, negated in ((credit.products, False), (credit.except_products, True)):
        if products is not None:
            scope = law.scope(products, rule_set)
            on_it = {one: scope.matches(product_key(one)) != negated for one in stages["product"].unique()}
            matches &= np.array([on_it[one] for one in stages["product"]], np.bool_)
    for names, column in ((credit.importer, "country"), (credit.nationality, "nationality")):
        if names is not None and "all" not in names:
            members = pl.Series(sorted(law.members(names, rule_set)), dtype=pl.String)
            matches &= stages[column].is_in(members.implode()).to_numpy()
    return matches
