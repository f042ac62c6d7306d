"""Reading rule sets: what the example of the language means, folders, lists, schedules, several sets."""

from __future__ import annotations

import json
import pickle
import random
from datetime import date

import pytest

from tariffgraph.bundled import bundled_rule_sets
from tariffgraph.errors import RulesError
from tariffgraph.rules.rate import AdValorem, Base, Ends, ScheduleRate, TopUpTo
from tariffgraph.rules.read import read_rules
from tariffgraph.rules.rule_set import ListLine, RuleSet
from tariffgraph.rules.rules import as_rules
from tariffgraph.rules.schema import rules_json_schema

RULES = """\
ruleset: demo
importer: USA
column_1: mfn
groups: {china: [CHN, HKG], east: [china, JPN]}
regions: {ROW: rest of the world}
content:
  steel: {products: [72, 73]}
  us: {countries: [USA]}
programs:
  KORUS:
    partners: [KOR, USA]
    symbol: KR
    origin:
      - products: [8703]
        all: [{regional_value_content: {method: build-up, at_least: 35%}}, {declared: labor}]
measures:
  - {id: mfn, authority: HTSUS, rate: {schedule: hts}}
  - id: autos
    authority: Section 232
    action: s232
    products: [{list: [cars, trucks]}, 8705]
    published: 2025-03-26
    base:
      - {program: KORUS, declares: approved, base: {without: us, at_most: 40%}}
      - {origins: east, base: {content: steel, unknown: zero}}
    rate:
      - {from: 2025-04-03, rate: 25%, source: Proclamation 10908}
      - {origins: [JPN, ROW], from: 2025-09-16, published: 2025-09-04, rate: {top_up_to: 15%}}
      - {content: {us: {at_least: 20%}}, rate: ends}
    excludes: metals
    relations:
      - {covers: [steel-measure], part: {content: steel}, even_if_free: true, from: 2025-06-04}
  - {id: steel-measure, action: metals, importer: all, rate: 0.5}
lists:
  cars: [8703, {product: 8704.21, from: 2025-05-01, until: 2026-01-01, published: 2025-04-01}]
  trucks: []
relations:
  - {by: metals, replaces: mfn, until: 2025-01-01}
"""
SCHEDULE = "product,general,KR,column 2\n8703,2.5%,Free,10%\n0201.20,4.4 cents/kg,,\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "hts.csv").write_text(SCHEDULE)
    (tmp_path / "demo.yaml").write_text(RULES)
    return tmp_path


def test_the_language_means_what_it_says(folder):
    (rule_set,) = read_rules(folder).rule_sets
    mfn, autos, steel = rule_set.measures
    assert (rule_set.id, rule_set.importer, rule_set.column_1) == ("demo", ("USA",), "mfn")
    assert rule_set.groups == {"china": ("CHN", "HKG"), "east": ("CHN", "HKG", "JPN")}
    assert mfn.rate[0].value == ScheduleRate("hts")
    assert (mfn.action, mfn.conditions.importer) == ("mfn", ("USA",))
    assert (autos.authority, autos.action) == ("Section 232", "s232")
    assert autos.conditions.products.prefixes == ("8705",)
    assert autos.conditions.products.lists == ("cars", "trucks")
    assert [row.value for row in autos.rate] == [AdValorem(0.25), TopUpTo(0.15), Ends()]
    assert autos.rate[2].conditions.content == {"us": 0.2}
    assert [row.value for row in autos.base] == [Base("without", "us", at_most=0.4), Base("content", "steel", "zero")]
    assert autos.base[0].conditions.program == ("KORUS",)
    assert autos.base[0].conditions.declares == ("approved",)
    assert (steel.authority, steel.conditions.importer, steel.rate[0].value) == ("metals", ("all",), AdValorem(0.5))
    own, inner, last = rule_set.relations
    assert (own.by, own.excludes, own.conditions.published) == (("autos",), ("metals",), date(2025, 3, 26))
    assert (inner.by, inner.covers, inner.part, inner.even_if_free) == (
        ("autos",),
        ("steel-measure",),
        Base("content", "steel"),
        True,
    )
    assert (last.by, last.replaces) == (("metals",), ("mfn",))
    assert rule_set.lists["cars"] == (
        ListLine("8703"),
        ListLine("8704.21", date(2025, 5, 1), date(2026, 1, 1), date(2025, 4, 1)),
    )
    assert rule_set.programs["KORUS"].declared == ("labor",)
    line = rule_set.schedules["hts"].lines[0]
    assert (line.product, line.general, line.special, line.column_2) == ("8703", "2.5%", {"KR": "Free"}, "10%")
    assert autos.rate[1].where == f"{folder}/demo.yaml:28:9"


