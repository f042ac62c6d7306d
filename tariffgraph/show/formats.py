"""The formats of results for programs: CSV, JSON, JSON lines and Parquet, every float in full precision.

CSV is opened in spreadsheets and printed on terminals, so ids that would be formulas or escape sequences
there are made neutral; JSON and Parquet hold every id as it is.
"""

from __future__ import annotations

import io
import json
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMATS", "Format", "csv_text", "json_lines", "json_text", "parquet_bytes"]

Format: TypeAlias = Literal["table", "csv", "json", "jsonl", "parquet", "md"]

FORMATS: Final[tuple[Format, ...]] = get_args(Format)

_CONTROL = r"[\x00-\x1f\x7f-\x9f]"
# What spreadsheets take for the beginning of a formula, in full width too.
_FORMULA = r"^[=+\-@\t\r＝＋－＠]"
# What JSON lets through and a terminal obeys or hides: C1 controls, marks of direction, line separators.
_HIDDEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def csv_text(frame: pl.DataFrame) -> str:
    """Return the frame as CSV: a header, no index, empty cells for null.

    A text cell that a spreadsheet would run as a formula begins with an apostrophe; control characters
    are written as code points.
    """
    plain = frame.cast({pl.Categorical: pl.String, pl.Enum: pl.String})
    return plain.with_columns(
        _neutral(plain[name]) for name in plain.columns if plain[name].dtype == pl.String
    ).write_csv()


def json_text(document: Mapping[str, Any]) -> str:
    """Return a JSON object with a row a line: frames become lists of objects, all else as it is."""
    parts = []
    for key, value in document.items():
        if isinstance(value, pl.DataFrame):
            rows = ",\n  ".join(_objects(value))
            parts.append(f" {_json(key)}: [\n  {rows}\n ]" if rows else f" {_json(key)}: []")
        else:
            parts.append(f" {_json(key)}: {_json(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def json_lines(frame: pl.DataFrame) -> str:
    """Return the frame as JSON lines: an object a row."""
    return "".join(f"{line}\n" for line in _objects(frame))


def parquet_bytes(frame: pl.DataFrame, meta: Mapping[str, Any]) -> bytes:
    """Return the frame as a Parquet file that carries ``meta`` as JSON under the key ``tariffgraph``."""
    file = io.BytesIO()
    frame.write_parquet(file, metadata={"tariffgraph": _json(meta)})
    return file.getvalue()


def _neutral(column: pl.Series) -> pl.Series:
    strange = column.filter(column.str.contains(f"{_CONTROL}|{_FORMULA}")).unique()
    return column.replace({cell: _harmless(cell) for cell in strange}) if len(strange) else column


def _harmless(cell: str) -> str:
    spelled = re.sub(_CONTROL, lambda found: f"\\u{ord(found[0]):04x}", cell)
    return f"'{spelled}" if re.match(_FORMULA, cell) else spelled


def _objects(frame: pl.DataFrame) -> list[str]:
    return [_json(row) for row in frame.iter_rows(named=True)]


def _json(value: Any) -> str:
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_json)
    except ValueError:
        written = json.dumps(_finite(value), ensure_ascii=False, default=_as_json)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def _finite(value: Any) -> Any:
    # JSON has no NaN; a rate that is not known is null.
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


def _as_json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
