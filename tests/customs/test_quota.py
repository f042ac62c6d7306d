"""Tariff-rate and absolute quotas, by declaration and filled by the shipments of a graph."""

from __future__ import annotations

import pytest
from customs.graphs import AS_OF, graph_of, rules_of, statutory

import tariffgraph as tg

KOREA = "{quota: {name: kr, quantity: 100, unit: t}, in_quota: free, over_quota: 25%}"
PIPE = "{quota: {name: pipe, quantity: 50, unit: t}, in_quota: 5%, over_quota: refused}"
QUOTAS = f"""
measures:
  - {{id: flat, products: [7208, 7209], rate: {KOREA}}}
  - {{id: pipe, products: [7306], rate: {PIPE}}}
  - {{id: rest, products: [7208], rate: 3%}}
relations:
  - {{by: flat, excludes: rest}}
"""
STAGES = [("COIL", "KOR", "7208.38"), ("SHEET", "KOR", "7209.17"), ("PIPE", "KOR", "7306.19")]


def shipped(stage, quantity, unit="t", **more):
    return (stage, {"quantity": quantity, "unit": unit, **more})


@pytest.mark.parametrize(("declares", "total"), [("", 30.0), ("quota-filled", 250.0)])
def test_an_entry_is_in_the_quota_unless_it_declares_it_filled(tmp_path, declares, total):
    entry = tg.Entry(product="7208.38", origin="KOR", value=1000, declares=declares)
    assert tg.assess(rules_of(tmp_path, QUOTAS), entry, as_of=AS_OF).total == total


def test_an_absolute_quota_refuses_what_is_over_it(tmp_path):
    entry = tg.Entry(product="7306.19", origin="KOR", value=1000, declares="quota-filled")
    with pytest.raises(tg.EntryError, match="the quota 'pipe' is filled, and beyond it nothing is admitted"):
        tg.assess(rules_of(tmp_path, QUOTAS), entry, as_of=AS_OF)


def test_shipments_share_a_quota_by_their_quantities(tmp_path):
    # 150 t + 50 t draw on 100 t: half of each is within. Beyond the quota the measure excludes the other.
    graph = graph_of(STAGES, [], [shipped("COIL", 150), shipped("SHEET", 50_000, "kg")])
    duties = statutory(graph, rules_of(tmp_path, QUOTAS))
    assert duties["COIL->USA"] == pytest.approx(0.5 * 0.03 + 0.5 * 0.25, abs=1e-15)
    assert duties["SHEET->USA"] == pytest.approx(0.5 * 0.25, abs=1e-15)


def test_a_quota_that_is_large_enough_charges_nothing_more(tmp_path):
    graph = graph_of(STAGES, [], [shipped("COIL", 60), shipped("SHEET", 40)])
    assert statutory(graph, rules_of(tmp_path, QUOTAS)) == {"COIL->USA": 0.03, "SHEET->USA": 0.0}


def test_a_shipment_that_declares_the_quota_filled_is_over_it_and_does_not_draw(tmp_path):
    graph = graph_of(STAGES, [], [shipped("COIL", 900, declares="quota-filled"), shipped("SHEET", 100)])
    assert statutory(graph, rules_of(tmp_path, QUOTAS)) == {"COIL->USA": 0.25, "SHEET->USA": 0.0}


def test_a_shipment_without_a_quantity_does_not_draw(tmp_path):
    graph = graph_of(STAGES, [], [("COIL",), shipped("SHEET", 200)])
    assert statutory(graph, rules_of(tmp_path, QUOTAS)) == {"COIL->USA": 0.03, "SHEET->USA": 0.125}


def test_what_an_absolute_quota_does_not_admit_is_told(tmp_path):
    graph = graph_of(STAGES, [], [shipped("PIPE", 200)])
    result = tg.propagate(graph, rules_of(tmp_path, QUOTAS), as_of=AS_OF)
    assert result.shipments["statutory_rate"].to_list() == [0.05]
    (told,) = [str(one) for one in result.findings if one.check == "quota"]
    assert told.startswith(
        "the quota 'pipe' admits 50 t a year, and 200 t draw on it: 75.0000% of that is refused, at 'PIPE->USA'."
    )


def test_a_quantity_that_cannot_be_weighed_is_an_error(tmp_path):
    graph = graph_of(STAGES, [], [shipped("COIL", 5, "number")])
    with pytest.raises(tg.GraphError, match="a quantity in number cannot be counted in t"):
        statutory(graph, rules_of(tmp_path, QUOTAS))


def test_the_part_that_does_not_claim_draws_by_its_own_rows(tmp_path):
    # Half of 200 t claims and is free of the quota; 100 t fill it exactly, so the duty is that of the quota: 0.
    rules = rules_of(
        tmp_path,
        f"""
programs: {{P: {{partners: [KOR, USA]}}}}
measures:
  - id: flat
    rate: [{{rate: {KOREA}}}, {{program: P, rate: 7%}}]
""",
    )
    graph = graph_of(STAGES, [], [shipped("COIL", 200, program="P", utilization=0.5)])
    assert statutory(graph, rules) == {"COIL->USA": 0.035}


def test_rows_of_one_name_share_the_last_quantity_that_is_in_force(tmp_path):
    rules = rules_of(
        tmp_path,
        """
measures:
  - {id: coil, products: [7208], rate: {quota: {name: k, quantity: 50, unit: t}, in_quota: free, over_quota: 25%}}
  - {id: sheet, products: [7209], rate: {quota: k, in_quota: free, over_quota: 10%}}
""",
    )
    graph = graph_of(STAGES, [], [shipped("COIL", 60), shipped("SHEET", 40)])
    assert statutory(graph, rules) == {"COIL->USA": 0.125, "SHEET->USA": 0.05}
    larger = rules.set(
        "coil", rate={"quota": {"name": "k", "quantity": 100, "unit": "t"}, "in_quota": "free", "over_quota": "25%"}
    )
    assert statutory(graph, larger) == {"COIL->USA": 0.0, "SHEET->USA": 0.0}
