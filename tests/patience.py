"""How long is "at once"? Counted in a piece of work of this machine at this moment, never in seconds."""

import time


def now():
    """Return the processor time of this process."""
    return time.process_time()


def patience(times=100):
    """Return how long ``times`` rounds of plain arithmetic take here and now."""
    begin = time.process_time()
    for _ in range(3):
        sum(one * one for one in range(30_000))
    return times * (time.process_time() - begin) / 3
