"""Numbers as people read them: percentages and money, one column at a time so that the points line up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["UNKNOWN", "adding_up", "money", "percentages"]

#: What stands where a value is not known; absent is not zero.
UNKNOWN = "-"

_MOST_DECIMALS = 4
#: Relative to a number, more than what a few sums and products of floats take from it.
_NOISE = 4e-15


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


def adding_up(parts: Sequence[float], total: float, decimals: int) -> list[float]:
    """Return the parts rounded so that they add to ``total``, rounded half up: the largest remainders are rounded up.

    Parts and total agree to within rounding of floats, which moves neither a half nor a whole.
    """
    scaled = [_snapped(part * 10.0**decimals) for part in parts]
    units = [math.floor(one) for one in scaled]
    missing = math.floor(_snapped(total * 10.0**decimals) + 0.5) - sum(units)
    largest = sorted(range(len(parts)), key=lambda at: (units[at] - scaled[at], at))
    for at in largest[: max(0, missing)]:
        units[at] += 1
    return [unit / 10.0**decimals for unit in units]


def _snapped(number: float) -> float:
    """Return the number with what rounding may have taken from it put back."""
    return number + abs(number) * _NOISE
