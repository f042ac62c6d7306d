"""Changes of rule sets: what a file adds, what an overlay removes, sets and extends (docs/rules.md).

Every function takes rule sets and gives new ones. ``only`` is the id of the one set that is changed (an overlay
extends one); without it a name may belong to any of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from ..codes import product_key, scope_key
from ..errors import Finding, RulesError, suggestion, visible
from ..frozen import FrozenMapping
from .checks import ALL, MeasureIndex, countries_of, place_fields
from .convert import (
    conditions_of,
    content_kind_of,
    credit_of,
    measure_of,
    place_text,
    program_of,
    relation_by_of,
)
from .fingerprint import canonical
from .measure import Conditions, Measure, Products, Row
from .rate import AdValorem, TopUpTo
from .schema import OverlayKeys, PartKeys, SetKeys, validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .relation import Relation
    from .rule_set import Credit, ListLine, RuleSet

__all__ = [
    "add_definitions",
    "add_part",
    "apply_overlay",
    "changed",
    "lists_extended",
    "lists_reduced",
    "removed",
    "typed_overlay",
    "typed_part",
    "typed_set",
]

RuleSets = tuple["RuleSet", ...]

_RELATION_NAMES = ("excludes", "covers", "replaces")


def typed_part(tree: object, file: str = "") -> PartKeys:
    """Return what a file adds to a rule set, typed; raise RulesError with every problem."""
    return validate(PartKeys, tree, file)


def typed_overlay(tree: object, file: str = "") -> OverlayKeys:
    """Return an overlay, typed; raise RulesError with every problem."""
    return validate(OverlayKeys, tree, file)


def typed_set(tree: object, file: str = "") -> SetKeys:
    """Return one change, typed; raise RulesError with every problem."""
    return validate(SetKeys, tree, file)


# --- adding -------------------------------------------------------------------------------------------


def add_part(rule_set: RuleSet, part: PartKeys, tree: Any, file: str, places: dict[tuple[str, str], str]) -> RuleSet:
    """Return the rule set with what a file of its folder, or an overlay's ``add``, holds; notes places by name."""
    measures, relations = list(rule_set.measures), list(rule_set.relations)
    for keys in part.measures:
        measure, own = measure_of(keys, file, rule_set.importer)
        measures.append(measure)
        relations += own
    relations += [relation_by_of(keys, file) for keys in part.relations]
    definitions: dict[str, dict[str, Any]] = {
        "groups": dict(part.groups),
        "regions": dict(part.regions),
        "content": {name: content_kind_of(keys) for name, keys in part.content.items()},
        "programs": {name: program_of(name, keys, file) for name, keys in part.programs.items()},
        "lists": dict(part.lists),
    }
    for section, named in definitions.items():
        values_at = getattr(tree.get(section), "values_at", {})
        new = {(section, name): f"{file}:{at[0]}:{at[1]}" for name, at in values_at.items() if name in named}
        rule_set = add_definitions(rule_set, section, named, new, places)
    return replace(
        rule_set,
        measures=tuple(measures),
        relations=tuple(relations),
        credits=(*rule_set.credits, *(credit_of(keys, file) for keys in part.credits)),
        elsewhere=tuple(dict.fromkeys((*rule_set.elsewhere, *part.programs_elsewhere))),
        hash="",
    )


def add_definitions(
    rule_set: RuleSet,
    section: str,
    named: Mapping[str, object],
    new: Mapping[tuple[str, str], str],
    places: dict[tuple[str, str], str],
) -> RuleSet:
    """Return the rule set with definitions added to one section; raise RulesError where a name means two things."""
    if not named:
        return rule_set
    known = getattr(rule_set, section)
    problems = []
    for name, definition in named.items():
        if name in known and canonical(known[name]) != canonical(definition):
            first = places.get((section, name), "")
            problems.append(
                Finding(
                    f"'{visible(name)}' is defined twice, and differently{f' (first: {first})' if first else ''}",
                    "Keep one of the definitions.",
                    check="twice-defined",
                    field=section,
                    value=name,
                ).at(**place_fields(new.get((section, name), "")))
            )
    if problems:
        raise RulesError(problems)
    for key, place in new.items():
        places.setdefault(key, place)
    changes: dict[str, Any] = {section: FrozenMapping({**known, **named})}
    return replace(rule_set, **changes)


