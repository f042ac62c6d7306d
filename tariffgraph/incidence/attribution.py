"""Attribution: each cent of a rate to a measure, a crossing and a country, without residual (docs/method.md).

Duty counts where and as it is collected, at taxed prices; L = (I − A)^-1, on untaxed shares, takes it to good f:

    crossing e = (i → j), measure m:  L_jf a_e · p_i φ t_m (1 − d)                       of the embedded rate
                                      L_jf a_e · p_i t_m (1 − d)(1 − φ)/(1 + τ)          of the exporter's part
                                      L_jf a_e · p_i t_m (1 − d)(1 + φτ)/(1 + τ)         of the duty collected
    the last border:                  the same with L_jf a_e = 1 and p_f
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..memory import refuse_beyond_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem, Solution

Array = np.ndarray[Any, Any]

__all__ = ["KEYS", "attribute"]

KEYS = ("measure", "action", "authority", "crossing", "importer", "exporter", "origin", "product")
#: What a row of the split costs: ids and keys as text, four numbers, and the copy that sorting makes.
BYTES_OF_A_ROW = 400

RATES = ("rate", "exporter_rate", "duty_rate")


def attribute(problem: Problem, solution: Solution, rows: Array, keys: Sequence[str]) -> pl.DataFrame:
    """Return the rates of the shipments ``rows`` by ``keys``, one row for each that some duty touches."""
    columns = list(dict.fromkeys(("importer", *keys) if "authority" in keys else keys))
    order = [one for one in keys if one in columns]
    order = list(dict.fromkeys(name for key in order for name in ((key, "importer") if key == "authority" else (key,))))
    lines = _lines(problem)
    names, group = _groups(lines, order)

    classes = problem.classes
    class_ = lines["class"].to_numpy().astype(np.int64)
    tau_m = lines["t"].to_numpy() * classes.relief[class_]
    tau = classes.tau[class_]
    phi = classes.pass_through[class_]
    supplier = lines["supplier_place"].to_numpy().astype(np.int64)
    price = 1.0 + solution.excess[supplier]
    per_unit = np.stack(
        [
            price * phi * tau_m,
            price * tau_m * (1.0 - phi) / (1.0 + tau),
            price * tau_m * (1.0 + phi * tau) / (1.0 + tau),
        ]
    )
    of_input = np.flatnonzero(lines["place"].to_numpy() >= 0)
    place = lines["place"].to_numpy().astype(np.int64)[of_input]
    user, share = problem.structure.user[place], problem.share[place]
    last: dict[int, list[int]] = {}
    for line, shipment in enumerate(lines["shipment"].to_list()):
        if shipment >= 0:
            last.setdefault(shipment, []).append(line)

    shipments = problem.graph.shipments
    found: list[tuple[int, Array, Array]] = []
    held = 0
    embodied: dict[int, Array] = {}
    for row in rows:
        stage = int(problem.shipments.stage[row])
        if stage not in embodied:
            embodied[stage] = problem.requirements(stage)[user] * share if len(of_input) else np.zeros(0)
        weight = embodied[stage]
        used = np.flatnonzero(weight)
        at = np.concatenate([of_input[used], np.array(last.get(int(row), []), np.int64)])
        weights = np.concatenate([weight[used], np.ones(len(at) - len(used))])
        # bincount adds in the order of the lines: the same bits however many threads there are.
        sums = np.stack([np.bincount(group[at], weights=weights * part[at], minlength=len(names)) for part in per_unit])
        touched = np.flatnonzero(np.bincount(group[at], minlength=len(names)))
        found.append((int(row), touched, sums[:, touched]))
        held += len(touched)
        refuse_beyond_memory(
            held * len(rows) / len(found) * BYTES_OF_A_ROW,
            f"splitting {len(rows)} shipment{'s' if len(rows) != 1 else ''} by {' and '.join(order)}",
            "Split by fewer keys, or ask for fewer shipments.",
        )

    where = np.concatenate(
        [np.full(len(touched), row, np.int64) for row, touched, _ in found] or [np.zeros(0, np.int64)]
    )
    picked = np.concatenate([touched for _, touched, _ in found] or [np.zeros(0, np.int64)])
    rates = np.concatenate([sums for _, _, sums in found] or [np.zeros((3, 0))], axis=1)
    return (
        pl.concat([shipments[where].select(shipment="id", value="value"), names[picked]], how="horizontal")
        .with_columns(pl.Series(name, rates[at], dtype=pl.Float64) for at, name in enumerate(RATES))
        .with_columns(amount=pl.col("value") * pl.col("rate"))
        .drop("value")
        .sort("shipment", *order)
    )


def _lines(problem: Problem) -> pl.DataFrame:
    """Return a row for each measure that charges, or credit that pays, at each crossing: keys, t_m, where it lies.

    ``place``: the input's number in the engine's order, −1 for a last border; ``shipment``: its row, −1 for an input.
    """
    place_of_input = np.empty(len(problem.share), np.int64)
    place_of_input[problem.structure.input] = np.arange(len(problem.share))
    crossings = problem.classes.crossings
    row = crossings["row"].to_numpy().astype(np.int64)
    of_input = (crossings["kind"] == "input").to_numpy()
    place = np.full(len(row), -1, np.int64)
    place[of_input] = place_of_input[row[of_input]]
    charges = pl.DataFrame(dict(zip(("class", "measure_number", "t"), problem.classes.lines, strict=True)))
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
            pl.Series("supplier_place", problem.places(crossings["supplier"])),
            pl.Series("shipment", np.where(of_input, -1, row)),
            pl.col("class").cast(pl.Int64),
        )
        .rename({"id": "crossing"})
        .join(charges, on="class", how="inner", maintain_order="left_right")
        .join(measures, on="measure_number", how="left", maintain_order="left")
    )


def _groups(lines: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, Array]:
    """Return the distinct combinations of the keys, and the number of the one that each line belongs to."""
    names = lines.select(keys).unique(maintain_order=True).with_row_index("group")
    group = lines.select(keys).join(names, on=list(keys), how="left", maintain_order="left")["group"]
    return names.drop("group"), group.to_numpy().astype(np.int64)
