"""The command line. Results go to stdout, all else to stderr; no failure ends in a traceback.

Exit status: 0 done, 1 the input is wrong, 2 usage, 130 interrupted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit status."""
    import gc
    import sys

    gc.set_threshold(50_000)  # importing makes many objects and no garbage: a tenth of a short run went into looking
    sys.exit(_status(arguments))


def _status(arguments: Sequence[str] | None) -> int:
    # Everything is imported inside, so that Ctrl-C while importing ends as quietly as one later.
    try:
        from .program import run

        return run(arguments)
    except KeyboardInterrupt:
        return 130
