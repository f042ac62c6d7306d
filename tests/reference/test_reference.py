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


def car_of(*inputs: dict[str, Any], **car: Any) -> Graph:
    """A Korean car sold in the USA, made of what is listed: supplier's country and product with the input's terms."""
    suppliers = [{"stage": f"part{at}", **one["from"]} for at, one in enumerate(inputs)]
    rows = [
        {"supplier": f"part{at}", "user": "car", **{key: one[key] for key in one if key != "from"}}
        for at, one in enumerate(inputs)
    ]
    return Graph(
        ({"stage": "car", "country": "KOR", "product": "8703.23", **car}, *suppliers),
        tuple(rows),
        ({"stage": "car", "market": "USA", "value": 100, "program": "KORUS"},),
    )


KOREAN = {"country": "KOR", "product": "8708.29"}
CHINESE = {"country": "CHN", "product": "8708.29"}


def korus(**test: Any) -> dict[str, Any]:
    return {
        "ruleset": "korus",
        "importer": "USA",
        "programs": {"KORUS": {"partners": ["KOR", "USA"], "origin": [{"products": ["8703"], **test}]}},
        "measures": [{"id": "mfn", "rate": [{"rate": "2.5%"}, {"program": "KORUS", "rate": "free"}]}],
    }


@pytest.mark.parametrize(
    ("test", "qualifies"),
    [
        # 0.35 of Korean and 0.45 of Chinese parts; the car itself adds 0.20.
        ({"regional_value_content": {"method": "build-up", "at_least": "35%"}}, True),
        ({"regional_value_content": {"method": "build-up", "at_least": "35.1%"}}, False),
        ({"regional_value_content": {"method": "build-down", "at_least": "55%"}}, True),
        ({"regional_value_content": {"method": "build-down", "at_least": "55.1%"}}, False),
        # (0.9 − 0.45) / 0.9 = 0.5
        ({"regional_value_content": {"method": "net-cost", "at_least": "50%"}}, True),
        ({"regional_value_content": {"method": "net-cost", "at_least": "50.1%"}}, False),
        ({"change_of": "heading"}, True),
        ({"change_of": "chapter"}, False),
        ({"change_of": "chapter", "tolerance": "45%"}, True),
        ({"any": [{"change_of": "chapter"}, {"declared": "certified"}]}, False),
        ({"all": [{"change_of": "heading"}, {"any": [{"change_of": "subheading"}]}]}, True),
    ],
)
def test_a_car_qualifies_by_what_it_is_made_of(test, qualifies):
    graph = car_of({"from": KOREAN, "share": "35%"}, {"from": CHINESE, "share": "45%"}, net_cost="0.9")
    assert only(ref.propagate(graph, korus(**test)))["statutory_rate"] == (0 if qualifies else Fraction(25, 1000))


def test_in_a_cycle_nothing_originates_until_it_is_shown_to():
    # Body and car buy 60% from each other. Each would originate if the other did; so neither does.
    graph = Graph(
        (
            {"stage": "car", "country": "KOR", "product": "8703.23"},
            {"stage": "body", "country": "KOR", "product": "8703.90"},
        ),
        (
            {"supplier": "body", "user": "car", "share": "60%"},
            {"supplier": "car", "user": "body", "share": "60%"},
        ),
        ({"stage": "car", "market": "USA", "value": 1, "program": "KORUS"},),
    )
    rule = {"regional_value_content": {"method": "build-up", "at_least": "50%"}}
    assert only(ref.propagate(graph, korus(**rule)))["statutory_rate"] == Fraction(25, 1000)


def test_shipments_fill_a_quota_in_proportion_and_who_declares_it_filled_uses_none():
    def sold(kilograms: int, **terms: Any) -> dict[str, Any]:
        return {"stage": "S0", "market": "USA", "value": 1, "quantity": kilograms, "unit": "kg", **terms}

    graph = Graph(
        ({"stage": "S0", "country": "JPN", "product": "7208.10"},),
        (),
        (sold(15_000), sold(5_000), sold(9_000, declares="quota-filled")),
    )
    quota = {"name": "coil", "quantity": 5, "unit": "t"}
    rules = duty("0%")
    rules["measures"][0]["rate"] = {"quota": quota, "in_quota": "free", "over_quota": "20%"}
    rates = [row["statutory_rate"] for row in ref.propagate(graph, rules).shipments.values()]
    # 5 of 20 t are admitted: a quarter of each shipment; three quarters pay 20%.
    assert rates == [Fraction(15, 100), Fraction(15, 100), Fraction(20, 100)]
    rules["measures"][0]["rate"] = {"quota": quota, "in_quota": "5%"}
    assert {row["statutory_rate"] for row in ref.propagate(graph, rules).shipments.values()} == {Fraction(5, 100)}


