"""How measures stand to each other: one excludes, covers or replaces another (RULES §3)."""

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

    Names stand for the measure with that id and every measure with that action, never the measure itself.
    ``excludes``: the other does not apply to the article if this one charges anything on it. ``covers``: the other does
    not apply to the part of the value charged here, or to ``part``. ``replaces``: the other does not apply wherever
    this one does, charging or not. ``even_if_free`` makes excludes and covers work at a zero duty.
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
