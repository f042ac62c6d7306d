"""Units of quantity, and the ad valorem equivalent of a specific duty."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..codes import CodeProblem

if TYPE_CHECKING:
    from ..rules.rate import Compound
    from .facts import Facts

__all__ = ["ad_valorem_equivalent"]

# How many of the measure's unit one such unit is. Definitions, not data: SI, and the pound of 0.45359237 kg.
_UNITS: dict[str, tuple[str, float]] = {
    "g": ("mass", 0.001),
    "kg": ("mass", 1.0),
    "t": ("mass", 1000.0),
    "lb": ("mass", 0.45359237),
    "ml": ("volume", 0.001),
    "l": ("volume", 1.0),
    "liter": ("volume", 1.0),
    "m3": ("volume", 1000.0),
    "cm": ("length", 0.01),
    "m": ("length", 1.0),
    "km": ("length", 1000.0),
    "m2": ("area", 1.0),
    "no": ("number", 1.0),
    "number": ("number", 1.0),
    "each": ("number", 1.0),
    "piece": ("number", 1.0),
    "doz": ("number", 12.0),
    "dozen": ("number", 12.0),
}


def ad_valorem_equivalent(rate: Compound, facts: Facts) -> float:
    """Return share + Σ amount · quantity / value, on the untaxed customs value. Raises CodeProblem."""
    parts = [rate.share]
    for duty in rate.specific:
        if facts.quantity is None or facts.unit is None or not facts.value:
            lacking = "value" if facts.quantity is not None and facts.unit is not None else "quantity"
            raise CodeProblem(
                f"a duty of {duty.amount:g} per {duty.unit} needs the {lacking} of the entry",
                f"Give the {lacking}" + (f" in {duty.unit}." if lacking == "quantity" else "."),
            )
        parts.append(duty.amount * _converted(facts.quantity, facts.unit, duty.unit) / facts.value)
    return math.fsum(parts)


def _converted(quantity: float, unit: str, into: str) -> float:
    if unit.rstrip(".").lower() == into.rstrip(".").lower():
        return quantity
    have, want = _UNITS.get(unit.rstrip(".").lower()), _UNITS.get(into.rstrip(".").lower())
    if have is None or want is None or have[0] != want[0]:
        raise CodeProblem(f"a quantity in {unit} cannot be counted in {into}", f"Give the quantity in {into}.")
    return quantity * have[1] / want[1]
