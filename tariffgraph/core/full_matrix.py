"""Components that are full enough: W laid out as a matrix of sixteen bits a number, for a rough solution.

What such a component costs is memory that is read again and again. A quarter of it is enough: 32 numbers side by side
are whole multiples of one scale of their own. GMRES on that matrix finds a correction to five digits, the equation
itself, in double precision from shares and rates, says what is left, and two more corrections find the rest (iterative
refinement: Wilkinson 1963; Carson & Higham 2018). Stages that supply each other without a border form blocks, which are
kept apart in single precision and solved exactly in each step, for most of what a country uses is its own.
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

#: What a rough solution leaves at least, relative to what it is asked for: sixteen bits have little more, and three of
#: them are enough.
ROUGH = 1e-5
CORRECTIONS = 60
#: Products that a solution takes, about.
PRODUCTS = 15
#: Widest block of a country, and most numbers in all blocks, that are factorized (wider ones cost more than they save).
WIDEST_BLOCK = 400
BLOCK_NUMBERS = 16_000_000


@dataclass(frozen=True, eq=False)
class FullMatrix:
    """W by rows, and its blocks without borders, which are 0 in it.

    ``codes``: (size · chunks, ``COLUMNS``), whole numbers of sixteen bits; ``scales``: (size · chunks,), single: what
    each row of codes counts in.
    """

    codes: Array
    scales: Array
    blocks: Blocks
    crew: Crew

    def solve(self, right: Array, times: Callable[[Array], Array], *, transposed: bool) -> Array | None:
        """Return x = right + W x, by corrections; None where they do not settle. ``times``: W x in double precision."""
        if not np.isfinite(self.blocks.factors).all():
            return None
        rough = partial(self._rest, transposed=transposed)
        x, rest = np.zeros(len(right)), self._within(right, transposed)
        change = gained = shrunk = 1.0
        left_before, goal = largest(rest), SETTLED
        for _ in range(CORRECTIONS):
            step, _, left = step_towards(rest, rough, max(ROUGH, goal / change))
            x = x + step
            if change * max(left, gained, shrunk) <= goal:
                return x  # if this correction is as good as the last one, it has left nothing
            rest = self._within(right - (x - times(x)), transposed)
            scale, left_now = largest(x), largest(rest)
            before, change = change, left_now / scale if scale > 0 else math.inf
            gained = change / before  # as a part of x, which the first corrections may have made larger by far
            shrunk, left_before = left_now / left_before, left_now
            if change <= goal or (change <= GOOD_ENOUGH and gained > 0.5):
                return x
            if not gained <= 0.5:
                return None
            # The less value is added, the less a correction gains, and the more x errs for what is left.
            goal = SETTLED * min(1.0, ROUGH / max(gained, shrunk))
        return None

    def _rest(self, v: Array, *, transposed: bool) -> Array:
        """Return v − W v, solved within the blocks."""
        return v - self._within(self._times(v, transposed), transposed)

    def _within(self, rest: Array, transposed: bool) -> Array:
        return self.blocks.solve(rest, self.crew, transposed=transposed)

    def _times(self, v: Array, transposed: bool) -> Array:
        """Return W v, less its blocks."""
        size, steps = len(v), self.codes.size
        chunks = len(self.scales) // size
        if transposed:
            given = (self.codes, self.scales, v.astype(np.float32))
            work = partial(kernel("times_full_transposed", PRODUCTS * steps), *given)
            added = self.crew.added_up(size, np.zeros((chunks, COLUMNS), np.float32), work)
            return added.reshape(-1)[:size].astype(np.float64)
        padded = np.zeros((chunks, COLUMNS), np.float32)
        padded.reshape(-1)[:size] = v
        product = np.empty(size)
        work = partial(kernel("times_full", PRODUCTS * steps), self.codes, self.scales, padded, product)
        self.crew.share_out(size, work, steps)
        return product


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of I − W on its diagonal, which come to be factorized: unit lower and upper triangles in one.

    ``block_of``: (size,), the block of each stage. ``first``: (blocks + 1,), where the ``members`` of each begin;
    ``begins``: (blocks + 1,), where its numbers do.
    """

    block_of: Array
    first: Array
    members: Array
    begins: Array
    factors: Array

    def __bool__(self) -> bool:
        return len(self.factors) > 0

    @property
    def places(self) -> tuple[Array, ...]:
        """What says where the numbers of a block belong."""
        return self.block_of, self.first, self.members, self.begins

    def factorize(self, crew: Crew) -> None:
        """Factorize the blocks of I − Wᵀ that lie in ``factors``."""
        if not self:
            return
        widest = int((self.first[1:] - self.first[:-1]).max())
        work = kernel("blocks_factorized", len(self.factors) * widest)
        crew.share_out(len(self.first) - 1, partial(work, self.first, self.begins, self.factors))

    def solve(self, right: Array, crew: Crew, *, transposed: bool) -> Array:
        """Return the solution within the blocks; ``right`` where there are none."""
        if not self:
            return right
        x = np.empty(len(right))
        name = "blocks_solved_transposed" if transposed else "blocks_solved"
        work = kernel(name, 2 * PRODUCTS * len(self.factors))
        arguments = (self.first, self.members, self.begins, self.factors, right, x)
        crew.share_out(len(self.first) - 1, partial(work, *arguments), 3 * len(self.factors))
        return x


def blocks_of(domestic: Sequence[Array]) -> Blocks:
    """Return the blocks of stages that supply each other without a border, yet to be filled; none where they don't pay.

    ``domestic``: of each stage, some that supply it without a border (itself where there is none), (size,) each.
    """
    label = np.arange(len(domestic[0]))
    while True:  # stages joined by a supply within the country, directly or through others, get one label
        lower = label
        for other in domestic:
            lower = np.minimum(lower, lower[other])
            np.minimum.at(lower, other, lower)
        if (lower == label).all():
            break
        label = lower
    members = np.argsort(label, kind="stable")
    _, block_of, sizes = np.unique(label, return_inverse=True, return_counts=True)
    widest = int(sizes.max())
    numbers = int((sizes.astype(np.int64) ** 2).sum())
    if not 2 <= widest <= WIDEST_BLOCK or numbers > BLOCK_NUMBERS or len(sizes) == 1:
        return NO_BLOCKS
    first, begins = (np.concatenate([[0], np.cumsum(one)]).astype(np.int64) for one in (sizes, sizes**2))
    return Blocks(block_of, first, members, begins, np.empty(numbers, np.float32))


_NONE = np.zeros(0, np.int64)
NO_BLOCKS = Blocks(_NONE, _NONE, _NONE, _NONE, np.zeros(0, np.float32))
