"""Timeline: every date on which an answer changes, and why.

Results are constant between the dates that the rules name, so that asking on each of these dates finds every change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from ..customs.entry import Entry
from ..customs.law import day_of
from ..errors import Finding, TariffGraphError
from ..frozen import FrozenFrame, FrozenRecord
from ..incidence.attribution import ROUNDING
from ..problem import compile as compile_problem
from ..rules.rules import as_rules
from ..tables import TIMELINE_CHANGES, TIMELINE_STEPS
from .answers import OfEntry, OfGraph
from .reasons import PRICE

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Conditions
    from ..rules.origin_rule import OriginRule
    from ..rules.rule_set import Credit, ListLine
    from ..rules.rules import Rules
    from ..tables import Column
    from .answers import Answer, Answers
    from .reasons import Reason

__all__ = ["Timeline", "change_dates", "timeline"]

#: how many measures are named in a row for people
SHOWN = 3


@dataclass(frozen=True, eq=False)
class Timeline:
    """An answer through time: the rates from each date on which they change, and what changed them.

    ``steps``: date (null in the first row: from the beginning), until (exclusive; null: still so), rate, change and
    ``because`` in words; for an entry also the duty in money, for a graph the shipment, whose rate is the effective
    one. The rate is null where the goods are not admitted.
    ``changes``: one row for each date and measure whose part changes: date, measure, action, rate_before, rate_after,
    change, because, and the source and its publication where one row or relation made the change; parts of a
    shipment's effective rate, or rates on the value of an entry.
    """

    steps: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    changes: FrozenFrame = FrozenFrame()  # noqa: RUF009
    meta: FrozenRecord = FrozenRecord()  # noqa: RUF009
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        return f"Timeline({self.steps.height} steps)"


def timeline(
    rules: Any,
    subject: Entry | ProductionGraph | str | os.PathLike[str],
    *,
    from_: date | str | None = None,
    until: date | str | None = None,
    known_on: date | str | None = None,
    market: str | None = None,
    shipment: str | None = None,
    tell: Callable[[str], None] | None = None,
) -> Timeline:
    """Every date on which the duty of an entry, or the rates of a graph's shipments, change, and why.

    ``rules``: what ``read_rules`` gives or takes; for a graph None is its own. ``from_`` (inclusive) and ``until``
    (exclusive) bound the dates; ``known_on``: what was published later does not exist. ``market`` and ``shipment``
    (an id, or a stage) keep a graph's shipments to those. ``tell`` is called with what is being worked on. Raises
    TariffGraphError.
    """
    first, last, known = day_of(from_, "from_"), day_of(until, "until"), day_of(known_on, "known_on")
    if first is not None and last is not None and first >= last:
        raise TariffGraphError(
            Finding(f"until is {last}, and from_ {first}", "Give an until after from_.", field="until")
        )
    answers: Answers
    if isinstance(subject, Entry):
        answers = OfEntry(as_rules(rules), subject, known)
    else:
        # Compiled on any day, to have the graph read and its rules with it.
        problem = compile_problem(subject, rules, as_of=first or date.max, known_on=known)
        answers = OfGraph(problem.graph, problem.law.rules, known, market, shipment)
    book = answers.book
    dates = [day for day in change_dates(book, known) if (first or date.min) < day < (last or date.max)]
    start = first or (dates[0] - timedelta(days=1) if dates else last or date.today())
    record = _Record(answers, first, last)
    for number, day in enumerate((start, *dates)):
        if tell is not None:
            tell(f"working out {day} ({number + 1} of {len(dates) + 1} dates)")
        record.add(answers.on(day))
    return record.timeline()


def change_dates(rules: Rules, known_on: date | None = None) -> tuple[date, ...]:
    """Return the dates on which something in the rules begins or ends, as far as it was published by ``known_on``."""
    return tuple(
        sorted(
            {
                day
                for one in _dated(rules)
                for day in (one.from_, one.until)
                if day is not None and (known_on is None or one.published is None or one.published <= known_on)
            }
        )
    )


def _dated(rules: Rules) -> Iterator[Conditions | ListLine | OriginRule | Credit]:
    for each in rules.rule_sets:
        for measure in each.measures:
            yield measure.conditions
            yield from (row.conditions for row in measure.rate)
            yield from (row.conditions for row in measure.base)
        yield from (relation.conditions for relation in each.relations)
        yield from (line for lines in each.lists.values() for line in lines)
        yield from (rule for program in each.programs.values() for rule in program.origin)
        yield from each.credits


class _Record:
    """The steps and changes so far; each answer is set against the one before."""

    def __init__(self, answers: Answers, first: date | None, last: date | None) -> None:
        self.answers, self.first, self.last = answers, first, last
        self.steps: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.findings: dict[Finding, None] = {}
        self.meta: dict[str, Any] = {}
        self.before: Answer | None = None
        self.open: dict[str, dict[str, Any]] = {}
        self.actions = {one.id: one.action for each in answers.book.rule_sets for one in each.measures}

    def add(self, answer: Answer) -> None:
        # That a measure met nothing on some day is no surprise here.
        told = (one for one in answer.findings if one.check != "matches-nothing")
        self.findings |= dict.fromkeys(map(_of_any_day, told))
        self.meta = self.meta or dict(answer.meta)
        before, self.before = self.before, answer
        if before is None:
            for subject, rate in answer.rates.items():
                self._step(subject, self.first, rate, None, answer.refusal or _standing(answer.parts.get(subject, {})))
            return
        changed: dict[str, list[str]] = {}
        for subject, rate in answer.rates.items():
            old, new = before.parts.get(subject, {}), answer.parts.get(subject, {})
            measures = [one for one in sorted({*old, *new}) if _apart(old.get(one, 0.0), new.get(one, 0.0))]
            if measures or (before.rates[subject] is None) != (rate is None):
                changed[subject] = measures
        reasons = self.answers.reasons(before, answer, changed) if changed else {}
        for subject, measures in changed.items():
            self._change(subject, before, answer, [(one, reasons[subject, one]) for one in measures])

    def _change(self, subject: str, before: Answer, after: Answer, measures: list[tuple[str, Reason]]) -> None:
        was, rate = before.rates[subject], after.rates[subject]
        told: list[tuple[float, str]] = []
        for measure, reason in measures:
            old = before.parts[subject].get(measure, 0.0) if was is not None else None
            new = after.parts[subject].get(measure, 0.0) if rate is not None else None
            change = new - old if old is not None and new is not None else None
            self.changes.append(
                {
                    "shipment": subject,
                    "date": after.day,
                    "measure": measure,
                    "action": self.actions.get(measure),
                    "rate_before": old,
                    "rate_after": new,
                    "change": change,
                    "because": reason.text,
                    "source": reason.source,
                    "published": reason.published,
                }
            )
            if reason is not PRICE:
                told.append((-abs(change or 0.0), f"{measure} {_moved(old, new)} ({reason.text})"))
        words = [text for _, text in sorted(told)]
        if len(words) > SHOWN:
            words = [*words[:SHOWN], f"and {len(words) - SHOWN} more"]
        if after.refusal:
            words = [f"not admitted: {after.refusal}"]
        elif before.refusal:
            words = ["admitted again", *words]
        change = rate - was if rate is not None and was is not None else None
        self._step(subject, after.day, rate, change, "; ".join(words) or PRICE.text)

    def _step(self, subject: str, day: date | None, rate: float | None, change: float | None, because: str) -> None:
        if subject in self.open:
            self.open[subject]["until"] = day
        step = {
            "shipment": subject,
            "date": day,
            "until": self.last,
            "rate": rate,
            "change": change,
            "because": because,
        }
        if self.answers.entry is not None:
            step["duty"] = self.answers.entry.value * rate if rate is not None else None
        self.open[subject] = step
        self.steps.append(step)

    def timeline(self) -> Timeline:
        steps = pl.DataFrame(self.steps, schema=_schema(TIMELINE_STEPS))
        changes = pl.DataFrame(self.changes, schema=_schema(TIMELINE_CHANGES))
        if self.answers.entry is not None:
            steps, changes = steps.drop("shipment"), changes.drop("shipment")
        else:
            steps = steps.drop("duty").sort("shipment", "date", nulls_last=False)
            changes = changes.sort("shipment", "date", "measure")
        meta = {name: value for name, value in self.meta.items() if name not in ("as_of", "solver", "counts")}
        span = {"from": _iso(self.first), "until": _iso(self.last)}
        return Timeline(steps, changes, {**meta, **span}, tuple(self.findings))


def _schema(columns: Iterable[Column]) -> dict[str, pl.DataType | type[pl.DataType]]:
    held = {"number": pl.Float64, "date": pl.Date, "text": pl.String}
    return {column.name: held[column.type] for column in columns}


def _of_any_day(finding: Finding) -> Finding:
    """Return the finding without the day that was asked, so that it is told once for all the days."""
    if finding.check != "not-complete":
        return finding
    span = finding.message.partition(", and ")[0]
    return replace(
        finding,
        message=f"{span}: on other days duties may be missing",
        remedy="Ask for days within, or add what is missing as an overlay.",
    )


def _apart(old: float, new: float) -> bool:
    return abs(new - old) > ROUNDING * max(abs(old), abs(new))


def _standing(parts: Mapping[str, float]) -> str:
    """Return what charges at the beginning, the largest first."""
    charging = sorted(((one, rate) for one, rate in parts.items() if rate), key=lambda pair: (-abs(pair[1]), pair[0]))
    words = [f"{one} {_percent(rate)}" for one, rate in charging[:SHOWN]]
    more = [f"and {len(charging) - SHOWN} more"] if len(charging) > SHOWN else []
    return "; ".join([*words, *more]) or "no duty"


def _moved(old: float | None, new: float | None) -> str:
    """Return the two rates with as many digits as tell them apart."""
    for digits in (4, 6, 9, 12):
        first, second = _percent(old, digits), _percent(new, digits)
        if first != second:
            break
    return f"{first} -> {second}"


def _percent(rate: float | None, digits: int = 4) -> str:
    return "nothing" if rate is None else f"{100 * rate:.{digits}g}%"


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None
