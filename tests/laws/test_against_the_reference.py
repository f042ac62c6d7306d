"""The engine against the exact reference: random graphs under random law, acyclic and cyclic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import (
    DAYS,
    DECLARATIONS,
    PRODUCTS,
    PROGRAMS,
    QUANTITIES,
    UNCONDITIONAL,
    any_graphs,
    graphs,
    is_named,
    law,
    neighbours,
    parts_of,
    rule_sets,
)

import tariffgraph as tg


@given(graph=graphs(), rules=rule_sets(), as_of=st.sampled_from(DAYS), known_on=st.none() | st.sampled_from(DAYS))
@law(30)
def test_every_rate_of_an_acyclic_graph_is_the_exact_one(graph, rules, as_of, known_on):
    result = engine.propagate(graph, rules, as_of=as_of, known_on=known_on)
    engine.assert_agrees(result, ref.propagate(graph, rules, as_of=as_of, known_on=known_on))


@given(graph=graphs(cyclic=True), rules=rule_sets(), as_of=st.sampled_from(DAYS))
@law(30)
def test_every_rate_of_a_cyclic_graph_is_the_exact_one_within_the_bound_reported(graph, rules, as_of):
    result = engine.propagate(graph, rules, as_of=as_of)
    assert engine.residual_bound(result) < 1e-11
    engine.assert_agrees(result, ref.propagate(graph, rules, as_of=as_of))


@given(graph=any_graphs(stages=3, products=PRODUCTS[:2]), rules=rule_sets(leave_out=UNCONDITIONAL, favour="quota"))
@law(30)
def test_shipments_fill_quotas_as_the_reference_says(graph, rules):
    engine.assert_agrees(engine.propagate(graph, rules), ref.propagate(graph, rules))


@given(graph=any_graphs(products=("8703.23", "8703.40", "8708.29")), rules=rule_sets(leave_out=UNCONDITIONAL))
@law(25)
def test_goods_that_shift_no_heading_and_inputs_that_earn_credits_pay_what_the_reference_says(graph, rules):
    engine.assert_agrees(engine.propagate(graph, rules), ref.propagate(graph, rules))


@given(graph=any_graphs(products=PRODUCTS[2:]), rules=rule_sets(most=2), as_of=st.sampled_from(DAYS))
@law(30)
def test_those_claims_qualify_that_the_reference_lets_qualify(graph, rules, as_of):
    result = engine.propagate(graph, rules, as_of=as_of)
    expected = ref.propagate(graph, rules, as_of=as_of)
    at_border = {row["id"]: row for row in result.crossings.iter_rows(named=True)}
    claimed = {row["id"]: row.get("program") for row in (*graph.inputs, *graph.shipments)}
    for crossing in (*expected.inputs, *expected.last_borders):
        if crossing.id in at_border:
            found = at_border[crossing.id]
            assert found["claimed"] == claimed[crossing.id]
            assert found["qualifies"] is crossing.qualifies, crossing.id
            assert found["program"] == (claimed[crossing.id] if crossing.qualifies else None)


@given(graph=any_graphs(denominator=90), rules=rule_sets(leave_out=frozenset({"content"})))
@law(20)
def test_every_rate_is_exact_with_shares_that_no_float_can_hold(graph, rules):
    engine.assert_agrees(engine.propagate(graph, rules), ref.propagate(graph, rules))


@given(graph=any_graphs(), rules=rule_sets())
@law(20)
def test_the_excess_price_of_every_stage_is_the_exact_one(graph, rules):
    problem = tg.compile(engine.engine_graph(graph), engine.engine_rules(rules), as_of="2025-07-02")
    bound = engine.residual_bound(engine.propagate(graph, rules))
    expected = ref.propagate(graph, rules).excess
    for stage, excess in zip(problem.stages, problem.excess_prices(), strict=True):
        assert engine.close(float(excess), expected[stage], bound=bound), stage


@given(graph=any_graphs(), both=neighbours("one", "other"))
@law(15)
def test_rule_sets_side_by_side_charge_what_the_reference_says(graph, both):
    # Only one of them names a column 1: what two base duties of one importer mean for a top-up is not for us to say.
    one, other = both
    if "top_up_to" in repr(other["measures"]):
        return
    other = {key: value for key, value in other.items() if key != "column_1"}
    engine.assert_agrees(engine.propagate(graph, one, other), ref.propagate(graph, one, other))


@pytest.mark.parametrize("share", ["1/3", "1/7", "0.001234567890123456"])
@pytest.mark.parametrize("cyclic", [False, True])
def test_a_content_charged_is_no_coarser_than_a_float(share, cyclic):
    share = Fraction(share)
    stages = (
        {"stage": "steel", "country": "KOR", "product": "7208.10"},
        {"stage": "part", "country": "KOR", "product": "8708.29"},
        {"stage": "car", "country": "KOR", "product": "8703.23"},
    )
    inputs = [
        {"supplier": "steel", "user": "part", "share": share},
        {"supplier": "part", "user": "car", "share": share},
    ]
    if cyclic:
        inputs.append({"supplier": "car", "user": "part", "share": share})
    graph = Graph(stages, tuple(inputs), ({"id": "sold", "stage": "car", "market": "USA", "value": 1},))
    rules = {
        "ruleset": "steel",
        "importer": "USA",
        "content": {"steel": {"products": [72]}},
        "measures": [{"id": "steel", "rate": "50%", "base": {"content": "steel"}}],
    }
    # K_part = a + a · K_car, K_car = a · K_part; without the cycle K_car = a².
    content = share**2 / (1 - share**2) if cyclic else share**2
    found = engine.rates(engine.propagate(graph, rules), "statutory_rate")["sold"]
    assert found == pytest.approx(float(content / 2), rel=1e-12, abs=0)


@given(
    rules=rule_sets(),
    as_of=st.sampled_from(DAYS),
    facts=st.fixed_dictionaries(
        {
            "product": st.sampled_from(PRODUCTS),
            "origin": st.sampled_from(("CHN", "JPN", "KOR", "USA")),
            "importer": st.sampled_from(("USA", "KOR", "MEX")),
            "exporter": st.sampled_from(("CHN", "JPN", "MEX")),
            "nationality": st.none() | st.sampled_from(("KOR", "CHN")),
            "used_in": st.none() | st.sampled_from(PRODUCTS),
            "program": st.none() | st.sampled_from(PROGRAMS),
            "utilization": st.sampled_from((0.25, 0.5, 1.0)),
            "value": st.sampled_from((1000, 12)),
        }
    ),
    quantity=st.none() | QUANTITIES,
    declares=st.sets(st.sampled_from((*DECLARATIONS, "quota-filled", "reach:steel", "reach:us", "weighed"))),
    content=st.dictionaries(st.sampled_from(("steel", "us", "korean")), parts_of(8)),
)
@law(30)
def test_every_measure_charges_an_entry_what_the_reference_says(rules, as_of, facts, quantity, declares, content):
    if facts["importer"] == facts["exporter"]:
        return
    declares = {one for one in declares if is_named(one, rules) and (one != "weighed" or quantity)}
    if quantity:
        facts = {**facts, "quantity": quantity[0], "unit": quantity[1]}
    law_here = ref.law_of(rules, as_of=as_of)
    entry = tg.Entry(
        **{**facts, "quantity": quantity and float(quantity[0])},
        declares=sorted(declares),
        content={kind: float(part) for kind, part in content.items()},
    )
    try:
        expected = law_here.assess(ref.Facts(**facts, declares=frozenset(declares), content=content))
    except ref.NotAdmittedError:
        with pytest.raises(tg.EntryError, match="quota"):
            tg.assess(engine.engine_rules(rules), entry, as_of=as_of)
        return
    duty = tg.assess(engine.engine_rules(rules), entry, as_of=as_of)
    value = facts["value"]
    assert duty.rate == pytest.approx(float(sum(expected.values())), rel=1e-12, abs=1e-15)
    assert duty.total == pytest.approx(value * float(sum(expected.values())), rel=1e-12, abs=1e-12)
    found: dict[str, float] = {}
    for line in duty.lines.iter_rows(named=True):
        found[line["measure"]] = found.get(line["measure"], 0.0) + line["duty"]
    for measure, charge in expected.items():
        assert found.get(measure, 0.0) == pytest.approx(value * float(charge), rel=1e-12, abs=1e-12), measure
