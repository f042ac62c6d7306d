"""How much memory there is, so that work too large for it is refused before it begins."""

from __future__ import annotations

from pathlib import Path

from .errors import Finding, TooLargeError

__all__ = ["available_memory", "refuse_beyond_memory"]


def available_memory() -> int | None:
    """Return the bytes that can still be had without swapping, None where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def refuse_beyond_memory(need: float, what: str, remedy: str) -> None:
    """Raise TooLargeError when ``need`` bytes are more than there is; names the need and the limit."""
    limit = available_memory()
    if limit is not None and need > limit:
        message = f"{what} needs about {need / 1e9:.1f} GB of memory, and {limit / 1e9:.1f} GB are free"
        raise TooLargeError(Finding(message, remedy, check="memory"))
