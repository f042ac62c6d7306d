"""Value-added origin: in which countries the value of a good was added (docs/method.md, Content)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..customs.content import value_added_content
from .chain import Chain, cycles_settled

if TYPE_CHECKING:
    import os

    import polars as pl

    from ..graph.production_graph import ProductionGraph

__all__ = ["origin_of_value", "value_added_origin"]


def value_added_origin(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Where the value of every good was added: stage, country, share (of the untaxed value); sums to 1 by stage.

    c_j = v_j [country_j] + Σ_e a_e c_supplier(e). Countries that add nothing are left out. Source: Hummels, Ishii & Yi
    2001; Johnson & Noguera 2012; Koopman, Wang & Wei 2014.
    """
    return origin_of_value(Chain.of(graph))


def origin_of_value(chain: Chain) -> pl.DataFrame:
    """Return the same of a chain that is prepared."""
    with cycles_settled():
        return value_added_content(chain.graph, chain.structure, chain.share, chain.value_added)
