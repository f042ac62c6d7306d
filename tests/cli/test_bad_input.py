"""Broken input at the command line: the place and the remedy on stderr, status 1, nothing written, no traceback.

Each case breaks one file of the small graph (or its rules) and says what the message must hold.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from cli.small_graph import FILES, LAW, contents

import tariffgraph as tg

STAGES, INPUTS, SHIPMENTS = (FILES[f"cars/{name}.csv"] for name in ("stages", "inputs", "shipments"))
US = FILES["us.yaml"]


@dataclass(frozen=True)
class Broken:
    """A file, what it holds now, and what is said about it."""

    file: str
    content: str | bytes
    said: tuple[str, ...]


def broken(file: str, old: str, new: str, *said: str) -> Broken:
    """Return the case in which one piece of the file is another."""
    assert old in FILES[file]
    return Broken(file, FILES[file].replace(old, new), said)


def value(text: str, *said: str) -> Broken:
    """Return the case in which the value of the first shipment reads ``text``."""
    return broken("cars/shipments.csv", "USA,100", f"USA,{text}", "shipments.csv:2", "value", *said)


def stated(cell: float, car: float, *said: str) -> Broken:
    """Return the case in which the stages state these shares of value added."""
    rows = f"CN.CELL,CHN,8507.60,{cell}\nKR.CAR,KOR,8703.80,{car}\nUS.VAN,USA,8704.60,0.9\n"
    return Broken("cars/stages.csv", f"stage,country,product,value_added\n{rows}", said)


def product(text: str, *said: str) -> Broken:
    """Return the case in which the product of the car reads ``text``."""
    return broken("cars/stages.csv", "8703.80", text, "stages.csv:3", "product", *said)


CASES = {
    "shares above 1": stated(1, 0.82, "KR.CAR", "1.07", "inputs.csv"),
    "shares below 1": stated(1, 0.7, "KR.CAR", "0.95", "inputs.csv"),
    "negative share": broken("cars/inputs.csv", "0.25", "-0.25", "inputs.csv:2", "share", "-0.25"),
    "share of 25": broken("cars/inputs.csv", "0.25", "25", "inputs.csv:2", "share", "0.25", "25%"),
    "negative value added": broken(
        "cars/inputs.csv", "CN.CELL,US.VAN,0.1", "CN.CELL,KR.CAR,0.9", "KR.CAR", "negative_value_added"
    ),
    "no value added and no inputs": stated(0, 0.75, "CN.CELL"),
    "nan": value("nan", "nan"),
    "inf": value("inf", "inf"),
    "1e400": value("1e400", "too large"),
    "underscore": value("1_000", "'_'"),
    "full-width digits": value("１００", "U+FF11"),
    "Arabic digits": value("١٠٠", "U+0661"),
    "U+2212": value("\u2212100", "U+2212", "'-'"),
    "grouped digits": value('"1,000.5"', "1000.5"),
    "decimal comma": Broken("cars/inputs.csv", INPUTS.replace(",", ";").replace("0.25", "0,25"), ("inputs.csv:1", ";")),
    "decimal comma in a cell": value('"0,25"', "0.25"),
    "empty number": broken("cars/inputs.csv", "KR.CAR,0.25", "KR.CAR,", "inputs.csv:2", "share", "missing"),
    "missing last field": broken("cars/inputs.csv", "KR.CAR,0.25", "KR.CAR", "inputs.csv:2"),
    "long row": broken("cars/inputs.csv", "KR.CAR,0.25", "KR.CAR,0.25,1", "inputs.csv:2"),
    "unknown stage": broken("cars/inputs.csv", "KR.CAR", "KR.CAT", "inputs.csv:2", "KR.CAT", "KR.CAR"),
    "duplicate stage": Broken("cars/stages.csv", STAGES + "KR.CAR,KOR,8703.80,Again\n", ("KR.CAR", "3", "5")),
    "Cyrillic twin": Broken("cars/stages.csv", STAGES + "\u041aR.CAR,KOR,8703.80,Twin\n", ("U+041A",)),
    "invisible twin": Broken("cars/stages.csv", STAGES + "KR.\u200bCAR,KOR,8703.80,Twin\n", ("U+200B",)),
    "NFC and NFD": Broken("cars/stages.csv", STAGES + "MX.CAF\u00c9,MEX,21,a\nMX.CAFE\u0301,MEX,21,b\n", ("U+",)),
    "missing column": Broken("cars/inputs.csv", "supplier,user\nCN.CELL,KR.CAR\n", ("inputs.csv:1", "share")),
    "extra column": broken("cars/inputs.csv", "user,share\n", "user,share,colour\n", "inputs.csv:1", "colour"),
    "duplicate column": broken("cars/inputs.csv", "user,share\n", "user,share,share\n", "inputs.csv:1", "share"),
    "header with spaces": broken("cars/inputs.csv", "user,share\n", "user, share\n", "inputs.csv:1", "share"),
    "country UK": broken("cars/stages.csv", "USA", "UK", "stages.csv:4", "country", "GBR"),
    "country KR": broken("cars/stages.csv", "KOR", "KR", "stages.csv:3", "country", "KOR"),
    "country Korea": broken("cars/stages.csv", "KOR", "Korea", "stages.csv:3", "country", "KOR"),
    "HS 702": product("702", "0702"),
    "HS of 5 digits": product("87038", "leading zero"),
    "HS of 7 digits": product("8703801", "leading zero"),
    "HS of 9 digits": product("870380101", "leading zero"),
    "HS as a float": product("8.52E+09", "spreadsheet"),
    "HS as a date": product("Mar-01", "spreadsheet"),
    "HS as an error": product("#N/A", "spreadsheet"),
    "UTF-16": Broken("cars/stages.csv", STAGES.encode("utf-16"), ("UTF-16",)),
    "CP949": Broken("cars/stages.csv", STAGES.replace("Electric car", "전기차").encode("cp949"), ("stages.csv",)),
    "CR only": Broken("cars/stages.csv", STAGES.replace("\n", "\r").encode(), ("stages.csv",)),
    "unterminated quote": broken("cars/stages.csv", "Battery cell", '"Battery cell', "stages.csv:2"),
    "NUL": broken("cars/stages.csv", "Battery cell", "Battery\0cell", "stages.csv:2"),
    "control character": broken("cars/stages.csv", "Battery cell", "Battery\x07cell", "stages.csv:2", "U+0007"),
    "gzip": Broken("cars/stages.csv", b"\x1f\x8b\x08\x00" + b"\x00" * 20, ("stages.csv", "gzip")),
    "both CSV and Parquet": Broken("cars/stages.parquet", b"PAR1", ("stages.csv", "stages.parquet")),
    "graph.toml not TOML": Broken("cars/graph.toml", "title = \n", ("graph.toml",)),
    "graph.toml unknown key": Broken("cars/graph.toml", 'titel = "x"\n', ("graph.toml", "titel", "title")),
    "graph.toml date": Broken("cars/graph.toml", 'as_of = "09/07/2025"\n', ("graph.toml", "as_of", "2025-07-09")),
    "rate 25": broken("us.yaml", "rate: 25%", "rate: 25", "us.yaml:7", "25% or 0.25"),
    "date 09/07/2025": broken("us.yaml", "2025-04-03", "09/07/2025", "us.yaml:7", "2025-07-09"),
    "date 2025-02-30": broken("us.yaml", "2025-04-03", "2025-02-30", "us.yaml:7", "calendar"),
    "date 2025-7-9": broken("us.yaml", "2025-04-03", "2025-7-9", "us.yaml:7", "2025-07-09"),
    "until before from": broken(
        "us.yaml", "from: 2025-04-03", "from: 2025-04-03, until: 2025-04-01", "us.yaml:7", "2025-04-03", "2025-04-01"
    ),
    "two measures with one id": broken("us.yaml", "id: autos", "id: mfn", "us.yaml", "mfn"),
    "relation to nobody": Broken(
        "us.yaml", US + "relations:\n  - {by: autos, excludes: [mfm]}\n", ("us.yaml:9", "mfm", "mfn")
    ),
    "circular relations": Broken(
        "us.yaml", US + "relations:\n  - {by: autos, excludes: mfn}\n  - {by: mfn, excludes: autos}\n", ("autos", "mfn")
    ),
    "unknown key": broken("us.yaml", "rate: 25%", "rat: 25%", "us.yaml:7", "'rat'", "rate"),
    "unknown list": broken(
        "us.yaml", "Section 232, products: [8703]", "Section 232, products: {list: x}", "us.yaml:7", "'x'"
    ),
    "duplicate key": broken("us.yaml", "importer: USA", "importer: USA\nimporter: KOR", "us.yaml:4", "importer"),
    "YAML alias": broken("us.yaml", "importer: USA", "importer: &a USA\ntitle: *a", "us.yaml"),
    "YAML tag": broken("us.yaml", "importer: USA", "importer: !!python/name:os.system USA", "us.yaml:3"),
    "deep YAML": Broken("us.yaml", "ruleset: us\nmeasures: " + "[" * 5000 + "]" * 5000, ("us.yaml",)),
    "no YAML": Broken("us.yaml", "ruleset: [", ("us.yaml",)),
    "empty rules": Broken("us.yaml", "", ("us.yaml",)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("command", ["propagate", "check"])
def test_a_broken_file_is_told_and_nothing_is_written(folder, run, command, case):
    one = CASES[case]
    content = one.content if isinstance(one.content, bytes) else one.content.encode()
    (folder / one.file).write_bytes(content)
    (folder / "results").mkdir()
    (folder / "results" / "old.json").write_text("old")
    before = contents(folder)
    if command == "propagate":
        ran = run("propagate", "cars", *LAW, "--out", "results/new.json")
    else:
        ran = run("check", "cars", "us.yaml", "kr.yaml")
    assert ran.status == 1
    for part in one.said:
        assert part in ran.err
    assert all(line.startswith("tariffgraph: ") for line in ran.err.splitlines())
    assert "Traceback" not in ran.err
    assert "this is a bug" not in ran.err
    assert contents(folder) == before
    if command == "propagate":
        assert ran.out == ""


def test_everything_wrong_with_a_file_is_said_at_once(folder, run):
    (folder / "cars" / "inputs.csv").write_text("supplier,user,share\nCN.CEL,KR.CAR,0.25\nCN.CELL,US.VN,1_0\n")
    said = run("propagate", "cars", *LAW).err
    assert "'CN.CEL'" in said
    assert "'US.VN'" in said
    assert "1_0" in said


@pytest.mark.parametrize(
    "name",
    [
        "../../x",
        "/etc",
        "nowhere",
        "https://example.org/graph",
        "",
        "cars/stages.csv",
        "fifo",
        "/dev/zero",
        "korea-us-2052",
    ],
)
@pytest.mark.parametrize("what", ["graph", "rules"])
def test_what_is_no_data_set_is_never_opened(folder, run, what, name):
    if what == "rules" and name == "cars/stages.csv":
        name = "cars"
    os.mkfifo(folder / "fifo")
    before = {path.name for path in folder.iterdir()}
    ran = run("propagate", name, *LAW) if what == "graph" else run("propagate", "cars", "--rules", name)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("tariffgraph: ")
    assert "Traceback" not in ran.err
    assert "this is a bug" not in ran.err
    assert {path.name for path in folder.iterdir()} == before


def test_a_table_that_is_a_link_out_of_the_folder_is_not_followed(folder, run):
    (folder / "elsewhere.csv").write_text(STAGES)
    (folder / "cars" / "stages.csv").unlink()
    (folder / "cars" / "stages.csv").symlink_to(folder / "elsewhere.csv")
    ran = run("propagate", "cars", *LAW)
    assert (ran.status, ran.out) == (1, "")
    assert "stages.csv" in ran.err


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("cars/stages.csv", b"\xef\xbb\xbf" + STAGES.encode()),
        ("cars/stages.csv", STAGES.replace("\n", "\r\n").encode()),
        ("cars/stages.csv", STAGES.encode() + b"\n\n"),
        ("cars/stages.csv", STAGES.rstrip("\n").encode()),
        ("cars/inputs.csv", INPUTS.replace("0.25", "25%").encode()),
        ("cars/stages.csv", STAGES.replace("8703.80", "8703 80").encode()),
        ("cars/shipments.csv", SHIPMENTS.replace("100", "1e2").encode()),
    ],
)
def test_what_is_only_written_differently_gives_the_same_bytes(folder, run, file, content):
    before = run("propagate", "cars", *LAW, "--format", "json")
    (folder / file).write_bytes(content)
    assert run("propagate", "cars", *LAW, "--format", "json") == before


def test_a_damaged_parquet_file_is_a_sentence_and_no_trace_of_the_reader(folder, outside):
    graph = tg.read_graph("cars")
    tg.write_graph(graph, folder / "parquet", format="parquet")
    path = folder / "parquet" / "stages.parquet"
    whole = path.read_bytes()
    # Somewhere in these the reader panics; where, is its own affair.
    for at in range(40, len(whole), len(whole) // 5):
        path.write_bytes(whole[:at] + b"\xff" * 8 + whole[at + 8 :])
        ran = outside("propagate", "parquet", *LAW)
        assert ran.returncode in {0, 1}
        assert all(line.startswith(b"tariffgraph: ") for line in ran.stderr.splitlines())
        assert b"this is a bug" not in ran.stderr
