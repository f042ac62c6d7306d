"""Where a stage stands in its chains: how far from the final good, how long the way to it, how many borders on it.

Untaxed prices, no law. With A the input shares, Y = (I − A)^-1 F the gross output that the shipments F ask for:

    upstreamness        U_i = 1 + Σ_j (a_ij Y_j / Y_i) U_j        (Antràs, Chor, Fally & Hillberry 2012)
    downstreamness      D_j = 1 + Σ_i a_ij D_i                    (Antràs & Chor 2018; Fally 2012)
    border crossings    B_j = Σ_e a_e (B_supplier + [e crosses])  (Muradov 2016; Wang, Wei, Yu & Zhu 2017)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..graph.checks import positions
from .chain import Chain, quotient

if TYPE_CHECKING:
    import os

    from ..graph.production_graph import ProductionGraph

Array = np.ndarray[Any, Any]

__all__ = [
    "border_crossings",
    "downstreamness",
    "gross_output",
    "leontief_requirements",
    "production_length",
    "upstreamness",
]


def gross_output(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Gross output of every stage: stage, value (money a year, untaxed). Y = F + A Y.

    F is the value of the stage's shipments; a shipment without a value is left out, unless none has one: then each
    counts 1. Source: Leontief 1936; Miller & Blair 2009, ch. 2.
    """
    chain = Chain.of(graph)
    return chain.frame(value=chain.output)


def leontief_requirements(graph: ProductionGraph | str | os.PathLike[str], stage: str) -> pl.DataFrame:
    """Output of every stage j embodied in one unit of the good of ``stage``: stage, value. Column f of (I − A)^-1.

    Stages of which the good holds nothing are left out. Untaxed prices. Raises UnknownNameError. Source: Leontief
    1936; Miller & Blair 2009, ch. 2.
    """
    chain = Chain.of(graph)
    ids = chain.graph.stages["stage"]
    (row,) = positions(pl.Series([str(stage)], dtype=pl.String), ids)
    if row < 0:
        message = f"no stage has the id '{visible(str(stage))}'"
        raise UnknownNameError(Finding(message, suggestion(str(stage), ids, "stages"), field="stage"))
    unit = np.zeros(len(ids))
    unit[chain.structure.place[row]] = 1.0
    return chain.frame(value=chain.backward(unit)).filter(pl.col("value") != 0.0)


def upstreamness(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Average distance of a stage's output from final use, at least 1: stage, value (stages). U = (I − A)^-1 Y / Y.

    U_i = 1 + Σ_j (a_ij Y_j / Y_i) U_j: the part of i's output that j buys stands one stage further up than j. Weighted
    by output, its mean is that of downstreamness. Null where a stage feeds no shipment, whose distance is from nothing.
    Source: Antràs, Chor, Fally & Hillberry 2012; Antràs & Chor 2018.
    """
    chain = Chain.of(graph)
    output = chain.output
    return chain.frame(value=quotient(chain.backward(output), output))


def downstreamness(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Average number of stages that the value of a good has passed, at least 1: stage, value. D_j = 1 + Σ_i a_ij D_i.

    1 where a stage buys nothing. Untaxed prices. Source: Antràs & Chor 2018; the N of Fally 2012.
    """
    chain = Chain.of(graph)
    return chain.frame(value=chain.forward(np.ones(chain.structure.stages)))


def production_length(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Production length of every good, split at the borders: stage, value, domestic, cross_border.

    value = 1 + domestic + cross_border is the downstreamness D_j: the average number of stages in which a unit of the
    value added in the good counts as output. ``domestic`` and ``cross_border`` are the purchases on the way, inside a
    country and across a border; the latter are the expected border crossings. Untaxed prices. Source: Fally 2012;
    Wang, Wei, Yu & Zhu 2017 (backward production length).
    """
    chain = Chain.of(graph)
    crosses = chain.crosses
    domestic, cross_border = (chain.forward(chain.bought(chain.share * one)) for one in (~crosses, crosses))
    return chain.frame(value=1.0 + domestic + cross_border, domestic=domestic, cross_border=cross_border)


def border_crossings(graph: ProductionGraph | str | os.PathLike[str]) -> pl.DataFrame:
    """Expected border crossings of the inputs embodied in one unit of a good: stage, value (crossings).

    B_j = Σ_e a_e (B_supplier + [e crosses a border]): the value that has crossed borders on the way to stage j, counted
    as often as it crossed, per unit of the good's untaxed value. The good's own last border is not in it. Source:
    Muradov 2016; Wang, Wei, Yu & Zhu 2017.
    """
    chain = Chain.of(graph)
    return chain.frame(value=chain.forward(chain.bought(chain.share * chain.crosses)))
