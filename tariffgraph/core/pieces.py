"""Pieces of a sweep that threads claim in turn: which stages need not wait for one another, and who waits for whom.

A *front* is a range of stages none of which buys from another of it: its stages can be solved side by side. Large
fronts are cut into pieces, runs of small ones make one piece. A thread claims the next piece and waits until all those
of earlier fronts are done. Nobody waits for a thread that has not begun; and where the processors have other things to
do, so that one thread waits long for another, the caller's goes on alone. What a stage adds up, it adds up alone and in
its own order: the bits do not depend on who did it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .kernels import OF_ITS_OWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from .threads import Crew

Array = np.ndarray[Any, Any]

__all__ = ["AT_A_TIME", "SHARED_FROM", "Pieces", "pieces_of"]

#: Inputs from which a span is worth more threads than one (to wake one takes as long as a quarter of a million inputs),
#: and from which a front is cut.
SHARED_FROM = 3_000_000
CUT_FROM = 20_000
#: Inputs in a piece of a front: some hundredths of a millisecond.
PIECE = 10_000
#: Inputs in a run of small fronts at most, and pieces that a thread does at a time: so often Ctrl-C is heard.
RUN = 4_000_000
AT_A_TIME = 400
#: Looks at another thread's progress, of a nanosecond each, that are a long wait: so many, and for each input of the
#: longest piece.
LOOKS, LOOKS_AN_INPUT = 100_000, 8


@dataclass(frozen=True, eq=False)
class Pieces:
    """A span of stages in pieces.

    ``forward``: where each piece begins, (pieces + 1,), and how many have to be done before it. ``backward``, users
    first: where each begins, where it ends, which part of the sum it adds to (0 or 1), and how many go before it. A
    large front is two such pieces on any number of threads: what they hand to a supplier is added up part by part.
    ``patience``: looks at the others' progress that take longer than any piece.
    """

    forward: tuple[Array, Array]
    backward: tuple[Array, Array, Array, Array]
    patience: int

    def work_off(self, crew: Crew, some: Callable[[Array, bool], bool]) -> None:
        """Let threads call ``some`` with the counters of this work, and whether they only help, until it is done."""
        counters = np.zeros(4 * OF_ITS_OWN, np.int64)
        counters[3 * OF_ITS_OWN] = self.patience

        def until_done(helps: bool, leave: Event) -> None:
            while some(counters, helps) and not leave.is_set():
                pass

        crew.together(until_done)


def pieces_of(first: Array, fronts: Array) -> Pieces:
    """Return the pieces of a span. ``fronts``: where each front begins, and where the last one ends."""
    first = first.astype(np.int64)
    inputs = first[fronts[1:]] - first[fronts[:-1]]
    large = inputs >= CUT_FROM
    run = (first[fronts[:-1]] - first[fronts[0]]) // RUN
    new = np.ones(len(large), np.bool_)
    new[1:] = large[1:] | large[:-1] | (run[1:] != run[:-1])
    edges = np.append(fronts[:-1][new], fronts[-1])
    inputs = first[edges[1:]] - first[edges[:-1]]
    parts = np.where(large[new], -(-inputs // PIECE), 1)
    halves = np.where(large[new], 2, 1)
    begins, before = _cut(first, edges, parts)
    halved, after = _cut(first, edges, halves)
    last = int(halves.sum())
    part = np.arange(last) - np.repeat(after, halves)
    # Of the pieces of one front, seen from the end, the last comes first; those of later fronts go before both.
    needs = last - np.repeat(after + halves, halves)
    longest = int(np.max(inputs / halves, initial=0.0))
    return Pieces(
        (np.append(begins, edges[-1]), np.repeat(before, parts)),
        (halved[::-1].copy(), np.append(halved[1:], edges[-1])[::-1].copy(), part[::-1].copy(), needs[::-1].copy()),
        LOOKS + LOOKS_AN_INPUT * longest,
    )


def _cut(first: Array, edges: Array, parts: Array) -> tuple[Array, Array]:
    """Cut ranges of stages into parts with about as many inputs each: where they begin, and how many go before."""
    before = np.cumsum(parts) - parts
    number = np.arange(parts.sum()) - np.repeat(before, parts)
    low, high = (np.repeat(first[edge], parts) for edge in (edges[:-1], edges[1:]))
    wanted = low + (high - low) * number // np.repeat(parts, parts)
    begins = np.searchsorted(first[:-1], wanted)
    begins = np.where(number == 0, np.repeat(edges[:-1], parts), np.maximum(begins, np.repeat(edges[:-1], parts)))
    return np.minimum(begins, np.repeat(edges[1:], parts)), before
