"""A result in every format: the tables that a command has, and how they become bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .formats import Format, csv_text, json_lines, json_text, parquet_bytes
from .table import Paper, Sheet, markdown, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

__all__ = ["Document"]


@dataclass(frozen=True, slots=True)
class Document:
    """What a command answers.

    ``rows`` is the table that CSV, JSON lines and Parquet hold; ``fields`` are the keys of the JSON object
    after ``meta``, frames among them; ``sheet`` makes the table for people, or several, in text and in Markdown.
    """

    rows: pl.DataFrame
    sheet: Callable[[], Sheet | Sequence[Sheet]]
    meta: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)

    def rendered(self, format: Format, paper: Paper = Paper()) -> bytes:  # noqa: A002, B008
        """Return the document in ``format``; text is UTF-8."""
        match format:
            case "table":
                return "\n".join(text(sheet, paper) for sheet in self._sheets()).encode()
            case "md":
                return "\n".join(map(markdown, self._sheets())).encode()
            case "csv":
                return csv_text(self.rows).encode()
            case "jsonl":
                return json_lines(self.rows).encode()
            case "json":
                return json_text({"meta": self.meta, **self.fields}).encode()
            case "parquet":
                return parquet_bytes(self.rows, self.meta)

    def _sheets(self) -> Sequence[Sheet]:
        sheet = self.sheet()
        return (sheet,) if isinstance(sheet, Sheet) else sheet
