"""Facts: what the law is asked about one crossing, declared in an entry or computed from a graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.measure import Reach
    from ..rules.rate import AdValorem, Compound
    from .many import Number

__all__ = ["Facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """One crossing as the law sees it, or a group alike but for numbers; None is unknown, and meets no condition.

    ``product`` and ``used_in`` are canonical codes. ``program`` is claimed and qualifies. ``content``: known shares by
    kind; ``reach``: the conditions on what stands upstream that hold. ``quantity`` in ``unit``, ``value`` untaxed;
    ``column_1``: base rates stated by the caller. ``filled``: quotas that are used up, besides a declaration.
    ``varied``: what scenarios fill in for a rate, NaN where they leave it as it is.
    """

    product: str
    origin: str
    exporter: str
    importer: str
    nationality: str | None = None
    used_in: str | None = None
    program: str | None = None
    declares: frozenset[str] = frozenset()
    content: Mapping[str, Number] = field(default_factory=dict)
    reach: frozenset[Reach] = frozenset()
    value: Number | None = None
    quantity: Number | None = None
    unit: str | None = None
    column_1: Mapping[str, AdValorem | Compound] = field(default_factory=dict)
    filled: frozenset[str] = frozenset()
    varied: Mapping[str, Number] = field(default_factory=dict)
