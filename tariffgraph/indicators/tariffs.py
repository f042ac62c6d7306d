"""Duties along the chain, at untaxed prices: linear, where the effective tariff incidence compounds.

With r_e = φτ the part of a duty in the buyer's price (docs/method.md):

    cumulative tariff    C_j = Σ_e a_e (C_supplier + r_e)                    (Rouzet & Miroudot 2013)
    its k-th tier        C^1_j = Σ_e a_e r_e,  C^{k+1}_j = Σ_e a_e C^k_supplier
    compounded           x_j = Σ_e a_e [x_supplier (1 + r_e) + r_e]          the embedded excess price

None of these holds the last border of a final good, which belongs to the shipment and not to the stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..graph.checks import positions
from .chain import Chain, cycles_settled, quotient
from .value_added import origin_of_value

if TYPE_CHECKING:
    from ..problem import Problem

Array = np.ndarray[Any, Any]

__all__ = ["cumulative_tariff", "derivatives", "input_tariff_exposure", "magnification", "rate_of_input", "tiers"]

#: Tiers that are told apart; all beyond count together.
TIERS_APART = 10


def rate_of_input(problem: Problem) -> Array:
    """Return φτ of every input, 0 where it crosses no border: (inputs,)."""
    return np.append(problem.rates, 0.0)[problem.class_of_input]


def cumulative_tariff(problem: Problem, compounded: bool = False) -> pl.DataFrame:
    """Duties on all that a good is made of, at every border on the way: stage, value (per unit of untaxed value).

    Linear: C_j = Σ_e a_e (C_supplier + r_e), each duty on the untaxed value that crosses. ``compounded``: the embedded
    excess price x_j, duty on duty included. The linear one is never above it; with pass-through 1 and a rate of 1
    at every border it is the expected border crossings. Raises NotProductiveError when the duties make the graph feed
    on more than it makes. Source: Rouzet & Miroudot 2013, without their direct tariff at the last border.
    """
    chain = Chain.of_problem(problem)
    if compounded:
        return chain.frame(value=problem.excess_prices())
    return chain.frame(value=chain.forward(_direct(chain, problem)))


def tiers(problem: Problem) -> pl.DataFrame:
    """Parts of the linear cumulative tariff by how many purchases upstream they are paid: stage, tier, value.

    C^1_j = Σ_e a_e r_e at the stage's own borders, C^{k+1}_j = Σ_e a_e C^k_supplier at its suppliers'. Tiers 1 to 10,
    and ``10+`` for all beyond, so that the sum over the tiers of a stage is its cumulative tariff; tiers without duty
    are left out. Untaxed prices. Source: the power series of (I − A)^-1 (Waugh 1950; Miller & Blair 2009, ch. 2).
    """
    chain = Chain.of_problem(problem)
    structure, share = chain.structure, chain.share
    paid = _direct(chain, problem)
    found = [chain.frame(value=paid).with_columns(tier=pl.lit("1"))]
    for tier in range(2, TIERS_APART + 1):
        paid = chain.bought(share * paid[structure.supplier])
        found.append(chain.frame(value=paid).with_columns(tier=pl.lit(str(tier))))
    beyond = chain.forward(chain.bought(share * paid[structure.supplier]))
    found.append(chain.frame(value=beyond).with_columns(tier=pl.lit(f"{TIERS_APART}+")))
    return (
        pl.concat(found)
        .filter(pl.col("value") != 0.0)
        .sort("stage", maintain_order=True)
        .select("stage", "tier", "value")
    )


def magnification(problem: Problem) -> pl.DataFrame:
    """Cumulative tariff per unit of domestic value added: stage, value, cumulative_tariff, domestic_value_added.

    value = C_j / c_j, with c_j the part of the good's value that was added in the stage's own country, anywhere up the
    chain. Duties fall on the whole value that crosses, while a country earns only c_j of it: the more of a good is
    bought abroad, the heavier the same rates weigh on what is earned. Null where nothing is added at home. Untaxed
    prices. Source: after Yi 2003 and Koopman, Wang & Wei 2014.
    """
    chain = Chain.of_problem(problem)
    cumulative = cumulative_tariff(problem).rename({"value": "cumulative_tariff"})
    at_home = origin_of_value(chain).rename({"share": "domestic_value_added"})
    home = pl.col("domestic_value_added")
    return (
        cumulative.with_columns(chain.graph.stages["country"])
        .join(at_home, on=["stage", "country"], how="left", maintain_order="left")
        .with_columns(home.fill_null(0.0))
        .with_columns(value=pl.when(home > 0.0).then(pl.col("cumulative_tariff") / home))
        .select("stage", "value", "cumulative_tariff", "domestic_value_added")
    )


def input_tariff_exposure(problem: Problem) -> pl.DataFrame:
    """Duties on what a stage itself buys: stage, value, average_rate.

    value = Σ_e a_e r_e per unit of the stage's untaxed output, the first tier of the cumulative tariff; average_rate =
    Σ_e a_e r_e / Σ_e a_e over all its inputs, domestic ones at 0, null where it buys nothing. Untaxed prices. Source:
    Flaaen & Pierce 2019 (share of all costs); Amiti & Konings 2007 (average over inputs).
    """
    chain = Chain.of_problem(problem)
    direct = _direct(chain, problem)
    return chain.frame(value=direct, average_rate=quotient(direct, chain.bought(chain.share)))


def derivatives(problem: Problem, final_good: str) -> pl.DataFrame:
    """Derivative of a final price with respect to the duty rate of every crossing on its way: stage, crossing, value.

    ``final_good``: id of a shipment, whose price is p_f (1 + φτ), or of a stage, whose price is p_f = 1 + x_f. With the
    duties on, a rate that rises by one (t from 0.1 to 1.1) at crossing e = (i → j) raises the price by

        (1 + r_last) y_j a_e p_i φ_e (1 − d_e),    y = [f] + Wᵀ y,    W = A (1 + r),

    and the last border's by p_f φ (1 − d). ``stage`` is the good's; crossings that do not move its price are left out.
    One backward pass. Raises UnknownNameError, NotProductiveError. Source: reverse accumulation, Griewank & Walther
    2008.
    """
    chain = Chain.of_problem(problem)
    stage, last, crossing = _final_good(problem, final_good)
    excess = problem.excess_prices()
    weight = np.zeros(len(problem.stages))
    weight[stage] = 1.0 if last < 0 else 1.0 + problem.rates[last]
    with cycles_settled():
        by_input = chain.structure.derivatives(
            chain.share, problem.class_of_input, problem.rates, weight, excess=excess, by_input=True
        ).by_input
    passed_on = np.append(problem.classes.pass_through * problem.classes.relief, 0.0)
    crossings = pl.DataFrame(
        {
            "crossing": chain.graph.inputs["id"].gather(chain.structure.input),
            "value": by_input * passed_on[problem.class_of_input],
        }
    )
    if last >= 0:
        at_last = pl.DataFrame({"crossing": [crossing], "value": [(1.0 + excess[stage]) * passed_on[last]]})
        crossings = pl.concat([crossings, at_last])
    return (
        crossings.filter(pl.col("value") != 0.0)
        .sort("crossing")
        .select(pl.lit(problem.stages[stage]).alias("stage"), "crossing", "value")
    )


def _direct(chain: Chain, problem: Problem) -> Array:
    """Return the duties on what each stage itself buys, Σ_e a_e r_e: (stages,)."""
    return chain.bought(chain.share * rate_of_input(problem))


def _final_good(problem: Problem, name: str) -> tuple[int, int, str]:
    """Return place of the stage, class of the last border (−1: none) and id of a shipment or stage."""
    shipments, stages = problem.graph.shipments["id"], pl.Series(problem.stages, dtype=pl.String)
    wanted = pl.Series([str(name)], dtype=pl.String)
    (row,), (place,) = positions(wanted, shipments), positions(wanted, stages)
    if row >= 0:
        return int(problem.shipments.stage[row]), int(problem.shipments.class_[row]), name
    if place >= 0:
        return int(place), -1, name
    message = f"'{visible(str(name))}' is neither a shipment nor a stage"
    remedy = suggestion(str(name), [*shipments, *stages], "shipments and stages")
    raise UnknownNameError(Finding(message, remedy, field="final_good"))
