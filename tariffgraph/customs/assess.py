"""What is owed at one crossing: facts → measures and rows that hold → relations in order → duty (docs/rules.md).

``assess_facts`` is the law's one implementation: an entry asks it once, a graph once for each class of crossings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..rules.rate import CUSTOMS_VALUE, AdValorem, Compound, Ends, QuotaRate, ScheduleRate, TopUpTo, VariedRate
from .law import QUOTA_FILLED
from .many import Divided, decided, first_of
from .part import part_of
from .quantity import ad_valorem_equivalent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.measure import Row
    from ..rules.rate import Base, Rate
    from .facts import Facts
    from .law import ImporterLaw, Law, MeasureInForce, RelationInForce
    from .many import Array, Number
    from .part import Part

__all__ = ["Line", "assess_facts", "assess_group", "claiming_and_not", "line_of_member"]

NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class Line:
    """What one measure charges on one crossing.

    ``base``: share of the customs value charged; ``rate``: on that base; ``duty``: base · rate, of the customs value.
    ``status``: charged, free, covered, excluded, replaced or not-applicable, and ``reason`` why.
    ``rate_row``, ``base_row``: the rows that applied; ``acted``: the relations that excluded, replaced or covered it.
    ``quota``: the quota that the rate draws on, ``refused`` that it is absolute and filled (charged as if it were not).
    ``coarse``: scopes that a product with too few digits was held not to match. ``part``: what of the value is charged,
    None where the measure does not apply.
    """

    number: int
    base: Number
    rate: Number
    duty: Number
    status: str
    reason: str
    coarse: tuple[str, ...] = ()
    rate_row: Row[Rate] | None = None
    base_row: Row[Base] | None = None
    acted: tuple[RelationInForce, ...] = ()
    quota: str = ""
    refused: bool = False
    part: Part | None = None


def assess_facts(law: Law, importer: ImporterLaw, facts: Facts) -> list[Line]:
    """Return a line for every measure of the importer, in walking order. Raises CodeProblem when a fact is lacking.

    duty = rate × base share, per unit of customs value. Each measure acts on those after it only once its own duty is
    known: one that is excluded or replaced does nothing.
    """
    return _Walk(law, importer, facts).lines()


def assess_group(law: Law, importer: ImporterLaw, facts: Facts, size: int) -> list[tuple[Array, list[Line]]]:
    """Return the lines of a group of ``size`` entries that differ in numbers only: for whom (a part of it), and what.

    ``facts`` holds arrays (size,) for contents, values and quantities. Where the law goes two ways the group is
    parted; the numbers of each entry are the same bits as alone.
    """
    found: list[tuple[Array, list[Line]]] = []
    waiting = [np.arange(size)]
    while waiting:
        members = waiting.pop()
        try:
            found.append((members, assess_facts(law, importer, _of(facts, members, size))))
        except Divided as divided:
            waiting += [members[~divided.holds], members[divided.holds]]
    return found


def _of(facts: Facts, members: Array, size: int) -> Facts:
    if len(members) == size:
        return facts

    def of(number: Number) -> Number:
        return number[members] if isinstance(number, np.ndarray) else number

    return replace(
        facts,
        content={kind: of(share) for kind, share in facts.content.items()},
        value=None if facts.value is None else of(facts.value),
        quantity=None if facts.quantity is None else of(facts.quantity),
        varied={name: of(rate) for name, rate in facts.varied.items()},
    )


class _Walk:
    """One walk along the measures of an importer, with what the measures so far have done to those to come."""

    def __init__(self, law: Law, importer: ImporterLaw, facts: Facts) -> None:
        self.law = law
        self.importer = importer
        self.facts = facts
        self.removed: dict[int, tuple[str, str, RelationInForce]] = {}
        self.covered: dict[int, list[tuple[Part, str, RelationInForce]]] = {}
        self.duties: dict[int, Number] = {}
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
        rate, rate_row, why_not = self.rate(one, stated, coarse)
        if rate is None:
            return Line(one.number, 0.0, 0.0, 0.0, "not-applicable", why_not, rate_row=rate_row), None
        if one.number in self.removed:
            status, reason, by_relation = self.removed[one.number]
            return Line(one.number, 0.0, 0.0, 0.0, status, reason, rate_row=rate_row, acted=(by_relation,)), None

        base_row = self.base_row(one, coarse)
        base = CUSTOMS_VALUE if base_row is None else base_row.value
        own = part = part_of(base, facts.content)
        takers = self.covered.get(one.number, [])
        for cover, *_ in takers:
            part = part.less(cover)
        share = part.share
        quota, refused = "", False
        if isinstance(rate, QuotaRate):
            filled = QUOTA_FILLED in facts.declares or rate.name in facts.filled
            quota, refused = rate.name, filled and rate.over_quota is None
            rate = rate.over_quota if filled and rate.over_quota is not None else rate.in_quota
        charged = self.ad_valorem(one, rate)
        duty = charged * share
        reason = ""
        covered = first_of(own.share - share)
        if covered > 0:
            by = ", ".join(dict.fromkeys(name for _, name, _ in takers))
            reason = f"{covered:.12g} of the value is covered by {by}"
        elif base.form != "customs-value" and base.kind not in facts.content:
            full = base.form == "without" or base.unknown == "full"
            what = "the whole value is charged" if full else "nothing is charged"
            reason = f"the content of {base.kind} is unknown: {what}"
        charges = first_of(charged) > 0
        status = "charged" if charges and first_of(share) > 0 else "covered" if charges and covered > 0 else "free"
        acted = tuple(dict.fromkeys(relation for *_, relation in takers))
        line = Line(
            one.number, share, charged, duty, status, reason, (), rate_row, base_row, acted, quota, refused, part
        )
        return line, part

    def rate(
        self, one: MeasureInForce, stated: Mapping[str, AdValorem | Compound], coarse: list[str]
    ) -> tuple[Rate | None, Row[Rate] | None, str]:
        """Return the rate of the last row that holds, and the row; or None, and why none does."""
        if stated:
            if self.column_1_charged:
                return None, None, "the entry states the column-1 rate, and another measure charges it"
            self.column_1_charged = True
            special = self.facts.program is not None and "special" in stated
            return stated["special" if special else "general"], None, ""
        why_not = "no row of it holds"
        for test, row in reversed(one.rates):
            failure = test.failure(self.facts, coarse)
            if failure is None:
                if isinstance(row.value, VariedRate) and decided(np.isnan(self.facts.varied[row.value.name])):
                    continue
                if isinstance(row.value, Ends):
                    source = row.source or one.measure.source
                    return None, row, f"it no longer applies ({source})" if source else "it no longer applies"
                return row.value, row, ""
            why_not = failure
        return None, None, why_not

    def base_row(self, one: MeasureInForce, coarse: list[str]) -> Row[Base] | None:
        """Return the base row that holds last; None is the customs value."""
        for test, row in reversed(one.bases):
            if test.failure(self.facts, coarse) is None:
                return row
        return None

    def ad_valorem(self, one: MeasureInForce, rate: Rate) -> Number:
        """Return a rate as a share of the base."""
        if isinstance(rate, ScheduleRate):
            program = self.law.programs.get(self.facts.program) if self.facts.program is not None else None
            symbol = program.symbol if program is not None else ""
            rate = self.law.schedule(rate.schedule, one.rule_set).rate(self.facts.product, symbol, rate.column)
        if isinstance(rate, AdValorem):
            return rate.share
        if isinstance(rate, VariedRate):
            return self.facts.varied[rate.name]
        if isinstance(rate, Compound):
            return ad_valorem_equivalent(rate, self.facts)
        if isinstance(rate, TopUpTo):
            # A rest of rounding is no duty: it must not exclude anything.
            rest = rate.total - self.column_1_owed(one)
            if isinstance(rest, np.ndarray):
                return np.where(rest > NOTHING, rest, 0.0)
            return rest if rest > NOTHING else 0.0
        raise AssertionError(rate)

    def column_1_owed(self, one: MeasureInForce) -> Number:
        """Return what the base duties, and what replaces them, charge on the customs value."""
        numbers = set(self.importer.column_1[one.rule_set.id])  # a set with a top-up names its column 1
        for number in tuple(numbers):
            numbers |= self.replaced_by.get(number, set())
        owed: Number = 0.0
        for number in sorted(numbers):
            owed = owed + self.duties.get(number, 0.0)
        return owed

    def act(self, one: MeasureInForce, relation: RelationInForce, duty: Number, part: Part) -> None:
        """Let a measure that applies exclude, cover or replace the ones after it."""
        law = relation.relation
        by = one.measure.id + (f" ({law.source})" if law.source else "")
        if relation.form == "replaces":
            for target in relation.targets:
                self.removed.setdefault(target, ("replaced", f"replaced by {by}", relation))
                self.replaced_by.setdefault(target, set()).add(one.number)
        elif not (law.even_if_free or decided(duty > 0)):
            return
        elif relation.form == "excludes":
            for target in relation.targets:
                self.removed.setdefault(target, ("excluded", f"excluded by {by}", relation))
        else:
            cover = part if law.part is None else part_of(law.part, self.facts.content)
            for target in relation.targets:
                self.covered.setdefault(target, []).append((cover, by, relation))


def line_of_member(line: Line, at: int) -> Line:
    """Return the line of the member ``at`` of a group, whose numbers are floats."""

    def of(number: Number) -> float:
        return float(number[at]) if isinstance(number, np.ndarray) else number

    part = line.part
    if part is not None:
        part = replace(part, amounts={kind: of(amount) for kind, amount in part.amounts.items()})
    return replace(line, base=of(line.base), rate=of(line.rate), duty=of(line.duty), part=part)


def claiming_and_not(facts: Facts, utilization: float) -> list[tuple[float, Facts]]:
    """Return the entries that a crossing is made of, with their weights: the part that claims, and the rest."""
    if facts.program is None or utilization == 1.0:
        return [(1.0, facts)]
    without = replace(facts, program=None)
    return [(utilization, facts), (1.0 - utilization, without)] if utilization else [(1.0, without)]
