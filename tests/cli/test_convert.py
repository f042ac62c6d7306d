"""``tariffgraph convert``: what it writes, what it reports, and that nothing is written when something is wrong."""

from __future__ import annotations

import pytest

PARTS = "hts8,list,description\n87081000,1,Bumpers\n87083000,2A,Brakes\n8708.30,1,Brakes\n"
TARIFF = (
    "HTS Number,Indent,Description,Unit of Quantity,General Rate of Duty,Special Rate of Duty,Column 2 Rate of Duty\n"
    "8708.10,0,Bumpers,,,,\n"
    '8708.10.30,1,Of steel,,2.5%,"Free (KR,S)",25%\n'
    "8708.10.30.10,2,Stampings,No.,,,\n"
    "8708.10.60,1,Other,,See note 2,,25%\n"
    "8708.10.70,1,More,,See note 3,,25%\n"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts_products.csv").write_text(PARTS)
    (tmp_path / "tariff.csv").write_text(TARIFF)
    (tmp_path / "out").mkdir()
    return tmp_path


def snapshot(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_list_becomes_a_file_for_each_legal_list(run, place):
    ran = run("convert", "parts_products.csv", "--from", "2025-05-03", "--published", "2025-03-26", "--out", "out")
    assert (ran.status, ran.out, ran.err) == (
        0,
        "",
        "tariffgraph: note: parts_products.csv:1, description: a list file has no place for it.\n"
        "tariffgraph: wrote the list of 2 lines to out/parts-list-1.csv\n"
        "tariffgraph: wrote the list of 1 line to out/parts-list-2a.csv\n",
    )
    assert (place / "out" / "parts-list-1.csv").read_text() == (
        "product,from,until,published\n8708.10.00,2025-05-03,,2025-03-26\n8708.30,2025-05-03,,2025-03-26\n"
    )


def test_a_tariff_becomes_a_schedule_and_what_it_cannot_say_is_reported_by_line(run, place):
    ran = run("convert", "tariff.csv", "--name", "hts", "--out", "out/bumpers.csv")
    assert (ran.status, ran.err) == (
        0,
        "tariffgraph: note: tariff.csv:5, general: 'See note 2' refers to another provision. "
        "1 more like it, line 6.\n"
        "tariffgraph: wrote the schedule of 4 lines to out/bumpers.csv\n",
    )
    assert (place / "out" / "bumpers.csv").read_text() == (
        "product,general,KR,S,column 2,note\n"
        "8708.10.30,2.5%,Free,Free,25%,\n"
        "8708.10.30.10,2.5%,Free,Free,25%,\n"
        "8708.10.60,,,,25%,general: See note 2\n"
        "8708.10.70,,,,25%,general: See note 3\n"
    )


def test_several_sources_are_converted_together(run, place):
    assert run("convert", "tariff.csv", "parts_products.csv", "--out", "out").status == 0
    assert sorted(path.name for path in (place / "out").iterdir()) == [
        "parts-list-1.csv",
        "parts-list-2a.csv",
        "tariff.csv",
    ]


def test_one_list_a_source_is_asked_for_with_none(run, place):
    assert run("convert", "parts_products.csv", "--by", "none", "--out", "out/parts.csv").status == 0
    assert (place / "out" / "parts.csv").read_text().count("\n") == 4


def test_what_is_there_is_replaced_only_by_force(run, place):
    command = ("convert", "parts_products.csv", "--by", "none", "--out", "out")
    (place / "out" / "parts.csv").write_text("mine")
    refused = run(*command)
    assert (refused.status, refused.err) == (
        1,
        "tariffgraph: out/parts.csv: is there already. Write elsewhere, or give --force to replace it.\n",
    )
    assert (place / "out" / "parts.csv").read_text() == "mine"
    assert run(*command, "--force").status == 0
    assert (place / "out" / "parts.csv").read_text().startswith("product,")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["parts_products.csv"], 2, "missing option '--out'."),
        (["parts_products.csv", "--out", "nowhere"], 1, "nowhere: the folder does not exist. Make it first"),
        (["parts_products.csv", "--out", "tariff.txt"], 1, "tariff.txt: the folder does not exist."),
        (["nothing.csv", "--out", "out"], 1, "nothing.csv: cannot be read: No such file or directory."),
        (["out", "--out", "out"], 1, "out: not a regular file."),
        (
            ["parts_products.csv", "--out", "x.csv"],
            1,
            "x.csv: is one file, and 2 come out: parts-list-1, parts-list-2a.",
        ),
        (
            ["parts_products.csv", "--by", "none", "--out", "parts_products.csv", "--force"],
            1,
            "is an input of this very",
        ),
        (
            ["parts_products.csv", "--by", "lists", "--out", "out"],
            1,
            "there is no column 'lists'. Did you mean 'list'?",
        ),
        (["parts_products.csv", "--by", "none", "--by", "list", "--out", "out"], 2, "--by none stands alone."),
        (["parts_products.csv", "--kind", "schedule", "--out", "out"], 1, "the header is not that of a schedule"),
        (["parts_products.csv", "--name", "../../x", "--out", "out"], 1, "'../../x' cannot name a file."),
        (["parts_products.csv", "tariff.csv", "--name", "x", "--out", "out"], 2, "--name is for a single source."),
        (["parts_products.csv", "parts_products.csv", "--out", "out"], 2, "two sources make a file parts-list-1.csv."),
        (["parts_products.csv", "--from", "03/05/2025", "--out", "out"], 2, "can be read in more than one way."),
        (["tariff.csv", "--from", "2025-05-03", "--out", "out"], 1, "they are for lists."),
    ],
)
def test_when_something_is_wrong_nothing_is_written(run, place, arguments, status, said):
    before = snapshot(place)
    ran = run("convert", *arguments)
    assert ran.status == status
    assert said in ran.err
    assert ran.out == ""
    assert snapshot(place) == before


def test_the_problems_of_all_sources_are_told_at_once(run, place):
    (place / "bad.csv").write_text("hts8\n1012100\n8.52E+09\n")
    (place / "worse.csv").write_text("code\nx\n")
    before = snapshot(place)
    ran = run("convert", "bad.csv", "parts_products.csv", "worse.csv", "--out", "out")
    assert ran.status == 1
    assert "bad.csv:2, hts8: '1012100' has 7 digits" in ran.err
    assert "bad.csv:3, hts8: '8.52E+09' is what a spreadsheet made" in ran.err
    assert "worse.csv:1: the header says neither a schedule nor a list (found: code)" in ran.err
    assert snapshot(place) == before


def test_what_a_file_holds_is_neutral_on_the_terminal(run, place):
    (place / "bad.csv").write_text("hts8,\x1b[31mlist\n01012100,1\n")
    ran = run("convert", "bad.csv", "--out", "out")
    assert ran.status == 1
    assert "\x1b" not in ran.err
