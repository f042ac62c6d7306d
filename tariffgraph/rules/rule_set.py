"""A rule set: the law of one or more importers as read, immutable; and several of them side by side (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..frozen import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ..errors import Finding
    from .measure import Measure, Products
    from .origin_rule import OriginRule
    from .relation import Relation

__all__ = ["ContentKind", "Credit", "ListLine", "Program", "RuleSet", "Schedule", "ScheduleLine"]


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
    """A kind of content: which stages it selects, and how it is measured (docs/method.md). None is no condition.

    ``method``: ``recursive`` adds up what matches upstream; ``residual`` is the value less the direct inputs that are
    shown to hold none.
    """

    products: Products | None = None
    except_products: Products | None = None
    countries: tuple[str, ...] | None = None
    except_countries: tuple[str, ...] | None = None
    origins: tuple[str, ...] | None = None
    except_origins: tuple[str, ...] | None = None
    nationality: tuple[str, ...] | None = None
    except_nationality: tuple[str, ...] | None = None
    method: Literal["recursive", "residual"] = "recursive"


@dataclass(frozen=True, slots=True)
class Program:
    """A preference programme: its partners, its symbol in the special column, its rules of origin.

    ``declared``: facts that the rules ask a crossing to declare. A product without a rule takes a claim as declared.
    """

    name: str
    partners: tuple[str, ...] = ()
    symbol: str = ""
    declared: tuple[str, ...] = ()
    origin: tuple[OriginRule, ...] = ()
    source: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit against duties on the inputs of a stage: ``share`` of the stage's credit base (docs/rules.md, Credits).

    The stage: its ``products``, and the ``importer`` that it sits in. ``of``: the measures, by id or action, whose
    duties the credit pays. For one stage and measure the last credit that holds applies.
    """

    id: str
    share: float
    of: tuple[str, ...]
    products: Products | None = None
    except_products: Products | None = None
    importer: tuple[str, ...] | None = None
    nationality: tuple[str, ...] | None = None
    from_: date | None = None
    until: date | None = None
    published: date | None = None
    source: str = ""
    note: str = ""
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
    credits: tuple[Credit, ...] = ()
    lists: Mapping[str, tuple[ListLine, ...]] = FrozenMapping()
    schedules: Mapping[str, Schedule] = FrozenMapping()
    overlays: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    hash: str = ""
