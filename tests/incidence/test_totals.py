"""All shipments together: money at crossings and by key, average rates, and the law with one measure less; by hand.

A Korean chip is .4 of a phone made in Vietnam; chips and phones are sold in the USA. Every border charges 10%, the
American one 20% more on phones, and then not the 10%.
"""

import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph import tables

RULES = """
ruleset: hand
importer: all
measures:
  - {id: base, authority: law, action: mfn, rate: 10%}
  - {id: phones, authority: order, importer: USA, products: [8517], rate: 20%}
  - {id: later, authority: order, rate: [{rate: 5%, from: 2026-01-01}]}
relations:
  - {by: phones, excludes: base}
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "hand.yaml"
    path.write_text(RULES, encoding="utf-8")
    return tg.read_rules(path)


def graph(chips=200.0, phones=1000.0, **columns):
    return tg.from_frames(
        stages={"stage": ["chip", "phone"], "country": ["KOR", "VNM"], "product": ["8542", "8517"]},
        inputs={"supplier": ["chip"], "user": ["phone"], "share": [0.4]},
        shipments={"stage": ["chip", "phone", "phone"], "market": ["USA", "USA", "VNM"], "value": [chips, phones, None]}
        | columns,
    )


def result(rules, *values, **columns):
    return tg.propagate(graph(*values, **columns), rules, as_of="2025-01-01")


def close(*numbers):
    return tuple(pytest.approx(one, rel=1e-14, abs=1e-15) for one in numbers)


def test_the_columns_are_the_documented_ones(rules):
    found = result(rules)
    for frame, table in (
        (found.totals("action"), tables.TOTALS),
        (found.averages("action"), tables.AVERAGES),
        (found.leave_one_out("action"), tables.LEAVE_ONE_OUT),
    ):
        assert frame.columns == [one.name.replace("KEY", "action") for one in table]


def test_the_money_at_every_crossing(rules):
    money = result(rules).crossings.select("id", "total_value", "total_customs_value", "total_duty").rows()
    # The phones sold at home have no value; those sold in the USA take in .4 · 1,000 of chips, and cost 1.04.
    assert money == [
        ("chip->phone", *close(400, 400, 40)),
        ("chip->USA", *close(200, 200, 20)),
        ("phone->USA", *close(1000, 1040, 208)),
    ]
    assert result(rules).with_market("VNM").crossings["total_duty"].null_count() == 3


def test_totals_by_key(rules):
    assert result(rules).totals().rows() == [("base", *close(60, 0, 60)), ("phones", *close(208, 0, 208))]
    assert result(rules).totals("importer", "depth").rows() == [
        ("USA", "0", *close(228, 0, 228)),
        ("VNM", "1", *close(40, 0, 40)),
    ]
    assert result(rules, None, None).totals().is_empty()
    with pytest.raises(tg.UnknownNameError, match=r"Did you mean 'measure'\?"):
        result(rules).totals("mesure")


def test_what_exporters_bear_is_money_too(rules):
    # Half of 10% is passed on: the exporter of chips gives up .05 / 1.1 of them.
    found = result(rules, 200.0, None, pass_through=[0.5, 1.0, 1.0]).totals()
    assert found.rows() == [("base", *close(10, 200 * 0.05 / 1.1, 10 + 200 * 0.05 / 1.1))]


def test_averages_are_weighted_by_value_and_keep_what_pays_nothing_in_the_denominator(rules):
    rates = ("statutory_rate", "embedded_rate", "compounding_rate", "effective_rate")
    found = result(rules)
    # (200 · .1 + 1,000 · .2) / 1,200; embedded .04 and compounding .008 in the phone alone.
    (row,) = found.averages().select("shipments", "value", *rates, "duty").rows()
    assert row == (2, *close(1200, 220 / 1200, 40 / 1200, 8 / 1200, 268 / 1200, 268))
    assert found.averages("exporter").select("exporter", "value", "effective_rate", "duty").rows() == [
        ("KOR", *close(200, 0.1, 20)),
        ("VNM", *close(1000, 0.248, 248)),
    ]
    assert found.averages("authority").select("authority", "importer", "value", *rates, "duty").rows() == [
        ("law", "USA", *close(1200, 20 / 1200, 0, 0, 20 / 1200, 20)),
        ("law", "VNM", *close(1200, 0, 40 / 1200, 0, 40 / 1200, 40)),
        ("order", "USA", *close(1200, 200 / 1200, 0, 8 / 1200, 208 / 1200, 208)),
    ]
    assert found.averages("measure", "product").select("measure", "product", "value", "effective_rate").rows() == [
        ("base", "8517", *close(1000, 0.04)),
        ("base", "8542", *close(200, 0.1)),
        ("phones", "8517", *close(1000, 0.208)),
    ]
    with pytest.raises(tg.UnknownNameError, match=r"'marker'.*Did you mean 'market'"):
        found.averages("marker")


def test_goods_without_a_value_are_left_out_and_seen_to_be(rules):
    rows = result(rules).averages("market").select("market", "shipments", "value", "effective_rate", "duty").rows()
    assert rows == [("USA", 2, *close(1200, 268 / 1200, 268)), ("VNM", 0, None, None, None)]


def test_if_none_has_a_value_each_counts_1_and_there_is_no_money(rules):
    found = (
        result(rules, None, None).averages("market").select("market", "shipments", "value", "effective_rate", "duty")
    )
    assert found.rows() == [("USA", 2, None, *close((0.1 + 0.248) / 2), None), ("VNM", 1, None, *close(0.04), None)]
    (law,) = result(rules, None, None).averages("authority").filter(authority="order")["effective_rate"]
    assert law == pytest.approx(0.208 / 3, rel=1e-14)


def test_the_cost_of_a_law_is_not_its_share(rules):
    found = result(rules).leave_one_out("measure")
    # Without the duty on phones the base duty comes back, 10% of 1.04; without that, the chip in the phone is free.
    assert found.rows() == [
        ("chip->USA", "base", *close(0.1, 0.1, 0.0, -0.1, -20)),
        ("phone->USA", "base", *close(0.04, 0.248, 0.2, -0.048, -48)),
        ("phone->USA", "phones", *close(0.208, 0.248, 1.04 * 1.1 - 1, 1.04 * -0.1, -104)),
        ("phone->VNM", "base", *close(0.04, 0.04, 0.0, -0.04), None),
    ]
    law = result(rules).leave_one_out("authority").filter(shipment="phone->USA")
    assert law.select("authority", "rate_without").rows() == [("law", *close(0.2)), ("order", *close(1.04 * 1.1 - 1))]
    with pytest.raises(
        tg.UnknownNameError, match=r"'crossing' is nothing to attribute to.*Known keys: action, authority, measure"
    ):
        result(rules).leave_one_out("crossing")


def test_what_charges_nothing_but_keeps_another_out_shows_when_it_goes(tmp_path):
    path = tmp_path / "free.yaml"
    path.write_text(
        "{ruleset: free, importer: all, relations: [{by: treaty, excludes: base, even_if_free: true}],"
        "measures: [{id: base, rate: 10%}, {id: treaty, rate: free}]}",
        encoding="utf-8",
    )
    found = tg.propagate(graph(), path, as_of="2025-01-01").leave_one_out()
    assert found.filter(shipment="chip->USA").rows() == [("chip->USA", "treaty", *close(0, 0, 0.1, 0.1, 20))]


def test_facts_that_are_needed_only_without_a_measure_are_asked_for_by_its_name(tmp_path):
    path = tmp_path / "weight.yaml"
    path.write_text(
        "{ruleset: w, importer: all, relations: [{by: base, excludes: weighed}],"
        "measures: [{id: base, rate: 10%}, {id: weighed, rate: 3 cents/kg}]}",
        encoding="utf-8",
    )
    found = tg.propagate(graph(), path, as_of="2025-01-01")
    with pytest.raises(tg.GraphError, match=r"without base, a duty of 0\.03 per kg needs the quantity of the entry"):
        found.leave_one_out()


def test_a_result_without_some_measures_says_so_and_compares(rules):
    found = result(rules)
    left = found.without("phones")
    assert left.meta["without"] == ["phones"]
    assert left.without("mfn").meta["without"] == ["phones", "mfn"]
    assert left.without("mfn").shipments["effective_rate"].to_list() == [0.0, 0.0, 0.0]
    changes = tg.compare(found, left).filter(shipment="phone->USA").select("measure", "change").rows()
    assert changes == [("base", *close(0.104)), ("phones", *close(-0.208))]
    assert found.with_market("VNM").without("phones").shipments["market"].to_list() == ["VNM"]
    with pytest.raises(tg.TariffGraphError, match=r"no measure 'phone'.*'phones'"):
        found.without("phone")


def test_a_measure_goes_alone_where_its_id_is_the_action_of_others_too(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text(
        "{ruleset: two, importer: all, column_1: mfn,"
        "measures: [{id: mfn, importer: USA, rate: 10%}, {id: mfn-vnm, action: mfn, importer: VNM, rate: 5%}]}",
        encoding="utf-8",
    )
    found = tg.propagate(graph(), path, as_of="2025-01-01")
    rates = found.leave_one_out("measure").filter(shipment="phone->USA").select("measure", "rate_without")
    assert rates.rows() == [("mfn", *close(0.02)), ("mfn-vnm", *close(0.1))]
    assert found.leave_one_out("action").filter(pl.col("rate_without") != 0).is_empty()
