"""Rule sets as tables for people: their measures, all of one measure, and what two of them say differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .columns import Columns, once, texts
from .results import came_from, footer
from .table import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

__all__ = ["differences_sheet", "measure_sheet", "measures_sheet"]


def measures_sheet(title: str, measures: pl.DataFrame, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of measures, those of each rule set together."""
    table = Columns(measures.height)
    table.add(Column("rule set", "left"), once(texts(measures["rule_set"])))
    table.add(Column("measure", "left", strong=True), texts(measures["measure"]))
    action = ["" if same else cell for cell, same in zip(measures["action"], _same(measures), strict=True)]
    if any(action):
        table.add(Column("action", "left"), action)
    table.add(Column("authority", "left", optional=True), texts(measures["authority"]))
    table.add(Column("importer", "left"), texts(measures["importer"]))
    table.add(Column("from", "left"), texts(measures["from"]))
    table.add(Column("rows"), texts(measures["rows"]))
    if "in_force" in measures.columns:
        table.add(Column("in force", "left"), ["yes" if one else "no" for one in measures["in_force"]])
    return table.sheet(title, [footer(meta)])


def measure_sheet(title: str, parts: pl.DataFrame, meta: Mapping[str, Any], notes: Iterable[str] = ()) -> Sheet:
    """Return the table of one measure: a row for each thing that is said of it, with its dates and its source."""
    table = Columns(parts.height)
    table.add(Column("", "left"), once(texts(parts["part"])))
    table.add(Column("from", "left"), texts(parts["from"]))
    if parts["until"].null_count() < parts.height:
        table.add(Column("until", "left"), texts(parts["until"]))
    table.add(Column("says", "left"), [_said(row) for row in parts.iter_rows(named=True)])
    return table.sheet(title, [*notes, footer(meta)])


def differences_sheet(title: str, differences: pl.DataFrame, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of differences: what, of which measure or list, and what it said and says."""
    table = Columns(differences.height)
    if differences["rule_set"].n_unique() > 1:
        table.add(Column("rule set", "left"), once(texts(differences["rule_set"])))
    table.add(Column("", "left"), texts(differences["what"]))
    table.add(Column("of", "left"), texts(differences["name"]))
    table.add(Column("is", "left", strong=True), texts(differences["change"]))
    table.add(Column("says", "left"), [_changed(row) for row in differences.iter_rows(named=True)])
    return table.sheet(title, came_from(meta))


def _same(measures: pl.DataFrame) -> list[bool]:
    return (measures["action"] == measures["measure"]).to_list()


def _said(row: Mapping[str, Any]) -> str:
    published = f"published {row['published']}" if row["published"] not in (None, row["from"]) else ""
    source = ", ".join(part for part in (row["source"], published) if part)
    said = "; ".join(part for part in (row["says"], row["when"]) if part)
    cited = f"{said} ({source})" if source else said
    return f"{cited}; {row['note']}" if row["note"] else cited


def _changed(row: Mapping[str, Any]) -> str:
    if row["before"] is None or row["after"] is None:
        return str(row["after"] or row["before"] or "")
    return f"{row['before']} -> {row['after']}"
