"""GMRES (Saad & Schultz 1986) on any affine improvement of x; for a linear iteration it is Anderson acceleration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

__all__ = ["GOOD_ENOUGH", "SETTLED", "largest", "settled", "step_towards"]

#: Passes over W, and the change, relative to the largest x, at which a solution has settled, and is good enough.
PASSES = 3_000
SETTLED = 1e-14
GOOD_ENOUGH = 1e-12
#: Vectors that are kept: many, but no more numbers than this.
VECTORS = 40
KEPT_NUMBERS = 16_000_000


def settled(right: Array, improved: Callable[[Array, Array], Array]) -> Array | None:
    """Return the x that ``improved(x, right)`` leaves as it is, by restarted GMRES; None where that is not found.

    ``improved`` is affine in x, with a linear part of spectral radius below 1 where the component is productive.
    """
    zero = np.zeros(len(right))
    x, passes = zero, 0
    best = math.inf
    while passes < PASSES:
        moved = improved(x, right)
        rest = moved - x
        passes += 1
        scale = largest(moved)
        change = largest(rest) / scale if scale > 0 else 0.0
        if not math.isfinite(change):
            return None
        if change <= SETTLED or (change <= GOOD_ENOUGH and change > 0.5 * best):
            return moved
        best = min(best, change)
        step, used, _ = step_towards(rest, lambda v: v - improved(v, zero), SETTLED / change / 4)
        passes += used
        x = x + step
    return None


def largest(x: Array) -> float:
    """Return the largest absolute value."""
    return max(float(x.max()), -float(x.min()))


def step_towards(rest: Array, operator: Callable[[Array], Array], tolerance: float) -> tuple[Array, int, float]:
    """Return the step s that makes ``rest`` − operator(s) least over the Krylov space.

    With it how many products it took, and what is left, relative to ``rest``: at most ``tolerance`` unless the space
    has grown too large.
    """
    size = len(rest)
    most = int(min(VECTORS, max(6, KEPT_NUMBERS // size)))
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
    step = np.zeros(size)
    for k in range(used):
        step += y[k] * basis[k]
    return step, max(used, 1), abs(float(goal[used])) / beta


def _dot(a: Array, b: Array) -> float:
    # einsum, not BLAS: BLAS adds up in as many parts as it has threads.
    return float(np.einsum("i,i->", a, b))
