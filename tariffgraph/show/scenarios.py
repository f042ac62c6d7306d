"""Scenarios side by side, as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .columns import Columns, in_currency, once, texts
from .numbers import percentages
from .results import footer
from .table import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

__all__ = ["sweep_sheet"]


def sweep_sheet(title: str, rows: pl.DataFrame, keys: Sequence[str], meta: Mapping[str, Any]) -> Sheet:
    """Return the table of a sweep: what each scenario states, and below it each shipment's rates."""
    table = Columns(rows.height)
    first = rows["scenario"].is_first_distinct().to_list()

    def in_first(cells: Sequence[str]) -> list[str]:
        return [cell if here else "" for cell, here in zip(cells, first, strict=True)]

    if not keys:
        table.add(Column("scenario"), once(texts(rows["scenario"])))
    for key in keys:
        numbers = rows[key].dtype.is_numeric()
        cells = percentages(rows[key].to_list()) if numbers else texts(rows[key])
        stated = ["unchanged" if missing else cell for cell, missing in zip(cells, rows[key].is_null(), strict=True)]
        table.add(Column(key, "right" if numbers else "left"), in_first(stated))
    table.add(Column("shipment", "left"), texts(rows["id"]))
    table.add(Column("statutory"), percentages(rows["statutory_rate"].to_list()))
    table.add(Column("embedded"), percentages(rows["embedded_rate"].to_list()))
    table.add(Column("effective", strong=True), percentages(rows["effective_rate"].to_list()))
    if any(rows["exporter_rate"]):
        table.add(Column("exporter's part"), percentages(rows["exporter_rate"].to_list()))
    if rows["duty"].null_count() < rows.height:
        unit, shown = in_currency(rows["duty"].to_list(), meta)
        table.add(Column(f"duty{unit}"), shown)
    return table.sheet(title, [footer(meta)])
