"""`tariffgraph propagate` on a graph small enough to do by hand; whole outputs.

KR.CAR → USA: cells from China are 25% of it and pay 8% in Korea, .25 · .08 = .02 embedded; the border charges
.025 + .25 = .275, and .02 · .275 = .0055 on the embedded duty: .3005 in all, 30.05 on a value of 100.
US.VAN stays at home: its cells, 10% of it, paid 3.4% at the American border: .0034.
"""

from __future__ import annotations

import io
import json
import re

import polars as pl
import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg

TABLE = """\
Two vehicles (cars); rules us, kr; entries of 2025-07-02

shipment                     good          statutory  embedded  effective  duty, mn USD
---------------------------------------------------------------------------------------
KR.CAR->USA                  Electric car     27.50%     2.00%     30.05%          30.1
US.VAN->USA                  Electric van      0.00%     0.34%      0.34%             -
---------------------------------------------------------------------------------------
total of the 1 with a value                   27.50%     2.00%     30.05%          30.1

rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0
"""


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text).replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


def test_the_table_for_people(folder, run):
    ran = run("propagate", "cars", *LAW)
    assert (ran.status, without_hashes(ran.out), ran.err) == (0, TABLE, "")


def test_the_whole_json(folder, run):
    ran = run("propagate", "cars", *LAW, "--format", "json", "--by", "measure")
    assert (ran.status, ran.err) == (0, "")
    answer = json.loads(ran.out)
    rules = tg.read_rules("us.yaml", "kr.yaml")
    result = tg.propagate("cars", rules)
    assert answer == {
        "meta": {**result.meta},
        "shipments": result.shipments.to_dicts(),
        "by": result.by("measure").to_dicts(),
    }
    car, van = answer["shipments"]
    assert car == pytest.approx(
        {
            "id": "KR.CAR->USA",
            "stage": "KR.CAR",
            "market": "USA",
            "value": 100.0,
            "statutory_rate": 0.275,
            "border_rate": 0.275,
            "embedded_rate": 0.02,
            "compounding_rate": 0.0055,
            "effective_rate": 0.3005,
            "exporter_rate": 0.0,
            "duty_rate": 0.3005,
            "landed_value": 130.05,
            "duty": 30.05,
        }
    )
    assert (van["value"], van["duty"], van["statutory_rate"]) == (None, None, 0.0)
    assert answer["meta"]["as_of"] == "2025-07-02"
    assert [one["hash"] for one in answer["meta"]["rules"]] == [one.hash for one in rules.rule_sets]
    assert answer["meta"]["graph"]["hash"] == tg.read_graph("cars").hash
    assert answer["meta"]["version"] == tg.__version__


def test_without_by_the_json_splits_nothing(folder, run):
    assert json.loads(run("propagate", "cars", *LAW, "--format", "json").out)["by"] == []


