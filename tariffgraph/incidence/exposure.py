"""Exposure: on whose value added the duties fall, directly and through third countries (docs/method.md).

Measure m at crossing e adds r_em to the effective rate of good f (:mod:`.attribution`). It falls on the value added in
the part of the value that m charges, u_em by owner (:mod:`.value_added`):

    rate of an owner   Σ_em r_em · u_em,owner / Σ u_em
    taxed              Σ_e L_jf a_e · u_e,owner, u_e being what any of the measures at e charges; the last border has 1
                       for L_jf a_e

What a credit pays back falls on the value added on which the duty falls that it is set against.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..memory import refuse_beyond_memory
from .attribution import KEYS_OF_LAW, columns_of
from .charged_parts import charged_parts
from .charges import charged_lines, grouped
from .depth import embodied
from .sums import added_up
from .totals import weights
from .value_added import OWNERS, owners_of, value_added_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem, Solution
    from .charged_parts import ChargedParts

Array = np.ndarray[Any, Any]

__all__ = ["columns_of_exposure", "exposure", "exposure_totals"]

#: What exposure can be split by; ``via`` is the exporter at the border that charges.
KEYS_OF_EXPOSURE = ("via", "importer", "origin", "product", "crossing", *KEYS_OF_LAW)
#: What a row costs: ids and keys as text, six numbers, and the copy that sorting makes.
BYTES_OF_A_ROW = 500


def columns_of_exposure(of: str, by: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that stand for the keys ``by``. Raises UnknownNameError, for an unknown ``of`` too."""
    if of not in OWNERS:
        message = f"value added is not told apart by '{visible(str(of))}'"
        raise UnknownNameError(Finding(message, suggestion(str(of), OWNERS, "columns"), field="of"))
    return columns_of((by,) if isinstance(by, str) else by, KEYS_OF_EXPOSURE)


