"""Credits: what a stage earns against the duties on its inputs (docs/rules.md, Credits).

At a stage j the duties of the measures named, on crossings into j, are scaled by 1 − γ:

    γ = min(1, share · m_j / D_j),   D_j = Σ_e a_e t_e (1 − d_e) of those measures, on untaxed values

with m_j the stage's credit base. Each credit stands as a negative line beside the line that it pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .content import on_products

if TYPE_CHECKING:
    from .crossings import Crossings
    from .law import CreditInForce, Law

Array = np.ndarray[Any, Any]
Lines = tuple[Array, Array, Array]

__all__ = ["Charge", "Lines", "charges_of", "earning_stages", "with_credits"]


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


def with_credits(law: Law, stages: pl.DataFrame, borders: Crossings, relief: Array, lines: Lines) -> Lines:
    """Return the lines with those of the credits: a class, who charges or pays, and the part of t.

    ``relief``: (classes,), 1 − drawback.
    """
    if borders.credited.is_empty():
        return lines
    own = borders.credited["class"].to_numpy()
    concerned = np.isin(lines[0], own)
    of_class: dict[int, list[tuple[int, float]]] = {}
    for one, measure, t in zip(*(part[concerned].tolist() for part in lines), strict=True):
        of_class.setdefault(one, []).append((measure, t))
    paid: list[tuple[int, str, int, int, float]] = []
    owed: dict[tuple[str, int], float] = {}
    for class_, user, share in borders.credited.iter_rows():
        for measure, t in of_class.get(class_, ()):
            credit = borders.earning[user].get(measure)
            if credit is not None:
                owed[user, credit] = owed.get((user, credit), 0.0) + share * t * float(relief[class_])
                paid.append((class_, user, credit, measure, t))
    base = dict(stages.select("stage", "credit_base").iter_rows())
    part = {
        (user, credit): min(1.0, law.credits[credit].credit.share * base[user] / duties)
        for (user, credit), duties in owed.items()
        if duties > 0
    }
    lines_of_credits = [
        (class_, law.credits[credit].numbers[measure], -part[user, credit] * t)
        for class_, user, credit, measure, t in paid
        if (user, credit) in part
    ]
    if not lines_of_credits:
        return lines
    class_, number, t = zip(*lines_of_credits, strict=True)
    return (
        np.concatenate([lines[0], np.array(class_, np.int64)]),
        np.concatenate([lines[1], np.array(number, np.int64)]),
        np.concatenate([lines[2], np.array(t, np.float64)]),
    )


def earning_stages(law: Law, stages: pl.DataFrame) -> dict[str, dict[int, int]]:
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
            matches &= on_products(stages["product"], law.scope(products, rule_set)) != negated
    for names, column in ((credit.importer, "country"), (credit.nationality, "nationality")):
        if names is not None and "all" not in names:
            members = pl.Series(sorted(law.members(names, rule_set)), dtype=pl.String)
            matches &= stages[column].is_in(members.implode()).to_numpy()
    return matches