# --- overlays -----------------------------------------------------------------------------------------


def apply_overlay(
    rule_sets: RuleSets, overlay: OverlayKeys, tree: Any, file: str, name: str, places: dict[tuple[str, str], str]
) -> RuleSets:
    """Return the rule sets with the overlay laid over the one that it extends.

    In this order: ``remove``, ``add``, ``remove_lists``, ``extend_lists``, ``set``; so an overlay may put another
    measure in the place of one that it removes, and set what it adds.
    """
    only = overlay.extends
    problems: list[Finding] = []
    findings: list[Finding] = []

    def step(change: Any, where: str) -> None:
        nonlocal rule_sets
        try:
            rule_sets, found = change(rule_sets)
        except RulesError as error:
            problems.extend(
                finding.at(**place_fields(where)) if not finding.file else finding for finding in error.findings
            )
            return
        findings.extend(finding.at(**place_fields(where)) for finding in found)

    def place(section: str) -> str:
        at = getattr(tree, "values_at", {}).get(section)
        return f"{file}:{at[0]}:{at[1]}" if at else file

    if overlay.remove:
        step(lambda sets: (removed(sets, overlay.remove, only), ()), place("remove"))
    added = tree.get("add") or {}
    added = {"measures": added} if isinstance(added, (list, tuple)) else added
    step(
        lambda sets: (
            tuple(add_part(one, overlay.add, added, file, places) if one.id == only else one for one in sets),
            (),
        ),
        place("add"),
    )
    if overlay.remove_lists:
        step(lambda sets: lists_reduced(sets, overlay.remove_lists, only), place("remove_lists"))
    if overlay.extend_lists:
        step(lambda sets: lists_extended(sets, overlay.extend_lists, only), place("extend_lists"))
    for keys in overlay.set:
        step(lambda sets, keys=keys: changed(sets, keys, file, only), place_text(keys, file, file))
    if problems:
        raise RulesError(problems)
    return tuple(
        replace(one, overlays=(*one.overlays, name), findings=(*one.findings, *findings), hash="")
        if one.id == only
        else one
        for one in rule_sets
    )


# --- removing -----------------------------------------------------------------------------------------


def removed(
    rule_sets: RuleSets, names: Iterable[str], only: str | None = None, *, by_id: bool = False, keep_base: bool = False
) -> RuleSets:
    """Return the rule sets without the measures named by id or action, or the credits; relations forget them too.

    ``by_id``: a name that is an id stands for that measure alone, and not for an action of the same name.
    ``keep_base``: a base duty that top-ups are measured against stays, and charges 0.
    """
    index = _index(rule_sets, only)
    names = list(names)
    credits_of = {credit.id for one in rule_sets if only is None or one.id == only for credit in one.credits}
    gone = {
        one
        for name in names
        if name not in credits_of
        for one in _ids(index, name, "remove")
        if one == name or not (by_id and name in index.by_id)
    }
    rule_sets = tuple(
        replace(one, credits=tuple(credit for credit in one.credits if credit.id not in names), hash="")
        if only is None or one.id == only
        else one
        for one in rule_sets
    )
    before = MeasureIndex(rule_sets)
    left = tuple(
        replace(one, measures=tuple(measure for measure in one.measures if measure.id not in gone), hash="")
        for one in rule_sets
    )
    after = MeasureIndex(left)
    forgotten = {name for name in before.names() if not after.ids(name)}
    kept = [
        _base_duties(one, forgotten) if keep_base and _tops_up(new) else ()
        for one, new in zip(rule_sets, left, strict=True)
    ]
    return tuple(
        replace(
            one,
            measures=(*one.measures, *base),
            relations=tuple(relation for relation in (_without(each, forgotten) for each in one.relations) if relation),
            credits=tuple(credit for credit in (_credit_without(each, forgotten) for each in one.credits) if credit),
            column_1="" if one.column_1 in forgotten and not base else one.column_1,
        )
        for one, base in zip(left, kept, strict=True)
    )


