"""`tariffgraph assess`: one entry by its facts; whole outputs."""

from __future__ import annotations

import json
import re

import pytest
from cli.small_graph import LAW

import tariffgraph as tg

CAR = ("assess", "--product", "8703.80", "--origin", "KOR", "--value", "20000", "--importer", "USA")


def test_the_table_for_people(folder, run):
    ran = run(*CAR, *LAW, "--as-of", "2025-07-02")
    shown = re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert shown == (
        "8703.80 from KOR, value 20,000.00; rules us, kr; entries of 2025-07-02\n"
        "\n"
        "measure  authority      rate  of the value      duty  status\n"
        "-------------------------------------------------------------\n"
        "autos    Section 232  25.00%       100.00%  5,000.00  charged\n"
        "mfn      HTSUS         2.50%       100.00%    500.00  charged\n"
        "-------------------------------------------------------------\n"
        "total                 27.50%                5,500.00\n"
        "\n"
        f"rules us HASH; rules kr HASH; tariffgraph {tg.__version__}\n"
    )


def test_the_whole_json(folder, run):
    ran = run(*CAR, *LAW, "--as-of", "2025-07-02", "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    entry = tg.Entry(product="8703.80", origin="KOR", value=20000, importer="USA")
    duty = tg.assess(tg.read_rules("us.yaml", "kr.yaml"), entry, as_of="2025-07-02")
    assert json.loads(ran.out) == {
        "meta": dict(duty.meta),
        "total": 5500.0,
        "rate": 0.275,
        "lines": duty.lines.to_dicts(),
        "by": [
            {"action": "autos", "duty": 5000.0, "rate": 0.25},
            {"action": "mfn", "duty": 500.0, "rate": 0.025},
        ],
    }


@pytest.mark.parametrize(
    ("options", "total"),
    [
        (["--set", "autos.rate=15%"], 3500.0),
        (["--as-of", "2025-04-02"], 500.0),
        (["--column-1", "6.5%"], 6300.0),
        (["--column-1", "general=6.5%,special=free"], 6300.0),
        (["--column-1", "general=6.5%, special=free", "--program", "KFTA", "--rules", "kfta.yaml"], 5000.0),
        (["--column-1", "50 cents/kg", "--quantity", "1000", "--unit", "kg"], 5500.0),
        (["--value", "2e4"], 5500.0),
        (["--exporter", "CHN", "--nationality", "JPN", "--used-in", "8704", "--content", "steel=40%"], 5500.0),
    ],
)
def test_every_fact_has_its_flag(folder, run, options, total):
    (folder / "kfta.yaml").write_text("ruleset: kfta\nimporter: USA\nprograms:\n  KFTA: {partners: [KOR, USA]}\n")
    ran = run(*CAR, *LAW, "--as-of", "2025-07-02", "--format", "json", *options)
    assert ran.status == 0, ran.err
    assert json.loads(ran.out)["total"] == pytest.approx(total)


def test_declarations_are_given_one_by_one_or_joined(folder, run):
    (folder / "us.yaml").write_text(
        "ruleset: us\nimporter: USA\nmeasures:\n"
        "  - {id: parts, authority: A, rate: [{rate: 10%}, {declares: [a, b], rate: free}]}\n"
    )

    def total(*options: str) -> float:
        ran = run(*CAR, "--rules", "us.yaml", "--as-of", "2025-07-02", "--format", "json", *options)
        return json.loads(ran.out)["total"]

    assert total("--declares", "a") == 2000.0
    assert total("--declares", "a", "--declares", "b") == total("--declares", "a;b") == 0.0


def test_without_rules_the_bundled_ones_are_used_and_said(run):
    ran = run("assess", "--product", "8703.23", "--origin", "KOR", "--value", "100", "--program", "KORUS",
              "--as-of", "2025-07-02", "--format", "json")  # fmt: skip
    assert (ran.status, json.loads(ran.out)["total"]) == (0, 25.0)
    assert ran.err.splitlines()[0] == "tariffgraph: no rules given, so the bundled us-2025 and partners-2025"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--origin", "Korea"], "KOR"),
        (["--origin", "KR"], "KOR"),
        (["--product", "702"], "0702"),
        (["--product", "87"], "digits"),
        (["--declares", "auto-prt"], "auto-prt"),
        (["--content", "steel=1.4"], "steel"),
        (["--value", "-1"], "value"),
        (["--quantity", "5"], "unit"),
        (["--column-1", "25"], "25% or 0.25"),
    ],
)
def test_facts_that_are_none_are_status_1_with_the_remedy(folder, run, options, said):
    ran = run(*CAR, *LAW, "--as-of", "2025-07-02", *options)
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_every_wrong_fact_is_said_at_once(folder, run):
    ran = run("assess", "--origin", "KOR", "--value", "abc", "--used-in", "702", "--quantity", "1,5",
              "--content", "steel=x", *LAW)  # fmt: skip
    assert (ran.status, ran.out) == (2, "")
    said = [line.removeprefix("tariffgraph: ").partition(". ")[0] for line in ran.err.splitlines()]
    assert [one.partition(": ")[0] for one in said[:-1]] == [
        "invalid value for '--value'",
        "invalid value for '--quantity'",
        "invalid value for '--content'",
        "missing option '--product'.",
        "used_in",
    ]
    assert said[-1] == "See 'tariffgraph assess --help'."


def test_a_program_that_is_not_claimed_stands_not_in_the_title(folder, run):
    (folder / "kfta.yaml").write_text("ruleset: kfta\nimporter: USA\nprograms:\n  KFTA: {partners: [KOR, USA]}\n")
    rules = (*LAW, "--rules", "kfta.yaml", "--as-of", "2025-07-02")
    claimed, not_claimed = (run(*CAR, *rules, "--program", program) for program in ("KFTA", "KORU"))
    assert claimed.out.startswith("8703.80 from KOR under KFTA, value")
    assert not_claimed.out.startswith("8703.80 from KOR, value")
    assert "it is not claimed" in not_claimed.err


def test_a_rate_set_that_is_none_is_usage(folder, run):
    ran = run(*CAR, *LAW, "--set", "autos.rate=abc")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("tariffgraph: --set autos.rate=abc, rate: 'abc' is not a rate.")


def test_an_unknown_measure_is_status_2(folder, run):
    ran = run(*CAR, *LAW, "--set", "auto.rate=1%")
    assert (ran.status, ran.out) == (2, "")
    assert "'autos'" in ran.err
