"""How measures stand to each other: one excludes, covers or replaces another (docs/rules.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .measure import ANYTHING, Conditions

if TYPE_CHECKING:
    from .rate import Base

__all__ = ["Relation"]


@dataclass(frozen=True, slots=True)
class Relation:
    """What the measures ``by`` do to others, under ``conditions``.

    Names are ids or actions (docs/rules.md, Relations). ``excludes`` removes others where the actor's duty is above 0,
    ``covers`` takes the value that the actor charges, or ``part``, from their base, ``replaces`` removes them even
    where the actor is free. With ``even_if_free`` a duty of 0 suffices to exclude and cover.
    """

    by: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    part: Base | None = None
    even_if_free: bool = False
    conditions: Conditions = ANYTHING
    source: str = ""
    note: str = ""
    where: str = ""
