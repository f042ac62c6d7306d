"""Explanations: the lines of all borders add to every rate, and every fact is told with how it was found."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference.strategies import any_graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import tables

RATES = ("rate", "exporter_rate", "duty_rate")
OF_SHIPMENT = ("effective_rate", "exporter_rate", "duty_rate")

RULES = """
ruleset: packs
importer: all
column_1: mfn
content: {steel: {products: [72]}, metal: {products: [72], method: residual}}
programs: {K: {partners: [KOR, USA], origin: [{products: [85, 87], change_of: heading, tolerance: 10%}]}}
credits:
  - {id: refund, at: {products: [8703], importer: USA}, share: 1%, of: [batteries], source: Refund Act}
measures:
  - {id: mfn, rate: [{rate: 5%}, {program: K, rate: free}]}
  - {id: batteries, products: [8507], rate: {top_up_to: 15%}, source: Battery Act}
  - {id: metal-duty, products: [8507], base: {content: metal}, rate: 10%}
  - {id: steel-duty, products: [8507], base: {content: steel}, rate: 20%, covers: [batteries]}
  - {id: green, products: [8507], content: {steel: {at_least: 50%}}, rate: 3%}
  - {id: later, from: 2026-01-01, rate: 3%}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Packs of Chinese cells go into an American car, which buys itself and is sold in Mexico."""
    path = tmp_path_factory.mktemp("rules") / "packs.yaml"
    path.write_text(RULES, encoding="utf-8")
    graph = tg.from_frames(
        stages={
            "stage": ["cell", "ore", "pack", "steel", "car"],
            "country": ["CHN", "AUS", "KOR", "KOR", "USA"],
            "product": ["8507.60", "2601.11", "8507.60", "7208.10", "8703.80"],
            "origin": ["CHN", "AUS", "tariff-shift", "KOR", "USA"],
        },
        inputs={
            "supplier": ["cell", "pack", "ore", "steel", "car", "steel"],
            "user": ["pack", "car", "steel", "pack", "car", "car"],
            "share": [0.6, 0.4, 0.3, 0.2, 0.05, 0.1],
            "program": [None, "K", None, None, None, None],
            "utilization": [1.0, 0.25, 1.0, 1.0, 1.0, 1.0],
        },
        shipments={
            "stage": ["car"],
            "market": ["MEX"],
            "value": [1000.0],
            "program": ["K"],
            "utilization": [0.25],
            "pass_through": [0.5],
        },
    )
    return tg.propagate(graph, path, as_of="2025-01-01")


def rows(frame, *columns, **where):
    """The columns of the rows where each named column has the value given."""
    return frame.filter(*(pl.col(name) == value for name, value in where.items())).select(columns).rows()


def test_a_preference_claimed_in_part_is_two_entries(result):
    lines = result.explain("car").lines
    # The car takes packs and steel of other headings: it qualifies, and a quarter of the flow claims it.
    assert rows(lines, "entry", "status", "ad_valorem", "statutory_rate", border=1, measure="mfn") == [
        ("entry 1 of 2: 0.25 of the flow, claiming K", "free", 0.0, 0.0),
        ("entry 2 of 2: 0.75 of the flow", "charged", 0.05, pytest.approx(0.0375)),
    ]


def test_a_claim_that_does_not_qualify_says_by_how_much(result):
    assert rows(result.explain("car").facts, "value", "why", border=2, fact="preference claimed") == [
        ("K: does not qualify", "0.6 of the value does not change its heading (cell->pack), 0.5 above 0.1")
    ]


def test_origin_by_tariff_shift_is_worked_out(result):
    explanation = result.explain("car")
    said = "tariff shift: inputs of heading 8507 from elsewhere are 0.6 of the value, half or more"
    assert rows(explanation.facts, "value", "why", border=2, fact="origin") == [
        ("CHN", f"{said}: the good has the origin of the largest")
    ]
    shift = explanation.origin.filter((pl.col("border") == 2) & pl.col("program").is_null())
    assert shift.select("supplier", "share", "status").rows()[0] == ("cell", 0.6, "of its own heading")
    assert shift.select("value", "needed").rows()[-1] == (0.6, 0.5)


def test_contents_are_worked_out_input_by_input(result):
    content = result.explain("car").content
    assert rows(content, "supplier", "share", "content", "part", border=2, kind="steel") == [
        ("steel", 0.2, 1.0, 0.2),
        ("cell", 0.6, 0.0, 0.0),
        (None, None, None, 0.2),
    ]
    assert rows(content, "status", "part", "why", border=2, kind="metal") == [
        ("input", 0.6, "not shown to hold none: stays in"),
        ("input", 0.2, "not shown to hold none: stays in"),
        ("value added", pytest.approx(0.2), "labour and fabrication stay in"),
        ("sum", 1.0, "the value less what is shown to hold none"),
    ]
    (hidden,) = rows(result.explain("car").facts, "value", "why", border=2, fact="content of steel")
    assert hidden == (
        "0.2",
        "worked out below; 0.6 of the value lies in stages that show no inputs, and counts as none",
    )


def test_each_line_says_why(result):
    lines = result.explain("car").lines
    assert rows(lines, "status", "reason", border=2, measure="green")[0] == (
        "not-applicable",
        "the content of steel is 0.2, 0.3 below 0.5",
    )
    assert rows(lines, "status", "reason", border=2, measure="later")[0] == (
        "not-in-force",
        "in force only from 2026-01-01",
    )
    assert rows(lines, "says", "source", "reason", border=2, measure="batteries")[0] == (
        "tops column 1 up to 15%",
        "Battery Act",
        "0.2 of the value is covered by steel-duty",
    )


def test_a_credit_is_a_negative_line_with_its_arithmetic(result):
    explanation = result.explain("car")
    (refund,) = explanation.lines.filter(pl.col("measure") == "refund").iter_rows(named=True)
    # The packs owe .8 of (15% − 5%), .4 of the car's value: .032, of which 1% of 1 pays .3125.
    charged = rows(explanation.lines, "statutory_rate", border=2, measure="batteries")
    assert sum(rate for (rate,) in charged) == pytest.approx(0.08)
    assert refund["statutory_rate"] == pytest.approx(-0.3125 * 0.08)
    assert (refund["status"], refund["action"], refund["source"]) == ("credit", "batteries", "Refund Act")
    assert refund["reason"] == "pays 0.3125 of the 0.032 owed on the untaxed inputs of car (0.01 x 1 / 0.032)"


def test_borders_that_are_not_set_out_are_one_row_and_keep_the_sums(result):
    (whole,) = result.shipments.iter_rows(named=True)
    explanation = result.explain("car", borders=1)
    assert explanation.borders["crossings"].to_list() == [1, 1, 3]
    assert explanation.borders["border"].to_list() == [1, 2, None]
    others = explanation.lines.filter(pl.col("border").is_null())
    assert others.select("measure", "status", "reason").rows()[0][2] == "at 3 more borders"
    for frame in (explanation.lines, explanation.borders):
        for part, rate in zip(RATES, OF_SHIPMENT, strict=True):
            assert frame[part].sum() == pytest.approx(whole[rate], abs=1e-15)
    assert "   3 more borders " in str(explanation)


def test_a_market_that_no_rule_set_covers_owes_nothing_and_says_so(tmp_path):
    path = tmp_path / "us.yaml"
    path.write_text("{ruleset: us, importer: USA, measures: [{id: duty, rate: 10%}]}", encoding="utf-8")
    graph = tg.from_frames(
        stages={"stage": ["car"], "country": ["KOR"], "product": ["8703"]},
        shipments={"stage": ["car"], "market": ["JPN"]},
    )
    shown = str(tg.propagate(graph, path, as_of="2025-01-01").explain("car"))
    assert "no loaded rule set covers imports into JPN" in shown
    assert "No value is stated: money is per 1,000.00 of untaxed customs value." in shown


@given(graph=any_graphs(), rules=rule_sets(), borders=st.sampled_from((0, 1, 20)))
@law(15)
def test_lines_and_borders_add_to_every_rate_and_to_the_attribution(graph, rules, borders):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-12
    by_measure = result.by("measure")
    for row in result.shipments.iter_rows(named=True):
        explanation = result.explain(row["id"], borders=borders)
        for frame in (explanation.lines, explanation.borders):
            for part, rate in zip(RATES, OF_SHIPMENT, strict=True):
                assert frame[part].sum() == pytest.approx(row[rate], rel=1e-12, abs=slack)
        of_measure = dict(explanation.lines.group_by("measure").agg(pl.col("rate").sum()).iter_rows())
        for measure, rate in by_measure.filter(pl.col("shipment") == row["id"]).select("measure", "rate").iter_rows():
            assert of_measure.get(measure, 0.0) == pytest.approx(rate, rel=1e-12, abs=slack)
        for content in explanation.content.partition_by("border", "kind"):
            parts = content.filter(pl.col("status") != "sum")["part"].sum()
            assert parts == pytest.approx(content["part"][-1], abs=1e-12)
        assert str(explanation)


@pytest.mark.parametrize("limit", [{"borders": -1}, {"paths": 1.5}, {"levels": True}])
def test_numbers_that_are_none_are_refused(result, limit):
    with pytest.raises(tg.TariffGraphError, match="whole number"):
        result.explain("car", **limit)


def test_the_tables_are_the_ones_described(result):
    explanation = result.explain("car")
    for name in ("summary", "borders", "facts", "lines", "origin", "content"):
        described = getattr(tables, f"EXPLAINED_{name.upper()}")
        assert getattr(explanation, name).columns == [column.name for column in described]
    assert repr(explanation).startswith("Explanation('car->MEX', effective rate 0.")
    assert repr(explanation.paths).startswith("Paths(10 of 'car->MEX': 0.")
