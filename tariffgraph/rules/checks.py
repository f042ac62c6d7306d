"""Checks over all the rule sets that stand side by side: names, definitions, circles (docs/rules.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from ..codes import CodeProblem, countries, parse_country
from ..errors import Finding, nearest, suggestion, visible
from .rate import ScheduleRate, TopUpTo

if TYPE_CHECKING:
    from .measure import Conditions, Measure, Products
    from .rate import Base
    from .relation import Relation
    from .rule_set import RuleSet

__all__ = ["ALL", "MeasureIndex", "check_rule_sets", "countries_of", "place_fields"]

#: the importer that stands for every country
ALL = "all"
#: problems that are looked for, and names with which an unknown one is compared
MOST_PROBLEMS = 500
MOST_COMPARED = 1000
#: pairs of measures between which relations are followed
MOST_PAIRS = 250_000
#: sections whose names all the sets share
_SHARED = ("groups", "content", "programs", "lists", "schedules", "regions")
_WHAT = {
    "groups": "group",
    "content": "content kind",
    "programs": "program",
    "lists": "list",
    "schedules": "schedule",
    "regions": "region",
}

Node = TypeVar("Node")
Places = Mapping[tuple[str, str], str]


def check_rule_sets(rule_sets: tuple[RuleSet, ...], places: Places | None = None) -> list[Finding]:
    """Return every problem of the rule sets together; ``places`` says where (section, name) is defined."""
    places = places or {}
    twice = list(check_for_twice_given_sets(rule_sets))
    if twice:
        return twice
    names = _Names(rule_sets)
    found = chain(
        check_for_conflicting_definitions(rule_sets, places),
        check_for_twice_used_ids(rule_sets),
        check_for_unknown_countries(rule_sets, names, places),
        check_for_unknown_names(rule_sets, names, places),
        check_for_column_1(rule_sets, names, places),
        check_for_missing_importers(rule_sets),
        check_for_credits(rule_sets, names),
    )
    findings = list(islice(found, MOST_PROBLEMS))
    # Relations can be followed only where their names are known.
    return findings or list(check_for_circles(rule_sets, names.measures))


class MeasureIndex:
    """Which measures a name stands for, be it an id or an action that several share."""

    def __init__(self, rule_sets: Iterable[RuleSet]) -> None:
        self.by_id: dict[str, Measure] = {}
        self.by_action: dict[str, list[str]] = defaultdict(list)
        for rule_set in rule_sets:
            for measure in rule_set.measures:
                self.by_id.setdefault(measure.id, measure)
                self.by_action[measure.action].append(measure.id)

    def __contains__(self, name: object) -> bool:
        return name in self.by_id or name in self.by_action

    def ids(self, name: str) -> list[str]:
        """Return the ids that ``name`` stands for, empty when it is unknown."""
        own = [name] if name in self.by_id else []
        return own + [one for one in self.by_action.get(name, ()) if one != name]

    def names(self) -> list[str]:
        """Return all the ids and actions, sorted."""
        return sorted({*self.by_id, *self.by_action})


class _Names:
    """Every name that the loaded sets define."""

    def __init__(self, rule_sets: tuple[RuleSet, ...]) -> None:
        self.measures = MeasureIndex(rule_sets)
        self.groups: set[str] = set()
        self.content: set[str] = set()
        self.programs: set[str] = set()
        self.lists: set[str] = set()
        self.regions: set[str] = set()
        self.columns: dict[str, set[str]] = {}
        for rule_set in rule_sets:
            self.groups.update(rule_set.groups)
            self.content.update(rule_set.content)
            self.programs.update(rule_set.programs, rule_set.elsewhere)
            self.lists.update(rule_set.lists)
            self.regions.update(rule_set.regions)
            for name, schedule in rule_set.schedules.items():
                self.columns[name] = {"general", "column 2"}.union(*(line.special for line in schedule.lines))
        self.countries = {*countries(), *self.groups, *self.regions}


# --- findings with a place ------------------------------------------------------------------------------


def place_fields(where: str) -> dict[str, object]:
    """Return file, line and column out of FILE:LINE:COLUMN (or FILE:LINE, or nothing)."""
    parts = where.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return {"file": parts[0], "line": int(parts[1]), "column": int(parts[2])}
    parts = where.rsplit(":", 1)
    if len(parts) == 2 and parts[1].isdigit():
        return {"file": parts[0], "line": int(parts[1])}
    return {"file": where}


def _finding(message: str, remedy: str, where: str, field: str, value: str = "", measure: str = "") -> Finding:
    finding = Finding(message, remedy, check="rules", field=field, value=value, measure=measure)
    return finding.at(**place_fields(where))


def _unknown(what: str, name: str, known: Iterable[str], where: str, field: str, measure: str = "") -> Finding:
    plural = {"measure": "measures and actions"}.get(what, f"{what}s")
    known = list(known)
    if len(known) > MOST_COMPARED:  # a thousand comparisons with each of 10,000 names would take minutes
        known = [one for one in known if one[:1] == name[:1]][:MOST_COMPARED]
        near = nearest(name, known)
        remedy = f"Did you mean '{visible(near)}'?" if near else f"None of the known {plural} comes near."
    else:
        remedy = suggestion(name, known, plural)
    return _finding(f"no {what} '{visible(name)}'", remedy, where, field, name, measure)


# --- walking ------------------------------------------------------------------------------------------


def _conditions(rule_set: RuleSet) -> Iterator[tuple[Conditions, str, str]]:
    """Yield every set of conditions with its place and the measure."""
    for measure in rule_set.measures:
        yield measure.conditions, measure.where, measure.id
        for rate in measure.rate:
            yield rate.conditions, rate.where, measure.id
        for base in measure.base:
            yield base.conditions, base.where, measure.id
    for relation in rule_set.relations:
        yield relation.conditions, relation.where, ""


def _bases(rule_set: RuleSet) -> Iterator[tuple[Base, str, str, str]]:
    for measure in rule_set.measures:
        for row in measure.base:
            yield row.value, row.where, "base", measure.id
    for relation in rule_set.relations:
        if relation.part is not None:
            yield relation.part, relation.where, "part", ""


# --- checks -------------------------------------------------------------------------------------------


def check_for_conflicting_definitions(rule_sets: tuple[RuleSet, ...], places: Places) -> Iterator[Finding]:
    """Two different definitions under one name."""
    for section in _SHARED:
        seen: dict[str, tuple[object, str]] = {}
        for rule_set in rule_sets:
            for name, definition in getattr(rule_set, section).items():
                first = seen.setdefault(name, (definition, rule_set.id))
                if first[1] != rule_set.id and _meaning(first[0]) != _meaning(definition):
                    yield _finding(
                        f"the {_WHAT[section]} '{visible(name)}' is defined in the rule sets '{first[1]}' and "
                        f"'{rule_set.id}', and differently",
                        "Give one of them another name.",
                        places.get((section, name), ""),
                        section,
                        name,
                    )


def _meaning(definition: object) -> object:
    # Programmes and schedules remember where they were read; that is no difference.
    from .fingerprint import canonical

    return canonical(definition)


def check_for_twice_given_sets(rule_sets: tuple[RuleSet, ...]) -> Iterator[Finding]:
    """Two rule sets of one name: all that follows from it is left unsaid."""
    first: dict[str, RuleSet] = {}
    for rule_set in rule_sets:
        twin = first.setdefault(rule_set.id, rule_set)
        if twin is rule_set:
            continue
        if _meaning(twin) == _meaning(rule_set):
            message, remedy = f"the rule set '{visible(rule_set.id)}' is given twice", "Give it once."
        else:
            files = [str(place_fields(one.measures[0].where)["file"]) for one in (twin, rule_set) if one.measures]
            where = f" ({' and '.join(files)})" if len(set(files)) > 1 else ""
            message, remedy = (
                f"two rule sets have the name '{visible(rule_set.id)}'{where}",
                "Rename one, or leave it out.",
            )
        yield Finding(message, remedy, check="rules", value=rule_set.id)


def check_for_twice_used_ids(rule_sets: tuple[RuleSet, ...]) -> Iterator[Finding]:
    """Two measures with one id."""
    first: dict[str, Measure] = {}
    for rule_set in rule_sets:
        for measure in rule_set.measures:
            twin = first.setdefault(measure.id, measure)
            if twin is not measure:
                place = f" (the other: {twin.where})" if twin.where else ""
                yield _finding(
                    f"two measures have the id '{visible(measure.id)}'{place}",
                    "Give one of them another id.",
                    measure.where,
                    "id",
                    measure.id,
                    measure.id,
                )


def check_for_unknown_countries(rule_sets: tuple[RuleSet, ...], names: _Names, places: Places) -> Iterator[Finding]:
    """Countries that are no ISO code, region or group; groups and regions named like a country."""

    def unknown(
        members: tuple[str, ...] | None, where: str, field: str, measure: str, also: set[str]
    ) -> Iterator[Finding]:
        for name in members or ():
            if name not in also:
                try:
                    parse_country(name, also)
                except CodeProblem as problem:
                    message = problem.message.replace("a country", "a country, region or group")
                    # A word is more likely a group misspelt than a country; a code is a country's.
                    near = nearest(name, names.groups | names.regions) if len(name) > 3 else None
                    remedy = problem.remedy if near is None else f"Did you mean '{visible(near)}'?"
                    yield _finding(message, remedy, where, field, name, measure)

    importers = names.countries | {ALL}
    for rule_set in rule_sets:
        yield from unknown(rule_set.importer, places.get(("importer", rule_set.id), ""), "importer", "", importers)
        for conditions, where, measure in _conditions(rule_set):
            for field in ("origins", "except_origins", "exporters", "nationality"):
                yield from unknown(getattr(conditions, field), where, field, measure, names.countries)
            if conditions.importer != rule_set.importer:  # else inherited, and said above
                yield from unknown(conditions.importer, where, "importer", measure, importers)
        for group, members in rule_set.groups.items():
            where = places.get(("groups", group), "")
            yield from unknown(members, where, f"groups.{group}", "", names.countries)
            if group in countries() or group in names.regions or group == ALL:
                yield _finding(
                    f"the group '{group}' has the name of a country", "Name it otherwise.", where, "groups", group
                )
        for region in rule_set.regions:
            if region in countries():
                where = places.get(("regions", region), "")
                yield _finding(
                    f"the region '{region}' has the code of a country", "Name it otherwise.", where, "regions", region
                )
        for kind, content in rule_set.content.items():
            where = places.get(("content", kind), "")
            for field in (
                "countries",
                "except_countries",
                "origins",
                "except_origins",
                "nationality",
                "except_nationality",
            ):
                yield from unknown(getattr(content, field), where, field, "", names.countries)
        for program in rule_set.programs.values():
            yield from unknown(program.partners, program.where, "partners", "", names.countries)
        for credit in rule_set.credits:
            yield from unknown(credit.importer, credit.where, "importer", "", importers)
            yield from unknown(credit.nationality, credit.where, "nationality", "", names.countries)


def check_for_unknown_names(rule_sets: tuple[RuleSet, ...], names: _Names, places: Places) -> Iterator[Finding]:
    """Names of lists, kinds, programs, schedules and measures that no loaded set defines."""

    def lists(products: Products | None, where: str, field: str, measure: str) -> Iterator[Finding]:
        for name in products.lists if products is not None else ():
            if name not in names.lists:
                yield _unknown("list", name, names.lists, where, field, measure)

    for rule_set in rule_sets:
        for conditions, where, measure in _conditions(rule_set):
            for field in ("products", "except_products", "used_in"):
                yield from lists(getattr(conditions, field), where, field, measure)
            for program in conditions.program or ():
                if program not in names.programs:
                    yield _unknown("program", program, names.programs, where, "program", measure)
            for kind in conditions.content:
                if kind not in names.content:
                    yield _unknown("content kind", kind, names.content, where, "content", measure)
            reach = conditions.reach
            declared = [one.removeprefix("reach:") for one in conditions.declares if one.startswith("reach:")]
            for kind in (*declared, *((reach.kind, reach.inside) if reach is not None else ())):
                if kind and kind not in names.content:
                    yield _unknown("content kind", kind, names.content, where, "reach", measure)
        for base, where, field, measure in _bases(rule_set):
            if base.kind and base.kind not in names.content:
                yield _unknown("content kind", base.kind, names.content, where, field, measure)
        for kind, content in rule_set.content.items():
            for field in ("products", "except_products"):
                yield from lists(getattr(content, field), places.get(("content", kind), ""), field, "")
        for one in rule_set.measures:
            for row in one.rate:
                rate = row.value
                if not isinstance(rate, ScheduleRate):
                    continue
                if rate.schedule not in names.columns:
                    yield _unknown("schedule", rate.schedule, names.columns, row.where, "rate", one.id)
                elif rate.column and rate.column not in names.columns[rate.schedule]:
                    yield _unknown("column", rate.column, names.columns[rate.schedule], row.where, "rate", one.id)
        known = names.measures.names()
        for relation in rule_set.relations:
            for field in ("by", "excludes", "covers", "replaces"):
                for name in getattr(relation, field):
                    if name not in names.measures:
                        yield _unknown("measure", name, known, relation.where, field)
        for one_program in rule_set.programs.values():
            for rule in one_program.origin:
                yield from lists(rule.products, rule.where, "products", "")
                yield from lists(rule.except_products, rule.where, "except_products", "")
        for credit in rule_set.credits:
            yield from lists(credit.products, credit.where, "products", "")
            yield from lists(credit.except_products, credit.where, "except_products", "")
            for name in credit.of:
                if name not in names.measures:
                    yield _unknown("measure", name, known, credit.where, "of")


def check_for_column_1(rule_sets: tuple[RuleSet, ...], names: _Names, places: Places) -> Iterator[Finding]:
    """``column_1`` names a measure, and is there where a top-up is measured against it."""
    for rule_set in rule_sets:
        where = places.get(("column_1", rule_set.id), "")
        if rule_set.column_1 and rule_set.column_1 not in names.measures:
            yield _unknown("measure", rule_set.column_1, names.measures.names(), where, "column_1")
        if not rule_set.column_1:
            for measure in rule_set.measures:
                row = next((row for row in measure.rate if isinstance(row.value, TopUpTo)), None)
                if row is not None:
                    yield _finding(
                        f"'{visible(measure.id)}' tops up the column-1 rate, and the rule set "
                        f"'{visible(rule_set.id)}' names no column_1",
                        "Write column_1: with the measure that is the base duty.",
                        row.where,
                        "top_up_to",
                        "",
                        measure.id,
                    )


def check_for_missing_importers(rule_sets: tuple[RuleSet, ...]) -> Iterator[Finding]:
    """Measures of which nobody says who charges them."""
    for rule_set in rule_sets:
        for measure in rule_set.measures:
            if not measure.conditions.importer:
                yield _finding(
                    f"neither the measure '{visible(measure.id)}' nor the rule set '{visible(rule_set.id)}' "
                    "names an importer",
                    "Write importer: USA, say, in one of them.",
                    measure.where,
                    "importer",
                    "",
                    measure.id,
                )


def check_for_credits(rule_sets: tuple[RuleSet, ...], names: _Names) -> Iterator[Finding]:
    """Credits with the name of a measure or of an action: results would not tell them apart."""
    for rule_set in rule_sets:
        for credit in rule_set.credits:
            if credit.id in names.measures:
                yield _finding(
                    f"the credit '{visible(credit.id)}' has the name of a measure or an action",
                    "Name it otherwise.",
                    credit.where,
                    "id",
                    credit.id,
                )


# --- circles ------------------------------------------------------------------------------------------


def countries_of(members: Iterable[str], groups: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the countries and regions that the names stand for, groups written out (also inside groups)."""
    found: set[str] = set()
    waiting, met = list(members), set()
    while waiting:
        name = waiting.pop()
        if name not in groups:
            found.add(name)
        elif name not in met:
            met.add(name)
            waiting += groups[name]
    return frozenset(found)


