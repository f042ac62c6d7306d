"""Checked values: HS codes, countries, dates and numbers, each written in one way only.

Everything that a user writes passes through here once. A code is a plain string in canonical form, so that
frames, rule sets and entries can be compared without classes: ``8703.23.01``, ``KOR``, ``ICIO:C29``.
"""

from __future__ import annotations

import csv
import math
import re
import unicodedata
from bisect import bisect_left
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from .bundled import datasets_folder
from .errors import nearest, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CodeProblem",
    "ProductScope",
    "countries",
    "look_alike_key",
    "parse_country",
    "parse_date",
    "parse_identifier",
    "parse_number",
    "parse_product",
    "product_key",
    "scope_key",
    "strange_characters",
]

_HS = re.compile(r"[0-9]{2}(?:[. ]?[0-9]{2}){0,4}")
_HS_AS_NUMBER = re.compile(r"([0-9]+)(?:\.0|(?<=[0-9]{3})\.([0-9]{1,6}))?")
_OTHER_NOMENCLATURE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*:[A-Za-z0-9][A-Za-z0-9_.+-]*")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_MONTHS = re.compile(
    r"(?i)(?:MONTH)[a-z]*[-/ ]?[0-9]+|[0-9]+[-/ ](?:MONTH)[a-z]*".replace(
        "MONTH", "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
    )
)
_SPREADSHEET = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)")


class CodeProblem(ValueError):  # noqa: N818 - it becomes a finding; the error is the caller's
    """A value that is not what it should be: what is wrong, and what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}. {remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


# --- products -----------------------------------------------------------------------------------------


@lru_cache(maxsize=65536)
def parse_product(text: str) -> str:
    """Return the product in canonical form: ``87032301`` and ``8703 23 01`` become ``8703.23.01``.

    A product is an HS code of 2, 4, 6, 8 or 10 digits, or a code of another nomenclature with its name
    before a colon (``ICIO:C29``). Raises CodeProblem with the remedy.
    """
    stripped = text.strip()
    if ":" in stripped:
        if stripped.upper().startswith("HS:"):
            return parse_product(stripped[3:])
        if not _OTHER_NOMENCLATURE.fullmatch(stripped):
            raise CodeProblem(
                f"'{visible(text)}' is not a product code",
                "Another nomenclature reads NAME:CODE, as in ICIO:C29.",
            )
        return stripped
    if (
        _SPREADSHEET.fullmatch(stripped)
        or _MONTHS.fullmatch(stripped)
        or re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", stripped)
    ):
        raise CodeProblem(
            f"'{visible(text)}' is what a spreadsheet made of an HS code",
            "Format the column as text and enter the code again, as in 8542.31.",
        )
    digits = stripped.replace(".", "").replace(" ", "")
    if not digits.isascii() or not digits.isdigit():
        raise CodeProblem(
            f"'{visible(text)}' is not an HS code",
            "Write 2 to 10 digits, as in 8703.23, or NAME:CODE for another nomenclature.",
        )
    if not _HS.fullmatch(stripped):
        raise _not_an_hs_code(text, stripped, digits)
    return _dotted(digits)


def _not_an_hs_code(text: str, stripped: str, digits: str) -> CodeProblem:
    message = f"'{visible(text)}' has {len(digits)} digits; HS codes have 2, 4, 6, 8 or 10"
    number = _HS_AS_NUMBER.fullmatch(stripped)
    if len(digits) > 10:
        return CodeProblem(message, "Write at most 10 digits.")
    if len(digits) % 2 == 0:
        message = f"'{visible(text)}' does not group its digits as an HS code does"
    elif number is None:
        return CodeProblem(message, "Write pairs of digits after the first four, as in 8703.23.01.")
    before, after = (number[1], number[2] or "") if number else (digits, "")
    # A spreadsheet that takes a code for a number drops zeros at either end: 8703.8 was 8703.80, 702.9 was 0702.90.
    lost = ["leading"] * (len(before) % 2) + ["trailing"] * (len(after) % 2)
    whole = _dotted("0" * (len(before) % 2) + before + after + "0" * (len(after) % 2))
    if not lost:
        return CodeProblem(message, f"Write {whole} where that is meant.")
    zeros = f"A {' and a '.join(lost)} zero"
    return CodeProblem(message, f"{zeros} may have been lost: write it as text, as in {whole}.")


def _dotted(digits: str) -> str:
    if len(digits) <= 4:
        return digits
    return ".".join([digits[:4], *(digits[i : i + 2] for i in range(4, len(digits), 2))])


def product_key(product: str) -> str:
    """Return what a canonical product is compared by: its digits, or the whole code of another nomenclature."""
    return product if ":" in product else product.replace(".", "")


def scope_key(product: str) -> str:
    """Return what a line of a law is compared by: trailing pairs ``00`` after the sixth digit mean nothing."""
    key = product_key(product)
    if ":" not in key:
        while len(key) > 6 and key.endswith("00"):
            key = key[:-2]
    return key


class ProductScope:
    """A set of product prefixes: which products begin with one of them.

    HS codes form a tree, so 8703 covers 8703.23; a code of another nomenclature matches only
    itself, since its letters and digits form no tree (``WIOD:c1`` is not above ``WIOD:c10``).
    """

    __slots__ = ("_keys", "_lengths", "_sorted")

    def __init__(self, products: Iterable[str]) -> None:
        self._keys = frozenset(scope_key(product) for product in products)
        self._lengths = tuple(sorted({len(key) for key in self._keys if ":" not in key}))
        self._sorted: list[str] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def matches(self, key: str) -> bool:
        """Tell whether the product with this key (:func:`product_key`) falls under one of the lines."""
        if ":" in key:
            return key in self._keys
        return any(key[:length] in self._keys for length in self._lengths if length <= len(key))

    def finer_than(self, key: str) -> str | None:
        """Return a line that begins with the product's digits and goes on, or None: the product is too coarse."""
        if ":" in key:
            return None
        if self._sorted is None:
            self._sorted = sorted(self._keys)
        at = bisect_left(self._sorted, key)
        while at < len(self._sorted) and self._sorted[at].startswith(key):
            if len(self._sorted[at]) > len(key):
                return _dotted(self._sorted[at])
            at += 1
        return None


