"""Components with a cycle: x = c + W x where every stage depends on every other.

Three ways, chosen by size and by how full W is. Up to ``ELIMINATE_UP_TO`` stages: elimination. Where more than
``DENSE_FROM`` of W is filled: W as a full matrix, products by rows, and in each step the blocks of stages that supply
each other without a border are solved exactly (most of what a country uses is its own). Else: Gauss–Seidel sweeps in
near-topological order; where W is wide (fuller than ``WIDE_FROM``, so that no order helps much) in ``PARTS`` side by
side. Both are accelerated by GMRES (Saad & Schultz 1986), which for a linear iteration is Anderson acceleration. Where
that does not settle, elimination decides, as long as its matrix fits. Parts are the same on any number of threads, and
so are the bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .jit import kernel
from .kernels import COLUMNS
from .threads import Crew, slices

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

__all__ = ["Component", "NotSettled", "Unproductive", "component_of", "factorize", "substitute"]

ELIMINATE_UP_TO = 400
ELIMINATE_AT_MOST = 6_000
#: Filled part of W from which a sweep is cut into ``PARTS``, and from which W is laid out in full.
WIDE_FROM = 0.05
DENSE_FROM = 0.5
PARTS = 4
#: Passes over W, and the change, relative to the largest x, at which a solution has settled, and is good enough.
PASSES = 3_000
SETTLED = 1e-14
GOOD_ENOUGH = 1e-12
#: Vectors that GMRES keeps: many, but no more numbers than this.
VECTORS = 40
KEPT_NUMBERS = 16_000_000
#: Widest block of a country, and most numbers in all blocks, that are inverted (wider ones cost more than they save).
WIDEST_BLOCK = 100
BLOCK_NUMBERS = 8_000_000
#: Columns that elimination takes at a time.
PANEL = 32
#: Products with fewer columns are not left to BLAS.
NARROW = 256
SLICE = 4_000_000


class _Unsolved(Exception):  # noqa: N818 - a signal between rooms; the domain error names the cycle and the remedy
    """The component of the stages ``start`` to ``stop`` (engine's numbers) has no solution to give."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__(f"stages {start} to {stop - 1}: {self.__doc__}")
        self.start = start
        self.stop = stop


class NotSettled(_Unsolved):
    """The sweeps over a component too large for elimination have not settled."""


class Unproductive(_Unsolved):
    """The component consumes at least what it makes."""


def component_of(
    first: Array,
    supplier: Array,
    share: Array,
    class_of_input: Array | None,
    rates: Array,
    x: Array,
    span: tuple[int, int],
    crew: Crew,
) -> Component:
    """Return the component ``span`` with W = share · (1 + rate) inside it, and what enters it as its constant.

    ``rates``: (classes + 1,), the last that of inputs without a border; ``class_of_input``: None where all have the
    last. ``x``: the solution of the stages before it.
    """
    start, stop = span
    size = stop - start
    low, high = int(first[start]), int(first[stop])
    own_first = (first[start : stop + 1] - first[start]).astype(np.int64)
    own_supplier, own_share = supplier[low:high], share[low:high]
    own_class = np.zeros(high - low, np.uint16) if class_of_input is None else class_of_input[low:high]
    table = rates[-1:] if class_of_input is None else rates
    steps = (high - low) * 30
    constant, loop = np.zeros(size), np.zeros(size)
    domestic = np.zeros(size, np.int64)
    inputs = (own_first, own_supplier, own_share, own_class, table, x, start)
    matrix = None
    filled = (high - low) / size**2
    if size > ELIMINATE_UP_TO and filled > DENSE_FROM:
        chunks = -(-size // COLUMNS)
        matrix = np.empty((size, chunks * COLUMNS))
        fill = kernel("fill_dense", steps)

        def some_rows(begin: int, end: int) -> None:
            for a, b in slices(own_first, begin, end, SLICE):
                fill(*inputs, matrix, constant, domestic, np.empty((chunks, COLUMNS)), a, b)

        crew.share_out(size, some_rows)
        inner_supplier, weight = np.zeros(0, np.uint32), np.zeros(0)
    else:
        inner_supplier, weight = np.empty(high - low, np.uint32), np.empty(high - low)
        split = kernel("component_rows", steps)

        def some_rows(begin: int, end: int) -> None:
            for a, b in slices(own_first, begin, end, SLICE):
                split(*inputs, inner_supplier, weight, loop, constant, domestic, a, b)

        crew.share_out(size, some_rows)
    return Component(
        start=start,
        stop=stop,
        first=own_first,
        supplier=inner_supplier,
        weight=weight,
        loop=loop,
        matrix=matrix,
        constant=constant,
        domestic=None if class_of_input is None else domestic,
        filled=filled,
        crew=crew,
    )


@dataclass(frozen=True, eq=False)
class Component:
    """W over the stages ``start`` to ``stop``, by inputs (``first``, ``supplier``, ``weight``) or as a full ``matrix``.

    ``constant``: what enters from outside, and the duty on the untaxed value of what is bought inside. ``domestic``: a
    stage that supplies without a border.
    """

    start: int
    stop: int
    first: Array
    supplier: Array
    weight: Array
    loop: Array
    matrix: Array | None
    constant: Array
    domestic: Array | None
    filled: float
    crew: Crew

    @property
    def size(self) -> int:
        """How many stages it has."""
        return self.stop - self.start

    @property
    def _steps(self) -> float:
        return self.filled * self.size**2 * 30

    def times(self, v: Array) -> Array:
        """Return W v."""
        product = np.empty(self.size)
        if self.matrix is None:
            work = kernel("times_sparse", self._steps)
            arguments: tuple[Array, ...] = (self.first, self.supplier, self.weight, v, product)
        else:
            work = kernel("times_dense", self._steps)
            chunks = self.matrix.shape[1] // COLUMNS
            padded = np.zeros((chunks, COLUMNS))
            padded.reshape(-1)[: self.size] = v
            arguments = (self.matrix.reshape(-1, COLUMNS), padded, product)
        self.crew.share_out(self.size, lambda start, stop: work(*arguments, start, stop))
        return product

    def times_transposed(self, v: Array) -> Array:
        """Return Wᵀ v."""
        if self.matrix is None:
            return self._turned.times(v[::-1].copy())[::-1].copy()
        chunks = self.matrix.shape[1] // COLUMNS
        product = np.empty((chunks, COLUMNS))
        work = kernel("times_dense_transposed", self._steps)
        arguments = (self.matrix.reshape(-1, COLUMNS), v, product)
        self.crew.share_out(chunks, lambda start, stop: work(*arguments, start, stop))
        return product.reshape(-1)[: self.size].copy()

    @cached_property
    def _turned(self) -> Component:
        """The transpose of a sparse W, its stages from last to first: suppliers come before users again."""
        users = np.repeat(np.arange(self.size, dtype=np.uint32), self.first[1:] - self.first[:-1])
        row, column = np.uint32(self.size - 1) - self.supplier, np.uint32(self.size - 1) - users
        first, place = np.zeros(self.size + 1, np.int64), np.zeros(self.size, np.int64)
        supplier, rows = np.empty(len(row), np.uint32), np.empty(len(row), np.uint32)
        kernel("inputs_by_user", self._steps)(column, row, first, place, supplier, rows)
        return Component(
            start=self.start,
            stop=self.stop,
            first=first,
            supplier=supplier,
            weight=self.weight[rows],
            loop=self.loop[::-1].copy(),
            matrix=None,
            constant=self.constant[::-1],
            domestic=None if self.domestic is None else (self.size - 1 - self.domestic)[::-1].copy(),
            filled=self.filled,
            crew=self.crew,
        )

    def full(self) -> Array:
        """Return W as a full matrix."""
        if self.matrix is not None:
            return self.matrix[:, : self.size].copy()
        matrix = np.zeros((self.size, self.size))
        users = np.repeat(np.arange(self.size), self.first[1:] - self.first[:-1])
        np.add.at(matrix, (users, self.supplier), self.weight)
        return matrix

    def witness(self) -> tuple[Array, Array]:
        """Return w and w − W w, which prove productivity where both are positive; w = 1 serves if it can."""
        w = np.ones(self.size)
        margin = w - self.times(w)
        if not (margin > 0.05).all():
            w = self.solve(w)
            margin = w - self.times(w)
        return w, margin - 1e-12 * w  # what rounding may have added to it

    def solve(self, right: Array, *, transposed: bool = False) -> Array:
        """Return the solution of x = right + W x, or with Wᵀ, to the last digits. Raises Unproductive, NotSettled."""
        if not right.any():
            return np.zeros(self.size)
        x = None if self.size <= ELIMINATE_UP_TO else self._iterated(right, transposed=transposed)
        if x is None:
            if self.size > ELIMINATE_AT_MOST:
                raise NotSettled(self.start, self.stop)
            x = self._eliminated(right[:, None], transposed=transposed)[:, 0].copy()
        # In a component every stage depends on every other: x ≥ 0 with x − W x ≥ 0, not all 0, proves it productive.
        if (right >= 0).all():
            if x.min() < -1e-10 * x.max() or not np.isfinite(x).all():
                raise Unproductive(self.start, self.stop)
        elif self.size > ELIMINATE_UP_TO:
            self.solve(np.ones(self.size))
        return x

    def solve_columns(self, right: Array) -> Array:
        """Return the solution of X = right + W X, ``right``: (stages, columns)."""
        if self.size > ELIMINATE_AT_MOST:
            return np.stack([self.solve(np.ascontiguousarray(column)) for column in right.T], axis=1)
        return self._eliminated(right, transposed=False)

    def _eliminated(self, right: Array, *, transposed: bool) -> Array:
        """Return the solution by elimination with one step of refinement. ``right``: (stages, columns)."""
        weight = self.full()
        if transposed:
            weight = weight.T.copy()
        factors = np.eye(self.size) - weight
        if factorize(factors) >= 0:
            raise Unproductive(self.start, self.stop)
        x = substitute(factors, right)
        return np.asarray(x + substitute(factors, right - (x - _product(weight, x))))

    def _iterated(self, right: Array, *, transposed: bool) -> Array | None:
        """Return the solution by GMRES on products or on sweeps, None where it does not settle."""
        if self.matrix is None:
            if transposed:
                turned = self._turned._iterated(right[::-1].copy(), transposed=False)
                return None if turned is None else turned[::-1].copy()
            return _settled(right, self._swept, np.zeros(self.size))
        times = self.times_transposed if transposed else self.times
        blocks = self._blocks

        def improved(x: Array, constant: Array) -> Array:
            """One step: x and the residual, solved within countries (or taken as it is)."""
            rest = constant - (x - times(x)) if x.any() else constant
            return x + (rest if blocks is None else blocks.solve(rest, transposed=transposed))

        return _settled(right, improved, np.zeros(self.size))

    def _swept(self, x: Array, constant: Array) -> Array:
        """One Gauss–Seidel sweep; where W is wide, in ``PARTS`` side by side, each on its own stages."""
        moved = np.empty(self.size)
        sweep = kernel("gauss_seidel", self._steps)
        edges = np.linspace(0, self.size, (PARTS if self.filled > WIDE_FROM else 1) + 1).astype(int)

        def parts(begin: int, end: int) -> None:
            for low, high in pairwise(edges[begin : end + 1].tolist()):
                own = x.copy()
                for start, stop in slices(self.first, low, high, SLICE):
                    sweep(self.first, self.supplier, self.weight, self.loop, constant, own, start, stop)
                moved[low:high] = own[low:high]

        self.crew.share_out(len(edges) - 1, parts)
        return moved

    @cached_property
    def _blocks(self) -> _Blocks | None:
        """The blocks of stages that supply each other without a border, inverted; None where that does not pay."""
        if self.domestic is None or self.matrix is None:
            return None
        label = np.arange(self.size)
        while True:  # stages joined by a supply within the country, directly or through others, get one label
            lower = np.minimum(label, label[self.domestic])
            np.minimum.at(lower, self.domestic, lower)
            if (lower == label).all():
                break
            label = lower
        _, block = np.unique(label, return_inverse=True)
        sizes = np.bincount(block)
        widest = int(sizes.max())
        if not 2 <= widest <= WIDEST_BLOCK or len(sizes) * widest**2 > BLOCK_NUMBERS or len(sizes) == 1:
            return None
        order = np.argsort(block, kind="stable")
        place = np.empty(self.size, np.int64)
        place[order] = np.arange(self.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        matrices = np.tile(np.eye(widest), (len(sizes), 1, 1))
        for number, members in enumerate(np.split(order, np.cumsum(sizes)[:-1])):
            matrices[number, : len(members), : len(members)] -= self.matrix[np.ix_(members, members)]
        try:
            return _Blocks(block, place, np.linalg.inv(matrices))
        except np.linalg.LinAlgError:
            return None


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Inverses of the blocks of I − W. ``inverse``: (blocks, widest, widest); ``place``: of each stage in its block."""

    block: Array
    place: Array
    inverse: Array

    def solve(self, right: Array, *, transposed: bool) -> Array:
        spread = np.zeros(self.inverse.shape[:2])
        spread[self.block, self.place] = right
        solved = np.einsum("bji,bj->bi" if transposed else "bij,bj->bi", self.inverse, spread)
        return np.asarray(solved[self.block, self.place])


def _settled(right: Array, improved: Callable[[Array, Array], Array], zero: Array) -> Array | None:
    """Return the x that ``improved(x, right)`` leaves as it is, by restarted GMRES; None where that is not found.

    ``improved`` is affine in x, with a linear part of spectral radius below 1 where the component is productive.
    """
    size = len(right)
    most = int(min(VECTORS, max(6, KEPT_NUMBERS // size)))
    x, passes = zero, 0
    best = math.inf
    while passes < PASSES:
        moved = improved(x, right)
        rest = moved - x
        passes += 1
        scale = float(np.abs(moved).max())
        change = float(np.abs(rest).max()) / scale if scale > 0 else 0.0
        if not math.isfinite(change):
            return None
        if change <= SETTLED or (change <= GOOD_ENOUGH and change > 0.5 * best):
            return moved
        best = min(best, change)
        correction, used = _krylov(rest, lambda v: v - improved(v, zero), most, SETTLED / change / 4)
        passes += used
        x = x + correction
    return None


def _krylov(rest: Array, operator: Callable[[Array], Array], most: int, tolerance: float) -> tuple[Array, int]:
    """Return the correction that makes the residual least over the Krylov space, and how many products it took."""
    size = len(rest)
    basis = np.empty((most + 1, size))
    upper = np.zeros((most + 1, most))
    turns: list[tuple[float, float]] = []
    beta = math.sqrt(_dot(rest, rest))
    goal = np.zeros(most + 1)
    goal[0] = beta
    basis[0] = rest / beta
    used = 0
    for k in range(most):
        w = operator(basis[k])
        used = k + 1
        for i in range(used):
            upper[i, k] = _dot(basis[i], w)
            w -= upper[i, k] * basis[i]
        length = math.sqrt(_dot(w, w))
        for i, (c, s) in enumerate(turns):
            upper[i, k], upper[i + 1, k] = (
                c * upper[i, k] + s * upper[i + 1, k],
                c * upper[i + 1, k] - s * upper[i, k],
            )
        hypotenuse = math.hypot(upper[k, k], length)
        if not hypotenuse > 0 or not math.isfinite(hypotenuse):
            used = k
            break
        c, s = upper[k, k] / hypotenuse, length / hypotenuse
        turns.append((c, s))
        upper[k, k] = hypotenuse
        goal[k], goal[k + 1] = c * goal[k], -s * goal[k]
        if abs(goal[k + 1]) <= tolerance * beta or length == 0.0:
            break
        basis[k + 1] = w / length
    y = np.zeros(used)
    for k in range(used - 1, -1, -1):
        y[k] = (goal[k] - math.fsum((upper[k, k + 1 : used] * y[k + 1 :]).tolist())) / upper[k, k]
    correction = np.zeros(size)
    for k in range(used):
        correction += y[k] * basis[k]
    return correction, max(used, 1)


def _dot(a: Array, b: Array) -> float:
    # einsum, not BLAS: BLAS adds up in as many parts as it has threads.
    return float(np.einsum("i,i->", a, b))


def factorize(matrix: Array) -> int:
    """Factorize an M-matrix (I − W with W ≥ 0) in place; return −1, or where a pivot failed.

    L, with ones on its diagonal, comes to lie below U. Such a matrix is non-singular with a non-negative inverse
    exactly when every pivot is positive, and elimination without pivoting is then stable (Berman & Plemmons 1994,
    ch. 6). By panels of columns: nearly all of it is products.
    """
    size = len(matrix)
    for begin in range(0, size, PANEL):
        end = min(begin + PANEL, size)
        panel = matrix[begin:, begin:end].T.copy()  # columns as rows: whole stretches of memory
        for k in range(end - begin):
            pivot = panel[k, k]
            if not pivot > 1e-13:
                return begin + k
            panel[k, k + 1 :] /= pivot
            panel[k + 1 :, k + 1 :] -= panel[k + 1 :, k, None] * panel[k, k + 1 :]
        matrix[begin:, begin:end] = panel.T
        if end < size:
            _forward(panel[:, : end - begin].T, matrix[begin:end, end:])
            matrix[end:, end:] -= matrix[end:, begin:end] @ matrix[begin:end, end:]
    return -1


def _forward(lower: Array, rows: Array) -> None:
    """Solve L X = rows in place. ``lower``: unit diagonal, what lies above it is not read."""
    for k in range(len(rows)):
        rows[k + 1 :] -= lower[k + 1 :, k, None] * rows[k]


def substitute(factors: Array, right: Array) -> Array:
    """Return the solution of L U X = right. ``right``: (size, columns)."""
    x = right.copy()
    size = len(x)
    for begin in range(0, size, PANEL):
        end = min(begin + PANEL, size)
        _forward(factors[begin:end, begin:end], x[begin:end])
        x[end:] -= _product(factors[end:, begin:end], x[begin:end])
    for begin in range((size - 1) // PANEL * PANEL, -1, -PANEL):
        end = min(begin + PANEL, size)
        for k in range(end - 1, begin - 1, -1):
            x[k] /= factors[k, k]
            x[begin:k] -= factors[begin:k, k, None] * x[k]
        x[:begin] -= _product(factors[:begin, begin:end], x[begin:end])
    return x


def _product(left: Array, right: Array) -> Array:
    # BLAS adds narrow products up in another way on every number of threads, square ones in the same (measured).
    return np.einsum("ij,jk->ik", left, right) if right.shape[1] < NARROW else left @ right
