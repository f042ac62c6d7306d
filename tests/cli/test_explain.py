"""`tariffgraph explain` on the small graph, whole, and on every bundled shipment.

KR.CAR → USA by hand: cells are 25% of it and pay 8% in Korea, .02 embedded; the border charges .275 on 1.02.
"""

from __future__ import annotations

import json
import re

import polars as pl
import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg

TABLE = """\
KR.CAR->USA: Electric car (8703.80) to USA; Two vehicles (cars); rules us, kr; entries of 2025-07-02

                      rate  amount, mn USD  arithmetic
-----------------------------------------------------------------------------------
statutory rate    27.5000%                  0.25 (autos) + 0.025 (mfn)
border rate       27.5000%           27.50  0.275
embedded rate      2.0000%            2.00  added by border 2
compounding rate   0.5500%            0.55  0.02 x 0.275: duty on the embedded duty
effective rate    30.0500%           30.05  (1 + 0.02) x (1 + 0.275) - 1

The untaxed customs value is 100.00 mn USD a year.
Rates are shares of it; the statutory rate and 'of value' are of the customs value at a border.
Rates are rounded to 0.0001% and money to the cent, so that the parts shown add to their sums.

Borders on the way, the last one first, then those that add most

   border             importer  goods    in the good x price x border rate  effective  amount, mn USD
-----------------------------------------------------------------------------------------------------
1  KR.CAR -> USA      USA       8703.80  1 x 1.02 x 27.5%                    28.0500%           28.05
2  CN.CELL -> KR.CAR  KOR       8507.60  0.25 x 1 x 8%                        2.0000%            2.00
-----------------------------------------------------------------------------------------------------
   effective                                                                 30.0500%           30.05

Border 1: KR.CAR -> USA

fact                     is       because
----------------------------------------------------------------
goods                    8703.80  Electric car
seller                   KR.CAR
exporter                 KOR      where the seller makes them
importer                 USA      the market
origin                   KOR      where they are made
price before the border  1.02     1 + 0.02 of duty paid upstream
customs value            102.00   100.00 x 1 x 1.02

Border 1: what applies

measure  law          base  rate  of value  effective  amount, mn USD  under
-------------------------------------------------------------------------------------------
autos    Section 232  100%   25%  25.0000%   25.5000%           25.50  published 2025-04-03
mfn      HTSUS        100%  2.5%   2.5000%    2.5500%            2.55
-------------------------------------------------------------------------------------------
in all                            27.5000%   28.0500%           28.05

Border 2: CN.CELL -> KR.CAR

fact                     is       because
-------------------------------------------------------------
goods                    8507.60  Battery cell
seller                   CN.CELL
buyer                    KR.CAR   Electric car
exporter                 CHN      where the seller makes them
importer                 KOR      where the buyer uses them
origin                   CHN      where they are made
used in                  8703.80  what the buyer makes
value in the good        0.25     0.25 of KR.CAR
price before the border  1        no duty was paid upstream
customs value            25.00    100.00 x 0.25 x 1

Border 2: what applies

measure  law          base  rate  of value  effective  amount, mn USD  under
----------------------------------------------------------------------------
mfn-kor  Customs Act  100%    8%   8.0000%    2.0000%            2.00
----------------------------------------------------------------------------
in all                             8.0000%    2.0000%            2.00

Paths along which the duties come, the largest first

   path               importer  shares x price x border rate  effective  amount, mn USD
---------------------------------------------------------------------------------------
1  KR.CAR -> USA      USA       1 x 1.02 x 27.5%               28.0500%           28.05
2  CN.CELL -> KR.CAR  KOR       0.25 x 1 x 8%                   2.0000%            2.00
---------------------------------------------------------------------------------------
   effective                                                   30.0500%           30.05

rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0
"""

VAN = """\
US.VAN->USA: Electric van (8704.60) to USA; Two vehicles (cars); rules us, kr; entries of 2025-07-02

                     rate  amount, mn USD  arithmetic
-----------------------------------------------------------------------------------
statutory rate    0.0000%                  no border: the good stays in its country
border rate       0.0000%            0.00  no border: the good stays in its country
embedded rate     0.3400%            3.40  added by border 1
compounding rate  0.0000%            0.00  0.0034 x 0: duty on the embedded duty
effective rate    0.3400%            3.40  (1 + 0.0034) x (1 + 0) - 1

No value is stated: money is per 1,000.00 mn USD of untaxed customs value.
"""


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text).replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


