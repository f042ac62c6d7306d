"""`tariffgraph rules`: what rule sets say; whole outputs."""

from __future__ import annotations

import json
import re

import pytest
from cli.small_graph import contents

import tariffgraph as tg

LAW = """\
ruleset: steel
importer: USA
measures:
  - {id: mfn, authority: Schedule, rate: 2.5%}
  - id: metal
    name: Steel
    authority: Act
    action: metals
    products: [72]
    base: [{base: {content: us}, declares: approved}]
    rate:
      - {from: 2025-03-12, published: 2025-02-10, rate: 25%, source: order 1}
      - {origins: [KOR], from: 2025-05-01, until: 2025-06-01, rate: free, source: order 2, note: a truce}
      - {from: 2025-09-01, rate: ends, source: order 3}
content: {us: {countries: [USA]}}
relations:
  - {by: metals, excludes: fee, from: 2025-04-01, source: order 4}
  - {by: fee, covers: mfn}
credits:
  - {id: offset, at: {products: [8703]}, share: 3.75%, of: [metals], source: order 5}
"""


@pytest.fixture
def steel(folder):
    fee = "  - {id: fee, authority: Act, rate: 1%}\n"
    (folder / "steel.yaml").write_text(LAW.replace("content: {us:", fee + "content: {us:"), encoding="utf-8")
    return folder


def without_hashes(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text)
    return text.replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


def test_the_measures_of_two_sets(steel, run):
    ran = run("rules", "list", "steel.yaml", "kr.yaml", "--as-of", "2025-09-01")
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "measures; rules steel, kr; entries of 2025-09-01\n"
        "\n"
        "rule set  measure  action  authority    importer  from        rows  in force\n"
        "----------------------------------------------------------------------------\n"
        "kr        mfn-kor  mfn     Customs Act  KOR                      1  yes\n"
        "steel     fee              Act          USA                      1  yes\n"
        "          metal    metals  Act          USA       2025-03-12     4  no\n"
        "          mfn              Schedule     USA                      1  yes\n"
        "\n"
        "rules steel HASH; rules kr HASH; tariffgraph 0.1.0\n"
    )


@pytest.mark.parametrize(
    ("day", "in_force"), [("2025-03-11", False), ("2025-03-12", True), ("2025-08-31", True), ("2025-09-01", False)]
)
def test_a_measure_is_in_force_from_its_first_row_until_one_ends_it_for_all(steel, run, day, in_force):
    answer = json.loads(run("rules", "list", "steel.yaml", "--as-of", day, "--format", "json").out)
    assert {row["measure"]: row["in_force"] for row in answer["measures"]}["metal"] is in_force


def test_all_of_one_measure(steel, run):
    ran = run("rules", "show", "steel.yaml", "metal")
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "metal: Steel; rules steel\n"
        "\n"
        "                from        until       says\n"
        "------------------------------------------------------------"
        "------------------------------------------------------\n"
        "measure                                 Act; action metals; products 72; importer USA\n"
        "rate            2025-03-12              25% (order 1, published 2025-02-10)\n"
        "                2025-05-01  2025-06-01  free; origin KOR (order 2); a truce\n"
        "                2025-09-01              ends (order 3)\n"
        "base                                    content of us (all where unknown); declared approved\n"
        "relation by it  2025-04-01              metals: excludes fee (order 4)\n"
        "credit                                  offset: 3.75% of the credit base against metals at products 8703 "
        "(order 5)\n"
        "\n"
        "rules steel HASH; tariffgraph 0.1.0\n"
    )


def test_what_holds_on_a_day_as_known_on_another(steel, run):
    ran = run("rules", "show", "steel.yaml", "fee", "--as-of", "2025-04-01", "--known-on", "2025-03-31")
    assert without_hashes(ran.out) == (
        "fee; rules steel; entries of 2025-04-01; as known on 2025-03-31\n"
        "\n"
        "                from  says\n"
        "---------------------------------------\n"
        "measure               Act; importer USA\n"
        "rate                  1%\n"
        "relation by it        fee: covers mfn\n"
        "\n"
        "1 that does not hold left out.\n"
        "rules steel HASH; tariffgraph 0.1.0\n"
    )