def test_csv_jsonl_and_parquet_are_the_frame(folder, run):
    expected = tg.propagate("cars", tg.read_rules("us.yaml", "kr.yaml")).shipments
    assert pl.read_csv(run("propagate", "cars", *LAW, "--format", "csv").out.encode()).equals(expected)
    lines = run("propagate", "cars", *LAW, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == expected.to_dicts()
    ran = run("propagate", "cars", *LAW, "--out", "cars.parquet")
    assert (ran.status, ran.out, ran.err) == (0, "", "tariffgraph: wrote 2 rows to cars.parquet\n")
    assert pl.read_parquet("cars.parquet").equals(expected)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_bare_rows_say_on_stderr_where_they_came_from(folder, run, form):
    ran = run("propagate", "cars", *LAW, "--format", form)
    assert without_hashes(ran.err) == (
        "tariffgraph: entries of 2025-07-02; rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_a_split_by_two_keys(folder, run):
    ran = run("propagate", "cars", *LAW, "--by", "action", "--by", "importer")
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; by action and importer\n"
        "\n"
        "shipment     action  importer  effective  amount, mn USD\n"
        "--------------------------------------------------------\n"
        "KR.CAR->USA  autos   USA          25.50%           25.50\n"
        "             mfn     KOR           2.00%            2.00\n"
        "             mfn     USA           2.55%            2.55\n"
        "US.VAN->USA  mfn     USA           0.34%               -\n"
        "--------------------------------------------------------\n"
        "all          autos   USA                           25.50\n"
        "             mfn     KOR                            2.00\n"
        "             mfn     USA                            2.55\n"
        "\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


@pytest.mark.parametrize(
    "key", ["measure", "action", "authority", "crossing", "importer", "exporter", "origin", "product", "depth"]
)
def test_every_key_sums_to_the_effective_rate(folder, run, key):
    answer = json.loads(run("propagate", "cars", *LAW, "--by", key, "--format", "json").out)
    for shipment in answer["shipments"]:
        parts = [row["rate"] for row in answer["by"] if row["shipment"] == shipment["id"]]
        assert sum(parts) == pytest.approx(shipment["effective_rate"], abs=1e-12)


def test_a_split_by_depth(folder, run):
    ran = run("propagate", "cars", *LAW, "--by", "depth")
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; by depth\n"
        "\n"
        "shipment     depth  effective  amount, mn USD\n"
        "---------------------------------------------\n"
        "KR.CAR->USA  0         28.05%           28.05\n"
        "             1          2.00%            2.00\n"
        "US.VAN->USA  0          0.34%               -\n"
        "---------------------------------------------\n"
        "all          0                          28.05\n"
        "             1                           2.00\n"
        "\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_on_whose_value_added_it_falls(folder, run):
    # The car holds .25 of Chinese value added and .75 of Korean: .08 · .25 = .02 in Korea, .2805 in the USA, 1 : 3.
    ran = run("propagate", "cars", *LAW, "--by", "value-added")
    assert (ran.status, ran.err) == (0, "")
    assert (
        without_hashes(ran.out)
        == """\
Two vehicles (cars); rules us, kr; entries of 2025-07-02; by value added and via and importer

shipment     value added of  via  importer  in the good   taxed  effective  taxed, mn USD  amount, mn USD
---------------------------------------------------------------------------------------------------------
KR.CAR->USA  CHN             CHN  KOR            25.00%  25.00%      2.00%           25.0            2.00
             CHN             KOR  USA            25.00%  25.00%      7.01%           25.0            7.01
             KOR             KOR  USA            75.00%  75.00%     21.04%           75.0           21.04
US.VAN->USA  CHN             CHN  USA            10.00%  10.00%      0.34%              -               -
---------------------------------------------------------------------------------------------------------
all          CHN             CHN  KOR                                                25.0            2.00
             CHN             KOR  USA                                                25.0            7.01
             KOR             KOR  USA                                                75.0           21.04

rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0
"""
    )
    result = tg.propagate("cars", tg.read_rules("us.yaml", "kr.yaml"))
    ran = run(
        "propagate", "cars", *LAW, "--by", "value-added", "--by", "exporter", "--by", "measure", "--format", "json"
    )
    assert json.loads(ran.out)["by"] == result.exposure(by=("via", "measure")).to_dicts()
    ran = run("propagate", "cars", *LAW, "--by", "value-added", "--by", "depth")
    assert (ran.status, ran.out) == (2, "")
    assert "value added is told apart by any other key, not by depth" in ran.err


def test_what_is_flagged_is_shown(folder, run):
    steel = "{id: steel, importer: USA, products: [8703], base: {content: steel}, rate: 50%}"
    law = f"ruleset: us\nimporter: USA\ncontent: {{steel: {{products: [72]}}}}\nmeasures: [{steel}]"
    (folder / "us.yaml").write_text(law, encoding="utf-8")
    shipments = "stage,market,value,content.steel\nKR.CAR,USA,100,0.2\n"
    (folder / "cars" / "shipments.csv").write_text(shipments, encoding="utf-8")
    ran = run("propagate", "cars", "--rules", "us.yaml", "--by", "value-added", "--by", "importer")
    shown = "\n".join(ran.out.splitlines()[2:-1])
    assert (
        shown
        == """\
shipment     value added of  importer  in the good   taxed  effective  flagged  taxed, mn USD  amount, mn USD
-------------------------------------------------------------------------------------------------------------
KR.CAR->USA  CHN             USA            25.00%   5.00%      2.50%    2.50%           5.00            2.50
             KOR             USA            75.00%  15.00%      7.50%    7.50%          15.00            7.50
-------------------------------------------------------------------------------------------------------------
all          CHN             USA                                                         5.00            2.50
             KOR             USA                                                        15.00            7.50

Flagged is spread over the whole good: the graph shows nothing of the kind that is declared."""
    )


def test_long_totals_of_value_added_are_by_whose_it_is(folder, run, monkeypatch):
    monkeypatch.setattr("tariffgraph.show.results._EXPOSURES_SHOWN", 2)
    shown = run("propagate", "cars", *LAW, "--by", "value-added").out.splitlines()
    assert [line.split() for line in shown[9:11]] == [["all", "CHN", "50.0", "9.01"], ["KOR", "75.0", "21.04"]]


def test_averages_by_law_are_parts_of_one(folder, run):
    ran = run("propagate", "cars", *LAW, "--average", "authority")
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; average by authority\n"
        "\n"
        "authority    importer  statutory  embedded  effective  duty, mn USD\n"
        "-------------------------------------------------------------------\n"
        "Customs Act  KOR           0.00%     2.00%      2.00%          2.00\n"
        "HTSUS        USA           2.50%     0.00%      2.55%          2.55\n"
        "Section 232  USA          25.00%     0.00%     25.50%         25.50\n"
        "-------------------------------------------------------------------\n"
        "total                     27.50%     2.00%     30.05%         30.05\n"
        "\n"
        "Over 1 shipment with a value, weighted by it.\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_averages_by_goods_are_of_those_with_a_value(folder, run):
    ran = run("propagate", "cars", *LAW, "--average", "market", "--average", "exporter", "--pass-through", "0.5")
    # Half of 27.5% is borne by the exporter: 1.01 · .275 · .5 / 1.275, and .25 · .08 · .5 / 1.08 of the cells.
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; pass-through 0.5; average by market and exporter\n"
        "\n"
        "market  exporter  value, mn USD  statutory  embedded  effective  exporter's part  duty, mn USD\n"
        "----------------------------------------------------------------------------------------------\n"
        "USA     KOR                 100     27.50%     1.00%     14.89%           11.82%          26.7\n"
        "USA     USA                   -          -         -          -                -             -\n"
        "----------------------------------------------------------------------------------------------\n"
        "total                       100     27.50%     1.00%     14.89%           11.82%          26.7\n"
        "\n"
        "Over 1 shipment with a value, weighted by it.\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_averages_without_any_value_count_each_shipment_once(folder, run):
    path = folder / "cars" / "shipments.csv"
    path.write_text("stage,market\nKR.CAR,USA\nUS.VAN,USA\n", encoding="utf-8")
    ran = run("propagate", "cars", *LAW, "--average", "market")
    # (30.05% + .34%) / 2
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; average by market\n"
        "\n"
        "market  statutory  embedded  effective\n"
        "--------------------------------------\n"
        "USA        13.75%     1.17%     15.20%\n"
        "--------------------------------------\n"
        "total      13.75%     1.17%     15.20%\n"
        "\n"
        "Over 2 shipments; each counts 1.\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_leaving_out_one_measure_at_a_time(folder, run):
    ran = run("propagate", "cars", *LAW, "--leave-one-out", "measure")
    # Without Korea's duty on cells the American border has .02 less to charge its 27.5% on.
    assert without_hashes(ran.out) == (
        "Two vehicles (cars); rules us, kr; entries of 2025-07-02; leaving out one measure at a time\n"
        "\n"
        "shipment     measure   share  effective  without it   change  amount, mn USD\n"
        "----------------------------------------------------------------------------\n"
        "KR.CAR->USA  autos    25.50%     30.05%       4.55%  -25.50%          -25.50\n"
        "             mfn       2.55%     30.05%      27.50%   -2.55%           -2.55\n"
        "             mfn-kor   2.00%     30.05%      27.50%   -2.55%           -2.55\n"
        "US.VAN->USA  mfn       0.34%      0.34%       0.00%   -0.34%               -\n"
        "\n"
        "Without it is the law as it would then stack: the cost of a law is not its share.\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


def test_averages_and_what_is_left_out_are_fields_of_the_json(folder, run):
    result = tg.propagate("cars", tg.read_rules("us.yaml", "kr.yaml"))
    for option, key, rows in (
        ("--average", "action", result.averages("action")),
        ("--leave-one-out", "action", result.leave_one_out("action")),
    ):
        answer = json.loads(run("propagate", "cars", *LAW, "--format", "json", option, key).out)
        assert list(answer) == ["meta", "shipments", "by", option.removeprefix("--").replace("-", "_")]
        assert answer["by"] == []
        assert list(answer.values())[-1] == rows.to_dicts()


def test_one_table_at_a_time(folder, run):
    ran = run("propagate", "cars", *LAW, "--by", "depth", "--average", "market")
    assert (ran.status, ran.out) == (2, "")
    assert "--by, --average and --leave-one-out are tables of their own: ask for one at a time." in ran.err


def test_settings_dates_and_pass_through_reach_the_engine(folder, run):
    def effective(*options: str) -> float:
        answer = json.loads(run("propagate", "cars", *LAW, "--format", "json", *options).out)
        return answer["shipments"][0]["effective_rate"]

    assert effective("--set", "autos.rate=15%") == pytest.approx(1.02 * 1.175 - 1)
    assert effective("--set", "autos@JPN.rate=15%") == pytest.approx(0.3005)
    assert effective("--as-of", "2025-04-02") == pytest.approx(1.02 * 1.025 - 1)
    assert effective("--known-on", "2025-04-02") == pytest.approx(1.02 * 1.025 - 1)
    assert effective("--pass-through", "0") == 0.0
    assert effective("--pass-through", "50%") == pytest.approx(1.01 * 1.1375 - 1)


def test_a_pass_through_below_one_shows_the_exporters_part(folder, run):
    assert "exporter's part" in run("propagate", "cars", *LAW, "--pass-through", "0.5").out


@pytest.mark.parametrize(
    ("options", "near"),
    [
        (["--set", "auto.rate=15%"], "'autos'"),
        (["--set", "autos.rat=15%"], "rate"),
        (["--set", "autos=15%"], "autos"),
        (["--set", "autos@Korea.rate=15%"], "KOR"),
        (["--market", "US"], "USA"),
        (["--market", "JPN"], "USA"),
        (["--by", "mesure"], "measure"),
        (["--average", "marker"], "market"),
        (["--leave-one-out", "acton"], "action"),
    ],
)
def test_unknown_names_are_status_2_with_the_nearest(folder, run, options, near):
    before = contents(folder)
    ran = run("propagate", "cars", *LAW, *options, "--out", "result.json")
    assert (ran.status, ran.out) == (2, "")
    assert near in ran.err
    assert contents(folder) == before


def test_no_date_anywhere_is_today_and_said(folder, run):
    (folder / "cars" / "graph.toml").unlink()
    ran = run("propagate", "cars", *LAW, "--format", "json")
    as_of = json.loads(ran.out)["meta"]["as_of"]
    assert ran.err == f"tariffgraph: no date given, so today's law: --as-of {as_of}\n"


def test_no_rules_anywhere_is_an_error_that_says_how_to_name_them(folder, run):
    ran = run("propagate", "cars")
    assert (ran.status, ran.out) == (1, "")
    assert "--rules" in ran.err


def test_no_graph_is_the_bundled_one_with_three_next_commands_that_work(folder, run):
    ran = run("propagate")
    assert ran.status == 0
    said = ran.err.splitlines()
    assert said[0] == "tariffgraph: no graph given, so the bundled korea-us-2025"
    at = said.index("tariffgraph: next:")
    commands = [line.removeprefix("tariffgraph:   tariffgraph ") for line in said[at + 1 :]]
    assert len(commands) == 3
    for command in commands:
        assert run(*command.split()).status == 0
    assert run("propagate", "my-graph").status == 0


def test_ids_that_spreadsheets_and_terminals_would_obey_are_data(folder, run):
    wild = "=cmd()\x1b[31m<script>"
    for name in ("stages", "inputs", "shipments"):
        path = folder / "cars" / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("KR.CAR", wild), encoding="utf-8")
    assert (
        "'=cmd()\\u001b[31m<script>->USA,'=cmd()\\u001b[31m<script>,USA,"
        in run("propagate", "cars", *LAW, "--format", "csv").out
    )
    assert "| =cmd()\\\\u001b\\[31m&lt;script>->USA |" in run("propagate", "cars", *LAW, "--format", "md").out
    answer = json.loads(run("propagate", "cars", *LAW, "--format", "json").out)
    assert answer["shipments"][0]["id"] == f"{wild}->USA"
    frame = pl.read_parquet(io.BytesIO(_parquet(folder, run)))
    assert frame["id"][0] == f"{wild}->USA"
    for form in ("table", "csv", "md", "json", "jsonl"):
        ran = run("propagate", "cars", *LAW, "--format", form, "--by", "crossing")
        assert "\x1b" not in ran.out + ran.err


def _parquet(folder, run) -> bytes:
    run("propagate", "cars", *LAW, "--out", "x.parquet")
    return (folder / "x.parquet").read_bytes()


def test_the_order_of_rows_changes_no_byte(folder, run):
    before = {form: run("propagate", "cars", *LAW, "--format", form).out for form in ("table", "csv", "json", "md")}
    for name in ("stages", "inputs", "shipments"):
        path = folder / "cars" / f"{name}.csv"
        head, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join([head, *reversed(rows)]), encoding="utf-8")
    assert {form: run("propagate", "cars", *LAW, "--format", form).out for form in before} == before