@pytest.mark.parametrize("named", [("KR.CAR",), ("KR.CAR->USA",), ("KR.CAR", "USA")])
def test_the_worksheet(folder, run, named):
    ran = run("explain", "cars", *named, *LAW)
    assert (ran.status, without_hashes(ran.out), ran.err) == (0, TABLE, "")


def test_a_good_that_stays_at_home_and_has_no_value(folder, run):
    ran = run("explain", "cars", "US.VAN", *LAW)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(VAN)
    assert "autos    Section 232  the product is not on 8703\n" in ran.out


def test_what_is_not_in_force_is_said_at_the_end(folder, run):
    out = run("explain", "cars", "KR.CAR", *LAW, "--as-of", "2025-04-02").out
    assert (
        "Not in force for entries of 2025-04-02\n"
        "\n"
        "importer  is                             measures\n"
        "-------------------------------------------------\n"
        "USA       in force only from 2025-04-03  autos\n"
    ) in out


def test_an_exporters_part_stands_beside_the_buyers(folder, run):
    out = run("explain", "cars", "KR.CAR", *LAW, "--pass-through", "50%").out
    # Cells: customs value 25 · 1.04 / 1.08 = 24.07, duty 1.93, of which the buyer pays 1.00 and the exporter .93.
    assert (
        "customs value            24.07    100.00 x 0.25 x 1 x (1 + 0.04) / (1 + 0.08), less what the exporter" in out
    )
    assert ("mfn-kor  Customs Act  100%    8%   8.0000%    1.0000%            1.00             0.93") in out
    # .01 + 1.01 · .1375 = .148875; .25 · .04/1.08 + 1.01 · .1375/1.275 = .1181808...
    assert re.search(r"effective rate +14\.8875% +14\.89 ", out)
    assert re.search(r"exporter's part +11\.8181% +11\.82 ", out)
    assert re.search(r"duty collected +26\.7056% +26\.71 ", out)


def test_the_json_holds_all_of_it(folder, run):
    answer = json.loads(run("explain", "cars", "KR.CAR", *LAW, "--format", "json").out)
    explanation = tg.propagate("cars", tg.read_rules("us.yaml", "kr.yaml")).explain("KR.CAR")
    frames = ("summary", "borders", "facts", "origin", "content")
    assert list(answer) == ["meta", "shipment", *frames[:3], "lines", *frames[3:], "paths", "other_paths"]
    for name in frames:
        assert answer[name] == getattr(explanation, name).to_dicts()
    assert answer["paths"] == explanation.paths.frame.to_dicts()
    assert answer["shipment"] == {
        "id": "KR.CAR->USA",
        "stage": "KR.CAR",
        "market": "USA",
        "product": "8703.80",
        "name": "Electric car",
        "value": 100.0,
        "amounts_per": 100.0,
    }
    assert sum(line["rate"] for line in answer["lines"]) == pytest.approx(0.3005, abs=1e-15)
    assert answer["other_paths"] == {"rate": 0.0, "none_above": 0.0}


def test_csv_holds_the_lines(folder, run):
    lines = pl.read_csv(run("explain", "cars", "KR.CAR", *LAW, "--format", "csv").out.encode())
    assert lines.select("border", "measure", "status", "base", "ad_valorem").rows() == [
        (1, "autos", "charged", 1.0, 0.25),
        (1, "mfn", "charged", 1.0, 0.025),
        (2, "mfn-kor", "charged", 1.0, 0.08),
    ]


def test_markdown_has_a_table_for_each_part(folder, run):
    ran = run("explain", "cars", "KR.CAR", *LAW, "--out", "car.md")
    assert (ran.status, ran.out, ran.err) == (0, "", "tariffgraph: wrote 3 rows to car.md\n")
    written = (folder / "car.md").read_text(encoding="utf-8")
    assert written.count("| :--- |") + written.count("| ---: |") >= 7
    assert "| autos | Section 232 | 100% | 25% | 25.0000% | 25.5000% | 25.50 |" in written


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (["KR.CA"], "'KR.CAR'"),
        (["KR.CAR-"], "'KR.CAR->USA'"),
        (["KR.CAR", "US"], "'USA'"),
        (["KR.CAR->USA", "USA"], "Leave the market out"),
        (["KR.CAR", "--paths", "-1"], "whole number"),
        (["KR.CAR", "--set", "auto.rate=15%"], "'autos'"),
        ([], "SHIPMENT"),
    ],
)
def test_unknown_names_are_status_2_with_the_nearest(folder, run, arguments, near):
    before = contents(folder)
    ran = run("explain", "cars", *arguments, *LAW, "--out", "car.json")
    assert (ran.status, ran.out) == (2, "")
    assert near in ran.err
    assert contents(folder) == before