def _tops_up(rule_set: RuleSet) -> bool:
    """Tell whether a measure of the set is measured against its base duty."""
    return any(isinstance(row.value, TopUpTo) for measure in rule_set.measures for row in measure.rate)


def _base_duties(rule_set: RuleSet, forgotten: set[str]) -> tuple[Measure, ...]:
    """Return the base duty of the set, if it is forgotten, as one that charges 0."""
    if rule_set.column_1 not in forgotten:
        return ()
    return tuple(
        replace(measure, rate=(Row(AdValorem(0.0)),), base=())
        for measure in rule_set.measures
        if rule_set.column_1 in (measure.id, measure.action)
    )


def _without(relation: Relation, names: set[str]) -> Relation | None:
    by = tuple(name for name in relation.by if name not in names)
    targets: dict[str, Any] = {
        field: tuple(name for name in getattr(relation, field) if name not in names) for field in _RELATION_NAMES
    }
    if not by or not any(targets.values()):
        return None
    if by == relation.by and all(targets[field] == getattr(relation, field) for field in _RELATION_NAMES):
        return relation
    return replace(relation, by=by, **targets)


def _credit_without(credit: Credit, names: set[str]) -> Credit | None:
    of = tuple(name for name in credit.of if name not in names)
    return None if not of else credit if of == credit.of else replace(credit, of=of)


def _index(rule_sets: RuleSets, only: str | None) -> MeasureIndex:
    return MeasureIndex(one for one in rule_sets if only is None or one.id == only)


def _ids(index: MeasureIndex, name: str, field: str) -> list[str]:
    ids = index.ids(name)
    if not ids:
        raise RulesError(
            Finding(
                f"no measure '{visible(name)}'",
                suggestion(name, index.names(), "measures and actions"),
                check="rules",
                field=field,
                value=name,
            )
        )
    return ids


# --- lists --------------------------------------------------------------------------------------------


def _changed_lists(
    rule_sets: RuleSets, names: Iterable[str], change: Any, only: str | None, field: str
) -> tuple[RuleSets, tuple[Finding, ...]]:
    known = {name for one in rule_sets if only is None or one.id == only for name in one.lists}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RulesError(
            [
                Finding(
                    f"no list '{visible(name)}'",
                    suggestion(name, known, "lists"),
                    check="rules",
                    field=field,
                    value=name,
                )
                for name in unknown
            ]
        )
    findings: dict[str, Finding] = {}
    result = []
    for one in rule_sets:
        lists = dict(one.lists)
        for name in names:
            if name in lists and (only is None or one.id == only):
                lists[name], found = change(name, lists[name])
                findings |= {str(finding): finding for finding in found}
        result.append(one if lists == dict(one.lists) else replace(one, lists=FrozenMapping(lists), hash=""))
    return tuple(result), tuple(findings.values())


def lists_extended(
    rule_sets: RuleSets, lists: Mapping[str, tuple[ListLine, ...]], only: str | None = None
) -> tuple[RuleSets, tuple[Finding, ...]]:
    """Return the rule sets with lines added to lists, and a finding for every line that stands there already."""

    def extend(name: str, lines: tuple[ListLine, ...]) -> tuple[tuple[ListLine, ...], list[Finding]]:
        new = [line for line in lists[name] if line not in lines]
        twice = [line.product for line in lists[name] if line in lines]
        found = (
            [_nothing(f"{', '.join(twice)} stands on the list '{visible(name)}' already", "extend_lists")]
            if twice
            else []
        )
        return (*lines, *new), found

    return _changed_lists(rule_sets, lists, extend, only, "extend_lists")


