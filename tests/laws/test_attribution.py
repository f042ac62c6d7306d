"""Attribution is exact and additive: by every key and pair of keys, without residual, line by line as in fractions."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import any_graphs, law, rule_sets

RATES = ("rate", "exporter_rate", "duty_rate")
OF_SHIPMENT = ("effective_rate", "exporter_rate", "duty_rate")
GROUPINGS = [(key,) for key in engine.KEYS] + list(combinations(engine.KEYS, 2))


@given(graph=any_graphs(), rules=rule_sets())
@law(10)
def test_attribution_by_every_key_and_pair_adds_to_the_effective_rate(graph, rules):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-15
    for keys in GROUPINGS:
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


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(GROUPINGS))
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
