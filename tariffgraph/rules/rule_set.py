"""A rule set: the law of one or more importers as read, immutable; and several of them side by side (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..frozen import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ..errors import Finding
    from .measure import Measure, Products
    from .relation import Relation

__all__ = ["ContentKind", "ListLine", "Program", "RuleSet", "Schedule", "ScheduleLine"]


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line of a product list; it stands on the list from ``from_`` (inclusive) until ``until`` (exclusive)."""

    product: str
    from_: date | None = None
    until: date | None = None
    published: date | None = None


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    """One line of a tariff schedule, rates as written: general, special by program symbol, column 2 (may be "")."""

    product: str
    general: str
    special: Mapping[str, str] = FrozenMapping()
    column_2: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A tariff schedule by product. The longest matching line answers; absent is not zero."""

    name: str
    lines: tuple[ScheduleLine, ...]


@dataclass(frozen=True, slots=True)
class ContentKind:
    """A kind of content: which stages it selects. None is no condition (docs/method.md, Content)."""

    products: Products | None = None
    except_products: Products | None = None
    countries: tuple[str, ...] | None = None
    except_countries: tuple[str, ...] | None = None
    origins: tuple[str, ...] | None = None
    except_origins: tuple[str, ...] | None = None
    nationality: tuple[str, ...] | None = None
    except_nationality: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A preference programme: its partners, its symbol in the special column, the facts that its rules declare.

    ``origin`` holds the rules of origin as written; claims are taken as qualifying.
    """

    name: str
    partners: tuple[str, ...] = ()
    symbol: str = ""
    declared: tuple[str, ...] = ()
    origin: tuple[object, ...] = ()
    source: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The law as one rule set states it. Immutable: ``with_measure``, ``set`` and the like give new ones.

    ``hash`` identifies the meaning (sha-256 of the canonical form, overlays included), ``overlays`` names what was laid
    over the file that was read. ``complete_from`` (inclusive) and ``complete_until`` (exclusive) bound the days whose
    law the set states; None is no bound. ``elsewhere`` names programs that the set mentions and another set defines.
    """

    id: str
    importer: tuple[str, ...] = ()
    title: str = ""
    column_1: str = ""
    complete_from: date | None = None
    complete_until: date | None = None
    groups: Mapping[str, tuple[str, ...]] = FrozenMapping()
    regions: Mapping[str, str] = FrozenMapping()
    content: Mapping[str, ContentKind] = FrozenMapping()
    programs: Mapping[str, Program] = FrozenMapping()
    elsewhere: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    relations: tuple[Relation, ...] = ()
    lists: Mapping[str, tuple[ListLine, ...]] = FrozenMapping()
    schedules: Mapping[str, Schedule] = FrozenMapping()
    overlays: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hash: str = ""
