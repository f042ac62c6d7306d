"""Structure: who buys from whom, relabelled so that one pass solves what has no cycle; and the solves on it.

Prices      x_j = Σ_e a_e [x_i + r_e (1 + x_i)]      ``excess``, one table of rates or many
Content     x_j = c_j + Σ_e a_e x_i                  ``contents``, many columns; ``solve`` with any weights
Backward    y_i = c_i + Σ_e a_e (1 + r_e) y_j        ``derivatives``; ``solve_backward`` with any weights

a: share of an input, r: the rate of its class of crossings. Stages in a cycle are solved together (:mod:`.cycles`);
``error_bound`` and ``excess_bound`` prove how far a result can be off.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .changes import METHOD, RateChanges
from .cycles import (
    ELIMINATE_AT_MOST,
    ELIMINATE_UP_TO,
    WIDE_FROM,
    Component,
    NotSettled,
    Unproductive,
    component_of,
)
from .jit import compiles, kernel
from .kernels import COLUMNS
from .pieces import AT_A_TIME, SHARED_FROM, Pieces, pieces_of
from .threads import Crew, crew, slices, threads_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from threading import Event

Array = np.ndarray[Any, Any]

__all__ = ["Derivatives", "NotSettled", "Structure", "Unproductive", "class_codes"]

#: Inputs in a slice of work: a few hundredths of a second of one column, or of ``COLUMNS``.
SLICE = 4_000_000
SLICE_OF_COLUMNS = 500_000
#: Fewer columns than this are faster one by one.
BATCH_FROM = 6
ONE_THREAD = 1
#: What a step of one column costs uncompiled, where NumPy does ``COLUMNS`` of them together, over a step alone.
OF_A_COLUMN = 0.1
#: Scenarios from which updating one solution is looked at.
UPDATES_FROM = 32
#: Numbers of inputs that the order of the stages tells apart.
COUNTS_APART = 1_024


def class_codes(class_of_input: Array, classes: int) -> Array:
    """Return class numbers as the kernels read them: −1 (no border) becomes ``classes``; of the narrowest type."""
    narrow = np.uint16 if classes <= np.iinfo(np.uint16).max else np.uint32
    return np.where(class_of_input < 0, classes, class_of_input).astype(narrow)


@dataclass(frozen=True, eq=False)
class Derivatives:
    """How an objective J = Σ_j weight_j x_j answers to rates, and to stages.

    ``by_class``: (classes,), dJ/dr of each class; ``by_input``: (inputs,), the same input by input, empty unless asked
    for; ``requirement``: (stages,), dJ of a unit of excess added at each stage.
    """

    by_class: Array
    by_input: Array
    requirement: Array


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
        supplier, user = (np.ascontiguousarray(one, np.uint32) for one in (supplier, user))
        inputs = len(supplier)
        steps = 4 * (stages + inputs)
        first, place = np.zeros(stages + 1, np.int64), np.zeros(stages, np.int64)
        of_user, rows = np.empty(inputs, np.uint32), np.empty(inputs, np.uint32)
        kernel("inputs_by_user", steps)(supplier, user, first, place, of_user, rows)
        component, index = np.full(stages, -1, np.int32), np.full(stages, -1, np.int32)
        order = np.empty(stages, np.int64)
        small = [np.empty(stages, np.int32) for _ in range(4)]
        count = kernel("strong_components", steps)(
            first, of_user, component, order, index, small[0], small[1], small[2], place, small[3]
        )
        layer, tally, ordered = np.zeros(count, np.int32), np.zeros(stages + 1, np.int64), np.empty(stages, np.int64)
        by_count = np.empty(stages, np.int64)
        kernel("layers", steps)(
            first, of_user, component, order, layer, tally, np.zeros(COUNTS_APART, np.int64), by_count, ordered
        )
        order = ordered
        cycles = _cycles(component[order], component[user[supplier == user]])
        _as_given_where_wide(order, first, cycles)
        del index, small, component, layer, tally, by_count
        new_first = np.empty(stages + 1, np.uint64)
        new_supplier, new_rows = np.empty(inputs, np.uint32), np.empty(inputs, np.uint32)
        kernel("renumbered", steps)(first, of_user, rows, order, place, new_first, new_supplier, new_rows)
        arrays = (new_first, new_supplier, order, new_rows)
        for array in arrays:
            array.setflags(write=False)
        return cls(*arrays, cycles=cycles)

    @property
    def stages(self) -> int:
        """How many stages there are."""
        return len(self.stage)

    @cached_property
    def place(self) -> Array:
        """Where each of the caller's stages stands in the order of the arrays, (stages,)."""
        place = np.empty(self.stages, np.int64)
        place[self.stage] = np.arange(self.stages)
        return place

    @cached_property
    def inputs_of_stage(self) -> Array:
        """How many inputs each stage has, (stages,)."""
        ends = self.first.astype(np.int64)
        return np.asarray(ends[1:] - ends[:-1], np.int64)

    @cached_property
    def user(self) -> Array:
        """The stage that each input goes to, (inputs,)."""
        return np.repeat(np.arange(self.stages), self.inputs_of_stage)

    @cached_property
    def _pieces(self) -> dict[tuple[int, int], Pieces]:
        """How the spans without a cycle are shared out among threads, by their first and last stage."""
        found = {}
        for start, stop, is_cycle in self._spans():
            inputs = int(self.first[stop] - self.first[start])
            if not is_cycle and inputs >= SHARED_FROM:
                begins = np.empty(stop - start, np.int64)
                count = kernel("fronts", inputs)(self.first, self.supplier, begins, start, stop)
                found[start, stop] = pieces_of(self.first, np.append(begins[:count], stop))
        return found

    def _sweep(self, workers: Crew, span: tuple[int, int], name: str, *arguments: Any) -> None:
        """Run a kernel over the stages of a span without a cycle, suppliers first; large spans on all threads.

        ``name``: that of the kernel, less ``_sweep`` or ``_shared``.
        """
        pieces = self._pieces.get(span) if workers.size > 1 else None
        if pieces is None:
            sweep = kernel(f"{name}_sweep", len(self.supplier))
            for start, stop in slices(self.first, *span, SLICE):
                sweep(self.first, self.supplier, *arguments, start, stop)
        else:
            shared = partial(kernel(f"{name}_shared", len(self.supplier)), self.first, self.supplier, *arguments)
            pieces.work_off(workers, lambda counters, helps: shared(*pieces.forward, counters, helps, AT_A_TIME))

    def _sweep_backward(
        self, workers: Crew, span: tuple[int, int], name: str, given: Sequence[Any], ys: Sequence[Sequence[Array]]
    ) -> None:
        """Run a kernel over the stages of a span, users first: ``ys[0]`` is what it adds to, ``ys[1]`` the part beside.

        The parts are the same on any number of threads.
        """
        pieces = self._pieces.get(span)
        if pieces is None:
            sweep = kernel(f"{name}_sweep", len(self.supplier))
            for start, stop in reversed(list(slices(self.first, *span, SLICE))):
                sweep(self.first, self.supplier, *given, ys[0][0], *ys[0], start, stop)
        else:
            shared = partial(kernel(f"{name}_shared", len(self.supplier)), self.first, self.supplier, *given)
            given = (*ys[0], *ys[1], *pieces.backward)
            pieces.work_off(workers, lambda counters, helps: shared(*given, counters, helps, AT_A_TIME))

    # --- prices -----------------------------------------------------------------------------------------

    def excess(
        self,
        share: Array,
        class_of_input: Array,
        rates: Array,
        *,
        places: Array | None = None,
        threads: int | None = None,
    ) -> Array:
        """Excess price of every stage, or of the stages at ``places``: x_j = Σ_e a_e [x_i + r_e (1 + x_i)].

        ``share``: (inputs,); ``class_of_input``: (inputs,), as ``class_codes`` gives it; ``rates``: (classes,) or
        (classes, scenarios). The answer is (stages,) or (stages, scenarios), every column the same bits as alone, on
        any number of threads (default: as many as there are processors). With ``places`` memory does not grow with
        scenarios times stages. Raises Unproductive, NotSettled.
        """
        table = np.concatenate([rates, np.zeros((1, *rates.shape[1:]))])
        if rates.ndim == 1:
            x = self._excess_of_one(share, class_of_input, table, threads_wanted(threads))
            return x if places is None else x[places]

        def one(column: int) -> Array:
            return self._excess_of_one(share, class_of_input, np.ascontiguousarray(table[:, column]), ONE_THREAD)

        def block(x: Array, columns: slice, leave: Event) -> None:
            x[:] = 0.0  # memory handed out in order, which threads that fault in turn get twice as slowly
            own = np.zeros((len(table), COLUMNS))
            own[:, : columns.stop - columns.start] = table[:, columns]
            sweep = kernel("excess_columns", len(self.supplier) * rates.shape[1] * OF_A_COLUMN)
            for start, stop in slices(self.first, 0, self.stages, SLICE_OF_COLUMNS):
                if leave.is_set():
                    return
                sweep(self.first, self.supplier, share, class_of_input, own, x, start, stop)

        return self._columns(rates.shape[1], one, block, places, threads)

    def _excess_of_one(self, share: Array, class_of_input: Array, table: Array, threads: int) -> Array:
        x = np.empty(self.stages)
        with self._crew(threads) as workers:
            for start, stop, is_cycle in self._spans():
                if is_cycle:
                    with self._component(share, class_of_input, table, x, (start, stop), workers) as component:
                        x[start:stop] = component.solve(component.constant)
                else:
                    self._sweep(workers, (start, stop), "excess", share, class_of_input, table, x)
        return x

    def _crew(self, threads: int | None) -> AbstractContextManager[Crew]:
        """Return the threads for one solve; one where nothing is large enough to be shared out."""
        shared = self.cycles or (len(self.supplier) >= SHARED_FROM and compiles(len(self.supplier)))
        return crew(threads_wanted(threads) if shared else 1)

    def _columns(
        self,
        count: int,
        one: Callable[[int], Array],
        block: Callable[[Array, slice, Event], None],
        places: Array | None,
        threads: int | None,
    ) -> Array:
        """Put columns together: by blocks of ``COLUMNS`` where there are enough and no cycle, else one by one."""
        wanted = slice(None) if places is None else places
        size = threads_wanted(threads)
        at_once = count >= BATCH_FROM and not self.cycles
        blocks = [slice(at, min(at + COLUMNS, count)) for at in range(0, count, COLUMNS)]
        # Rows of a power of two bytes would all fall into the same places of the processor's cache.
        whole = places is None and at_once
        width = len(blocks) * COLUMNS + (8 if len(blocks) > 2 else 0) if whole else count
        out = np.empty((self.stages if places is None else len(places), width))
        work: list[Callable[[Event], None]] = []
        if whole:
            work = [partial(block, out[:, b.start : b.start + COLUMNS], b) for b in blocks]
        elif at_once:

            def several(mine: list[slice], leave: Event) -> None:
                x = np.empty((self.stages, COLUMNS))
                for columns in mine:
                    block(x, columns, leave)
                    if leave.is_set():
                        return
                    out[:, columns] = x[wanted, : columns.stop - columns.start]

            work = [partial(several, blocks[k::size]) for k in range(min(size, len(blocks)))]
        else:

            def each(mine: range, leave: Event) -> None:
                for column in mine:
                    if leave.is_set():
                        return
                    out[:, column] = one(column)[wanted]

            if self.cycles or len(self.supplier) < SLICE_OF_COLUMNS:
                size = 1
            work = [partial(each, range(k, count, size)) for k in range(min(size, count))]
        with crew(size if len(work) > 1 else 1) as workers:
            workers.do(work)
        return out[:, :count]

    # --- content ----------------------------------------------------------------------------------------

    def contents(
        self,
        share: Array,
        own: Array,
        *,
        stopping: bool,
        places: Array | None = None,
        threads: int | None = None,
    ) -> Array:
        """What the good of every stage holds, column by column: x_j = own_j + Σ_e a_e x_i.

        ``own``: (stages, columns), in the order of the arrays: what the stage itself adds; with ``stopping``, whether
        it matches (1 or 0): then it counts whole, and is not looked into. Columns are the same bits alone or together.
        """
        own = np.asarray(own)
        inputs_of_stage = self.inputs_of_stage if self.cycles and stopping else None

        def one(column: int) -> Array:
            x = own[:, column].astype(np.float64)
            if self.cycles:
                weight = share if inputs_of_stage is None else share * np.repeat(1.0 - x, inputs_of_stage)
                return self.solve(weight, x)
            sweep = kernel("carry_sweep", len(self.supplier))
            for start, stop in slices(self.first, 0, self.stages, SLICE):
                sweep(self.first, self.supplier, share, stopping, x, start, stop)
            return x

        def block(x: Array, columns: slice, leave: Event) -> None:
            x[:, : columns.stop - columns.start] = own[:, columns]
            x[:, columns.stop - columns.start :] = 0.0
            sweep = kernel("carry_columns", len(self.supplier) * own.shape[1] * OF_A_COLUMN)
            for start, stop in slices(self.first, 0, self.stages, SLICE_OF_COLUMNS):
                if leave.is_set():
                    return
                sweep(self.first, self.supplier, share, stopping, x, start, stop)

        return self._columns(own.shape[1], one, block, places, threads)

    # --- derivatives ------------------------------------------------------------------------------------

    def derivatives(
        self,
        share: Array,
        class_of_input: Array,
        rates: Array,
        weight: Array,
        *,
        excess: Array | None = None,
        by_input: bool = False,
        threads: int | None = None,
    ) -> Derivatives:
        """Derivative of J = Σ_j weight_j x_j with respect to the rate of every class, and of every input if asked.

        dJ/dr_c = Σ_e a_e y_j (1 + x_i) over the inputs of class c, with y = weight + Wᵀ y, the duties on. ``weight``:
        (stages,), not negative; ``excess``: x where it is known already. One pass over the arrays.
        """
        table = np.append(rates, 0.0)
        x = self.excess(share, class_of_input, rates, threads=threads) if excess is None else excess
        ys = [(weight.astype(np.float64), np.zeros(len(table))), (np.zeros(self.stages), np.zeros(len(table)))]
        y = ys[0][0]
        each = np.zeros(len(self.supplier) if by_input else 0)
        given = (share, class_of_input, table, x, each, by_input)
        with self._crew(threads) as workers:
            for start, stop, is_cycle in reversed(list(self._spans())):
                if not is_cycle:
                    self._sweep_backward(workers, (start, stop), "adjoint", given, ys)
                    continue
                _gather(y, ys[1][0], start, stop)
                with self._component(share, class_of_input, table, x, (start, stop), workers) as component:
                    known = np.zeros(stop)
                    known[start:] = component.solve(y[start:stop].copy(), transposed=True)
                    sweep = kernel("adjoint_sweep", len(self.supplier))
                    for a, b in reversed(list(slices(self.first, start, stop, SLICE))):
                        sweep(self.first, self.supplier, *given, known, *ys[0], a, b)
                    y[start:stop] = known[start:]
        return Derivatives((ys[0][1] + ys[1][1])[:-1], each, y)

    # --- many tables that differ in a few classes ---------------------------------------------------------

    def way_to_solve(self, class_of_input: Array, rates: Array) -> str:
        """Return how ``excess_of_many`` solves these tables of rates, (classes, scenarios): in words."""
        return METHOD if self._pays_to_update(class_of_input, rates) else self.method

    @property
    def method(self) -> str:
        """How one table of rates is solved, in words."""
        return "cyclic solve" if self.cycles else "acyclic sweep"

    def excess_of_many(self, share: Array, class_of_input: Array, rates: Array, *, threads: int | None = None) -> Array:
        """Return what ``excess`` does for many tables of rates, (stages, scenarios), in the way that pays.

        Where cycles are large and the tables differ for few buyers, by updates of the first solution: these agree with
        single solves within their own bounds; in any other way the columns are the bits of single solves.
        """
        if not self._pays_to_update(class_of_input, rates):
            return self.excess(share, class_of_input, rates, threads=threads)
        moving = (rates != rates[:, :1]).any(axis=1)
        # From the lowest rates upward the system of the rows that change has positive pivots, as I − W has.
        changes = self.changes(share, class_of_input, rates.min(axis=1), moving)
        return changes.excess(rates, threads=threads)[0]

    def _pays_to_update(self, class_of_input: Array, rates: Array) -> bool:
        largest = max((stop - start for start, stop in self.cycles), default=0)
        if largest <= ELIMINATE_UP_TO or rates.shape[1] < UPDATES_FROM:
            return False
        rows = len(self.buyers(class_of_input, (rates != rates[:, :1]).any(axis=1)))
        # To prepare takes an elimination, which is worth some solves for each hundred stages, or a solve for each row.
        prepared = largest / 40 if largest <= ELIMINATE_AT_MOST else 2 * rows
        return 8 * rows <= largest and rates.shape[1] >= prepared

    def changes(self, share: Array, class_of_input: Array, rates: Array, moving: Array) -> RateChanges:
        """Solve at ``rates``, and prepare for tables that differ from it only in the classes ``moving``: (classes,).

        Pays where cycles are large and few stages buy in those classes (``buyers``): the rates of one importer.
        """
        return RateChanges.around(self, share, class_of_input, rates, moving)

    def buyers(self, class_of_input: Array, classes: Array) -> Array:
        """Return the stages that buy in any of the ``classes``: (classes,), true where one is meant."""
        bought = np.append(classes, False)[class_of_input]
        return np.unique(self.user[bought])

    def solve_columns(self, weight: Array, constants: Array) -> Array:
        """Solve X = C + W X. ``constants``: (stages, columns). Cycles are factorized once where elimination is fit."""
        columns = np.array(constants.T, np.float64, order="C")
        sweep = kernel("carry_sweep", len(self.supplier) * len(columns))
        times = kernel("times_sparse", len(self.supplier) * len(columns))
        with crew(threads_wanted(None) if self.cycles else 1) as workers:
            for start, stop, is_cycle in self._spans():
                for x in columns:
                    for a, b in slices(self.first, start, stop, SLICE):
                        if is_cycle:
                            entering = np.zeros(self.stages)
                            own = x[start:stop].copy()
                            x[start:stop] = 0.0
                            times(self.first, self.supplier, weight, x, entering, a, b)
                            x[start:stop] = own
                            x[a:b] += entering[a:b]
                        else:
                            sweep(self.first, self.supplier, weight, False, x, a, b)
                if is_cycle:
                    with self._component(
                        weight, None, np.zeros(1), np.zeros(self.stages), (start, stop), workers
                    ) as component:
                        columns[:, start:stop] = component.solve_columns(columns[:, start:stop].T).T
        return np.ascontiguousarray(columns.T)

    # --- any weights ------------------------------------------------------------------------------------

    def solve(self, weight: Array, constant: Array) -> Array:
        """Solve x = c + W x. ``weight``: (inputs,), ``constant``: (stages,). Raises Unproductive, NotSettled."""
        x = constant.astype(np.float64, copy=True)
        with self._crew(None) as workers:
            for start, stop, is_cycle in self._spans():
                if is_cycle:
                    with self._component(weight, None, np.zeros(1), x, (start, stop), workers) as component:
                        x[start:stop] = component.solve(constant[start:stop] + component.constant)
                else:
                    self._sweep(workers, (start, stop), "carry", weight, False, x)
        return x

    def solve_backward(self, weight: Array, constant: Array) -> Array:
        """Solve y = c + Wᵀ y. ``constant``: (stages,), not negative."""
        y, beside = constant.astype(np.float64, copy=True), np.zeros(self.stages)
        with self._crew(None) as workers:
            for start, stop, is_cycle in reversed(list(self._spans())):
                if not is_cycle:
                    self._sweep_backward(workers, (start, stop), "backward", (weight,), ((y,), (beside,)))
                    continue
                _gather(y, beside, start, stop)
                if y[start:stop].any():
                    with self._component(weight, None, np.zeros(1), y, (start, stop), workers) as component:
                        y[start:stop] = component.solve(y[start:stop].copy(), transposed=True)
                        low, high = int(self.first[start]), int(self.first[stop])
                        kernel("hand_outside", high - low)(
                            self.first[start : stop + 1] - self.first[start],
                            self.supplier[low:high],
                            weight[low:high],
                            start,
                            y,
                        )
        return y

    # --- proofs -----------------------------------------------------------------------------------------

    def unproductive_cycles(self, weight: Array) -> list[tuple[int, int]]:
        """Return the components that consume at least what they make: the spectral radius of W is not below 1 there.

        A positive w with w > W w proves a component productive; ones do where every stage of it adds value. Raises
        NotSettled.
        """
        return [span for span in self.cycles if not self._productive(weight, span)]

    def _productive(self, weight: Array, span: tuple[int, int]) -> bool:
        with (
            crew(threads_wanted(None)) as workers,
            self._component(weight, None, np.zeros(1), np.zeros(self.stages), span, workers) as component,
        ):
            if (component.times(np.ones(component.size)) < 1.0 - 1e-9).all():
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
        vector = np.ones(stop - start)
        radius = 0.0
        with (
            crew(threads_wanted(None)) as workers,
            self._component(weight, None, np.zeros(1), np.zeros(self.stages), (start, stop), workers) as component,
        ):
            for _ in range(500):
                moved = component.times(vector)
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
        (Berman & Plemmons 1994, ch. 6). w is 1, or the computed solution of w = 1 + W w.
        """
        return self._bound(weight, self.residuals(weight, constant[:, None], x[:, None])[:, 0])

    def residuals(self, weight: Array, constants: Array, xs: Array) -> Array:
        """Return bounds on |C + W X − X|, rounding included: (stages, columns)."""
        found = np.empty((xs.shape[1], self.stages))
        measure = kernel("residual", len(self.supplier))
        for r, constant, x in zip(found, constants.T, xs.T, strict=True):
            constant, x = np.ascontiguousarray(constant, np.float64), np.ascontiguousarray(x)
            for start, stop in slices(self.first, 0, self.stages, SLICE):
                measure(self.first, self.supplier, weight, constant, x, r, start, stop)
        return np.ascontiguousarray(found.T)

    def excess_bound(self, share: Array, class_of_input: Array, rates: Array, x: Array) -> Array:
        """Return a bound on the error of every x_j of ``excess``, for rates of −1 and more."""
        weight = share + share * np.append(rates, 0.0)[class_of_input]
        return self._bound(weight, self.excess_residual(share, class_of_input, rates, x))

    def excess_residual(self, share: Array, class_of_input: Array, rates: Array, x: Array) -> Array:
        """Return bounds on |Σ_e a_e [x_i + r_e (1 + x_i)] − x_j|, rounding included: (stages,)."""
        table = np.append(rates, 0.0)
        r = np.empty(self.stages)
        measure = kernel("excess_residual", len(self.supplier))
        for start, stop in slices(self.first, 0, self.stages, SLICE):
            measure(self.first, self.supplier, share, class_of_input, table, x, r, start, stop)
        return r

    def witness(self, weight: Array) -> tuple[Array, Array]:
        """Return w > 0 and w − W w > 0, less what rounding may have added; raises Unproductive where there is none."""
        w = self.solve(weight, np.ones(self.stages))
        margin = 1.0 - self.residuals(weight, np.ones((self.stages, 1)), w[:, None])[:, 0] - 1e-12 * w
        if not (w > 0).all() or not (margin > 0).all():
            raise Unproductive(0, self.stages)
        return w, margin

    def _bound(self, weight: Array, r: Array) -> Array:
        """Carry the residuals through W: bound = (I − W)^-1 r, rounded up."""
        bound = r * (1 + 1e-12)
        with self._crew(None) as workers:
            for start, stop, is_cycle in self._spans():
                if not is_cycle:
                    self._sweep(workers, (start, stop), "carry", weight, False, bound)
                    continue
                with self._component(weight, None, np.zeros(1), bound, (start, stop), workers) as component:
                    entering = bound[start:stop] + component.constant
                    w, margin = component.witness()
                    if not (margin > 0).all() or not (w > 0).all():
                        raise Unproductive(start, stop)
                    bound[start:stop] = w * np.max(entering / margin)
        return bound * (1 + 1e-12)

    # --- parts ------------------------------------------------------------------------------------------

    def _spans(self) -> Iterator[tuple[int, int, bool]]:
        """Give the ranges of stages in order: without a cycle, cycle, without, ..."""
        done = 0
        for start, stop in self.cycles:
            yield done, start, False
            yield start, stop, True
            done = stop
        yield done, self.stages, False

    @contextmanager
    def _component(
        self,
        share: Array,
        class_of_input: Array | None,
        table: Array,
        x: Array,
        span: tuple[int, int],
        workers: Crew,
    ) -> Iterator[Component]:
        complete = self._complete[span]
        component = component_of(
            self.first, self.supplier, share, class_of_input, table, x, span, complete, workers, self._kept
        )
        try:
            yield component
        finally:
            component.release()

    @cached_property
    def _complete(self) -> dict[tuple[int, int], Array]:
        """Of each stage of a cycle whether its inputs are the whole cycle in order, by the cycle: (its stages,).

        The kernels take such rows by ``COLUMNS`` numbers: a cycle of fewer stages has none.
        """
        found = {}
        for start, stop in self.cycles:
            members = np.arange(start, stop, dtype=self.supplier.dtype)
            complete = (self.inputs_of_stage[start:stop] == len(members)) & (len(members) >= COLUMNS)
            for j in np.flatnonzero(complete):
                own = slice(int(self.first[start + j]), int(self.first[start + j + 1]))
                complete[j] = np.array_equal(self.supplier[own], members)
            found[start, stop] = complete
        return found

    @cached_property
    def _kept(self) -> list[tuple[Array, Array]]:
        """The memory of the last matrix of a component, kept from one solve to the next."""
        return []


def _gather(y: Array, beside: Array, start: int, stop: int) -> None:
    """Add the two parts of a backward sweep up at the stages ``start`` to ``stop``."""
    y[start:stop] += beside[start:stop]
    beside[start:stop] = 0.0


def _as_given_where_wide(order: Array, first: Array, cycles: Sequence[tuple[int, int]]) -> None:
    """Put the stages of components that are solved as a full matrix back in the caller's order.

    No order helps to sweep them, and in that order the rows of a table are whole stretches of memory.
    """
    for start, stop in cycles:
        if stop - start > ELIMINATE_UP_TO:
            members = order[start:stop]
            inputs = int((first[members + 1] - first[members]).sum())
            if inputs > WIDE_FROM * (stop - start) ** 2:
                members.sort()


def _cycles(component: Array, looped: Array) -> tuple[tuple[int, int], ...]:
    """Return the ranges of stages that form a cycle: components of several stages, or of one that buys from itself.

    ``component``: of each stage, in order; ``looped``: the components of stages that buy from themselves.
    """
    begins = np.ones(len(component), np.bool_)
    begins[1:] = component[1:] != component[:-1]
    starts = np.flatnonzero(begins)
    stops = np.append(starts[1:], len(component))[: len(starts)]
    held = (stops - starts > 1) | np.isin(component[starts], looped)
    return tuple(zip(starts[held].tolist(), stops[held].tolist(), strict=True))
