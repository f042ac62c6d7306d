"""What is owed at one crossing: facts → measures and rows that hold → relations in order → duty (docs/rules.md).

``assess_facts`` is the law's one implementation: an entry asks it once, a graph once for each class of crossings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..rules.rate import CUSTOMS_VALUE, AdValorem, Compound, Ends, ScheduleRate, TopUpTo
from .part import part_of
from .quantity import ad_valorem_equivalent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.rate import Base, Rate
    from .facts import Facts
    from .law import ImporterLaw, Law, MeasureInForce, RelationInForce
    from .part import Part

__all__ = ["Line", "assess_facts", "claiming_and_not"]

NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """What one measure charges on one crossing.

    ``base``: share of the customs value charged; ``rate``: on that base; ``duty``: base · rate, of the customs value.
    ``status``: charged, free, covered, excluded, replaced or not-applicable, and ``reason`` why.
    ``coarse``: scopes that a product with too few digits was held not to match.
    """

    number: int
    base: float
    rate: float
    duty: float
    status: str
    reason: str
    coarse: tuple[str, ...] = ()


def assess_facts(law: Law, importer: ImporterLaw, facts: Facts) -> list[Line]:
    """Return a line for every measure of the importer, in walking order. Raises CodeProblem when a fact is lacking.

    duty = rate × base share, per unit of customs value. Each measure acts on those after it only once its own duty is
    known: one that is excluded or replaced does nothing.
    """
    return _Walk(law, importer, facts).lines()


class _Walk:
    """One walk along the measures of an importer, with what the measures so far have done to those to come."""

    def __init__(self, law: Law, importer: ImporterLaw, facts: Facts) -> None:
        self.law = law
        self.importer = importer
        self.facts = facts
        self.removed: dict[int, tuple[str, str]] = {}
        self.covered: dict[int, list[tuple[Part, str]]] = {}
        self.duties: dict[int, float] = {}
        self.replaced_by: dict[int, set[int]] = {}
        self.base_duties = importer.base_duties
        self.column_1_charged = False

    def lines(self) -> list[Line]:
        found = []
        for one in self.importer.measures:
            coarse: list[str] = []
            line, part = self.line(one, coarse)
            if part is not None:
                self.duties[one.number] = line.duty
                for relation in self.importer.relations.get(one.number, ()):
                    if relation.test.failure(self.facts, coarse) is None:
                        self.act(one, relation, line.duty, part)
            # What is taken out altogether needs no more digits.
            if coarse and one.number not in self.removed:
                line = replace(line, coarse=tuple(dict.fromkeys(coarse)))
            found.append(line)
        return found

    def line(self, one: MeasureInForce, coarse: list[str]) -> tuple[Line, Part | None]:
        """Return the measure's line, and the part of the value that it stands on (None where it does not apply)."""
        facts = self.facts

        def silent(status: str, reason: str) -> tuple[Line, None]:
            return Line(one.number, 0.0, 0.0, 0.0, status, reason), None

        stated = facts.column_1 if one.number in self.base_duties else {}
        if facts.exporter in self.importer.exempt[one.number]:
            return silent("not-applicable", f"{facts.exporter} and {facts.importer} belong to one customs territory")
        if one.dormant and not (stated and self.law.holds(one.measure.conditions)):
            return silent("not-applicable", one.dormant)
        failure = one.test.failure(facts, coarse)
        if failure is not None:
            return silent("not-applicable", failure)
        rate, why_not = self.rate(one, stated, coarse)
        if rate is None:
            return silent("not-applicable", why_not)
        if one.number in self.removed:
            return silent(*self.removed[one.number])

        base = self.base(one, coarse)
        own = part = part_of(base, facts.content)
        takers = self.covered.get(one.number, [])
        for cover, _ in takers:
            part = part.less(cover)
        share = part.share
        charged = self.ad_valorem(one, rate)
        duty = charged * share
        reason = ""
        if own.share > share:
            by = ", ".join(dict.fromkeys(name for _, name in takers))
            reason = f"{own.share - share:.12g} of the value is covered by {by}"
        elif base.form != "customs-value" and base.kind not in facts.content:
            full = base.form == "without" or base.unknown == "full"
            what = "the whole value is charged" if full else "nothing is charged"
            reason = f"the content of {base.kind} is unknown: {what}"
        status = "charged" if duty else "covered" if charged and own.share > share else "free"
        return Line(one.number, share, charged, duty, status, reason), part

    def rate(
        self, one: MeasureInForce, stated: Mapping[str, AdValorem | Compound], coarse: list[str]
    ) -> tuple[Rate | None, str]:
        """Return the rate of the last row that holds; or None, and why none does."""
        if stated:
            if self.column_1_charged:
                return None, "the entry states the column-1 rate, and another measure charges it"
            self.column_1_charged = True
            special = self.facts.program is not None and "special" in stated
            return stated["special" if special else "general"], ""
        why_not = "no row of it holds"
        for test, row in reversed(one.rates):
            failure = test.failure(self.facts, coarse)
            if failure is None:
                if isinstance(row.value, Ends):
                    source = row.source or one.measure.source
                    return None, f"it no longer applies ({source})" if source else "it no longer applies"
                return row.value, ""
            why_not = failure
        return None, why_not

    def base(self, one: MeasureInForce, coarse: list[str]) -> Base:
        """Return the base of the last row that holds, the customs value where none does."""
        for test, row in reversed(one.bases):
            if test.failure(self.facts, coarse) is None:
                return row.value
        return CUSTOMS_VALUE

    def ad_valorem(self, one: MeasureInForce, rate: Rate) -> float:
        """Return a rate as a share of the base."""
        if isinstance(rate, ScheduleRate):
            program = self.law.programs.get(self.facts.program) if self.facts.program is not None else None
            symbol = program.symbol if program is not None else ""
            rate = self.law.schedule(rate.schedule, one.rule_set).rate(self.facts.product, symbol, rate.column)
        if isinstance(rate, AdValorem):
            return rate.share
        if isinstance(rate, Compound):
            return ad_valorem_equivalent(rate, self.facts)
        if isinstance(rate, TopUpTo):
            # A rest of rounding is no duty: it must not exclude anything.
            rest = rate.total - self.column_1_owed(one)
            return rest if rest > NOTHING else 0.0
        raise AssertionError(rate)

    def column_1_owed(self, one: MeasureInForce) -> float:
        """Return what the base duties, and what replaces them, charge on the customs value."""
        numbers = set(self.importer.column_1[one.rule_set.id])  # a set with a top-up names its column 1
        for number in tuple(numbers):
            numbers |= self.replaced_by.get(number, set())
        return math.fsum(self.duties.get(number, 0.0) for number in numbers)

    def act(self, one: MeasureInForce, relation: RelationInForce, duty: float, part: Part) -> None:
        """Let a measure that applies exclude, cover or replace the ones after it."""
        by = one.measure.id + (f" ({relation.source})" if relation.source else "")
        if relation.form == "replaces":
            for target in relation.targets:
                self.removed.setdefault(target, ("replaced", f"replaced by {by}"))
                self.replaced_by.setdefault(target, set()).add(one.number)
        elif not (duty > 0 or relation.even_if_free):
            return
        elif relation.form == "excludes":
            for target in relation.targets:
                self.removed.setdefault(target, ("excluded", f"excluded by {by}"))
        else:
            cover = part if relation.part is None else part_of(relation.part, self.facts.content)
            for target in relation.targets:
                self.covered.setdefault(target, []).append((cover, by))


def claiming_and_not(facts: Facts, utilization: float) -> list[tuple[float, Facts]]:
    """Return the entries that a crossing is made of, with their weights: the part that claims, and the rest."""
    if facts.program is None or utilization == 1.0:
        return [(1.0, facts)]
    without = replace(facts, program=None)
    return [(utilization, facts), (1.0 - utilization, without)] if utilization else [(1.0, without)]
