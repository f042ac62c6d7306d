import pytest

from tariffgraph.errors import RulesError
from tariffgraph.official import convert, convert_lists, write
from tariffgraph.rules.csv_files import read_list


def source(tmp_path, text, name="s900_widget_products.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def lists(conversion):
    return {table.name: [row[0] for row in table.rows] for table in conversion.tables}


def test_plain_codes_become_one_list(tmp_path):
    conversion = convert(source(tmp_path, "40091200\n4011.10\n\n87\n", "auto_parts.txt"))
    assert lists(conversion) == {"auto-parts": ["4009.12.00", "4011.10", "87"]}
    assert conversion.findings == ()


def test_a_legal_list_becomes_a_file_each(tmp_path):
    text = "hts8,list\n01012100,4A\n01012900,3\n01013000,4A\n"
    assert lists(convert(source(tmp_path, text))) == {
        "s900-widget-list-4a": ["0101.21.00", "0101.30.00"],
        "s900-widget-list-3": ["0101.29.00"],
    }


@pytest.mark.parametrize(
    ("header", "row", "name"),
    [
        ("hts10", "8541420010", "s900-widget"),
        ("hts_prefix,annex", "8541420010,1b", "s900-widget-annex-1b"),
        ("hts_prefix,derivative_type", "8541420010,steel", "s900-widget-steel"),
        ("hts8,category,country_group", "85414200,civil_aircraft,eu", "s900-widget-civil-aircraft-eu"),
        ("hts8,ch99_code", "85414200,9903.78.01", "s900-widget"),
        ("hts8,list,ch99_code", "85414200,2,9903.88.02", "s900-widget-list-2"),
    ],
)
def test_the_columns_that_name_a_legal_list_name_the_file(tmp_path, header, row, name):
    (table,) = convert(source(tmp_path, f"{header}\n{row}\n")).tables
    assert table.name == name


def test_the_heading_of_chapter_99_tells_lists_apart_where_there_are_several(tmp_path):
    path = source(tmp_path, "hts8,ch99_code\n85414200,9903.45.21\n85414300,9903.45.25\n")
    assert set(lists(convert(path))) == {"s900-widget-9903-45-21", "s900-widget-9903-45-25"}
    assert set(lists(convert(path, by=[]))) == {"s900-widget"}
    assert set(lists(convert(path, by=[], name="cells"))) == {"cells"}


def test_any_column_can_group(tmp_path):
    text = "hts8,annex,metal\n72081000,1a,steel\n76011000,1a,aluminum\n"
    conversion = convert_lists(source(tmp_path, text), by=["annex", "metal"], name="metals")
    assert set(lists(conversion)) == {"metals-annex-1a-steel", "metals-annex-1a-aluminum"}
    assert conversion.findings == ()


def test_dates_are_kept_and_given_where_a_line_has_none(tmp_path):
    text = (
        '# a comment, with a "quote\n'
        "hts10,effective_date_start,effective_date_end,source,note\n"
        '0801.21.00,2025-08-06,,"An order, Annex I",added\n'
        "0802.11.00,,2026-01-01,,\n"
    )
    conversion = convert_lists(source(tmp_path, text), from_="2025-11-13", published="2025-11-20")
    (table,) = conversion.tables
    assert table.columns == ("product", "from", "until", "published", "source", "note")
    assert table.rows == (
        ("0801.21.00", "2025-08-06", "", "2025-11-20", "An order, Annex I", "added"),
        ("0802.11.00", "2025-11-13", "2026-01-01", "2025-11-20", "", ""),
    )
    (told,) = conversion.findings
    assert (told.field, told.message) == (
        "effective_date_end",
        "is taken for the first day on which a line is off the list",
    )


def test_what_is_written_reads_back_as_it_was(tmp_path):
    text = "hts8,effective_date,source\n01012100,2025-08-06,=cmd()\n01012900,,\n"
    conversion = convert(source(tmp_path, text), published="2025-08-01")
    (path,) = write(conversion.tables, tmp_path)
    assert path.read_text() == (
        "product,from,until,published,source\n0101.21.00,2025-08-06,,2025-08-01,'=cmd()\n0101.29.00,,,2025-08-01,\n"
    )
    lines = read_list(path.read_text(), "list")
    assert [(line.product, str(line.from_), str(line.published)) for line in lines] == [
        ("0101.21.00", "2025-08-06", "2025-08-01"),
        ("0101.29.00", "None", "2025-08-01"),
    ]


def test_what_a_list_file_does_not_hold_is_told(tmp_path):
    text = (
        "hts10,effective_date,heading,description\n"
        "8541420010,2025-01-01,8541,Cells, not assembled\n"
        "850511007000,2025-01-01,8505,Other\n"
        "8505110070,2025-01-01,8505,Other\n"
        "8541430010,,8541,Modules\n"
    )
    conversion = convert(source(tmp_path, text))
    assert [row[0] for row in conversion.tables[0].rows] == ["8541.42.00.10", "8505.11.00.70", "8541.43.00.10"]
    assert [(one.severity, one.line, one.field, one.message) for one in conversion.findings] == [
        ("note", 1, "heading, description", "a list file has no place for it"),
        (
            "note",
            2,
            "description",
            "the row has more cells than the header; they are taken for one 'description' with commas",
        ),
        ("note", 3, "hts10", "'850511007000' has more than 10 digits; the zeros at its end are dropped"),
        ("note", 4, "hts10", "'8505.11.00.70' stands in its list before; one is kept"),
        ("note", 5, "effective_date", "the line has no first day: it is on its list on all days"),
    ]


def test_every_problem_of_a_list_is_told_with_its_line(tmp_path):
    text = (
        "hts8,list,effective_date,effective_date_end\n"
        "1012100,1,2025-01-01,\n"
        ",1,2025-01-01,\n"
        "01012100,1,09/07/2025,\n"
        "01012100,,2025-01-01,\n"
        "01012100,1,2025-02-01,2025-01-01\n"
        "01012100,1\n"
        "8.52E+09,1,2025-02-30,\n"
    )
    with pytest.raises(RulesError) as caught:
        convert(source(tmp_path, text))
    assert [(one.line, one.field) for one in caught.value.findings] == [
        (2, "hts8"),
        (3, "hts8"),
        (4, "effective_date"),
        (5, "list"),
        (6, "effective_date_end"),
        (7, ""),
        (8, "hts8"),
        (8, "effective_date"),
    ]
    assert all(one.remedy for one in caught.value.findings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("hts8;list\n01012100;1\n", "the columns are separated by ';'"),
        ("code,list\n01012100,1\n", "the header says neither a schedule nor a list (found: code, list)"),
        ("hts8,hts8\n01012100,01012100\n", "the column 'hts8' stands twice"),
        ('hts8\n"01012100\n', "a quote is opened here and not closed"),
        ("hts8\n", "no line of the list stands under the header"),
        ("hts8,list\n01012100,가\n", "'list 가' cannot name a file: it needs Latin letters or digits"),
        ("hts8,list\n01012100,1 a\n01012900,1-A\n", "the lists '1 a' and '1-A' would have one name"),
        ("hts8\n0101\x002100\n", "control character U+0000"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path, text, message):
    with pytest.raises(RulesError) as caught:
        convert(source(tmp_path, text))
    assert message in str(caught.value)


def test_no_value_in_a_file_leads_out_of_the_folder(tmp_path):
    path = source(tmp_path, "hts8,list\n01012100,../../etc/passwd\n01012900,..\\..\\x\n")
    assert set(lists(convert(path))) == {"s900-widget-list-etc-passwd", "s900-widget-list-x"}


def test_an_unknown_column_to_group_by_is_told_with_the_nearest(tmp_path):
    with pytest.raises(RulesError, match=r"there is no column 'anex'\. Did you mean 'annex'"):
        convert(source(tmp_path, "hts8,annex\n01012100,1\n"), by="anex")


def test_a_bad_date_given_is_told(tmp_path):
    with pytest.raises(RulesError, match="from: '2025-02-30' is not a day"):
        convert(source(tmp_path, "hts8\n01012100\n"), from_="2025-02-30")
