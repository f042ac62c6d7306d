"""Law: the rules as they stand on one day, seen with the knowledge of one day, ready to be applied to facts.

Dates, lists and groups are resolved here once; what is left are conditions on the facts of a crossing. Each importer
has its measures in walking order: whoever excludes, covers or replaces goes first, and column 1 ahead of a top-up
(docs/rules.md, Relations).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ..codes import CodeProblem, ProductScope, parse_date, product_key
from ..errors import Finding, RulesError, TariffGraphError
from ..rules.rate import Compound, QuotaRate, Rate, ScheduleRate, TopUpTo
from .many import decided, first_of
from .schedule import ScheduleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..rules.measure import Conditions, Measure, Products, Reach, Row
    from ..rules.rate import Base
    from ..rules.relation import Relation
    from ..rules.rule_set import ContentKind, Credit, Program, RuleSet
    from ..rules.rules import Rules
    from .facts import Facts

__all__ = [
    "QUOTA_FILLED",
    "CreditInForce",
    "ImporterLaw",
    "Law",
    "MeasureInForce",
    "RelationInForce",
    "Test",
    "day_of",
    "draw_up",
]

DIGITS = 12
#: the declaration that the quota of an entry is used up
QUOTA_FILLED = "quota-filled"


class Test:
    """Conditions with lists, groups and dates resolved: do they hold for these facts, and if not, why.

    ``asks``: the facts that they look at, ``reach`` what they ask of the stages upstream.
    A product coarser than a line of a scope does not match it, and says so.
    """

    __slots__ = ("_checks", "_scopes", "asks", "reach")

    def __init__(self, conditions: Conditions, law: Law, rule_set: RuleSet) -> None:
        self.asks: set[str] = set()
        checks: list[Callable[[Facts], str | None]] = []
        for fact, wanted, negated in (
            ("importer", conditions.importer, False),
            ("origin", conditions.origins, False),
            ("origin", conditions.except_origins, True),
            ("exporter", conditions.exporters, False),
            ("nationality", conditions.nationality, False),
        ):
            if wanted is not None and "all" not in wanted:
                self.asks.add(fact)
                checks.append(_among(fact, wanted, law.members(wanted, rule_set), negated=negated))
        if conditions.program is not None:
            self.asks.add("program")
            checks.append(_claimed(conditions.program))
        if conditions.declares:
            self.asks.add("declares")
            checks.append(_declared(conditions.declares))
        for kind, threshold in sorted(conditions.content.items()):
            self.asks.add(f"content.{kind}")
            checks.append(_at_least(kind, threshold))
        self.reach = conditions.reach
        if conditions.reach is not None:
            checks.append(_reached(conditions.reach))
        self._checks = tuple(checks)
        self._scopes = tuple(
            (fact, products, law.scope(products, rule_set), negated)
            for fact, products, negated in (
                ("product", conditions.products, False),
                ("product", conditions.except_products, True),
                ("used_in", conditions.used_in, False),
            )
            if products is not None
        )
        self.asks.update(fact for fact, *_ in self._scopes)

    @property
    def product_scopes(self) -> tuple[ProductScope, ...]:
        """The scopes that the product is held against."""
        return tuple(scope for fact, _, scope, _ in self._scopes if fact == "product")

    def failure(self, facts: Facts, coarse: list[str]) -> str | None:
        """Return None when every condition holds, else why not; products come last.

        Where nothing else fails, products with too few digits to tell are added to ``coarse``.
        """
        for check in self._checks:
            failed = check(facts)
            if failed is not None:
                return failed
        untold: list[str] = []
        unmatched: str | None = None
        for fact, products, scope, negated in self._scopes:
            product = getattr(facts, fact)
            what = "the product" if fact == "product" else "the product that it is used in"
            if product is None:
                return f"{what} is not {_named(products)}: it goes to a market"
            key = product_key(product)
            matches = scope.matches(key)
            finer = None if matches else scope.finer_than(key)
            if finer is not None:
                digits = len(product_key(finer))
                untold.append(f"{what} {product} is too coarse to tell: {digits} digits are needed, as in {finer}")
            if matches is negated:
                unmatched = f"{what} is {'' if negated else 'not '}on {_named(products)}"
                if finer is None:
                    return unmatched
        coarse += untold
        return unmatched


_CALLED = {
    "importer": "the importer",
    "origin": "the country of origin",
    "exporter": "the exporter",
    "nationality": "the producer's nationality",
}


def _among(
    fact: str, wanted: tuple[str, ...], members: frozenset[str], *, negated: bool
) -> Callable[[Facts], str | None]:
    # Countries are named as they were written, by their groups.
    text = f"{_CALLED[fact]} is {'' if negated else 'not '}{' or '.join(wanted)}"

    def check(facts: Facts) -> str | None:
        value = getattr(facts, fact)
        if (value in members) is not negated:
            return None
        return text if value in wanted else f"{text} (it is {value or 'unknown'})"

    return check


def _claimed(programs: tuple[str, ...]) -> Callable[[Facts], str | None]:
    text = f"the program {' or '.join(programs)} is not claimed"
    return lambda facts: None if facts.program in programs else text


def _declared(declarations: tuple[str, ...]) -> Callable[[Facts], str | None]:
    def check(facts: Facts) -> str | None:
        missing = [f"'{one}'" for one in declarations if one not in facts.declares]
        return f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not declared" if missing else None

    return check


def _at_least(kind: str, threshold: float) -> Callable[[Facts], str | None]:
    def check(facts: Facts) -> str | None:
        content = facts.content.get(kind)
        if content is None:
            return f"the content of {kind} is unknown; {threshold:.6g} is needed"
        if decided(np.round(content, DIGITS) >= np.round(threshold, DIGITS)):
            return None
        found = first_of(content)
        return f"the content of {kind} is {found:.12g}, {threshold - found:.6g} below {threshold:.6g}"

    return check


def _reached(reach: Reach) -> Callable[[Facts], str | None]:
    declaration = f"reach:{reach.kind}"
    text = f"nothing upstream is {reach.kind}"
    if reach.inside:
        text = f"not all that is {reach.kind} upstream is {reach.inside}, or that is unknown"

    def check(facts: Facts) -> str | None:
        return None if reach in facts.reach or declaration in facts.declares else text

    return check


def _named(products: Products) -> str:
    names = [*products.lists, *products.prefixes]
    return " or ".join(names[:4]) + (" ..." if len(names) > 4 else "")


@dataclass(frozen=True, slots=True, eq=False)
class RelationInForce:
    """What a measure does to the measures with the numbers ``targets`` where ``test`` holds."""

    form: str
    targets: tuple[int, ...]
    relation: Relation
    test: Test


@dataclass(frozen=True, slots=True, eq=False)
class CreditInForce:
    """A credit in force on the day. ``numbers``: by number of the measure that it pays, the number of its own line."""

    credit: Credit
    rule_set: RuleSet
    numbers: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class MeasureInForce:
    """A measure with the rows that are in force on the day. ``number`` counts the measures of the law."""

    number: int
    measure: Measure
    rule_set: RuleSet
    test: Test
    dormant: str
    rates: tuple[tuple[Test, Row[Rate]], ...]
    bases: tuple[tuple[Test, Row[Base]], ...]


@dataclass(frozen=True, slots=True)
class ImporterLaw:
    """The measures of one importer in the order in which they are walked.

    ``exempt``: by measure number, the exporters that a measure leaves alone because they belong to the customs
    territory that charges it. ``column_1``: numbers of the base duty, as the rule set with an id names it;
    ``base_duties``: of all of them. ``asks``: facts that some row in force asks for, ``reaches`` what it asks of the
    stages upstream.
    """

    importer: str
    measures: tuple[MeasureInForce, ...]
    relations: Mapping[int, tuple[RelationInForce, ...]]
    exempt: Mapping[int, frozenset[str]]
    column_1: Mapping[str, frozenset[int]]
    base_duties: frozenset[int]
    asks: frozenset[str]
    reaches: frozenset[Reach]


class Law:
    """The rules on one day (``as_of``), with what had been published by another (``known_on``; None: all of it)."""

    def __init__(self, rules: Rules, as_of: date, known_on: date | None = None) -> None:
        self.rules = rules
        self.as_of = as_of
        self.known_on = known_on
        sets = rules.rule_sets
        self.programs: Mapping[str, Program] = {name: one for each in sets for name, one in each.programs.items()}
        self.kinds: Mapping[str, tuple[ContentKind, RuleSet]] = {
            name: (kind, each) for each in sets for name, kind in each.content.items()
        }
        self.declarations = _declarations(rules)
        self._scopes: dict[tuple[int, Products], ProductScope] = {}
        self._schedules: dict[tuple[int, str], ScheduleIndex] = {}
        self._importers: dict[str, ImporterLaw] = {}
        self.measures: tuple[MeasureInForce, ...] = tuple(
            self._in_force(number, measure, each)
            for number, (measure, each) in enumerate(
                sorted(((m, each) for each in sets for m in each.measures), key=lambda pair: pair[0].id)
            )
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Warnings of rule sets that are asked for a day on which they do not claim to be complete."""
        return tuple(
            Finding(
                f"{each.id} is complete for entries {_span(each)}, and {self.as_of} is asked: duties may be missing",
                "Ask for a day within, or add what is missing as an overlay.",
                severity="warning",
                check="not-complete",
            )
            for each in self.rules.rule_sets
            if (each.complete_from is not None and self.as_of < each.complete_from)
            or (each.complete_until is not None and self.as_of >= each.complete_until)
        )

    # --- names ----------------------------------------------------------------------------------------

    def members(self, names: Iterable[str], rule_set: RuleSet) -> frozenset[str]:
        """Return the countries that the names (countries, regions, groups) stand for."""
        found: set[str] = set()
        for name in names:
            found.update(self._group(name, rule_set) or (name,))
        return frozenset(found)

    def _group(self, name: str, rule_set: RuleSet) -> tuple[str, ...] | None:
        for each in (rule_set, *self.rules.rule_sets):
            if name in each.groups:
                nested = [self._group(one, each) or (one,) for one in each.groups[name] if one != name]
                return tuple(country for part in nested for country in part)
        return None

    def scope(self, products: Products, rule_set: RuleSet) -> ProductScope:
        """Return the products that the prefixes and the lists, as they stand on the day, name."""
        key = (id(rule_set), products)
        if key not in self._scopes:
            lines = [*products.prefixes]
            for name in products.lists:
                listed = next(each.lists[name] for each in (rule_set, *self.rules.rule_sets) if name in each.lists)
                lines.extend(
                    line.product
                    for line in listed
                    if self.holds_on(line.from_, line.until, line.published or line.from_)
                )
            self._scopes[key] = ProductScope(lines)
        return self._scopes[key]

    def alike_products(self, products: Iterable[str]) -> dict[str, str]:
        """Return, by product, the first of those that no measure can tell apart from it.

        They fall under the same scopes of conditions and have the same rates in schedules, so that what the law says of
        one it says of the other. A product that has too few digits for a scope is like no other: messages name it.
        """
        first: dict[object, str] = {}
        return {product: first.setdefault(self._answers(product), product) for product in products}

    def _answers(self, product: str) -> object:
        key = product_key(product)
        found: list[object] = []
        for scope in self._scopes_asked:
            matches = scope.matches(key)
            if not matches and scope.finer_than(key) is not None:
                return product
            found.append(matches)
        for schedule in self._schedules_asked:
            answer = schedule.answer(key)
            if answer is None:
                return product
            found.append(answer)
        return tuple(found)

    @cached_property
    def _scopes_asked(self) -> tuple[ProductScope, ...]:
        """The scopes that conditions in force ask of a product."""
        tests = [test for _, test in self._relations_in_force]
        for one in self.measures:
            tests += [one.test, *(test for test, _ in one.rates), *(test for test, _ in one.bases)]
        return tuple({id(scope): scope for test in tests for scope in test.product_scopes}.values())

    @cached_property
    def _schedules_asked(self) -> tuple[ScheduleIndex, ...]:
        """The schedules that rates in force are read from."""
        names = {
            (rate.schedule, one.rule_set.id): self.schedule(rate.schedule, one.rule_set)
            for one in self.measures
            for _, row in one.rates
            for rate in _rates_in(row.value)
            if isinstance(rate, ScheduleRate)
        }
        return tuple(names.values())

    def schedule(self, name: str, rule_set: RuleSet) -> ScheduleIndex:
        """Return the schedule ``name``, of the rule set itself or else of another."""
        key = (id(rule_set), name)
        if key not in self._schedules:
            found = next(each.schedules[name] for each in (rule_set, *self.rules.rule_sets) if name in each.schedules)
            self._schedules[key] = ScheduleIndex(found)
        return self._schedules[key]

    # --- dates ----------------------------------------------------------------------------------------

    def holds_on(self, from_: date | None, until: date | None, published: date | None) -> bool:
        """Tell whether something is in force on the day, and had been published by the day that is known."""
        if self.known_on is not None and published is not None and published > self.known_on:
            return False
        return (from_ is None or from_ <= self.as_of) and (until is None or self.as_of < until)

    def holds(self, conditions: Conditions) -> bool:
        """Tell whether the dates of ``conditions`` hold: in force on the day, and published by then."""
        return self.holds_on(conditions.from_, conditions.until, conditions.published)

    def _in_force(self, number: int, measure: Measure, rule_set: RuleSet) -> MeasureInForce:
        rates = [(Test(row.conditions, self, rule_set), row) for row in measure.rate if self.holds(row.conditions)]
        bases = [(Test(row.conditions, self, rule_set), row) for row in measure.base if self.holds(row.conditions)]
        dormant = ""
        if not self.holds(measure.conditions) or not rates:
            dormant = _dormant(measure, self.as_of, self.known_on)
        return MeasureInForce(
            number,
            measure,
            rule_set,
            Test(measure.conditions, self, rule_set),
            dormant,
            tuple(rates),
            tuple(bases),
        )

    @cached_property
    def _relations_in_force(self) -> tuple[tuple[Relation, Test], ...]:
        return tuple(
            (relation, Test(relation.conditions, self, each))
            for each in self.rules.rule_sets
            for relation in each.relations
            if self.holds(relation.conditions)
        )

    @cached_property
    def credits(self) -> tuple[CreditInForce, ...]:
        """The credits in force, in the order in which they are written; their lines are numbered after the measures."""
        by_name: dict[str, list[int]] = {}
        for one in self.measures:
            for name in {one.measure.id, one.measure.action}:
                by_name.setdefault(name, []).append(one.number)
        found: list[CreditInForce] = []
        number = len(self.measures)
        for each in self.rules.rule_sets:
            for credit in each.credits:
                if self.holds_on(credit.from_, credit.until, credit.published):
                    paid = sorted({one for name in credit.of for one in by_name.get(name, ())})
                    found.append(CreditInForce(credit, each, dict(zip(paid, count(number), strict=False))))
                    number += len(paid)
        return tuple(found)

    @cached_property
    def quantities(self) -> Mapping[str, tuple[float, str]]:
        """Quantity and unit of each quota in force, by name: where rows state several, the last one's."""
        return {
            row.value.name: (row.value.quantity, row.value.unit)
            for each in self.rules.rule_sets
            for measure in each.measures
            if self.holds(measure.conditions)
            for row in measure.rate
            if isinstance(row.value, QuotaRate) and row.value.quantity is not None and self.holds(row.conditions)
        }

    # --- importers ------------------------------------------------------------------------------------

    def importer(self, country: str) -> ImporterLaw:
        """Return the law of one importer, its measures in walking order. Raises RulesError on a circle."""
        if country not in self._importers:
            self._importers[country] = self._build(country)
        return self._importers[country]

    def _build(self, country: str) -> ImporterLaw:
        mine: list[MeasureInForce] = []
        exempt: dict[int, frozenset[str]] = {}
        for one in self.measures:
            applies, inside = self._imports_into(country, one)
            if applies:
                mine.append(one)
                exempt[one.number] = inside
        column_1 = {
            each.id: frozenset(one.number for one in mine if each.column_1 in (one.measure.id, one.measure.action))
            for each in self.rules.rule_sets
            if each.column_1
        }
        relations = self._relations(mine)
        order = self._order(country, mine, relations, column_1)
        asks: set[str] = set()
        reaches: set[Reach] = set()
        for one in mine:
            if one.dormant:
                continue
            tests = [one.test]
            for test, rate in one.rates:
                tests.append(test)
                asks |= _asked_by(rate.value, self, one.rule_set)
            for test, base in one.bases:
                tests.append(test)
                asks |= _asked_by(base.value, self, one.rule_set)
            for relation in relations.get(one.number, ()):
                tests.append(relation.test)
                if relation.relation.part is not None:
                    asks |= _asked_by(relation.relation.part, self, one.rule_set)
            asks.update(*(test.asks for test in tests))
            reaches.update(test.reach for test in tests if test.reach is not None)
        base_duties: frozenset[int] = frozenset().union(*column_1.values())
        return ImporterLaw(
            country, order, relations, exempt, column_1, base_duties, frozenset(asks), frozenset(reaches)
        )

    def _imports_into(self, country: str, one: MeasureInForce) -> tuple[bool, frozenset[str]]:
        importers = one.measure.conditions.importer or one.rule_set.importer
        inside: frozenset[str] = frozenset()
        applies = False
        for name in importers:
            group = self._group(name, one.rule_set)
            if name == "all":
                applies = True
            elif group is not None and country in group:
                # A group as importer is a customs union: trade inside it is exempt.
                applies, inside = True, inside | frozenset(group)
            elif name == country:
                applies = True
        return applies, inside

    def _relations(self, mine: Sequence[MeasureInForce]) -> dict[int, tuple[RelationInForce, ...]]:
        by_name: dict[str, list[int]] = {}
        for one in mine:
            # A measure that is not in force on the day neither acts nor is acted on.
            if self.holds(one.measure.conditions):
                for name in {one.measure.id, one.measure.action}:
                    by_name.setdefault(name, []).append(one.number)
        found: dict[int, list[RelationInForce]] = {}
        for relation, test in self._relations_in_force:
            for number in sorted({n for name in relation.by for n in by_name.get(name, ())}):
                for form in ("excludes", "covers", "replaces"):
                    targets = {n for name in getattr(relation, form) for n in by_name.get(name, ())} - {number}
                    if targets:
                        found.setdefault(number, []).append(
                            RelationInForce(form, tuple(sorted(targets)), relation, test)
                        )
        return {number: tuple(relations) for number, relations in found.items()}

    def _order(
        self,
        country: str,
        mine: Sequence[MeasureInForce],
        relations: Mapping[int, tuple[RelationInForce, ...]],
        column_1: Mapping[str, frozenset[int]],
    ) -> tuple[MeasureInForce, ...]:
        after: dict[int, set[int]] = {one.number: set() for one in mine}
        for number, each in relations.items():
            for relation in each:
                for target in relation.targets:
                    after[target].add(number)
        for one in mine:
            if not one.dormant and any(isinstance(row.value, TopUpTo) for _, row in one.rates):
                after[one.number] |= column_1[one.rule_set.id] - {one.number}
        by_number = {one.number: one for one in mine}
        then: dict[int, list[int]] = {}
        for number, before in after.items():
            for one_before in before:
                then.setdefault(one_before, []).append(number)
        missing = {number: len(before) for number, before in after.items()}
        ready = [number for number, count in missing.items() if count == 0]
        heapify(ready)
        walked: list[MeasureInForce] = []
        while ready:
            number = heappop(ready)
            walked.append(by_number[number])
            for later in then.get(number, ()):
                missing[later] -= 1
                if missing[later] == 0:
                    heappush(ready, later)
        if len(walked) < len(mine):
            done = {one.number for one in walked}
            circle = _circle({number: before - done for number, before in after.items() if number not in done})
            names = " → ".join(by_number[number].measure.id for number in circle)
            raise RulesError(
                Finding(
                    f"the relations in force on {self.as_of} for {country} run in a circle: {names}",
                    "Give the relations dates that do not overlap, or take one out.",
                    check="circle",
                    measure=by_number[circle[0]].measure.id,
                )
            )
        return tuple(walked)