def test_published_is_from_else_the_parents(folder):
    (rule_set,) = read_rules(folder).rule_sets
    autos = rule_set.measures[1]
    assert [row.conditions.published for row in autos.rate] == [
        date(2025, 4, 3),
        date(2025, 9, 4),
        date(2025, 3, 26),
    ]
    assert autos.base[0].conditions.published == date(2025, 3, 26)
    assert rule_set.measures[2].rate[0].conditions.published is None


def test_one_file_and_a_folder_of_several_say_the_same(folder, tmp_path):
    one = read_rules(folder)
    assert read_rules(folder / "demo.yaml").hash == one.hash
    apart = tmp_path / "apart"
    (apart / "schedules").mkdir(parents=True)
    (apart / "lists").mkdir()
    (apart / "schedules" / "hts.csv").write_text(SCHEDULE)
    head, rest = RULES.split("measures:\n")
    rest, lists = rest.split("lists:\n")
    (apart / "head.yaml").write_text(head)
    (apart / "more.yaml").write_text("measures:\n" + rest)
    (apart / "relations.yaml").write_text("relations:" + lists.split("relations:")[1])
    (apart / "lists" / "trucks.csv").write_text("product\n")
    (apart / "lists" / "cars.csv").write_text(
        "product,from,until,published,note\n8703,,,,\n8704.21,2025-05-01,2026-01-01,2025-04-01,light\n"
    )
    assert read_rules(apart).hash == one.hash


def test_the_order_of_measures_changes_nothing_and_that_of_rows_does(tmp_path):
    rows = ["{rate: 5%}", "{rate: 6%, origins: [JPN, KOR]}"]
    lines = ["  - {id: a, rate: [ROWS]}\n", "  - {id: b, rate: 7%}\n", "  - {id: c, rate: 8%, excludes: [a, b]}\n"]

    def of(lines, rows):
        path = tmp_path / "x.yaml"
        path.write_text("ruleset: x\nimporter: USA\nmeasures:\n" + "".join(lines).replace("ROWS", ", ".join(rows)))
        return read_rules(path).hash

    plain = of(lines, rows)
    assert of(lines[::-1], rows) == plain
    assert of(lines, [rows[0], rows[1].replace("[JPN, KOR]", "[KOR, JPN]")]) == plain
    assert of(lines, rows[::-1]) != plain


