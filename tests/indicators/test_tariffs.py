"""Duties along the chain: by hand, and the laws that tie them to prices."""

from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from indicators.small_chain import small_chain, values
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import any_graphs, graphs_with_rates, law, rates_by_crossing, rule_sets

import tariffgraph as tg
from tariffgraph import indicators


def flat(rate):
    return engine.engine_rules({"ruleset": "flat", "importer": "all", "measures": [{"id": "flat", "rate": rate}]})


def problem_of(graph, rules, **options):
    return tg.compile(graph, rules, as_of="2025-07-02", **options)


@pytest.fixture
def ten():
    """Ten percent at every border."""
    return problem_of(small_chain(), flat("10%"))


def test_the_linear_cumulative_tariff_taxes_untaxed_values(ten):
    # Steel: .5 · .1. Car: the duty in .4 of steel, and 10% on .4 of steel and on .1 of ore.
    found = values(indicators.cumulative_tariff(ten))
    assert found == pytest.approx({"ore": 0, "steel": 0.05, "car": 0.4 * 0.05 + 0.5 * 0.1}, rel=1e-14)


def test_the_compounded_one_is_the_embedded_excess_price(ten):
    found = values(indicators.cumulative_tariff(ten, compounded=True))
    assert found == pytest.approx({"ore": 0, "steel": 0.05, "car": 0.4 * (0.05 * 1.1 + 0.1) + 0.01}, rel=1e-14)


def test_tiers_say_how_many_purchases_upstream_a_duty_is_paid(ten):
    frame = indicators.tiers(ten)
    assert frame.columns == ["stage", "tier", "value"]
    assert {row[:2]: row[2] for row in frame.iter_rows()} == {
        ("car", "1"): pytest.approx(0.5 * 0.1, rel=1e-15),
        ("car", "2"): pytest.approx(0.4 * 0.5 * 0.1, rel=1e-15),
        ("steel", "1"): pytest.approx(0.5 * 0.1, rel=1e-15),
    }


def test_beyond_ten_purchases_all_tiers_count_together_in_their_order():
    ids = [f"s{at:02}" for at in range(14)]
    graph = tg.from_frames(
        stages={"stage": ids, "country": ["KOR", "JPN"] * 7, "product": ["72"] * 14},
        inputs={"supplier": ids[:-1], "user": ids[1:], "share": [1.0] * 13},
    )
    frame = indicators.tiers(problem_of(graph, flat("10%"))).filter(pl.col("stage") == "s13")
    assert frame["tier"].to_list() == [*map(str, range(1, 11)), "10+"]
    assert frame["value"].to_list() == pytest.approx([0.1] * 10 + [0.3], rel=1e-14)


def test_magnification_is_per_unit_of_what_the_own_country_added(ten):
    frame = indicators.magnification(ten)
    assert frame.columns == ["stage", "value", "cumulative_tariff", "domestic_value_added"]
    assert values(frame) == pytest.approx({"ore": 0, "steel": 0.05 / 0.5, "car": 0.07 / 0.5}, rel=1e-14)
    # Made in Korea, the car holds Korean steel: 10% on .1 of ore and in .4 of steel, on .5 + .4 · .5 of Korean value.
    at_home = indicators.magnification(problem_of(small_chain("KOR"), flat("10%")))
    assert values(at_home)["car"] == pytest.approx((0.4 * 0.05 + 0.01) / 0.7, rel=1e-14)


def test_nothing_added_at_home_has_no_magnification():
    graph = small_chain().replace(
        inputs={"supplier": ["ore", "steel"], "user": ["steel", "car"], "share": [0.5, 1.0]},
    )
    assert values(indicators.magnification(problem_of(graph, flat("10%"))))["car"] is None


def test_exposure_is_what_a_stage_pays_on_its_own_purchases(ten):
    frame = indicators.input_tariff_exposure(ten)
    assert frame.rows() == [
        ("car", pytest.approx(0.05), pytest.approx(0.1)),
        ("ore", 0.0, None),
        ("steel", pytest.approx(0.05), pytest.approx(0.1)),
    ]
    # A car made in Korea buys steel at home: 10% on ore only, .1 of the .5 that it buys.
    at_home = indicators.input_tariff_exposure(problem_of(small_chain("KOR"), flat("10%")))
    assert at_home.row(0) == ("car", pytest.approx(0.01), pytest.approx(0.01 / 0.5))


