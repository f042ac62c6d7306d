"""An answer through time: every date on which it changes, and why."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference.strategies import DATES, DAYS, any_graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import tables
from tariffgraph.scenarios.timeline import change_dates

LAW = """
ruleset: hand
importer: USA
column_1: mfn
programs: {PACT: {partners: [KOR, USA]}}
content: {steel: {products: [72]}}
lists:
  exempt: [{product: 8517.13, from: 2025-05-01}]
measures:
  - id: mfn
    authority: schedule
    source: schedule
    rate: [{rate: 4%}, {products: [8703], from: 2025-08-01, rate: 6%, source: law 6}]
  - id: surcharge
    authority: order
    except_products: {list: exempt}
    rate:
      - {from: 2025-02-01, published: 2025-01-20, rate: 10%, source: order 1}
      - {from: 2025-03-01, until: 2025-04-01, rate: 20%, source: order 2}
      - {from: 2025-09-01, published: 2025-08-20, rate: ends, source: order 9}
  - id: cars
    authority: other order
    products: [8703]
    rate:
      - {from: 2025-06-01, rate: 25%, source: order 3}
      - {origins: [KOR], from: 2025-07-01, published: 2025-07-15, rate: {top_up_to: 15%}, source: order 4}
    base: [{base: {content: steel}}, {from: 2025-10-01, base: customs-value, source: order 10}]
relations:
  - {by: cars, excludes: surcharge, source: order 5}
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "hand.yaml"
    path.write_text(LAW, encoding="utf-8")
    return tg.read_rules(path)


def entry(**facts):
    return tg.Entry(**{"product": "8703.23", "origin": "JPN", "value": 1000, "content": {"steel": 0.4}, **facts})


def steps(timeline):
    """Return date, rate and because of every step."""
    rows = timeline.steps.select("date", "rate", "because").iter_rows()
    return [(str(day or ""), pytest.approx(rate), because) for day, rate, because in rows]


def test_a_japanese_car_by_hand(rules):
    # .04; + .1; + .2; the second order over, .1 again; 25% on the steel that is .4 of the car excludes it: .04 + .1;
    # column 1 rises to .06; the surcharge is excluded when it ends; from October the whole car is charged: .06 + .25.
    assert steps(tg.timeline(rules, entry())) == [
        ("", 0.04, "mfn 4%"),
        ("2025-02-01", 0.14, "surcharge 0% -> 10% (order 1)"),
        ("2025-03-01", 0.24, "surcharge 10% -> 20% (order 2)"),
        ("2025-04-01", 0.14, "surcharge 20% -> 10% (order 1, as order 2 ended)"),
        ("2025-06-01", 0.14, "cars 0% -> 10% (order 3); surcharge 10% -> 0% (excluded by cars (order 5))"),
        ("2025-08-01", 0.16, "mfn 4% -> 6% (law 6)"),
        ("2025-10-01", 0.31, "cars 10% -> 25% (order 10)"),
    ]


def test_a_korean_car_pays_what_column_1_leaves_of_the_total(rules):
    # On the whole value: .25, then .15 − .04, then .15 − .06.
    changes = tg.timeline(rules, entry(origin="KOR", content={}), from_="2025-06-01").changes
    assert changes.select("date", "measure", "rate_after", "because", "source", "published").rows() == [
        (date(2025, 7, 1), "cars", pytest.approx(0.11), "order 4", "order 4", date(2025, 7, 15)),
        (date(2025, 8, 1), "cars", pytest.approx(0.09), "the column-1 duty changed", None, None),
        (date(2025, 8, 1), "mfn", pytest.approx(0.06), "law 6", "law 6", date(2025, 8, 1)),
    ]


def test_a_product_that_comes_on_a_list_and_a_measure_that_ends(rules):
    assert steps(tg.timeline(rules, entry(product="8517.13"), from_="2025-04-15"))[1:] == [
        ("2025-05-01", 0.04, "surcharge 10% -> 0% (listed in exempt)")
    ]
    assert steps(tg.timeline(rules, entry(product="8518.10"), from_="2025-04-15"))[1:] == [
        ("2025-09-01", 0.04, "surcharge 10% -> 0% (order 9)")
    ]


def test_what_was_published_later_is_not_there(rules):
    known = tg.timeline(rules, entry(origin="KOR"), known_on="2025-07-01").steps
    assert [str(day) for day in known["date"][1:]] == ["2025-02-01", "2025-03-01", "2025-04-01", "2025-06-01"]
    assert date(2025, 9, 1) not in change_dates(rules, date(2025, 8, 19))
    assert date(2025, 9, 1) in change_dates(rules, date(2025, 8, 20))