def test_the_hash_is_the_same_on_every_machine(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("ruleset: x\nimporter: USA\nmeasures:\n  - {id: a, rate: 25%, origins: [JPN], from: 2025-04-03}\n")
    assert read_rules(path).rule_sets[0].hash == "b8d1196310183c022a43418448eee0f9e37352d45168e663ed7a63497a9873be"


def test_rule_sets_stand_side_by_side(folder, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(
        "ruleset: other\nprograms_elsewhere: [RCEP]\nmeasures:\n"
        "  - {id: mfn-kor, action: duty, importer: KOR, origins: china, program: [KORUS, RCEP], rate: 8%}\n"
    )
    (folder / "other.yaml").rename(tmp_path.parent / "other.yaml")
    other = tmp_path.parent / "other.yaml"
    with pytest.raises(RulesError, match="'china' is not a country, region or group"):
        read_rules(other)
    both = read_rules(folder, other)
    assert [one.id for one in both.rule_sets] == ["demo", "other"]
    assert both.names() == ("autos", "duty", "metals", "mfn", "mfn-kor", "s232", "steel-measure")
    assert both.hash == read_rules(other, folder).hash
    other.unlink()


def test_two_definitions_under_one_name_are_an_error(tmp_path):
    for name, members in (("a", "[CHN]"), ("b", "[CHN, HKG]"), ("c", "[CHN]")):
        (tmp_path / f"{name}.yaml").write_text(f"ruleset: {name}\nimporter: USA\ngroups: {{china: {members}}}\n")
    with pytest.raises(RulesError, match="the group 'china' is defined in the rule sets 'a' and 'b', and differently"):
        read_rules(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert len(read_rules(tmp_path / "a.yaml", tmp_path / "c.yaml").rule_sets) == 2


def test_circles_are_asked_per_day_and_importer(tmp_path):
    path = tmp_path / "x.yaml"
    head = (
        "ruleset: x\nmeasures:\n  - {id: a, importer: USA, rate: 5%}\n"
        "  - {id: b, importer: IMPORTER, rate: 5%}\nrelations:\n"
    )
    path.write_text(
        head.replace("IMPORTER", "USA")
        + "  - {by: a, excludes: b, until: 2025-06-04}\n  - {by: b, excludes: a, from: 2025-06-04}\n"
    )
    assert read_rules(path).findings == ()
    path.write_text(head.replace("IMPORTER", "KOR") + "  - {by: a, excludes: b}\n  - {by: b, excludes: a}\n")
    assert read_rules(path).findings == ()
    path.write_text(
        head.replace("IMPORTER", "all")
        + "  - {by: a, excludes: b, until: 2025-06-05}\n  - {by: b, excludes: a, from: 2025-06-04}\n"
    )
    with pytest.raises(RulesError, match="in a circle on 2025-06-04 for USA"):
        read_rules(path)


def test_a_name_never_means_the_measure_itself(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "ruleset: x\nimporter: USA\nmeasures:\n"
        "  - {id: a, action: steps, rate: 5%, excludes: steps}\n  - {id: b, action: steps, rate: 6%}\n"
    )
    assert read_rules(path).findings == ()


def test_rules_are_immutable_and_travel(folder):
    rules = read_rules(folder)
    (rule_set,) = rules.rule_sets
    with pytest.raises(TypeError):
        rule_set.groups["china"] = ()
    with pytest.raises(AttributeError):
        rule_set.id = "other"
    assert pickle.loads(pickle.dumps(rules)) == rules
    assert hash(rule_set.measures[1]) == hash(pickle.loads(pickle.dumps(rule_set.measures[1])))


def test_whatever_stands_for_rules_is_taken(folder):
    rules = read_rules(folder)
    assert as_rules(rules) is rules
    assert as_rules(None).rule_sets == ()
    assert as_rules(rules.rule_sets[0]).hash == rules.hash
    assert as_rules(str(folder)).hash == rules.hash
    assert as_rules([folder]).hash == rules.hash
    assert isinstance(as_rules((rules,)).rule_sets[0], RuleSet)


@pytest.mark.parametrize("name", bundled_rule_sets())
def test_bundled_rule_sets_and_overlays_read_without_findings(name):
    assert read_rules(name).findings == ()


def test_the_json_schema_names_every_key():
    schema = rules_json_schema()
    json.dumps(schema)
    measure = schema["$defs"]["MeasureKeys"]
    assert measure["required"] == ["id", "rate"]
    assert {"from", "until", "published", "except_products", "even_if_free"} <= set(measure["properties"])
    assert measure["additionalProperties"] is False


def test_20000_rows_are_read(tmp_path):
    chance = random.Random(1)
    lines = ["ruleset: big", "importer: USA", "measures:"]
    for measure in range(500):
        lines.append(f"  - id: m{measure}\n    products: [8703.{measure % 90 + 10}, 7208]\n    rate:")
        lines += [
            f"      - {{origins: [KOR, JPN], from: 20{10 + row // 4}-0{row % 9 + 1}-01, rate: {chance.randint(0, 9)}%}}"
            for row in range(40)
        ]
    lines.append("relations:")
    lines += [f"  - {{by: m{measure}, excludes: [m{measure + 1}, m{measure + 2}]}}" for measure in range(400)]
    path = tmp_path / "big.yaml"
    path.write_text("\n".join(lines))
    rules = read_rules(path)
    assert sum(len(measure.rate) for measure in rules.rule_sets[0].measures) == 20_000


def test_the_days_that_a_set_covers_are_read_and_kept(tmp_path):
    path = tmp_path / "demo.yaml"
    head = "ruleset: demo\nimporter: USA\nmeasures: [{id: a, rate: 5%}]\n"
    path.write_text(head)
    plain = read_rules(path)
    assert (plain.rule_sets[0].complete_from, plain.rule_sets[0].complete_until) == (None, None)
    path.write_text(head + "complete_from: 2025-01-01\ncomplete_until: 2025-08-07\n")
    (rule_set,) = read_rules(path).rule_sets
    assert (rule_set.complete_from, rule_set.complete_until) == (date(2025, 1, 1), date(2025, 8, 7))
    assert rule_set.hash != plain.rule_sets[0].hash
    (tmp_path / "scenario.yaml").write_text("extends: demo\nset: [{measure: a, rate: 6%}]\n")
    (changed,) = read_rules(tmp_path / "scenario.yaml").set("a", rate=0.07).rule_sets
    assert (changed.complete_from, changed.complete_until) == (date(2025, 1, 1), date(2025, 8, 7))
    keys = rules_json_schema()["$defs"]["RuleSetKeys"]["properties"]
    assert "complete_from" in keys
    assert "complete_until" in keys


def test_the_bundled_sets_say_which_days_they_cover():
    sets = {one.id: (one.complete_from, one.complete_until) for one in read_rules("us-2025", "partners-2025").rule_sets}
    assert sets == {
        "us-2025": (date(2018, 1, 1), date(2026, 8, 23)),
        "partners-2025": (date(2025, 1, 1), date(2026, 9, 1)),
    }