def test_derivatives_of_a_final_price_carry_the_duties_downstream(ten):
    frame = indicators.derivatives(ten, "car->MEX")
    assert frame.columns == ["stage", "crossing", "value"]
    assert frame["stage"].unique().to_list() == ["car"]
    assert dict(frame.select("crossing", "value").rows()) == {
        "car->MEX": pytest.approx(1 + 0.072, rel=1e-14),
        "ore->car": pytest.approx(1.1 * 0.1, rel=1e-14),
        "ore->steel": pytest.approx(1.1 * 0.4 * 1.1 * 0.5, rel=1e-14),
        "steel->car": pytest.approx(1.1 * 0.4 * 1.05, rel=1e-14),
    }
    # Of the stage the price before the last border is meant.
    assert dict(indicators.derivatives(ten, "car").select("crossing", "value").rows()) == {
        "ore->car": pytest.approx(0.1, rel=1e-14),
        "ore->steel": pytest.approx(0.4 * 1.1 * 0.5, rel=1e-14),
        "steel->car": pytest.approx(0.4 * 1.05, rel=1e-14),
    }


def test_an_unknown_final_good_names_the_nearest(ten):
    with pytest.raises(tg.UnknownNameError, match=r"'car->MX' is neither a shipment nor a stage\. Did you mean"):
        indicators.derivatives(ten, "car->MX")


# --- laws -----------------------------------------------------------------------------------------------


def without_drawback(graph):
    def plain(row):
        return {key: value for key, value in row.items() if key != "drawback"}

    return engine.engine_graph(Graph(graph.stages, tuple(map(plain, graph.inputs)), tuple(map(plain, graph.shipments))))


@given(graph=any_graphs(), rules=rule_sets())
@law(15)
def test_linear_and_compounded_tariffs_are_the_exact_ones_and_the_linear_is_never_larger(graph, rules):
    problem = problem_of(engine.engine_graph(graph), engine.engine_rules(rules))
    exact = ref.propagate(graph, rules)
    linear, compounded = (values(indicators.cumulative_tariff(problem, compounded=one)) for one in (False, True))
    paid = ref.accumulate(graph, exact.inputs, {one.id: one.passed_on for one in exact.inputs})
    direct = values(indicators.input_tariff_exposure(problem))
    for stage in graph.stage:
        assert engine.close(linear[stage], paid[stage], bound=1e-14)
        assert engine.close(compounded[stage], exact.excess[stage], bound=1e-13)
        assert linear[stage] <= compounded[stage] + 1e-14
        bought = [one.share * one.passed_on for one in exact.inputs if one.user == stage]
        assert engine.close(direct[stage], sum(bought, Fraction(0)))


@given(graph=any_graphs())
@law()
def test_with_a_rate_of_one_at_every_border_the_linear_tariff_is_the_expected_border_crossings(graph):
    plain = without_drawback(graph)
    linear = values(indicators.cumulative_tariff(problem_of(plain, flat("100%"), pass_through=1.0)))
    assert linear == pytest.approx(values(indicators.border_crossings(plain)), rel=1e-12, abs=1e-15)


@given(graph=any_graphs(), rules=rule_sets())
@law()
def test_tiers_add_to_the_linear_cumulative_tariff(graph, rules):
    problem = problem_of(engine.engine_graph(graph), engine.engine_rules(rules))
    total = values(indicators.tiers(problem).group_by("stage").agg(pl.col("value").sum()))
    for stage, value in values(indicators.cumulative_tariff(problem)).items():
        assert total.get(stage, 0.0) == pytest.approx(value, rel=1e-12, abs=1e-15)


@given(case=graphs_with_rates(), data=st.data())
@law(20)
def test_a_derivative_is_the_finite_difference(case, data):
    graph, rates = case
    moved, sold = data.draw(st.sampled_from(sorted(rates))), graph.shipments[0]["id"]
    written, step = engine.engine_graph(graph), Fraction(1, 1024)

    def price(steps):
        rules = engine.engine_rules(rates_by_crossing({**rates, moved: rates[moved] + steps * step}))
        return engine.rates(tg.propagate(written, rules, as_of="2025-07-02"))[sold]

    problem = problem_of(written, engine.engine_rules(rates_by_crossing(rates)))
    found = dict(indicators.derivatives(problem, sold).select("crossing", "value").rows())
    # To second order: exact where the price is affine in the rate, on graphs without cycles.
    expected = (4 * price(1) - price(2) - 3 * price(0)) / (2 * float(step))
    assert found.get(moved, 0.0) == pytest.approx(expected, rel=1e-5, abs=1e-10)
