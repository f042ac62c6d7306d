"""Laws of the law: dates, order, prefixes, thresholds, contents, claims, and one entry against a graph of one stage."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph
from reference.strategies import (
    DATES,
    DAYS,
    KINDS,
    PRODUCTS,
    any_graphs,
    conditions,
    definitions,
    graphs,
    is_named,
    law,
    neighbours,
    percent,
    rates,
    rule_sets,
)

import tariffgraph as tg

Law = dict[str, Any]
Row = dict[str, Any]

VERBS = ("excludes", "covers", "replaces")


def named(rule_set: Law, measure: str) -> Law:
    """Return one measure of a rule set."""
    (found,) = (one for one in rule_set["measures"] if one["id"] == measure)
    return found


def without(rule_set: Law, measure: str) -> Law:
    """Return the rule set as if the measure had never been written; relations and credits forget its names as well."""
    measures = [dict(one) for one in rule_set["measures"] if one["id"] != measure]
    names = {one["id"] for one in measures} | {one.get("action") for one in measures}

    def left(rows: list[Row], *keys: str) -> list[Row]:
        """Rows without the names that mean nothing any more; a row that names nothing is gone."""
        found = []
        for row in rows:
            kept = {
                key: [name for name in (row[key] if isinstance(row[key], list) else [row[key]]) if name in names]
                for key in keys
                if key in row
            }
            if all(kept.values()):
                found.append({**row, **kept})
        return found

    for one in measures:
        one["relations"] = left(one.get("relations", []), *VERBS)
    return {
        **rule_set,
        "measures": measures,
        "relations": left(rule_set.get("relations", []), "by", *VERBS),
        "credits": left(rule_set.get("credits", []), "of"),
    }


def steel_law(**measure: Any) -> Law:
    return {
        "ruleset": "steel",
        "importer": "USA",
        "content": {"steel": {"products": [72, 73]}, "us": {"countries": ["USA"]}},
        "measures": [{"id": "steel", **measure}],
    }


def entry_rate(rules: Law, *, as_of: str = "2025-07-02", **facts: Any) -> float:
    entry = tg.Entry(**{"product": "8703.23", "origin": "KOR", "importer": "USA", "value": 100, **facts})
    return tg.assess(engine.engine_rules(rules), entry, as_of=as_of).rate


# --- dates (laws 14, 29) --------------------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), data=st.data())
@law(12)
def test_before_its_first_day_a_measure_is_absent(graph, rules, data):
    measure = data.draw(st.sampled_from([one["id"] for one in rules["measures"] if one["id"] != "mfn"]))
    later = {**rules, "measures": [dict(one) for one in rules["measures"]]}
    named(later, measure).update({"from": "2025-07-03"})
    named(later, measure).pop("until", None)
    absent = engine.propagate(graph, without(rules, measure))
    engine.assert_same_shipments(engine.propagate(graph, later), absent)


@given(graph=any_graphs(), rules=rule_sets(), period=st.integers(0, len(DATES)))
@law()
def test_results_are_constant_between_the_dates_of_change(graph, rules, period):
    first = ("2025-01-01", *DATES)[period]
    last = ("2025-01-31", "2025-03-31", "2025-05-31", "2025-07-31", "2026-12-31")[period]
    one, other = (engine.propagate(graph, rules, as_of=day) for day in (first, last))
    assert one.shipments.equals(other.shipments)
    assert one.by("measure", "crossing").equals(other.by("measure", "crossing"))


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [("2025-03-31", 0.0), ("2025-04-01", 0.25), ("2025-05-31", 0.25), ("2025-06-01", 0.0)],
)
def test_from_is_the_first_day_and_until_the_day_after_the_last(as_of, expected):
    rules = steel_law(rate="25%", **{"from": "2025-04-01", "until": "2025-06-01"})
    assert entry_rate(rules, as_of=as_of) == expected


@given(graph=any_graphs(), rules=rule_sets(), data=st.data(), as_of=st.sampled_from(DAYS))
@law()
def test_what_was_published_after_the_day_of_knowledge_changes_nothing(graph, rules, data, as_of):
    known_on = "2025-05-20"
    amended = {**rules, "measures": [dict(one) for one in rules["measures"]]}
    changed = named(amended, data.draw(st.sampled_from([one["id"] for one in rules["measures"]])))
    if not isinstance(changed["rate"], list):
        changed["rate"] = [{"rate": changed["rate"]}]
    amendment = data.draw(conditions(most=1))
    amendment["published"] = "2025-05-21"
    changed["rate"] = [*changed["rate"], {**amendment, "rate": data.draw(st.just("ends") | rates())}]
    others = [one["id"] for one in rules["measures"]]
    amended["measures"].append({"id": "zz-new", "rate": "40%", **amendment, "excludes": others})
    after_the_base_duty = [one for one in others if one.startswith("m") and one != "mfn"]
    amended["relations"] = [*rules["relations"], {"by": "mfn", "excludes": after_the_base_duty, **amendment}]
    dates = {key: amendment[key] for key in ("from", "until", "published") if key in amendment}
    amended["credits"] = [
        *rules["credits"],
        {"id": "late", "at": {"importer": ["USA", "asia"]}, "share": "50%", "of": others, **dates},
    ]
    late_rule = {"products": ["72", "73", "85", "87"], "declared": "never", **dates}
    amended["programs"] = {
        name: {**program, "origin": [*program.get("origin", []), late_rule]}
        for name, program in rules["programs"].items()
    }
    amended["lists"] = {
        name: [*lines, {"product": "87", **dates, "from": dates.get("from", "2025-02-01")}]
        for name, lines in rules["lists"].items()
    }
    before = engine.propagate(graph, rules, as_of=as_of, known_on=known_on)
    after = engine.propagate(graph, amended, as_of=as_of, known_on=known_on)
    assert after.shipments.equals(before.shipments)


def test_an_end_decided_later_is_not_known_before():
    rows = [
        {"from": "2025-04-01", "rate": "24%"},
        {"from": "2025-07-09", "published": "2025-07-07", "rate": "ends"},
    ]
    rules = engine.engine_rules(steel_law(rate=rows))
    entry = tg.Entry(product="8703.23", origin="JPN", importer="USA", value=100)
    assert tg.assess(rules, entry, as_of="2025-07-10").total == 0.0
    assert tg.assess(rules, entry, as_of="2025-07-10", known_on="2025-07-02").total == 24.0


# --- order and scope (laws 15, 16) ----------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), data=st.data())
@law()
def test_the_order_of_measures_and_relations_changes_nothing(graph, rules, data):
    shuffled = {**rules, **{key: data.draw(st.permutations(rules[key])) for key in ("measures", "relations")}}
    one, other = engine.propagate(graph, rules), engine.propagate(graph, shuffled)
    assert one.shipments.equals(other.shipments)
    assert one.by("measure", "crossing").equals(other.by("measure", "crossing"))
    assert engine.engine_rules(rules).hash == engine.engine_rules(shuffled).hash


def test_the_order_of_the_rows_inside_a_measure_decides():
    general, cars = {"rate": "10%"}, {"products": [8703], "rate": "25%"}
    assert entry_rate(steel_law(rate=[general, cars])) == 0.25
    assert entry_rate(steel_law(rate=[cars, general])) == 0.1


@given(graph=any_graphs(), rate=rates(), wide=st.sampled_from(("8703", "72", "85", "8708")))
@law(10)
def test_a_measure_on_a_heading_is_the_same_measure_on_each_of_its_subheadings(graph, rate, wide):
    missing = 6 - len(wide)
    children = [f"{wide}{at:0{missing}}" for at in range(10**missing)]
    whole, split = (
        {
            "ruleset": "cars",
            "importer": "all",
            "measures": [{"id": "cars", "products": products, "rate": rate}],
        }
        for products in ([wide], children)
    )
    one, other = engine.propagate(graph, whole), engine.propagate(graph, split)
    assert one.shipments.equals(other.shipments)


def on_each_subheading(law: Any) -> Any:
    """Return the law with every scope on a heading written as scopes on all its subheadings."""

    def children(scope: Any) -> Any:
        if isinstance(scope, list):
            return [one for item in scope for one in (children(item) if isinstance(item, str) else [item])]
        is_heading = isinstance(scope, str) and len(scope) == 4
        return [f"{scope}{at:02}" for at in range(100)] if is_heading else [scope]

    if isinstance(law, dict):
        scopes = {"products", "except_products", "used_in"}
        return {key: children(value) if key in scopes else on_each_subheading(value) for key, value in law.items()}
    return [on_each_subheading(one) for one in law] if isinstance(law, list) else law


@given(graph=any_graphs(), rules=rule_sets())
@law()
def test_in_any_law_a_heading_is_all_its_subheadings(graph, rules):
    split = on_each_subheading(rules)
    split["lists"]["cars"] = [*(f"8703{at:02}" for at in range(100)), *rules["lists"]["cars"][1:]]
    one, other = engine.propagate(graph, rules), engine.propagate(graph, split)
    assert one.shipments.equals(other.shipments)
    assert one.by("measure", "crossing").equals(other.by("measure", "crossing"))


# --- content (laws 17, 18) ------------------------------------------------------------------------------


@given(least=st.integers(1, 99))
@law(30)
def test_a_threshold_exactly_met_passes_and_one_unit_of_the_twelfth_decimal_below_fails(least):
    rules = steel_law(content={"us": {"at_least": f"{least}%"}}, rate="10%")
    assert entry_rate(rules, content={"us": least / 100}) == 0.1
    assert entry_rate(rules, content={"us": least / 100 - 1e-12}) == 0.0
    assert entry_rate(rules, content={"us": least / 100 - 4e-13}) == 0.1
    assert entry_rate(rules, content={}) == 0.0


@given(tenths=st.lists(st.integers(1, 3), min_size=2, max_size=5).filter(lambda them: sum(them) < 10))
@law(30)
def test_a_threshold_met_by_a_sum_of_shares_passes_whatever_floats_make_of_the_sum(tenths):
    suppliers = [f"S{at}" for at in range(len(tenths))]
    graph = Graph(
        (
            *({"stage": name, "country": "USA", "product": "8708.29"} for name in suppliers),
            {"stage": "car", "country": "MEX", "product": "8703.23"},
        ),
        tuple(
            {"supplier": name, "user": "car", "share": tenth / 10}
            for name, tenth in zip(suppliers, tenths, strict=True)
        ),
        ({"id": "sold", "stage": "car", "market": "USA", "value": 1},),
    )
    for at_least, expected in ((sum(tenths) * 10, 0.1), (sum(tenths) * 10 + 1, 0.0)):
        rules = steel_law(content={"us": {"at_least": f"{at_least}%"}}, rate="10%")
        assert engine.rates(engine.propagate(graph, rules), "statutory_rate") == {"sold": expected}


PARTS_OF_CARS = {
    # A car of this share of Korean parts, which originate; of Chinese parts; of Chinese bodies of the car's heading.
    "build-up": ("8708.29", "KOR", lambda least: least / 100, -1),
    "build-down": ("8708.29", "CHN", lambda least: 1 - least / 100, 1),
    "net-cost": ("8708.29", "CHN", lambda least: 1 - least / 100, 1),
    "tolerance": ("8703.90", "CHN", lambda least: least / 100, 1),
}


@given(least=st.integers(1, 99), test=st.sampled_from(sorted(PARTS_OF_CARS)))
@law(25)
def test_a_rule_of_origin_exactly_met_qualifies_and_one_unit_of_the_twelfth_decimal_off_does_not(least, test):
    product, country, exactly, worse = PARTS_OF_CARS[test]
    rule: Row = {"regional_value_content": {"method": test, "at_least": f"{least}%"}}
    if test == "tolerance":
        rule = {"change_of": "heading", "tolerance": f"{least}%"}
    rules = {
        "ruleset": "cars",
        "importer": "USA",
        "programs": {"KORUS": {"partners": ["KOR", "USA"], "origin": [{"products": [8703], **rule}]}},
        "measures": [{"id": "mfn", "rate": [{"rate": "10%"}, {"program": "KORUS", "rate": "free"}]}],
    }

    def owed(share: float) -> float:
        graph = Graph(
            (
                {"stage": "part", "country": country, "product": product},
                {"stage": "car", "country": "KOR", "product": "8703.23"},
            ),
            ({"supplier": "part", "user": "car", "share": share},),
            ({"id": "sold", "stage": "car", "market": "USA", "value": 1, "program": "KORUS"},),
        )
        return engine.rates(engine.propagate(graph, rules), "statutory_rate")["sold"]

    assert owed(exactly(least)) == 0.0
    assert owed(exactly(least) + worse * 4e-13) == 0.0
    assert owed(exactly(least) + worse * 1e-12) == 0.1


@given(graph=any_graphs(), defined=definitions(), kind=st.sampled_from(sorted(KINDS)), rate=rates())
@law(15)
def test_a_rate_on_a_content_and_the_same_on_the_rest_is_the_rate_on_the_whole(graph, defined, kind, rate):
    def known(row: Row, supplier: str) -> Row:
        """Declare a content where the graph shows none: an unknown one is charged whole twice."""
        return row if graph.inputs_of[supplier] else {f"content.{kind}": Fraction(3, 8), **row}

    graph = Graph(
        graph.stages,
        tuple(known(row, row["supplier"]) for row in graph.inputs),
        tuple(known(row, row["stage"]) for row in graph.shipments),
    )
    law_of = {"ruleset": "parts", "importer": "all", **defined}
    parts = [
        {"id": "on-the-kind", "rate": rate, "base": {"content": kind}},
        {"id": "on-the-rest", "rate": rate, "base": {"without": kind}},
    ]
    split = engine.propagate(graph, {**law_of, "measures": parts})
    whole = engine.propagate(graph, {**law_of, "measures": [{"id": "on-the-whole", "rate": rate}]})
    engine.assert_same_shipments(split, whole)


# --- what is taken away again (law 20) ------------------------------------------------------------------


@given(graph=any_graphs(), both=neighbours("law", "extra"), data=st.data(), as_of=st.sampled_from(DAYS))
@law(12)
def test_removing_an_authority_and_all_that_refers_to_it_returns_the_total_without_it(graph, both, data, as_of):
    rules, extra = both
    added = [{**one, "authority": "Act Z"} for one in extra["measures"]]
    ids = [one["id"] for one in added]
    # By their relations the new measures get in the way of the old ones; a top-up among them waits for the base duty.
    old = [one["id"] for one in rules["measures"] if one["id"].startswith("law-m") and one["id"] != "law-mfn"]
    actor = data.draw(st.sampled_from(ids))
    verb = data.draw(st.sampled_from(VERBS))
    credit = {"id": "for-z", "at": {"importer": ["USA", "asia"]}, "share": "2%", "of": ids[:1]}
    larger = {
        **rules,
        "measures": [*rules["measures"], *added],
        "relations": [*rules["relations"], *extra["relations"], {"by": actor, verb: old}],
        "credits": [*rules["credits"], credit],
    }
    reduced = engine.engine_rules(larger).without(*ids)
    one = tg.propagate(engine.engine_graph(graph), reduced, as_of=as_of)
    other = engine.propagate(graph, rules, as_of=as_of)
    assert one.shipments.equals(other.shipments)
    for keys in (("measure", "crossing"), ("authority",), ("action",)):
        assert one.by(*keys).equals(other.by(*keys))


# --- two laws compared (law 23) -------------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), other=rule_sets(), key=st.sampled_from(engine.KEYS))
@law(12)
def test_a_comparison_with_itself_is_empty_and_one_the_other_way_has_the_signs_turned(graph, rules, other, key):
    before, after = engine.propagate(graph, rules), engine.propagate(graph, other)
    assert tg.compare(before, before, key).is_empty()

    def changes(one: tg.Incidence, two: tg.Incidence) -> dict[Any, Any]:
        # An authority brings its importer: the words of a row are all that stands before the rates.
        rows = tg.compare(one, two, key).drop("duty_rate_change", "amount_change")
        return {row[:-3]: row[-3:] for row in rows.iter_rows()}

    there, back = changes(before, after), changes(after, before)
    assert there == {line: (two, one, -change) for line, (one, two, change) in back.items()}
    # The changes of a shipment add up to that of its effective rate.
    slack = 1e-12 + 3 * (engine.residual_bound(before) + engine.residual_bound(after))
    for name, rate in engine.rates(after).items():
        change = sum(change for (shipment, *_), (_, _, change) in there.items() if shipment == name)
        assert change == pytest.approx(rate - engine.rates(before)[name], rel=1e-12, abs=slack)


# --- claims, drawback, and one entry (laws 21, 28) ------------------------------------------------------


@given(
    graph=any_graphs(quantities=False),
    rules=rule_sets(),
    part=st.sampled_from((Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))),
)
@law()
def test_part_utilization_is_the_mean_of_claiming_and_not_claiming(graph, rules, part):
    # Without quantities: the more of a shipment claims, the more of a quota open to claims only does it fill.
    def duties(utilization: Fraction) -> dict[str, float]:
        shipments = tuple({**row, "program": "PACT", "utilization": utilization} for row in graph.shipments)
        return engine.rates(engine.propagate(Graph(graph.stages, graph.inputs, shipments), rules), "statutory_rate")

    claiming, not_claiming = duties(Fraction(1)), duties(Fraction(0))
    for name, rate in duties(part).items():
        mean = float(part) * claiming[name] + float(1 - part) * not_claiming[name]
        assert rate == pytest.approx(mean, rel=1e-12, abs=1e-15)


def test_a_third_of_the_flow_claiming_pays_two_thirds_of_the_duty():
    rules = {
        "ruleset": "korus",
        "importer": "USA",
        "programs": {"KORUS": {"partners": ["KOR", "USA"]}},
        "measures": [{"id": "mfn", "rate": [{"rate": "2.5%"}, {"program": "KORUS", "rate": "free"}]}],
    }
    assert entry_rate(rules, program="KORUS") == 0.0
    assert entry_rate(rules, program="KORUS", utilization=0.25) == pytest.approx(0.75 * 0.025, rel=1e-15)
    assert entry_rate(rules) == 0.025


@given(
    graph=graphs(stages=1),
    rules=rule_sets(leave_out=frozenset({"reach"})),
    as_of=st.sampled_from(DAYS),
    known_on=st.none() | st.sampled_from(DAYS),
)
@law(25)
def test_a_graph_of_one_stage_owes_what_an_entry_of_the_same_facts_owes(graph, rules, as_of, known_on):
    (stage,) = graph.stages
    if stage["country"] == graph.shipments[0]["market"]:
        return
    sale = {**graph.shipments[0], "value": 800, "pass_through": 1, "drawback": 0}
    # An entry may declare only what the law names, and never fills a quota: here neither does the shipment.
    declares = [one for one in (sale.get("declares") or "").split(";") if is_named(one, rules) and one != "weighed"]
    sale = {**{key: cell for key, cell in sale.items() if key not in ("quantity", "unit")}, "declares": None}
    if declares:
        sale["declares"] = ";".join(declares)
    graph = Graph(graph.stages, (), (sale,))
    # An entry is taken to qualify for what it claims; in a graph it must.
    law_here = ref.law_of(rules, as_of=as_of, known_on=known_on)
    (border,) = ref.propagate(graph, rules, as_of=as_of, known_on=known_on).last_borders
    content = {kind: of_stage[stage["stage"]] for kind, of_stage in ref.contents(graph, law_here).items()}
    content.update({key[8:]: sale[key] for key in sale if key.startswith("content.")})
    entry = tg.Entry(
        product=stage["product"],
        origin=graph.origin(stage["stage"]),
        exporter=stage["country"],
        nationality=graph.nationality(stage["stage"]),
        importer=sale["market"],
        value=800.0,
        program=sale.get("program") if border.qualifies else None,
        utilization=float(sale.get("utilization", 1)),
        declares=declares,
        content={kind: float(part) for kind, part in content.items() if part is not None},
    )
    result = engine.propagate(graph, rules, as_of=as_of, known_on=known_on)
    if any("refused" in finding.message for finding in result.findings):
        with pytest.raises(tg.EntryError, match="quota"):
            tg.assess(engine.engine_rules(rules), entry, as_of=as_of, known_on=known_on)
        return
    duty = tg.assess(engine.engine_rules(rules), entry, as_of=as_of, known_on=known_on)
    row = engine.shipments(result)[sale["id"]]
    assert row["duty"] == pytest.approx(duty.total, rel=1e-12, abs=1e-12)
    assert row["statutory_rate"] == pytest.approx(duty.rate, rel=1e-12, abs=1e-15)
    by_action = {line["action"]: line["duty"] for line in duty.by("action").iter_rows(named=True)}
    for line in result.by("action").iter_rows(named=True):
        assert line["amount"] == pytest.approx(by_action.get(line["action"], 0.0), rel=1e-12, abs=1e-12)
    assert sum(by_action.values()) == pytest.approx(duty.total, rel=1e-12, abs=1e-12)


def test_products_for_the_laws_are_subheadings():
    # Coarser products would not match finer lines, which is another rule.
    assert all(len(product.replace(".", "")) == 6 for product in PRODUCTS)
    assert percent(Fraction(1, 64)) == "1.5625%"
