"""Position in the chain: by hand, and as in fractions."""

import subprocess
import sys

import pytest
from hypothesis import given
from indicators.small_chain import small_chain, values
from reference import engine
from reference.production import leontief_inverse, number
from reference.reference import Graph
from reference.strategies import any_graphs, law

import tariffgraph as tg


def test_output_is_what_is_sold_and_what_others_need():
    # Steel: 60 sold and .4 · 100 for cars; ore: .5 · 100 for steel and .1 · 100 for cars.
    assert values(tg.indicators.gross_output(small_chain())) == pytest.approx({"car": 100, "ore": 60, "steel": 100})


def test_requirements_of_a_car_are_counted_along_every_path():
    found = values(tg.indicators.leontief_requirements(small_chain(), "car"))
    assert found == pytest.approx({"car": 1, "ore": 0.1 + 0.4 * 0.5, "steel": 0.4}, rel=1e-15)
    assert values(tg.indicators.leontief_requirements(small_chain(), "ore")) == {"ore": 1.0}
    with pytest.raises(tg.UnknownNameError, match=r"no stage has the id 'stel'\. Did you mean 'steel'\?"):
        tg.indicators.leontief_requirements(small_chain(), "stel")


def test_upstreamness_weighs_users_by_what_they_buy_of_the_output():
    # Steel: .4 · 100 / 100 goes into cars. Ore: 50 of 60 into steel, 10 into cars.
    found = values(tg.indicators.upstreamness(small_chain()))
    assert found == pytest.approx({"car": 1, "steel": 1 + 0.4, "ore": 1 + 50 / 60 * 1.4 + 10 / 60}, rel=1e-14)


def test_downstreamness_weighs_suppliers_by_their_share():
    found = values(tg.indicators.downstreamness(small_chain()))
    assert found == pytest.approx({"ore": 1, "steel": 1.5, "car": 1 + 0.4 * 1.5 + 0.1}, rel=1e-15)


def test_production_length_is_split_at_the_borders():
    # A car made in Korea buys its steel at home: the ore in it has crossed one border all the same.
    frame = tg.indicators.production_length(small_chain("KOR"))
    assert frame.columns == ["stage", "value", "domestic", "cross_border"]
    assert frame.row(0) == ("car", *map(pytest.approx, (1.7, 0.4, 0.4 * 0.5 + 0.1)))
    assert values(tg.indicators.border_crossings(small_chain("KOR"))) == pytest.approx(
        {"car": 0.3, "ore": 0, "steel": 0.5}
    )
    assert values(tg.indicators.border_crossings(small_chain("USA")))["car"] == pytest.approx(0.4 * 1.5 + 0.1)


def test_a_stage_that_feeds_no_shipment_has_no_upstreamness():
    graph = small_chain().replace(shipments={"stage": ["steel"], "market": ["USA"]})
    assert values(tg.indicators.upstreamness(graph)) == {"car": None, "ore": 2.0, "steel": 1.0}
    assert values(tg.indicators.gross_output(graph)) == {"car": 0.0, "ore": 0.5, "steel": 1.0}


def test_shipments_without_a_value_weigh_nothing_beside_others_and_one_each_alone():
    def output(*value):
        shipments = {"stage": ["car", "steel"], "market": ["MEX", "USA"], "value": list(value)}
        return values(tg.indicators.gross_output(small_chain().replace(shipments=shipments)))

    assert output(None, 60.0) == pytest.approx({"car": 0, "ore": 30, "steel": 60})
    assert output(None, None) == pytest.approx({"car": 1, "ore": 0.1 + 0.5 * 1.4, "steel": 1.4})


def test_stocks_that_run_down_are_taken_off_the_output():
    shipments = {"stage": ["car", "steel"], "market": ["MEX", "USA"], "value": [100.0, -10.0]}
    graph = small_chain().replace(shipments=shipments, negative_final_demand=True)
    assert values(tg.indicators.gross_output(graph)) == pytest.approx({"car": 100, "ore": 25, "steel": 30})


