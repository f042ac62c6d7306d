"""On whose value added duties fall, worked by hand.

A phone made in Vietnam is worth 1000: .4 is a Korean chip, of which .25 was added in the USA; .6 is added in Vietnam.
So the phone holds .3 of Korean, .1 of American and .6 of Vietnamese value added.
"""

import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph import tables

KINDS = {"chips": {"products": [8542]}, "us": {"countries": ["USA"]}, "steel": {"products": [72]}}
ON_ALL = {"id": "all", "importer": "USA", "rate": "10%"}
ON_CHIPS = {"id": "chips", "importer": "USA", "products": [8517], "base": {"content": "chips"}, "rate": "25%"}


def graph(*, inputs=None, **of_shipment):
    return tg.from_frames(
        stages={
            "stage": ["chip", "design", "phone"],
            "country": ["KOR", "USA", "VNM"],
            "product": ["8542.31", "8523.49", "8517.13"],
            "nationality": ["KOR", "USA", "KOR"],
            "firm": ["Samsung", None, "Samsung"],
        },
        inputs={"supplier": ["design", "chip"], "user": ["chip", "phone"], "share": [0.25, 0.4], **(inputs or {})},
        shipments={"stage": ["phone"], "market": ["USA"], "value": [1000.0], **of_shipment},
    )


@pytest.fixture
def result(tmp_path):
    def result(*measures, relations=(), earned=(), of=None):
        path = tmp_path / "law.yaml"
        law = {"ruleset": "law", "importer": "all", "content": KINDS, "measures": list(measures)}
        path.write_text(repr({**law, "relations": list(relations), "credits": list(earned)}), encoding="utf-8")
        return tg.propagate(graph() if of is None else of, path, as_of="2025-01-01")

    return result


def falls(result, *columns, of="country", by=("via", "importer")):
    """Return the rows of an exposure with the columns asked for, without the noise of summing."""
    frame = result.exposure(of, by=by)
    words = frame.columns[1 : frame.columns.index("rate")]
    return frame.select(*words, pl.col(*columns).round(12)).rows()


def test_a_duty_on_the_whole_value_falls_on_all_value_added(result):
    found = result(ON_ALL)
    # .1 of each: the American border charges American value added as well.
    assert falls(found, "rate", "taxed", "value_added", "amount", "taxed_amount") == [
        ("KOR", "VNM", "USA", 0.03, 0.3, 0.3, 30.0, 300.0),
        ("USA", "VNM", "USA", 0.01, 0.1, 0.1, 10.0, 100.0),
        ("VNM", "VNM", "USA", 0.06, 0.6, 0.6, 60.0, 600.0),
    ]


def test_a_duty_on_a_content_falls_on_the_value_added_in_it(result):
    # 25% of the .4 of chips is .1: three quarters of that on Korea, one on the USA, none on Vietnam.
    assert falls(result(ON_CHIPS), "rate", "taxed") == [
        ("KOR", "VNM", "USA", 0.075, 0.3),
        ("USA", "VNM", "USA", 0.025, 0.1),
    ]


def test_a_duty_without_a_content_spares_the_value_added_in_it(result):
    found = result({"id": "foreign", "importer": "USA", "base": {"without": "us"}, "rate": "25%"})
    assert falls(found, "rate", "taxed") == [("KOR", "VNM", "USA", 0.075, 0.3), ("VNM", "VNM", "USA", 0.15, 0.6)]


def test_relief_that_is_capped_leaves_the_rest_of_the_content_charged(result):
    # Of the .1 from the USA at most .04 is free: .06 is charged, with Korea's .3 and Vietnam's .6.
    base = {"without": "us", "at_most": "4%"}
    found = result({"id": "foreign", "importer": "USA", "base": base, "rate": "25%"})
    assert falls(found, "rate") == [
        ("KOR", "VNM", "USA", 0.075),
        ("USA", "VNM", "USA", 0.015),
        ("VNM", "VNM", "USA", 0.15),
    ]


