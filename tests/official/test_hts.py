import pytest

import tariffgraph as tg
from tariffgraph.errors import DatasetError, RulesError
from tariffgraph.official import convert, convert_schedule, write

HEADER = (
    "HTS Number,Indent,Description,Unit of Quantity,General Rate of Duty,Special Rate of Duty,"
    "Column 2 Rate of Duty,Quota Quantity,Additional Duties\n"
)
RULES = """ruleset: test
importer: USA
column_1: mfn
programs: {KORUS: {partners: [KOR, USA], symbol: KR}}
measures:
  - {id: mfn, rate: {schedule: tariff}}
"""


def tariff(tmp_path, *lines):
    """A file with a tariff whose lines are given as number, indent, general, special, column 2."""
    path = tmp_path / "tariff.csv"
    rows = [f'"{number}","{indent}","Goods","","{g}","{s}","{c}","",""\n' for number, indent, g, s, c in lines]
    path.write_text("\ufeff" + HEADER + "".join(rows), encoding="utf-8")
    return path


def converted(tmp_path, *lines):
    """The rows of the schedule as dicts by product, and the findings."""
    conversion = convert_schedule(tariff(tmp_path, *lines))
    (table,) = conversion.tables
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}, conversion.findings


SMALL = (
    ("0101", 0, "", "", ""),
    ("", 1, "", "", ""),
    ("0101.21.00", 2, "Free", "", "20%"),
    ("0101.21.00.10", 3, "", "", ""),
    ("0101.29.10", 2, "6.8%", "Free (A+,KR)", "15%"),
    ("", 3, "", "", ""),
    ("0101.29.10.10", 4, "", "", ""),
    ("0101.29.10.20", 4, "", "", "40%"),
    ("0101.30.00.00", 1, "1.4¢/kg", "0.7¢/kg (KR)", "5.5¢/kg"),
)


def test_rates_come_down_the_indents(tmp_path):
    rows, findings = converted(tmp_path, *SMALL)
    assert findings == ()
    columns = ("general", "A+", "KR", "column 2")
    assert {product: tuple(row[column] for column in columns) for product, row in rows.items()} == {
        "0101.21.00": ("Free", "", "", "20%"),
        "0101.21.00.10": ("Free", "", "", "20%"),
        "0101.29.10": ("6.8%", "Free", "Free", "15%"),
        "0101.29.10.10": ("6.8%", "Free", "Free", "15%"),
        "0101.29.10.20": ("6.8%", "Free", "Free", "40%"),  # a column 2 rate of its own
        "0101.30.00.00": ("1.4 cents/kg", "", "0.7 cents/kg", "5.5 cents/kg"),
    }


def test_a_line_with_a_general_rate_of_its_own_inherits_no_special_rate(tmp_path):
    rows, _ = converted(tmp_path, ("0101.29.10", 0, "6.8%", "Free (KR)", "15%"), ("0101.29.10.10", 1, "5%", "", "15%"))
    assert rows["0101.29.10.10"]["KR"] == ""


def test_the_schedule_is_read_by_a_rule_set(tmp_path):
    conversion = convert_schedule(tariff(tmp_path, *SMALL))
    (tmp_path / "rules" / "schedules").mkdir(parents=True)
    write(conversion.tables, tmp_path / "rules" / "schedules")
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    rules = tg.read_rules(tmp_path / "rules")

    def duty(product, **facts):
        return tg.assess(rules, tg.Entry(product=product, origin="KOR", value=200, **facts), as_of="2025-07-01").total

    assert duty("0101.29.10.10") == pytest.approx(0.068 * 200)
    assert duty("0101.29.10.10", program="KORUS") == 0
    # 1.4 cents on each of 1,000 kg, and 0.7 cents under the programme
    assert duty("0101.30", quantity=1, unit="t") == pytest.approx(14)
    assert duty("0101.30", quantity=1000, unit="kg", program="KORUS") == pytest.approx(7)


def test_what_is_no_rate_is_quoted_and_told_once_a_line_that_states_it(tmp_path):
    rows, findings = converted(
        tmp_path,
        ("2106.90.03", 0, "See note 1", "Free (KR) See 9822.05.20 (P)", "Free, under bond"),
        ("2106.90.03.10", 1, "", "", ""),
        ("2106.90.05", 0, "5%", "", ""),
    )
    note = "general: See note 1; column 2: Free, under bond; special: See 9822.05.20 (P)"
    for product in ("2106.90.03", "2106.90.03.10"):
        assert (rows[product]["general"], rows[product]["KR"], rows[product]["note"]) == ("", "Free", note)
    assert [(one.severity, one.line, one.field, one.message) for one in findings] == [
        ("note", 2, "general", "'See note 1' refers to another provision"),
        ("note", 2, "column 2", "'Free, under bond' holds on a condition"),
        ("note", 2, "special", "'See 9822.05.20 (P)' refers to another provision"),
        ("note", 4, "column 2", "the rate is missing"),
    ]


