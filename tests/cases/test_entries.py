"""The bundled US law, entry by entry to the cent; and no row of it that no entry needs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from cases.entries import assess, cases, charged, rules_of

import tariffgraph as tg
from tariffgraph.customs.assess import assess_facts, claiming_and_not
from tariffgraph.customs.duty import facts_of
from tariffgraph.customs.law import draw_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tariffgraph.rules.rule_set import RuleSet

CASES = cases()
ALL = [*CASES, *cases("overlays")]


def comes_out_right(case: dict[str, Any], rules: tg.Rules | None = None) -> bool:
    """Tell whether the entry owes what the case says, in all and by action, or is refused if the case says so."""
    try:
        duty = assess(case, rules)
    except tg.TariffGraphError:
        return bool(case["expected"] == "refused")
    return charged(duty) == case["expected"] and round(duty.total, 6) == case["total"]


@pytest.mark.parametrize("case", ALL, ids=[case["id"] for case in ALL])
def test_an_entry_owes_what_the_case_says(case: dict[str, Any]) -> None:
    assert comes_out_right(case)
    assert case["source"]


def test_every_case_has_an_id_of_its_own() -> None:
    ids = [case["id"] for case in ALL]
    assert sorted(set(ids)) == sorted(ids)


def test_every_action_charges_some_case() -> None:
    (rule_set,) = tg.read_rules("us-2025").rule_sets
    actions = {measure.action for measure in rule_set.measures}
    assert {action for case in CASES if case["expected"] != "refused" for action in case["expected"]} == actions


# --- deleting any row of the law is noticed -------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    """A rule set with one of its rows left out; ``part`` is the row, ``name`` says where it stands."""

    name: str
    part: object
    rule_set: RuleSet


def mutations(rule_set: RuleSet) -> Iterator[Mutation]:
    """Yield the rule set without each of its rate rows, base rows and relations."""
    for at, measure in enumerate(rule_set.measures):
        for field in ("rate", "base"):
            rows = getattr(measure, field)
            for row in rows:
                left = tuple(one for one in rows if one is not row)
                measures = list(rule_set.measures)
                measures[at] = replace(measure, **{field: left})
                yield Mutation(f"{measure.id} {row.where}", row, replace(rule_set, measures=tuple(measures)))
    for relation in rule_set.relations:
        left = tuple(one for one in rule_set.relations if one is not relation)
        yield Mutation(f"relation {relation.where}", relation, replace(rule_set, relations=left))


@cache
def _met() -> dict[str, list[dict[str, Any]]]:
    """Return the cases in which each row or relation has its say, by its place."""
    met: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in CASES:
        law = draw_up(rules_of(case), case["as_of"], case.get("known_on"))
        facts, _ = facts_of(law, tg.Entry(**case["entry"]))
        importer = law.importer(facts.importer)
        for _, entry in claiming_and_not(facts, case["entry"].get("utilization", 1.0)):
            for line in assess_facts(law, importer, entry):
                parts = [line.rate_row, line.base_row, *(one.relation for one in line.acted)]
                for part in parts:
                    if part is not None and case not in met[part.where]:
                        met[part.where].append(case)
    return met


def changes_a_case(mutation: Mutation) -> bool:
    """Tell whether some case no longer comes out right."""
    rules = tg.Rules((mutation.rule_set,))
    met = _met()[mutation.part.where]  # type: ignore[attr-defined]
    return any(not comes_out_right(case, rules) for case in met)


def test_leaving_any_row_or_relation_out_fails_a_case() -> None:
    (rule_set,) = tg.read_rules("us-2025").rule_sets
    unnoticed = [mutation.name for mutation in mutations(rule_set) if not changes_a_case(mutation)]
    assert unnoticed == []