def test_what_another_measure_covers_does_not_bear_the_first(result):
    found = result(ON_ALL, ON_CHIPS, relations=[{"by": "chips", "covers": "all"}])
    assert falls(found, "rate", by="measure") == [
        ("KOR", "chips", 0.075),
        ("USA", "chips", 0.025),
        ("VNM", "all", 0.06),
    ]
    # The two charge between them the whole value, each of it once.
    assert falls(found, "rate", "taxed") == [
        ("KOR", "VNM", "USA", 0.075, 0.3),
        ("USA", "VNM", "USA", 0.025, 0.1),
        ("VNM", "VNM", "USA", 0.06, 0.6),
    ]


def test_value_added_that_two_measures_charge_is_taxed_once(result):
    found = result(ON_ALL, ON_CHIPS)
    assert falls(found, "rate", "taxed") == [
        ("KOR", "VNM", "USA", 0.105, 0.3),
        ("USA", "VNM", "USA", 0.035, 0.1),
        ("VNM", "VNM", "USA", 0.06, 0.6),
    ]
    assert sum(row[-1] for row in falls(found, "taxed", by="measure")) == pytest.approx(1.4, abs=1e-14)


def test_duty_on_duty_is_spread_as_the_good_that_carries_it(result):
    # Vietnam charges the chip 20%: .08 of the phone, on Korea and the USA 3 : 1. The American 10% is then .108.
    found = result(ON_ALL, {"id": "vietnam", "importer": "VNM", "rate": "20%"})
    assert falls(found, "rate", "taxed") == [
        ("KOR", "KOR", "VNM", 0.06, 0.3),
        ("KOR", "VNM", "USA", 0.0324, 0.3),
        ("USA", "KOR", "VNM", 0.02, 0.1),
        ("USA", "VNM", "USA", 0.0108, 0.1),
        ("VNM", "VNM", "USA", 0.0648, 0.6),
    ]
    assert found.exposure()["rate"].sum() == pytest.approx(found.shipments["effective_rate"].item(), abs=1e-15)


def test_a_declared_content_is_spread_as_the_kind_is_where_the_graph_shows_it(result):
    # .8 is declared where the graph shows .4 of chips: .2 of duty, 3 : 1.
    found = result(ON_CHIPS, of=graph(**{"content.chips": [0.8]}))
    assert falls(found, "rate", "taxed", "flagged") == [
        ("KOR", "VNM", "USA", 0.15, 0.6, 0.0),
        ("USA", "VNM", "USA", 0.05, 0.2, 0.0),
    ]


def test_a_declared_content_of_which_the_graph_shows_none_is_spread_as_the_good_and_flagged(result):
    on_steel = {"id": "steel", "importer": "USA", "base": {"content": "steel"}, "rate": "50%"}
    found = result(on_steel, of=graph(**{"content.steel": [0.2]}))
    assert falls(found, "rate", "flagged", "taxed") == [
        ("KOR", "VNM", "USA", 0.03, 0.03, 0.06),
        ("USA", "VNM", "USA", 0.01, 0.01, 0.02),
        ("VNM", "VNM", "USA", 0.06, 0.06, 0.12),
    ]
    # The rest of the value is as little known, so a duty on it is flagged as well.
    found = result({**on_steel, "base": {"without": "steel"}}, of=graph(**{"content.steel": [0.2]}))
    assert found.exposure()["flagged"].sum() == pytest.approx(0.4, abs=1e-14)
    # An unknown content charges the whole value: nothing is guessed then.
    assert result(on_steel, of=graph()).exposure()["flagged"].sum() == 0.0


def test_the_residual_of_a_kind_holds_all_that_is_not_shown_to_hold_none(result, tmp_path):
    # Of the phone the chip declares to hold no steel: Vietnam's .6 is left, and charged.
    path = tmp_path / "residual.yaml"
    steel = {"products": [72], "method": "residual"}
    measure = {"id": "steel", "base": {"content": "steel"}, "rate": "50%"}
    of = tg.from_frames(
        stages={
            "stage": ["chip", "frame", "phone"],
            "country": ["KOR", "CHN", "VNM"],
            "product": ["8542.31", "7208.10", "8517.13"],
        },
        inputs={
            "supplier": ["chip", "frame"],
            "user": ["phone", "phone"],
            "share": [0.4, 0.1],
            "content.steel": [0.0, None],
        },
        shipments={"stage": ["phone"], "market": ["USA"]},
    )
    path.write_text(repr({"ruleset": "r", "importer": "USA", "content": {"steel": steel}, "measures": [measure]}))
    found = tg.propagate(of, path, as_of="2025-01-01")
    assert falls(found, "rate", "taxed") == [("CHN", "VNM", "USA", 0.05, 0.1), ("VNM", "VNM", "USA", 0.25, 0.5)]
    assert found.exposure()["amount"].to_list() == [None, None]