# --- countries ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def countries() -> Mapping[str, str]:
    """Return the name of every ISO 3166 alpha-3 country, by code (datasets/codes/countries.csv)."""
    return {row["alpha3"]: row["name"] for row in _country_rows()}


@lru_cache(maxsize=1)
def _country_rows() -> tuple[dict[str, str], ...]:
    path = datasets_folder() / "codes" / "countries.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


@lru_cache(maxsize=1)
def _country_by_other_name() -> Mapping[str, str]:
    others: dict[str, str] = {}
    for row in _country_rows():
        for other in (row["alpha2"], row["name"], *row["also"].split(";")):
            if other:
                others.setdefault(other.casefold(), row["alpha3"])
    return others


def parse_country(text: str, also: Iterable[str] = ()) -> str:
    """Return the alpha-3 code of a country, or a region out of ``also``; raise CodeProblem with the nearest code."""
    if text in countries() or text in also:
        return text
    name = text.strip().casefold()
    message = f"'{visible(text)}' is not a country"
    if name in _GROUPS:
        remedy = "It is a group of countries: name its members, or declare a region or a group."
        raise CodeProblem(message, remedy)
    if name in _REST_OF_THE_WORLD and not _very_near(name, also):
        remedy = f'Declare it as a region, as in {visible(text.strip())} = "rest of the world" under [regions].'
        raise CodeProblem(message, remedy)
    known = _intended_country(name, tuple(also))
    remedy = f"Did you mean {known}?" if known else "Write the ISO 3166 alpha-3 code, as in KOR, or declare a region."
    raise CodeProblem(message, remedy)


