"""Structure: who buys from whom, relabelled so that one pass solves what has no cycle; and the two solves on it.

x = c + W x   (``solve``)  follows prices and contents from suppliers to users;
y = c + Wᵀ y  (``solve_backward``) follows requirements from a final good to its suppliers.
W holds one non-negative weight per input. Components with a cycle are solved by elimination when small and by
Gauss–Seidel when large; ``error_bound`` proves how far the result can be off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .jit import kernel

Array = np.ndarray[Any, Any]

__all__ = ["NotSettled", "Structure", "Unproductive"]

#: Components up to this many stages are solved by elimination, larger ones by Gauss–Seidel; where that has not settled
#: after ``SWEEPS``, elimination decides, as long as its matrix fits (0.3 GB at 6,000 stages).
ELIMINATE_UP_TO = 400
ELIMINATE_AT_MOST = 6_000
SWEEPS = 3_000
TOLERANCE = 1e-15
REFINEMENTS = 2


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


@dataclass(frozen=True, eq=False)
class Structure:
    """Inputs grouped by user, stages in topological order.

    ``first``: (stages + 1,), where each user's inputs begin. ``supplier``: (inputs,), stage numbers. ``stage``:
    (stages,), the caller's number of each stage; ``input``: (inputs,), the caller's number of each input.
    ``cycles``: the [start, stop) ranges of the components that hold a cycle, in order.
    """

    first: Array
    supplier: Array
    stage: Array
    input: Array
    cycles: tuple[tuple[int, int], ...]

    @classmethod
    def build(cls, stages: int, supplier: Array, user: Array) -> Structure:
        """Relabel ``stages`` stages and the inputs ``supplier`` → ``user`` (numbers of the caller) for the solves."""
        by_user = np.argsort(user, kind="stable")
        first = np.zeros(stages + 1, np.int64)
        np.cumsum(np.bincount(user, minlength=stages), out=first[1:])
        component = np.zeros(stages, np.int64)
        order = np.zeros(stages, np.int64)
        size = stages + len(supplier)
        count = kernel("strong_components", size)(first, supplier[by_user].astype(np.int64), component, order)

        position = np.empty(stages, np.int64)
        position[order] = np.arange(stages)
        new_user = position[user]
        rows = np.argsort(new_user, kind="stable")
        np.cumsum(np.bincount(new_user, minlength=stages), out=first[1:])
        new_supplier = position[supplier[rows]]

        sizes = np.bincount(component, minlength=count)
        loops = np.zeros(count, np.bool_)
        loops[component[user[supplier == user]]] = True
        starts = np.concatenate([[0], np.cumsum(sizes)])
        cyclic = np.flatnonzero((sizes > 1) | loops)
        arrays = (first.astype(np.uint64), new_supplier.astype(np.uint32), order, rows)
        for array in arrays:
            array.setflags(write=False)
        return cls(
            *arrays,
            cycles=tuple((int(starts[c]), int(starts[c + 1])) for c in cyclic),
        )

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return len(self.stage)

    @cached_property
    def inputs_of_stage(self) -> Array:
        """How many inputs each stage has, (stages,)."""
        ends = self.first.astype(np.int64)
        return np.asarray(ends[1:] - ends[:-1], np.int64)

    @cached_property
    def user(self) -> Array:
        """The stage that each input goes to, (inputs,)."""
        return np.repeat(np.arange(self.stages), self.inputs_of_stage)

    def solve(self, weight: Array, constant: Array) -> Array:
        """Solve x = c + W x. ``weight``: (inputs,), ``constant``: (stages,). Raises Unproductive, NotSettled."""
        x = constant.astype(np.float64, copy=True)
        sweep = kernel("forward_sweep", len(self.supplier))
        done = 0
        for start, stop in self.cycles:
            sweep(self.first, self.supplier, weight, x, done, start)
            self._solve_cycle(weight, constant, x, start, stop)
            done = stop
        sweep(self.first, self.supplier, weight, x, done, self.stages)
        return x

    def _solve_cycle(self, weight: Array, constant: Array, x: Array, start: int, stop: int) -> None:
        component = self._component(weight, start, stop)
        x[start:stop] = component.solve(constant[start:stop] + component.entering(x), transposed=False)

    def solve_backward(self, weight: Array, constant: Array) -> Array:
        """Solve y = c + Wᵀ y. ``constant``: (stages,), not negative."""
        y = constant.astype(np.float64, copy=True)
        sweep = kernel("backward_sweep", len(self.supplier))
        done = self.stages
        for start, stop in reversed(self.cycles):
            sweep(self.first, self.supplier, weight, y, stop, done)
            self._solve_cycle_backward(weight, y, start, stop)
            done = start
        sweep(self.first, self.supplier, weight, y, 0, done)
        return y

    def _solve_cycle_backward(self, weight: Array, y: Array, start: int, stop: int) -> None:
        if not y[start:stop].any():
            return
        component = self._component(weight, start, stop)
        y[start:stop] = component.solve(y[start:stop], transposed=True)
        component.hand_on(y)

    def unproductive_cycles(self, weight: Array) -> list[tuple[int, int]]:
        """Return the components that consume at least what they make: the spectral radius of W is not below 1 there.

        A positive w with w > W w proves a component productive; ones do where every stage of it adds value. Raises
        NotSettled.
        """
        return [(start, stop) for start, stop in self.cycles if not self._productive(weight, start, stop)]

    def _productive(self, weight: Array, start: int, stop: int) -> bool:
        component = self._component(weight, start, stop)
        if (component.within(np.ones(stop - start)) < 1.0 - 1e-9).all():
            return True
        try:
            w, margin = component.witness()
        except Unproductive:
            return False
        return bool(((w > 0) & (margin > 0)).all())

    def worst_cycle(self, weight: Array, start: int, stop: int) -> tuple[list[int], float, float]:
        """Return a cycle of the component to show, suppliers first, the spectral radius, and the product of weights.

        The radius is the limit of power iteration; the cycle follows, from the stage that weighs most, the supplier
        that carries most until a stage comes again.
        """
        component = self._component(weight, start, stop)
        vector = np.ones(stop - start)
        radius = 0.0
        for _ in range(500):
            moved = component.within(vector)
            radius = float(np.max(moved / vector))
            vector = (vector + moved) / np.max(vector + moved)
            vector = np.maximum(vector, 1e-300)
        at = int(np.argmax(vector))
        path: list[int] = []
        factors: list[float] = []
        while at not in path:
            path.append(at)
            carried = {
                int(e): weight[e] * vector[int(self.supplier[e]) - start]
                for e in range(int(self.first[start + at]), int(self.first[start + at + 1]))
                if self.supplier[e] >= start
            }
            heaviest = max(carried, key=lambda e: (carried[e], -e))
            factors.append(float(weight[heaviest]))
            at = int(self.supplier[heaviest]) - start
        begin = path.index(at)
        return [start + one for one in path[begin:][::-1]], radius, float(np.prod(factors[begin:]))

    def error_bound(self, weight: Array, constant: Array, x: Array) -> Array:
        """Return a bound on the error of every x_j of ``solve``: |x − exact| ≤ (I − W)^-1 (|residual| + rounding).

        In a component with a cycle, any w > 0 with w − W w ≥ δ > 0 proves that (I − W)^-1 r ≤ w · max(r / (w − W w))
        (Berman & Plemmons 1994, ch. 6). w is the computed solution of w = 1 + W w.
        """
        r = np.zeros(self.stages)
        kernel("residual", len(self.supplier))(self.first, self.supplier, weight, constant, x, r)
        bound = r * (1 + 1e-12)
        sweep = kernel("forward_sweep", len(self.supplier))
        done = 0
        for start, stop in self.cycles:
            sweep(self.first, self.supplier, weight, bound, done, start)
            component = self._component(weight, start, stop)
            entering = bound[start:stop] + component.entering(bound)
            w, margin = component.witness()
            margin = margin - 1e-12 * w  # what rounding may have added to it
            if not (margin > 0).all() or not (w > 0).all():
                raise Unproductive(start, stop)
            bound[start:stop] = w * np.max(entering / margin)
            done = stop
        sweep(self.first, self.supplier, weight, bound, done, self.stages)
        return bound * (1 + 1e-12)

    def _component(self, weight: Array, start: int, stop: int) -> _Component:
        inputs = slice(int(self.first[start]), int(self.first[stop]))
        users = np.repeat(np.arange(start, stop), self.inputs_of_stage[start:stop])
        return _Component(start, stop, users, self.supplier[inputs].astype(np.int64), weight[inputs])


@dataclass(frozen=True, eq=False)
class _Component:
    """The inputs of the stages ``start`` to ``stop``, which form one cycle or several that share stages."""

    start: int
    stop: int
    user: Array
    supplier: Array
    weight: Array

    @property
    def _inside(self) -> Array:
        return self.supplier >= self.start  # no supplier lies behind its user's component

    def entering(self, x: Array) -> Array:
        """Return what the component's stages take from suppliers outside it."""
        outside = ~self._inside
        carried = self.weight[outside] * x[self.supplier[outside]]
        return np.bincount(self.user[outside] - self.start, weights=carried, minlength=self.stop - self.start)

    def within(self, v: Array) -> Array:
        """Return W v over the component's own inputs."""
        inside = self._inside
        carried = self.weight[inside] * v[self.supplier[inside] - self.start]
        return np.bincount(self.user[inside] - self.start, weights=carried, minlength=self.stop - self.start)

    def hand_on(self, y: Array) -> None:
        """Add to the suppliers outside what the component's stages require of them."""
        outside = ~self._inside
        np.add.at(y, self.supplier[outside], self.weight[outside] * y[self.user[outside]])

    def witness(self) -> tuple[Array, Array]:
        """Return the computed solution of w = 1 + W w and w − W w, which prove productivity where both are positive."""
        w = self.solve(np.ones(self.stop - self.start), transposed=False)
        return w, w - self.within(w)

    def solve(self, right: Array, *, transposed: bool) -> Array:
        """Solve (I − W) x = right, or its transpose, to the last digits. Raises Unproductive, NotSettled."""
        size = self.stop - self.start
        row, column = (self.user, self.supplier) if not transposed else (self.supplier, self.user)
        inside = self._inside
        row, column, weight = row[inside] - self.start, column[inside] - self.start, self.weight[inside]
        if transposed:  # suppliers come before users: turned round, the order is near-topological again
            row, column, right = size - 1 - row, size - 1 - column, right[::-1].copy()
        x = None if size <= ELIMINATE_UP_TO else self._swept(row, column, weight, right)
        if x is None:
            if size > ELIMINATE_AT_MOST:
                raise NotSettled(self.start, self.stop)
            x = self._eliminated(row, column, weight, right)
        return x[::-1].copy() if transposed else x

    def _swept(self, row: Array, column: Array, weight: Array, right: Array) -> Array | None:
        """Return the solution by Gauss–Seidel with refinement, None where the sweeps do not settle."""
        size = len(right)
        by_row = np.argsort(row, kind="stable")
        row, column, weight = row[by_row], column[by_row], weight[by_row]
        first = np.zeros(size + 1, np.int64)
        np.cumsum(np.bincount(row, minlength=size), out=first[1:])
        sweep = kernel("gauss_seidel", len(weight) * 100)
        x = np.zeros(size)
        rest = right
        for _ in range(1 + REFINEMENTS):
            part = np.zeros(size)
            change = sweep(first, column, weight, rest, part, SWEEPS, TOLERANCE)
            if not change <= 1e-12:
                return None
            x = x + part
            rest = right - x + np.bincount(row, weights=weight * x[column], minlength=size)
        return x

    def _eliminated(self, row: Array, column: Array, weight: Array, right: Array) -> Array:
        """Return the solution by elimination with one step of refinement."""
        size = len(right)
        matrix = np.eye(size)
        np.subtract.at(matrix, (row, column), weight)
        eliminate = kernel("eliminate", size**3 // 20)
        x = right.reshape(size, 1).copy()
        if eliminate(matrix.copy(), x) >= 0:
            raise Unproductive(self.start, self.stop)
        rest = right - x[:, 0] + np.bincount(row, weights=weight * x[column, 0], minlength=size)
        correction = rest.reshape(size, 1)
        eliminate(matrix, correction)
        return np.asarray(x[:, 0] + correction[:, 0])