def test_json_and_csv_hold_the_same_rows(steel, run):
    answer = json.loads(run("rules", "show", "steel.yaml", "metal", "--format", "json").out)
    assert answer["measure"] == "metal"
    assert answer["parts"][2] == {
        "part": "rate",
        "says": "free",
        "when": "origin KOR",
        "from": "2025-05-01",
        "until": "2025-06-01",
        "published": "2025-05-01",
        "source": "order 2",
        "note": "a truce",
    }
    ran = run("rules", "show", "steel.yaml", "metal", "--format", "csv")
    assert len(ran.out.splitlines()) == len(answer["parts"]) + 1
    assert without_hashes(ran.err) == "tariffgraph: rules steel HASH; tariffgraph 0.1.0\n"


def test_an_unknown_measure_is_status_2_with_the_nearest(steel, run):
    ran = run("rules", "show", "steel.yaml", "metl")
    assert (ran.status, ran.out, ran.err) == (2, "", "tariffgraph: no measure 'metl'. Did you mean 'metal'?\n")
    assert run("rules", "show", "stel.yaml", "metal").status == 1


def test_what_an_overlay_changes(steel, run):
    (steel / "deal.yaml").write_text(
        "extends: steel\nset:\n  - {measure: metal, origins: [JPN], rate: 15%, source: deal}\nremove: [fee]\n"
    )
    ran = run("rules", "diff", "steel.yaml", "deal.yaml")
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "rules steel against rules steel+deal\n"
        "\n"
        "          of      is       says\n"
        "---------------------------------------------------------------------------\n"
        "measure   fee     removed  fee of Act; importer USA\n"
        "rate      fee     removed  1%\n"
        "rate      metal   added    origin JPN: 15% (deal)\n"
        "relation  fee     removed  fee: covers mfn\n"
        "relation  metals  removed  metals: excludes fee; from 2025-04-01: (order 4)\n"
        "\n"
        "before: rules steel HASH; tariffgraph 0.1.0\n"
        "after: rules steel HASH; tariffgraph 0.1.0\n"
    )


def test_an_overlay_is_laid_over_the_set_that_is_given_and_not_over_one_of_its_name(steel, run):
    other = steel / "elsewhere"
    other.mkdir()
    (other / "mine.yaml").write_text((steel / "steel.yaml").read_text().replace("rate: 2.5%", "rate: 9%"))
    (steel / "deal.yaml").write_text("extends: steel\nset:\n  - {measure: mfn, origins: [JPN], rate: free}\n")
    answer = json.loads(run("rules", "diff", "elsewhere/mine.yaml", "deal.yaml", "--format", "json").out)
    assert [row["after"] for row in answer["differences"]] == ["origin JPN: free"]


def test_no_difference_is_said(steel, run):
    ran = run("rules", "diff", "steel.yaml", "steel.yaml", "--format", "json")
    assert (ran.status, ran.err) == (0, "tariffgraph: no difference: both state the same law\n")
    assert json.loads(ran.out)["differences"] == []


def test_the_rules_are_not_written_over(steel, run):
    before = contents(steel)
    for arguments in (["list", "steel.yaml"], ["show", "steel.yaml", "metal"], ["diff", "us.yaml", "steel.yaml"]):
        ran = run("rules", *arguments, "--out", "steel.yaml", "--format", "csv")
        assert (ran.status, ran.out) == (1, "")
        assert "is an input of this very command" in ran.err
    assert contents(steel) == before


def test_no_command_is_usage_and_shows_the_help(run):
    ran = run("rules")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("Usage: tariffgraph rules")
