"""Tables for people, whole."""

from tariffgraph.show.table import Column, Paper, Sheet, markdown, text

SHEET = Sheet(
    title="Cars, 2025",
    columns=(Column("shipment", "left"), Column("good", "left", optional=True), Column("effective", strong=True)),
    rows=(("KR.CAR->USA", "현대 car", "27.50%"), ("=cmd()|<b>\x1b[31m", "", "0.00%")),
    totals=(("total", "", "13.75%"),),
    footer=("rules us 1a2b",),
)


def test_a_pipe_gets_neither_colour_nor_box_drawing():
    assert text(SHEET) == (
        "Cars, 2025\n"
        "\n"
        "shipment              good      effective\n"
        "-----------------------------------------\n"
        "KR.CAR->USA           현대 car     27.50%\n"
        "=cmd()|<b>\\u001b[31m                0.00%\n"
        "-----------------------------------------\n"
        "total                              13.75%\n"
        "\n"
        "rules us 1a2b\n"
    )


def test_a_narrow_terminal_leaves_out_the_optional_column():
    lines = text(SHEET, Paper(width=40, box=True)).splitlines()
    assert lines[2] == "shipment              effective"
    assert lines[3] == "─" * 31
    assert "현대" not in text(SHEET, Paper(width=40))
    assert "현대" in text(SHEET, Paper(width=41))


def test_an_optional_column_is_narrowed_before_it_is_left_out():
    rows = (("KR.CAR->USA", "Electric car from Ulsan", "27.50%"),)
    sheet = Sheet("", (Column("shipment", "left"), Column("good", "left", optional=True), Column("rate")), rows)
    assert text(sheet, Paper(width=36)).splitlines()[2] == "KR.CAR->USA  Electric car f…  27.50%"
    assert text(sheet, Paper(width=33)).splitlines()[2] == "KR.CAR->USA  Electric ca…  27.50%"
    assert text(sheet, Paper(width=32)).splitlines()[2] == "KR.CAR->USA  27.50%"


def test_on_a_narrow_terminal_sentences_go_on_below_and_other_words_are_cut():
    sheet = Sheet(
        "",
        (Column("measure", "left"), Column("duty"), Column("reason", "left")),
        (("ieepa-fentanyl-china", "1.00", "the country of origin is not CHN"), ("mfn", "2.00", "")),
    )
    assert text(sheet, Paper(width=48)) == (
        "measure               duty  reason\n"
        "------------------------------------------------\n"
        "ieepa-fentanyl-china  1.00  the country of\n"
        "                            origin is not CHN\n"
        "mfn                   2.00\n"
    )
    narrow = Sheet("", (Column("shipment", "left"), Column("rate")), (("KR.HYUNDAI.ULSAN->USA", "25%"),))
    assert text(narrow, Paper(width=20)) == ("shipment        rate\n--------------------\nKR.HYUNDAI.UL…   25%\n")


def test_a_terminal_too_narrow_for_the_columns_gets_a_block_a_row():
    assert text(SHEET, Paper(width=20)) == (
        "Cars, 2025\n"
        "\n"
        "shipment   KR.CAR->USA\n"
        "good       현대 car\n"
        "effective  27.50%\n"
        "\n"
        "shipment   =cmd()|<b>\\u\n"
        "           001b[31m\n"
        "effective  0.00%\n"
        "\n"
        "shipment   total\n"
        "effective  13.75%\n"
        "\n"
        "rules us 1a2b\n"
    )


def test_colour_goes_round_the_headline_and_not_through_it():
    assert text(SHEET, Paper(colour=True)).splitlines()[4] == "KR.CAR->USA           현대 car  \x1b[1m   27.50%\x1b[0m"


def test_markdown_takes_nothing_in_a_cell_for_markup():
    assert markdown(SHEET) == (
        "Cars, 2025\n"
        "\n"
        "| shipment | good | effective |\n"
        "| :--- | :--- | ---: |\n"
        "| KR.CAR->USA | 현대 car | 27.50% |\n"
        "| =cmd()\\|&lt;b>\\\\u001b\\[31m |  | 0.00% |\n"
        "| **total** |  | **13.75%** |\n"
        "\n"
        "rules us 1a2b\n"
    )


def test_a_table_without_rows_is_still_a_table():
    assert text(Sheet("", (Column("a", "left"), Column("b")), ())) == "a  b\n----\n"
