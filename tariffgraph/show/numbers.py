"""Numbers as people read them: percentages and money, one column at a time so that the points line up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["UNKNOWN", "money", "percentages"]

#: What stands where a value is not known; absent is not zero.
UNKNOWN = "-"

_MOST_DECIMALS = 4


def percentages(rates: Sequence[float | None], *, signed: bool = False) -> list[str]:
    """Return rates (fractions) as percentages with the same number of decimals.

    Two decimals, or as many (up to four) as the smallest rate needs for two significant digits. A rate that
    is not zero is never shown as zero. ``signed`` numbers are changes: what rises has a plus.
    """
    decimals = min(max(2, _decimals_for(rates, digits=2, scale=100)), _MOST_DECIMALS)
    return [_percentage(rate, decimals, signed=signed) for rate in rates]


def money(amounts: Sequence[float | None], decimals: int | None = None, *, signed: bool = False) -> list[str]:
    """Return amounts with grouped digits and as many decimals as the smallest needs for three digits."""
    if decimals is None:
        decimals = min(max(0, _decimals_for(amounts, digits=3, scale=1)), _MOST_DECIMALS)
    return [_fixed(amount, decimals, ",", signed=signed) if _known(amount) else UNKNOWN for amount in amounts]


def _percentage(rate: float | None, decimals: int, *, signed: bool) -> str:
    if not _known(rate):
        return UNKNOWN
    text = _fixed(rate * 100, decimals, signed=signed) + "%"
    if rate and not text.strip("0.%"):
        # Only below a ten-thousandth of a percent, since the smallest larger rate sets the decimals.
        return f"{'<' if rate > 0 else '>-'}0.{'0' * (decimals - 1)}1%"
    return text


def _decimals_for(values: Iterable[float | None], digits: int, scale: float) -> int:
    """Return the decimals that show the smallest value with ``digits`` digits; next to nothing aside."""
    sizes = [abs(value) * scale for value in values if _known(value)]
    sizes = [size for size in sizes if size >= 10.0**-_MOST_DECIMALS]
    return digits - 1 - math.floor(math.log10(min(sizes))) if sizes else 0


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _fixed(value: float, decimals: int, grouping: str = "", *, signed: bool = False) -> str:
    # What rounds to zero has no sign.
    if not round(value, decimals):
        return f"{0.0:.{decimals}f}"
    return f"{value:{'+' if signed else ''}{grouping}.{decimals}f}"