def test_an_entry_over_an_absolute_quota_is_not_admitted():
    rules = duty("0%")
    rules["measures"][0]["rate"] = {"quota": "coil", "in_quota": "5%", "over_quota": "refused"}
    assert ref.assess(steel_entry(), rules) == {"duty": Fraction(5, 100)}
    with pytest.raises(ref.NotAdmittedError):
        ref.assess(steel_entry(declares=frozenset({"quota-filled"})), rules)


@pytest.mark.parametrize(("share", "left"), [("3.75%", Fraction(25, 1000)), ("7%", 0)])
def test_a_credit_pays_duties_on_inputs_up_to_what_they_are(share, left):
    graph = car_of({"from": CHINESE, "share": "25%"}, country="USA")
    rules = duty("25%", action="parts", authority="Section 232")
    rules["credits"] = [{"id": "offset", "at": {"products": ["8703"]}, "share": share, "of": ["parts"]}]
    result = ref.propagate(graph, rules)
    assert only(result)["effective_rate"] == left
    # The parts owe 0.25 · 0.25 = 0.0625.
    lines = {key[1]: rate for key, (rate, _, _) in result.by("measure").items()}
    assert lines == {"duty": Fraction(625, 10_000), "offset": left - Fraction(625, 10_000)}
    assert {key[1:]: rate for key, (rate, _, _) in result.by("action", "authority").items()} == {
        ("parts", "Section 232"): left
    }


def test_a_residual_content_is_what_is_not_shown_to_hold_none():
    ore, plastic = {"country": "KOR", "product": "2601"}, {"country": "KOR", "product": "3926.90"}
    steel = {"country": "KOR", "product": "7208.10"}
    graph = car_of(
        {"from": steel, "share": "30%"},
        {"from": plastic, "share": "20%", "content.steel": 0},
        {"from": ore, "share": "10%"},
    )
    matches = {stage: graph.stage[stage]["product"].startswith("72") for stage in graph.stage}
    # Of the plastic it is declared; of the ore nobody knows, since its stage shows no inputs. Labour stays in.
    assert ref.residual_content(graph, matches, "steel")["car"] == Fraction(8, 10)
    assert ref.content_of_kind(graph, matches)["car"] == Fraction(3, 10)


def test_reach_asks_what_stands_upstream_whatever_its_share():
    graph = car_of({"from": {"country": "CHN", "product": "7208.10"}, "share": "1%"}, {"from": KOREAN, "share": "50%"})
    rules = duty("1%")
    rules["content"] = {"steel": {"products": ["72"]}, "chinese": {"countries": ["CHN"]}, "us": {"countries": ["USA"]}}
    reached, contained = ref.reach(graph, ref.law_of(rules), "car")
    assert reached == {"steel", "chinese"}
    assert ("steel", "chinese") in contained
    assert ("steel", "us") not in contained
    assert ("us", "steel") in contained  # there is none
    # Of a part that shows no inputs nobody knows what is in it; of a coil, that it is Chinese steel.
    assert ref.reach(graph, ref.law_of(rules), "part1") == (frozenset(), frozenset())
    assert ("steel", "chinese") in ref.reach(graph, ref.law_of(rules), "part0")[1]


@pytest.mark.parametrize(("share", "origin"), [("25%", "CHN"), ("24.9%", "KOR")])
def test_goods_that_shift_no_heading_keep_the_origin_of_their_largest_part(share, origin):
    bodies = [{"country": country, "product": "8703.90"} for country in ("JPN", "CHN", "KOR")]
    graph = car_of(
        {"from": bodies[0], "share": "25%"},
        {"from": bodies[1], "share": share},
        {"from": bodies[2], "share": "30%"},
        origin="tariff-shift",
    )
    # Japan's and China's bodies are half of the car; of equals the first by id, which China's is to be here.
    swapped = {"part0": "part1", "part1": "part0", "part2": "part2", "car": "car"}
    graph = Graph(
        tuple({**row, "stage": swapped[row["stage"]]} for row in graph.stages),
        tuple({**row, "supplier": swapped[row["supplier"]]} for row in graph.inputs),
        graph.shipments,
    )
    assert graph.origin("car") == origin


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