def test_from_and_until_bound_the_dates(rules):
    part = tg.timeline(rules, entry(), from_="2025-03-01", until="2025-08-01").steps
    assert part.select("date", "until").rows() == [
        (date(2025, 3, 1), date(2025, 4, 1)),
        (date(2025, 4, 1), date(2025, 6, 1)),
        (date(2025, 6, 1), date(2025, 8, 1)),
    ]
    whole = tg.timeline(rules, entry()).steps
    assert (whole["date"][0], whole["until"][-1]) == (None, None)
    with pytest.raises(tg.TariffGraphError, match="until is 2025-03-01"):
        tg.timeline(rules, entry(), from_="2025-03-01", until="2025-03-01")
    with pytest.raises(tg.TariffGraphError, match="2025-03-01"):
        tg.timeline(rules, entry(), from_="2025-3-1")


def test_the_columns_are_the_documented_ones(rules):
    documented = [one.name for one in tables.TIMELINE_STEPS], [one.name for one in tables.TIMELINE_CHANGES]
    of_entry, of_graph = tg.timeline(rules, entry()), tg.timeline(rules, car())
    for frame, names in zip((of_entry.steps, of_entry.changes), documented, strict=True):
        assert frame.columns == [one for one in names if one != "shipment"]
    for frame, names in zip((of_graph.steps, of_graph.changes), documented, strict=True):
        assert frame.columns == [one for one in names if one != "duty"]


def test_rules_without_dates_have_one_step(rules):
    never = rules.without("surcharge", "cars").set("mfn", rate="5%")
    assert steps(tg.timeline(never, entry(product="8517.13"), from_="2025-09-01")) == [("2025-09-01", 0.05, "mfn 5%")]


def test_where_a_fact_is_lacking_the_day_is_named(tmp_path):
    (tmp_path / "kilo.yaml").write_text(
        "ruleset: kilo\nimporter: USA\nmeasures:\n"
        "  - {id: a, authority: A, rate: [{rate: free}, {from: 2025-03-01, rate: 1 cent/kg}]}\n"
    )
    with pytest.raises(tg.EntryError, match=r"entries of 2025-03-01.*quantity"):
        tg.timeline(tmp_path / "kilo.yaml", tg.Entry(product="1006.30", origin="KOR", value=10))


def test_goods_that_are_not_admitted_have_no_rate(tmp_path):
    (tmp_path / "quota.yaml").write_text(
        "ruleset: quota\nimporter: USA\nmeasures:\n"
        "  - {id: steel, authority: A, rate: [{rate: 10%},\n"
        "     {from: 2025-03-01, until: 2025-05-01, rate: {quota: q, in_quota: free}, source: deal}]}\n"
    )
    steel = tg.Entry(product="7208.38", origin="KOR", value=10, declares="quota-filled")
    timeline = tg.timeline(tmp_path / "quota.yaml", steel)
    assert timeline.steps["rate"].to_list() == [0.1, None, 0.1]
    assert timeline.steps["because"].to_list() == [
        "steel 10%",
        "not admitted: the quota 'q' is filled, and beyond it nothing is admitted (deal)",
        "admitted again; steel nothing -> 10% (another rate, as deal ended)",
    ]
    within = tg.Entry(product="7208.38", origin="KOR", value=10)
    assert tg.timeline(tmp_path / "quota.yaml", within).steps["rate"].to_list() == [0.1, 0.0, 0.1]


