"""Paths of the duties in a price: the largest first, in their order for certain, and what is left."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.strategies import any_graphs, graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import tables

ALL = "{ruleset: ten, importer: all, measures: [{id: duty, rate: 10%}]}"


@pytest.fixture
def ten(tmp_path):
    path = tmp_path / "ten.yaml"
    path.write_text(ALL, encoding="utf-8")
    return tg.read_rules(path)


def chain(market="USA", stages=("ore", "coil", "part", "car"), countries=("AUS", "KOR", "KOR", "MEX")):
    return tg.from_frames(
        stages={"stage": list(stages), "country": list(countries), "product": ["2601", "7208", "8708.29", "8703.23"]},
        inputs={
            "supplier": ["ore", "coil", "coil", "part"],
            "user": ["coil", "part", "car", "car"],
            "share": [0.5, 0.2, 0.1, 0.4],
        },
        shipments={"stage": ["car"], "market": [market], "value": [1000.0]},
    )


def test_the_paths_of_a_car_by_hand(ten):
    paths = tg.propagate(chain(), ten, as_of="2025-01-01").paths("car")
    # Ore pays 10% into Korea: the coil is at 1.05, a part at 1 + .2 · .05 = 1.01. The car takes both from Korea, and
    # ore through each: x = .4 (.01 + .101) + .1 (.05 + .105) = .0599; its own border takes 10% of 1.0599.
    assert paths.frame.select("path", "crossing", "length", "depth", pl.col("rate").round(15)).rows() == [
        ("car -> USA", "car->USA", 0, 0, 0.10599),
        ("part -> car", "part->car", 1, 1, 0.0404),
        ("coil -> car", "coil->car", 1, 1, 0.0105),
        ("ore -> coil -> car", "ore->coil", 2, 2, 0.005),
        ("ore -> coil -> part -> car", "ore->coil", 3, 2, 0.004),
    ]
    assert paths.frame.select("weight", "price", "border_rate").rows()[3:] == [
        pytest.approx((0.05, 1, 0.1)),
        pytest.approx((0.04, 1, 0.1)),
    ]
    assert paths.frame["stages"][4].to_list() == ["ore", "coil", "part", "car"]
    assert paths.frame["inputs"][4].to_list() == ["ore->coil", "coil->part", "part->car"]
    assert paths.frame["amount"].sum() == pytest.approx(1000 * (1.0599 * 1.1 - 1), abs=1e-10)
    assert (paths.remainder, paths.next_at_most) == (0.0, 0.0)
    assert paths.total == pytest.approx(1.0599 * 1.1 - 1, abs=1e-15)
    assert paths.frame["cumulative"][-1] == pytest.approx(paths.total, abs=1e-15)


def test_a_few_paths_leave_a_remainder_that_no_other_path_exceeds(ten):
    result = tg.propagate(chain(), ten, as_of="2025-01-01")
    two = result.paths("car->USA", top=2)
    assert two.frame["path"].to_list() == ["car -> USA", "part -> car"]
    assert two.remainder == pytest.approx(0.0105 + 0.005 + 0.004, abs=1e-15)
    assert 0.0105 <= two.next_at_most <= two.remainder
    # .10599 + .0404 are 88% of .16589, with the coil 94.6%.
    assert result.paths("car", cover=0.94).frame.height == 3
    assert result.paths("car", at_least=0.005).frame.height == 4
    assert result.paths("car", top=0).remainder == two.total


def test_a_shipment_that_stays_at_home_has_no_last_border(ten):
    paths = tg.propagate(chain(market="MEX"), ten, as_of="2025-01-01").paths("car", "MEX", top=1)
    assert paths.frame.select("path", "depth").rows() == [("part -> car", 0)]


def test_no_duties_are_no_paths(ten):
    none = tg.propagate(chain(market="MEX", countries=["MEX"] * 4), ten, as_of="2025-01-01").paths("car")
    assert (none.frame.height, none.total, none.remainder) == (0, 0.0, 0.0)


def test_equal_paths_go_by_length_and_then_in_the_order_of_the_inputs(ten):
    graph = tg.from_frames(
        stages={"stage": ["b", "a", "c", "good"], "country": ["KOR"] * 3 + ["USA"], "product": ["85"] * 4},
        inputs={"supplier": ["c", "b", "a"], "user": ["good"] * 3, "share": [0.25] * 3},
        shipments={"stage": ["good"], "market": ["USA"]},
    )
    result = tg.propagate(graph, ten, as_of="2025-01-01")
    assert result.paths("good").frame["path"].to_list() == ["a -> good", "b -> good", "c -> good"]
    assert result.paths("good", top=2).frame["path"].to_list() == ["a -> good", "b -> good"]


@pytest.mark.parametrize(
    ("limit", "what"),
    [
        ({"top": -1}, "no number of paths"),
        ({"top": 1.5}, "no number"),
        ({"cover": 1.5}, "range"),
        ({"at_least": 0}, "range"),
    ],
)
def test_limits_that_are_none_are_refused(ten, limit, what):
    with pytest.raises(tg.TariffGraphError, match=what):
        tg.propagate(chain(), ten, as_of="2025-01-01").paths("car", **limit)


@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        (("cat",), "Did you mean 'car'"),
        (("car-",), "between quotes, 'car->USA'"),
        (("car", "US"), "Did you mean 'USA'"),
        (("car->USA", "USA"), "Leave the market out"),
        ((3,), "no shipment has the id or stage '3'"),
        (("car", 3), "not shipped to the market '3'"),
    ],
)
def test_unknown_shipments_get_the_nearest_name(ten, named, remedy):
    with pytest.raises(tg.UnknownNameError, match=remedy):
        tg.propagate(chain(), ten, as_of="2025-01-01").paths(*named)


def test_a_stage_with_several_shipments_asks_which(ten):
    graph = chain()
    graph = graph.replace(shipments=pl.DataFrame({"stage": ["car", "car"], "market": ["USA", "CAN"]}))
    result = tg.propagate(graph, ten, as_of="2025-01-01")
    with pytest.raises(tg.UnknownNameError, match="Name one: 'car->CAN', 'car->USA'"):
        result.paths("car")
    assert result.paths("car", "CAN", top=1).frame["path"].to_list() == ["car -> CAN"]


def enumerated(result, row, longest=40, least=1e-9):
    """Every path of a shipment that carries ``least`` or more, by brute force: its rate by the ids of its inputs."""
    shipments, crossings = result.problem.graph.shipments, result.crossings
    rates = dict(crossings.select("id", "border_rate").iter_rows())
    price = dict(zip(result.problem.stages, (1.0 + result.solution.excess).tolist(), strict=True))
    into: dict[str, list[tuple[str, str, float]]] = {}
    for name, supplier, user, share in result.problem.graph.inputs.select(
        "id", "supplier", "user", "share"
    ).iter_rows():
        into.setdefault(user, []).append((name, supplier, share))
    shipment = shipments.row(row, named=True)
    found = {(): price[shipment["stage"]] * rates.get(shipment["id"], 0.0)}

    def walk(stage, inputs, weight):
        for name, supplier, share in into.get(stage, ()):
            carried = weight * share
            if carried * 4 < least or len(inputs) >= longest:
                continue
            found[(name, *inputs)] = carried * price[supplier] * rates.get(name, 0.0)
            walk(supplier, (name, *inputs), carried)

    walk(shipment["stage"], (), 1.0)
    return {path: rate for path, rate in found.items() if rate >= least}


@given(graph=any_graphs(stages=5), rules=rule_sets(), top=st.integers(1, 12))
@law(15)
def test_the_largest_paths_are_those_of_brute_force(graph, rules, top):
    result = engine.propagate(graph, rules)
    least = 1e-4
    for row, name in enumerate(result.problem.graph.shipments["id"]):
        expected = enumerated(result, row, least=least)
        paths = result.paths(name, top=top, at_least=least)
        found = {tuple(inputs): rate for inputs, rate in paths.frame.select("inputs", "rate").iter_rows()}
        best = sorted(expected.values(), reverse=True)[:top]
        assert list(found.values()) == pytest.approx(best, rel=1e-12)
        assert all(rate == pytest.approx(expected[path], rel=1e-12) for path, rate in found.items())
        rest = sorted(expected.values(), reverse=True)[top:]
        assert paths.next_at_most >= (rest[0] if rest else 0.0) * (1 - 1e-12)
        effective = result.shipments.filter(pl.col("id") == name)["effective_rate"].item()
        assert paths.total == effective
        assert paths.remainder == pytest.approx(effective - math.fsum(found.values()), abs=1e-14)


@given(graph=graphs(), rules=rule_sets())
@law(15)
def test_all_paths_of_an_acyclic_graph_add_to_the_effective_rate_and_the_price(graph, rules):
    result = engine.propagate(graph, rules)
    exact = ref.propagate(graph, rules)
    for row in result.shipments.iter_rows(named=True):
        paths = result.paths(row["id"], cover=1.0)
        assert paths.frame["rate"].sum() == pytest.approx(row["effective_rate"], rel=1e-11, abs=1e-15)
        embedded = paths.frame.filter(pl.col("length") > 0)["rate"].sum()
        assert 1 + embedded == pytest.approx(
            float(ref.price_by_paths(exact.graph, exact.inputs, row["stage"])), rel=1e-11
        )


def test_credits_leave_rates_that_no_path_makes_negative():
    result = tg.propagate("korea-us-2025")
    paths = result.paths("US.HMG.METAPLANT", cover=1.0)
    by = result.by("crossing").filter(pl.col("shipment") == "US.HMG.METAPLANT->USA")
    assert (paths.frame["rate"] > 0).all()
    summed = dict(paths.frame.group_by("crossing").agg(pl.col("rate").sum()).iter_rows())
    for crossing, rate in by.select("crossing", "rate").iter_rows():
        assert summed.get(crossing, 0.0) == pytest.approx(rate, abs=1e-14)


def wide(stages, inputs, seed=0):
    """A graph of so many stages in layers that buy from the layers before, shares drawn at random."""
    draw = np.random.default_rng(seed)
    user = np.sort(draw.integers(1, stages, inputs))
    supplier = (user * draw.random(inputs)).astype(np.int64)
    share = draw.random(inputs)
    share /= 1.25 * np.bincount(user, weights=share, minlength=stages)[user]
    names = np.array([f"S{one:06}" for one in range(stages)])
    countries = np.array(["KOR", "USA", "CHN"])[draw.integers(0, 3, stages)]
    return tg.from_frames(
        stages=pl.DataFrame({"stage": names, "country": countries, "product": ["8542"] * stages}),
        inputs=pl.DataFrame({"supplier": names[supplier], "user": names[user], "share": np.maximum(share, 1e-9)}),
        shipments=pl.DataFrame({"stage": [names[-1]], "market": ["JPN"]}),
    )


def test_a_large_graph_is_searched_where_the_duties_are(ten):
    graph = wide(20_000, 200_000)
    paths = tg.propagate(graph, ten, as_of="2025-01-01").paths("S019999", top=50)
    assert paths.frame.height == 50
    assert paths.frame["rate"].is_sorted(descending=True)
    assert paths.remainder == pytest.approx(paths.total - paths.frame["rate"].sum(), abs=1e-14)
    assert paths.opened < 5_000


def test_a_stage_with_many_inputs_is_not_opened_input_by_input(ten):
    count = 100_000
    names = [f"S{one:06}" for one in range(count)]
    graph = tg.from_frames(
        stages=pl.DataFrame(
            {"stage": [*names, "hub"], "country": ["KOR"] * count + ["USA"], "product": ["85"] * (count + 1)}
        ),
        inputs=pl.DataFrame(
            {"supplier": names, "user": ["hub"] * count, "share": np.linspace(1, 3, count) / (2.5 * count)}
        ),
        shipments=pl.DataFrame({"stage": ["hub"], "market": ["USA"]}),
    )
    paths = tg.propagate(graph, ten, as_of="2025-01-01").paths("hub", top=3)
    assert paths.frame["crossing"].to_list() == [f"S{count - at:06}->hub" for at in (1, 2, 3)]
    assert paths.opened == 3


def test_the_table_is_the_one_described(ten):
    frame = tg.propagate(chain(), ten, as_of="2025-01-01").paths("car").frame
    assert frame.columns == [column.name for column in tables.PATHS]
