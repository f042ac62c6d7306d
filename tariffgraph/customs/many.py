"""One entry or many: numbers that are floats for one entry, and arrays for a group that shares all other facts.

The law is walked once a group. What is decided on the way (does a threshold hold, is anything charged) must come out
the same for the whole group; where it does not, :class:`Divided` says for whom it does, and the group is walked in two.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["Divided", "Number", "decided", "first_of", "largest", "smallest"]

Array = np.ndarray[Any, Any]
Number: TypeAlias = "float | Array"


class Divided(Exception):  # noqa: N818 - no error: a group goes two ways
    """A condition holds for some of a group and not for others; ``holds``: (group,)."""

    def __init__(self, holds: Array) -> None:
        super().__init__()
        self.holds = holds


def decided(condition: Any) -> bool:
    """Return a condition that is the same for all of a group. Raises Divided where it is not."""
    if not isinstance(condition, np.ndarray):
        return bool(condition)
    some = bool(condition.any())
    if some and not condition.all():
        raise Divided(condition)
    return some


def first_of(number: Number) -> float:
    """Return the number of the first of a group, for a text that tells of one."""
    return float(number[0]) if isinstance(number, np.ndarray) else number


def largest(one: Number, other: Number) -> Number:
    """Return the larger of two numbers, each for itself in a group."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.maximum(one, other)
    return one if one >= other else other


def smallest(one: Number, other: Number) -> Number:
    """Return the smaller of two numbers, each for itself in a group."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.minimum(one, other)
    return one if one <= other else other
