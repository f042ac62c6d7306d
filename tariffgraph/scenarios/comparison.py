"""Comparison: what changed between two results, and under which measure, exactly.

The parts of a rate add up to it (docs/method.md, Attribution), so their changes add up to its change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ..customs.duty import Duty
from ..errors import Finding, TariffGraphError, UnknownNameError
from ..incidence.attribution import differs
from ..incidence.incidence import Incidence
from ..tables import sort_order

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["compare", "compare_shipments"]

_RATES = ("rate", "duty_rate")


def compare(before: Incidence | Duty, after: Incidence | Duty, *keys: str) -> pl.DataFrame:
    """Return what changed between two results of one kind, by ``keys`` (those of its ``by``; default measure).

    Of two incidences: shipment, the keys, rate_before, rate_after, change (parts of the effective rate),
    duty_rate_change, amount_change (null without a value, or in different currencies); the changes of a shipment add up
    to that of its effective rate. A shipment that only one of them has is null in the other, and so are its changes.
    Of two duties: the key, duty_before, duty_after, change (money), rate_before, rate_after, rate_change (shares of the
    value).

    A measure that one of them lacks charges 0 there. Rows in which nothing changes are left out: compare(a, a) is
    empty, and compare(b, a) is compare(a, b) with the signs turned. Raises TariffGraphError and UnknownNameError.
    """
    keys = keys or ("measure",)
    if isinstance(before, Incidence) and isinstance(after, Incidence):
        return _compare_incidences(before, after, before.by(*keys), after.by(*keys))
    if isinstance(before, Duty) and isinstance(after, Duty):
        return _compare_duties(before, after, keys)
    raise TariffGraphError(
        Finding(
            f"{type(before).__name__} and {type(after).__name__} cannot be compared",
            "Give two results of propagate, or two of assess.",
        )
    )


def compare_shipments(before: Incidence, after: Incidence) -> pl.DataFrame:
    """Return the shipments whose effective or duty rate changed, with the columns of ``compare`` and no keys."""

    def rates(result: Incidence) -> pl.DataFrame:
        return result.shipments.select(
            "duty_rate", shipment="id", rate="effective_rate", amount=pl.col("value") * pl.col("effective_rate")
        )

    return _compare_incidences(before, after, rates(before), rates(after))


def _compare_incidences(
    before: Incidence, after: Incidence, rates_before: pl.DataFrame, rates_after: pl.DataFrame
) -> pl.DataFrame:
    measured = [*_RATES, "amount"]
    words = ["shipment", *(one for one in rates_before.columns if one not in {"shipment", "exporter_rate", *measured})]
    rows = rates_before.select(*words, *measured).join(
        rates_after.select(*words, *measured), on=words, how="full", coalesce=True, nulls_equal=True, suffix="_after"
    )
    rows = rows.rename({name: f"{name}_before" for name in measured})
    for when, result in (("before", before), ("after", after)):
        here = result.shipments.select(pl.lit(value=True).alias("here"), shipment="id", worth="value")
        rows = rows.join(here, on="shipment", how="left", maintain_order="left")
        # Nothing of the measure at a shipment that is there is 0; nothing at one that is not there is nothing.
        rows = rows.with_columns(
            *(pl.when("here").then(pl.col(f"{name}_{when}").fill_null(0.0)) for name in _RATES),
            pl.when(pl.col("worth").is_not_null()).then(pl.col(f"amount_{when}").fill_null(0.0)),
        ).drop("here", "worth")
    if before.meta["graph"]["currency"] != after.meta["graph"]["currency"]:
        rows = rows.with_columns(amount_after=pl.lit(None, pl.Float64))
        measured.remove("amount")
    return (
        rows.filter(pl.any_horizontal(differs(pl.col(f"{name}_before"), pl.col(f"{name}_after")) for name in measured))
        .select(
            *words,
            "rate_before",
            "rate_after",
            change=_change("rate"),
            duty_rate_change=_change("duty_rate"),
            amount_change=_change("amount"),
        )
        .sort(sort_order(words))
    )


def _compare_duties(before: Duty, after: Duty, keys: Sequence[str]) -> pl.DataFrame:
    if len(keys) > 1:
        raise UnknownNameError(Finding(f"duties are compared by one key, not by {' and '.join(keys)}", "Give one."))
    (key,) = keys
    rows = before.by(key).join(after.by(key), on=key, how="full", coalesce=True, suffix="_after")
    return (
        rows.rename({"duty": "duty_before", "rate": "rate_before"})
        .with_columns(pl.exclude(key).fill_null(0.0))
        .filter(pl.any_horizontal(differs(pl.col(f"{one}_before"), pl.col(f"{one}_after")) for one in ("duty", "rate")))
        .select(
            key,
            "duty_before",
            "duty_after",
            _change("duty").alias("change"),
            "rate_before",
            "rate_after",
            _change("rate").alias("rate_change"),
        )
        .sort(key)
    )


def _change(name: str) -> pl.Expr:
    return pl.col(f"{name}_after") - pl.col(f"{name}_before")
