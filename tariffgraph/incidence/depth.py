"""Depth of a duty: how many borders are still to be passed on the way to the market (docs/method.md, Depth).

D are the shares bought at home, X those bought across a border, A = D + X. What stands k borders upstream of good f:

    y⁰ = (I − D)^-1 e_f     y^{k+1} = (I − D)^-1 X y^k     beyond K:  (I − A)^-1 X y^K = y^{K+1} + y^{K+2} + ...

A crossing met in y^k has depth k, or k + 1 where the good itself crosses a border, whose own depth is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..tables import DEPTHS
from .sums import added_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..problem import Problem

Array = np.ndarray[Any, Any]

__all__ = ["carried", "embodied"]

#: The depth beyond which all counts together.
BEYOND = len(DEPTHS) - 1


def embodied(problem: Problem, home: Array, abroad: Array, *, by_depth: bool) -> Iterator[Array]:
    """Yield the output of every stage that goods take in, untaxed: by depth, or in one.

    ``home`` and ``abroad``: (stages,), not negative, how much of each stage's good is sold at home, and how much
    crosses a border; these stand one border further from the market. The arrays, (stages,) each, add up to
    (I − A)^-1 (home + abroad).
    """
    structure, share = problem.structure, problem.share
    if not by_depth:
        yield structure.solve_backward(share, home + abroad)
        return
    domestic, bought = _domestic(problem), np.flatnonzero(_crosses(problem))
    supplier, user, part = structure.supplier[bought], structure.user[bought], share[bought]

    def of_suppliers(y: Array) -> Array:
        return added_up(supplier, part * y[user], structure.stages)

    yield from _levels(
        home,
        of_suppliers,
        lambda y: structure.solve_backward(domestic, y),
        lambda y: structure.solve_backward(share, y),
        first_step=lambda y: y + abroad,
    )


def carried(problem: Problem, own: Array, *, by_depth: bool) -> Iterator[Array]:
    """Yield what is paid at stages as the goods made from theirs carry it: by depth, or in one.

    ``own``: (stages, columns), what is paid on the inputs of each stage. The arrays, of the same shape, hold what is
    met k borders upstream of each stage, and add up to (I − Aᵀ)^-1 own.
    """
    structure, share = problem.structure, problem.share

    def through(weight: Array) -> Callable[[Array], Array]:
        return lambda column: structure.contents(weight, column, stopping=False)

    if not by_depth:
        yield through(share)(own)
        return
    bought = np.flatnonzero(_crosses(problem))
    supplier, user, part = structure.supplier[bought], structure.user[bought], share[bought]

    def of_users(u: Array) -> Array:
        return np.stack([added_up(user, part * column[supplier], structure.stages) for column in u.T], axis=1)

    yield from _levels(own, of_users, through(_domestic(problem)), through(share))


def _levels(
    start: Array,
    across: Callable[[Array], Array],
    within_country: Callable[[Array], Array],
    anywhere: Callable[[Array], Array],
    first_step: Callable[[Array], Array] = lambda y: y,
) -> Iterator[Array]:
    """Yield what is met at each depth up to the tenth, and beyond; as many as there is anything at."""
    entering = start
    for depth in range(BEYOND):
        met = within_country(entering)
        yield met
        entering = across(met) if depth else first_step(across(met))
        if not entering.any():
            return
    yield anywhere(entering)


def _crosses(problem: Problem) -> Array:
    """Tell of every input whether it crosses a border, (inputs,)."""
    return np.asarray(problem.class_of_input < len(problem.rates))


def _domestic(problem: Problem) -> Array:
    """Return the shares bought at home, 0 for what crosses a border, (inputs,)."""
    return np.where(_crosses(problem), 0.0, problem.share)
