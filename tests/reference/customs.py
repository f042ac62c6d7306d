"""Customs law at one crossing, in exact fractions: docs/rules.md.

Rule sets are dicts in the shape of their YAML files; a schedule is a list of its lines.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from typing import Any

from reference.production import ONE, ZERO, Graph, Row, digits, number


@dataclass(frozen=True)
class Facts:
    """What the law asks about one crossing. A kind that ``content`` lacks, or that is None there, is unknown.

    ``reached``: kinds of which some stage upstream is; ``contained``: pairs of kinds, all upstream of the first being
    of the second too. ``value`` is 1 where only shares count.
    """

    product: str
    origin: str
    importer: str
    exporter: str
    nationality: str | None = None
    used_in: str | None = None
    program: str | None = None
    utilization: Fraction = ONE
    declares: frozenset[str] = frozenset()
    content: dict[str, Fraction | None] = field(default_factory=dict)
    column_1: Any = None
    value: Fraction = ONE
    quantity: Fraction | None = None
    unit: str | None = None
    reached: frozenset[str] = frozenset()
    contained: frozenset[tuple[str, str]] = frozenset()


class NotAdmittedError(Exception):
    """An entry over an absolute quota."""


#: kilograms in a unit of mass
KILOGRAMS = {"kg": ONE, "t": Fraction(1000)}


def quantity_in(unit: str, facts: Facts) -> Fraction:
    """Return the quantity of an entry that has one, in another unit."""
    if unit == facts.unit:
        return facts.quantity
    return facts.quantity * KILOGRAMS[facts.unit] / KILOGRAMS[unit]


def ad_valorem(rate: str | Fraction | float, facts: Facts) -> Fraction:
    """Return a rate as a share of the customs value: ``free``, ``25%``, ``2.5% + 4.4 cents/kg``."""
    if not isinstance(rate, str):
        return number(rate)
    total = ZERO
    for term in rate.split("+"):
        if "/" in term:
            money, unit = term.strip().split("/")
            amount, currency = money.split()
            paid = number(amount) / (100 if currency == "cents" else 1)
            total += paid * quantity_in(unit, facts) / facts.value
        elif term.strip().lower() != "free":
            total += number(term)
    return total


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def line_digits(product: str) -> str:
    """Digits of a line of a law, without pairs of zeros past the sixth."""
    line = digits(product)
    while ":" not in line and len(line) > 6 and line.endswith("00"):
        line = line[:-2]
    return line


@dataclass(frozen=True)
class Law:
    """Rule sets side by side on a day, as known on another (None: as known in the end)."""

    rule_sets: tuple[dict[str, Any], ...]
    as_of: date
    known_on: date | None = None

    def look_up(self, table: str, name: str, own: dict[str, Any]) -> Any:
        """Find a group, list or content kind in the set of the measure, and failing that in its neighbours."""
        for rule_set in (own, *self.rule_sets):
            if name in rule_set.get(table, {}):
                return rule_set[table][name]
        return None

    def is_in_force(self, row: Row, published: str | None = None) -> bool:
        """``from`` inclusive, ``until`` exclusive, and known: published (default from, else the parent's) by then."""
        published = row.get("published") or row.get("from") or published
        if self.known_on is not None and published and date.fromisoformat(published) > self.known_on:
            return False
        if row.get("from") and date.fromisoformat(row["from"]) > self.as_of:
            return False
        return not (row.get("until") and date.fromisoformat(row["until"]) <= self.as_of)

    def is_among_products(self, product: str, scope: Any, own: dict[str, Any]) -> bool:
        for item in as_list(scope):
            if isinstance(item, dict):
                for name in as_list(item["list"]):
                    for line in self.look_up("lists", name, own):
                        line = line if isinstance(line, dict) else {"product": line}
                        if self.is_in_force(line) and self.is_among_products(product, line["product"], own):
                            return True
            elif ":" in product or ":" in item:
                if product == item:
                    return True
            elif digits(product).startswith(line_digits(item)):
                return True
        return False

    def members(self, name: str, own: dict[str, Any]) -> list[str]:
        group = self.look_up("groups", name, own)
        return [name] if group is None else list(group)

    def is_among_countries(self, country: str | None, names: Any, own: dict[str, Any]) -> bool:
        return country is not None and any(country in self.members(name, own) for name in as_list(names))

    def is_importer(self, facts: Facts, names: Any, own: dict[str, Any]) -> bool:
        """A country, a group or ``all``; a group as importer exempts trade inside it."""
        for name in as_list(names):
            inside = self.members(name, own)
            trade_inside = inside != [name] and facts.exporter in inside
            if name == "all" or (facts.importer in inside and not trade_inside):
                return True
        return False

    def holds(self, row: Row, facts: Facts, own: dict[str, Any], published: str | None = None) -> bool:
        """Tell whether every condition of a measure, row or relation holds."""
        among_products, among_countries = self.is_among_products, self.is_among_countries
        used_in = facts.used_in
        checks = {
            "products": lambda scope: among_products(facts.product, scope, own),
            "except_products": lambda scope: not among_products(facts.product, scope, own),
            "origins": lambda names: among_countries(facts.origin, names, own),
            "except_origins": lambda names: not among_countries(facts.origin, names, own),
            "exporters": lambda names: among_countries(facts.exporter, names, own),
            "nationality": lambda names: among_countries(facts.nationality, names, own),
            "importer": lambda names: self.is_importer(facts, names, own),
            "used_in": lambda scope: used_in is not None and among_products(used_in, scope, own),
            "program": lambda names: facts.program in as_list(names),
            "declares": lambda names: set(as_list(names)) <= facts.declares,
            "reach": lambda reach: self.is_reached(reach, facts),
            "content": lambda kinds: all(
                self.reaches(facts.content.get(kind), threshold["at_least"]) for kind, threshold in kinds.items()
            ),
        }
        return self.is_in_force(row, published) and all(check(row[key]) for key, check in checks.items() if key in row)

    @staticmethod
    def is_reached(reach: Any, facts: Facts) -> bool:
        """Tell whether something upstream is of a kind, or all of one kind is of another; a declaration says so too."""
        if isinstance(reach, dict):
            return (reach["all"], reach["in"]) in facts.contained or f"reach:{reach['all']}" in facts.declares
        return reach in facts.reached or f"reach:{reach}" in facts.declares

    @staticmethod
    def reaches(content: Fraction | None, at_least: Any) -> bool:
        """Both sides of a threshold are rounded to 12 decimals; equality passes, unknown fails."""
        return content is not None and round(content, 12) >= round(number(at_least), 12)

    def kind_matches(self, kind: dict[str, Any], graph: Graph, stage: str, own: dict[str, Any]) -> bool:
        facts = {
            "countries": graph.country(stage),
            "origins": graph.origin(stage),
            "nationality": graph.nationality(stage),
        }
        product = graph.stage[stage]["product"]
        return (
            ("products" not in kind or self.is_among_products(product, kind["products"], own))
            and not ("except_products" in kind and self.is_among_products(product, kind["except_products"], own))
            and all(self.is_among_countries(fact, kind[key], own) for key, fact in facts.items() if key in kind)
            and not any(
                self.is_among_countries(fact, kind[f"except_{key}"], own)
                for key, fact in facts.items()
                if f"except_{key}" in kind
            )
        )

    def kinds(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return every content kind with the rule set that defines it."""
        return {kind: (selector, own) for own in self.rule_sets for kind, selector in own.get("content", {}).items()}

    def programs(self) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
        """Return every programme with the rule set that defines it."""
        return {name: (program, own) for own in self.rule_sets for name, program in own.get("programs", {}).items()}

    def is_earned(self, credit: Row, graph: Graph, stage: str, own: dict[str, Any]) -> bool:
        """Tell whether a stage earns a credit: by what it makes, where and by whom."""
        at = credit.get("at", {})
        product = graph.stage[stage]["product"]
        return (
            self.is_in_force(credit)
            and ("products" not in at or self.is_among_products(product, at["products"], own))
            and not ("except_products" in at and self.is_among_products(product, at["except_products"], own))
            and ("importer" not in at or self.is_among_countries(graph.country(stage), at["importer"], own))
            and ("nationality" not in at or self.is_among_countries(graph.nationality(stage), at["nationality"], own))
        )

    # --- one entry (docs/rules.md) ----------------------------------------------------------------------

    def entries(self, facts: Facts) -> list[tuple[Fraction, OneEntry]]:
        """Return the entries that one crossing stands for, each with its weight.

        Where u of a flow claims, the rest is a second entry of weight 1 − u; a program that no set knows counts for
        nothing.
        """
        unclaimed = replace(facts, program=None)
        claims = [(ONE, unclaimed)]
        if facts.program in self.programs():
            claims = [(facts.utilization, facts), (1 - facts.utilization, unclaimed)]
        return [(weight, OneEntry(self, claim)) for weight, claim in claims if weight > 0]

    def assess(self, facts: Facts, filled: dict[str, Fraction] | None = None) -> dict[str, Fraction]:
        """Return what every measure charges, as a share of the customs value.

        ``filled``, in a graph: the part of the shipments that each quota admits. Raises NotAdmittedError for an entry
        that an absolute quota keeps out.
        """
        total: dict[str, Fraction] = defaultdict(lambda: ZERO)
        for weight, outcomes in self.outcomes(facts, filled):
            for measure, outcome in outcomes.items():
                total[measure] += weight * outcome.charge
        return dict(total)

    def outcomes(
        self, facts: Facts, filled: dict[str, Fraction] | None = None
    ) -> list[tuple[Fraction, dict[str, Outcome]]]:
        """Return what became of every measure at each of the entries that a crossing stands for, with its weight."""
        found = []
        for weight, entry in self.entries(facts):
            parts = [(ONE, entry)] if filled is None else entry.under_quotas(filled)
            found += [(weight * share, part.outcomes_of_all()) for share, part in parts]
        return found

    def measures(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(measure, own) for own in self.rule_sets for measure in own.get("measures", [])]


@dataclass(frozen=True)
class Part:
    """A part of the customs value: the whole less some kinds, or some kinds only. Kinds are disjoint."""

    whole: bool
    kinds: dict[str, Fraction]

    def less(self, covered: Part) -> Part:
        if covered.whole:
            # Only what the cover leaves out is left over: V − (V − S) is S, and K ∩ S is what is left of K.
            if self.whole:
                left = {kind: part - self.kinds.get(kind, ZERO) for kind, part in covered.kinds.items()}
            else:
                left = {kind: min(part, covered.kinds.get(kind, ZERO)) for kind, part in self.kinds.items()}
            return Part(False, {kind: part for kind, part in left.items() if part > 0})
        if self.whole:
            out = {
                kind: max(self.kinds.get(kind, ZERO), covered.kinds.get(kind, ZERO))
                for kind in {*self.kinds, *covered.kinds}
            }
            return Part(True, out)
        return Part(
            False,
            {kind: max(ZERO, part - covered.kinds.get(kind, ZERO)) for kind, part in self.kinds.items()},
        )

    def either(self, other: Part) -> Part:
        """Return what is in one of two parts or in both."""
        if not self.whole and not other.whole:
            return Part(
                False,
                {
                    kind: max(self.kinds.get(kind, ZERO), other.kinds.get(kind, ZERO))
                    for kind in {*self.kinds, *other.kinds}
                },
            )
        if self.whole and other.whole:
            return Part(
                True, {kind: min(part, other.kinds[kind]) for kind, part in self.kinds.items() if kind in other.kinds}
            )
        all_but, some = (self, other) if self.whole else (other, self)
        return Part(True, {kind: max(ZERO, part - some.kinds.get(kind, ZERO)) for kind, part in all_but.kinds.items()})

    @property
    def share(self) -> Fraction:
        total = sum(self.kinds.values(), ZERO)
        return max(ZERO, 1 - total) if self.whole else total


WHOLE = Part(True, {})
NOTHING = Part(False, {})


@dataclass(frozen=True)
class Outcome:
    """What became of a measure: it ``applies`` unless excluded or replaced; ``charge`` is rate × share of ``part``."""

    applies: bool
    part: Part = NOTHING
    charge: Fraction = ZERO


class OneEntry:
    """The measures that stand at one entry, and what each charges once the others had their say.

    The order (whoever excludes, covers or replaces goes first) is had by recursion: to know a measure, ask first
    those that bear on it.
    """

    def __init__(
        self, law: Law, facts: Facts, beyond: frozenset[str] = frozenset(), *, admits_all: bool = False
    ) -> None:
        self.law, self.facts, self.beyond, self.admits_all = law, facts, beyond, admits_all
        self.standing: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {}
        for measure, own in law.measures():
            conditions = {"importer": own.get("importer"), **measure}
            published = measure.get("published") or measure.get("from")
            if law.holds(conditions, facts, own):
                rate = self.last_row(measure["rate"], "rate", own, published)
                if facts.column_1 is not None and self.is_named(measure, own.get("column_1")):
                    rate = self.column_1_rate(facts.column_1)
                if rate is not None and rate != "ends":
                    self.standing[measure["id"]] = (measure, own, rate)
        self.relations = [relation for relation in self.all_relations() if law.holds(*relation)]
        self.outcomes: dict[str, Outcome] = {}

    def quotas_drawn_on(self) -> list[str]:
        """Return the quotas with a quantity that a measure charged here fills."""
        if self.facts.quantity is None or "quota-filled" in self.facts.declares:
            return []
        inside = OneEntry(self.law, self.facts, admits_all=True)
        names = {
            rate["quota"]["name"]: None
            for name, (_, _, rate) in inside.standing.items()
            if isinstance(rate, dict) and isinstance(rate.get("quota"), dict) and "quantity" in rate["quota"]
            if inside.outcome(name).applies
        }
        return list(names)

    def under_quotas(self, filled: dict[str, Fraction]) -> list[tuple[Fraction, OneEntry]]:
        """Return the parts within and beyond each quota, with their weights.

        They are those of the goods which absolute quotas admit; where they admit nothing, what it would be if they did.
        """
        parts = [(ONE, self)]
        for quota in self.quotas_drawn_on():
            parts = [
                (share * portion, OneEntry(self.law, self.facts, entry.beyond | over))
                for share, entry in parts
                for portion, over in ((filled[quota], frozenset[str]()), (1 - filled[quota], frozenset({quota})))
                if portion > 0
            ]
        admitted = [(share, entry) for share, entry in parts if entry.is_admitted()]
        whole = sum((share for share, _ in admitted), ZERO)
        if not admitted:
            return [(ONE, OneEntry(self.law, self.facts, self.beyond, admits_all=True))]
        return [(share / whole, entry) for share, entry in admitted]

    def is_admitted(self) -> bool:
        """Tell whether no absolute quota keeps the goods out."""
        try:
            self.outcomes_of_all()
        except NotAdmittedError:
            return False
        return True

    def column_1_rate(self, column_1: Any) -> Any:
        if isinstance(column_1, dict):
            return column_1["special" if self.facts.program and "special" in column_1 else "general"]
        return column_1

    def last_row(self, rows: Any, key: str, own: dict[str, Any], published: str | None) -> Any:
        """Return the value of the last row whose conditions all hold, or None."""
        found = None
        for row in rows if isinstance(rows, list) else [{key: rows}]:
            if self.law.holds(row, self.facts, own, published):
                found = row[key]
        return found

    def all_relations(self) -> list[tuple[Row, Facts, dict[str, Any], str | None]]:
        """Every relation with its ``by`` and its parent's date of publication, as arguments of ``Law.holds``."""
        found = []
        for own in self.law.rule_sets:
            found += [(relation, self.facts, own, None) for relation in own.get("relations", [])]
            for measure in own.get("measures", []):
                published = measure.get("published") or measure.get("from")
                written = [*measure.get("relations", [])]
                keys = ("excludes", "covers", "replaces", "part", "even_if_free")
                if any(key in measure for key in keys):
                    written.append({key: measure[key] for key in keys if key in measure})
                found += [({"by": measure["id"], **one}, self.facts, own, published) for one in written]
        return found

    @staticmethod
    def is_named(measure: dict[str, Any], names: Any) -> bool:
        """Measures that a name stands for, as an id or as an action."""
        return names is not None and bool({measure["id"], measure.get("action", measure["id"])} & set(as_list(names)))

    def bearing_on(self, target: str, verb: str) -> list[tuple[str, Row, dict[str, Any]]]:
        """Return who excludes, covers or replaces a standing measure, with the relation; never the measure itself."""
        measure = self.standing[target][0]
        return [
            (other, relation, own)
            for relation, _, own, _ in self.relations
            if self.is_named(measure, relation.get(verb))
            for other in self.standing
            if other != target and self.is_named(self.standing[other][0], relation["by"])
        ]

    def part(self, base: Any, own: dict[str, Any]) -> Part:
        """Return the part of the value that a base means at this entry."""
        if base is None or base == "customs-value":
            return WHOLE
        if "content" in base:
            content = self.facts.content.get(base["content"])
            if content is None:
                return NOTHING if base.get("unknown") == "zero" else WHOLE
            return Part(False, {base["content"]: content})
        content = self.facts.content.get(base["without"])
        if content is None:
            return WHOLE
        return Part(True, {base["without"]: min(content, number(base.get("at_most", 1)))})

    def outcome(self, name: str) -> Outcome:
        if name not in self.outcomes:
            self.outcomes[name] = self.find_outcome(name)
        return self.outcomes[name]

    def find_outcome(self, name: str) -> Outcome:
        for other, _, _ in self.bearing_on(name, "replaces"):
            if self.outcome(other).applies:
                return Outcome(applies=False)
        for other, relation, _ in self.bearing_on(name, "excludes"):
            if self.outcome(other).applies and (self.outcome(other).charge > 0 or relation.get("even_if_free")):
                return Outcome(applies=False)
        measure, own, rate = self.standing[name]
        published = measure.get("published") or measure.get("from")
        part = self.part(self.last_row(measure.get("base", "customs-value"), "base", own, published), own)
        for other, relation, relation_own in self.bearing_on(name, "covers"):
            by = self.outcome(other)
            if by.applies and (by.charge > 0 or relation.get("even_if_free")):
                part = part.less(self.part(relation["part"], relation_own) if "part" in relation else by.part)
        return Outcome(True, part, self.rate(rate, own) * part.share)

    def rate(self, rate: Any, own: dict[str, Any]) -> Fraction:
        if not isinstance(rate, dict):
            return ad_valorem(rate, self.facts)
        if "top_up_to" in rate:
            return max(ZERO, number(rate["top_up_to"]) - self.column_1_owed(own["column_1"]))
        if "schedule" in rate:
            return ad_valorem(self.scheduled(rate, own), self.facts)
        quota = rate["quota"]["name"] if isinstance(rate["quota"], dict) else rate["quota"]
        over_quota = rate.get("over_quota", "refused")
        if quota in self.beyond or "quota-filled" in self.facts.declares:
            if over_quota != "refused":
                return ad_valorem(over_quota, self.facts)
            if not self.admits_all:
                raise NotAdmittedError(quota)
        return ad_valorem(rate["in_quota"], self.facts)

    def scheduled(self, rate: dict[str, Any], own: dict[str, Any]) -> str:
        """Return what the longest line of a schedule says, in the column of the program where the line fills it."""
        lines = [
            line
            for line in self.law.look_up("schedules", rate["schedule"], own)
            if digits(self.facts.product).startswith(line_digits(line["product"]))
        ]
        line = max(lines, key=lambda one: len(line_digits(one["product"])))
        if "column" in rate:
            return line[rate["column"]]
        program, _ = self.law.programs().get(self.facts.program or "", ({}, own))
        return line.get(program.get("symbol", "")) or line["general"]

    def column_1_owed(self, column_1: str) -> Fraction:
        """Column-1 duty over the customs value, whichever measure charges it."""
        answering = {name for name in self.standing if self.is_named(self.standing[name][0], column_1)}
        replacing = {other for name in answering for other, _, _ in self.bearing_on(name, "replaces")}
        return sum((self.outcome(name).charge for name in answering | replacing), ZERO)

    def outcomes_of_all(self) -> dict[str, Outcome]:
        return {name: self.outcome(name) for name in self.standing}
