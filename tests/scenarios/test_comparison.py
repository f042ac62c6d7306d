"""What changed between two results: by hand, and the laws that a comparison obeys."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference.strategies import any_graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import tables
from tariffgraph.scenarios.comparison import compare_shipments

LAW = """
ruleset: hand
importer: USA
measures:
  - {id: base, authority: law, action: mfn, rate: 10%}
  - {id: chips, authority: order, products: [85], rate: [{from: 2025-02-01, rate: 25%}]}
"""
CHANGED = ["change", "duty_rate_change", "amount_change"]


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "hand.yaml"
    path.write_text(LAW, encoding="utf-8")
    return tg.read_rules(path)


def graph(**columns):
    """A Korean chip of 40% in an American computer, and a Korean phone, both for Americans."""
    return tg.from_frames(
        stages={
            "stage": ["chip", "computer", "phone"],
            "country": ["KOR", "USA", "KOR"],
            "product": ["8542.32", "8471.30", "8517.13"],
        },
        inputs={"supplier": ["chip"], "user": ["computer"], "share": [0.4]},
        shipments={"stage": ["computer", "phone"], "market": ["USA", "USA"], "value": [1000.0, None], **columns},
    )


def turned(frame):
    """Return a comparison the other way round."""
    before = [one for one in frame.columns if one.endswith("_before")]
    after = [one.replace("_before", "_after") for one in before]
    changed = [one for one in frame.columns if one.endswith("change")]
    return frame.with_columns(
        *(pl.col(new).alias(old) for old, new in zip(before, after, strict=True)),
        *(pl.col(old).alias(new) for old, new in zip(before, after, strict=True)),
        *(-pl.col(one) for one in changed),
    )


def test_the_columns_are_the_documented_ones(rules):
    result = tg.propagate(graph(), rules, as_of="2025-01-01")
    documented = [one.name for one in tables.COMPARISON]
    assert tg.compare(result, result).columns == [one.replace("KEY", "measure") for one in documented]
    entry = tg.Entry(product="8517.13", origin="KOR", value=100)
    duty = tg.assess(rules, entry, as_of="2025-01-01")
    documented = [one.name for one in tables.DUTY_COMPARISON]
    assert tg.compare(duty, duty, "action").columns == [one.replace("KEY", "action") for one in documented]


def test_a_rise_by_hand(rules):
    # The chip is 40% of the computer: a duty of 25% on it is .4 · .25 = .1 of the computer, 100 of 1,000.
    before, after = (tg.propagate(graph(), rules, as_of=day) for day in ("2025-01-31", "2025-02-01"))
    changes = tg.compare(before, after)
    assert changes.rows() == [
        ("computer->USA", "chips", 0.0, pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1), pytest.approx(100)),
        ("phone->USA", "chips", 0.0, 0.25, 0.25, 0.25, None),
    ]
    assert compare_shipments(before, after).select("shipment", "rate_before", "rate_after").rows() == [
        ("computer->USA", pytest.approx(0.04), pytest.approx(0.14)),
        ("phone->USA", pytest.approx(0.1), pytest.approx(0.35)),
    ]


def test_any_keys_of_the_attribution_compare(rules):
    before, after = (tg.propagate(graph(), rules, as_of=day) for day in ("2025-01-31", "2025-02-01"))
    changes = tg.compare(before, after, "authority", "product")
    assert changes.columns[:4] == ["shipment", "authority", "importer", "product"]
    assert changes["authority"].to_list() == ["order", "order"]
    with pytest.raises(tg.UnknownNameError, match="measure"):
        tg.compare(before, after, "mesure")


def test_what_a_seller_bears_changes_the_duty_and_not_the_effective_rate(rules):
    # At pass-through 0 the buyer's price stays: 25% of 1/1.35 more duty is borne by the exporter.
    bearing = graph(pass_through=[1.0, 0.0])
    before, after = (tg.propagate(bearing, rules, as_of=day) for day in ("2025-01-31", "2025-02-01"))
    row = tg.compare(before, after).filter(shipment="phone->USA").filter(measure="chips").row(0, named=True)
    assert (row["rate_before"], row["rate_after"], row["change"]) == (0.0, 0.0, 0.0)
    assert row["duty_rate_change"] == pytest.approx(0.25 / 1.35)


def test_a_shipment_of_one_graph_only_is_null_in_the_other(rules):
    before = tg.propagate(graph(), rules, as_of="2025-01-31")
    alone = tg.from_frames(
        stages={"stage": ["tv"], "country": ["KOR"], "product": ["8528.72"]},
        inputs={"supplier": [], "user": [], "share": []},
        shipments={"stage": ["tv"], "market": ["USA"], "value": [10.0]},
    )
    changes = tg.compare(before, tg.propagate(alone, rules, as_of="2025-01-31"))
    assert changes.select("shipment", "rate_before", "rate_after", *CHANGED).rows() == [
        ("computer->USA", pytest.approx(0.04), None, None, None, None),
        ("phone->USA", pytest.approx(0.1), None, None, None, None),
        ("tv->USA", None, pytest.approx(0.1), None, None, None),
    ]


def test_money_of_two_currencies_is_not_set_off(rules, tmp_path):
    result = tg.propagate(graph(), rules, as_of="2025-01-31")
    tg.write_graph(graph(), tmp_path / "won")
    (tmp_path / "won" / "graph.toml").write_text('currency = "KRW"\n', encoding="utf-8")
    assert tg.compare(result, tg.propagate(tmp_path / "won", rules, as_of="2025-01-31")).is_empty()
    dearer = tg.compare(result, tg.propagate(tmp_path / "won", rules, as_of="2025-02-01"))
    assert dearer["amount_change"].null_count() == dearer.height == 2


def test_two_duties_by_hand(rules):
    entry = tg.Entry(product="8517.13", origin="KOR", value=200)
    before, after = (tg.assess(rules, entry, as_of=day) for day in ("2025-01-31", "2025-02-01"))
    assert tg.compare(before, after).rows() == [("chips", 0.0, 50.0, 50.0, 0.0, 0.25, 0.25)]
    assert tg.compare(before, before).is_empty()
    assert tg.compare(after, before, "action").rows() == [("chips", 50.0, 0.0, -50.0, 0.25, 0.0, -0.25)]


def test_a_measure_that_one_law_does_not_have_charges_nothing_there(rules):
    entry = tg.Entry(product="8517.13", origin="KOR", value=200)
    before, after = (tg.assess(one, entry, as_of="2025-02-01") for one in (rules, rules.without("chips")))
    assert tg.compare(before, after).rows() == [("chips", 50.0, 0.0, -50.0, 0.25, 0.0, -0.25)]


def test_a_duty_and_an_incidence_do_not_compare(rules):
    duty = tg.assess(rules, tg.Entry(product="8517.13", origin="KOR", value=200), as_of="2025-02-01")
    result = tg.propagate(graph(), rules, as_of="2025-01-31")
    for pair in ((duty, result), (result, duty), (result, None)):
        with pytest.raises(tg.TariffGraphError, match="cannot be compared"):
            tg.compare(*pair)
    with pytest.raises(tg.UnknownNameError, match="one key"):
        tg.compare(duty, duty, "measure", "action")


@given(graph=any_graphs(), first=rule_sets(), second=rule_sets(), keys=st.sampled_from(engine.GROUPINGS))
@law(25)
def test_a_comparison_with_itself_is_empty_and_the_other_way_round_has_the_signs_turned(graph, first, second, keys):
    before, after = engine.propagate(graph, first), engine.propagate(graph, second)
    assert tg.compare(before, before, *keys).is_empty()
    assert tg.compare(before, engine.propagate(graph, first), *keys).is_empty()
    changes = tg.compare(before, after, *keys)
    assert tg.compare(after, before, *keys).equals(turned(changes))
    assert compare_shipments(after, before).equals(turned(compare_shipments(before, after)))


@given(graph=any_graphs(), first=rule_sets(), second=rule_sets(), keys=st.sampled_from(engine.GROUPINGS))
@law(25)
def test_the_changes_of_a_shipment_add_to_that_of_its_effective_rate(graph, first, second, keys):
    before, after = engine.propagate(graph, first), engine.propagate(graph, second)
    changes = tg.compare(before, after, *keys)
    slack = 6 * (engine.residual_bound(before) + engine.residual_bound(after)) + 1e-12
    for name, rate in engine.rates(after).items():
        change = changes.filter(changes["shipment"] == name)["change"].sum()
        assert change == pytest.approx(rate - engine.rates(before)[name], rel=0, abs=slack)
