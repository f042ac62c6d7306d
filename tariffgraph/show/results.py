"""Results as tables for people: shipments, their split by key, and one entry's duty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ..tables import sort_order
from .columns import Columns, in_currency, once, texts
from .numbers import money, percentages
from .table import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "asked",
    "averages_sheet",
    "came_from",
    "entry_sheet",
    "exposure_sheet",
    "footer",
    "headline",
    "leave_one_out_sheet",
    "shipments_sheet",
    "split_sheet",
]

_SUMS_SHOWN = 12
_EXPOSURES_SHOWN = 40


def shipments_sheet(
    title: str,
    shipments: pl.DataFrame,
    meta: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
) -> Sheet:
    """Return the table of shipments: what each one carries at the border, from upstream, and in all.

    ``shipments`` is ``Incidence.shipments``; ``names`` are the names of stages. The exporter's part, the
    duty and the total are there when something is to be said in them.
    """
    valued = shipments.filter(pl.col("value").is_not_null())
    table = Columns(shipments.height, below=1 if valued.height else 0)
    total = "total" if valued.height == shipments.height else f"total of the {valued.height} with a value"
    table.add(Column("shipment", "left"), shipments["id"].to_list(), [total])
    if names:
        table.add(Column("good", "left", optional=True), [names.get(stage, "") for stage in shipments["stage"]])

    def add_rate(heading: str, rate: str, strong: bool = False) -> None:
        weight = float(valued["value"].sum())
        mean = float((valued["value"] * valued[rate]).sum()) / weight if weight else None
        shown = percentages([*shipments[rate], mean])
        table.add(Column(heading, strong=strong), shown[:-1], shown[-1:])

    add_rate("statutory", "statutory_rate")
    add_rate("embedded", "embedded_rate")
    add_rate("effective", "effective_rate", strong=True)
    if any(shipments["exporter_rate"]):
        add_rate("exporter's part", "exporter_rate")
    if valued.height:
        unit, shown = in_currency([*shipments["duty"], float(valued["duty"].sum())], meta)
        table.add(Column(f"duty{unit}"), shown[:-1], shown[-1:])
    return table.sheet(title, [footer(meta)])


def split_sheet(title: str, split: pl.DataFrame, keys: Sequence[str], meta: Mapping[str, Any]) -> Sheet:
    """Return the table of ``Incidence.by(*keys)``: each shipment's rates by key, and the money by key.

    Rows that are zero throughout are left out and counted.
    """
    rates = ["rate", "exporter_rate", "duty_rate"]
    telling = split.filter(pl.any_horizontal(pl.col(rate) != 0 for rate in rates))
    words = [name for name in split.columns if name not in {"shipment", "amount", *rates}]
    valued = telling.filter(pl.col("amount").is_not_null())
    sums = valued.group_by(words, maintain_order=True).agg(pl.col("amount").sum()).sort(sort_order(words))
    sums = sums if 0 < sums.height <= _SUMS_SHOWN else sums.clear()
    table = Columns(telling.height, below=sums.height)
    shipment = telling["shipment"].to_list()
    table.add(Column("shipment", "left"), once(shipment), once(["all"] * sums.height))
    for word in words:
        table.add(Column(word, "left"), texts(telling[word]), texts(sums[word]))
    table.add(Column("effective", strong=True), percentages(telling["rate"].to_list()))
    if any(telling["exporter_rate"]):
        table.add(Column("exporter's part"), percentages(telling["exporter_rate"].to_list()))
    if valued.height:
        unit, shown = in_currency([*telling["amount"], *sums["amount"]], meta)
        table.add(Column(f"amount{unit}"), shown[: telling.height], shown[telling.height :])
    left_out = split.height - telling.height
    notes = [f"{left_out} row{'s' if left_out > 1 else ''} of zero left out."] if left_out else []
    return table.sheet(f"{title}; by {' and '.join(keys)}", [*notes, footer(meta)])


def exposure_sheet(title: str, exposure: pl.DataFrame, totals: pl.DataFrame, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of ``Incidence.exposure()``: on whose value added duties fall, and the money of all below.

    ``totals`` is ``Incidence.exposure_totals()`` by the same keys; if long, it is shown by owner. What is flagged is
    there where anything is.
    """
    owner, *keys = words = exposure.columns[1 : exposure.columns.index("rate")]
    if totals.height > _EXPOSURES_SHOWN:
        totals = totals.group_by(owner, maintain_order=True).agg(pl.col("amount", "taxed_amount").sum())
    totals = totals if totals.height <= _EXPOSURES_SHOWN else totals.clear()
    table = Columns(exposure.height, below=totals.height)
    table.add(Column("shipment", "left"), once(exposure["shipment"].to_list()), once(["all"] * totals.height))
    for word in words:
        heading = "value added of" if word == owner else word
        table.add(Column(heading, "left"), texts(exposure[word]), texts(totals[word]) if word in totals.columns else [])
    table.add(Column("in the good"), percentages(exposure["value_added"].to_list()))
    table.add(Column("taxed"), percentages(exposure["taxed"].to_list()))
    table.add(Column("effective", strong=True), percentages(exposure["rate"].to_list()))
    flagged = any(exposure["flagged"])
    if flagged:
        table.add(Column("flagged"), percentages(exposure["flagged"].to_list()))
    if totals.height:
        for heading, name in (("taxed", "taxed_amount"), ("amount", "amount")):
            unit, shown = in_currency([*exposure[name], *totals[name]], meta)
            table.add(Column(f"{heading}{unit}"), shown[: exposure.height], shown[exposure.height :])
    note = "Flagged is spread over the whole good: the graph shows nothing of the kind that is declared."
    return table.sheet(
        f"{title}; by {' and '.join(['value added', *keys])}", [*([note] if flagged else []), footer(meta)]
    )


