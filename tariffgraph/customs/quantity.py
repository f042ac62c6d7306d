"""Units of quantity, and the ad valorem equivalent of a specific duty."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ..codes import CodeProblem
from .many import decided

if TYPE_CHECKING:
    from ..rules.rate import Compound
    from .facts import Facts
    from .many import Number

__all__ = ["ad_valorem_equivalent", "converted"]

# How much of the first unit of its kind one unit is. Definitions, not data: SI; the pound of 0.45359237 kg; the metric
# carat of 0.2 g; the barrel of 42 gallons of 231 cubic inches; the roofer's square of 100 square feet. Pairs are no
# number of pieces, and liters of proof spirit, clean kilograms of wool or kilograms of a metal in the good no plain
# liters or kilograms: what they come to depends on the good, so only their own unit counts them.
_KINDS: dict[str, dict[str, float]] = {
    "mass": {"kg": 1, "g": 0.001, "mg": 1e-6, "t": 1000, "lb": 0.45359237, "carat": 0.0002},
    "volume": {"liter": 1, "l": 1, "ml": 0.001, "hl": 100, "m3": 1000, "thousand m3": 1e6, "bbl": 158.987294928},
    "length": {"m": 1, "cm": 0.01, "km": 1000, "lin m": 1, "thousand m": 1000},
    "area": {"m2": 1, "cm2": 0.0001, "square": 9.290304},
    "number": {
        **dict.fromkeys(("no", "number", "each", "piece", "pc", "article", "unit", "head"), 1.0),
        **dict.fromkeys(("doz", "dozen", "doz pc", "doz piece", "dz pc"), 12.0),
        "gross": 144,
        "hundred": 100,
        "thousand": 1000,
    },
    "pairs": {"pr": 1, "pair": 1, "doz pr": 12, "doz pair": 12, "dozen pair": 12},
    "proof spirit": {"pfliter": 1, "proof liter": 1},
    "clean mass": {"clean kg": 1, "cy kg": 1},
    "energy": {"mwh": 1, "kwh": 0.001},
}
_UNITS = {unit: (kind, size) for kind, sizes in _KINDS.items() for unit, size in sizes.items()}
_OTHER_WORDS = {"litre": "liter", "tonne": "t", "metric ton": "t", "kilogram": "kg", "gram": "g", "barrel": "bbl"}


def ad_valorem_equivalent(rate: Compound, facts: Facts) -> Number:
    """Return share + Σ amount · quantity / value, on the untaxed customs value. Raises CodeProblem."""
    total: Number = rate.share
    for duty in rate.specific:
        if facts.quantity is None or facts.unit is None or facts.value is None or decided(facts.value == 0):
            lacking = "value" if facts.quantity is not None and facts.unit is not None else "quantity"
            raise CodeProblem(
                f"a duty of {duty.amount:g} per {duty.unit} needs the {lacking} of the entry",
                f"Give the {lacking}" + (f" in {duty.unit}." if lacking == "quantity" else "."),
            )
        total = total + duty.amount * converted(facts.quantity, facts.unit, duty.unit) / facts.value
    return total


def converted(quantity: Number, unit: str, into: str) -> Number:
    """Return the quantity, given in ``unit``, counted ``into`` another unit of its kind. Raises CodeProblem."""
    if _key(unit) == _key(into):
        return quantity
    have, want = _UNITS.get(_key(unit)), _UNITS.get(_key(into))
    if have is None or want is None or have[0] != want[0]:
        raise CodeProblem(f"a quantity in {unit} cannot be counted in {into}", f"Give the quantity in {into}.")
    return quantity * have[1] / want[1]


@lru_cache(maxsize=1024)
def _key(unit: str) -> str:
    """Return the unit without what writers differ in: case, full stops, superscripts, the plural."""
    plain = unit.lower().replace("²", "2").replace("³", "3").replace(".", " ")
    key = " ".join(plain.split()).replace("pf liter", "pfliter")
    key = _OTHER_WORDS.get(key.removesuffix("s"), key)
    return key.removesuffix("s") if key.removesuffix("s") in _UNITS else key