# What people write where a country belongs; only to say what to do instead.
_GROUPS = frozenset(
    {"eu", "eur", "eu27", "eu28", "eu-27", "eu-28", "eun", "european union", "eurozone", "euro area", "eea", "efta"}
    | {"asean", "nafta", "usmca", "gcc", "mercosur", "brics", "apec", "oecd"}
)
_REST_OF_THE_WORLD = frozenset({"row", "rest of the world", "rest of world", "wld", "world"})


def _intended_country(name: str, also: tuple[str, ...]) -> str | None:
    """Return the code that the (case-folded) name stands for or nearly spells, None when that is a guess."""
    known = _country_by_other_name().get(name) or _very_near(name, also)
    if known is not None:
        return known
    plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one)).upper()
    if plain in countries():
        return plain
    if len(plain) == 3:
        return _one_letter_off(plain)
    names = [one for one in _country_by_other_name() if len(one) > 3]
    near = _very_near(name, names)
    return _country_by_other_name()[near] if near else None


def _very_near(name: str, known: Iterable[str]) -> str | None:
    from difflib import SequenceMatcher

    near = nearest(name, known)
    if near is None or SequenceMatcher(None, name, near.casefold()).ratio() < 0.8:
        return None
    return near


def _one_letter_off(code: str) -> str | None:
    """Return the only code with two neighbouring letters swapped or, else, the only one with another letter."""
    swapped = {code[:i] + code[i + 1] + code[i] + code[i + 2 :] for i in range(len(code) - 1)}
    for near in (
        swapped & countries().keys(),
        {one for one in countries() if sum(a != b for a, b in zip(one, code, strict=True)) == 1},
    ):
        if near:
            return near.pop() if len(near) == 1 else None
    return None


# --- dates --------------------------------------------------------------------------------------------


def parse_date(text: str) -> date:
    """Return the date written as YYYY-MM-DD; raise CodeProblem for any other way of writing one."""
    match = _DATE.fullmatch(text)
    if match is not None:
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            raise CodeProblem(
                f"'{text}' is not a day of the calendar", "Write a day that exists, as YYYY-MM-DD."
            ) from None
    parts = re.fullmatch(r"\s*([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})\s*", text)
    if parts is not None:
        raise CodeProblem(
            f"'{visible(text)}' is not written as a date",
            f"Write {parts[1]}-{int(parts[2]):02}-{int(parts[3]):02}.",
        )
    parts = re.fullmatch(r"\s*([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})\s*", text)
    if parts is not None:
        first, second, year = int(parts[1]), int(parts[2]), parts[3]
        readings = [
            f"{year}-{month:02}-{day:02}"
            for month, day in dict.fromkeys(((first, second), (second, first)))
            if month <= 12 and day <= 31
        ]
        raise CodeProblem(
            f"'{visible(text)}' can be read in more than one way"
            if len(readings) > 1
            else f"'{visible(text)}' is not written as a date",
            f"Write {' or '.join(reversed(readings)) if readings else 'YYYY-MM-DD'}.",
        )
    raise CodeProblem(f"'{visible(text)}' is not a date", "Write YYYY-MM-DD, as in 2025-07-02.")


# --- numbers ------------------------------------------------------------------------------------------


def parse_number(text: str) -> float:
    """Return the plain number or percentage that ``text`` is: ``0.25``, ``25%``, ``1e-3``.

    Raises CodeProblem for everything that only looks like one, with the character that spoils it.
    """
    stripped = text.strip(" \t")
    percent = stripped.endswith("%")
    digits = stripped[:-1].rstrip(" ") if percent else stripped
    if _NUMBER.fullmatch(digits):
        value = _percent(digits) if percent else float(digits)
        if not math.isfinite(value):
            raise CodeProblem(f"'{visible(text)}' is too large for a number", "Write a finite number.")
        if value == 0.0 and re.search("[1-9]", re.split("[eE]", digits)[0]):
            raise CodeProblem(f"'{visible(text)}' is too small for a number", "Write one further from 0.")
        return value
    raise _not_a_number(text, digits, stripped)