def exposure(problem: Problem, solution: Solution, rows: Array, of: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return on whose value added the rates of the shipments ``rows`` fall, by ``columns``; one row for each touched.

    ``of``: country, nationality or firm.
    """
    charged = _charged(problem, solution, rows, of, columns)
    stages, shipped = np.unique(problem.shipments.stage[rows], return_inverse=True)
    found, done, held = [_Falls.nothing()], 0, 0
    for place, stage in enumerate(stages.tolist()):
        output = problem.requirements(stage)
        for number in np.flatnonzero(shipped == place).tolist():
            fall = charged.falls(output, charged.shipment == rows[number], number)
            found.append(fall)
            done, held = done + 1, held + len(fall.rate)
            refuse_beyond_memory(
                held / done * len(rows) * BYTES_OF_A_ROW,
                f"telling on whose value added the duties of {len(rows)} shipments fall",
                "Split by fewer keys, or ask for fewer shipments.",
            )
    fall = _Falls.joined(found)
    shipments = problem.graph.shipments[rows[fall.shipment]]
    return pl.DataFrame(
        {
            "shipment": shipments["id"],
            **charged.keys(fall),
            "rate": fall.rate,
            "flagged": fall.flagged,
            "taxed": fall.taxed,
            "value_added": charged.whole[fall.owner, shipped[fall.shipment]],
            "amount": shipments["value"] * fall.rate,
            "taxed_amount": shipments["value"] * fall.taxed,
        }
    ).sort("shipment", of, *columns)


def exposure_totals(problem: Problem, solution: Solution, rows: Array, of: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return on whose value added the duties on all shipments ``rows`` fall, in money, from one backward pass.

    Shipments without a value are left out, so without any there is no row.
    """
    charged = _charged(problem, solution, rows, of, columns)
    weight = weights(problem, rows)
    value = weight.value * weight.money
    of_stage = added_up(problem.shipments.stage, value, problem.structure.stages)
    (output,) = embodied(problem, of_stage, np.zeros_like(of_stage), by_depth=False)
    fall = charged.falls(output, value[charged.shipment])
    money = {"amount": fall.rate, "flagged_amount": fall.flagged, "taxed_amount": fall.taxed}
    return pl.DataFrame({**charged.keys(fall), **money}).sort(of, *columns)


@dataclass(frozen=True, eq=False)
class _Falls:
    """What falls on whom, one entry each: of which ``shipment`` (its number), ``group`` of lines and owner."""

    shipment: Array
    group: Array
    owner: Array
    rate: Array
    flagged: Array
    taxed: Array

    @classmethod
    def nothing(cls) -> _Falls:
        """Return no entry."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, np.zeros(0), np.zeros(0), np.zeros(0))

    @classmethod
    def joined(cls, parts: Sequence[_Falls]) -> _Falls:
        """Return the entries one after the other."""
        return cls(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(cls)))


@dataclass(frozen=True, eq=False)
class _Charged:
    """What is charged on the way of some shipments; one entry a line and part of the value, in groups.

    ``user``: stage that buys, −1 at a last border, which is that of the row ``shipment``; ``good``: which part of which
    good is charged; ``rate``: in the buyer's price, ``taxed``: what crosses, per unit of what the user makes.

    By owner and good: ``content``, the value added in that part; ``spread``, the same as shares that add to 1, and
    ``guessed`` what of these is a guess. ``whole``: (owners, shipped), all the value added in the goods shipped.
    """

    of: str
    owners: pl.Series
    names: pl.DataFrame
    user: Array
    shipment: Array
    group: Array
    good: Array
    rate: Array
    taxed: Array
    content: Array
    spread: Array
    guessed: Array
    whole: Array

    def keys(self, fall: _Falls) -> dict[str, pl.Series]:
        """Return whose value added it is, and the keys."""
        names = {name: self.names[name].gather(fall.group) for name in self.names.columns}
        return {self.of: self.owners.gather(fall.owner), **names}

    def falls(self, output: Array, sold: Array, number: int = 0) -> _Falls:
        """Return what falls on whom where the stages make ``output``, (stages,), and ``sold``, (entries,), is shipped.

        ``number``: of the shipment.
        """
        weight = np.where(self.user >= 0, output[self.user], sold)
        at = np.flatnonzero(weight)
        groups, group = np.unique(self.group[at], return_inverse=True)
        good, rate, taxed = self.good[at], (weight * self.rate)[at], (weight * self.taxed)[at]

        def sums(paid: Array, by_owner: Array) -> Array:
            return np.stack([added_up(group, paid * of_owner[good], len(groups)) for of_owner in by_owner])

        found = np.stack([sums(rate, self.spread), sums(rate, self.guessed), sums(taxed, self.content)])
        owner, touched = np.nonzero((found[0] != 0.0) | (found[2] != 0.0))
        return _Falls(np.full(len(owner), number), groups[touched], owner, *found[:, owner, touched])


def _charged(problem: Problem, solution: Solution, rows: Array, of: str, columns: Sequence[str]) -> _Charged:
    """Return what is charged on the way of the shipments ``rows``, in one group what is the same in ``columns``."""
    of_law = [one for one in columns if one in KEYS_OF_LAW]
    charges = problem.classes.charges
    words = pl.DataFrame(
        {one: pl.Series([getattr(charge, one) for charge in charges], dtype=pl.String) for one in of_law}
    )
    law = grouped(words, of_law)[1] if of_law else np.zeros(len(charges), np.int64)
    parts = charged_parts(problem.assessed, law)
    entries = _entries(_lines(problem, solution, rows), parts, law)
    names, group = grouped(entries, columns)
    goods, good = grouped(entries, ["supplier_place", "part"])
    owners = owners_of(problem, of)
    place, part = (goods[one].to_numpy() for one in goods.columns)
    found = value_added_in(problem, owners, parts, place, part, np.unique(problem.shipments.stage[rows]))
    total = found.charged.sum(axis=0)
    share = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
    return _Charged(
        of=of,
        owners=owners.names,
        names=names,
        **{one: entries[one].to_numpy() for one in ("user", "shipment", "rate", "taxed")},
        group=group,
        good=good,
        content=found.charged,
        spread=found.charged * share,
        guessed=found.guessed * share,
        whole=found.whole,
    )


def _lines(problem: Problem, solution: Solution, rows: Array) -> pl.DataFrame:
    """Return what is charged on the way of the shipments ``rows``: line by line, with ``via``, ``share`` and ``rate``.

    ``number``: of the measure, or of the one that a credit pays; ``user`` and ``shipment``: where it is charged.
    """
    lines = charged_lines(problem).drop("user", "share").rename({"exporter": "via"})
    place, row, class_, supplier = (lines[one].to_numpy() for one in ("place", "row", "class", "supplier_place"))
    user = np.append(problem.structure.user, -1)[place]
    share = np.append(problem.share, 1.0)[place]
    shipped = np.zeros(problem.structure.stages)
    shipped[problem.shipments.stage[rows]] = 1.0
    (output,) = embodied(problem, shipped, np.zeros_like(shipped), by_depth=False)
    classes = problem.classes
    on_price = classes.pass_through[class_] * lines["t"].to_numpy() * classes.relief[class_]
    measure = np.arange(len(classes.charges))
    for credit in problem.law.credits:
        for paid, number in credit.numbers.items():
            measure[number] = paid
    return lines.with_columns(
        pl.Series("user", user),
        pl.Series("shipment", np.where(place >= 0, -1, row)),
        pl.Series("number", measure[lines["measure_number"].to_numpy()]),
        pl.Series("share", share),
        pl.Series("rate", share * (1.0 + solution.excess[supplier]) * on_price),
    ).filter(np.where(place >= 0, output[user] > 0.0, np.isin(row, rows)))


def _entries(lines: pl.DataFrame, parts: ChargedParts, law: Array) -> pl.DataFrame:
    """Return the lines by the parts that they charge, ``rate``; and the parts that are charged together, ``taxed``.

    ``law``: (charges,), which of them are told apart.
    """
    lines = lines.with_columns(pl.col("key").cast(pl.Int64), pl.Series("law", law[lines["measure_number"].to_numpy()]))
    alone = lines.join(parts.of_measures, on=["key", "number"], how="inner", maintain_order="left_right").with_columns(
        rate=pl.col("rate") * pl.col("weight"), taxed=pl.lit(0.0)
    )
    together = (
        lines.filter(pl.col("measure_number") == pl.col("number"))
        .unique(["kind", "row", "law"], keep="first", maintain_order=True)
        .join(parts.together, on=["key", "law"], how="inner", maintain_order="left_right")
        .with_columns(rate=pl.lit(0.0), taxed=pl.col("share") * pl.col("weight"))
    )
    return pl.concat([alone, together.select(alone.columns)])
