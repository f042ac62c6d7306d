"""Laws of prices: no duty is exactly nothing, chains multiply, paths add up, and nothing is lost on the way."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import (
    any_graphs,
    graphs,
    graphs_with_rates,
    law,
    parts_of,
    percent,
    rates_by_crossing,
    rule_sets,
)

import tariffgraph as tg

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_LAW = {"ruleset": "none", "importer": "all"}


def flat(rate: str, **measure: Any) -> dict[str, Any]:
    """Law that charges one rate at every border."""
    return {"ruleset": "flat", "importer": "all", "measures": [{"id": "flat", "rate": rate, **measure}]}


def chain(crossings: int, market: str = "KOR", **terms: Any) -> Graph:
    """A good that alternates between Korea and the USA so often before it is sold, nothing being added on the way."""
    countries = ["KOR", "USA"] * crossings
    names = [f"S{at:02}" for at in range(crossings + 1)]
    return Graph(
        tuple(
            {"stage": name, "country": country, "product": "8703.23"}
            for name, country in zip(names, countries, strict=False)
        ),
        tuple(
            {"id": f"e{at}", "supplier": one, "user": other, "share": 1, **terms}
            for at, (one, other) in enumerate(pairwise(names))
        ),
        ({"id": "sold", "stage": names[-1], "market": countries[crossings], "value": 100},),
    )


def only(graph: Graph, rules: dict[str, Any]) -> dict[str, Any]:
    (row,) = engine.shipments(engine.propagate(graph, rules)).values()
    return row


# --- the smallest cases, by hand ------------------------------------------------------------------------


@pytest.mark.parametrize("crossings", [1, 2, 3, 7])
def test_a_chain_of_n_crossings_at_t_costs_one_plus_t_to_the_n_less_one(crossings):
    row = only(chain(crossings), flat("10%"))
    assert row["embedded_rate"] == pytest.approx(1.1**crossings - 1, rel=1e-14)
    assert row["effective_rate"] == row["embedded_rate"]
    assert row["duty"] == pytest.approx(100 * (1.1**crossings - 1), rel=1e-14)
    assert row["landed_value"] == pytest.approx(100 * 1.1**crossings, rel=1e-14)


def test_duty_falls_on_the_duty_that_is_embedded_upstream():
    graph = chain(1)
    graph = Graph(graph.stages, graph.inputs, ({"stage": "S01", "market": "KOR", "value": 1000},))
    row = only(graph, flat("20%"))
    assert row["statutory_rate"] == 0.2
    assert row["border_rate"] == 0.2
    assert row["embedded_rate"] == pytest.approx(0.2, rel=1e-15)
    assert row["compounding_rate"] == pytest.approx(0.2 * 0.2, rel=1e-15)
    assert row["effective_rate"] == pytest.approx(1.2 * 1.2 - 1, rel=1e-15)
    assert row["duty"] == pytest.approx(1000 * (0.2 + 1.2 * 0.2), rel=1e-15)


def test_half_a_duty_of_a_quarter_passed_through_adds_an_eighth_and_the_exporter_bears_a_tenth():
    row = only(chain(1, pass_through="50%"), flat("25%"))
    # Customs value (1 + 0.5 · 0.25) / 1.25 = 0.9; duty 0.225 = 0.125 of the buyer + 0.1 of the exporter.
    assert row["effective_rate"] == pytest.approx(0.5 * 0.25, rel=1e-15)
    assert row["exporter_rate"] == pytest.approx(1 - 0.9, rel=1e-14)
    assert row["duty_rate"] == pytest.approx(0.25 * 0.9, rel=1e-15)


def test_a_drawback_of_three_quarters_leaves_a_quarter_of_the_duty():
    row = only(chain(1, drawback="75%"), flat("20%"))
    assert row["effective_rate"] == pytest.approx(0.25 * 0.2, rel=1e-15)
    assert row["duty"] == pytest.approx(100 * 0.25 * 0.2, rel=1e-15)


def test_a_quarter_of_the_value_at_a_quarter_is_a_sixteenth():
    graph = Graph(
        (
            {"stage": "part", "country": "KOR", "product": "8708.29", "value_added": 1},
            {"stage": "car", "country": "USA", "product": "8703.23", "value_added": 0.75},
        ),
        ({"supplier": "part", "user": "car", "share": 0.25},),
        ({"stage": "car", "market": "USA", "value": 40_000},),
    )
    row = only(graph, flat("25%"))
    assert row["embedded_rate"] == 0.25 * 0.25
    assert row["statutory_rate"] == row["border_rate"] == row["compounding_rate"] == 0.0
    assert row["landed_value"] == 40_000 * 1.0625


def test_a_cycle_of_two_countries_is_solved_as_by_hand():
    graph = Graph(
        (
            {"stage": "A", "country": "KOR", "product": "7208.10"},
            {"stage": "B", "country": "USA", "product": "8703.23"},
        ),
        (
            {"supplier": "B", "user": "A", "share": "25%"},
            {"supplier": "A", "user": "B", "share": "50%"},
        ),
        ({"stage": "A", "market": "KOR", "value": 1}, {"stage": "B", "market": "USA", "value": 1}),
    )
    rules = {
        "ruleset": "two",
        "measures": [
            {"id": "korea", "importer": "KOR", "rate": "10%"},
            {"id": "us", "importer": "USA", "rate": "20%"},
        ],
    }
    found = engine.rates(engine.propagate(graph, rules))
    # p_A = 0.75 + 0.25 · 1.1 · p_B and p_B = 0.5 + 0.5 · 1.2 · p_A.
    korean = (0.75 + 0.275 * 0.5) / (1 - 0.275 * 0.6)
    assert found["A->KOR"] == pytest.approx(korean - 1, rel=1e-12)
    assert found["B->USA"] == pytest.approx(0.5 + 0.6 * korean - 1, rel=1e-12)


# --- the laws -------------------------------------------------------------------------------------------


@given(graph=any_graphs(denominator=100), free=st.booleans())
@law()
def test_without_duties_every_rate_is_exactly_zero(graph, free):
    result = engine.propagate(graph, flat("free") if free else NO_LAW)
    for row in engine.shipments(result).values():
        assert [row[column] for column in engine.RATES] == [0.0] * len(engine.RATES)
        assert row["landed_value"] == row["value"]
        assert row["duty"] in (0.0, None)
    assert not any(
        tg.compile(engine.engine_graph(graph), engine.engine_rules(NO_LAW), as_of="2025-07-02").excess_prices()
    )


@given(
    terms=st.lists(st.tuples(parts_of(64), parts_of(4), parts_of(4)), min_size=1, max_size=9),
)
@law()
def test_a_chain_of_any_rates_costs_the_product_of_what_each_border_adds(terms):
    graph = chain(len(terms))
    inputs = tuple(
        {**row, "pass_through": phi, "drawback": d, "declares": f"at-{row['id']}"}
        for row, (_, phi, d) in zip(graph.inputs, terms, strict=True)
    )
    rules = rates_by_crossing({f"e{at}": rate for at, (rate, _, _) in enumerate(terms)})
    row = only(Graph(graph.stages, inputs, graph.shipments), rules)
    product = math.prod(1 + phi * rate * (1 - d) for rate, phi, d in terms)
    assert engine.close(row["effective_rate"], product - 1)


@given(graph=graphs(denominator=60), rules=rule_sets())
@law()
def test_the_sum_over_all_paths_is_the_price(graph, rules):
    expected = ref.propagate(graph, rules)

    def paths_to(stage: str) -> Iterator[Fraction]:
        """What each path brings to the price of a stage: value added where it begins, times share (1 + φτ)."""
        yield graph.value_added(stage)
        for crossing in expected.inputs:
            if crossing.user == stage:
                for path in paths_to(crossing.supplier):
                    yield path * crossing.share * (1 + crossing.passed_on)

    for name, row in engine.shipments(engine.propagate(graph, rules)).items():
        assert engine.close(row["embedded_rate"], sum(paths_to(row["stage"])) - 1), name


@given(case=graphs_with_rates(), data=st.data())
@law()
def test_raising_the_rate_of_a_crossing_lowers_no_price(case, data):
    graph, rates = case
    raised = data.draw(st.sampled_from(sorted(rates)))
    # A cyclic graph stays productive: its stages spend at most a quarter on inputs.
    higher = {**rates, raised: rates[raised] + data.draw(parts_of(16, 1))}
    before = engine.propagate(graph, rates_by_crossing(rates))
    after = engine.propagate(graph, rates_by_crossing(higher))
    slack = engine.residual_bound(before) + engine.residual_bound(after) + 1e-14
    for column in ("embedded_rate", "effective_rate"):
        found = engine.rates(after, column)
        assert all(found[name] >= rate - slack for name, rate in engine.rates(before, column).items())


@given(case=graphs_with_rates(), data=st.data())
@law()
def test_on_acyclic_graphs_the_price_is_affine_in_the_rate_of_one_crossing(case, data):
    graph, rates = case
    if not graph.is_acyclic:
        return
    moved = data.draw(st.sampled_from(sorted(rates)))
    at = [
        engine.rates(engine.propagate(graph, rates_by_crossing({**rates, moved: rate})))
        for rate in (Fraction(0), Fraction(1, 4), Fraction(1))
    ]
    for name in at[0]:
        expected = at[0][name] + (at[2][name] - at[0][name]) / 4
        assert at[1][name] == pytest.approx(expected, rel=1e-12, abs=1e-14)


@given(case=graphs_with_rates())
@law()
def test_with_pass_through_nowhere_the_effective_rate_is_zero_and_the_law_is_unchanged(case):
    graph, rates = case
    rules = rates_by_crossing(rates)
    sold, at_own_cost = engine.propagate(graph, rules), engine.propagate(graph, rules, pass_through=0)
    before = engine.shipments(sold)
    for name, row in engine.shipments(at_own_cost).items():
        assert row["effective_rate"] == row["embedded_rate"] == row["border_rate"] == 0.0
        assert row["statutory_rate"] == before[name]["statutory_rate"]
        assert row["duty_rate"] == row["exporter_rate"]
    # The duty on the customs value is what the law says; the exporter takes it off the price: τ / (1 + τ).
    without = Graph(
        graph.stages,
        tuple({**row, "pass_through": 0} for row in graph.inputs),
        tuple({**row, "pass_through": 0} for row in graph.shipments),
    )
    engine.assert_agrees(at_own_cost, ref.propagate(without, rules))


@given(graph=any_graphs(), rules=rule_sets())
@law(20)
def test_buyers_part_and_exporters_part_are_the_duty_collected(graph, rules):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-15
    for row in engine.shipments(result).values():
        assert row["effective_rate"] + row["exporter_rate"] == pytest.approx(row["duty_rate"], rel=1e-12, abs=slack)
        parts = row["border_rate"] + row["embedded_rate"] + row["compounding_rate"]
        assert parts == pytest.approx(row["effective_rate"], rel=1e-12, abs=1e-15)


@given(case=graphs_with_rates(), data=st.data())
@law()
def test_a_full_drawback_leaves_no_duty_on_the_input(case, data):
    graph, rates = case
    refunded = data.draw(st.sets(st.sampled_from(sorted(rates)), min_size=1))

    def refund(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "drawback": 1} if row["id"] in refunded else row

    drawn_back = Graph(graph.stages, tuple(map(refund, graph.inputs)), tuple(map(refund, graph.shipments)))
    free = {**rates, **dict.fromkeys(refunded, Fraction(0))}
    result = engine.propagate(drawn_back, rates_by_crossing(rates))
    columns = [column for column in engine.SHIPMENTS if column != "statutory_rate"]
    engine.assert_same_shipments(result, engine.propagate(graph, rates_by_crossing(free)), columns)
    for row in result.by("crossing").iter_rows(named=True):
        if row["crossing"] in refunded:
            assert row["rate"] == row["exporter_rate"] == row["duty_rate"] == 0.0


@given(graph=any_graphs(), rules=rule_sets(), data=st.data())
@law(20)
def test_under_any_law_a_full_drawback_leaves_no_duty_on_the_input(graph, rules, data):
    ids = [row["id"] for row in (*graph.inputs, *graph.shipments)]
    refunded = data.draw(st.sets(st.sampled_from(ids), min_size=1))
    drawn_back = Graph(
        graph.stages,
        *(
            tuple({**row, "drawback": 1} if row["id"] in refunded else row for row in table)
            for table in (graph.inputs, graph.shipments)
        ),
    )
    result = engine.propagate(drawn_back, rules)
    for row in result.by("crossing", "measure").iter_rows(named=True):
        if row["crossing"] in refunded:
            assert row["rate"] == row["exporter_rate"] == row["duty_rate"] == 0.0
    for row in result.shipments.filter(result.shipments["id"].is_in(list(refunded))).iter_rows(named=True):
        assert row["border_rate"] == row["compounding_rate"] == 0.0
        assert row["effective_rate"] == row["embedded_rate"]


@given(graph=any_graphs(denominator=100), rate=parts_of(64, 1, 48))
@law(10)
def test_a_small_rate_keeps_its_precision(graph, rate):
    tiny = f"{float(rate):.6f}e-12"
    engine.assert_agrees(engine.propagate(graph, flat(tiny)), ref.propagate(graph, flat(tiny)))


def test_percentages_are_written_exactly():
    assert percent(Fraction(3, 64)) == "4.6875%"
    assert percent(Fraction(1)) == "100%"
    assert percent(Fraction(1, 8)) == "12.5%"