def _circle(waiting: Mapping[int, set[int]]) -> list[int]:
    """Return one circle among the measures that all wait for each other, in the order in which they act."""
    path = [min(waiting)]
    while True:
        before = min(waiting[path[-1]])
        if before in path:
            return [*path[path.index(before) :], before][::-1]
        path.append(before)


def _asked_by(value: Rate | Base, law: Law, rule_set: RuleSet) -> set[str]:
    kind = getattr(value, "kind", "")
    if kind:
        return {f"content.{kind}"}
    if isinstance(value, Compound):
        return {"quantity"}
    if isinstance(value, QuotaRate):
        return {"quota"}.union(*(_asked_by(rate, law, rule_set) for rate in (value.in_quota, value.over_quota) if rate))
    if isinstance(value, ScheduleRate):
        return {"program", "quantity"} if law.schedule(value.schedule, rule_set).specific else {"program"}
    return set()


def _rates_in(rate: Rate) -> tuple[Rate, ...]:
    """Return a rate, or the two of a quota."""
    if isinstance(rate, QuotaRate):
        return (rate.in_quota, *((rate.over_quota,) if rate.over_quota is not None else ()))
    return (rate,)


def _dormant(measure: Measure, as_of: date, known_on: date | None) -> str:
    """Say why a measure has nothing in force on the day."""
    rows = [measure.conditions, *(row.conditions for row in measure.rate)]
    known = [one for one in rows if known_on is None or one.published is None or one.published <= known_on]
    if len(known) < len(rows) and not any(one.from_ is None or one.from_ <= as_of for one in known[1:]):
        return f"nothing of it had been published by {known_on}"
    starts = [one.from_ for one in known if one.from_ is not None and one.from_ > as_of]
    if starts:
        return f"in force only from {min(starts)}"
    ends = [one.until for one in known if one.until is not None and one.until <= as_of]
    return f"in force only until {max(ends)}" if ends else f"nothing of it is in force on {as_of}"