def _percent(digits: str) -> float:
    try:
        # Decimal makes 25% exactly the float nearest to 0.25, which 25 / 100 need not be.
        return float(Decimal(digits).scaleb(-2)) if len(digits) < 400 else float(digits) / 100.0
    except ArithmeticError:  # an exponent that only a float takes, for infinity or 0
        return float(digits)


def _not_a_number(text: str, digits: str, stripped: str) -> CodeProblem:
    shown = visible(text)
    if not digits:
        return CodeProblem("the number is missing", "Write a number.")
    if _SPREADSHEET.fullmatch(digits):
        return CodeProblem(f"'{shown}' is an error that a spreadsheet left", "Put the number there.")
    if digits.lower().lstrip("+-") in {"nan", "inf", "infinity", "null", "none", "na", "n/a"}:
        return CodeProblem(f"'{shown}' is not a plain number", "Write a finite number.")
    for character in digits:
        if ord(character) > 127:
            name = unicodedata.name(character, "no name")
            remedy = "Write the digits 0 to 9, '.' and '-'."
            if unicodedata.category(character) in {"Pd", "Sm"}:
                remedy = "Write the minus sign as '-'."
            return CodeProblem(
                f"'{shown}' is not a plain number: it holds {visible(character)} (U+{ord(character):04X} {name})",
                remedy,
            )
    if re.fullmatch(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?", digits):
        return CodeProblem(f"'{shown}' groups its digits with commas", f"Write {stripped.replace(',', '')}.")
    if re.fullmatch(r"[+-]?[0-9]*,[0-9]+", digits):
        return CodeProblem(f"'{shown}' has a comma for a decimal point", f"Write {stripped.replace(',', '.')}.")
    for character in digits:
        if character not in "0123456789+-.eE":
            return CodeProblem(
                f"'{shown}' is not a plain number: it holds '{visible(character)}'",
                "Write digits with '.' for the decimal point.",
            )
    return CodeProblem(f"'{shown}' is not a plain number", "Write digits with '.' for the decimal point.")


# --- identifiers --------------------------------------------------------------------------------------

# Escape sequences are legal in ids (they are data); nothing we print passes them on. Every other control
# character in a table is damage.
_ESCAPES = {"\x1b", "\x9b"}

# Letters of other scripts that look like a Latin one, for telling twins apart (Unicode TR 39, the common ones).
_HOMOGLYPHS = str.maketrans(
    "АВЕЗКМНОРСТУХІЈЅаеорсухіјѕԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοаν",
    "ABE3KMHOPCTYXIJSaeopcyxijsdhqwABEZHIKMNOPTYXoav",
)


def parse_identifier(text: str) -> str:
    """Return ``text`` when it can be an id: not empty, no control characters, no space at its ends."""
    if not text.strip():
        raise CodeProblem("the id is missing", "Write an id.")
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in _ESCAPES:
            raise CodeProblem(
                f"'{visible(text)}' holds the control character U+{ord(character):04X}",
                "Take the character out.",
            )
    if text != text.strip():
        raise CodeProblem(f"'{visible(text)}' begins or ends with a space", "Take the space out.")
    return text


def look_alike_key(text: str) -> str:
    """Return a key that is the same for ids that look the same: composed, without invisible letters, in Latin."""
    composed = unicodedata.normalize("NFKC", text)
    return "".join(one for one in composed if unicodedata.category(one) != "Cf").translate(_HOMOGLYPHS)


def strange_characters(text: str) -> str:
    """Return the characters outside printable ASCII with code point and name, for telling twins apart."""
    return ", ".join(
        f"U+{ord(one):04X} {unicodedata.name(one, 'no name')}" for one in dict.fromkeys(text) if not " " <= one <= "~"
    )
