"""Components with a cycle: x = c + W x where every stage depends on every other.

Three ways, chosen by size and by how full W is. Up to ``ELIMINATE_UP_TO`` stages: elimination. Where enough of W is
filled (``DENSE_FROM``): corrections found on W as a full matrix (:mod:`.full_matrix`). Else: Gauss–Seidel sweeps in
near-topological order; where W is wide (fuller than ``WIDE_FROM``, so that no order helps much) in ``PARTS`` side by
side; accelerated (:mod:`.krylov`). Where that does not settle, elimination decides, as long as its matrix fits; where
it does not fit, sweeps are tried after corrections. Parts are the same on any number of threads, and so are the bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from .elimination import factorize, matrix_product, substitute
from .full_matrix import FullMatrix, blocks_of
from .jit import kernel
from .kernels import COLUMNS
from .krylov import settled
from .threads import Crew, slices

Array = np.ndarray[Any, Any]

__all__ = ["Component", "NotSettled", "Unproductive", "component_of"]

ELIMINATE_UP_TO = 400
ELIMINATE_AT_MOST = 6_000
#: Filled part of W from which a sweep is cut into ``PARTS``, and from which W is laid out in full: less full, it would
#: take more memory than its inputs. Up to so many stages that does not matter, as long as W is wide.
WIDE_FROM = 0.05
DENSE_FROM = 0.15
SMALL = 4_000
PARTS = 4
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
    complete: Array,
    crew: Crew,
    kept: list[tuple[Array, Array]],
) -> Component:
    """Return the component ``span`` with W = share · (1 + rate) inside it.

    ``rates``: (classes + 1,), the last that of inputs without a border; ``class_of_input``: None where all have the
    last. ``x``: the solution of the stages before it. ``complete``: of each stage, whether its inputs are the whole
    component in order. ``kept``: memory of an earlier solve, to be used again.
    """
    start, stop = span
    low, high = int(first[start]), int(first[stop])
    return Component(
        start=start,
        stop=stop,
        first=(first[start : stop + 1] - first[start]).astype(np.int64),
        supplier=supplier[low:high],
        share=share[low:high],
        class_of_input=np.zeros(high - low, np.uint8) if class_of_input is None else class_of_input[low:high],
        rates=rates[-1:] if class_of_input is None else rates,
        before=x,
        complete=complete,
        crew=crew,
        kept=kept,
    )


@dataclass(frozen=True, eq=False)
class Component:
    """W over the stages ``start`` to ``stop``: their inputs, from inside and from stages before them.

    ``first``: (size + 1,), where the inputs of each stage begin; ``supplier``: (inputs,), as all stages are numbered.
    ``before``: the solution of the stages before.
    """

    start: int
    stop: int
    first: Array
    supplier: Array
    share: Array
    class_of_input: Array
    rates: Array
    before: Array
    complete: Array
    crew: Crew
    kept: list[tuple[Array, Array]]

    @property
    def size(self) -> int:
        """How many stages it has."""
        return self.stop - self.start

    @property
    def _inputs(self) -> tuple[Array, ...]:
        return self.first, self.supplier, self.share, self.class_of_input, self.rates

    @property
    def _steps(self) -> float:
        return len(self.share) * 30

    @property
    def _filled(self) -> float:
        return len(self.share) / self.size**2

    @property
    def _is_full(self) -> bool:
        return self.size > ELIMINATE_UP_TO and self._filled > (WIDE_FROM if self.size <= SMALL else DENSE_FROM)

    @property
    def constant(self) -> Array:
        """What enters each stage: Σ a r over the inputs from inside, Σ a [x_i + r (1 + x_i)] over the others."""
        return self._laid_out[1] if self._is_full else self._rows.constant

    def times(self, v: Array) -> Array:
        """Return W v."""
        product = np.empty(self.size)
        if not self.complete.all():
            whole = np.concatenate([np.zeros(self.start), v])
            self._over_rows("times_inputs", *self._inputs, self.complete, whole, product)
        if self.complete.any():
            first, _, *weights = self._inputs
            self._over_rows("times_complete", first, *weights, self.complete, v, product)
        return product

    def times_transposed(self, v: Array) -> Array:
        """Return Wᵀ v."""
        first, supplier, *weights = self._inputs
        given = (first, supplier, *weights, self.complete, v, self.start)
        sparse = partial(kernel("times_inputs_transposed", self._steps), *given)
        whole = partial(kernel("times_complete_transposed", self._steps), first, *weights, self.complete, v)

        def some(product: Array, begin: int, end: int) -> None:
            for a, b in slices(self.first, begin, end, SLICE):
                if not self.complete.all():
                    sparse(product, a, b)
                if self.complete.any():
                    whole(product, a, b)

        return self.crew.added_up(self.size, np.zeros(self.size), some)

    def _over_rows(self, name: str, *arguments: Any) -> None:
        work = partial(kernel(name, self._steps), *arguments)

        def some(begin: int, end: int) -> None:
            for a, b in slices(self.first, begin, end, SLICE):
                work(a, b)

        self.crew.share_out(self.size, some)

    @cached_property
    def _laid_out(self) -> tuple[FullMatrix, Array]:
        """W as a full matrix, and what enters each stage."""
        domestic = np.empty(self.size, np.int64), np.empty(self.size, np.int64)
        borderless = len(self.rates) - 1
        inputs = (self.first, self.supplier, self.class_of_input)
        self._over_rows("home_suppliers", *inputs, borderless, self.start, *domestic)
        blocks = blocks_of(domestic)
        shape = (self.size * -(-self.size // COLUMNS), COLUMNS)
        try:  # to be handed a new matrix by the system takes as long as some products with it
            codes, scales = self.kept.pop()
            codes = codes.reshape(shape)
        except (IndexError, ValueError):
            codes, scales = np.empty(shape, np.uint16), np.empty(shape[0], np.float32)
        constant = np.empty(self.size)
        self._over_rows(
            "fill_full",
            *self._inputs,
            self.complete,
            self.start,
            self.before,
            *blocks.places,
            codes,
            scales,
            constant,
            blocks.factors,
        )
        blocks.factorize(self.crew)
        return FullMatrix(codes, scales, blocks, self.crew), constant

    def release(self) -> None:
        """Leave the matrix to the next solve; the component is not used again."""
        if "_laid_out" in self.__dict__ and not self.kept:
            self.kept.append((self._full.codes, self._full.scales))

    @property
    def _full(self) -> FullMatrix:
        return self._laid_out[0]

    @cached_property
    def _rows(self) -> _Rows:
        supplier, weight = np.empty(len(self.share), np.uint32), np.empty(len(self.share))
        loop, constant = np.empty(self.size), np.empty(self.size)
        self._over_rows("component_rows", *self._inputs, self.before, self.start, supplier, weight, loop, constant)
        return _Rows(self.first, supplier, weight, loop, constant, PARTS if self._filled > WIDE_FROM else 1, self.crew)

    def full(self) -> Array:
        """Return W as a full matrix."""
        inside = self.supplier >= self.start
        users = np.repeat(np.arange(self.size), self.first[1:] - self.first[:-1])[inside]
        share = self.share[inside]
        weight = share + share * self.rates[self.class_of_input[inside]]
        matrix = np.bincount(users * self.size + self.supplier[inside] - self.start, weight, self.size**2)
        return matrix.reshape(self.size, self.size)

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
        return np.asarray(x + substitute(factors, right - (x - matrix_product(weight, x))))

    def _iterated(self, right: Array, *, transposed: bool) -> Array | None:
        """Return the solution by corrections or by sweeps, None where it does not settle."""
        if self._is_full:
            times = self.times_transposed if transposed else self.times
            x = self._full.solve(right, times, transposed=transposed)
            if x is not None or self.size <= ELIMINATE_AT_MOST:
                return x
        if (self._rows.loop >= 1.0).any():
            raise Unproductive(self.start, self.stop)
        if transposed:
            turned = settled(right[::-1].copy(), self._rows.turned.swept)
            return None if turned is None else turned[::-1].copy()
        return settled(right, self._rows.swept)


@dataclass(frozen=True, eq=False)
class _Rows:
    """The weights of a component by inputs, numbered inside it; ``loop``: what each stage buys from itself.

    ``constant``: what enters each stage. ``parts``: in how many it is swept side by side.
    """

    first: Array
    supplier: Array
    weight: Array
    loop: Array
    constant: Array
    parts: int
    crew: Crew

    @cached_property
    def turned(self) -> _Rows:
        """The transpose, its stages from last to first: suppliers come before users again."""
        size = len(self.loop)
        users = np.repeat(np.arange(size, dtype=np.uint32), self.first[1:] - self.first[:-1])
        row, column = np.uint32(size - 1) - self.supplier, np.uint32(size - 1) - users
        first, place = np.zeros(size + 1, np.int64), np.zeros(size, np.int64)
        supplier, rows = np.empty(len(row), np.uint32), np.empty(len(row), np.uint32)
        kernel("inputs_by_user", 30 * len(row))(column, row, first, place, supplier, rows)
        return replace(self, first=first, supplier=supplier, weight=self.weight[rows], loop=self.loop[::-1].copy())

    def swept(self, x: Array, constant: Array) -> Array:
        """One Gauss–Seidel sweep; in several parts side by side, each on its own stages."""
        size = len(self.loop)
        moved = np.empty(size)
        sweep = partial(
            kernel("gauss_seidel", 30 * len(self.weight)), self.first, self.supplier, self.weight, self.loop, constant
        )
        edges = np.linspace(0, size, self.parts + 1).astype(int)

        def some(begin: int, end: int) -> None:
            for low, high in pairwise(edges[begin : end + 1].tolist()):
                own = x.copy()
                for start, stop in slices(self.first, low, high, SLICE):
                    sweep(own, start, stop)
                moved[low:high] = own[low:high]

        self.crew.share_out(self.parts, some)
        return moved