def averages_sheet(
    title: str, averages: pl.DataFrame, overall: pl.DataFrame, keys: Sequence[str], meta: Mapping[str, Any]
) -> Sheet:
    """Return the table of ``Incidence.averages(*keys)``: average rates by key, and in all.

    ``overall`` is ``Incidence.averages()``. The value is there where it differs by row, the exporter's part where there
    is one, the duty where a value is known.
    """
    words = averages.columns[: averages.columns.index("shipments")]
    rows = pl.concat([averages.select(overall.columns), overall])
    table = Columns(averages.height, below=overall.height)
    for word in words:
        table.add(Column(word, "left"), texts(averages[word]), ["total"] if word == words[0] else [])

    def add(column: Column, cells: Sequence[str]) -> None:
        table.add(column, cells[: averages.height], cells[averages.height :])

    known = rows["value"].drop_nulls().len() > 0
    if known and averages["value"].n_unique() > 1:
        unit, shown = in_currency(rows["value"].to_list(), meta)
        add(Column(f"value{unit}"), shown)
    add(Column("statutory"), percentages(rows["statutory_rate"].to_list()))
    add(Column("embedded"), percentages(rows["embedded_rate"].to_list()))
    add(Column("effective", strong=True), percentages(rows["effective_rate"].to_list()))
    if any(rows["exporter_rate"]):
        add(Column("exporter's part"), percentages(rows["exporter_rate"].to_list()))
    if known:
        unit, shown = in_currency(rows["duty"].to_list(), meta)
        add(Column(f"duty{unit}"), shown)
    count = sum(overall["shipments"])
    shipments = f"{count} shipment{'s' if count != 1 else ''}"
    note = f"Over {shipments} with a value, weighted by it." if known else f"Over {shipments}; each counts 1."
    return table.sheet(f"{title}; average by {' and '.join(keys)}", [note, footer(meta)])


