"""Many tables of rates that differ in a few classes: an exact update of one solution instead of many solves.

A change of rates changes only the rows of W whose stages buy in the classes that move: all the rows S of one importer,
say. With x⁰ the solution at the base rates, N = I − W⁰, and Δ, δ the changes of those rows and of their constants,

    x = x⁰ + N^-1 E_S z,   z = (I − Δ N^-1 E_S)^-1 (Δ x⁰ + δ)

(Sherman–Morrison–Woodbury; Hager 1989). N^-1 E_S, one column a row, is solved once; a table of rates then costs a
system of |S| equations. Each answer comes with its own bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .elimination import factorize, substitute
from .jit import kernel
from .threads import crew, threads_wanted

if TYPE_CHECKING:
    from threading import Event

    from .structure import Structure

Array = np.ndarray[Any, Any]

__all__ = ["METHOD", "RateChanges"]

METHOD = "exact low-rank update (Sherman–Morrison–Woodbury)"
#: Rows from which LAPACK may divide a system among threads, and add it up in another way (measured: 100).
WIDE = 65
UNIT = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class RateChanges:
    """One solution, and how it answers to the rows that change.

    ``rows``: (rows,), the stages that buy in classes that may move; ``response``: (stages, rows), N^-1 E_S;
    ``residual`` and ``residual_of_response``: what is left of their equations, rounding included; ``w``, ``margin``:
    (stages,), w > 0 and w − W⁰ w > 0.
    """

    structure: Structure
    share: Array
    class_of_input: Array
    base: Array
    moving: Array
    rows: Array
    x: Array
    response: Array
    residual: Array
    residual_of_response: Array
    w: Array
    margin: Array
    first: Array
    inputs: Array

    @classmethod
    def around(
        cls, structure: Structure, share: Array, class_of_input: Array, rates: Array, moving: Array
    ) -> RateChanges:
        """Solve at ``rates`` and prepare for others in the classes ``moving``: (classes,), true where they may differ.

        Holds three numbers a stage for each row that changes. Raises Unproductive, NotSettled.
        """
        base = np.append(rates, 0.0)
        rows = structure.buyers(class_of_input, moving)
        counts = structure.inputs_of_stage[rows]
        first = np.concatenate([[0], np.cumsum(counts)])
        begins = structure.first[rows].astype(np.int64)
        inputs = np.repeat(begins - first[:-1], counts) + np.arange(first[-1])
        weight = share + share * base[class_of_input]
        units = np.zeros((structure.stages, len(rows)))
        units[rows, np.arange(len(rows))] = 1.0
        response = structure.solve_columns(weight, units)
        x = structure.excess(share, class_of_input, rates)
        w, margin = structure.witness(weight)
        return cls(
            structure=structure,
            share=share,
            class_of_input=class_of_input,
            base=base,
            moving=moving,
            rows=rows,
            x=x,
            response=response,
            residual=structure.excess_residual(share, class_of_input, rates, x),
            residual_of_response=structure.residuals(weight, units, response),
            w=w,
            margin=margin,
            first=first,
            inputs=inputs,
        )

    def excess(self, rates: Array, *, places: Array | None = None, threads: int | None = None) -> tuple[Array, Array]:
        """Return the excess prices and a bound on their error. ``rates``: (classes, scenarios).

        (stages or places, scenarios) and (scenarios,). Where the bound cannot be proved with what is at hand the column
        is solved afresh. Raises ValueError where a class that may not move does, and Unproductive.
        """
        table = np.concatenate([rates, np.zeros((1, rates.shape[1]))])
        still = ~np.append(self.moving, False)
        if (table[still] != self.base[still, None]).any():
            raise ValueError("rates differ from the base in a class that was not said to move")
        wanted = slice(None) if places is None else places
        out = np.empty((self.structure.stages if places is None else len(places), rates.shape[1]))
        bounds = np.empty(rates.shape[1])
        supplier, share = self.structure.supplier[self.inputs], self.share[self.inputs]
        class_of_input = self.class_of_input[self.inputs]

        def some(columns: range, leave: Event) -> None:
            for column in columns:
                if leave.is_set():
                    return
                x, bounds[column] = self._one(
                    (self.first, supplier, share, class_of_input), np.ascontiguousarray(table[:, column])
                )
                out[:, column] = x[wanted]

        size = threads_wanted(threads)
        with crew(size) as workers:
            workers.do([partial(some, range(at, rates.shape[1], size)) for at in range(min(size, rates.shape[1]))])
        return out, bounds

    def _one(self, inputs: tuple[Array, ...], table: Array) -> tuple[Array, float]:
        count = len(self.rows)
        right, small = np.empty(count), np.empty((count, count))
        steps = len(self.inputs) * 100
        kernel("changed_rows", steps)(*inputs, self.base, table, self.x, self.response, right, small)
        z = _solved(np.eye(count) - small, right) if right.any() else right
        x = self.x + np.einsum("ij,j->i", self.response, z)
        # What adding up has rounded, and what is left of the equations of the other rows.
        size = np.abs(z)
        rounded = UNIT * (count + 2) * (np.abs(self.x) + np.einsum("ij,j->i", np.abs(self.response), size))
        left = self.residual + np.einsum("ij,j->i", self.residual_of_response, size)
        r, margin, sums = np.empty(count), np.empty(count), np.empty(count)
        kernel("rows_checked", steps)(*inputs, table, x, self.w, x[self.rows], self.w[self.rows], r, margin, sums)
        margins = self.margin.copy()
        margins[self.rows] = margin - 1e-12 * self.w[self.rows]
        left[self.rows] = r + float(rounded.max()) * (1.0 + sums)
        if (margins > 0).all():
            bound = float((self.w.max() * np.max(left / margins) + rounded.max()) * (1 + 1e-12))
            return x, bound
        x = self.structure.excess(self.share, self.class_of_input, table[:-1], threads=1)
        return x, float(self.structure.excess_bound(self.share, self.class_of_input, table[:-1], x).max(initial=0.0))


def _solved(matrix: Array, right: Array) -> Array:
    """Return the solution of a system of the rows that change, the same bits however many threads LAPACK has."""
    factors = matrix.copy()
    if len(right) >= WIDE and factorize(factors) < 0:
        return substitute(factors, right[:, None])[:, 0]
    return np.linalg.solve(matrix, right)
