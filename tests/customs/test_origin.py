"""Country of origin by tariff shift, case by case."""

import pytest

import tariffgraph as tg

RULES = "ruleset: r\nimporter: USA\nmeasures: [{id: m, rate: [{origins: CHN, rate: 25%}, {origins: VNM, rate: 10%}]}]"


def origin_of_bench(rules, bench="9403.60", **inputs):
    """Return the origin of a bench made in Vietnam out of the inputs ``stage = (country, product, share)``."""
    graph = tg.from_frames(
        stages=[{"stage": "bench", "country": "VNM", "product": bench, "origin": "tariff-shift"}]
        + [{"stage": name, "country": country, "product": product} for name, (country, product, _) in inputs.items()],
        inputs=[{"supplier": name, "user": "bench", "share": share} for name, (_, _, share) in inputs.items()],
        shipments=[{"stage": "bench", "market": "USA"}],
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    crossing = result.crossings.filter(id="bench->USA").row(0, named=True)
    assert crossing["exporter"] == "VNM"
    assert crossing["statutory_rate"] == {"CHN": 0.25, "VNM": 0.1}.get(crossing["origin"], 0.0)
    return crossing["origin"]


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(RULES, encoding="utf-8")
    return tg.read_rules(path)


def test_a_good_whose_inputs_change_their_heading_is_of_the_country_that_makes_it(rules):
    assert origin_of_bench(rules, wood=("CHN", "4407.11", 0.9)) == "VNM"


def test_a_good_that_shifts_nothing_keeps_the_origin_of_half_of_its_value(rules):
    assert origin_of_bench(rules, kit=("CHN", "9403.99", 0.5)) == "CHN"  # exactly half passes
    assert origin_of_bench(rules, kit=("CHN", "9403.99", 0.49)) == "VNM"
    assert origin_of_bench(rules, kit=("CHN", "9403.99", 0.25), legs=("KOR", "9403.91", 0.25)) == "CHN"  # tie: by id
    assert origin_of_bench(rules, a=("KOR", "9403.91", 0.2), kit=("CHN", "9403.99", 0.3)) == "CHN"
    assert origin_of_bench(rules, kit=("VNM", "9403.99", 0.9)) == "VNM"


def test_codes_without_headings_shift_always(rules):
    assert origin_of_bench(rules, bench="ISIC:C31", kit=("CHN", "ISIC:C31", 0.9)) == "VNM"


def test_in_a_cycle_the_country_of_the_stage_holds(rules):
    graph = tg.from_frames(
        stages=[
            {"stage": "a", "country": "VNM", "product": "9403", "origin": "tariff-shift"},
            {"stage": "b", "country": "CHN", "product": "9403"},
        ],
        inputs=[{"supplier": "b", "user": "a", "share": 0.6}, {"supplier": "a", "user": "b", "share": 0.1}],
        shipments=[{"stage": "a", "market": "USA"}],
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    assert result.crossings.filter(id="a->USA")["origin"].item() == "VNM"
