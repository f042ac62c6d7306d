"""Attribution is exact and additive: by every key and pair of keys, without residual, line by line as in fractions."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import any_graphs, graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph.incidence import attribution

RATES = ("rate", "exporter_rate", "duty_rate")
OF_SHIPMENT = ("effective_rate", "exporter_rate", "duty_rate")


@given(graph=any_graphs(), rules=rule_sets())
@law(10)
def test_attribution_by_every_key_and_pair_adds_to_the_effective_rate(graph, rules):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-15
    for keys in engine.GROUPINGS:
        frame = result.by(*keys)
        for name, row in engine.shipments(result).items():
            lines = frame.filter(frame["shipment"] == name)
            for column, of_shipment in zip(RATES, OF_SHIPMENT, strict=True):
                assert lines[column].sum() == pytest.approx(row[of_shipment], rel=1e-12, abs=slack), (
                    keys,
                    column,
                )
            if row["value"] is None:
                assert lines["amount"].null_count() == lines.height
            else:
                amount = row["value"] * row["effective_rate"]
                assert lines["amount"].sum() == pytest.approx(amount, rel=1e-12, abs=slack * row["value"])


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(engine.GROUPINGS))
@law(25)
def test_every_line_of_an_attribution_is_the_exact_one(graph, rules, keys):
    result = engine.propagate(graph, rules)
    bound = 10 * engine.residual_bound(result)
    frame = result.by(*keys)
    columns = [column for column in frame.columns if column not in {"shipment", *RATES, "amount"}]
    assert set(keys) <= set(columns)
    found = engine.attribution(result, *columns)
    expected = ref.propagate(graph, rules).by(*columns)
    for line in {*found, *expected}:
        exact = expected.get(line, (ref.ZERO,) * 3)
        for column, number in zip(RATES, exact, strict=True):
            assert engine.close(found[line][column] if line in found else 0.0, number, bound=bound), (
                line,
                column,
            )


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(engine.GROUPINGS))
@law(20)
def test_sums_carried_to_all_goods_are_those_worked_out_good_by_good(graph, rules, keys):
    result = engine.propagate(graph, rules)
    columns = attribution.columns_of(keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "_stage_by_stage", attribution._group_by_group)
        carried = result.by(*keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attribution, "_group_by_group", attribution._stage_by_stage)
        gathered = result.by(*keys)
    assert carried.select("shipment", *columns).equals(gathered.select("shipment", *columns))
    for column in RATES:
        assert carried[column].to_list() == pytest.approx(gathered[column].to_list(), rel=1e-12, abs=1e-15)


@given(graph=any_graphs(), rules=rule_sets(leave_out=frozenset({"credits"})), keys=st.sampled_from(engine.GROUPINGS))
@law(20)
def test_where_no_credit_pays_no_part_of_a_rate_is_below_zero(graph, rules, keys):
    frame = engine.propagate(graph, rules).by(*keys)
    for column in RATES:
        assert (frame[column] >= 0.0).all()


@given(graph=graphs(cyclic=True), rules=rule_sets())
@law(10)
def test_depths_stand_in_the_order_of_numbers(graph, rules):
    frame = engine.propagate(graph, rules).by("measure", "depth")
    for _, rows in frame.group_by("shipment", "measure", maintain_order=True):
        order = [float(depth.replace("+", ".5")) for depth in rows["depth"]]
        assert order == sorted(order)


# --- all shipments together -----------------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(engine.GROUPINGS))
@law(25)
def test_totals_are_the_parts_of_all_shipments_added_up(graph, rules, keys):
    result = engine.propagate(graph, rules)
    columns = attribution.columns_of(keys)
    parts = result.by(*keys).join(result.shipments.select("value", shipment="id"), on="shipment").drop_nulls("value")
    money = {"amount": "rate", "exporter_amount": "exporter_rate", "duty": "duty_rate"}
    expected = parts.group_by(columns).agg(
        (pl.col("value") * pl.col(rate)).sum().alias(name) for name, rate in money.items()
    )
    found = result.totals(*keys)
    assert found.height == expected.height
    both = found.join(expected, on=columns, suffix="_expected")
    assert both.height == found.height
    for name in money:
        assert both[name].to_list() == pytest.approx(both[f"{name}_expected"].to_list(), rel=1e-11, abs=1e-11)


@given(graph=any_graphs(), rules=rule_sets())
@law(25)
def test_the_duty_at_all_crossings_is_the_duty_of_all_shipments(graph, rules):
    result = engine.propagate(graph, rules)
    crossings, valued = result.crossings, result.shipments.drop_nulls("value")
    if valued.is_empty():
        assert crossings["total_duty"].null_count() == crossings.height
        return
    assert crossings["total_duty"].sum() == pytest.approx(valued["duty"].sum(), rel=1e-12, abs=1e-10)
    at_crossing = {row["crossing"]: row["duty"] for row in result.totals("crossing").iter_rows(named=True)}
    for row in crossings.drop_nulls("total_duty").iter_rows(named=True):
        assert row["total_duty"] == pytest.approx(at_crossing.get(row["id"], 0.0), rel=1e-11, abs=1e-11)
        assert row["total_customs_value"] == pytest.approx(row["total_value"] * row["customs_value"], rel=1e-14)


AVERAGES = [(), *((key,) for key in ("market", "exporter", "product")), ("market", "product")]


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(AVERAGES))
@law(25)
def test_averages_weighted_by_value_average_to_that_of_all(graph, rules, keys):
    result = engine.propagate(graph, rules)
    known = result.shipments["value"].is_not_null().any()
    weight = pl.col("value") if known else pl.lit(1.0)
    counted = result.shipments.filter(weight.is_not_null())
    found = result.averages(*keys).filter(pl.col("shipments") > 0)
    assert found["shipments"].sum() == counted.height
    share = found["value"] if known else found["shipments"]
    for rate in engine.RATES:
        expected = counted.select((weight * pl.col(rate)).sum() / weight.sum() if known else pl.col(rate).mean()).item()
        assert (share * found[rate]).sum() / share.sum() == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert found["duty"].sum() == pytest.approx(result.shipments["duty"].sum() or 0.0, rel=1e-12, abs=1e-11)


@given(
    graph=any_graphs(),
    rules=rule_sets(),
    of_goods=st.sampled_from(AVERAGES),
    of_law=st.sampled_from(("measure", "action", "authority")),
)
@law(25)
def test_the_parts_of_an_average_add_up_to_it(graph, rules, of_goods, of_law):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-14
    wholes, parts = result.averages(*of_goods), result.averages(*of_goods, of_law)
    for whole in wholes.iter_rows(named=True):
        mine = parts.filter(pl.lit(value=True), *(pl.col(key) == whole[key] for key in of_goods))
        assert set(mine["value"]) <= {whole["value"]}
        for rate in engine.RATES:
            assert mine[rate].sum() == pytest.approx(whole[rate] or 0.0, rel=1e-12, abs=slack)


# --- leave-one-out (law 20) -----------------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), key=st.sampled_from(("measure", "action", "authority")))
@law(12)
def test_leaving_out_is_the_law_without_it(graph, rules, key):
    result = engine.propagate(graph, rules)
    law_there = engine.engine_rules(rules)
    found = result.leave_one_out(key)
    shares = engine.attribution(result, key)
    effective = engine.rates(result)
    for name in found[key].unique():
        ids = [one["id"] for one in rules["measures"] if name in _names(one)[key]]
        left = law_there.without(*(ids or [name]), by_id=True)
        without = engine.rates(tg.propagate(engine.engine_graph(graph), left, as_of="2025-07-02"))
        for row in found.filter(pl.col(key) == name).iter_rows(named=True):
            shipment = row["shipment"]
            assert row["rate_without"] == without[shipment]
            assert row["effective_rate"] == effective[shipment]
            assert row["change"] == without[shipment] - effective[shipment]
            if key != "authority":
                assert row["rate"] == (shares[shipment, name]["rate"] if (shipment, name) in shares else 0.0)


def _names(measure):
    """Return what a measure is called by each key."""
    action = measure.get("action", measure["id"])
    return {"measure": {measure["id"]}, "action": {action}, "authority": {measure.get("authority", action)}}


# --- by hand --------------------------------------------------------------------------------------------


def test_authorities_bring_their_importer():
    graph = Graph(
        (
            {"stage": "part", "country": "KOR", "product": "8708.29"},
            {"stage": "car", "country": "MEX", "product": "8703.23"},
        ),
        ({"supplier": "part", "user": "car", "share": "50%"},),
        ({"stage": "car", "market": "USA", "value": 100},),
    )
    rules = {
        "ruleset": "two",
        "importer": "all",
        "measures": [
            {"id": "mexico", "authority": "Tariff Act", "action": "mfn", "importer": "MEX", "rate": "20%"},
            {"id": "us", "authority": "Tariff Act", "action": "mfn", "importer": "USA", "rate": "10%"},
        ],
    }
    result = engine.propagate(graph, rules)
    lines = {(row["authority"], row["importer"]): row["rate"] for row in result.by("authority").iter_rows(named=True)}
    # Mexico: 0.5 · 0.2; the USA: 1.1 · 0.1, its duty falling on Mexico's as well.
    assert lines == {
        ("Tariff Act", "MEX"): pytest.approx(0.1, rel=1e-15),
        ("Tariff Act", "USA"): pytest.approx(0.11, rel=1e-15),
    }
    (action,) = result.by("action").iter_rows(named=True)
    assert action["rate"] == pytest.approx(0.21, rel=1e-15)
    assert action["amount"] == pytest.approx(21, rel=1e-15)


def test_an_exporters_part_is_split_as_the_rates_of_its_measures_are():
    graph = Graph(
        ({"stage": "car", "country": "KOR", "product": "8703.23"},),
        (),
        ({"stage": "car", "market": "USA", "value": 100, "pass_through": 0},),
    )
    measures = [{"id": "one", "rate": "5%"}, {"id": "three", "rate": "15%"}]
    result = engine.propagate(graph, {"ruleset": "two", "importer": "USA", "measures": measures})
    lines = engine.attribution(result, "measure")
    # The exporter gives up 1 − 1/1.2 = 1/6 of the price: a quarter of it to the one, three quarters to the other.
    assert lines["car->USA", "one"]["exporter_rate"] == pytest.approx(1 / 24, rel=1e-14)
    assert lines["car->USA", "three"]["exporter_rate"] == pytest.approx(1 / 8, rel=1e-14)
    assert lines["car->USA", "one"]["rate"] == 0.0