def test_ids_that_terminals_would_obey_are_neutral(folder, run):
    wild = "=cmd()\x1b[31m<script>"
    for name in ("stages", "inputs", "shipments"):
        path = folder / "cars" / f"{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").replace("KR.CAR", wild), encoding="utf-8")
    for form in ("table", "csv", "md", "json", "jsonl"):
        ran = run("explain", "cars", wild, *LAW, "--format", form)
        assert ran.status == 0
        assert "\x1b" not in ran.out + ran.err


def cells(text: str, heading: str) -> list[tuple[str, str]]:
    """The rate and the amount that each row shows in the table under a heading, the row below the line last."""
    rows = text.split(f"{heading}\n\n", 1)[1].split("\n\n", 1)[0].splitlines()
    found = [re.search(r"(-?[\d.]+)%  +(-?[\d.,]+)(?:  |$)", row) for row in rows[1:] if set(row) != {"-"}]
    return [(one[1], one[2].replace(",", "")) for one in found if one is not None]


def test_every_bundled_shipment_adds_up_in_the_object_and_to_the_cent():
    result = tg.propagate("korea-us-2025")
    assert result.shipments.height == 29
    for shipment in result.shipments.iter_rows(named=True):
        explanation = result.explain(shipment["id"])
        for frame in (explanation.lines, explanation.borders):
            assert frame["rate"].sum() == pytest.approx(shipment["effective_rate"], abs=1e-12)
            assert frame["exporter_rate"].sum() == pytest.approx(shipment["exporter_rate"], abs=1e-12)
            assert frame["duty_rate"].sum() == pytest.approx(shipment["duty_rate"], abs=1e-12)
        shown = str(explanation)
        headings = [
            "Borders on the way, the last one first, then those that add most",
            "Paths along which the duties come, the largest first",
            *re.findall(r"^Border \d+: what applies$", shown, re.MULTILINE),
        ]
        for heading in headings:
            *parts, total = cells(shown, heading)
            for of_parts, of_total in zip(list(zip(*parts, strict=True)) or [(), ()], total, strict=True):
                digits = [round(float(one) * 10_000) for one in of_parts]
                assert sum(digits) == round(float(of_total) * 10_000), (shipment["id"], heading)
        titles = re.findall(r"^(?:Border|Borders|Not in force|Paths).*$", shown, re.MULTILINE)
        assert all(shown.split(f"{title}\n\n", 1)[1].split("\n\n", 1)[0].count("\n") >= 2 for title in titles)
        assert "None" not in shown
        assert "nan%" not in shown


def test_what_exporters_bear_adds_up_over_the_borders_to_the_cent():
    explanation = tg.propagate("korea-us-2025", pass_through=0.37).explain("KR.HYUNDAI.ULSAN")
    shown = str(explanation)
    in_all = re.findall(r"^in all +[\d.]+% +[\d.]+% +[\d.,]+ +([\d.,]+)$", shown, re.MULTILINE)
    (total,) = re.findall(r"^exporter's part +[\d.]+% +([\d.,]+) ", shown, re.MULTILINE)
    cents = [round(float(one.replace(",", "")) * 100) for one in (*in_all, total)]
    assert len(in_all) == explanation.borders.filter(pl.col("exporter_rate") > 0).height
    assert sum(cents[:-1]) == cents[-1]


@pytest.mark.parametrize("pass_through", [0.1, 0.37, 0.55, 0.83, 1.0])
def test_the_rates_that_other_tables_show_too_are_rounded_as_they_are_there(folder, pass_through):
    result = tg.propagate("cars", tg.read_rules("us.yaml", "kr.yaml"), pass_through=pass_through)
    rates = result.shipments.filter(pl.col("id") == "KR.CAR->USA").row(0, named=True)
    shown = str(result.explain("KR.CAR"))
    effective = 100 * rates["effective_rate"]
    assert re.search(rf"^effective rate +{effective:.4f}% +{effective:.2f} ", shown, re.MULTILINE)
    if pass_through < 1:
        items = "effective rate|exporter's part|duty collected"
        found = re.findall(rf"^(?:{items}) +([\d.]+)% +([\d.]+) ", shown, re.MULTILINE)
        for effective, sellers, collected in zip(*found, strict=True):
            assert float(collected) == pytest.approx(float(effective) + float(sellers), abs=1e-9)
        assert found[2][0] == f"{100 * rates['duty_rate']:.4f}"
