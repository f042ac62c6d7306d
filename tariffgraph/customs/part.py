"""Parts of a customs value: what a base charges, what a relation covers, what is left (docs/rules.md).

A part is either a sum of contents of kinds, or the whole value less contents of kinds. No value belongs to two kinds:
contents of two kinds add up, and a kind that is taken twice is gone once. The two forms are closed under "less", so any
chain of covers stays a part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .many import largest, smallest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.rate import Base
    from .many import Number

__all__ = ["NOTHING", "WHOLE", "Part", "part_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the value: ``whole`` less ``amounts``, or just the ``amounts``, by kind, as shares of the value."""

    whole: bool
    amounts: Mapping[str, Number] = field(default_factory=dict)

    @property
    def share(self) -> Number:
        """The part as a share of the customs value, between 0 and 1."""
        total: Number = 0.0
        for kind in sorted(self.amounts):
            total = total + self.amounts[kind]
        return largest(0.0, 1.0 - total) if self.whole else smallest(1.0, total)

    def less(self, other: Part) -> Part:
        """Return what is left of this part when ``other`` is taken out of it."""
        mine, its = self.amounts, other.amounts
        if self.whole and other.whole:  # all but mine, less all but its: what is in its and not in mine
            return Part(False, {kind: largest(0.0, amount - mine.get(kind, 0.0)) for kind, amount in its.items()})
        if self.whole:  # all but mine, less its: the same kind counts once
            return Part(True, {kind: largest(mine.get(kind, 0.0), its.get(kind, 0.0)) for kind in {*mine, *its}})
        if other.whole:  # mine, less all but its: what mine and its share
            return Part(False, {kind: smallest(amount, its[kind]) for kind, amount in mine.items() if kind in its})
        return Part(False, {kind: largest(0.0, amount - its.get(kind, 0.0)) for kind, amount in mine.items()})

    def joined(self, other: Part) -> Part:
        """Return what is in this part or in ``other``: all but what is in neither."""
        return WHOLE.less(WHOLE.less(self).less(other))


WHOLE = Part(True)
NOTHING = Part(False)


def part_of(base: Base, content: Mapping[str, Number]) -> Part:
    """Return the part of the value that a base names, given the contents that are known.

    An unknown content charges the whole value (``unknown: full``) or nothing (``unknown: zero``) in ``content``, and
    gives no relief in ``without``.
    """
    if base.form == "customs-value":
        return WHOLE
    known = content.get(base.kind)
    if base.form == "content":
        if known is None:
            return WHOLE if base.unknown == "full" else NOTHING
        return Part(False, {base.kind: known})
    if known is None:
        return WHOLE
    return Part(True, {base.kind: known if base.at_most is None else smallest(known, base.at_most)})
