"""`tariffgraph timeline`: an entry and a small graph through time; whole outputs."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg

CAR = ("--product", "8703.80", "--origin", "KOR", "--value", "20000", "--importer", "USA")


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text).replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


def test_one_entry(folder, run):
    ran = run("timeline", *CAR, *LAW)
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "8703.80 from KOR, value 20,000.00; rules us, kr\n"
        "\n"
        "from          rate   change      duty  because\n"
        "-------------------------------------------------------------------\n"
        "earlier      2.50%             500.00  mfn 2.5%\n"
        "2025-04-03  27.50%  +25.00%  5,500.00  autos 0% -> 25% (proclaimed)\n"
        "\n"
        "rules us HASH; rules kr HASH; tariffgraph 0.1.0\n"
    )


def test_a_graph(folder, run):
    ran = run("timeline", "cars", *LAW, "--from", "2025-01-01", "--until", "2025-12-31")
    assert (ran.status, ran.err) == (0, "")
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries from 2025-01-01; entries before 2025-12-31\n"
        "\n"
        "shipment     from        effective   change  because\n"
        "---------------------------------------------------------------------------\n"
        "KR.CAR->USA  2025-01-01      4.55%           mfn 2.55%; mfn-kor 2%\n"
        "             2025-04-03     30.05%  +25.50%  autos 0% -> 25.5% (proclaimed)\n"
        "US.VAN->USA  2025-01-01      0.34%           mfn 0.34%\n"
        "\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


@pytest.fixture(autouse=True)
def _sourced(folder):
    path = folder / "us.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("rate: 25%}", "rate: 25%, source: proclaimed}"))


def test_the_whole_json(folder, run):
    ran = run("timeline", "cars", *LAW, "--shipment", "KR.CAR", "--set", "mfn-kor.rate=6%", "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    rules = tg.read_rules("us.yaml", "kr.yaml").apply_settings(["mfn-kor.rate=6%"])
    timeline = tg.timeline(rules, "cars", shipment="KR.CAR->USA")
    answer = json.loads(ran.out)
    as_text = [pl.col(pl.Date).cast(pl.String)]
    assert answer["steps"] == timeline.steps.with_columns(as_text).to_dicts()
    assert answer["changes"] == timeline.changes.with_columns(as_text).to_dicts()
    assert answer["meta"] == {**timeline.meta, "settings": ["mfn-kor.rate=6%"]}
    assert len(answer["changes"]) == 1


def test_bare_rows_say_on_stderr_where_they_came_from(folder, run):
    ran = run("timeline", *CAR, *LAW, "--from", "2025-01-01", "--format", "csv")
    assert ran.out.splitlines()[0] == "date,until,rate,change,duty,because"
    assert without_hashes(ran.err) == (
        "tariffgraph: entries from 2025-01-01; rules us HASH; rules kr HASH; tariffgraph 0.1.0\n"
    )


def test_known_on_takes_out_what_came_later(folder, run):
    answer = json.loads(run("timeline", *CAR, *LAW, "--known-on", "2025-04-02", "--format", "json").out)
    assert [row["rate"] for row in answer["steps"]] == [0.025]


def test_a_day_out_of_the_rules_span_is_told_once(folder, run):
    with (folder / "us.yaml").open("a", encoding="utf-8") as file:
        file.write("complete_from: 2025-06-01\n")
    assert run("timeline", "cars", *LAW).err == (
        "tariffgraph: warning: us is complete for entries from 2025-06-01: on other days duties may be missing. "
        "Ask for days within, or add what is missing as an overlay.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "there is neither a graph nor an entry. Give a GRAPH, or --product, --origin and --value."),
        (["cars", *CAR], "there is a graph, and an entry is stated as well. Give one of them."),
        ([*CAR, "--shipment", "KR.CAR"], "--shipment goes with a graph, not with an entry."),
        (["cars", "--shipment", "KR.CRA"], "shipment: no shipment 'KR.CRA'. Did you mean 'KR.CAR'?"),
        (["cars", "--market", "US"], "market: nothing is shipped to the market 'US'."),
        (["cars", "--from", "2025-07-01", "--until", "2025-07-01"], "--from is 2025-07-01, and --until 2025-07-01."),
    ],
)
def test_usage_is_status_2_and_says_what_to_write(folder, run, arguments, said):
    before = contents(folder)
    ran = run("timeline", *arguments, *LAW, "--out", "result.json")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"tariffgraph: {said}")
    assert contents(folder) == before