def test_a_line_without_a_rate_that_rule_sets_can_say_asks_for_it_and_is_not_free(tmp_path):
    conversion = convert_schedule(tariff(tmp_path, ("2106.90.03", 0, "See note 1", "", "5%")))
    (tmp_path / "schedules").mkdir()
    write(conversion.tables, tmp_path / "schedules")
    (tmp_path / "rules.yaml").write_text(RULES)
    with pytest.raises(tg.EntryError, match=r"no rate for 2106\.90\.03 in the column 'general'"):
        tg.assess(tg.read_rules(tmp_path / "rules.yaml"), tg.Entry(product="2106.90.03", origin="KOR", value=1))


def test_provisions_of_chapter_99_and_rates_above_the_eighth_digit_are_told(tmp_path):
    rows, findings = converted(
        tmp_path,
        ("0101", 0, "5%", "", "7%"),
        ("0101.21.00", 1, "", "", ""),
        ("9903.88.01", 0, "The duty provided in the applicable subheading + 25%", "", ""),
    )
    assert {product: row["general"] for product, row in rows.items()} == {"0101.21.00": "5%"}
    assert [(one.line, one.message) for one in findings] == [
        (2, "rates of a line with fewer than 8 digits hold for those under it"),
        (4, "'9903.88.01' is a provision of chapter 99, on goods of other chapters"),
    ]


def test_a_rate_that_counts_a_quantity_of_its_own_is_kept_with_its_unit_and_told(tmp_path):
    rows, findings = converted(tmp_path, ("0711.20.18", 0, "3.7¢/kg on drained weight", "", "5%"))
    assert rows["0711.20.18"]["general"] == "3.7 cents/kg on drained weight"
    assert [(one.line, one.field) for one in findings] == [(2, "general")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([("101.21.00", 0, "Free", "", "")], "tariff.csv:2, number: '101.21.00' has 7 digits"),
        ([("0101.21.00", "x", "Free", "", "")], "tariff.csv:2, indent: 'x' is no indent"),
        ([("0101.21.00", "", "Free", "", "")], "tariff.csv:2, indent: the indent is missing"),
        (
            [("0101.21.00", 0, "Free", "", ""), ("0101.21.00", 0, "5%", "", "")],
            "tariff.csv:3, number: 01012100 stands in line 2 with other rates",
        ),
        (
            [("0101.21.00", 0, "Free", "", ""), ("0102.21.00.10", 1, "", "", "")],
            "tariff.csv:3, indent: by its indent 0102210010 stands under 01012100 (line 2)",
        ),
    ],
)
def test_a_tariff_that_contradicts_itself_is_refused(tmp_path, lines, message):
    with pytest.raises(RulesError) as caught:
        converted(tmp_path, *lines)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once_also_a_row_that_is_too_short(tmp_path):
    path = tariff(tmp_path, ("101.21.00", 0, "Free", "", ""), ("0101.21.00", "x", "Free", "", ""))
    path.write_text(path.read_text(encoding="utf-8") + "0101.30.00,0,Goods\n", encoding="utf-8")
    with pytest.raises(RulesError) as caught:
        convert_schedule(path)
    assert [one.line for one in caught.value.findings] == [2, 3, 4]
    assert "the row has 3 cells, the header 9" in caught.value.findings[2].message


def test_a_schedule_is_told_by_its_header_and_named_after_its_file(tmp_path):
    path = tariff(tmp_path, *SMALL)
    assert [(table.name, table.kind) for table in convert(path).tables] == [("tariff", "schedule")]
    assert convert(path, name="hts-2025").tables[0].name == "hts-2025"
    with pytest.raises(RulesError, match="cannot name a file"):
        convert(path, name="../x")
    with pytest.raises(RulesError, match="they are for lists"):
        convert(path, from_="2025-01-01")


def test_a_tariff_that_lacks_a_column_is_not_taken_for_a_list(tmp_path):
    path = tmp_path / "tariff.csv"
    path.write_text("HTS Number,Indent,General Rate of Duty\n0101.21.00,0,Free\n")
    with pytest.raises(RulesError, match="says neither a schedule nor a list"):
        convert(path)
    with pytest.raises(RulesError, match="not that of a schedule"):
        convert_schedule(path)


def test_what_is_no_file_is_not_opened(tmp_path):
    with pytest.raises(DatasetError, match="not a regular file"):
        convert(tmp_path)
    with pytest.raises(DatasetError, match="cannot be read"):
        convert(tmp_path / "nothing.csv")
