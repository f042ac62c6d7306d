"""What is charged where: a line for each measure, or credit against one, at each border crossing.

    crossing e = (i → j), measure m:  a_e · p_i φ t_m (1 − d)                    on the buyer's price
                                      a_e · p_i t_m (1 − d)(1 − φ)/(1 + τ)       borne by the exporter
    the last border of good f:        the same with p_f, and 1 for a_e

The duty collected, a_e · p_i t_m (1 − d)(1 + φτ)/(1 + τ), is the sum of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..tables import DEPTHS
from .sums import added_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem, Solution

Array = np.ndarray[Any, Any]

__all__ = ["Charges", "LastBorders", "PaidByUsers", "charged_lines", "charges", "grouped"]


@dataclass(frozen=True, eq=False)
class PaidByUsers:
    """What each stage pays on its inputs, per unit of its untaxed output, by group of lines; one entry a pair.

    ``user``: stage, in the engine's order; ``group``; ``rate``: in its price; ``exporter_rate``: borne by exporters.
    """

    user: Array
    group: Array
    rate: Array
    exporter_rate: Array


@dataclass(frozen=True, eq=False)
class LastBorders:
    """What is charged at the last borders, per unit of the good's untaxed value; one entry a line.

    ``shipment``: its row in the graph's table; ``group``; ``statutory_rate``: t_m; ``border_rate``: φ t_m (1 − d);
    ``rate``: p_f times that; ``exporter_rate``.
    """

    shipment: Array
    group: Array
    statutory_rate: Array
    border_rate: Array
    rate: Array
    exporter_rate: Array


@dataclass(frozen=True, eq=False)
class Charges:
    """All lines of a problem, in ``groups`` groups. ``names``: the combination of the keys that each one stands for."""

    groups: int
    names: pl.DataFrame
    inputs: PaidByUsers
    borders: LastBorders

    def keys(self, columns: Sequence[str], group: Array, depth: Array) -> dict[str, pl.Series]:
        """Return ``columns`` of entries of which group and depth (its number in ``DEPTHS``) are given."""
        depths = pl.Series(DEPTHS, dtype=pl.String)
        return {one: depths.gather(depth) if one == "depth" else self.names[one].gather(group) for one in columns}

    def at_last_borders(self, weight: Array, *rates: Array) -> Array:
        """Return Σ weight · rate over the last borders, (rates, groups). ``weight``: (shipments,)."""
        many = weight[self.borders.shipment]
        return np.stack([added_up(self.borders.group, many * one, self.groups) for one in rates])


def charges(problem: Problem, solution: Solution, columns: Sequence[str]) -> Charges:
    """Return what is charged at every crossing, in one group what is the same in ``columns``.

    ``columns``: measure, action, authority, crossing, importer, exporter, origin, product; the depth is not the lines'.
    """
    lines = charged_lines(problem)
    names, group = grouped(lines, [one for one in columns if one != "depth"])
    classes = problem.classes
    class_ = lines["class"].to_numpy()
    t = lines["t"].to_numpy()
    tau, phi = classes.tau[class_], classes.pass_through[class_]
    on_customs_value = t * classes.relief[class_]
    border_rate = phi * on_customs_value
    price = 1.0 + solution.excess[lines["supplier_place"].to_numpy()]
    rate = price * border_rate
    exporter_rate = price * on_customs_value * (1.0 - phi) / (1.0 + tau)
    place = lines["place"].to_numpy()
    bought, last = np.flatnonzero(place >= 0), np.flatnonzero(place < 0)
    share = problem.share[place[bought]]
    return Charges(
        int(group.max(initial=-1)) + 1,
        names,
        _summed(
            problem.structure.user[place[bought]], group[bought], share * rate[bought], share * exporter_rate[bought]
        ),
        LastBorders(
            lines["row"].to_numpy()[last], group[last], t[last], border_rate[last], rate[last], exporter_rate[last]
        ),
    )


def charged_lines(problem: Problem) -> pl.DataFrame:
    """Return a row for each measure that charges, or credit that pays, at each crossing: keys, t_m, where it lies.

    ``place``: the input's number in the engine's order, −1 for a last border; ``row``: in its table.
    """
    place_of_input = np.empty(len(problem.share), np.int64)
    place_of_input[problem.structure.input] = np.arange(len(problem.share))
    crossings = problem.classes.crossings
    row = crossings["row"].to_numpy().astype(np.int64)
    of_input = (crossings["kind"] == "input").to_numpy()
    place = np.full(len(row), -1, np.int64)
    place[of_input] = place_of_input[row[of_input]]
    charged = pl.DataFrame(dict(zip(("class", "measure_number", "t"), problem.classes.lines, strict=True)))
    measures = pl.DataFrame(
        [(one.number, one.measure, one.action, one.authority) for one in problem.classes.charges],
        schema={
            "measure_number": pl.Int64,
            "measure": pl.String,
            "action": pl.String,
            "authority": pl.String,
        },
        orient="row",
    )
    return (
        crossings.with_columns(
            pl.Series("place", place),
            pl.Series("row", row),
            pl.Series("supplier_place", problem.places(crossings["supplier"]).astype(np.int64)),
            pl.col("class").cast(pl.Int64),
        )
        .rename({"id": "crossing"})
        .join(charged, on="class", how="inner", maintain_order="left_right")
        .join(measures, on="measure_number", how="left", maintain_order="left")
    )


def grouped(lines: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, Array]:
    """Return the distinct combinations of the keys, and the number of the one that each line belongs to."""
    if not keys:
        return pl.DataFrame(), np.zeros(lines.height, np.int64)
    names = lines.select(keys).unique(maintain_order=True).with_row_index("group")
    group = lines.select(keys).join(names, on=list(keys), how="left", maintain_order="left")["group"]
    return names.drop("group"), group.to_numpy().astype(np.int64)


def _summed(user: Array, group: Array, rate: Array, exporter_rate: Array) -> PaidByUsers:
    """Add up what a stage pays to one group."""
    groups = int(group.max(initial=0)) + 1
    pair, entry = np.unique(user * groups + group, return_inverse=True)
    rates = (added_up(entry, one, len(pair)) for one in (rate, exporter_rate))
    return PaidByUsers(pair // groups, pair % groups, *rates)
