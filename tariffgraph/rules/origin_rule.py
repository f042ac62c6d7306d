"""Rules of preferential origin: what a good must be made of to qualify for a programme (docs/rules.md, Origin)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from .measure import Products

__all__ = ["Level", "Method", "OriginRule", "OriginTest", "RegionalValueContent"]

Level: TypeAlias = Literal["chapter", "heading", "subheading"]
Method: TypeAlias = Literal["build-down", "build-up", "net-cost"]


@dataclass(frozen=True, slots=True)
class RegionalValueContent:
    """A regional value content of at least ``at_least``: a share of the value, in ``net-cost`` of the net cost."""

    method: Method
    at_least: float


@dataclass(frozen=True, slots=True)
class OriginTest:
    """What a good must pass; where several fields are filled in, all of them.

    ``change_of``: every non-originating input changes chapter, heading or subheading, but for ``tolerance`` of the
    value. ``declared``: facts that the crossing must declare. ``any``: one of these; ``all``: each of these.
    """

    change_of: Level | None = None
    tolerance: float = 0.0
    regional_value_content: RegionalValueContent | None = None
    declared: tuple[str, ...] = ()
    any: tuple[OriginTest, ...] = ()
    all: tuple[OriginTest, ...] = ()


@dataclass(frozen=True, slots=True)
class OriginRule:
    """The test of the goods in a scope of products; of the rules of a programme the last that holds applies."""

    test: OriginTest
    products: Products | None = None
    except_products: Products | None = None
    from_: date | None = None
    until: date | None = None
    published: date | None = None
    source: str = ""
    note: str = ""
    where: str = ""
