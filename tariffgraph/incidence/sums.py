"""Sums by number, in one order."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

__all__ = ["added_up"]


def added_up(number: Array, value: Array, size: int) -> Array:
    """Return the sums of the values by number, (size,).

    They are added in their order: the same bits however many threads there are.
    """
    return np.bincount(number, weights=value, minlength=size).astype(np.float64)  # of nothing it counts in integers
