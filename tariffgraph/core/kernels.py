"""The loops of the engine, as plain functions on arrays; :mod:`.jit` compiles them when a problem is large.

Stages are numbered so that suppliers come before users wherever no cycle forbids it. Inputs are grouped by user:
those of stage j lie at ``first[j]:first[j + 1]``; ``supplier`` is the stage that an input comes from. Every sum runs
in that order, compiled or not, so that results are the same bits either way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

__all__ = [
    "backward_sweep",
    "eliminate",
    "forward_sweep",
    "gauss_seidel",
    "residual",
    "strong_components",
]


def forward_sweep(first: Array, supplier: Array, weight: Array, x: Array, start: int, stop: int) -> None:
    """Add to x_j, for j from ``start`` to ``stop``, what its inputs carry: x_j += Σ_e weight_e · x_supplier(e).

    ``x`` holds the constants on entry and the solution of x = c + W x on return, for stages without cycles.
    """
    for j in range(start, stop):
        total = x[j]
        for e in range(first[j], first[j + 1]):
            total += weight[e] * x[supplier[e]]
        x[j] = total


def backward_sweep(first: Array, supplier: Array, weight: Array, y: Array, start: int, stop: int) -> None:
    """Hand y_j on to the suppliers, last stage first: y_supplier(e) += weight_e · y_j (y = c + Wᵀ y)."""
    for j in range(stop - 1, start - 1, -1):
        handed_on = y[j]
        if handed_on != 0.0:
            for e in range(first[j], first[j + 1]):
                y[supplier[e]] += weight[e] * handed_on


def gauss_seidel(
    first: Array, supplier: Array, weight: Array, constant: Array, x: Array, sweeps: int, tolerance: float
) -> float:
    """Solve x = c + W x of one component by Gauss–Seidel from the ``x`` given; return the last relative change.

    Stops when no x_j moves by more than ``tolerance`` relative to the largest, or after ``sweeps`` sweeps. Infinite
    where it cannot converge.
    """
    change = np.inf
    for _ in range(sweeps):
        change = 0.0
        largest = 0.0
        for j in range(x.shape[0]):
            total = constant[j]
            loop = 0.0
            for e in range(first[j], first[j + 1]):
                if supplier[e] == j:
                    loop += weight[e]
                else:
                    total += weight[e] * x[supplier[e]]
            if loop >= 1.0:
                return np.inf
            total = total / (1.0 - loop)
            change = max(change, abs(total - x[j]))
            largest = max(largest, abs(total))
            x[j] = total
        if change <= tolerance * largest:
            return 0.0 if largest == 0.0 else change / largest
        if largest > 1e100:
            return np.inf
    return change / largest


def eliminate(matrix: Array, right: Array) -> int:
    """Solve matrix · X = right in place by Gaussian elimination without pivoting; return −1, or where a pivot failed.

    ``matrix``: (n, n), an M-matrix (I − W with W ≥ 0). Such a matrix is non-singular with a non-negative inverse
    exactly when every pivot is positive, and elimination without pivoting is then stable (Berman & Plemmons 1994,
    ch. 6). ``right``: (n, columns), the solution on return.
    """
    n = matrix.shape[0]
    columns = right.shape[1]
    for k in range(n):
        pivot = matrix[k, k]
        if not pivot > 1e-13:
            return k
        for i in range(k + 1, n):
            factor = matrix[i, k] / pivot
            if factor != 0.0:
                for j in range(k + 1, n):
                    matrix[i, j] -= factor * matrix[k, j]
                for c in range(columns):
                    right[i, c] -= factor * right[k, c]
    for k in range(n - 1, -1, -1):
        for c in range(columns):
            total = right[k, c]
            for j in range(k + 1, n):
                total -= matrix[k, j] * right[j, c]
            right[k, c] = total / matrix[k, k]
    return -1


def residual(first: Array, supplier: Array, weight: Array, constant: Array, x: Array, r: Array) -> None:
    """Write into r a bound on |c + W x − x|: the computed residual plus what rounding may have hidden of it."""
    unit = 2.220446049250313e-16
    for j in range(x.shape[0]):
        total = constant[j]
        size = abs(constant[j])
        for e in range(first[j], first[j + 1]):
            term = weight[e] * x[supplier[e]]
            total += term
            size += abs(term)
        terms = first[j + 1] - first[j] + 3
        r[j] = abs(total - x[j]) + unit * terms * (size + abs(x[j]))


def strong_components(first: Array, supplier: Array, component: Array, order: Array) -> int:
    """Number the strongly connected components, suppliers first; return how many there are (Tarjan 1972).

    ``component``: (stages,), the number of each stage's component. ``order``: (stages,), the stages with suppliers
    before users, the stages of one component side by side and in the order in which a search from the users meets
    them last (near-topological).
    """
    n = component.shape[0]
    unseen = -1
    index = np.full(n, unseen, np.int64)
    low = np.zeros(n, np.int64)
    on_stack = np.zeros(n, np.bool_)
    stack = np.zeros(n, np.int64)
    path = np.zeros(n, np.int64)
    edge = np.zeros(n, np.int64)
    finished = np.zeros(n, np.int64)
    stacked = 0
    clock = 0
    finish = 0
    components = 0
    for root in range(n):
        if index[root] != unseen:
            continue
        depth = 0
        path[0] = root
        edge[root] = first[root]
        index[root] = clock
        low[root] = clock
        clock += 1
        stack[stacked] = root
        stacked += 1
        on_stack[root] = True
        while depth >= 0:
            j = path[depth]
            if edge[j] < first[j + 1]:
                i = supplier[edge[j]]
                edge[j] += 1
                if index[i] == unseen:
                    index[i] = clock
                    low[i] = clock
                    clock += 1
                    stack[stacked] = i
                    stacked += 1
                    on_stack[i] = True
                    edge[i] = first[i]
                    depth += 1
                    path[depth] = i
                elif on_stack[i]:
                    low[j] = min(low[j], index[i])
            else:
                finished[j] = finish
                finish += 1
                depth -= 1
                if depth >= 0:
                    low[path[depth]] = min(low[path[depth]], low[j])
                if low[j] == index[j]:
                    while True:
                        stacked -= 1
                        i = stack[stacked]
                        on_stack[i] = False
                        component[i] = components
                        if i == j:
                            break
                    components += 1
    # Tarjan closes a component after every component that it buys from: numbers run from suppliers to users.
    counts = np.zeros(components + 1, np.int64)
    for j in range(n):
        counts[component[j] + 1] += 1
    for c in range(components):
        counts[c + 1] += counts[c]
    by_finish = np.zeros(n, np.int64)
    for j in range(n):
        by_finish[finished[j]] = j
    for k in range(n):
        j = by_finish[k]
        order[counts[component[j]]] = j
        counts[component[j]] += 1
    return components