def leave_one_out_sheet(title: str, left_out: pl.DataFrame, key: str, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of ``Incidence.leave_one_out(key)``: each share, and what leaving it out would change."""
    table = Columns(left_out.height)
    table.add(Column("shipment", "left"), once(left_out["shipment"].to_list()))
    table.add(Column(key, "left"), texts(left_out[key]))
    rates = ("rate", "effective_rate", "rate_without")
    for heading, rate in zip(("share", "effective", "without it"), rates, strict=True):
        table.add(Column(heading), percentages(left_out[rate].to_list()))
    table.add(Column("change", strong=True), percentages(left_out["change"].to_list(), signed=True))
    if left_out["amount_change"].drop_nulls().len():
        unit, shown = in_currency(left_out["amount_change"].to_list(), meta, signed=True)
        table.add(Column(f"amount{unit}"), shown)
    note = "Without it is the law as it would then stack: the cost of a law is not its share."
    return table.sheet(f"{title}; leaving out one {key} at a time", [note, footer(meta)])


def entry_sheet(title: str, lines: pl.DataFrame, rate: float, total: float, meta: Mapping[str, Any]) -> Sheet:
    """Return the table of one entry's duty: what applies, what does not and why, and the sum.

    Duties are shown to the cent.
    """
    silent = ("excluded", "replaced", "not-applicable")
    rank = {status: at for at, status in enumerate(silent, start=1)}
    lines = lines.sort(pl.col("status").replace_strict(rank, default=0), maintain_order=True)
    applies = [status not in silent for status in lines["status"]]

    def of_those(cells: Sequence[str]) -> list[str]:
        return [cell if shown else "" for cell, shown in zip(cells, applies, strict=True)]

    table = Columns(lines.height, below=1)
    table.add(Column("measure", "left"), texts(lines["measure"]), ["total"])
    table.add(Column("authority", "left", optional=True), texts(lines["authority"]))
    shown = percentages([*lines["rate"], rate])
    table.add(Column("rate"), of_those(shown[:-1]), shown[-1:])
    table.add(Column("of the value"), of_those(percentages(lines["base"].to_list())))
    shown = money([*lines["duty"], total], decimals=2)
    table.add(Column("duty", strong=True), of_those(shown[:-1]), shown[-1:])
    table.add(Column("status", "left"), texts(lines["status"]))
    if any(lines["reason"]):
        table.add(Column("reason", "left"), texts(lines["reason"]))
    return table.sheet(title, [footer(meta)])


def footer(meta: Mapping[str, Any]) -> str:
    """Return in a line what the result came from: rule sets, graph and program, hashes shortened."""
    parts = [f"rules {rules['id']} {_short(rules['hash'])}" for rules in meta.get("rules", ())]
    if meta.get("graph"):
        parts.append(f"graph {_short(meta['graph']['hash'])}")
    parts.append(f"{meta['program']} {meta['version']}")
    return "; ".join(parts)


def came_from(meta: Mapping[str, Any]) -> list[str]:
    """Return the footer with the days that were asked for; of a comparison the two of them."""
    if "before" in meta:
        return [f"{when}: {line}" for when in ("before", "after") for line in came_from(meta[when])]
    return ["; ".join([*_days(meta), footer(meta)])] if meta.get("rules") else []


def headline(subject: str, meta: Mapping[str, Any]) -> str:
    """Return in a line what was asked: about what, under which rules, on which day."""
    return "; ".join([subject, *asked(meta)])


def asked(meta: Mapping[str, Any]) -> list[str]:
    """Return what was asked, part by part: the rules, the days, and what else was set."""
    rules = [_rules_name(rules) for rules in meta.get("rules", ())]
    parts = [f"rules {', '.join(rules)}" if rules else "no rules", *_days(meta)]
    if meta.get("market"):
        parts.append(f"shipped to {meta['market']}")
    if meta.get("known_on"):
        parts.append(f"as known on {meta['known_on']}")
    if meta.get("pass_through") is not None:
        parts.append(f"pass-through {meta['pass_through']:.4g}")
    parts += meta.get("settings") or ()
    return [*parts, *(f"without {name}" for name in meta.get("without") or ())]


def _days(meta: Mapping[str, Any]) -> list[str]:
    words = (("as_of", "entries of"), ("from", "entries from"), ("until", "entries before"))
    return [f"{said} {meta[name]}" for name, said in words if meta.get(name)]


def _rules_name(rules: Mapping[str, Any]) -> str:
    return "+".join([rules["id"], *(rules.get("overlays") or ())])


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:8]