REASONS = """
ruleset: reasons
importer: USA
lists: {watched: [{product: 8518, until: 2025-03-01}]}
content: {steel: {products: [72]}}
measures:
  - {id: a, authority: A, rate: [{from: 2025-02-01, rate: 10%, source: order a}]}
  - {id: b, authority: B, rate: 20%, source: act b}
  - {id: c, authority: C, products: {list: watched}, rate: 5%, source: act c}
  - id: d
    authority: D
    products: [7326]
    rate: 30%
    base: [{from: 2025-06-01, until: 2025-07-01, base: {content: steel}, source: order d}]
relations:
  - {by: a, excludes: b, until: 2025-04-01, source: order a 2}
  - {by: a, covers: b, part: {content: steel}, from: 2025-05-01, published: 2025-04-20, source: order a 3}
"""


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"product": "8518.10", "content": {"steel": 0.25}},
            [
                ("2025-02-01", "a", "order a", "order a", "2025-02-01"),
                ("2025-02-01", "b", "excluded by a (order a 2)", "order a 2", None),
                ("2025-03-01", "c", "no longer listed in watched", "act c", None),
                ("2025-04-01", "b", "no longer excluded by a (order a 2)", None, None),
                ("2025-05-01", "b", "0.25 of the value is covered by a (order a 3)", "order a 3", "2025-04-20"),
            ],
        ),
        (
            {"product": "7326.90", "content": {"steel": 0.0}},
            [
                ("2025-02-01", "a", "order a", "order a", "2025-02-01"),
                ("2025-02-01", "b", "excluded by a (order a 2)", "order a 2", None),
                ("2025-04-01", "b", "no longer excluded by a (order a 2)", None, None),
                ("2025-06-01", "d", "order d", "order d", "2025-06-01"),
                ("2025-07-01", "d", "order d ended", "order d", "2025-06-01"),
            ],
        ),
    ],
)
def test_every_kind_of_reason(tmp_path, facts, expected):
    (tmp_path / "reasons.yaml").write_text(REASONS, encoding="utf-8")
    changes = tg.timeline(tmp_path / "reasons.yaml", tg.Entry(origin="KOR", value=100, **facts)).changes
    rows = changes.select("date", "measure", "because", "source", "published").with_columns(pl.col(pl.Date).cast(str))
    assert rows.rows() == expected


# --- graphs -------------------------------------------------------------------------------------------------------


def car():
    """A Korean car, of which 20% are Korean parts that a Mexican plant buys; both for the USA."""
    return tg.from_frames(
        stages={
            "stage": ["parts", "korean", "mexican"],
            "country": ["KOR", "KOR", "USA"],
            "product": ["8518.10", "8703.23", "8703.23"],
        },
        inputs={"supplier": ["parts"], "user": ["mexican"], "share": [0.2]},
        shipments={"stage": ["korean", "mexican"], "market": ["USA", "USA"], "value": [100.0, 100.0]},
    )


def test_a_graph_has_a_step_for_each_shipment_and_date_of_change(rules):
    # The parts pay .04, from February .1 more, on .2 of the car; they are no cars, and orders on cars pass them by.
    timeline = tg.timeline(rules, car())
    rows = timeline.steps.filter(shipment="mexican->USA").select("date", "rate", "because").rows()
    assert rows == [
        (None, pytest.approx(0.008), "mfn 0.8%"),
        (date(2025, 2, 1), pytest.approx(0.028), "surcharge 0% -> 2% (order 1)"),
        (date(2025, 3, 1), pytest.approx(0.048), "surcharge 2% -> 4% (order 2)"),
        (date(2025, 4, 1), pytest.approx(0.028), "surcharge 4% -> 2% (order 1, as order 2 ended)"),
        (date(2025, 9, 1), pytest.approx(0.008), "surcharge 2% -> 0% (order 9)"),
    ]
    assert timeline.steps["shipment"].unique().sort().to_list() == ["korean->USA", "mexican->USA"]


def test_a_graph_can_be_cut_to_a_shipment_or_a_market(rules):
    for name in ("korean", "korean->USA"):
        assert tg.timeline(rules, car(), shipment=name).steps["shipment"].unique().to_list() == ["korean->USA"]
    assert tg.timeline(rules, car(), market="USA").steps["shipment"].n_unique() == 2
    for unknown in ({"shipment": "koraen"}, {"market": "KOR"}):
        with pytest.raises(tg.UnknownNameError, match=r"korean|USA"):
            tg.timeline(rules, car(), **unknown)


def test_a_credit_begins_and_ends(tmp_path):
    # 10% on parts that are .2 of the car, less a credit of 1% of the car: .02 − .01.
    (tmp_path / "credit.yaml").write_text(
        "ruleset: credit\nimporter: USA\nmeasures:\n  - {id: parts, authority: A, rate: 10%}\ncredits:\n"
        "  - {id: offset, at: {products: [8703]}, share: 1%, of: parts, from: 2025-02-01, until: 2025-03-01,\n"
        "     source: deal}\n"
    )
    timeline = tg.timeline(tmp_path / "credit.yaml", car(), shipment="mexican")
    assert timeline.steps.select("rate", "because").rows() == [
        (pytest.approx(0.02), "parts 2%"),
        (pytest.approx(0.01), "offset 0% -> -1% (deal)"),
        (pytest.approx(0.02), "offset -1% -> 0% (deal ended)"),
    ]


