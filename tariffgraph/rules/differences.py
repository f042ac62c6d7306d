"""What two rule sets say differently: measures, rows, relations, lists and all else, added, removed or changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from .wording import conditions_words, credit_words, kind_words, program_words, relation_words, value_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .measure import Conditions, Row
    from .rule_set import Credit, ListLine, RuleSet
    from .rules import Rules

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that one of two rule sets says and the other does not say, or says differently.

    ``what``: rule set, measure, rate, base, relation, credit, list, group, kind, program or schedule; ``name``: of
    which one; ``before`` and ``after`` in words, None where it is not there.
    """

    rule_set: str
    what: str
    name: str
    change: Literal["added", "removed", "changed", "reordered"]
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class _Said:
    """One thing that a rule set says: what it is known by (``head``), and what it then says (``body``)."""

    what: str
    name: str
    head: str
    body: str

    @property
    def known_by(self) -> tuple[str, str, str]:
        """What tells it from all else that a rule set says."""
        return self.what, self.name, self.head

    def __str__(self) -> str:
        return ": ".join(part for part in (self.head, self.body) if part)


def differences(before: Rules, after: Rules) -> tuple[Difference, ...]:
    """Return what changes from one to the other; empty when they state the same law.

    Rule sets are set against each other by id, a single one against a single one. What is known by the same words (a
    row by its conditions and dates, a relation by its measures) and says something else is changed; the order of rows
    in a measure counts, as the last that holds applies.
    """
    first = {one.id: one for one in before.rule_sets}
    second = {one.id: one for one in after.rule_sets}
    pairs = [(first.get(name), second.get(name)) for name in dict.fromkeys((*first, *second))]
    if len(first) == len(second) == 1:
        pairs = list(zip(first.values(), second.values(), strict=True))
    return tuple(chain.from_iterable(_compared(old, new) for old, new in pairs))


def _compared(old: RuleSet | None, new: RuleSet | None) -> Iterator[Difference]:
    name = old.id if old is not None else new.id if new is not None else ""
    said = [list(_said(one)) if one is not None else [] for one in (old, new)]
    gone, come = (list((Counter(one) - Counter(other)).elements()) for one, other in (said, said[::-1]))
    twins: dict[tuple[str, str, str], list[_Said]] = {}
    for one in come:
        twins.setdefault(one.known_by, []).append(one)
    found = []
    for one in gone:
        if twins.get(one.known_by):
            twin = twins[one.known_by].pop(0)
            found.append(Difference(name, one.what, one.name, "changed", str(one), str(twin)))
        else:
            found.append(Difference(name, one.what, one.name, "removed", str(one), None))
    found += [Difference(name, one.what, one.name, "added", None, str(one)) for left in twins.values() for one in left]
    order = {what: at for at, what in enumerate(_ORDER)}
    yield from sorted(found, key=lambda one: (order[one.what], one.name))
    if old is not None and new is not None:
        yield from _reordered(old, new)


def _reordered(old: RuleSet, new: RuleSet) -> Iterator[Difference]:
    """Yield the measures that keep rows and have them in another order."""
    twins = {one.id: one for one in new.measures}
    for one in old.measures:
        twin = twins.get(one.id)
        for what in ("rate", "base"):
            rows = [str(row) for row in _rows(one.id, what, getattr(one, what))]
            others = [str(row) for row in _rows(one.id, what, getattr(twin, what))] if twin is not None else []
            kept, still = [row for row in rows if row in others], [row for row in others if row in rows]
            if kept != still:
                yield Difference(old.id, what, one.id, "reordered", " | ".join(kept), " | ".join(still))


_ORDER = (
    "rule set", "measure", "rate", "base", "relation", "credit", "program", "kind", "group", "region", "list",
    "schedule",
)  # fmt: skip


def _said(rule_set: RuleSet) -> Iterator[_Said]:
    for field in ("id", "title", "importer", "column_1", "complete_from", "complete_until"):
        value = getattr(rule_set, field)
        if value:
            yield _Said("rule set", field, "", ", ".join(value) if isinstance(value, tuple) else str(value))
    for one in rule_set.measures:
        words = _dated(conditions_words(one.conditions), one.conditions)
        body = "; ".join(filter(None, (one.name, f"{one.action} of {one.authority}", words)))
        yield _Said("measure", one.id, "", _noted(body, one.source, one.note))
        for what in ("rate", "base"):
            yield from _rows(one.id, what, getattr(one, what))
    for relation in rule_set.relations:
        words = "; ".join(filter(None, (relation_words(relation), conditions_words(relation.conditions))))
        head = _dated(words, relation.conditions)
        yield _Said("relation", ", ".join(relation.by), head, _noted("", relation.source, relation.note))
    for credit in rule_set.credits:
        body = _noted(credit_words(credit), credit.source, credit.note)
        yield _Said("credit", credit.id, _dated("", credit), body)
    for name, program in rule_set.programs.items():
        yield from (_Said("program", name, head, body) for head, body in program_words(program))
        if program.source:
            yield _Said("program", name, "source", program.source)
    for name, kind in rule_set.content.items():
        yield _Said("kind", name, "", kind_words(kind))
    for name, members in rule_set.groups.items():
        yield _Said("group", name, "", ", ".join(sorted(members)))
    for name, title in rule_set.regions.items():
        yield _Said("region", name, "", title)
    for name, lines in rule_set.lists.items():
        yield from (_Said("list", name, line.product, _dated("", line)) for line in lines)
    for name, schedule in rule_set.schedules.items():
        for line in schedule.lines:
            special = [f"{symbol} {rate}" for symbol, rate in sorted(line.special.items())]
            other = [f"column 2 {line.column_2}"] if line.column_2 else []
            yield _Said("schedule", name, line.product, "; ".join([f"general {line.general}", *special, *other]))


def _rows(measure: str, what: str, rows: Iterable[Row[Any]]) -> Iterator[_Said]:
    for row in rows:
        head = _dated(conditions_words(row.conditions), row.conditions)
        yield _Said(what, measure, head, _noted(value_words(row.value), row.source, row.note))


def _dated(words: str, one: Conditions | Credit | ListLine) -> str:
    published = one.published if one.published != one.from_ else None
    days = (("from", one.from_), ("until", one.until), ("published", published))
    return "; ".join(filter(None, [words, *(f"{name} {day}" for name, day in days if day is not None)]))


def _noted(words: str, source: str, note: str) -> str:
    cited = f"({source})" if source else ""
    remark = f"[{note}]" if note else ""
    return " ".join(filter(None, (words, cited, remark)))
