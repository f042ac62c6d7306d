"""Elimination without pivoting, for I − W with W ≥ 0: the same bits on any number of threads.

Such a matrix is non-singular with a non-negative inverse exactly when every pivot is positive, and elimination without
pivoting is then stable (Berman & Plemmons 1994, ch. 6).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

__all__ = ["factorize", "matrix_product", "substitute"]

#: Columns that elimination takes at a time.
PANEL = 32
#: Products with fewer columns are not left to BLAS.
NARROW = 256


def factorize(matrix: Array) -> int:
    """Factorize an M-matrix (I − W with W ≥ 0) in place; return −1, or where a pivot failed.

    L, with ones on its diagonal, comes to lie below U. By panels of columns: nearly all of it is products.
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
        x[end:] -= matrix_product(factors[end:, begin:end], x[begin:end])
    for begin in range((size - 1) // PANEL * PANEL, -1, -PANEL):
        end = min(begin + PANEL, size)
        for k in range(end - 1, begin - 1, -1):
            x[k] /= factors[k, k]
            x[begin:k] -= factors[begin:k, k, None] * x[k]
        x[:begin] -= matrix_product(factors[:begin, begin:end], x[begin:end])
    return x


def matrix_product(left: Array, right: Array) -> Array:
    """Return the product of two matrices."""
    # BLAS adds narrow products up in another way on every number of threads, square ones in the same (measured).
    return np.einsum("ij,jk->ik", left, right) if right.shape[1] < NARROW else left @ right