def test_a_rate_on_what_stands_upstream_has_its_source(tmp_path):
    (tmp_path / "reach.yaml").write_text(
        "ruleset: reach\nimporter: USA\ncontent: {korean: {countries: [KOR]}}\nmeasures:\n"
        "  - {id: all, authority: A, reach: korean, products: [8703],\n"
        "     rate: [{from: 2025-02-01, rate: 10%, source: order}]}\n"
    )
    assembled = tg.from_frames(
        stages={"stage": ["parts", "mexican"], "country": ["KOR", "MEX"], "product": ["8518.10", "8703.23"]},
        inputs={"supplier": ["parts"], "user": ["mexican"], "share": [0.2]},
        shipments={"stage": ["mexican"], "market": ["USA"]},
    )
    timeline = tg.timeline(tmp_path / "reach.yaml", assembled)
    assert timeline.steps["because"].to_list() == ["no duty", "all 0% -> 10% (order)"]


def test_a_claim_that_no_longer_qualifies_says_so(tmp_path):
    rule = "{products: [8703], regional_value_content: {method: build-down, at_least: %s}}"
    (tmp_path / "claim.yaml").write_text(
        "ruleset: claim\nimporter: USA\nprograms:\n  PACT:\n    partners: [KOR, USA]\n    origin:\n"
        f"      - {rule % '50%'}\n"
        f"      - {(rule % '90%')[:-1]}, from: 2025-02-01, source: protocol}}\n"
        "measures: [{id: mfn, authority: A, rate: [{rate: 8%}, {program: PACT, rate: free}]}]\n"
    )
    claiming = tg.from_frames(
        stages={"stage": ["parts", "car"], "country": ["CHN", "KOR"], "product": ["8518.10", "8703.23"]},
        inputs={"supplier": ["parts"], "user": ["car"], "share": [0.2]},
        shipments={"stage": ["car"], "market": ["USA"], "program": ["PACT"]},
    )
    (change,) = tg.timeline(tmp_path / "claim.yaml", claiming).changes.to_dicts()
    assert (change["rate_after"], change["source"]) == (pytest.approx(0.08), "protocol")
    assert change["because"] == "the claim of PACT no longer qualifies: protocol"


def test_a_duty_on_a_duty_changes_with_the_price(rules):
    # The chip's duty is in the phone's price, on which the phone's own is charged.
    rules = rules.set("surcharge", importer=["VNM"], except_products=None).set("mfn", importer=["VNM", "USA"])
    phone = tg.from_frames(
        stages={"stage": ["chip", "phone"], "country": ["KOR", "VNM"], "product": ["8542.32", "8517.13"]},
        inputs={"supplier": ["chip"], "user": ["phone"], "share": [0.4]},
        shipments={"stage": ["phone"], "market": ["USA"]},
    )
    changes = tg.timeline(rules, phone, until="2025-02-15").changes
    assert changes.filter(measure="mfn")["because"].to_list() == ["the price that it is charged on changed"]


@given(graph=any_graphs(), rules=rule_sets(), known_on=st.none() | st.sampled_from(DATES))
@law(15)
def test_the_steps_are_the_rates_of_every_day_and_the_changes_add_up(graph, rules, known_on):
    timeline = tg.timeline(engine.engine_rules(rules), engine.engine_graph(graph), known_on=known_on)
    slack = {}
    for day in DAYS:
        result = engine.propagate(graph, rules, as_of=day, known_on=known_on)
        slack[day] = 10 * engine.residual_bound(result) + 1e-12
        held = timeline.steps.filter(
            (pl.col("date").is_null() | (pl.col("date") <= date.fromisoformat(day)))
            & (pl.col("until").is_null() | (pl.col("until") > date.fromisoformat(day)))
        )
        rates = dict(held.select("shipment", "rate").iter_rows())
        assert rates == pytest.approx(engine.rates(result), rel=0, abs=slack[day])
        assert held.height == len(rates)
    sums = timeline.changes.group_by("shipment", "date").agg(pl.col("change").sum().alias("sum"))
    for row in timeline.steps.filter(pl.col("date").is_not_null()).join(sums, on=["shipment", "date"]).to_dicts():
        assert row["sum"] == pytest.approx(row["change"], rel=0, abs=max(slack.values()))
    assert timeline.changes["because"].str.len_chars().min() != 0
