"""Rates as the Harmonized Tariff Schedule writes them, in the words of a schedule file."""

from __future__ import annotations

import re
from functools import lru_cache

from ..codes import CodeProblem
from ..rules.rate import Compound
from ..rules.rate_text import parse_rate_text

__all__ = ["NoRate", "plain_rate", "special_rates", "what_it_counts"]

_AD_VALOREM = re.compile(r"[0-9.]+(?: [0-9]+/[0-9]+)?%")
_WHOLE_VALUE = re.compile(r"(?P<rate>[0-9.]+%) on the entire set")
_SPECIFIC = re.compile(r"(?P<dollar>\$)?(?P<amount>[0-9.,]+) ?(?P<cent>¢)? ?(?:/ ?(?P<unit>[A-Za-z0-9].*)|each)")
_UNITS = (
    (re.compile(r"^(?:1,?000|thou-? ?sand)(?: pins)?$"), "thousand"),
    (re.compile(r"^line/ ?gross$"), "gross line"),
    (re.compile(r"^pf\. ?liter"), "pf. liter"),
    (re.compile(r"^(m2|m3|kg|t),? ?(of|including) "), r"\1 \2 "),
    (re.compile(r"\.$"), ""),
)
# Why a text is no rate; the first that fits is told.
_REASONS = (
    (re.compile(r"(?i)^see "), "refers to another provision"),
    (re.compile(r"(?i)^the (?:duty )?rate\b.*(?:applic|provided)|^the rate.*appli-"), "is the rate of another article"),
    (re.compile(r"(?i)^free, "), "holds on a condition"),
    (re.compile(r"(?i)\bless (?:than )?[0-9]|\bfor each other\b|/jewel over"), "is a formula"),
    (re.compile(r"(?i)% on |\bpercent of\b|^a duty (?:up)?on\b"), "is on a part of the value"),
)
_QUALIFIED = re.compile(r" (?:of|on|including) |^clean |^gross line$|^jewel")
_PART = re.compile(r"([^()]*)\(([^()]*)\)")
_SYMBOL = re.compile(r"[A-Z]{1,3}[+*]?")


class NoRate(ValueError):  # noqa: N818 - what was found, not a failure
    """A text that no rate of a schedule file can say, and why."""


@lru_cache(maxsize=8192)
def plain_rate(text: str) -> str:
    """Return the rate in the words of a schedule file: ``1.4¢/kg +58%`` becomes ``1.4 cents/kg + 58%``.

    What is counted stays with its unit (``3.7 cents/kg on drained weight``). Raises NoRate.
    """
    one_line = " ".join(text.split())
    if one_line.casefold() == "free":
        return "Free"
    try:
        rate = " + ".join(_term(term.strip()) for term in one_line.split("+"))
        parse_rate_text(rate)
    except CodeProblem:
        raise NoRate(next((why for form, why in _REASONS if form.search(one_line)), "is not understood")) from None
    return rate


def _term(term: str) -> str:
    if _AD_VALOREM.fullmatch(term):
        return term
    whole = _WHOLE_VALUE.fullmatch(term)
    if whole is not None:
        return whole["rate"]  # the article is the set
    match = _SPECIFIC.fullmatch(term)
    if match is None or (match["dollar"] is None) == (match["cent"] is None):
        raise CodeProblem("no rate")
    money = f"${match['amount']}" if match["dollar"] else f"{match['amount']} cents"
    if match["unit"] is None:
        return f"{money} each"
    unit = match["unit"]
    for form, plain in _UNITS:
        unit = form.sub(plain, unit)
    return f"{money}/{unit}"


@lru_cache(maxsize=8192)
def what_it_counts(rate: str) -> str:
    """Return what a rate counts that an entry must state in so many words; "" for plain units."""
    read = parse_rate_text(rate)
    units = {duty.unit for duty in read.specific} if isinstance(read, Compound) else set()
    if len(units) > 1:
        return "counts several quantities, and an entry has one"
    if any(_QUALIFIED.search(unit) for unit in units):
        return "counts a quantity of its own: an entry gives it in that very unit, as in 'kg on drained weight'"
    return ""


@lru_cache(maxsize=8192)
def special_rates(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """Return the special rates of a cell by program symbol, and the parts that give none, each with the reason.

    ``Free (A,KR) 2.5% (JP) See 9822.05.20 (P)`` gives Free for A and KR, 2.5% for JP, and one part that refers to
    another provision. Of two parts for one symbol, the one with a rate counts; two that differ give none.
    """
    rates: dict[str, str] = {}
    doubtful: set[str] = set()
    rest: list[tuple[str, str]] = []
    end = 0
    for part in _PART.finditer(text):
        if text[end : part.start()].strip():
            break
        end = part.end()
        written = " ".join(part[0].split())
        symbols = [symbol.strip(".") for symbol in re.split(r"[,\s]+", part[2]) if symbol.strip(".")]
        try:
            rate = plain_rate(part[1])
        except NoRate as why:
            rest.append((written, str(why)))
            continue
        if not symbols or not all(_SYMBOL.fullmatch(symbol) for symbol in symbols):
            rest.append((written, "names no program symbols"))
            continue
        for symbol in symbols:
            if rates.setdefault(symbol, rate) != rate:
                doubtful.add(symbol)
    last = " ".join(text[end:].split())
    if last:
        rest.append((last, "names no program symbols" if "(" not in last else "is not understood"))
    rest += [(f"({symbol})", "has two rates") for symbol in sorted(doubtful)]
    return tuple((symbol, rate) for symbol, rate in rates.items() if symbol not in doubtful), tuple(rest)
