"""Answers: what holds on a day, for an entry or for the shipments of a graph, measure by measure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from ..customs.duty import assess, facts_of
from ..customs.facts import Facts
from ..customs.law import draw_up
from ..errors import EntryError, Finding, TariffGraphError, UnknownNameError, suggestion, visible
from ..incidence.attribution import attribute
from ..incidence.incidence import Incidence
from ..problem import compile as compile_problem
from ..provenance import provenance
from .reasons import PRICE, Asked, Reason, lines_of, reason_by_date, reason_for, reason_of_credit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from ..customs.entry import Entry
    from ..graph.production_graph import ProductionGraph
    from ..problem import Problem
    from ..rules.rules import Rules

__all__ = ["Answer", "Answers", "OfEntry", "OfGraph"]

#: how many crossings are looked at for what changed a measure's part of a rate
LOOKED_AT = 8


@dataclass(frozen=True, eq=False)
class Answer:
    """What holds on a day. By subject (a shipment, or "" for an entry): its rate, and the parts of it by measure.

    A rate of None with ``refusal`` is that of goods that are not admitted. ``of``: what the answer was read off.
    """

    day: date
    rates: Mapping[str, float | None]
    parts: Mapping[str, Mapping[str, float]]
    meta: Mapping[str, Any]
    findings: tuple[Finding, ...] = ()
    refusal: str = ""
    of: Any = None


class Answers(Protocol):
    """What can be asked day by day: an entry, or a graph."""

    @property
    def book(self) -> Rules:
        """The rules that are asked."""

    @property
    def entry(self) -> Entry | None:
        """The entry that they are asked about, None for a graph."""

    def on(self, day: date) -> Answer:
        """Return the answer of a day."""

    def reasons(self, before: Answer, after: Answer, changed: Mapping[str, list[str]]) -> dict[tuple[str, str], Reason]:
        """Return why the measures named, by subject, changed their part between two days."""


class OfEntry:
    """The answers about one entry; its only subject is ""."""

    def __init__(self, book: Rules, entry: Entry, known_on: date | None) -> None:
        self.book, self.entry, self.known_on = book, entry, known_on

    def on(self, day: date) -> Answer:
        """Return the answer of a day."""
        try:
            duty = assess(self.book, self.entry, as_of=day, known_on=self.known_on)
        except EntryError as error:
            if any(one.check != "quota" for one in error.findings):
                raise EntryError(
                    one if one.field else one.at(file=f"entries of {day}") for one in error.findings
                ) from None
            meta = provenance(self.book, day, self.known_on)
            return Answer(day, {"": None}, {}, meta, refusal="; ".join(one.message for one in error.findings))
        parts = {measure: rate for measure, rate in duty.by("measure").select("measure", "rate").iter_rows() if rate}
        return Answer(day, {"": duty.rate}, {"": parts}, duty.meta, duty.findings)

    def reasons(self, before: Answer, after: Answer, changed: Mapping[str, list[str]]) -> dict[tuple[str, str], Reason]:
        """Set the lines of the two days side by side."""
        old, new = self._lines(before.day), self._lines(after.day)
        return {("", one): reason_for(old[one], new[one], after.day, self.book) for one in changed[""]}

    def _lines(self, day: date) -> dict[str, Asked]:
        law = draw_up(self.book, day, self.known_on)
        facts, _ = facts_of(law, self.entry)
        return lines_of(law, facts, self.entry.utilization)


class OfGraph:
    """The answers about a graph; its subjects are the shipments, all of them or those that are asked for."""

    entry = None

    def __init__(
        self, graph: ProductionGraph, book: Rules, known_on: date | None, market: str | None, shipment: str | None
    ) -> None:
        named = graph.shipments.select("id", "stage")
        self.chosen = set(named["id"])
        if shipment is not None:
            self.chosen = set(named.filter((pl.col("id") == shipment) | (pl.col("stage") == shipment))["id"])
            if not self.chosen:
                known = (*named["id"], *named["stage"])
                raise UnknownNameError(
                    Finding(
                        f"no shipment '{visible(shipment)}'", suggestion(shipment, known, "shipments"), field="shipment"
                    )
                )
        self.graph, self.book, self.known_on, self.market = graph, book, known_on, market
        self.last: Answer | None = None

    def on(self, day: date) -> Answer:
        """Return the answer of a day."""
        try:
            problem = compile_problem(self.graph, self.book, as_of=day, known_on=self.known_on)
            last = self.last
            if last is not None and _charges_alike(last.of.problem, problem):
                # Most dates are of goods that the graph does not hold; nothing is solved again for them.
                result = replace(last.of, problem=problem)
                self.last = replace(last, day=day, findings=problem.findings, of=result)
                return self.last
            result = Incidence.of(problem, market=self.market)
        except UnknownNameError:
            raise
        except TariffGraphError as error:
            raise type(error)(one if one.file else one.at(file=f"entries of {day}") for one in error.findings) from None
        ids = self.graph.shipments["id"]
        rows = [int(row) for row in result.shown if ids[int(row)] in self.chosen]
        effective = result.shipments.select("id", "effective_rate").iter_rows()
        rates = {name: rate for name, rate in effective if name in self.chosen}
        parts: dict[str, dict[str, float]] = {name: {} for name in rates}
        for name, measure, rate in self._split(result, rows, "measure"):
            parts[name][measure] = rate
        self.last = Answer(day, rates, parts, result.meta, result.findings, of=result)
        return self.last

    def reasons(self, before: Answer, after: Answer, changed: Mapping[str, list[str]]) -> dict[tuple[str, str], Reason]:
        """Look, where the measure's part changed most, for a crossing at which the law itself changed."""
        ids = self.graph.shipments["id"]
        rows = [row for row, name in enumerate(ids) if name in changed]
        moved: dict[tuple[str, str], dict[str, float]] = {}
        for sign, answer in ((-1.0, before), (1.0, after)):
            for name, measure, crossing, rate in self._split(answer.of, rows, "measure", "crossing"):
                at = moved.setdefault((name, measure), {})
                at[crossing] = at.get(crossing, 0.0) + sign * rate
        lines: dict[tuple[date, str], dict[str, Asked]] = {}
        found: dict[tuple[str, str], Reason] = {}
        for name, measures in changed.items():
            for measure in measures:
                credited = [one for each in self.book.rule_sets for one in each.credits if one.id == measure]
                if credited:
                    found[name, measure] = reason_of_credit(credited, after.day)
                    continue
                at = moved.get((name, measure), {})
                reason = PRICE
                for crossing in sorted(at, key=lambda one: (-abs(at[one]), one))[:LOOKED_AT]:
                    if self._charged(before, crossing, measure) == self._charged(after, crossing, measure):
                        continue
                    old, new = (self._lines(answer, crossing, lines)[measure] for answer in (before, after))
                    # What the graph alone knows (what stands upstream, how full a quota is) is not among the facts.
                    told = old.line.duty != new.line.duty
                    reason = reason_for(old, new, after.day, self.book) if told else reason_by_date(new, after.day)
                    break
                found[name, measure] = reason
        return found

    @staticmethod
    def _split(result: Incidence, rows: Iterable[int], *keys: str) -> Iterator[tuple[Any, ...]]:
        split = attribute(result.problem, result.solution, np.array(list(rows), np.int64), keys)
        return split.select("shipment", *keys, "rate").iter_rows()

    @staticmethod
    def _charged(answer: Answer, crossing: str, measure: str) -> float:
        """Return what a measure charges at a crossing."""
        classes = answer.of.problem.classes
        class_ = classes.crossings.filter(pl.col("id") == crossing)["class"][0]
        class_of_line, number, rate = classes.lines
        here = class_of_line == class_
        pairs = zip(number[here], rate[here], strict=True)
        return math.fsum(float(t) for one, t in pairs if classes.charges[one].measure == measure)

    @staticmethod
    def _lines(answer: Answer, crossing: str, known: dict[tuple[date, str], dict[str, Asked]]) -> dict[str, Asked]:
        key = (answer.day, crossing)
        if key not in known:
            problem = answer.of.problem
            row = problem.classes.crossings.filter(pl.col("id") == crossing).row(0, named=True)
            known[key] = lines_of(problem.law, _facts_of(row), row["utilization"])
        return known[key]


def _charges_alike(one: Problem, other: Problem) -> bool:
    """Tell whether the same measures charge the same rates at the same crossings of a graph."""
    pairs = [
        (one.class_of_input, other.class_of_input),
        (one.shipments.class_, other.shipments.class_),
        (one.classes.tau, other.classes.tau),
        (one.classes.pass_through, other.classes.pass_through),
        *zip(one.classes.lines, other.classes.lines, strict=True),
    ]
    return one.classes.charges == other.classes.charges and all(np.array_equal(*pair) for pair in pairs)


def _facts_of(row: Mapping[str, Any]) -> Facts:
    return Facts(
        product=row["product"],
        origin=row["origin"],
        exporter=row["exporter"],
        importer=row["importer"],
        nationality=row["nationality"],
        used_in=row["used_in"],
        program=row["program"],
        declares=frozenset((row["declares"] or "").split(";")) - {""},
        content={
            name.removeprefix("content."): share
            for name, share in row.items()
            if name.startswith("content.") and share is not None
        },
        value=row["value"],
        quantity=row["quantity"],
        unit=row["unit"],
    )
