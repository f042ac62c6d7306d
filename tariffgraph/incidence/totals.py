"""Money of all shipments together, from one backward pass (docs/method.md, Totals).

With w_f the value of the shipments of good f, y = (I − A)^-1 w is the output of every stage, untaxed, that they take
in; y_j a_e crosses at e = (i → j), and pays there y_j a_e · p_i t_m (1 − d)(1 + φτ)/(1 + τ) to measure m.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..tables import sort_order
from .charges import charges
from .depth import embodied
from .sums import added_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem, Solution
    from .charges import Charges

Array = np.ndarray[Any, Any]

__all__ = ["Weights", "embedded", "totals", "values_that_cross", "weights"]


@dataclass(frozen=True, eq=False)
class Weights:
    """What shipments count in sums. ``value``: (shipments,), of every row of the graph's table, 0 where it is left out.

    ``counts``: (shipments,), whether it counts; ``money``: whether the values are money, or 1 each for want of any.
    """

    value: Array
    counts: Array
    money: bool


def weights(problem: Problem, rows: Array) -> Weights:
    """Return what the shipments ``rows`` count: their value; those without one nothing, or each 1 if none has one."""
    values = problem.graph.shipments["value"]
    shown = np.zeros(len(values), np.bool_)
    shown[rows] = True
    known = shown & values.is_not_null().to_numpy()
    money = bool(known.any())
    counts = known if money else shown
    value = values.fill_null(0.0).to_numpy() if money else np.ones(len(values))
    return Weights(np.where(counts, value, 0.0), counts, money)


def totals(problem: Problem, solution: Solution, rows: Array, columns: Sequence[str]) -> pl.DataFrame:
    """Return the money that the shipments ``rows`` pay in all, by ``columns``: amount, exporter_amount, duty.

    One row for each that some duty on a shipment with a value touches; none where no shipment has a value.
    """
    charged = charges(problem, solution, columns)
    weight = weights(problem, rows)
    sums = embedded(problem, charged, weight.value * weight.money, by_depth="depth" in columns)
    borders = charged.borders
    once = np.ones(len(borders.shipment))
    sums[:, 0] += charged.at_last_borders(weight.value * weight.money, once, borders.rate, borders.exporter_rate)
    touched, amount, exporter_amount = sums
    depth, group = np.nonzero(touched)
    amount, exporter_amount = amount[depth, group], exporter_amount[depth, group]
    money = {"amount": amount, "exporter_amount": exporter_amount, "duty": amount + exporter_amount}
    return pl.DataFrame({**charged.keys(columns, group, depth), **money}).sort(sort_order(columns))


def embedded(problem: Problem, charged: Charges, weight: Array, *, by_depth: bool) -> Array:
    """Return what goods carry together of the duties on inputs: by depth (or in one), by group of lines.

    ``weight``: (shipments,), how much of each there is. The answer is (3, depths, groups): the output of stages that
    pay, the rates, the exporters' rates.
    """
    paid = charged.inputs
    stage, stages = problem.shipments.stage, problem.structure.stages
    abroad = problem.shipments.class_ >= 0
    at_home, sold_abroad = (added_up(stage, weight * one, stages) for one in (~abroad, abroad))
    found = []
    for requirement in embodied(problem, at_home, sold_abroad, by_depth=by_depth):
        taken = requirement[paid.user]
        parts = (taken, taken * paid.rate, taken * paid.exporter_rate)
        found.append(np.stack([added_up(paid.group, one, charged.groups) for one in parts]))
    return np.stack(found, axis=1)


def values_that_cross(problem: Problem, rows: Array) -> pl.Series:
    """Return the untaxed value that crosses at each border crossing in the shipments ``rows``, in their order.

    Null at the last border of a shipment without a value, and everywhere if none has one.
    """
    weight = weights(problem, rows)
    crossings = problem.classes.crossings.select("kind", "row")
    if not weight.money:
        return pl.repeat(None, crossings.height, dtype=pl.Float64, eager=True)
    of_stage = added_up(problem.shipments.stage, weight.value, problem.structure.stages)
    (requirement,) = embodied(problem, of_stage, np.zeros_like(of_stage), by_depth=False)
    of_input = np.empty(len(problem.share))
    of_input[problem.structure.input] = requirement[problem.structure.user] * problem.share
    of_shipment = np.where(weight.counts, weight.value, np.nan)
    inputs, last = (crossings.filter(kind=kind)["row"].to_numpy() for kind in ("input", "shipment"))
    is_input = (crossings["kind"] == "input").to_numpy()
    value = np.empty(crossings.height)
    value[is_input], value[~is_input] = of_input[inputs], of_shipment[last]
    return pl.Series(value, nan_to_null=True)
