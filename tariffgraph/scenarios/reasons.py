"""Reasons: what in the rules makes a measure charge something else from a day on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..codes import ProductScope, product_key
from ..customs.assess import assess_facts, claiming_and_not
from ..rules.rate import TopUpTo
from ..rules.wording import citation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from ..customs.assess import Line
    from ..customs.facts import Facts
    from ..customs.law import Law
    from ..rules.measure import Measure, Row
    from ..rules.rule_set import Credit
    from ..rules.rules import Rules

__all__ = ["PRICE", "Asked", "Reason", "lines_of", "reason_by_date", "reason_for", "reason_of_credit"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the law answers about one measure, and the facts that it was asked."""

    measure: Measure
    line: Line
    facts: Facts


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a measure charges more or less than before: in words, and the source where one made the change."""

    text: str
    source: str | None = None
    published: date | None = None


#: nothing in the rules changed at the crossings: a duty on duty
PRICE = Reason("the price that it is charged on changed")


def reason_for(before: Asked, after: Asked, day: date, book: Rules) -> Reason:
    """Return why a measure charges something else from ``day`` on than on the day before."""
    measure, old, new = after.measure, before.line, after.line
    if new.status in ("excluded", "replaced") and old.status not in ("excluded", "replaced"):
        return _of_relation(new, old)
    if after.facts.program != before.facts.program:
        return _of_claim(after, before, day, book)
    if new.rate_row is not old.rate_row:
        return _of_row(after, new.rate_row, day, book, before)
    if new.base_row is not old.base_row:
        source, published = citation(measure, new.base_row or old.base_row)
        return Reason(f"{source or 'another base'}{'' if new.base_row else ' ended'}", source, published)
    if {id(one.relation) for one in new.acted} != {id(one.relation) for one in old.acted}:
        return _of_relation(new, old)
    if new.rate_row is not None and isinstance(new.rate_row.value, TopUpTo):
        return Reason("the column-1 duty changed")
    return Reason(new.reason or old.reason or "the facts of the crossing changed")


def _of_claim(after: Asked, before: Asked, day: date, book: Rules) -> Reason:
    """Name the rule of origin by which a claim qualifies from the day on, or no longer does."""
    name = after.facts.program or before.facts.program or ""
    origin = [one for each in book.rule_sets if name in each.programs for one in each.programs[name].origin]
    rule = next((one for one in origin if day in (one.from_, one.until)), None)
    source, published = (rule.source or None, rule.published or rule.from_) if rule is not None else (None, None)
    text = f"the claim of {name} {'qualifies' if after.facts.program else 'no longer qualifies'}"
    return Reason(f"{text}: {source}" if source else text, source, published)


def _of_row(asked: Asked, row: Row[Any] | None, day: date, book: Rules, before: Asked) -> Reason:
    """Name the row that applies now, and what let it apply where it does not begin on the day itself."""
    old = before.line.rate_row
    ended = old is not None and old.conditions.until == day
    until_then, _ = citation(asked.measure, old)
    listed = _listed(asked, row or old, day, book)
    source, published = citation(asked.measure, row or old)
    if row is None:
        return Reason(listed or (f"{source} ended" if ended and source else asked.line.reason), source, published)
    text = source or ("it begins" if day in (row.conditions.from_, asked.measure.conditions.from_) else "another rate")
    if ended:
        text += f", as {until_then or 'the rate until then'} ended"
    elif day not in (row.conditions.from_, asked.measure.conditions.from_):
        text += f"; {listed or before.line.reason}" if listed or before.line.reason else ""
    return Reason(text, source, published)


def _listed(asked: Asked, row: Row[Any] | None, day: date, book: Rules) -> str:
    """Return in words which list the product came on, or left, on the day; "" for none of the measure and its row."""
    key = product_key(asked.facts.product)
    scopes = [one for held in (asked.measure, row) if held is not None for one in
              (held.conditions.products, held.conditions.except_products) if one is not None]  # fmt: skip
    for name in dict.fromkeys(name for scope in scopes for name in scope.lists):
        for line in (line for each in book.rule_sets for line in each.lists.get(name, ())):
            if day in (line.from_, line.until) and ProductScope([line.product]).matches(key):
                return f"{'no longer ' if line.until == day else ''}listed in {name}"
    return ""


def _of_relation(new: Line, old: Line) -> Reason:
    known = {id(one.relation) for one in old.acted}
    begun = [one.relation for one in new.acted if id(one.relation) not in known]
    if not begun:
        return Reason(f"no longer {old.reason}" if old.reason else "another duty gave way")
    conditions = begun[0].conditions
    return Reason(new.reason or begun[0].source, begun[0].source or None, conditions.published or conditions.from_)


def reason_by_date(asked: Asked, day: date) -> Reason:
    """Return why a measure charges something else from ``day`` on as far as the dates of its rows tell."""
    rows: tuple[Row[Any], ...] = (*asked.measure.rate, *asked.measure.base)
    for row in rows:
        if day in (row.conditions.from_, row.conditions.until):
            source, published = citation(asked.measure, row)
            ended = " ended" if row.conditions.until == day else ""
            return Reason(f"{source or 'another row'}{ended}", source, published)
    return Reason("the facts of the crossing changed")


def reason_of_credit(rows: Iterable[Credit], day: date) -> Reason:
    """Return why a credit pays something else from ``day`` on; ``rows`` are those with its id."""
    for one in rows:
        if day in (one.from_, one.until):
            ended = " ended" if one.until == day else ""
            return Reason(f"{one.source or one.id}{ended}", one.source or None, one.published or one.from_)
    return Reason("the duties that it is set against changed")


def lines_of(law: Law, facts: Facts, utilization: float) -> dict[str, Asked]:
    """Return the line of every measure, by id; the greater part of a crossing stands for both."""
    _, facts = max(claiming_and_not(facts, utilization), key=lambda pair: pair[0])
    lines = assess_facts(law, law.importer(facts.importer), facts)
    asked = [Asked(law.measures[line.number].measure, line, facts) for line in lines]
    return {one.measure.id: one for one in asked}
