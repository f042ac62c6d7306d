"""The regimes of United States law from the end of 2024 to July 2026, cell by cell, read off timelines.

Rates in percent of the customs value. A Mexican car claims USMCA and has the United States content ``u`` approved;
phones after July 2026 are free if the list of exempt goods that was proposed for forced labour became law.
"""

import csv
from datetime import date
from functools import cache
from pathlib import Path

import pytest

import tariffgraph as tg

ENTRIES = {
    "japanese_car": {"product": "8703.23", "origin": "JPN"},
    "korean_car": {"product": "8703.23", "origin": "KOR", "program": "KORUS"},
    "mexican_car": {"product": "8703.23", "origin": "MEX", "program": "USMCA", "declares": "commerce-approved"},
    "korean_steel": {"product": "7208.38", "origin": "KOR", "program": "KORUS"},
    "korean_steel_over_quota": {"product": "7208.38", "origin": "KOR", "program": "KORUS", "declares": "quota-filled"},
    "korean_cosmetics": {"product": "3304.99.50", "origin": "KOR", "program": "KORUS"},
    "vietnamese_phone": {"product": "8517.13", "origin": "VNM"},
    "chinese_phone": {"product": "8517.13", "origin": "CHN"},
}
# Every date of change between the first row of the table and the last.
CHANGES = {
    "japanese_car": "2025-04-03 2025-09-16",
    "korean_car": "2025-04-03 2025-11-01",
    "mexican_car": "2025-03-04 2025-03-07 2025-04-03",
    "korean_steel": "2025-03-12 2025-06-04",
    "korean_steel_over_quota": "2025-03-12 2025-06-04",
    "korean_cosmetics": "2025-04-05 2025-04-09 2025-04-10 2025-08-07 2026-02-24 2026-07-24",
    "vietnamese_phone": "",
    "chinese_phone": "2025-02-04 2025-03-04 2025-11-10 2026-02-24",
}
SHARES = (0.0, 0.15, 0.4, 0.85)

with (Path(__file__).parent / "regimes.csv").open(encoding="utf-8", newline="") as file:
    TABLE = list(csv.DictReader(file))

CASES = [
    (row["date"], goods, row[goods], share)
    for row in TABLE
    for goods in ENTRIES
    for share in (SHARES if goods == "mexican_car" else (None,))
]


@cache
def timeline(goods, share):
    facts = ENTRIES[goods] if share is None else {**ENTRIES[goods], "content": {"us": share}}
    return tg.timeline(tg.read_rules("us-2025"), tg.Entry(**facts, value=100), from_=TABLE[0]["date"])


@pytest.mark.parametrize(("day", "goods", "percent", "share"), CASES)
def test_the_rate_of_the_day(day, goods, percent, share):
    steps = timeline(goods, share).steps
    (rate,) = steps.filter(steps["date"] <= date.fromisoformat(day))["rate"].tail(1)
    if percent == "refused":
        assert rate is None
    elif percent == "25(1-u)":
        assert rate == pytest.approx(0.25 * (1 - share), abs=1e-12)
    else:
        assert rate == pytest.approx(float(percent) / 100, abs=1e-12)


@pytest.mark.parametrize("goods", ENTRIES)
def test_the_rate_changes_on_no_other_day(goods):
    steps = timeline(goods, 0.4 if goods == "mexican_car" else None).steps
    last = date.fromisoformat(TABLE[-1]["date"])
    moved = steps[1:].filter((steps[1:]["date"] <= last) & (steps[1:]["change"] != 0.0).fill_null(value=True))
    assert " ".join(str(day) for day in moved["date"]) == CHANGES[goods]


@pytest.mark.parametrize("goods", ENTRIES)
def test_every_change_has_its_source(goods):
    changes = timeline(goods, 0.4 if goods == "mexican_car" else None).changes
    assert changes["source"].null_count() == 0
    assert changes["published"].null_count() == 0


def test_the_korean_car_as_it_was_known_before_the_notice_of_december():
    known = tg.timeline(
        tg.read_rules("us-2025"), tg.Entry(**ENTRIES["korean_car"], value=100), known_on="2025-12-03"
    ).steps
    assert known.filter(known["date"] == date(2025, 11, 1)).is_empty()
