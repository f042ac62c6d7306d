"""Measures and their rows: conditions under which a law charges, at what rate, on which base (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from ..frozen import FrozenMapping
from .rate import Base, Rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = ["ANYTHING", "Conditions", "Measure", "Products", "Reach", "Row"]


@dataclass(frozen=True, slots=True)
class Products:
    """A scope of products: prefixes written out, and lists by name; their union. Canonical codes (``8703.23``)."""

    prefixes: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """What stands upstream of a good, itself included: some stage of ``kind``; or, with ``inside``, all of ``kind``.

    ``inside``: every stage that is of ``kind`` is of that kind too (docs/rules.md, Conditions).
    """

    kind: str
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for a measure, a row or a relation; None or empty is no condition.

    Countries are alpha-3 codes, regions or names of groups, as written; groups are resolved when the law of a day is
    drawn up. ``from_`` is inclusive, ``until`` exclusive; ``published`` is when the text became known (default
    ``from_``, else the parent's).
    """

    products: Products | None = None
    except_products: Products | None = None
    origins: tuple[str, ...] | None = None
    except_origins: tuple[str, ...] | None = None
    exporters: tuple[str, ...] | None = None
    nationality: tuple[str, ...] | None = None
    importer: tuple[str, ...] | None = None
    used_in: Products | None = None
    program: tuple[str, ...] | None = None
    declares: tuple[str, ...] = ()
    content: Mapping[str, float] = FrozenMapping()
    reach: Reach | None = None
    from_: date | None = None
    until: date | None = None
    published: date | None = None


ANYTHING = Conditions()

Value = TypeVar("Value", Rate, Base)


@dataclass(frozen=True, slots=True)
class Row(Generic[Value]):
    """One row of a measure: a rate or a base, and when it holds. The last row that holds applies.

    ``where`` is FILE:LINE:COLUMN, for messages and citations.
    """

    value: Value
    conditions: Conditions = ANYTHING
    source: str = ""
    note: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """A duty: who charges it (``authority``, the law; ``action``, the programme under it), when, how much, on what.

    ``importer`` in ``conditions`` is always filled in (the rule set's where the measure names none).
    """

    id: str
    authority: str
    action: str
    conditions: Conditions
    rate: tuple[Row[Rate], ...]
    base: tuple[Row[Base], ...] = ()
    name: str = ""
    source: str = ""
    note: str = ""
    where: str = ""
