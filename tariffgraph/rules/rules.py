"""Rules: the rule sets that stand side by side, checked together, and the changes that give new ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import Finding, RulesError, UnknownNameError, suggestion, visible
from ..frozen import FrozenMapping
from .checks import MeasureIndex, check_rule_sets, countries_of
from .fingerprint import fingerprint
from .measure import Measure
from .rate import VariedRate
from .rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .checks import Places

__all__ = ["Rules", "RulesLike", "as_rules", "combine"]


@dataclass(frozen=True)
class Rules:
    """One rule set or several side by side, checked together. Immutable: every change gives new rules.

    ``findings`` are warnings: what is right but surprising, such as a change that can change nothing.
    """

    rule_sets: tuple[RuleSet, ...] = ()
    findings: tuple[Finding, ...] = ()

    @cached_property
    def hash(self) -> str:
        """Sha-256 of the meaning of all the rule sets; their order does not matter."""
        return hashlib.sha256("\n".join(sorted(one.hash for one in self.rule_sets)).encode()).hexdigest()

    def names(self) -> tuple[str, ...]:
        """Return the ids of the measures and the names of their actions, sorted."""
        return tuple(MeasureIndex(self.rule_sets).names())

    def with_measure(self, measure: Mapping[str, Any] | Measure, rule_set: str | None = None) -> Rules:
        """Return the rules with one measure more: keys as in a file, ``from_`` for ``from`` accepted.

        ``rule_set`` names the set that takes it; with several sets it is otherwise the one of the measure's importer.
        """
        from .overlay import add_part, typed_part

        if isinstance(measure, Measure):
            importers = measure.conditions.importer or ()
            target = self._set_for(importers, rule_set)
            measure = replace(measure, conditions=replace(measure.conditions, importer=importers or target.importer))
            new = replace(target, measures=(*target.measures, measure), hash="")
        else:
            tree = {"measures": [_as_written(measure)]}
            part = typed_part(tree)
            target = self._set_for(part.measures[0].importer or (), rule_set)
            new = add_part(target, part, tree, "", {})
        return self._changed(tuple(new if one is target else one for one in self.rule_sets))

    def without(self, *names: str, by_id: bool = False) -> Rules:
        """Return the rules without the measures named, by id or action, or the credits; relations forget them too.

        ``by_id``: a name that is an id stands for that measure alone, and not for an action of the same name. A base
        duty that top-ups are measured against stays, and charges 0.
        """
        from .overlay import removed

        return self._changed(removed(self.rule_sets, names, by_id=by_id, keep_base=True))

    def set(self, name: str, *, rate: object = None, base: object = None, **conditions: object) -> Rules:
        """Return the rules with a row appended to the measure (or to all measures of the action) ``name``.

        The row holds under ``conditions``, the keys of a file (``origins=["JPN"]``, ``from_="2025-08-01"``). Without a
        rate or base the conditions of the measure itself are replaced; None takes one away.
        """
        change = {"measure": name, **conditions}
        change |= {key: value for key, value in (("rate", rate), ("base", base)) if value is not None}
        return self._set(change)

    def extend_lists(self, lists: Mapping[str, Sequence[object]]) -> Rules:
        """Return the rules with lines added to product lists: ``{"s301-china-list-3": ["7326.90.86"]}``."""
        from .overlay import lists_extended, typed_overlay

        keys = typed_overlay({"extends": "rules", "extend_lists": _as_written(lists)})
        return self._changed(*lists_extended(self.rule_sets, keys.extend_lists))

    def remove_lists(self, lists: Mapping[str, Sequence[str]]) -> Rules:
        """Return the rules with lines taken off product lists."""
        from .overlay import lists_reduced, typed_overlay

        keys = typed_overlay({"extends": "rules", "remove_lists": _as_written(lists)})
        return self._changed(*lists_reduced(self.rule_sets, keys.remove_lists))

    def with_varied_rate(self, setting: str) -> Rules:
        """Return the rules with a row at the end of ``NAME.rate`` or ``NAME@COUNTRY.rate`` that scenarios fill in."""
        change = _parse_setting(f"{setting}=0%", self)
        return self._set({**change, "rate": VariedRate(setting)}, where=visible(setting))

    def apply_settings(self, settings: Iterable[str]) -> Rules:
        """Return the rules with settings of the command line applied in their order.

        A setting is ``NAME.FIELD=VALUE`` or ``NAME@COUNTRY.FIELD=VALUE`` (``s232-autos.rate=15%``,
        ``ieepa-reciprocal@JPN.rate=35%``): a row is appended, for the goods of that country or group. A value is
        written as in a file (``{top_up_to: 15%}``). Raises UnknownNameError for unknown names and fields.
        """
        rules = self
        for setting in settings:
            rules = rules._set(_parse_setting(setting, rules), where=f"--set {visible(setting)}")
        return rules

    def _set(self, change: Mapping[str, Any], where: str = "") -> Rules:
        from .overlay import changed, typed_set

        try:
            rule_sets, findings = changed(self.rule_sets, typed_set(_as_written(change)))
            return self._changed(rule_sets, tuple(one.at(file=where) for one in findings))
        except RulesError as error:
            if not where:
                raise
            raise RulesError([one if one.file else one.at(file=where) for one in error.findings]) from None

    def _changed(self, rule_sets: tuple[RuleSet, ...], findings: tuple[Finding, ...] = ()) -> Rules:
        rules = combine(rule_sets)
        return replace(rules, findings=(*self.findings, *findings))

    def _set_for(self, importers: tuple[str, ...], name: str | None) -> RuleSet:
        by_name = {one.id: one for one in self.rule_sets}
        if name is not None:
            if name not in by_name:
                raise RulesError(
                    Finding(f"no rule set '{visible(name)}'", suggestion(name, by_name, "rule sets"), value=name)
                )
            return by_name[name]
        if len(self.rule_sets) == 1:
            return self.rule_sets[0]
        groups = {group: members for one in self.rule_sets for group, members in one.groups.items()}
        wanted = countries_of(importers, groups)
        fitting = [one for one in self.rule_sets if wanted and wanted <= _importers_of(one, groups)]
        if len(fitting) == 1:
            return fitting[0]
        raise RulesError(
            Finding(
                f"the measure could go into {' or '.join(by_name) or 'no rule set'}",
                "Name it: with_measure(..., rule_set=NAME).",
                field="rule_set",
            )
        )


def _importers_of(rule_set: RuleSet, groups: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    named = [*rule_set.importer, *(one for measure in rule_set.measures for one in measure.conditions.importer or ())]
    return countries_of(named, groups)


#: what stands for rules: rules, a rule set, a name or path, or several of them
RulesLike: TypeAlias = "Rules | RuleSet | str | os.PathLike[str] | Sequence[Rules | RuleSet | str | os.PathLike[str]]"


def as_rules(rules: RulesLike | None) -> Rules:
    """Return the rules that ``rules`` stands for: Rules, RuleSet, a name, a path, or a sequence of them."""
    if rules is None:
        return Rules()
    if isinstance(rules, Rules):
        return rules
    if isinstance(rules, RuleSet):
        return combine((rules,))
    from .read import read_rules

    if isinstance(rules, (str, os.PathLike)):
        return read_rules(rules)
    if not isinstance(rules, Iterable):
        raise RulesError(
            Finding(f"{type(rules).__name__} is no rule set", "Give a name, a path, or what read_rules gave.")
        )
    return read_rules(*rules)


def combine(rule_sets: Iterable[RuleSet], places: Places | None = None) -> Rules:
    """Return the rule sets side by side, groups written out, hashes filled in; raise RulesError with all problems."""
    sets = tuple(rule_sets)
    problems = check_rule_sets(sets, places)
    if problems:
        raise RulesError(problems)
    groups = {name: members for one in sets for name, members in one.groups.items()}
    sets = tuple(_finished(one, groups) for one in sets)
    return Rules(sets, tuple(finding for one in sets for finding in one.findings))


def _finished(rule_set: RuleSet, groups: Mapping[str, tuple[str, ...]]) -> RuleSet:
    flat = {
        name: tuple(sorted(countries_of(members, groups))) if any(one in groups for one in members) else members
        for name, members in rule_set.groups.items()
    }
    if flat != dict(rule_set.groups):
        rule_set = replace(rule_set, groups=FrozenMapping(flat), hash="")
    return rule_set if rule_set.hash else replace(rule_set, hash=fingerprint(rule_set))


def _as_written(value: Any) -> Any:
    """Return Python objects under the keys of a file: ``from_`` is ``from``."""
    if isinstance(value, Mapping):
        return {("from" if key == "from_" else key): _as_written(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_written(inner) for inner in value]
    return value


def _parse_setting(setting: str, rules: Rules) -> dict[str, Any]:
    from .schema import SetKeys
    from .yaml_text import parse_yaml

    where = f"--set {visible(setting)}"
    subject, equals, value = setting.partition("=")
    name, dot, field = subject.rpartition(".")
    if not equals or not dot or not name:
        raise UnknownNameError(
            Finding(
                f"'{visible(setting)}' is not a setting",
                "Write NAME.FIELD=VALUE, as in s232-autos.rate=15%.",
                file="--set",
            )
        )
    name, at, country = name.partition("@")
    known = rules.names()
    if name not in known:
        raise UnknownNameError(
            Finding(
                f"no measure '{visible(name)}'", suggestion(name, known, "measures and actions"), file=where, value=name
            )
        )
    fields = [key for key in SetKeys.known_keys() if key != "measure"]
    if field not in fields:
        raise UnknownNameError(
            Finding(f"no field '{visible(field)}'", suggestion(field, fields, "fields"), file=where, value=field)
        )
    change: dict[str, Any] = {"measure": name, field: parse_yaml(value, where)}
    if at and field not in ("rate", "base"):
        message = f"'@{visible(country)}' goes with a rate or a base, not with {field}"
        raise UnknownNameError(Finding(message, f"Write {visible(name)}@{visible(country)}.rate=...", file=where))
    if at:
        from ..codes import CodeProblem, parse_country

        places = {one for rule_set in rules.rule_sets for one in (*rule_set.groups, *rule_set.regions)}
        try:
            parse_country(country, places)
        except CodeProblem as problem:
            message = problem.message.replace("a country", "a country, region or group")
            raise UnknownNameError(Finding(message, problem.remedy, file=where, value=country)) from None
        change["origins"] = country
    return change
