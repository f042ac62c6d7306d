"""`tariffgraph compare` on a graph small enough to do by hand; whole outputs.

The duty on cars came on 2025-04-03: 25% on KR.CAR at the price of 1.02 that its Chinese cells leave it with:
.255, which is 25.5 on a value of 100. US.VAN is no car.
"""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg

CAR = ("--product", "8703.80", "--origin", "KOR", "--value", "20000", "--importer", "USA")
DAYS = ("--as-of", "2025-04-02", "--to-as-of", "2025-04-03")
OVERLAY = "extends: us\nset:\n  - {measure: autos, origins: [KOR], rate: 15%}\n"


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text).replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


def test_a_graph_on_two_days(folder, run):
    ran = run("compare", "cars", *LAW, *DAYS)
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-04-02; against entries of 2025-04-03; by measure\n"
        "\n"
        "shipment     measure  before   after   change  amount, mn USD\n"
        "-------------------------------------------------------------\n"
        "KR.CAR->USA  in all    4.55%  30.05%  +25.50%           +25.5\n"
        "             autos     0.00%  25.50%  +25.50%           +25.5\n"
        "-------------------------------------------------------------\n"
        "all          autos                                      +25.5\n"
        "\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_the_whole_json(folder, run):
    ran = run("compare", "cars", *LAW, *DAYS, "--by", "action", "--by", "importer", "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    rules = tg.read_rules("us.yaml", "kr.yaml")
    before, after = (tg.propagate("cars", rules, as_of=day) for day in ("2025-04-02", "2025-04-03"))
    answer = json.loads(ran.out)
    assert answer["meta"] == {"before": dict(before.meta), "after": dict(after.meta)}
    assert answer["by"] == tg.compare(before, after, "action", "importer").to_dicts()
    (shipment,) = answer["shipments"]
    assert (shipment["shipment"], shipment["change"]) == ("KR.CAR->USA", pytest.approx(0.255))


def test_bare_rows_say_on_stderr_where_both_came_from(folder, run):
    ran = run("compare", "cars", *LAW, *DAYS, "--format", "csv")
    assert pl.read_csv(ran.out.encode())["measure"].to_list() == ["autos"]
    assert without_hashes(ran.err) == (
        "tariffgraph: before: entries of 2025-04-02; rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
        "tariffgraph: after: entries of 2025-04-03; rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


@pytest.mark.parametrize(
    ("second", "change"),
    [
        (["--to-set", "autos.rate=15%"], -0.102),
        (["--to-overlay", "deal.yaml"], -0.102),
        (["--to-overlay", "deal.yaml", "--to-set", "autos.rate=20%"], -0.051),
        (["--to-rules", "kr.yaml"], 0.02 - 0.3005),
        (["--to-rules", "us.yaml"], 0.275 - 0.3005),
        (["--to-rules", "us.yaml", "--to-overlay", "deal.yaml"], 0.175 - 0.3005),
        (["--to-as-of", "2025-04-02"], -0.255),
        (["--to-known-on", "2025-04-02"], -0.255),
        (["--set", "mfn-kor.rate=16%", "--to-as-of", "2025-04-02"], -0.26),
        (["--set", "autos.rate=15%", "--to-set", "autos.rate=25%"], 0.102),
    ],
)
def test_every_way_to_say_the_second_law(folder, run, second, change):
    (folder / "deal.yaml").write_text(OVERLAY, encoding="utf-8")
    ran = run("compare", "cars", *LAW, "--format", "json", *second)
    assert ran.status == 0, ran.err
    rows = {row["shipment"]: row["change"] for row in json.loads(ran.out)["shipments"]}
    assert rows["KR.CAR->USA"] == pytest.approx(change)


def test_the_rules_of_the_graph_are_the_first_law(folder, run):
    (folder / "deal.yaml").write_text(OVERLAY.replace("us", "us-2025").replace("autos", "s232-autos"), encoding="utf-8")
    with (folder / "cars" / "graph.toml").open("a", encoding="utf-8") as file:
        file.write('rules = ["us-2025"]\n')
    ran = run("compare", "cars", "--to-overlay", "deal.yaml", "--market", "USA", "--format", "json")
    (shipment,) = json.loads(ran.out)["shipments"]
    assert (shipment["shipment"], shipment["change"]) == ("KR.CAR->USA", pytest.approx(-0.1))


def test_one_entry(folder, run):
    ran = run("compare", *CAR, *LAW, *DAYS)
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "8703.80 from KOR, value 20,000.00; rules us, kr; entries of 2025-04-02; against entries of 2025-04-03\n"
        "\n"
        "measure  rate before   after  duty before     after     change\n"
        "--------------------------------------------------------------\n"
        "autos          0.00%  25.00%         0.00  5,000.00  +5,000.00\n"
        "--------------------------------------------------------------\n"
        "total          2.50%  27.50%       500.00  5,500.00  +5,000.00\n"
        "\n"
        "rules us HASH; rules kr HASH; tariffgraph 0.1.0\n"
    )
    answer = json.loads(run("compare", *CAR, *LAW, *DAYS, "--format", "json").out)
    assert answer["total"] == {"before": 500.0, "after": 5500.0, "change": 5000.0}
    assert [row["measure"] for row in answer["by"]] == ["autos"]


def test_nothing_that_changes_is_said(folder, run):
    ran = run("compare", "cars", *LAW, "--to-as-of", "2025-07-03")
    assert (ran.status, ran.err) == (0, "tariffgraph: nothing changes between the two\n")
    assert json.loads(run("compare", "cars", *LAW, "--to-as-of", "2025-07-03", "--format", "json").out)["by"] == []


NOTHING = "there is neither a graph nor an entry. Give a GRAPH, or --product, --origin and --value."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to-as-of", "2025-07-03"], NOTHING),
        (["cars", *CAR, "--to-as-of", "2025-07-03"], "there is a graph, and an entry is stated as well."),
        (["cars"], "nothing says what to compare with. Give --to-rules, --to-overlay, --to-as-of, "),
        ([*CAR, "--market", "USA", "--to-as-of", "2025-07-03"], "--market goes with a graph, not with an entry."),
        (["--product", "8703", "--to-as-of", "2025-07-03"], "missing option '--origin'."),
        (
            [*CAR, "--by", "crossing", "--to-as-of", "2025-07-03"],
            "the duty on an entry is split by one of measure, action, authority, not by crossing.",
        ),
        (
            [*CAR, "--by", "action", "--by", "measure", "--to-as-of", "2025-07-03"],
            "the duty on an entry is split by one of",
        ),
        (["cars", "--to-set", "auto.rate=15%"], "--set auto.rate=15%: no measure 'auto'. Did you mean 'autos'?"),
    ],
)
def test_usage_is_status_2_and_says_what_to_write(folder, run, arguments, said):
    ran = run("compare", *arguments, *LAW)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"tariffgraph: {said}")


def test_no_input_is_written_over(folder, run):
    (folder / "deal.yaml").write_text(OVERLAY, encoding="utf-8")
    before = contents(folder)
    for out in ("cars/stages.csv", "us.yaml", "deal.yaml"):
        ran = run("compare", "cars", *LAW, "--to-overlay", "deal.yaml", "--out", out, "--format", "csv")
        assert (ran.status, ran.out) == (1, "")
        assert "is an input of this very command" in ran.err
    assert contents(folder) == before