#: before: the measure that is walked first; after; from and until; the importers for whom (None: all)
_Edge = tuple[str, str, date, date, frozenset[str] | None]


def check_for_circles(rule_sets: tuple[RuleSet, ...], index: MeasureIndex) -> Iterator[Finding]:
    """Measures that must each come before the other on one day, for one importer.

    Whoever excludes, covers or replaces goes first, and column 1 ahead of a top-up.
    """
    pairs = 0
    for rule_set in rule_sets:
        for relation in rule_set.relations:
            pairs += sum(len(index.ids(name)) for name in relation.by) * len(_targets(relation, index))
            if pairs > MOST_PAIRS:
                yield _finding(
                    f"the relations join more than {MOST_PAIRS:,} pairs of measures",
                    "Split the rule set, or relate fewer measures.",
                    relation.where,
                    "relations",
                )
                return
    groups = {name: members for rule_set in rule_sets for name, members in rule_set.groups.items()}
    edges = [edge for edge in _order(rule_sets, index, groups) if edge[2] < edge[3]]
    after: dict[str, set[str]] = defaultdict(set)
    for first, second, *_ in edges:
        after[first].add(second)
    reported: set[frozenset[str]] = set()
    for members in _knots(after):
        inside = [edge for edge in edges if edge[0] in members and edge[1] in members]
        importers = sorted({one for edge in inside for one in edge[4] or ()}) or [ALL]
        for importer in importers:
            own = [edge for edge in inside if edge[4] is None or importer in edge[4]]
            for day in sorted({edge[2] for edge in own}):
                on_day: dict[str, set[str]] = defaultdict(set)
                for first, second, from_, until, _ in own:
                    if from_ <= day < until:
                        on_day[first].add(second)
                for knot in _knots(on_day):
                    if knot not in reported:
                        reported.add(knot)
                        yield _circle(_circle_in(knot, on_day), day, importer, rule_sets, index)


