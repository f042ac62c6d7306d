"""Country of origin of the good of every stage, for customs (docs/method.md, Origin)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key

if TYPE_CHECKING:
    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph

Array = np.ndarray[Any, Any]

__all__ = ["determine_origin"]

TARIFF_SHIFT = "tariff-shift"
HALF = 0.5
DIGITS = 12


def determine_origin(graph: ProductionGraph, structure: Structure, share: Array) -> pl.Series:
    """Return the origin of each stage's good, in the order of the stages table.

    It is what the table says. ``tariff-shift`` asks whether processing changed the heading: where inputs of the
    good's own heading and of foreign origin reach half of its value, it takes the origin of the biggest such supplier
    (of equals, the first id), else its own country, as always in a cycle. ``share``: (inputs,), in the engine's order.
    """
    stated = graph.stages["origin"]
    shifting = (stated == TARIFF_SHIFT).to_numpy()
    if not shifting.any():
        return stated
    country = graph.stages["country"].to_list()
    heading = [_heading(product) for product in graph.stages["product"]]
    origin = stated.to_list()
    in_cycle = np.zeros(structure.stages, np.bool_)
    for start, stop in structure.cycles:
        in_cycle[start:stop] = stop - start > 1  # what a stage buys from itself is not from elsewhere
    for place in range(structure.stages):
        stage = int(structure.stage[place])
        if not shifting[stage]:
            continue
        origin[stage] = country[stage]
        if in_cycle[place]:
            continue
        of_supplier: dict[int, list[float]] = {}
        for at in range(int(structure.first[place]), int(structure.first[place + 1])):
            supplier = int(structure.stage[structure.supplier[at]])
            if heading[supplier] == heading[stage] is not None and origin[supplier] != country[stage]:
                of_supplier.setdefault(supplier, []).append(float(share[at]))
        shares = {supplier: float(np.sum(parts)) for supplier, parts in of_supplier.items()}
        if shares and round(sum(shares.values()), DIGITS) >= HALF:
            largest = max(shares.values())
            # The table is sorted by id: the smallest number is the first by id.
            origin[stage] = origin[min(one for one, part in shares.items() if part == largest)]
    return pl.Series("origin", origin, dtype=pl.String)


def _heading(product: str) -> str | None:
    key = product_key(product)
    return key[:4] if ":" not in key and len(key) >= 4 else None
