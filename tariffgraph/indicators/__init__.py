"""The measures that economists name, each with its equation, price base and source (docs/indicators.md)."""

from .position import (
    border_crossings,
    downstreamness,
    gross_output,
    leontief_requirements,
    production_length,
    upstreamness,
)
from .protection import effective_rate_of_protection
from .tariffs import cumulative_tariff, derivatives, input_tariff_exposure, magnification, tiers
from .value_added import value_added_origin

__all__ = [
    "border_crossings",
    "cumulative_tariff",
    "derivatives",
    "downstreamness",
    "effective_rate_of_protection",
    "gross_output",
    "input_tariff_exposure",
    "leontief_requirements",
    "magnification",
    "production_length",
    "tiers",
    "upstreamness",
    "value_added_origin",
]
