"""Effective rate of protection: what a country's tariffs do for the value that a stage there adds.

    ERP_j = (t_j − Σ_i a_ij t_i) / v_j

t_j: by how much duties raise the price of competing imports of the stage's own product; t_i: of its inputs. Shares and
value added are those of the untaxed graph, which is free trade. It is not the effective tariff incidence: a tariff on
the final good raises protection, a tariff on a material lowers it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..graph.checks import positions
from .chain import Chain, quotient
from .tariffs import rate_of_input

if TYPE_CHECKING:
    from ..problem import Problem

Array = np.ndarray[Any, Any]

__all__ = ["effective_rate_of_protection"]

Method = Literal["corden", "balassa"]


def effective_rate_of_protection(problem: Problem, method: Method = "corden") -> pl.DataFrame:
    """Effective rate of protection: stage, value, nominal_rate, input_tariffs, value_added.

    value = (nominal_rate − input_tariffs) / value_added, rates φτ as a share of free-trade prices.

    ``nominal_rate`` t_j: average rate at the crossings of the graph that bring the same product (six digits of the HS;
    the whole code of another nomenclature) into the stage's country, weighted by their untaxed value. Null, and with it
    the effective rate, where the graph shows no such import. An imported input carries the rate of its own crossing; a
    domestic one the nominal rate of its product there, whoever pays it; where that is null it is non-traded.

    Of non-traded inputs, ``balassa`` takes the price as given: t = 0, v_j is the stage's own value added. ``corden``
    looks into them: what they buy that is traded counts as bought by j, what they add as added by j. Raises
    UnknownNameError. Source: Corden 1966; Balassa 1965.
    """
    if method not in get_args(Method):
        remedy = suggestion(str(method), get_args(Method), "methods")
        raise UnknownNameError(Finding(f"'{visible(str(method))}' is no method", remedy, field="method"))
    chain = Chain.of_problem(problem)
    crosses, supplier = chain.crosses, chain.structure.supplier
    nominal = _nominal_rates(problem, chain)
    rate = np.where(crosses, rate_of_input(problem), nominal[supplier])
    traded = ~np.isnan(rate)
    input_tariffs = chain.bought(chain.share * np.where(traded, rate, 0.0))
    value_added = chain.value_added
    if method == "corden":
        non_traded = np.where(traded, 0.0, chain.share)
        input_tariffs, value_added = (chain.forward(one, non_traded) for one in (input_tariffs, value_added))
    return chain.frame(
        value=quotient(nominal - input_tariffs, value_added),
        nominal_rate=nominal,
        input_tariffs=input_tariffs,
        value_added=value_added,
    )


def _nominal_rates(problem: Problem, chain: Chain) -> Array:
    """Return the average rate of the imports that compete with every stage, NaN where none do: (stages,).

    Weights are the untaxed values of the flows; where all of them are 0 or unknown, each crossing counts the same.
    """
    crossings = problem.classes.crossings
    rate = problem.rates[crossings["class"].to_numpy().astype(np.int64)]
    market = crossings.select(_market("importer")).to_series()
    markets = market.unique().sort()
    place = positions(market, markets)

    def average(weight: Array) -> Array:
        total, paid = (np.bincount(place, weights=one, minlength=len(markets)) for one in (weight, weight * rate))
        return quotient(paid, total)

    by_value, plain = average(_flows(crossings, chain)), average(np.ones(len(rate)))
    rates = np.append(np.where(np.isnan(by_value), plain, by_value), np.nan)
    of_stage = chain.graph.stages.select(_market("country")).to_series()
    return rates[positions(of_stage, markets)[chain.structure.stage]]


def _flows(crossings: pl.DataFrame, chain: Chain) -> Array:
    """Return the untaxed value that passes each crossing: a_e Y_j of an input, the value of a shipment."""
    row = crossings["row"].to_numpy().astype(np.int64)
    of_input = (crossings["kind"] == "input").to_numpy()
    bought = np.empty(len(chain.share))
    bought[chain.structure.input] = chain.share * chain.output[chain.structure.user]
    flows = np.empty(len(row))
    flows[of_input] = bought[row[of_input]]
    flows[~of_input] = chain.weight_of_shipment[row[~of_input]]
    return flows


def _market(country: str) -> pl.Expr:
    """Return where a product competes, as one key: the country, and of HS codes the first six digits."""
    product = pl.col("product")
    digits = product.str.replace_all(".", "", literal=True).str.head(6)
    key = pl.when(product.str.contains(":", literal=True)).then(product).otherwise(digits)
    return pl.concat_str(country, pl.lit(" "), key)
