"""The one place that knows numba: kernels run as they are on small problems, compiled on large ones.

Importing numba and compiling take about a second, which a small job is spared. Set ``TARIFFGRAPH_JIT`` to ``0`` or
``1`` to never or always compile; the results are the same bits.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from . import kernels

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPILE_ABOVE", "kernel"]

#: Number of steps (visits of an input, about) from which compiling pays: uncompiled, one takes a quarter of a
#: microsecond, and a problem is solved more than once; the compiler takes a second or two.
COMPILE_ABOVE = 100_000


def kernel(name: str, steps: int) -> Callable[..., Any]:
    """Return the kernel ``name``, compiled when it is about to take more than ``COMPILE_ABOVE`` steps."""
    wish = os.environ.get("TARIFFGRAPH_JIT", "")
    if wish == "0" or (wish != "1" and steps <= COMPILE_ABOVE):
        plain: Callable[..., Any] = getattr(kernels, name)
        return plain
    return _compiled(name)


@cache
def _compiled(name: str) -> Callable[..., Any]:
    import numba

    compiled: Callable[..., Any] = numba.njit(nogil=True)(getattr(kernels, name))
    return compiled
