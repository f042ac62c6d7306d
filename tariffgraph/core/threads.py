"""Work in slices that end soon enough for Ctrl-C, on as many threads as are wanted: never inside a sum."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

Array = np.ndarray[Any, Any]

__all__ = ["Crew", "crew", "slices", "threads_wanted"]

#: Steps of vector code that are worth waking another thread for, and smallest ranges that a thread takes in turn, as a
#: part of its even share.
HANDED_OVER_FROM = 1_500_000
FINEST = 32
#: Parts in which sums over rows are added up: as many on any number of threads, so that they are the same bits.
PARTS_OF_A_SUM = 4


def threads_wanted(threads: int | None) -> int:
    """Return how many threads to use: those asked for, else one for each processor that this process may use."""
    if threads is not None:
        return max(1, threads)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def slices(first: Array, start: int, stop: int, inputs: int) -> Iterator[tuple[int, int]]:
    """Cut the stages ``start`` to ``stop`` into ranges that hold about so many inputs each (a stage is never cut)."""
    while start < stop:
        end = int(np.searchsorted(first, first[start] + first.dtype.type(inputs), side="right")) - 1
        end = min(stop, max(end, start + 1))
        yield start, end
        start = end


class Crew:
    """Threads that share out independent pieces of work."""

    def __init__(self, pool: ThreadPoolExecutor | None, size: int) -> None:
        self.size = size
        self._pool = pool

    def do(self, work: Sequence[Callable[[Event], None]]) -> None:
        """Run every piece; on a failure or Ctrl-C the rest end at their next slice (they look at the event)."""
        leave = Event()
        if self._pool is None or len(work) == 1:
            for one in work:
                one(leave)
            return
        # Where there is a thread for each, the caller's own takes the first: it is awake already.
        own = 1 if len(work) <= self.size else 0
        futures = [self._pool.submit(one, leave) for one in work[own:]]
        with _left_together(futures, leave):
            for one in work[:own]:
                one(leave)
            for future in futures:
                future.result()

    def together(self, work: Callable[[bool, Event], None]) -> None:
        """Run ``work`` in the caller's thread, and in others that help as they come to it; it shares itself out.

        A thread that has not come to it when the caller's is through is not waited for. ``work`` is told whether it
        only helps, and the event at which it ends.
        """
        leave = Event()
        futures = [self._pool.submit(work, True, leave) for _ in range(self.size - 1)] if self._pool else []
        with _left_together(futures, leave):
            work(False, leave)
            for future in futures:
                if not future.cancel():
                    future.result()

    def _ranges(self, count: int) -> Iterator[tuple[int, int]]:
        """Cut ``count`` rows into ranges: half of an even share of what is left, so that all end at about one time."""
        start = 0
        while start < count:
            stop = min(count, start + max((count - start) // (2 * self.size), count // (FINEST * self.size), 1))
            yield start, stop
            start = stop

    def added_up(self, count: int, zeros: Array, work: Callable[[Array, int, int], None]) -> Array:
        """Return ``zeros`` with what ``work`` adds to it for ``count`` rows, in parts that are always the same."""
        edges = np.linspace(0, count, PARTS_OF_A_SUM + 1).astype(int).tolist()
        parts = [zeros.copy() for _ in range(PARTS_OF_A_SUM)]

        def some(begin: int, end: int) -> None:
            for part in range(begin, end):
                work(parts[part], edges[part], edges[part + 1])

        self.share_out(PARTS_OF_A_SUM, some)
        return np.asarray(np.add.reduce(parts))

    def share_out(self, count: int, work: Callable[[int, int], None], steps: float = math.inf) -> None:
        """Run ``work`` on ``count`` rows, in ranges that threads take in turn; in one where the ``steps`` are few."""
        if self.size == 1 or steps < HANDED_OVER_FROM:
            work(0, count)
            return
        left = iter(list(self._ranges(count)))

        def some(_helps: bool, leave: Event) -> None:
            for start, stop in left:
                if leave.is_set():
                    return
                work(start, stop)

        self.together(some)


@contextmanager
def _left_together(futures: Sequence[Future[None]], leave: Event) -> Iterator[None]:
    """On a failure or Ctrl-C let the others end too: those at work at their next slice, the rest at once."""
    try:
        yield
    except BaseException:
        leave.set()
        for future in futures:
            future.cancel()
        raise


@contextmanager
def crew(threads: int) -> Iterator[Crew]:
    """Give a crew of so many threads; one thread is the caller's own."""
    if threads == 1:
        yield Crew(None, 1)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield Crew(pool, threads)
