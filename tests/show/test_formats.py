"""The formats for programs: full precision, and nothing in an id that a spreadsheet or a terminal would obey."""

import csv
import io
import json
from datetime import date

import polars as pl
import pytest

from tariffgraph.show.formats import csv_text, json_lines, json_text, parquet_bytes

FRAME = pl.DataFrame(
    {"id": ["a,b", '"q"', "조립"], "rate": [0.1 + 0.2, 1e-17, None], "value": [1.0, 0.0, -2.5]},
    schema_overrides={"rate": pl.Float64},
)


def test_csv_is_the_table_in_full_precision():
    assert csv_text(FRAME) == ('id,rate,value\n"a,b",0.30000000000000004,1.0\n"""q""",1e-17,0.0\n조립,,-2.5\n')


@pytest.mark.parametrize(
    ("harmful", "harmless"),
    [
        ("=cmd()", "'=cmd()"),
        ("+1", "'+1"),
        ("-1+cmd()", "'-1+cmd()"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\u0009=1"),
        ("＝1", "'＝1"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x9b31m", "\\u009b31m"),
        ("KR.A->USA", "KR.A->USA"),
        ("<script>", "<script>"),
    ],
)
def test_csv_neutralises_formulas_and_control_characters_in_text_only(harmful, harmless):
    for kind in (pl.String, pl.Categorical):
        frame = pl.DataFrame({"id": pl.Series([harmful, "b"], dtype=pl.String).cast(kind), "rate": [-1.0, 2.0]})
        assert list(csv.reader(io.StringIO(csv_text(frame)))) == [["id", "rate"], [harmless, "-1.0"], ["b", "2.0"]]


def test_json_lines_hold_every_id_as_it_is_and_read_back_bit_for_bit():
    frame = FRAME.vstack(pl.DataFrame({"id": ["\x1b[31m\x9b</script>\u202e"], "rate": [float("nan")], "value": [0.1]}))
    lines = json_lines(frame)
    assert not set(lines) & {"\x1b", "\x9b", "\u202e"}
    rows = [json.loads(line) for line in lines.splitlines()]
    assert [row["id"] for row in rows] == frame["id"].to_list()
    assert [row["rate"] for row in rows] == [0.1 + 0.2, 1e-17, None, None]


def test_json_is_an_object_with_a_row_a_line():
    assert json_text(
        {"meta": {"as_of": date(2025, 7, 2)}, "shipments": FRAME[:2].select("id"), "by": FRAME.clear()}
    ) == (
        '{\n "meta": {"as_of": "2025-07-02"},\n "shipments": [\n  {"id": "a,b"},\n  {"id": "\\"q\\""}\n ],\n'
        ' "by": []\n}\n'
    )


def test_what_json_cannot_hold_is_a_bug_and_not_text():
    with pytest.raises(TypeError, match="set has no form in JSON"):
        json_text({"meta": {"ids": {1}}})


def test_parquet_carries_the_table_and_where_it_came_from():
    data = parquet_bytes(FRAME, {"version": "0.1.0"})
    assert pl.read_parquet(io.BytesIO(data)).equals(FRAME)
    assert json.loads(pl.read_parquet_metadata(io.BytesIO(data))["tariffgraph"]) == {"version": "0.1.0"}
