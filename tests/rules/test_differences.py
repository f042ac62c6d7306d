"""What two rule sets say differently."""

import pytest
from hypothesis import given
from reference import engine
from reference.strategies import law, rule_sets

import tariffgraph as tg
from tariffgraph.rules.differences import differences

LAW = """
ruleset: us
importer: USA
column_1: mfn
groups: {north: [CAN, MEX]}
content: {steel: {products: [72, 73]}}
programs:
  PACT:
    partners: [KOR, USA]
    symbol: KR
    origin: [{products: [8703], regional_value_content: {method: build-up, at_least: 35%}}]
lists:
  cars: [8703.23]
measures:
  - {id: mfn, authority: Schedule, rate: 2.5%}
  - {id: fee, authority: Act, rate: 1%}
  - id: autos
    authority: Act
    products: {list: cars}
    rate:
      - {from: 2025-04-03, rate: 25%, source: order 1}
      - {origins: [JPN], from: 2025-09-16, published: 2025-09-04, rate: {top_up_to: 15%}, source: order 2}
relations:
  - {by: autos, excludes: fee, source: order 1}
credits:
  - {id: offset, at: {products: [8703], importer: USA}, share: 3.75%, of: [autos], from: 2025-04-03}
"""


def written(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return tg.read_rules(path)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "rate: 25%, source: order 1",
            "rate: 20%, source: order 1",
            [("rate", "autos", "changed", "from 2025-04-03: 25% (order 1)", "from 2025-04-03: 20% (order 1)")],
        ),
        (
            "      - {from: 2025-04-03, rate: 25%, source: order 1}\n",
            "",
            [("rate", "autos", "removed", "from 2025-04-03: 25% (order 1)", None)],
        ),
        (
            "relations:\n",
            "relations:\n  - {by: mfn, covers: fee, part: {content: steel}, origins: [north], from: 2025-05-01}\n",
            [
                (
                    "relation",
                    "mfn",
                    "added",
                    None,
                    "mfn: covers fee with its content of steel (all where unknown); origin north; from 2025-05-01",
                )
            ],
        ),
        ("[8703.23]", "[8703.23, 8703.24]", [("list", "cars", "added", None, "8703.24")]),
        (
            "[CAN, MEX]",
            "[CAN, MEX, GTM]",
            [("group", "north", "changed", "CAN, MEX", "CAN, GTM, MEX")],
        ),
        ("[72, 73]", "[72]", [("kind", "steel", "changed", "products 72, 73", "products 72")]),
        (
            "at_least: 35%",
            "at_least: 40%",
            [
                (
                    "program",
                    "PACT",
                    "changed",
                    "rule of origin; products 8703: regional value content 35% by build-up",
                    "rule of origin; products 8703: regional value content 40% by build-up",
                )
            ],
        ),
        (
            "share: 3.75%",
            "share: 2.5%",
            [
                (
                    "credit",
                    "offset",
                    "changed",
                    "from 2025-04-03: 3.75% of the credit base against autos at products 8703; importer USA",
                    "from 2025-04-03: 2.5% of the credit base against autos at products 8703; importer USA",
                )
            ],
        ),
        ("ruleset: us\n", "ruleset: us\ntitle: Duties\n", [("rule set", "title", "added", None, "Duties")]),
        (
            "authority: Schedule",
            "authority: Tariff",
            [("measure", "mfn", "changed", "mfn of Schedule; importer USA", "mfn of Tariff; importer USA")],
        ),
    ],
)
def test_one_change_is_one_difference(tmp_path, old, new, expected):
    assert old in LAW
    first, second = written(tmp_path, "a.yaml", LAW), written(tmp_path, "b.yaml", LAW.replace(old, new))
    found = differences(first, second)
    assert [(one.what, one.name, one.change, one.before, one.after) for one in found] == expected
    assert {one.rule_set for one in found} == {"us"}


def test_the_other_way_round_what_was_added_is_removed(tmp_path):
    first = written(tmp_path, "a.yaml", LAW)
    second = first.without("fee").extend_lists({"cars": ["8704"]})
    there, back = differences(first, second), differences(second, first)
    turned = {"added": "removed", "removed": "added"}
    assert {(one.what, one.name, turned.get(one.change, one.change), one.after, one.before) for one in back} == {
        (one.what, one.name, one.change, one.before, one.after) for one in there
    }


def test_the_order_of_rows_counts_and_that_of_measures_does_not(tmp_path):
    first = written(tmp_path, "a.yaml", LAW)
    rows = LAW.splitlines(keepends=True)
    at = next(number for number, row in enumerate(rows) if "2025-04-03, rate: 25%" in row)
    swapped = [*rows[:at], rows[at + 1], rows[at], *rows[at + 2 :]]
    (found,) = differences(first, written(tmp_path, "b.yaml", "".join(swapped)))
    assert (found.what, found.name, found.change) == ("rate", "autos", "reordered")
    at = next(number for number, row in enumerate(rows) if "{id: mfn" in row)
    later = next(number for number, row in enumerate(rows) if row.startswith("relations"))
    moved = [*rows[:at], *rows[at + 1 : later], rows[at], *rows[later:]]
    assert differences(first, written(tmp_path, "c.yaml", "".join(moved))) == ()


def test_a_single_rule_set_is_set_against_a_single_one_of_another_name(tmp_path):
    first = written(tmp_path, "a.yaml", LAW)
    second = written(tmp_path, "b.yaml", LAW.replace("ruleset: us", "ruleset: us-mine"))
    assert [(one.what, one.name, one.before, one.after) for one in differences(first, second)] == [
        ("rule set", "id", "us", "us-mine")
    ]


def test_a_bundled_overlay_is_what_it_adds():
    (found,) = differences(tg.read_rules("us-2025"), tg.read_rules("japan-30"))
    assert (found.what, found.name, found.change) == ("rate", "ieepa-reciprocal", "added")
    assert found.after == "origin JPN: 30% (remarks of 1 July 2025)"


@given(rules=rule_sets(), other=rule_sets())
@law(20)
def test_no_difference_is_the_same_law(rules, other):
    first, second = engine.engine_rules(rules), engine.engine_rules(other)
    assert differences(first, first) == ()
    assert (differences(first, second) == ()) == (first.hash == second.hash)