def _order(
    rule_sets: tuple[RuleSet, ...], index: MeasureIndex, groups: Mapping[str, tuple[str, ...]]
) -> Iterator[_Edge]:
    def charged_by(conditions: Conditions) -> frozenset[str] | None:
        if conditions.importer is None or ALL in conditions.importer:
            return None
        return countries_of(conditions.importer, groups)

    def edge(first: str, second: str, *more: Conditions) -> Iterator[_Edge]:
        every = (index.by_id[first].conditions, index.by_id[second].conditions, *more)
        from_ = max(one.from_ or date.min for one in every)
        until = min(one.until or date.max for one in every)
        importers: frozenset[str] | None = None
        for own in (charged_by(one) for one in every):
            importers = own if importers is None else importers if own is None else importers & own
        if importers is None or importers:
            yield first, second, from_, until, importers

    for rule_set in rule_sets:
        for relation in rule_set.relations:
            firsts = {one for name in relation.by for one in index.ids(name)}
            for second in _targets(relation, index):
                for first in firsts:
                    if first != second:
                        yield from edge(first, second, relation.conditions)
        for measure in rule_set.measures:
            for row in measure.rate:
                if isinstance(row.value, TopUpTo):
                    for first in index.ids(rule_set.column_1):
                        if first != measure.id:
                            yield from edge(first, measure.id, row.conditions)


