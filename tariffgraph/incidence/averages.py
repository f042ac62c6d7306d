"""Average rates of many shipments, each weighted by its customs value (docs/method.md, Averages).

    average over a set S of shipments        Σ_S value · rate / Σ_S value
    the part of a measure m in it            Σ_S value · (part of m in the rate) / Σ_S value

What pays nothing stays in the denominator. Averages of sets, weighted by their values, average to that of all; parts of
an average add up to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .attribution import KEYS_OF_LAW, columns_of
from .charges import charges
from .sums import added_up
from .totals import embedded, weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem, Solution
    from .totals import Weights

Array = np.ndarray[Any, Any]

__all__ = ["KEYS_OF_GOODS", "averages"]

#: Whose average: of the shipments to a market, from a country, of a product; the keys of law say what part of it.
KEYS_OF_GOODS = ("market", "exporter", "product")

RATES = (
    "statutory_rate",
    "border_rate",
    "embedded_rate",
    "compounding_rate",
    "effective_rate",
    "exporter_rate",
    "duty_rate",
)


def averages(
    problem: Problem, solution: Solution, rows: Array, shipments: pl.DataFrame, keys: Sequence[str]
) -> pl.DataFrame:
    """Return average rates of the shipments ``rows`` by ``keys``, weighted by value, and the duty in money.

    ``shipments``: their table of rates. One row for each set of goods; by keys of law, for each part of its average.
    """
    columns = columns_of(keys, (*KEYS_OF_GOODS, *KEYS_OF_LAW), field="averages")
    names, set_of = _sets(problem, rows, [one for one in columns if one in KEYS_OF_GOODS])
    weight = weights(problem, rows)
    sets = int(set_of.max(initial=-1)) + 1
    count, value = (added_up(set_of, one[rows], sets) for one in (weight.counts, weight.value))
    of_law = [one for one in columns if one not in KEYS_OF_GOODS]
    if of_law:
        parts = _parts(problem, solution, rows, weight, set_of, of_law)
    else:
        parts = _wholes(problem, rows, weight, set_of, shipments)
    at = parts["set"].to_numpy()
    worth = pl.Series(value[at])
    known = pl.Series((count[at] > 0) & weight.money)
    averaged = parts.with_columns(
        *(column.gather(at).alias(column.name) for column in names),
        shipments=pl.Series(count[at].astype(np.int64)),
        value=pl.when(known).then(worth),
        duty=pl.when(known).then(pl.col("duty_rate")),
    )
    rates = [pl.when(worth > 0).then(pl.col(name) / worth).alias(name) for name in RATES]
    return averaged.select(*columns, "shipments", "value", *rates, "duty").sort(columns or ["shipments"])


def _sets(problem: Problem, rows: Array, keys: Sequence[str]) -> tuple[pl.DataFrame, Array]:
    """Return the combinations of the keys among the goods shipped, and the number of the one of each shipment."""
    stages = problem.graph.stages.select("stage", "product", exporter="country")
    goods = problem.graph.shipments[rows].join(stages, on="stage", how="left", maintain_order="left").select(keys)
    if not keys:
        return goods, np.zeros(len(rows), np.int64)
    names = goods.unique(maintain_order=True).with_row_index("set")
    set_of = goods.join(names, on=list(keys), how="left", maintain_order="left")["set"]
    return names.drop("set"), set_of.to_numpy().astype(np.int64)


def _wholes(problem: Problem, rows: Array, weight: Weights, set_of: Array, shipments: pl.DataFrame) -> pl.DataFrame:
    """Return Σ value · rate of each set."""
    ids = problem.graph.shipments[rows].select("id")
    rates = ids.join(shipments, on="id", how="left", maintain_order="left")
    value = weight.value[rows]
    sets = int(set_of.max(initial=-1)) + 1
    sums = {name: added_up(set_of, value * rates[name].to_numpy(), sets) for name in RATES}
    return pl.DataFrame({"set": np.arange(sets), **sums})


def _parts(
    problem: Problem, solution: Solution, rows: Array, weight: Weights, set_of: Array, keys: Sequence[str]
) -> pl.DataFrame:
    """Return Σ value · (part of the rate) of each set, by what takes the part; one backward pass a set."""
    charged = charges(problem, solution, keys)
    borders = charged.borders
    compounding = solution.excess[problem.shipments.stage[borders.shipment]] * borders.border_rate
    once = np.ones(len(compounding))
    found = []
    for number in range(int(set_of.max(initial=0)) + 1):
        value = np.zeros(len(weight.value))
        mine = rows[set_of == number]
        value[mine] = weight.value[mine]
        touched, embedded_rate, embedded_exporter = embedded(problem, charged, value, by_depth=False)[:, 0]
        at_border = charged.at_last_borders(value, once, borders.statutory_rate, borders.border_rate, compounding)
        exporter = embedded_exporter + charged.at_last_borders(value, borders.exporter_rate)[0]
        group = np.flatnonzero(touched + at_border[0])
        statutory, border, compounded = at_border[1:]
        effective = border + embedded_rate + compounded
        rates = (statutory, border, embedded_rate, compounded, effective, exporter, effective + exporter)
        found.append(
            pl.DataFrame(
                {
                    "set": np.full(len(group), number),
                    **charged.keys(keys, group, group),
                    **{name: one[group] for name, one in zip(RATES, rates, strict=True)},
                }
            )
        )
    return pl.concat(found)