def lists_reduced(
    rule_sets: RuleSets, lists: Mapping[str, tuple[str, ...]], only: str | None = None
) -> tuple[RuleSets, tuple[Finding, ...]]:
    """Return the rule sets with lines taken off lists, and a finding for every line that was not there."""

    def reduce(name: str, lines: tuple[ListLine, ...]) -> tuple[tuple[ListLine, ...], list[Finding]]:
        gone = {scope_key(product) for product in lists[name]}
        there = {scope_key(line.product) for line in lines}
        missing = [product for product in lists[name] if scope_key(product) not in there]
        found = (
            [_nothing(f"the list '{visible(name)}' has no line {', '.join(missing)}", "remove_lists")]
            if missing
            else []
        )
        return tuple(line for line in lines if scope_key(line.product) not in gone), found

    return _changed_lists(rule_sets, lists, reduce, only, "remove_lists")


def _nothing(message: str, field: str, measure: str = "") -> Finding:
    return Finding(
        message, "This changes nothing.", severity="warning", check="changes-nothing", field=field, measure=measure
    )


# --- setting ------------------------------------------------------------------------------------------


def changed(
    rule_sets: RuleSets, keys: SetKeys, file: str = "", only: str | None = None
) -> tuple[RuleSets, tuple[Finding, ...]]:
    """Return the rule sets with one change: a row appended, or conditions of the measure replaced.

    The second value is a finding when the change can change nothing, for whatever measure it names.
    """
    ids = set(_ids(_index(rule_sets, only), keys.measure, "measure"))
    appends = keys.rate is not None or keys.base is not None
    scope = _Scope(rule_sets)
    idle: list[str] = []

    def change(measure: Measure) -> Measure:
        if measure.id not in ids:
            return measure
        new = _with_rows(measure, keys, file) if appends else _with_conditions(measure, keys)
        reason = scope.idle(measure, keys, new)
        if reason:
            idle.append(f"'{visible(measure.id)}' {reason}")
        return new

    result = tuple(
        replace(one, measures=tuple(map(change, one.measures)), hash="")
        if any(measure.id in ids for measure in one.measures)
        else one
        for one in rule_sets
    )
    if len(idle) < len(ids):
        return result, ()
    return result, (_nothing("; ".join(idle), "measure", keys.measure),)


def _with_rows(measure: Measure, keys: SetKeys, file: str) -> Measure:
    # No `published` of the measure: a row that a user sets is known always, unless it says when.
    conditions, where = conditions_of(keys), place_text(keys, file)
    rate, base = measure.rate, measure.base
    if keys.rate is not None:
        rate = (*rate, Row(keys.rate, conditions, keys.source, keys.note, where))
    if keys.base is not None:
        base = (*base, Row(keys.base, conditions, keys.source, keys.note, where))
    return replace(measure, rate=rate, base=base)


def _with_conditions(measure: Measure, keys: SetKeys) -> Measure:
    own, stated = measure.conditions, conditions_of(keys)
    new: dict[str, Any] = {
        name: getattr(stated, name) for name in keys.model_fields_set & set(Conditions.__dataclass_fields__)
    }
    for name in ("products", "except_products", "used_in"):
        if name in new and new[name] == Products():
            new[name] = None
    if "importer" in new and not new["importer"]:
        new["importer"] = (ALL,)
    # `published` follows `from` where it stood at its default.
    if ("from_" in new or "published" in new) and (keys.published or own.published in (None, own.from_)):
        new["published"] = stated.published
    return replace(measure, conditions=replace(own, **new))


