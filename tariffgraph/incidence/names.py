"""Which shipment of a result is meant: its id, its stage, or its stage and its market."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible

if TYPE_CHECKING:
    from .incidence import Incidence

__all__ = ["shipment_row"]


def shipment_row(result: Incidence, shipment: str, market: str | None = None) -> int:
    """Return the row of a shipment in the graph's table. Raises UnknownNameError for no such one, or several.

    ``shipment``: an id, or the stage that it leaves; ``market`` tells shipments of one stage apart.
    """
    shipment, market = str(shipment), None if market is None else str(market)
    known = result.problem.graph.shipments[result.shown].select("id", "stage", "market", row=pl.Series(result.shown))
    by_id = known.filter(pl.col("id") == shipment)
    found = by_id if by_id.height and market is None else known.filter(pl.col("stage") == shipment)
    if found.is_empty():
        raise _unknown(shipment, known, market)
    if market is not None and market not in found["market"]:
        markets = found["market"].unique().sort()
        raise UnknownNameError(
            Finding(
                f"'{visible(shipment)}' is not shipped to the market '{visible(market)}'",
                suggestion(market, markets, "markets"),
                field="market",
            )
        )
    if market is not None:
        found = found.filter(pl.col("market") == market)
    if found.height > 1:
        ids = ", ".join(f"'{visible(one)}'" for one in found["id"][:5]) + (", ..." if found.height > 5 else "")
        raise UnknownNameError(
            Finding(f"'{visible(shipment)}' has {found.height} shipments", f"Name one: {ids}.", field="shipment")
        )
    return int(found["row"][0])


def _unknown(shipment: str, known: pl.DataFrame, market: str | None) -> UnknownNameError:
    stages = known["stage"].unique()
    if market is not None and shipment in known["id"]:
        message, remedy = f"'{visible(shipment)}' is an id, which has its market", "Leave the market out."
    elif shipment.endswith("-") and (cut := known.filter(pl.col("id").str.starts_with(f"{shipment}>"))).height:
        message = f"no shipment has the id or stage '{visible(shipment)}'"
        remedy = f"A shell takes > for a redirection: put the id between quotes, '{visible(cut['id'][0])}'."
    else:
        message = f"no shipment has the id or stage '{visible(shipment)}'"
        remedy = suggestion(shipment, (*known["id"], *stages) if market is None else stages, "shipments")
    return UnknownNameError(Finding(message, remedy, field="shipment"))
