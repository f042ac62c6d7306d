"""The published files themselves, where they lie beside the checkout."""

from pathlib import Path

import pytest

import tariffgraph as tg
from tariffgraph.bundled import bundled_rules
from tariffgraph.official import convert, write
from tariffgraph.rules.csv_files import read_list, read_schedule
from tariffgraph.rules.rate_text import parse_rate_text

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
TARIFF = DATA / "hts-2025" / "hts_2025_basic_edition.csv"
LISTS = sorted(DATA.glob("us-lists/*"))

pytestmark = pytest.mark.skipif(not TARIFF.is_file(), reason=f"the published files are not here ({DATA})")


@pytest.fixture(scope="module")
def tariff():
    return convert(TARIFF, name="hts-2025")


def test_the_bundled_schedule_is_a_part_of_the_published_one(tariff):
    def rate(text):
        return parse_rate_text(text) if text else None

    bundled = bundled_rules("us-2025") / "schedules" / "hts-2025.csv"
    ours = read_schedule(bundled.read_text(encoding="utf-8"), "bundled", "bundled").lines
    whole = read_schedule(tariff.tables[0].csv(), "whole", "whole").lines
    published = {line.product: line for line in whole}
    both = [line for line in ours if line.product in published]
    assert len(both) > 600
    for line in both:
        other = published[line.product]
        assert rate(line.general) == rate(other.general), line.product
        assert rate(line.column_2) == rate(other.column_2), line.product
        for symbol in {symbol for one in ours for symbol in one.special}:
            assert rate(line.special.get(symbol)) == rate(other.special.get(symbol)), (line.product, symbol)


def test_every_line_of_the_tariff_is_converted_or_told(tariff):
    (table,) = tariff.tables
    assert len(table.rows) == 23_417  # the lines of 8 and 10 digits before chapter 99
    for product, general, *_, note in table.rows:
        assert general or product >= "98" or note.startswith("general: "), product
    told = [one.line for one in tariff.findings if one.field == "general" and "'" in one.message]
    assert len(told) > 149  # as many state a general rate before chapter 98 that a schedule cannot say


def test_the_whole_tariff_is_read_by_a_rule_set(tariff, tmp_path):
    (tmp_path / "schedules").mkdir()
    write(tariff.tables, tmp_path / "schedules")
    (tmp_path / "rules.yaml").write_text(
        "ruleset: whole\nimporter: USA\ncolumn_1: mfn\n"
        "programs: {KORUS: {partners: [KOR, USA], symbol: KR}}\n"
        "measures: [{id: mfn, rate: {schedule: hts-2025}}]\n"
    )
    rules = tg.read_rules(tmp_path / "rules.yaml")

    def duty(product, **facts):
        return tg.assess(rules, tg.Entry(product=product, origin="KOR", value=1000, **facts), as_of="2025-07-01").total

    assert duty("8703.23.01.10") == pytest.approx(25)  # 2.5%
    assert duty("8703.23.01.10", program="KORUS") == 0
    assert duty("0702.00.20.65", quantity=500, unit="kg") == pytest.approx(500 * 0.039)  # 3.9 cents/kg


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_published_list_converts_and_reads_back(path):
    conversion = convert(path)
    for table in conversion.tables:
        lines = read_list(table.csv(), table.name)
        assert [line.product for line in lines] == [row[0] for row in table.rows]
    rows = sum(len(table.rows) for table in conversion.tables)
    dropped = sum("one is kept" in one.message for one in conversion.findings)
    codes = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] not in {"", "#"}]
    assert rows + dropped == len(codes) - (path.suffix == ".csv")
