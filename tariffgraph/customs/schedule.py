"""Reading a tariff schedule: which line answers for a product, and which of its columns (docs/rules.md)."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property, lru_cache
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING

from ..codes import CodeProblem, product_key, scope_key
from ..rules.rate import AdValorem, Compound
from ..rules.rate_text import parse_rate_text

if TYPE_CHECKING:
    from ..rules.rule_set import Schedule, ScheduleLine

__all__ = ["ScheduleIndex"]

COLUMN_2 = "column 2"


class ScheduleIndex:
    """The lines of a schedule by product; the longest line that a product begins with answers."""

    def __init__(self, schedule: Schedule) -> None:
        self.name = schedule.name
        self._lines = {scope_key(line.product): line for line in schedule.lines}
        self._lengths = sorted({len(key) for key in self._lines if ":" not in key}, reverse=True)

    @cached_property
    def specific(self) -> bool:
        """Whether some line charges by quantity."""
        # Lines share their special rates by the thousand.
        special = {id(line.special): line.special for line in self._lines.values()}.values()
        texts = chain.from_iterable((line.general, line.column_2) for line in self._lines.values())
        return any(
            isinstance(_parsed(text), Compound)
            for text in chain(texts, *(rates.values() for rates in special))
            if text and not text.endswith("%")
        )

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self._lines)

    def rate(self, product: str, symbol: str, column: str) -> AdValorem | Compound:
        """Return the rate of ``product``: the special column ``symbol`` where the line has one, else general.

        ``column``, when given, is the only one looked at. A product coarser than the lines gets the rate that they have
        in common. Raises CodeProblem for a product that is not listed, and for a coarse one whose lines differ.
        """
        key = product_key(product)
        line = self._line(key)
        if line is not None:
            return self._rate_of(line, symbol, column)
        below = self._below(key)
        if not below:
            raise CodeProblem(
                f"product {product} is not listed in the schedule {self.name}",
                "Absent is not zero: add its line to the schedule, or state the column-1 rate of the entry.",
            )
        rates = {self._rate_of(line, symbol, column) for line in below}
        if len(rates) > 1:
            digits = len(product_key(below[0].product))
            raise CodeProblem(
                f"product {product} is too coarse for the schedule {self.name}: {len(below)} lines below it differ",
                f"Give {digits} digits or more, as in {below[0].product}.",
            )
        return rates.pop()

    def answer(self, key: str) -> tuple[object, ...] | None:
        """Return what decides the rates of the product with this key; None where they need its own name."""
        line = self._line(key)
        # Lines share their special rates by the thousand.
        return None if line is None else (line.general, line.column_2, id(line.special))

    def _line(self, key: str) -> ScheduleLine | None:
        if ":" in key:
            return self._lines.get(key)
        for length in self._lengths:
            if length <= len(key) and key[:length] in self._lines:
                return self._lines[key[:length]]
        return None

    def _below(self, key: str) -> list[ScheduleLine]:
        if ":" in key:
            return []
        first = bisect_left(self._sorted, key)
        below = list(takewhile(lambda longer: longer.startswith(key), islice(self._sorted, first, None)))
        return [self._lines[longer] for longer in sorted(below, key=lambda longer: (len(longer), longer))]

    def _rate_of(self, line: ScheduleLine, symbol: str, column: str) -> AdValorem | Compound:
        if column == COLUMN_2:
            text = line.column_2
        elif column and column != "general":
            text = line.special.get(column, "")
        else:
            text = (line.special.get(symbol, "") if symbol and not column else "") or line.general
        if not text:
            raise CodeProblem(
                f"the schedule {self.name} has no rate for {line.product} in the column '{column or 'general'}'",
                "Write the rate in its line.",
            )
        return _parsed(text)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> AdValorem | Compound:
    rate = parse_rate_text(text)
    if not isinstance(rate, (AdValorem, Compound)):
        raise CodeProblem(f"'{text}' is not a rate of duty", "Write a rate, as in 2.5%, or free.")
    return rate
