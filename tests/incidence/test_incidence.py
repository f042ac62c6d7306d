"""What comes out, on graphs small enough to work by hand."""

import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph import tables

RULES = """
ruleset: hand
importer: all
measures:
  - {id: base, authority: law, action: mfn, rate: 10%}
  - {id: surcharge, authority: order, products: [85], rate: 25%}
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "hand.yaml"
    path.write_text(RULES, encoding="utf-8")
    return tg.read_rules(path)


def chain(**last_border):
    """A chip from Korea (40% of a phone made in Vietnam) and the phone on its way to the USA."""
    return tg.from_frames(
        stages={"stage": ["chip", "phone"], "country": ["KOR", "VNM"], "product": ["8542.32", "8517.13"]},
        inputs={"supplier": ["chip"], "user": ["phone"], "share": [0.4]},
        shipments={"stage": ["phone"], "market": ["USA"], "value": [1000.0], **last_border},
    )


def test_duty_on_duty_by_hand(rules):
    row = tg.propagate(chain(), rules, as_of="2025-01-01").shipments.row(0, named=True)
    assert row["statutory_rate"] == pytest.approx(0.35, abs=1e-15)
    assert row["embedded_rate"] == pytest.approx(0.4 * 0.35, abs=1e-15)
    assert row["compounding_rate"] == pytest.approx(0.14 * 0.35, abs=1e-15)
    assert row["effective_rate"] == pytest.approx(1.14 * 1.35 - 1, abs=1e-15)
    assert row["landed_value"] == pytest.approx(1539.0, abs=1e-9)
    assert row["duty"] == pytest.approx(539.0, abs=1e-9)


def test_half_passed_through_by_hand(rules):
    # τ = .35, φ = .5: the buyer pays .175 on top, the exporter gives up .35 · .5 / 1.35 of the price 1.14.
    row = tg.propagate(chain(pass_through=[0.5]), rules, as_of="2025-01-01").shipments.row(0, named=True)
    assert row["border_rate"] == pytest.approx(0.175, abs=1e-15)
    assert row["effective_rate"] == pytest.approx(1.14 * 1.175 - 1, abs=1e-15)
    assert row["exporter_rate"] == pytest.approx(1.14 * 0.35 * 0.5 / 1.35, abs=1e-15)
    assert row["duty_rate"] == pytest.approx(row["effective_rate"] + row["exporter_rate"], abs=1e-15)


def test_attribution_by_hand(rules):
    result = tg.propagate(chain(), rules, as_of="2025-01-01")
    # base: .4 · .1 upstream and 1.14 · .1 at the last border; surcharge: .4 · .25 and 1.14 · .25.
    assert result.by("measure").select("measure", pl.col("rate").round(15)).rows() == [
        ("base", 0.154),
        ("surcharge", 0.385),
    ]
    assert result.by("crossing").select("crossing", pl.col("rate").round(15)).rows() == [
        ("chip->phone", 0.14),
        ("phone->USA", 0.399),
    ]
    assert result.by("authority").columns == [
        "shipment", "authority", "importer", "rate", "exporter_rate", "duty_rate", "amount",
    ]  # fmt: skip
    assert result.by("measure")["amount"].sum() == pytest.approx(539.0, abs=1e-9)


def test_a_border_inside_the_country_is_none(rules):
    graph = chain().replace(shipments=pl.DataFrame({"stage": ["phone"], "market": ["VNM"]}))
    row = tg.propagate(graph, rules, as_of="2025-01-01").shipments.row(0, named=True)
    assert (row["statutory_rate"], row["border_rate"], row["value"], row["duty"]) == (0.0, 0.0, None, None)
    assert row["effective_rate"] == row["embedded_rate"] == pytest.approx(0.14, abs=1e-15)


def test_a_cycle_by_hand(rules):
    # x_a = .5 · [x_b · 1.1 + .1], x_b = .5 · [x_a · 1.1 + .1]: x = .05 / (1 − .55).
    graph = tg.from_frames(
        stages={"stage": ["a", "b"], "country": ["KOR", "JPN"], "product": ["72", "73"]},
        inputs={"supplier": ["a", "b"], "user": ["b", "a"], "share": [0.5, 0.5]},
        shipments={"stage": ["a"], "market": ["KOR"]},
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    assert result.shipments["effective_rate"].item() == pytest.approx(0.05 / 0.45, abs=1e-15)
    assert 0 < result.meta["solver"]["residual_bound"] < 1e-14
    assert result.by("importer")["rate"].sum() == pytest.approx(0.05 / 0.45, abs=1e-15)


def test_duties_that_make_a_cycle_unproductive_are_named(rules):
    graph = tg.from_frames(
        stages={"stage": ["a", "b"], "country": ["KOR", "JPN"], "product": ["85", "85"]},
        inputs={"supplier": ["a", "b"], "user": ["b", "a"], "share": [0.8, 0.8]},
        shipments={"stage": ["a"], "market": ["KOR"]},
    )
    with pytest.raises(
        tg.NotProductiveError,
        match=r"with the duties on, the cycle a → b → a .*multiply to 1\.1664.*the duties are base, surcharge",
    ):
        tg.propagate(graph, rules, as_of="2025-01-01")
    assert tg.propagate(graph, rules, as_of="2025-01-01", pass_through=0.0).shipments["effective_rate"].item() == 0.0


def test_rates_by_class_can_be_replaced_one_scenario_a_column(rules):
    import numpy as np

    problem = tg.compile(chain(), rules, as_of="2025-01-01")
    assert problem.excess_prices()[problem.stages.index("phone")] == pytest.approx(0.14, abs=1e-15)
    scenarios = np.stack([np.zeros_like(problem.rates), problem.rates, 2 * problem.rates], axis=1)
    table = problem.excess_prices(rates=scenarios)
    assert table.shape == (2, 3)
    assert table[:, 0].tolist() == [0.0, 0.0]
    for column in range(3):
        alone = problem.excess_prices(rates=scenarios[:, column])
        assert alone.tobytes() == np.ascontiguousarray(table[:, column]).tobytes()
    with pytest.raises(tg.TariffGraphError, match="rates has the shape"):
        problem.excess_prices(rates=np.zeros(len(problem.rates) + 1))


def test_nothing_public_can_be_changed(rules):
    problem = tg.compile(chain(), rules, as_of="2025-01-01")
    with pytest.raises(ValueError, match="read-only"):
        problem.rates[0] = 1.0
    with pytest.raises(AttributeError):
        problem.rates = None
    result = tg.propagate(chain(), rules, as_of="2025-01-01")
    for array in (result.solution.excess, problem.shipments.stage, problem.share, problem.structure.first):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    for give in (lambda: problem.graph.stages, lambda: result.shipments, lambda: result.crossings):
        frame = give()
        before = frame.clone()
        frame[0, frame.columns[0]] = "changed"
        assert give().equals(before)
    result.meta["as_of"] = "never"
    assert result.meta["as_of"] == "2025-01-01"


@pytest.mark.parametrize("stages", [450, 600])
def test_long_cycles_that_hardly_settle_are_solved_all_the_same(tmp_path, stages):
    # A ring in which every stage adds a thousandth: each border charges 1% on what has gone round and round.
    path = tmp_path / "one.yaml"
    path.write_text("ruleset: one\nimporter: all\nmeasures: [{id: a, rate: 0.05%}]", encoding="utf-8")
    ids = [f"s{number:03}" for number in range(stages)]
    graph = tg.from_frames(
        stages={"stage": ids, "country": ["KOR", "JPN"] * (stages // 2), "product": ["72"] * stages},
        inputs={"supplier": ids, "user": [*ids[1:], ids[0]], "share": [0.999] * stages},
        shipments={"stage": ids[:1], "market": ["KOR"]},
    )
    result = tg.propagate(graph, path, as_of="2025-01-01")
    # x = .999 · [x · 1.0005 + .0005]
    exact = 0.999 * 0.0005 / (1 - 0.999 * 1.0005)
    found = result.shipments["effective_rate"].item()
    assert abs(found - exact) <= result.meta["solver"]["residual_bound"] < 1e-9
    assert result.by("measure")["rate"].sum() == pytest.approx(found, abs=1e-12)


def test_unknown_keys_and_markets_name_the_nearest(rules):
    result = tg.propagate(chain(), rules, as_of="2025-01-01")
    with pytest.raises(tg.UnknownNameError, match=r"Did you mean 'measure'\?"):
        result.by("mesure")
    with pytest.raises(tg.UnknownNameError, match=r"market 'JPN'.*Known markets: USA"):
        tg.propagate(chain(), rules, as_of="2025-01-01", market="JPN")


def test_networkx_carries_prices_and_rates(rules):
    graph = tg.propagate(chain(), rules, as_of="2025-01-01").to_networkx()
    assert graph.nodes["phone"]["excess_price"] == pytest.approx(0.14, abs=1e-15)
    assert graph.edges["chip", "phone", "chip->phone"]["statutory_rate"] == pytest.approx(0.35, abs=1e-15)
    assert tg.from_networkx(graph).hash == chain().hash


def test_frames_have_the_columns_of_the_reference_pages(rules):
    result = tg.propagate(chain(), rules, as_of="2025-01-01")
    assert result.shipments.columns == [column.name for column in tables.SHIPMENT_RESULTS]
    assert result.crossings.columns == [column.name for column in tables.CROSSINGS]
    duty = tg.assess(rules, tg.Entry(product="8542.31", origin="KOR", importer="USA", value=100), as_of="2025-01-01")
    assert duty.lines.columns == [column.name for column in tables.DUTY_LINES]
    assert duty.by("action").columns == ["action", "duty", "rate"]


def test_a_split_too_large_for_memory_is_refused_with_need_and_limit(rules, monkeypatch):
    result = tg.propagate(chain(), rules, as_of="2025-01-01")
    monkeypatch.setattr("tariffgraph.memory.available_memory", lambda: 100)
    with pytest.raises(tg.TooLargeError, match=r"splitting 1 shipment by crossing needs about 0\.0 GB .* are free"):
        result.by("crossing")


def test_one_problem_of_the_law_is_told_once_with_the_crossings_it_meets(tmp_path):
    path = tmp_path / "weight.yaml"
    path.write_text("ruleset: w\nimporter: all\nmeasures: [{id: a, rate: 3 cents/kg}]", encoding="utf-8")
    with pytest.raises(tg.GraphError) as refused:
        tg.propagate(chain(), path, as_of="2025-01-01")
    assert [str(one) for one in refused.value.findings] == [
        "a duty of 0.03 per kg needs the quantity of the entry (at 'chip->phone', 'phone->USA'). "
        "Give the quantity in kg."
    ]


def test_what_may_hide_in_stages_without_inputs_is_reported(tmp_path):
    # A fridge: .3 steel, .2 a compressor that shows no inputs, .1 a board made of .5 of chips that show none.
    path = tmp_path / "steel.yaml"
    path.write_text(
        "ruleset: s\nimporter: USA\ncontent: {steel: {products: [72]}}\n"
        "measures: [{id: steel, products: [8418], base: {content: steel}, rate: 50%}]",
        encoding="utf-8",
    )
    graph = tg.from_frames(
        stages={
            "stage": ["board", "chip", "compressor", "fridge", "mill"],
            "country": ["KOR"] * 5,
            "product": ["8534", "8542", "8414", "8418", "7208"],
        },
        inputs={
            "supplier": ["mill", "compressor", "board", "chip"],
            "user": ["fridge", "fridge", "fridge", "board"],
            "share": [0.3, 0.2, 0.1, 0.5],
        },
        shipments={"stage": ["fridge", "fridge"], "market": ["USA", "USA"], "content.steel": [None, 0.4]},
    )
    hidden = tg.compile(graph, path, as_of="2025-01-01").hidden_content()
    assert hidden.rows() == [("fridge->USA", "steel", 0.3, pytest.approx(0.2 + 0.1 * 0.5, abs=1e-15))]
