"""Tables in memory: polars, pandas, pyarrow, mappings and rows; the same checks, with row numbers."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from graph.small_graphs import write_folder

from tariffgraph.errors import GraphError
from tariffgraph.graph.read import from_frames, read_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STAGES: dict[str, Any] = {
    "stage": ["mine", "mill", "car"],
    "country": ["AUS", "KOR", "KOR"],
    "product": ["2601", "7208", "8703.23"],
}
INPUTS: dict[str, Any] = {"supplier": ["mine", "mill"], "user": ["mill", "car"], "share": [0.45, 0.1]}
SHIPMENTS: dict[str, Any] = {"stage": ["car"], "market": ["USA"], "value": [100.0]}


def rows_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


@pytest.mark.parametrize(
    "convert",
    [
        dict,
        rows_of,
        pl.DataFrame,
        pl.LazyFrame,
        pd.DataFrame,
        pa.table,
        lambda table: pd.DataFrame(table, index=[f"row {i}" for i in range(len(next(iter(table.values()))))]),
        lambda table: {key: pl.Series(values) for key, values in table.items()},
        lambda table: pl.DataFrame(table).cast({pl.String: pl.Categorical}),
    ],
)
def test_any_kind_of_frame_is_the_graph_of_the_files(convert: Callable[[Any], Any], tmp_path: Path) -> None:
    graph = from_frames(convert(STAGES), convert(INPUTS), convert(SHIPMENTS))
    assert graph.hash == read_graph(write_folder(tmp_path / "graph")).hash


def test_texts_and_numbers_in_one_column_of_pandas_are_read_one_by_one(tmp_path: Path) -> None:
    stages = pd.DataFrame(STAGES | {"product": ["2601", 7208, "8703.23"], "note": [1, "two", None]}, index=[3, 4, 5])
    inputs = pd.DataFrame(INPUTS | {"share": ["45%", 0.1]})
    graph = from_frames(stages, inputs, SHIPMENTS)
    assert graph.stages["product"].to_list() == ["8703.23", "7208", "2601"]
    assert graph.stages["note"].to_list() == [None, "two", "1"]
    assert graph.inputs["share"].to_list() == [0.1, 0.45]


def test_inputs_and_shipments_may_be_left_out() -> None:
    graph = from_frames(STAGES)
    assert graph.inputs.height == graph.shipments.height == 0
    assert graph.stages["value_added"].to_list() == [1.0, 1.0, 1.0]


def test_settings_are_those_of_graph_toml() -> None:
    graph = from_frames(STAGES, title="Cars", as_of="2025-07-02", rules="us-2025", regions={"ROW": "rest"})
    assert graph.default_as_of == datetime.date(2025, 7, 2)
    assert graph.default_rules == ("us-2025",)
    with pytest.raises(GraphError, match=r"^as_of: '2025-13-01' is not a day of the calendar"):
        from_frames(STAGES, as_of="2025-13-01")
    with pytest.raises(TypeError):
        graph.regions["USA"] = "x"  # type: ignore[index]


def test_an_unstated_value_is_a_gap_in_pandas_too() -> None:
    shipments = pd.DataFrame({"stage": ["car", "mill"], "market": ["USA", "USA"], "value": [100.0, None]})
    assert from_frames(STAGES, INPUTS, shipments).shipments["value"].to_list() == [100.0, None]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"inputs": INPUTS | {"share": [0.45, None]}},
            "inputs, row 2, share: missing value (the cell is empty). Write a number.",
        ),
        (
            {"inputs": INPUTS | {"share": [0.45, float("nan")]}},
            "inputs, row 2, share: 'nan' is not a plain number. Write a finite number.",
        ),
        (
            {"inputs": pd.DataFrame(INPUTS | {"share": [0.45, float("nan")]})},
            "inputs, row 2, share: missing value (the cell is empty). Write a number.",
        ),
        (
            {"inputs": INPUTS | {"share": [0.45, float("inf")]}},
            "inputs, row 2, share: 'inf' is not a plain number. Write a finite number.",
        ),
        (
            {"inputs": INPUTS | {"share": ["45%", 25]}},
            "inputs, row 2, share: 25 is above 1; shares are fractions of the user's value. Write 0.25 or 25%.",
        ),
        (
            {"stages": STAGES | {"product": [2601, 702, 870323]}},
            "stages, row 2, product: '702' has 3 digits; HS codes have 2, 4, 6, 8 or 10. "
            "A leading zero may have been lost: write it as text, as in 0702.",
        ),
        (
            {"stages": STAGES | {"product": [2601.0, 7208.0, 8703.23]}},
            "stages, product: the column holds Float64, not text. "
            "Make it text; as numbers codes lose their leading and trailing zeros.",
        ),
        (
            {"stages": STAGES | {"country": [True, False, True]}},
            "stages, country: the column holds Boolean, not text. Make it a column of text.",
        ),
        (
            {"stages": STAGES | {"stage": ["mine", "mi\x07ll", "car"]}, "inputs": None},
            "stages, row 2, stage: 'mi\\u0007ll' holds the control character U+0007. Take the character out.",
        ),
        (
            {"stages": STAGES | {"value_added": [1.0, 0.5, 0.9]}},
            "stages, row 2, value_added: value added and input shares of 'mill' add up to 0.95, not 1 "
            "(value added 0.5, inputs 0.45, inputs row 1). "
            "Correct them, or leave the column value_added out: it is then the rest.",
        ),
        (
            {"inputs": {"supplier": ["mine"], "user": ["mill"]}},
            "inputs, share: the column 'share' is missing (columns found: supplier, user). "
            "Add it: cost of the input, untaxed.",
        ),
        (
            {"inputs": {"supplier": ["mine"], "user": ["mill", "car"]}},
            "inputs: this is not a table: its columns differ in length (supplier 1, user 2). "
            "Give columns of the same length.",
        ),
        ({"inputs": INPUTS | {"share": 3}}, "inputs, share: a int is not a column of values. Give a list of texts"),
        (
            {"stages": pd.DataFrame(STAGES | {"product": ["2.601", 702, "8703.23"]})},
            "stages, row 1, product: '2.601' does not group its digits as an HS code does. "
            "Write 2601 where that is meant.\nstages, row 2, product: '702' has 3 digits",
        ),
        (
            {"stages": pd.DataFrame(STAGES | {"product": ["2601", None, 870323]})},
            "stages, row 2, product: missing value (the cell is empty).",
        ),
        ({"inputs": 3}, "inputs: a int is not a table. Give a frame"),
    ],
)
def test_messages_name_table_row_and_field(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(GraphError) as caught:
        from_frames(**({"stages": STAGES, "inputs": INPUTS} | tables))
    assert str(caught.value).startswith(message)


def test_rows_of_parquet_are_counted_from_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", inputs=None)
    pl.DataFrame(INPUTS | {"share": [0.45, None]}).write_parquet(folder / "inputs.parquet")
    with pytest.raises(GraphError) as caught:
        read_graph(folder)
    assert str(caught.value) == (
        f"{folder}/inputs.parquet, row 2, share: missing value (the cell is empty). Write a number."
    )
