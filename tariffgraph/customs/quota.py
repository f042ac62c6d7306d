"""Quotas of a graph: how far its shipments fill them (docs/rules.md, Rates).

A calendar year's quantity is shared by the shipments that draw on it, each in proportion to its own quantity: a part
s = min(1, quantity / Σ drawn) of each is within the quota, and the crossing is two entries, averaged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from ..errors import Finding, visible
from ..rules.rate import QuotaRate
from .quantity import converted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .assess import Line
    from .facts import Facts
    from .law import Law

__all__ = ["Quota", "quota_of", "split_by_quotas"]


@dataclass(slots=True)
class Quota:
    """One quota while it is being filled: what it admits, and what draws on it, in its unit.

    ``classes`` draw on it; of the ``refused`` nothing is admitted beyond it.
    """

    name: str
    quantity: float
    unit: str
    draws: list[float] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)

    @property
    def drawn(self) -> float:
        """What the shipments bring in, in the unit of the quota."""
        return math.fsum(self.draws)

    @property
    def within(self) -> float:
        """The part of each shipment that is within the quota."""
        return min(1.0, self.quantity / self.drawn) if self.drawn else 1.0

    def draw(self, class_: int, weight: float, quantities: Sequence[tuple[float, str]]) -> None:
        """Add what the shipments of a class bring in. Raises CodeProblem for a unit that cannot be counted."""
        self.draws += [weight * float(converted(quantity, unit, self.unit)) for quantity, unit in quantities]
        self.classes.append(class_)

    def refusal(self, where: str) -> Finding:
        """Return the finding that an absolute quota does not admit all that draws on it."""
        return Finding(
            f"the quota '{visible(self.name)}' admits {self.quantity:,.12g} {self.unit} a year, and "
            f"{self.drawn:,.12g} {self.unit} draw on it: {1.0 - self.within:.4%} of that is refused, at {where}",
            "Rates are those of what is admitted. Lower the quantities, or give the rest another origin.",
            severity="warning",
            check="quota",
        )


def quota_of(line: Line, law: Law) -> QuotaRate | None:
    """Return the quota of a limited quantity that a line draws on."""
    row = line.rate_row
    if line.quota in law.quantities and row is not None and isinstance(row.value, QuotaRate):
        return row.value
    return None


def split_by_quotas(
    entries: Sequence[tuple[float, Facts]], within: Mapping[str, float]
) -> Iterator[tuple[float, Facts]]:
    """Yield the entries split by the quotas that are too small: the part within each, and the part beyond it."""
    names = sorted(within)
    for weight, facts in entries:
        for filled in product((False, True), repeat=len(names)):
            part = math.prod(
                1.0 - within[name] if over else within[name] for name, over in zip(names, filled, strict=True)
            )
            over_quota = frozenset(name for name, over in zip(names, filled, strict=True) if over)
            if part:
                yield weight * part, replace(facts, filled=over_quota)
