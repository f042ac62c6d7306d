"""Credits against the duties on a stage's inputs, worked by hand."""

from __future__ import annotations

import pytest
from customs.graphs import AS_OF, graph_of, rules_of

import tariffgraph as tg

RULES = """
measures:
  - {id: parts, authority: Section 232, action: s232, products: [8708], rate: 25%}
  - {id: glass, products: [7007], rate: 10%}
credits:
  - {id: offset, at: {products: [8703], importer: USA}, share: 3.75%, of: [parts], from: 2025-04-05, until: 2030-05-01}
"""
STAGES = [
    ("PARTS", "KOR", "8708.29"),
    ("GLASS", "KOR", "7007.11"),
    ("CAR", "USA", "8703.23"),
    ("TRUCK", "USA", "8704.21"),
]
INPUTS = [("PARTS", "CAR", 0.25), ("GLASS", "CAR", 0.1), ("PARTS", "TRUCK", 0.25)]


def rates(folder, rules=RULES, stages=STAGES, inputs=INPUTS, as_of=AS_OF):
    graph = graph_of(stages, inputs, [("CAR",), ("TRUCK",)])
    result = tg.propagate(graph, rules_of(folder, rules), as_of=as_of)
    return result, dict(result.shipments.select("id", "effective_rate").iter_rows())


def test_a_credit_pays_its_share_of_the_car_and_no_more_than_the_duty_on_its_parts(tmp_path):
    # 25% of .25 is .0625, less .0375; the glass pays 10% of .1 whatever the credit; the truck earns none.
    _, rate = rates(tmp_path)
    assert rate["CAR->USA"] == pytest.approx(0.0625 - 0.0375 + 0.01, abs=1e-15)
    assert rate["TRUCK->USA"] == pytest.approx(0.0625, abs=1e-15)


def test_a_credit_never_pays_more_than_the_duty(tmp_path):
    _, rate = rates(tmp_path, RULES.replace("3.75%", "30%"))
    assert rate["CAR->USA"] == pytest.approx(0.01, abs=1e-15)


def test_the_credit_is_a_share_of_the_credit_base(tmp_path):
    stages = [(*one, {"credit_base": 1.2}) for one in STAGES]
    _, rate = rates(tmp_path, stages=stages)
    assert rate["CAR->USA"] == pytest.approx(0.0625 - 1.2 * 0.0375 + 0.01, abs=1e-15)


def test_duty_that_is_refunded_earns_no_credit(tmp_path):
    inputs = [("PARTS", "CAR", 0.25, {"drawback": 0.6}), *INPUTS[1:]]
    inputs = [(*one[:3], {"drawback": 0.0} | (one[3] if len(one) > 3 else {})) for one in inputs]
    # 40% of .0625 is .025, less than .0375: all of it is credited.
    _, rate = rates(tmp_path, inputs=inputs)
    assert rate["CAR->USA"] == pytest.approx(0.01, abs=1e-15)


def test_the_credit_is_a_negative_line_at_the_crossing_that_it_pays(tmp_path):
    result, _ = rates(tmp_path)
    lines = {
        (crossing, measure): part
        for shipment, crossing, measure, part in result.by("crossing", "measure")
        .select("shipment", "crossing", "measure", "rate")
        .iter_rows()
        if shipment == "CAR->USA"
    }
    assert lines == pytest.approx(
        {
            ("PARTS->CAR", "parts"): 0.0625,
            ("PARTS->CAR", "offset"): -0.0375,
            ("GLASS->CAR", "glass"): 0.01,
        },
        abs=1e-15,
    )
    actions = dict(result.by("action").filter(shipment="CAR->USA").select("action", "rate").iter_rows())
    assert actions == pytest.approx({"s232": 0.025, "glass": 0.01}, abs=1e-15)
    authorities = result.by("authority").filter(shipment="CAR->USA")["authority"].to_list()
    assert authorities == ["Section 232", "glass"]


def test_a_credit_has_its_days(tmp_path):
    for day, duty in (("2025-04-04", 0.0725), ("2025-04-05", 0.035), ("2030-04-30", 0.035), ("2030-05-01", 0.0725)):
        assert rates(tmp_path, as_of=day)[1]["CAR->USA"] == pytest.approx(duty, abs=1e-15)


def test_of_the_credits_that_hold_for_a_measure_the_last_applies(tmp_path):
    later = RULES + "  - {id: smaller, at: {products: [8703]}, share: 1%, of: [parts, glass]}\n"
    result, rate = rates(tmp_path, later)
    # One credit of 1% over both measures: .0625 + .01 less .01.
    assert rate["CAR->USA"] == pytest.approx(0.0725 - 0.01, abs=1e-15)
    assert set(result.by("measure").filter(shipment="CAR->USA")["measure"]) == {"parts", "glass", "smaller"}


def test_a_credit_goes_where_the_measure_goes(tmp_path):
    graph = graph_of(STAGES, INPUTS, [("CAR",)])
    rules = rules_of(tmp_path, RULES)
    assert rules.without("parts").rule_sets[0].credits == ()
    result = tg.propagate(graph, rules.without("parts"), as_of=AS_OF)
    assert result.shipments["effective_rate"].to_list() == [0.1 * 0.1]


def test_results_name_the_firm_that_earns_it(tmp_path):
    mine = RULES.replace("importer: USA}, share", "importer: USA, nationality: [KOR]}, share")
    assert rates(tmp_path, mine)[1]["CAR->USA"] == pytest.approx(0.0725, abs=1e-15)
    stages = [*STAGES[:2], ("CAR", "USA", "8703.23", {"nationality": "KOR"}), STAGES[3]]
    assert rates(tmp_path, mine, stages=stages)[1]["CAR->USA"] == pytest.approx(0.035, abs=1e-15)


def test_a_credit_is_removed_by_its_name(tmp_path):
    rules = rules_of(tmp_path, RULES).without("offset")
    result = tg.propagate(graph_of(STAGES, INPUTS, [("CAR",)]), rules, as_of=AS_OF)
    assert result.shipments["effective_rate"].to_list() == [pytest.approx(0.0725, abs=1e-15)]
