"""Components that are full enough: W laid out as a matrix of single precision, for a rough solution.

What such a component costs is memory that is read again and again. Half of it is enough: GMRES on the matrix finds a
correction to eight digits or so, the equation itself, in double precision from shares and rates, says what is left,
and a second correction finds the rest (iterative refinement: Wilkinson 1963; Carson & Higham 2018). In each step the
blocks of stages that supply each other without a border are solved exactly, for most of what a country uses is its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .jit import kernel
from .kernels import COLUMNS
from .krylov import GOOD_ENOUGH, SETTLED, largest, step_towards

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .threads import Crew

Array = np.ndarray[Any, Any]

__all__ = ["FullMatrix", "blocks_of"]

#: What a rough solution leaves at least, relative to what it is asked for: single precision has little more, and two
#: of them are enough.
ROUGH = 3e-8
CORRECTIONS = 60
#: Products that a solution takes, about.
PRODUCTS = 15
#: Widest block of a country, and most numbers in all blocks, that are factorized (wider ones cost more than they save).
WIDEST_BLOCK = 400
BLOCK_NUMBERS = 16_000_000


@dataclass(frozen=True, eq=False)
class FullMatrix:
    """W in single precision, (size, size rounded up to ``COLUMNS``), and its blocks without borders."""

    matrix: Array
    blocks: Blocks | None
    crew: Crew

    def solve(self, right: Array, times: Callable[[Array], Array], *, transposed: bool) -> Array | None:
        """Return x = right + W x, by corrections; None where they do not settle. ``times``: W x in double precision."""
        rough = partial(self._rest, transposed=transposed)
        x, rest = np.zeros(len(right)), self._within(right, transposed)
        change = gained = 1.0
        for _ in range(CORRECTIONS):
            step, _, left = step_towards(rest, rough, max(ROUGH, SETTLED / change))
            x = x + step
            if change * max(left, gained) <= SETTLED:
                return x  # if this correction is as good as the last one, it has left nothing
            rest = self._within(right - (x - times(x)), transposed)
            scale = largest(x)
            before, change = change, largest(rest) / scale if scale > 0 else math.inf
            gained = change / before
            if change <= SETTLED or (change <= GOOD_ENOUGH and gained > 0.5):
                return x
            if not gained <= 0.5:
                return None
        return None

    def _rest(self, v: Array, *, transposed: bool) -> Array:
        """Return v − W v, solved within the blocks."""
        return self._within(v - self._times(v, transposed), transposed)

    def _within(self, rest: Array, transposed: bool) -> Array:
        return rest if self.blocks is None else self.blocks.solve(rest, self.crew, transposed=transposed)

    def _times(self, v: Array, transposed: bool) -> Array:
        size = len(v)
        chunks = self.matrix.shape[1] // COLUMNS
        rows = self.matrix.reshape(-1, COLUMNS)
        if transposed:
            product = np.empty((chunks, COLUMNS))
            work = partial(kernel("times_full_transposed", PRODUCTS * self.matrix.size), rows, v, product)
            self.crew.share_out(chunks, work, self.matrix.size)
            return product.reshape(-1)[:size].copy()
        padded = np.zeros((chunks, COLUMNS))
        padded.reshape(-1)[:size] = v
        product = np.empty(size)
        work = partial(kernel("times_full", PRODUCTS * self.matrix.size), rows, padded, product)
        self.crew.share_out(size, work, self.matrix.size)
        return product


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of I − W on its diagonal, factorized: unit lower and upper triangles in one.

    ``first``: (blocks + 1,), where the ``members`` of each begin; ``begins``: (blocks + 1,), where its numbers do.
    """

    first: Array
    members: Array
    begins: Array
    factors: Array

    def solve(self, right: Array, crew: Crew, *, transposed: bool) -> Array:
        """Return the solution within the blocks; what belongs to none is taken as it is."""
        x = right.copy()
        name = "blocks_solved_transposed" if transposed else "blocks_solved"
        work = kernel(name, 2 * PRODUCTS * len(self.factors))
        arguments = (self.first, self.members, self.begins, self.factors, right, x)
        crew.share_out(len(self.first) - 1, partial(work, *arguments), 3 * len(self.factors))
        return x


def blocks_of(matrix: Array, domestic: Sequence[Array], crew: Crew) -> Blocks | None:
    """Return the blocks of stages that supply each other without a border; None where they do not pay.

    ``domestic``: of each stage, some that supply it without a border (itself where there is none), (size,) each.
    """
    label = np.arange(len(matrix))
    while True:  # stages joined by a supply within the country, directly or through others, get one label
        lower = label
        for other in domestic:
            lower = np.minimum(lower, lower[other])
            np.minimum.at(lower, other, lower)
        if (lower == label).all():
            break
        label = lower
    members = np.argsort(label, kind="stable")
    _, sizes = np.unique(label, return_counts=True)
    widest = int(sizes.max())
    numbers = int((sizes.astype(np.int64) ** 2).sum())
    if not 2 <= widest <= WIDEST_BLOCK or numbers > BLOCK_NUMBERS or len(sizes) == 1:
        return None
    first, begins = (np.concatenate([[0], np.cumsum(one)]).astype(np.int64) for one in (sizes, sizes**2))
    factors = np.empty(numbers, np.float32)
    work = kernel("blocks_factorized", numbers * widest)
    rows = matrix.reshape(-1)
    crew.share_out(len(sizes), partial(work, rows, matrix.shape[1], first, members, begins, factors))
    return Blocks(first, members, begins, factors) if np.isfinite(factors).all() else None
