"""Changes as tables for people: two results side by side, and one through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ..tables import sort_order
from .columns import Columns, in_currency, once, texts
from .numbers import money, percentages
from .results import asked, footer
from .table import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "entry_comparison_sheet",
    "entry_timeline_sheet",
    "graph_comparison_sheet",
    "graph_timeline_sheet",
    "versus",
]

_EARLIER = "earlier"


def versus(subject: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Return in a line what was compared: about what, and how the second question differs from the first."""
    first, second = asked(before), asked(after)
    only = [part for part in second if part not in first]
    return "; ".join([subject, *first, f"against {'; '.join(only) or 'the same'}"])


def graph_comparison_sheet(
    title: str, shipments: pl.DataFrame, split: pl.DataFrame, metas: tuple[Mapping[str, Any], Mapping[str, Any]]
) -> Sheet:
    """Return the table of what changed: each shipment in all, and below it by key; sums of money by key at the end."""
    measured = {"shipment", "rate_before", "rate_after", "change", "duty_rate_change", "amount_change"}
    keys = [name for name in split.columns if name not in measured]
    whole = shipments.with_columns(pl.lit("in all").alias(keys[0]), *(pl.lit("").alias(one) for one in keys[1:]))
    order = pl.int_range(pl.len())
    rows = pl.concat(
        [whole.select(split.columns).with_columns(part=order * 0), split.with_columns(part=order + 1)]
    ).sort("shipment", "part")
    valued = split.filter(pl.col("amount_change").is_not_null())
    sums = valued.group_by(keys).agg(pl.col("amount_change").sum()).sort(sort_order(keys))
    table = Columns(rows.height, below=sums.height)
    table.add(Column("shipment", "left"), once(texts(rows["shipment"])), once(["all"] * sums.height))
    for key in keys:
        table.add(Column(key, "left"), texts(rows[key]), texts(sums[key]))
    _add_rates(table, rows, "change")
    if valued.height:
        unit, shown = in_currency([*rows["amount_change"], *sums["amount_change"]], metas[0], signed=True)
        table.add(Column(f"amount{unit}"), shown[: rows.height], shown[rows.height :])
    alone = shipments.filter(pl.col("rate_before").is_null() != pl.col("rate_after").is_null()).height
    notes = [f"{alone} shipment{'s are' if alone > 1 else ' is'} in one of the two graphs only."] if alone else []
    return table.sheet(f"{title}; by {' and '.join(keys)}", [*notes, *_footers(metas)])


def entry_comparison_sheet(
    title: str,
    changes: pl.DataFrame,
    totals: Sequence[float],
    rates: Sequence[float],
    metas: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Sheet:
    """Return the table of what changed in one entry's duty: rates and money before and after, and the totals."""
    key = changes.columns[0]
    table = Columns(changes.height, below=1)
    table.add(Column(key, "left"), texts(changes[key]), ["total"])
    shown = percentages([*changes["rate_before"], *changes["rate_after"], *rates])
    height = changes.height
    table.add(Column("rate before"), shown[:height], shown[-2:-1])
    table.add(Column("after"), shown[height:-2], shown[-1:])
    for heading, column, total in (("duty before", "duty_before", totals[0]), ("after", "duty_after", totals[1])):
        shown = money([*changes[column], total], decimals=2)
        table.add(Column(heading), shown[:-1], shown[-1:])
    shown = money([*changes["change"], totals[1] - totals[0]], decimals=2, signed=True)
    table.add(Column("change", strong=True), shown[:-1], shown[-1:])
    return table.sheet(title, _footers(metas))


def entry_timeline_sheet(title: str, steps: pl.DataFrame, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of an entry's duty through time: a row for each date on which it changes, and why."""
    table = Columns(steps.height)
    table.add(Column("from", "left"), _dates(steps))
    table.add(Column("rate", strong=True), percentages(steps["rate"].to_list()))
    table.add(Column("change"), _changes(steps))
    table.add(Column("duty"), money(steps["duty"].to_list(), decimals=2))
    table.add(Column("because", "left"), texts(steps["because"]))
    return table.sheet(title, [footer(meta)])


def graph_timeline_sheet(title: str, steps: pl.DataFrame, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of the effective rates through time: a row for each shipment and date of change, and why."""
    table = Columns(steps.height)
    table.add(Column("shipment", "left"), once(texts(steps["shipment"])))
    table.add(Column("from", "left"), _dates(steps))
    table.add(Column("effective", strong=True), percentages(steps["rate"].to_list()))
    table.add(Column("change"), _changes(steps))
    table.add(Column("because", "left"), texts(steps["because"]))
    return table.sheet(title, [footer(meta)])


def _add_rates(table: Columns, rows: pl.DataFrame, change: str) -> None:
    shown = percentages([*rows["rate_before"], *rows["rate_after"]])
    table.add(Column("before"), shown[: rows.height])
    table.add(Column("after"), shown[rows.height :])
    table.add(Column("change", strong=True), percentages(rows[change].to_list(), signed=True))


def _dates(steps: pl.DataFrame) -> list[str]:
    return [_EARLIER if day is None else str(day) for day in steps["date"]]


def _changes(steps: pl.DataFrame) -> list[str]:
    shown = percentages(steps["change"].to_list(), signed=True)
    return ["" if change is None else cell for change, cell in zip(steps["change"], shown, strict=True)]


def _footers(metas: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[str]:
    first, second = map(footer, metas)
    return [first] if first == second else [f"before: {first}", f"after: {second}"]
