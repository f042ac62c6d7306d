"""The reference itself, against numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from reference import reference as ref
from reference.reference import Facts, Graph
from reference.strategies import any_graphs, graphs, law, rule_sets


def chain(*countries: str, share: Any = 1) -> Graph:
    """A chain of stages, one in each country, each buying ``share`` from the one before; shipped from the last."""
    names = [f"S{at}" for at in range(len(countries))]
    return Graph(
        tuple(
            {"stage": name, "country": country, "product": "8703.23"}
            for name, country in zip(names, countries, strict=True)
        ),
        tuple({"supplier": one, "user": other, "share": share} for one, other in pairwise(names)),
        ({"stage": names[-1], "market": countries[-1], "value": 100},),
    )


def duty(rate: str, **measure: Any) -> dict[str, Any]:
    return {"ruleset": "one", "importer": "all", "measures": [{"id": "duty", "rate": rate, **measure}]}


def only(result: ref.Propagated) -> dict[str, Any]:
    (row,) = result.shipments.values()
    return row


def test_two_borders_at_a_quarter_make_nine_sixteenths():
    row = only(ref.propagate(chain("KOR", "JPN", "USA"), duty("25%")))
    assert row["effective_rate"] == Fraction(5, 4) ** 2 - 1 == Fraction(9, 16)
    assert row["duty"] == row["value"] * Fraction(9, 16)
    assert row["statutory_rate"] == 0


def test_a_part_passed_through_is_shared_by_buyer_and_exporter():
    graph = chain("KOR", "KOR")
    graph = Graph(graph.stages, graph.inputs, ({"stage": "S1", "market": "USA", "value": 100, "pass_through": "50%"},))
    row = only(ref.propagate(graph, duty("25%")))
    assert row["effective_rate"] == Fraction(1, 8)
    # The customs value is 1.125 / 1.25 = 0.9: the duty is 0.225, of which the buyer pays 0.125.
    assert row["duty_rate"] == Fraction(9, 40)
    assert row["exporter_rate"] == Fraction(1, 10)


def test_a_two_country_cycle_is_solved_exactly():
    # p_A = 3/4 + 1/4 · 1.1 · p_B, p_B = 1/2 + 1/2 · 1.2 · p_A: p_A = (3/4 + 11/80) / (1 − 33/200) = 355/334.
    graph = Graph(
        (
            {"stage": "A", "country": "KOR", "product": "7208"},
            {"stage": "B", "country": "USA", "product": "8703"},
        ),
        (
            {"supplier": "B", "user": "A", "share": "25%"},
            {"supplier": "A", "user": "B", "share": "50%"},
        ),
        ({"stage": "A", "market": "KOR", "value": None},),
    )
    rules = {
        "ruleset": "two",
        "measures": [
            {"id": "korea", "importer": "KOR", "rate": "10%"},
            {"id": "us", "importer": "USA", "rate": "20%"},
        ],
    }
    result = ref.propagate(graph, rules)
    assert 1 + result.excess["A"] == Fraction(355, 334)
    assert 1 + result.excess["B"] == Fraction(1, 2) + Fraction(6, 10) * Fraction(355, 334)
    assert only(result)["landed_value"] is None


def test_content_counts_a_matching_input_whole_and_an_empty_stage_as_unknown():
    graph = Graph(
        (
            {"stage": "ore", "country": "CHN", "product": "2601"},
            {"stage": "steel", "country": "CHN", "product": "7208"},
            {"stage": "part", "country": "KOR", "product": "8708"},
        ),
        (
            {"supplier": "ore", "user": "steel", "share": "40%"},
            {"supplier": "steel", "user": "part", "share": "30%"},
            {"supplier": "ore", "user": "part", "share": "10%"},
        ),
        (),
    )
    steel = ref.content_of_kind(graph, {"ore": False, "steel": True, "part": False})
    assert steel == {"ore": None, "steel": 1, "part": Fraction(3, 10)}
    added = ref.value_added_content(graph)
    assert added["part"] == {"KOR": Fraction(6, 10), "CHN": Fraction(4, 10)}


STEEL_LAW = {
    "ruleset": "steel",
    "importer": "USA",
    "column_1": "mfn",
    "programs": {"KORUS": {}},
    "measures": [
        {"id": "mfn", "rate": [{"rate": "2.9%"}, {"program": "KORUS", "rate": "free"}]},
        {
            "id": "steel",
            "products": ["73"],
            "base": {"content": "steel"},
            "rate": [
                {"from": "2025-03-12", "published": "2025-02-10", "rate": "25%"},
                {"from": "2025-06-04", "published": "2025-06-03", "rate": "50%"},
            ],
        },
        {"id": "country", "rate": {"top_up_to": "15%"}},
    ],
    "relations": [{"by": "steel", "covers": "country", "from": "2025-06-04"}],
}


def steel_entry(**facts: Any) -> Facts:
    return Facts(
        product="7326.90", origin="KOR", importer="USA", exporter="KOR", content={"steel": Fraction(6, 10)}, **facts
    )


def test_the_last_row_that_holds_applies_and_a_cover_takes_its_part():
    charges = ref.assess(steel_entry(), STEEL_LAW, as_of="2025-06-10")
    assert charges == {
        "mfn": Fraction(29, 1000),
        "steel": Fraction(30, 100),
        "country": Fraction(121, 1000) * Fraction(4, 10),
    }
    before = ref.assess(steel_entry(), STEEL_LAW, as_of="2025-06-03")
    assert before == {"mfn": Fraction(29, 1000), "steel": Fraction(15, 100), "country": Fraction(121, 1000)}
    as_known_then = ref.assess(steel_entry(), STEEL_LAW, as_of="2025-06-10", known_on="2025-06-02")
    assert as_known_then["steel"] == Fraction(15, 100)


def test_part_utilization_is_two_entries():
    charges = ref.assess(steel_entry(program="KORUS", utilization=Fraction(1, 4)), STEEL_LAW, as_of="2025-01-02")
    assert charges["mfn"] == Fraction(3, 4) * Fraction(29, 1000)
    assert charges["country"] == Fraction(1, 4) * Fraction(15, 100) + Fraction(3, 4) * Fraction(121, 1000)


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        ({"excludes": "low"}, {"high": Fraction(1, 2), "low": 0}),
        ({"replaces": "low"}, {"high": Fraction(1, 2), "low": 0}),
        ({"covers": "low"}, {"high": Fraction(1, 2), "low": 0}),
        ({"covers": "low", "part": {"content": "steel"}}, {"high": Fraction(1, 2), "low": Fraction(4, 100)}),
        ({"covers": "low", "part": {"without": "steel"}}, {"high": Fraction(1, 2), "low": Fraction(6, 100)}),
    ],
)
def test_relations_take_the_other_measure_away_or_a_part_of_it(relation, expected):
    rules = {
        "ruleset": "two",
        "importer": "USA",
        "measures": [{"id": "high", "rate": "50%"}, {"id": "low", "rate": "10%"}],
        "relations": [{"by": "high", **relation}],
    }
    charges = ref.assess(steel_entry(), rules)
    assert {"high": charges["high"], "low": charges.get("low", 0)} == expected


def test_a_free_measure_replaces_but_excludes_only_when_told_so():
    def low(**relation: Any) -> Fraction:
        measures = [{"id": "free", "rate": "free"}, {"id": "low", "rate": "10%"}]
        relations = [{"by": "free", **relation}]
        rules = {"ruleset": "two", "importer": "USA", "measures": measures, "relations": relations}
        return ref.assess(steel_entry(), rules)["low"]

    assert low(replaces="low") == 0
    assert low(excludes="low") == Fraction(1, 10)
    assert low(excludes="low", even_if_free=True) == 0


def test_what_is_excluded_excludes_nothing():
    rules = {
        "ruleset": "three",
        "importer": "USA",
        "measures": [{"id": name, "rate": "10%"} for name in ("a", "b", "c")],
        "relations": [{"by": "a", "excludes": "b"}, {"by": "b", "excludes": "c"}],
    }
    assert ref.assess(steel_entry(), rules) == {"a": Fraction(1, 10), "b": 0, "c": Fraction(1, 10)}


@given(graph=graphs(), rules=rule_sets())
@law(15)
def test_the_sum_over_all_paths_is_the_solution_of_the_price_equations(graph, rules):
    result = ref.propagate(graph, rules)
    solved = ref.prices_by_elimination(graph, result.inputs)
    assert {stage: 1 + x for stage, x in result.excess.items()} == solved


@given(graph=any_graphs(), rules=rule_sets())
@law(15)
def test_the_reference_obeys_its_own_identities(graph, rules):
    result = ref.propagate(graph, rules)
    for stage, x in result.excess.items():
        assert x + result.borne_by_sellers[stage] == result.duty_collected[stage]
    for name, row in result.shipments.items():
        assert row["border_rate"] + row["embedded_rate"] + row["compounding_rate"] == row["effective_rate"]
        lines = [sums for (shipment, *_), sums in result.by("crossing", "measure").items() if shipment == name]
        assert sum(line[0] for line in lines) == row["effective_rate"]
        assert sum(line[1] for line in lines) == row["exporter_rate"]
        assert sum(line[2] for line in lines) == row["duty_rate"]
    for content in ref.value_added_content(graph).values():
        assert sum(content.values()) == 1
