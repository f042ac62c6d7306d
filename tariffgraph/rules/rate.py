"""What a row charges, and on which part of the value (docs/rules.md, Rates and Bases).

Rates are fractions: 0.25 is 25%. A specific duty is an amount of money per unit of quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "CUSTOMS_VALUE",
    "AdValorem",
    "Base",
    "Compound",
    "Ends",
    "QuotaRate",
    "Rate",
    "ScheduleRate",
    "SpecificDuty",
    "TopUpTo",
    "VariedRate",
]


@dataclass(frozen=True, slots=True)
class AdValorem:
    """A share of the base: ``25%`` or ``0.25``. ``free`` is the share 0 (the measure applies)."""

    share: float


@dataclass(frozen=True, slots=True)
class SpecificDuty:
    """``amount`` of money (in the currency of values) per ``unit`` of quantity: 4.4 cents/kg is (0.044, "kg")."""

    amount: float
    unit: str


@dataclass(frozen=True, slots=True)
class Compound:
    """A specific or compound duty: ``2.5% + 4.4 cents/kg``; becomes an ad valorem equivalent on the untaxed value."""

    share: float
    specific: tuple[SpecificDuty, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """The measure no longer applies, as if no row held."""


@dataclass(frozen=True, slots=True)
class TopUpTo:
    """max(0, total − column-1 rate owed)."""

    total: float


@dataclass(frozen=True, slots=True)
class ScheduleRate:
    """The rate of the longest matching line of a schedule.

    ``column``: "" takes the special column of the program claimed where the line has one, else general; a name takes
    that column (``general``, a program symbol, ``column 2``).
    """

    schedule: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class QuotaRate:
    """``in_quota`` up to a calendar year's ``quantity`` (in ``unit``), ``over_quota`` beyond it.

    Rows with one ``name`` share the quantity. Without a quantity a declaration says whether the quota is filled.
    ``over_quota`` None is an absolute quota: beyond it nothing is admitted.
    """

    name: str
    in_quota: AdValorem | Compound
    over_quota: AdValorem | Compound | None
    quantity: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class VariedRate:
    """An ad valorem rate that every scenario of a sweep fills in for itself; no file can say it."""

    name: str


Rate: TypeAlias = AdValorem | Compound | Ends | QuotaRate | TopUpTo | ScheduleRate | VariedRate


@dataclass(frozen=True, slots=True)
class Base:
    """The part of the customs value that is charged.

    ``customs-value``: all of it. ``content``: the content of ``kind``; when it is unknown, ``unknown`` says whether the
    whole value is charged ("full") or nothing ("zero"). ``without``: the value less the content of ``kind``, the relief
    being at most ``at_most`` of the value; an unknown content gives no relief.
    """

    form: Literal["customs-value", "content", "without"] = "customs-value"
    kind: str = ""
    unknown: Literal["full", "zero"] = "full"
    at_most: float | None = None


CUSTOMS_VALUE = Base()