def test_a_cycle_by_hand():
    # Each buys half of its value from the other: D = 1 + D / 2; all of it crosses a border: B = (B + 1) / 2.
    graph = tg.from_frames(
        stages={"stage": ["a", "b"], "country": ["KOR", "JPN"], "product": ["72", "73"]},
        inputs={"supplier": ["a", "b"], "user": ["b", "a"], "share": [0.5, 0.5]},
        shipments={"stage": ["a", "b"], "market": ["KOR", "JPN"], "value": [1.0, 1.0]},
    )
    for measure, value in ((tg.indicators.downstreamness, 2), (tg.indicators.upstreamness, 2)):
        assert values(measure(graph)) == pytest.approx({"a": value, "b": value}, rel=1e-14)
    assert values(tg.indicators.border_crossings(graph)) == pytest.approx({"a": 1, "b": 1}, rel=1e-14)


def test_a_bundled_graph_goes_by_its_name():
    assert tg.indicators.downstreamness("korea-us-2025").equals(
        tg.indicators.downstreamness(tg.read_graph("korea-us-2025"))
    )


def test_the_room_is_loaded_when_it_is_asked_for():
    code = (
        "import sys, tariffgraph as tg; assert 'tariffgraph.indicators' not in sys.modules; tg.indicators.upstreamness;"
        "from tariffgraph import indicators; import tariffgraph.indicators; assert indicators is tg.indicators"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- laws -----------------------------------------------------------------------------------------------


def exact_output(graph: Graph, inverse):
    """Return gross output by stage, in fractions."""
    stated = [row.get("value") for row in graph.shipments]
    weight = [1 if all(one is None for one in stated) else number(one or 0) for one in stated]
    return {
        j: sum(w * inverse[j][row["stage"]] for w, row in zip(weight, graph.shipments, strict=True))
        for j in graph.stage
    }


@given(graph=any_graphs())
@law(20)
def test_every_measure_of_position_is_a_sum_over_the_leontief_inverse(graph):
    written, inverse = engine.engine_graph(graph), leontief_inverse(graph)
    output = exact_output(graph, inverse)
    crossing = [row for row in graph.inputs if graph.country(row["supplier"]) != graph.country(row["user"])]
    exact = {
        "gross_output": output,
        "downstreamness": {f: sum(inverse[j][f] for j in graph.stage) for f in graph.stage},
        "production_length": {f: sum(inverse[j][f] for j in graph.stage) for f in graph.stage},
        "border_crossings": {
            f: sum(number(row["share"]) * inverse[row["user"]][f] for row in crossing) for f in graph.stage
        },
        "upstreamness": {
            i: sum(inverse[i][j] * output[j] for j in graph.stage) / output[i] if output[i] else None
            for i in graph.stage
        },
    }
    for measure, expected in exact.items():
        found = values(getattr(tg.indicators, measure)(written))
        assert list(found) == sorted(graph.stage)
        assert all(engine.close(found[stage], expected[stage], bound=1e-13) for stage in found), measure
    for f in graph.stage:
        found = values(tg.indicators.leontief_requirements(written, f))
        assert all(engine.close(found.get(j, 0.0), inverse[j][f], bound=1e-14) for j in graph.stage)


@given(graph=any_graphs())
@law(20)
def test_weighted_by_output_mean_upstreamness_is_mean_downstreamness(graph):
    written = engine.engine_graph(graph)
    output = values(tg.indicators.gross_output(written))
    up, down = (values(measure(written)) for measure in (tg.indicators.upstreamness, tg.indicators.downstreamness))
    total = sum(output.values())
    assert all(up[stage] is None or up[stage] >= 1.0 for stage in up)
    mean = sum(output[stage] * (up[stage] or 0.0) for stage in output)
    assert mean == pytest.approx(sum(output[stage] * down[stage] for stage in output), rel=1e-12, abs=1e-12 * total)


@given(graph=any_graphs())
@law(5)
def test_the_order_of_rows_changes_no_bit(graph):
    turned = Graph(graph.stages[::-1], graph.inputs[::-1], graph.shipments[::-1])
    for name in ("upstreamness", "downstreamness", "production_length", "border_crossings", "value_added_origin"):
        measure = getattr(tg.indicators, name)
        assert measure(engine.engine_graph(graph)).equals(measure(engine.engine_graph(turned)))
