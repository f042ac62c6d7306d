"""What a good folder gives: the frames, their order, their defaults, their ids, the hash."""

from __future__ import annotations

import datetime
import random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from graph.small_graphs import INPUTS, SHIPMENTS, STAGES, write_folder

from tariffgraph import tables
from tariffgraph.graph.read import from_frames, read_graph

if TYPE_CHECKING:
    from pathlib import Path


def names(columns: tuple[tables.Column, ...]) -> list[str]:
    return [column.name for column in columns]


def test_the_frames_hold_every_column_with_its_default(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    assert graph.stages.columns == names(tables.STAGES)
    assert graph.inputs.columns == names(tables.INPUTS)
    assert graph.shipments.columns == names(tables.SHIPMENTS)
    assert graph.stages["stage"].to_list() == ["car", "mill", "mine"]
    # value added is what the inputs leave: 1 - 0.1, 1 - 0.45, 1
    assert graph.stages["value_added"].to_list() == [1 - 0.1, 1 - 0.45, 1.0]
    mill = graph.stages.row(1, named=True)
    assert (mill["nationality"], mill["origin"], mill["net_cost"], mill["credit_base"]) == ("KOR", "KOR", 1.0, 1.0)
    assert (mill["name"], mill["firm"], mill["note"], mill["source"]) == (None, None, None, None)
    ore = graph.inputs.row(1, named=True)
    assert ore == {
        "id": "mine->mill",
        "supplier": "mine",
        "user": "mill",
        "share": 0.45,
        "pass_through": 1.0,
        "program": None,
        "utilization": 1.0,
        "drawback": 0.0,
        "declares": None,
        "source": None,
        "note": None,
    }
    assert graph.shipments.row(0, named=True) | {"source": None} == {
        "id": "car->USA",
        "stage": "car",
        "market": "USA",
        "value": 100.0,
        "quantity": None,
        "unit": None,
        "pass_through": 1.0,
        "program": None,
        "utilization": 1.0,
        "drawback": 0.0,
        "declares": None,
        "source": None,
        "note": None,
    }
    for frame in (graph.stages, graph.inputs, graph.shipments):
        assert set(frame.dtypes) == {pl.String, pl.Float64}


def test_values_are_written_in_one_way(tmp_path: Path) -> None:
    stages = "stage,country,product,origin\na,NAM,8517 62,tariff-shift\nb,NOR,0702,\nc,KOR,ICIO:C29,USA\nd,KOR,07,\n"
    inputs = "supplier,user,share,declares,content.steel,content.aluminum\na,b,25%,b; a;;b,,\nb,c,.5,,40%,\n"
    shipments = "stage,market,value,quantity,unit\nc,USA,,1e3,kg\nb,USA,-0,,\n"
    graph = read_graph(write_folder(tmp_path / "graph", stages, inputs, shipments))
    assert graph.stages["product"].to_list() == ["8517.62", "0702", "ICIO:C29", "07"]
    assert graph.stages["origin"].to_list() == ["tariff-shift", "NOR", "USA", "KOR"]
    assert graph.inputs["share"].to_list() == [0.25, 0.5]
    assert graph.inputs["declares"].to_list() == ["a;b", None]
    # a content column in which nothing is stated is no column
    assert graph.inputs.columns[-1] == "content.steel"
    assert graph.inputs["content.steel"].to_list() == [None, 0.4]
    assert "content.aluminum" not in graph.inputs.columns
    assert str(graph.shipments["value"].to_list()) == "[0.0, None]"
    assert graph.shipments["quantity"].to_list() == [None, 1000.0]


def test_a_byte_order_mark_crlf_and_blank_last_lines_change_nothing(tmp_path: Path) -> None:
    plain = read_graph(write_folder(tmp_path / "plain"))
    windows = ("\ufeff" + STAGES).replace("\n", "\r\n") + "\r\n  \r\n"
    other = read_graph(write_folder(tmp_path / "other", windows, INPUTS.rstrip("\n"), SHIPMENTS + "\n\n"))
    assert other.hash == plain.hash


def test_quoted_fields_may_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    stages = 'stage,country,product,note\nb,KOR,72,"one, ""two""\r\nthree"\n"a",KOR,"72",\n'
    graph = read_graph(write_folder(tmp_path / "graph", stages, "supplier,user,share\n", "stage,market\n"))
    assert graph.stages.select("stage", "note").rows() == [("a", None), ("b", 'one, "two"\nthree')]


def test_strange_ids_are_data(tmp_path: Path) -> None:
    ids = ["=cmd()", "<script>", "\x1b[31mred", "한국.강판", "a->b", "#2", "0702", "null", "NaN", "1e5", "."]
    stages = "stage,country,product\n" + "".join(f"{one},KOR,72\n" for one in ids)
    graph = read_graph(write_folder(tmp_path / "graph", stages, "supplier,user,share\n", "stage,market\n"))
    assert graph.stages["stage"].to_list() == sorted(ids)


def test_1_0000000001_is_accepted_and_never_rescaled(tmp_path: Path) -> None:
    stages = "stage,country,product,value_added\nmine,AUS,26,1\nmill,KOR,72,0.5500000001\ncar,KOR,8703,0.9\n"
    graph = read_graph(write_folder(tmp_path / "graph", stages))
    assert graph.inputs["share"].to_list() == [0.1, 0.45]
    assert graph.stages["value_added"].to_list() == [0.9, 0.55, 1.0]


def test_the_settings_of_graph_toml(tmp_path: Path) -> None:
    toml = (
        'title = "Cars"\nyear = 2025\ncurrency = "USD"\nnotes = ["a", "b"]\nsources = "bill of materials"\n'
        'rules = ["us-2025"]\nas_of = 2025-07-02\n[regions]\nROW = "rest of the world"\n'
    )
    stages = STAGES.replace("AUS", "ROW")
    graph = read_graph(write_folder(tmp_path / "graph", stages, toml=toml))
    assert (graph.title, graph.year, graph.currency, graph.notes) == ("Cars", 2025, "USD", "a\nb")
    assert graph.sources == ("bill of materials",)
    assert graph.default_rules == ("us-2025",)
    assert graph.default_as_of == datetime.date(2025, 7, 2)
    assert dict(graph.regions) == {"ROW": "rest of the world"}
    assert graph.stages["nationality"].to_list() == ["KOR", "KOR", "ROW"]


def test_input_output_tables_may_be_negative(tmp_path: Path) -> None:
    # The car buys 1.6 of itself: its value added is 1 - 1.6 = -0.6.
    toml = "negative_value_added = true\nnegative_final_demand = true\n"
    inputs, shipments = INPUTS.replace("0.1", "1.6"), SHIPMENTS.replace("100", "-100")
    graph = read_graph(write_folder(tmp_path / "graph", inputs=inputs, shipments=shipments, toml=toml))
    assert graph.stages["value_added"][0] == 1 - 1.6
    assert graph.shipments["value"].to_list() == [-100.0]
    assert graph.hash != read_graph(write_folder(tmp_path / "other")).hash


def test_a_graph_of_stages_that_buy_nothing_may_do_without_inputs_and_says_so(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph", inputs=None))
    assert [str(finding) for finding in graph.findings] == [
        f"{tmp_path}/graph/inputs.csv: there is no table of inputs: every stage counts as value added of its own. "
        "Write inputs.csv, with its header only where no stage buys anything."
    ]
    header_only = read_graph(write_folder(tmp_path / "other", inputs="supplier,user,share\n"))
    assert header_only.findings == ()
    assert header_only.hash == graph.hash


def test_parquet_with_types_and_with_text_is_the_same_graph(tmp_path: Path) -> None:
    expected = read_graph(write_folder(tmp_path / "csv"))
    for typed in (True, False):
        folder = tmp_path / f"typed-{typed}"
        folder.mkdir()
        for name in ("stages", "inputs", "shipments"):
            frame = pl.read_csv(
                tmp_path / "csv" / f"{name}.csv", infer_schema=typed, schema_overrides={"product": pl.String}
            )
            if name == "stages":
                frame = frame.with_columns(pl.col("country").cast(pl.Categorical))
            frame.write_parquet(folder / f"{name}.parquet")
        graph = read_graph(folder)
        assert graph.hash == expected.hash


# --- order and ids --------------------------------------------------------------------------------------

TWINS = (
    "supplier,user,share,program,source,content.steel,id\n"
    "mine,mill,0.1,,,,\n"
    "mine,mill,0.1,,,,\n"
    "mine,mill,0.1,,,,mine->mill\n"
    "mine,mill,0.05,,z,,\n"
    "mine,mill,0.05,,z,0.2,\n"
    "mine,mill,0.05,,a,,\n"
    "mine,mill,0.05,KORUS,,,\n"
    "mill,car,0.1,,,,\n"
)


def test_rows_of_a_pair_stand_by_their_other_columns_with_empty_cells_first(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph", inputs=TWINS))
    assert graph.inputs.select("id", "share", "program", "source", "content.steel").rows() == [
        ("mill->car", 0.1, None, None, None),
        ("mine->mill#2", 0.05, None, "a", None),
        ("mine->mill#3", 0.05, None, "z", None),
        ("mine->mill#4", 0.05, None, "z", 0.2),
        ("mine->mill#5", 0.05, "KORUS", None, None),
        ("mine->mill", 0.1, None, None, None),
        ("mine->mill#6", 0.1, None, None, None),
        ("mine->mill#7", 0.1, None, None, None),
    ]


def test_default_ids_are_numbered_in_canonical_order(tmp_path: Path) -> None:
    inputs = "supplier,user,share\nmine,mill,0.2\nmine,mill,0.1\nmill,car,0.1\nmine,mill,0.15\n"
    shipments = "stage,market,value\ncar,USA,5\ncar,CAN,1\ncar,USA,\n"
    graph = read_graph(write_folder(tmp_path / "graph", inputs=inputs, shipments=shipments))
    assert graph.inputs.select("id", "share").rows() == [
        ("mill->car", 0.1),
        ("mine->mill", 0.1),
        ("mine->mill#2", 0.15),
        ("mine->mill#3", 0.2),
    ]
    assert graph.shipments.select("id", "value").rows() == [("car->CAN", 1.0), ("car->USA", None), ("car->USA#2", 5.0)]


def test_ids_stay_unique_whatever_stages_are_called(tmp_path: Path) -> None:
    stages = "stage,country,product\na,KOR,72\nb,KOR,72\nb#2,KOR,72\na->b,KOR,72\nUSA,KOR,72\n"
    inputs = "supplier,user,share\na,b,0.1\na,b,0.1\na,b#2,0.1\na->b,USA,0.1\na,USA,0.1\n"
    shipments = "stage,market\na,USA\nb,USA\n"
    graph = read_graph(write_folder(tmp_path / "graph", stages, inputs, shipments))
    assert graph.inputs["id"].to_list() == ["a->USA", "a->b", "a->b#2", "a->b#2#2", "a->b->USA"]
    assert graph.shipments["id"].to_list() == ["a->USA#2", "b->USA"]


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_the_rows_changes_nothing(seed: int, tmp_path: Path) -> None:
    def shuffled(table: str) -> str:
        header, *rows = table.splitlines(keepends=True)
        random.Random(seed).shuffle(rows)
        return header + "".join(rows)

    shipments = "stage,market,value\ncar,USA,5\ncar,CAN,1\ncar,USA,\n"
    graph = read_graph(write_folder(tmp_path / "graph", inputs=TWINS, shipments=shipments))
    other = read_graph(write_folder(tmp_path / "other", shuffled(STAGES), shuffled(TWINS), shuffled(shipments)))
    assert other.hash == graph.hash
    for name in ("stages", "inputs", "shipments"):
        assert getattr(other, name).equals(getattr(graph, name))


def test_the_sum_of_shares_is_rounded_once_whatever_the_order() -> None:
    # Ten times 0.1 is 1, though floats added one by one give 0.9999999999999999.
    stages = {"stage": ["a", "b"], "country": ["KOR", "KOR"], "product": ["72", "73"]}
    inputs = {"supplier": ["a"] * 10, "user": ["b"] * 10, "share": [0.1] * 10}
    assert from_frames(stages, inputs).stages["value_added"].to_list() == [1.0, 0.0]


@pytest.mark.parametrize(
    "change",
    [
        {"stages": STAGES.replace("AUS", "BRA")},
        {"stages": STAGES.replace("product", "product,note").replace("\n", ",x\n").replace("note,x", "note")},
        {"inputs": INPUTS.replace("0.45", "0.4500000000000001")},
        {"inputs": INPUTS.replace("share", "share,drawback").replace("0.45", "0.45,0").replace("0.1", "0.1,1")},
        {"shipments": SHIPMENTS.replace("100", "")},
        {"shipments": SHIPMENTS.replace("USA", "CAN")},
        {"toml": "negative_final_demand = true\n"},
        {"toml": '[regions]\nROW = "rest"\n'},
    ],
)
def test_another_graph_has_another_hash(change: dict[str, str], tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    assert read_graph(write_folder(tmp_path / "other", **change)).hash != graph.hash


def test_what_only_people_read_about_the_whole_changes_no_hash(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    titled = read_graph(write_folder(tmp_path / "other", toml='title = "Cars"\nas_of = 2025-07-02\n'))
    assert titled.hash == graph.hash


def test_the_hash_is_the_same_on_every_machine(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    assert graph.hash == "800a6503ab6c7f6b1246c4ec13484f4ab00af418c3c02a87fd65402459127075"
