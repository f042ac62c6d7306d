"""Overlays, changes in Python and settings of the command line: each gives new rules."""

from __future__ import annotations

from datetime import date

import pytest

from tariffgraph.errors import RulesError, UnknownNameError
from tariffgraph.rules.rate import AdValorem, Base, TopUpTo
from tariffgraph.rules.read import read_rules

RULES = """\
ruleset: demo
importer: USA
column_1: mfn
groups: {china: [CHN, HKG]}
content: {steel: {products: [72]}}
measures:
  - {id: mfn, rate: 2.5%}
  - id: autos
    action: s232
    products: {list: cars}
    from: 2025-04-03
    rate: [{rate: 25%}, {rate: 15%, origins: [JPN]}]
  - {id: parts, action: s232, products: 8708, rate: 25%}
  - {id: reciprocal, except_origins: [CAN, MEX], rate: 10%}
lists: {cars: [8703], exempt: [8542, 8471]}
relations:
  - {by: [autos, parts], excludes: [reciprocal]}
  - {by: mfn, covers: [reciprocal], part: {content: steel}}
"""


JAPANESE = """\
  - id: japanese
    origins: JPN
    products: 8703
    except_products: 8703.80
    program: A
    rate: [{rate: 10%, products: 8703.24}]
programs: {A: {partners: [JPN, USA]}, B: {partners: [JPN, USA]}}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "demo.yaml").write_text(RULES)
    return tmp_path


@pytest.fixture
def rules(folder):
    return read_rules(folder / "demo.yaml")


def measure(rules, name):
    return next(one for rule_set in rules.rule_sets for one in rule_set.measures if one.id == name)


def overlaid(folder, text, name="scenario"):
    (folder / f"{name}.yaml").write_text("extends: demo\n" + text)
    return read_rules(folder / f"{name}.yaml")


# --- overlays -------------------------------------------------------------------------------------------


def test_an_overlay_finds_the_set_beside_it_and_is_named(folder, rules):
    new = overlaid(folder, "set: [{measure: autos, rate: 30%}]\n")
    assert new.rule_sets[0].overlays == ("scenario",)
    assert new.rule_sets[0].id == "demo"
    assert new.hash != rules.hash
    last = measure(new, "autos").rate[-1]
    assert last.value == AdValorem(0.3)
    # Without dates the row holds always: the parent's `published` is not its own.
    assert (last.conditions.from_, last.conditions.published) == (None, None)
    assert last.where.endswith("scenario.yaml:2:7")


def test_an_overlay_extends_the_set_among_the_sources_first(folder, rules):
    new = rules.without("parts")
    (folder / "scenario.yaml").write_text("extends: demo\nset: [{measure: autos, rate: 30%}]\n")
    both = read_rules(new, folder / "scenario.yaml")
    assert [one.id for one in both.rule_sets[0].measures] == ["mfn", "autos", "reciprocal"]


def test_overlays_are_applied_in_the_order_given(folder):
    (folder / "one.yaml").write_text("extends: demo\nset: [{measure: autos, rate: 30%}]\n")
    (folder / "two.yaml").write_text("extends: demo\nset: [{measure: autos, rate: 40%}]\n")
    first = read_rules(folder / "one.yaml", folder / "two.yaml")
    second = read_rules(folder / "two.yaml", folder / "one.yaml")
    assert first.rule_sets[0].overlays == ("one", "two")
    assert [row.value.share for row in measure(first, "autos").rate[-2:]] == [0.3, 0.4]
    assert first.hash != second.hash


def test_an_overlay_adds_removes_and_extends(folder):
    new = overlaid(
        folder,
        "add:\n  measures: [{id: digital, rate: 3%, products: {list: screens}}]\n  lists: {screens: [8528]}\n"
        "  relations: [{by: digital, excludes: s232}]\n"
        "remove: [reciprocal]\n"
        "extend_lists: {cars: [{product: 8704, from: 2025-06-01}]}\n"
        "remove_lists: {exempt: [8471]}\n"
        "set: [{measure: digital, except_products: [8528.72]}]\n",
    )
    (rule_set,) = new.rule_sets
    assert new.names() == ("autos", "digital", "mfn", "parts", "s232")
    assert [(relation.by, relation.excludes) for relation in rule_set.relations] == [(("digital",), ("s232",))]
    assert [line.product for line in rule_set.lists["cars"]] == ["8703", "8704"]
    assert [line.product for line in rule_set.lists["exempt"]] == ["8542"]
    assert measure(new, "digital").conditions.except_products.prefixes == ("8528.72",)
    assert overlaid(folder, "add: [{id: digital, rate: 3%}]\n").names()[1] == "digital"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("set: [{measure: auto, rate: 3%}]", "scenario.yaml:2:17, measure: no measure 'auto'. Did you mean 'autos'?"),
        ("set: [{measure: autos, rat: 3%}]", "scenario.yaml:2:24, rat: unknown key 'rat'. Did you mean 'rate'?"),
        (
            "set: [{measure: autos}]",
            "scenario.yaml:2:17, measure: nothing is set. Write a rate, a base or a condition.",
        ),
        ("set: [{measure: autos, rate: 3}]", "scenario.yaml:2:30, rate: '3' can be read in two ways. 3% or 0.03?"),
        (
            "set: [{measure: autos, rate: 3%, origins: UK}]",
            "scenario.yaml:2:43, origins: 'UK' is not a country, region or group.",
        ),
        ("remove: [auto]", "scenario.yaml:2:10, remove: no measure 'auto'. Did you mean 'autos'?"),
        ("extend_lists: {car: [8704]}", "scenario.yaml:2:16, extend_lists: no list 'car'. Did you mean 'cars'?"),
        ("remove_lists: {car: [8704]}", "scenario.yaml:2:16, remove_lists: no list 'car'. Did you mean 'cars'?"),
        ("add: [{id: autos, rate: 3%}]", "scenario.yaml:2:12, id: two measures have the id 'autos'"),
        ("add: {lists: {cars: [8704]}}", "'cars' is defined twice, and differently"),
        ("ruleset: x", "scenario.yaml:2:1, ruleset: unknown key 'ruleset'."),
    ],
)
def test_a_bad_overlay_is_refused_with_place_and_remedy(text, message, folder):
    with pytest.raises(RulesError) as caught:
        overlaid(folder, text + "\n")
    assert message in str(caught.value)


def test_an_overlay_of_an_overlay_is_refused(folder):
    overlaid(folder, "set: [{measure: autos, rate: 30%}]\n", "one")
    (folder / "two.yaml").write_text("extends: one\nset: [{measure: autos, rate: 30%}]\n")
    with pytest.raises(RulesError, match=r"'one' is an overlay itself\. Extend demo"):
        read_rules(folder / "two.yaml")


@pytest.mark.parametrize(
    "change",
    [
        "{measure: autos, rate: 3%, from: 2025-01-01, until: 2025-02-01}",
        "{measure: autos, rate: 3%, from: 2025-07-01, until: 2025-07-01}",
        "{measure: autos, rate: 3%, products: 8542}",
        "{measure: reciprocal, rate: 3%, origins: [CAN, MEX]}",
        "{measure: autos, rate: 3%, importer: KOR}",
        "{measure: parts, rate: 25%}",
        "{measure: autos, rate: 3%, origins: FRA, except_origins: FRA}",
        "{measure: parts, rate: 3%, products: 8708.99, except_products: 8708}",
        "{measure: japanese, rate: 3%, origins: FRA}",
        "{measure: japanese, base: {content: steel}, products: 8703.23}",
        "{measure: japanese, rate: 3%, program: B}",
        "{measure: japanese, rate: 3%, products: 8703.80.00}",
        "{measure: autos, rate: 25%, origins: FRA}",
        "{measure: reciprocal, except_origins: [MEX, CAN]}",
    ],
)
def test_a_set_that_can_change_nothing_is_a_finding(change, folder):
    (folder / "demo.yaml").write_text(RULES.replace("lists:", JAPANESE + "lists:"))
    new = overlaid(folder, f"set:\n  - {change}\n")
    (finding,) = new.findings
    assert (finding.check, finding.severity, finding.line) == ("changes-nothing", "warning", 3)
    assert new.rule_sets[0].findings == (finding,)


@pytest.mark.parametrize(
    "change",
    [
        "{measure: autos, rate: 25%}",
        "{measure: autos, rate: 25%, origins: [FRA, JPN]}",
        "{measure: autos, rate: 3%, origins: FRA}",
        "{measure: japanese, rate: 3%, products: 8703}",
        "{measure: japanese, base: {content: steel}, products: 8703.24}",
        "{measure: japanese, rate: 3%, program: [A, B]}",
        "{measure: s232, rate: 25%}",
        "{measure: autos, rate: 3%, products: 87}",
        "{measure: autos, rate: 3%, products: 8703.23.00}",
        "{measure: reciprocal, rate: 3%, origins: [CAN, KOR]}",
        "{measure: reciprocal, rate: 3%, origins: china}",
    ],
)
def test_a_set_that_can_change_something_is_none(change, folder):
    (folder / "demo.yaml").write_text(RULES.replace("lists:", JAPANESE + "lists:"))
    assert overlaid(folder, f"set:\n  - {change}\n").findings == ()


# --- Python ---------------------------------------------------------------------------------------------


def test_numbers_in_python_are_fractions_of_any_size(rules):
    new = rules.set("autos", rate=1.25, origins=["KOR"], from_=date(2025, 8, 1), until="2026-01-01")
    row = measure(new, "autos").rate[-1]
    assert row.value == AdValorem(1.25)
    assert row.conditions.origins == ("KOR",)
    assert (row.conditions.from_, row.conditions.until) == (date(2025, 8, 1), date(2026, 1, 1))
    assert len(measure(rules, "autos").rate) == 2
    assert measure(rules.set("autos", rate={"top_up_to": 0.15}), "autos").rate[-1].value == TopUpTo(0.15)
    assert measure(rules.set("autos", base={"content": "steel"}), "autos").base[-1].value == Base("content", "steel")


def test_an_action_stands_for_all_its_measures(rules):
    new = rules.set("s232", rate=0.2)
    assert [measure(new, name).rate[-1].value.share for name in ("autos", "parts")] == [0.2, 0.2]
    assert rules.without("s232").names() == ("mfn", "reciprocal")


def test_conditions_are_replaced_and_taken_away(rules):
    new = rules.set("reciprocal", except_origins=["CAN"], products=["8703"])
    assert measure(new, "reciprocal").conditions.except_origins == ("CAN",)
    assert measure(new, "reciprocal").conditions.products.prefixes == ("8703",)
    assert measure(rules.set("reciprocal", except_origins=None), "reciprocal").conditions.except_origins is None
    moved = measure(rules.set("autos", from_="2025-01-01"), "autos").conditions
    assert (moved.from_, moved.published) == (date(2025, 1, 1), date(2025, 1, 1))


def test_relations_forget_what_is_removed(rules):
    new = rules.without("autos", "mfn")
    assert [(relation.by, relation.excludes) for relation in new.rule_sets[0].relations] == [
        (("parts",), ("reciprocal",))
    ]
    assert new.rule_sets[0].column_1 == ""


def test_a_base_duty_that_top_ups_need_stays_at_0_and_relations_forget_it(rules):
    new = rules.set("parts", rate={"top_up_to": "15%"}).without("autos", "mfn")
    assert new.rule_sets[0].column_1 == "mfn"
    assert [row.value for row in measure(new, "mfn").rate] == [AdValorem(0.0)]
    assert [(relation.by, relation.excludes) for relation in new.rule_sets[0].relations] == [
        (("parts",), ("reciprocal",))
    ]


def test_a_measure_can_be_named_by_its_id_alone(rules):
    new = rules.with_measure({"id": "s232", "rate": 0.1})
    assert new.without("s232").names() == ("mfn", "reciprocal")
    assert new.without("s232", by_id=True).names() == ("autos", "mfn", "parts", "reciprocal", "s232")
    assert new.without("autos", "parts", by_id=True).names() == ("mfn", "reciprocal", "s232")


def test_with_measure_takes_the_keys_of_a_file(rules):
    new = rules.with_measure(
        {
            "id": "q",
            "rate": [{"rate": 0.5, "from_": date(2025, 1, 1)}, {"rate": "free", "origins": "KOR"}],
            "excludes": "mfn",
        }
    )
    assert measure(new, "q").rate[0].conditions.from_ == date(2025, 1, 1)
    assert measure(new, "q").conditions.importer == ("USA",)
    assert rules.with_measure(measure(new, "q")).names() == new.names()
    with pytest.raises(RulesError, match="two measures have the id 'autos'"):
        rules.with_measure({"id": "autos", "rate": 0.1})
    with pytest.raises(RulesError, match=r"measures\[0\].rate\[0\].fro: unknown key 'fro'. Did you mean 'from'\?"):
        rules.with_measure({"id": "q", "rate": [{"rate": 0.1, "fro": "2025-01-01"}]})


def test_with_measure_finds_the_set_of_its_importer(rules, folder):
    (folder / "kor.yaml").write_text("ruleset: kor\nimporter: KOR\n")
    both = read_rules(rules, folder / "kor.yaml")
    new = both.with_measure({"id": "q", "importer": "KOR", "rate": 0.08})
    assert [len(one.measures) for one in new.rule_sets] == [4, 1]
    with pytest.raises(RulesError, match="could go into demo or kor"):
        both.with_measure({"id": "q", "rate": 0.08})
    assert len(both.with_measure({"id": "q", "rate": 0.08}, rule_set="kor").rule_sets[1].measures) == 1


def test_lists_are_extended_and_reduced(rules):
    new = rules.extend_lists({"cars": ["8704", {"product": "8705", "from_": "2025-06-01"}]})
    assert [line.product for line in new.rule_sets[0].lists["cars"]] == ["8703", "8704", "8705"]
    assert [finding.check for finding in rules.extend_lists({"cars": ["8703"]}).findings] == ["changes-nothing"]
    assert new.remove_lists({"cars": ["8704", "8705"]}).hash == rules.hash
    assert [finding.check for finding in rules.remove_lists({"cars": ["9999"]}).findings] == ["changes-nothing"]


def test_what_is_undone_has_the_same_hash(rules):
    assert rules.with_measure({"id": "q", "rate": 0.1}).without("q").hash == rules.hash


# --- settings -------------------------------------------------------------------------------------------


def test_settings_append_rows(rules):
    new = rules.apply_settings(["autos.rate=15%", "reciprocal@JPN.rate=35%", "s232@china.rate={top_up_to: 20%}"])
    assert [row.value for row in measure(new, "autos").rate[-2:]] == [AdValorem(0.15), TopUpTo(0.2)]
    assert measure(new, "parts").rate[-1].conditions.origins == ("china",)
    assert measure(new, "reciprocal").rate[-1].conditions.origins == ("JPN",)
    assert measure(
        rules.apply_settings(["autos.products=[8703, {list: exempt}]"]), "autos"
    ).conditions.products.lists == ("exempt",)
    assert measure(rules.apply_settings(["autos.base=customs-value"]), "autos").base[-1].value == Base()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("auto.rate=15%", "--set auto.rate=15%: no measure 'auto'. Did you mean 'autos'?"),
        ("autos.rat=15%", "--set autos.rat=15%: no field 'rat'. Did you mean 'rate'?"),
        ("autos@UK.rate=15%", "--set autos@UK.rate=15%: 'UK' is not a country, region or group. Did you mean GBR?"),
        (
            "autos@JPN.until=2026-01-01",
            "--set autos@JPN.until=2026-01-01: '@JPN' goes with a rate or a base, not with until.",
        ),
        ("autos", "--set: 'autos' is not a setting. Write NAME.FIELD=VALUE, as in s232-autos.rate=15%."),
    ],
)
def test_unknown_names_in_settings_are_usage_errors(setting, message, rules):
    with pytest.raises(UnknownNameError) as caught:
        rules.apply_settings([setting])
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


def test_a_setting_that_can_change_nothing_is_a_finding(rules):
    (finding,) = rules.apply_settings(["parts.rate=25%"]).findings
    assert str(finding) == "--set parts.rate=25%, measure: 'parts' says so already. This changes nothing."


def test_a_bad_value_in_a_setting_names_the_setting(rules):
    with pytest.raises(RulesError) as caught:
        rules.apply_settings(["autos.rate=25"])
    assert str(caught.value) == "--set autos.rate=25, rate: '25' can be read in two ways. 25% or 0.25?"