def _declarations(rules: Rules) -> frozenset[str]:
    """Return every declaration that the loaded sets name: measures, rows, relations, programs, and reach by kind."""
    named = {"non-originating"}
    for each in rules.rule_sets:
        named.update(f"reach:{kind}" for kind in each.content)
        for program in each.programs.values():
            named.update(program.declared)
        for relation in each.relations:
            named.update(relation.conditions.declares)
        for measure in each.measures:
            named.update(measure.conditions.declares)
            for conditions in (*(row.conditions for row in measure.rate), *(row.conditions for row in measure.base)):
                named.update(conditions.declares)
            if any(isinstance(row.value, QuotaRate) for row in measure.rate):
                named.add(QUOTA_FILLED)
    return frozenset(named)


def _span(rule_set: RuleSet) -> str:
    ends = []
    if rule_set.complete_from is not None:
        ends.append(f"from {rule_set.complete_from}")
    if rule_set.complete_until is not None:
        ends.append(f"to {rule_set.complete_until - timedelta(days=1)}")
    return " ".join(ends)


def draw_up(rules: Any, as_of: date | str | None, known_on: date | str | None) -> Law:
    """Return the law of a day; ``as_of`` defaults to today. Dates may be text (YYYY-MM-DD)."""
    return Law(rules, day_of(as_of, "as_of") or date.today(), day_of(known_on, "known_on"))


def day_of(day: date | str | None, name: str) -> date | None:
    """Return the day that ``day`` says, None for none; ``name`` is what messages call it."""
    if isinstance(day, str):
        try:
            return parse_date(day)
        except CodeProblem as problem:
            raise TariffGraphError(Finding(problem.message, problem.remedy, field=name)) from None
    if isinstance(day, datetime):
        return day.date()
    if day is not None and not isinstance(day, date):
        raise TariffGraphError(Finding(f"{day!r} is not a date", "Give a date, or text as YYYY-MM-DD.", field=name))
    return day
