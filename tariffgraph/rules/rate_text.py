"""Rates as customs schedules write them: ``25%``, ``free``, ``2.5% + 4.4 cents/kg``."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from ..codes import CodeProblem, parse_number
from ..errors import visible
from .rate import AdValorem, Compound, Ends, SpecificDuty

__all__ = ["parse_fraction", "parse_rate_text"]

_FORMS = "Write 25%, 0.25, free, 4.4 cents/kg or 2.5% + 4.4 cents/kg."
_SPECIFIC = re.compile(
    r"""(?P<sign>\$|US\$|[A-Z]{3}[ ])?\s*
        (?P<amount>[0-9.,]+)\s*
        (?P<money>¢|c|ct|cts|cent|cents|\$|dollars?|[A-Z]{3})?
        (?:(?:\s*/\s*|\s+per\s+)(?P<unit>[A-Za-z][A-Za-z0-9²³.]*(?:\ (?!(?:of|on|including)\b)[A-Za-z.]+)?
            (?:\ (?:of|on|including)(?:\ [A-Za-z]+){1,6})?)|\s+each)""",
    re.VERBOSE,
)
#: as schedules write thirds: 33 1/3%
_MIXED = re.compile(r"([0-9]{1,6})[ ]([0-9]{1,3})/([1-9][0-9]{0,2})[ ]?%")
_CENTS = {"¢", "c", "ct", "cts", "cent", "cents"}


@lru_cache(maxsize=4096)
def parse_rate_text(text: str) -> AdValorem | Compound | Ends:
    """Return the rate that ``text`` states.

    ``25%`` and ``0.25`` are the same; ``free`` is 0; ``ends`` says that the measure no longer applies. An amount of
    money per unit is in the currency of the values (``cents`` are hundredths of it), ``each`` is ``/no``; terms joined
    by ``+`` add up. A unit may say what is counted (``kg on drained weight``); a share may end in a common fraction
    (``33 1/3%``).
    Raises CodeProblem: from 1 upward a number without ``%`` could be either of two rates.
    """
    stripped = text.strip()
    word = stripped.casefold()
    if word == "free":
        return AdValorem(0.0)
    if word == "ends":
        return Ends()
    share, specific = 0.0, []
    for term in re.split(r"(?<![eE])\+", stripped) if stripped else [""]:
        match = _SPECIFIC.fullmatch(term.strip())
        if match is not None:
            specific.append(_specific_duty(match, text))
        else:
            share += parse_fraction(term.strip(), whole=stripped)
    return Compound(share, tuple(specific)) if specific else AdValorem(share)


def _specific_duty(match: re.Match[str], text: str) -> SpecificDuty:
    if match["sign"] is None and match["money"] is None:
        raise CodeProblem(
            f"'{visible(text)}' does not say what money it is",
            f"{match['amount']} cents/{match['unit'] or 'no'} or {match['amount']} USD/{match['unit'] or 'no'}?",
        )
    amount = parse_number(match["amount"])
    if match["money"] in _CENTS:
        # Decimal makes 4.4 cents exactly the float nearest to 0.044, which 4.4 / 100 need not be.
        amount = float(Decimal(match["amount"]).scaleb(-2))
    return SpecificDuty(amount, match["unit"] or "no")


def parse_fraction(text: str, *, whole: str | None = None) -> float:
    """Return the share that ``text`` states, as ``25%`` or ``0.25``; ``whole`` is the text to name in messages."""
    shown = text if whole is None else whole
    mixed = _MIXED.fullmatch(text)
    if mixed is not None:
        return float((int(mixed[1]) + Fraction(int(mixed[2]), int(mixed[3]))) / 100)
    try:
        value = parse_number(text)
    except CodeProblem as problem:
        if any(character.isdigit() for character in text) and not re.search(
            r"[A-Za-z/¢$]", text.replace("e", "").replace("E", "")
        ):
            raise
        raise CodeProblem(f"'{visible(shown)}' is not a rate", _FORMS) from problem
    if value < 0:
        raise CodeProblem(f"'{visible(shown)}' is below 0", "A rate is 0 or more.")
    if value >= 1 and not text.rstrip().endswith("%"):
        number = text.strip()
        raise CodeProblem(f"'{visible(shown)}' can be read in two ways", f"{number}% or {_hundredth(number)}?")
    if not math.isfinite(value):
        raise CodeProblem(f"'{visible(shown)}' is too large for a rate", _FORMS)
    return value


def _hundredth(number: str) -> str:
    return format(Decimal(number).scaleb(-2).normalize(), "f") if len(number) < 40 else "a fraction"