def _targets(relation: Relation, index: MeasureIndex) -> set[str]:
    return {one for name in (*relation.excludes, *relation.covers, *relation.replaces) for one in index.ids(name)}


def _knots(after: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """Return the strongly connected components of two measures or more (Tarjan, without recursion)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    on_stack: set[str] = set()
    stack: list[str] = []
    knots: list[frozenset[str]] = []
    for root in sorted(after):
        if root in number:
            continue
        work = [(root, iter(sorted(after.get(root, ()))))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, rest = work[-1]
            for one in rest:
                if one not in number:
                    number[one] = low[one] = len(number)
                    stack.append(one)
                    on_stack.add(one)
                    work.append((one, iter(sorted(after.get(one, ())))))
                    break
                if one in on_stack:
                    low[node] = min(low[node], number[one])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    members = set()
                    while True:
                        one = stack.pop()
                        on_stack.discard(one)
                        members.add(one)
                        if one == node:
                            break
                    if len(members) > 1:
                        knots.append(frozenset(members))
    return knots


def _circle_in(knot: frozenset[str], after: Mapping[str, set[str]]) -> list[str]:
    """Return a shortest circle through the first measure of the knot."""
    start = min(knot)
    came_from: dict[str, str] = {}
    waiting = [start]
    for node in waiting:
        for one in sorted(after.get(node, ())):
            if one == start:
                path = [node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if one in knot and one not in came_from:
                came_from[one] = node
                waiting.append(one)
    raise AssertionError("a knot has a circle through each of its members")


def _circle(path: list[str], day: date, importer: str, rule_sets: tuple[RuleSet, ...], index: MeasureIndex) -> Finding:
    turn = " -> ".join(f"'{visible(one)}'" for one in (*path, path[0]))
    when = "on every day" if day == date.min else f"on {day}"
    steps = set(zip(path, (*path[1:], path[0]), strict=True))
    where = [
        relation.where
        for rule_set in rule_sets
        for relation in rule_set.relations
        if relation.where
        and any(
            first in {one for name in relation.by for one in index.ids(name)} and second in _targets(relation, index)
            for first, second in steps
        )
    ]
    where = list(dict.fromkeys(where))
    others = f" (see also {', '.join(where[1:4])})" if len(where) > 1 else ""
    whom = "" if importer == ALL else f" for {importer}"
    return _finding(
        f"the relations go in a circle {when}{whom}: {turn}, each to be decided before the next{others}",
        "Bound one of them with from/until, or take it out.",
        where[0] if where else "",
        "relations",
        "",
        path[0],
    )