def test_a_credit_pays_where_the_duty_falls_that_it_is_set_against(result):
    # The chip pays 25% in Vietnam: .1 of the phone; a credit of 4% leaves .06, three quarters of it on Korea.
    vietnam = {"id": "vietnam", "action": "chips-duty", "importer": "VNM", "rate": "25%"}
    credit = {"id": "offset", "at": {"products": [8517]}, "share": "4%", "of": "vietnam"}
    found = result(vietnam, earned=[credit])
    assert falls(found, "rate", "taxed", by="measure") == [
        ("KOR", "offset", -0.03, 0.0),
        ("KOR", "vietnam", 0.075, 0.3),
        ("USA", "offset", -0.01, 0.0),
        ("USA", "vietnam", 0.025, 0.1),
    ]
    assert falls(found, "rate", "taxed", by="action") == [
        ("KOR", "chips-duty", 0.045, 0.3),
        ("USA", "chips-duty", 0.015, 0.1),
    ]


def test_a_claim_in_part_leaves_the_rest_taxed(tmp_path):
    path = tmp_path / "claim.yaml"
    path.write_text(
        "ruleset: c\nimporter: USA\nprograms: {PACT: {partners: [VNM, USA]}}\n"
        "measures: [{id: all, rate: [{rate: 10%}, {program: PACT, rate: free}]}]",
        encoding="utf-8",
    )
    found = tg.propagate(graph(program=["PACT"], utilization=[0.25]), path, as_of="2025-01-01")
    assert falls(found, "rate", "taxed") == [
        ("KOR", "VNM", "USA", 0.0225, 0.225),
        ("USA", "VNM", "USA", 0.0075, 0.075),
        ("VNM", "VNM", "USA", 0.045, 0.45),
    ]


def test_value_added_belongs_to_a_country_a_nationality_or_a_firm(result):
    found = result(ON_ALL)
    assert falls(found, "rate", of="nationality") == [("KOR", "VNM", "USA", 0.09), ("USA", "VNM", "USA", 0.01)]
    assert falls(found, "rate", of="firm", by=()) == [(None, 0.01), ("Samsung", 0.09)]
    with pytest.raises(tg.UnknownNameError, match=r"not told apart by 'nation'.*Did you mean 'nationality'\?"):
        found.exposure("nation")
    with pytest.raises(tg.UnknownNameError, match=r"'measures' is nothing.*Did you mean 'measure'\?"):
        found.exposure_totals(by="measures")


def test_the_money_of_all_shipments(result):
    found = result(ON_ALL, of=graph(stage=["phone", "phone"], market=["USA", "USA"], value=[1000.0, None]))
    assert found.exposure_totals().select("country", pl.col("amount", "taxed_amount").round(11)).rows() == [
        ("KOR", 30.0, 300.0),
        ("USA", 10.0, 100.0),
        ("VNM", 60.0, 600.0),
    ]
    assert result(ON_ALL, of=graph(value=[None])).exposure_totals().is_empty()


def test_the_columns_are_the_documented_ones(result):
    found = result(ON_ALL)
    assert found.exposure().columns == [column.name for column in tables.EXPOSURE]
    assert found.exposure_totals().columns == [column.name for column in tables.EXPOSURE_TOTALS]
    assert found.exposure(by="authority").columns[2:4] == ["authority", "importer"]


def test_an_exposure_too_large_for_memory_is_refused_with_need_and_limit(result, monkeypatch):
    found = result(ON_ALL)
    monkeypatch.setattr("tariffgraph.memory.available_memory", lambda: 50)
    with pytest.raises(tg.TooLargeError, match=r"the value added of 3 owners in what borders charge needs about"):
        found.exposure()


def test_owners_told_apart_one_after_the_other_come_out_the_same(result, monkeypatch):
    found = result(ON_ALL, ON_CHIPS, relations=[{"by": "chips", "covers": "all"}])
    together = found.exposure()
    monkeypatch.setattr("tariffgraph.incidence.value_added.NUMBERS_AT_ONCE", 1)
    assert found.exposure().equals(together)