class _Scope:
    """Tells when a row can never hold, by the conditions alone."""

    def __init__(self, rule_sets: RuleSets) -> None:
        self.groups = {name: members for one in rule_sets for name, members in one.groups.items()}
        self.lists = {name: lines for one in rule_sets for name, lines in one.lists.items()}

    def idle(self, measure: Measure, keys: SetKeys, new: Measure) -> str:
        """Return why the change can change nothing, or ''."""
        if keys.rate is None and keys.base is None:
            return "has these conditions already" if canonical(new.conditions) == canonical(measure.conditions) else ""
        own, row = measure.conditions, conditions_of(keys)
        if max(_from(own), _from(row)) >= min(_until(own), _until(row)):
            return f"does not apply between {keys.from_ or 'the beginning'} and {keys.until or 'the end'}"
        reason = self.why_apart(row, own) or self.why_apart(row, row)
        if reason:
            return reason
        if keys.rate is None and all(self.never_both(row, rate.conditions) for rate in measure.rate):
            return "charges nothing there"
        rows: list[tuple[Any, tuple[Row[Any], ...]]] = [(keys.rate, measure.rate), (keys.base, measure.base)]
        if all(value is None or self.says_already(value, row, before) for value, before in rows):
            return "says so already"
        return ""

    def says_already(self, value: object, row: Conditions, before: tuple[Row[Any], ...]) -> bool:
        """Tell whether wherever ``row`` holds, the last of the rows ``before`` that holds has this value."""
        before = tuple(one for one in before if not self.never_both(row, one.conditions))
        always = any(canonical(replace(one.conditions, published=None)) == canonical(Conditions()) for one in before)
        return always and all(one.value == value for one in before)

    def never_both(self, one: Conditions, other: Conditions) -> bool:
        """Tell whether two sets of conditions can never hold together."""
        return bool(self.why_apart(one, other) or self.why_apart(other, one))

    def why_apart(self, row: Conditions, own: Conditions) -> str:
        """Return what ``row`` asks for and ``own`` rules out, or ''; what ``own`` alone excepts counts."""
        if max(_from(own), _from(row)) >= min(_until(own), _until(row)):
            return "has other dates"
        for name, word in (
            ("origins", "origins"),
            ("exporters", "exporters"),
            ("nationality", "nationality"),
            ("importer", "importers"),
        ):
            if self.apart(getattr(row, name), getattr(own, name), getattr(own, f"except_{name}", None)):
                return f"has other {word}"
        if self.products_apart(row.products, own.products) or self.products_within(row.products, own.except_products):
            return "has other products"
        if row.used_in and self.products_apart(row.used_in, own.used_in):
            return "asks for other uses"
        if row.program and own.program and not set(row.program) & set(own.program):
            return "asks for other programs"
        return ""

    def products_within(self, row: Products | None, excepted: Products | None) -> bool:
        """Tell whether every product of ``row`` is excepted, on every day."""
        if row is None or excepted is None:
            return False
        lines = [line for name in excepted.lists for line in self.lists.get(name, ())]
        bounded = any(line.from_ or line.until or line.published for line in lines)
        own, stems = self.codes(row), self.codes(excepted)

        def excluded(code: str) -> bool:
            # Only HS codes have prefixes: ISIC:C1 is no part of ISIC:C13.
            return code in stems or (":" not in code and any(code[:digits] in stems for digits in range(2, len(code))))

        return not bounded and bool(own) and all(map(excluded, own))

    def apart(self, row: tuple[str, ...] | None, own: tuple[str, ...] | None, excluded: tuple[str, ...] | None) -> bool:
        if not row or ALL in row:
            return False
        left = countries_of(row, self.groups) - countries_of(excluded or (), self.groups)
        if own and ALL not in own:
            left &= countries_of(own, self.groups)
        return not left

    def products_apart(self, row: Products | None, own: Products | None) -> bool:
        if row is None or own is None:
            return False
        first, second = self.codes(row), self.codes(own)
        stems = {key[:length] for key in second for length in range(2, len(key) + 1)}
        longer = {key[:length] for key in first for length in range(2, len(key) + 1)}
        return not (first & stems or second & longer)

    def codes(self, products: Products) -> set[str]:
        lines = [line.product for name in products.lists for line in self.lists.get(name, ())]
        return {scope_key(one) for one in (*products.prefixes, *lines)} | {
            product_key(one) for one in (*products.prefixes, *lines) if ":" in one
        }


def _from(conditions: Conditions) -> date:
    return conditions.from_ or date.min


def _until(conditions: Conditions) -> date:
    return conditions.until or date.max
