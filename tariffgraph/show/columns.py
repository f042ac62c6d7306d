"""What tables of results are put together from: columns one after the other, money in its currency, words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .numbers import money
from .table import Column, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Columns", "in_currency", "once", "texts"]


def in_currency(
    amounts: Sequence[float | None], meta: Mapping[str, Any], *, signed: bool = False
) -> tuple[str, list[str]]:
    """Return the unit for the heading, and the amounts in it: millions or billions where they are that large."""
    currency = meta["graph"].get("currency") or ""
    largest = max((abs(amount) for amount in amounts if amount is not None), default=0.0)
    if re.fullmatch("[A-Z]{3}", currency):
        for scale, word in ((1e9, "bn"), (1e6, "mn")):
            if largest >= scale:
                scaled = [None if amount is None else amount / scale for amount in amounts]
                return f", {word} {currency}", money(scaled, signed=signed)
    return f", {currency}" if currency else "", money(amounts, signed=signed)


def texts(cells: Iterable[object]) -> list[str]:
    """Return the cells as text, "" for null."""
    return ["" if cell is None else str(cell) for cell in cells]


def once(cells: Sequence[str]) -> list[str]:
    """Return the cells with those blank that repeat the one above."""
    return ["" if at and cells[at - 1] == cell else cell for at, cell in enumerate(cells)]


class Columns:
    """Columns one after the other, each with its cells and its cells below the line."""

    def __init__(self, height: int, below: int = 0) -> None:
        self.height, self.below = height, below
        self.columns: list[Column] = []
        self.cells: list[Sequence[str]] = []
        self.totals: list[Sequence[str]] = []

    def add(self, column: Column, cells: Sequence[str], totals: Sequence[str] = ()) -> None:
        """Add a column with its cells, and those below the line."""
        self.columns.append(column)
        self.cells.append(cells)
        self.totals.append([*totals, *[""] * self.below][: self.below])

    def sheet(self, title: str, notes: Iterable[str]) -> Sheet:
        """Return the table."""
        return Sheet(
            title=title,
            columns=tuple(self.columns),
            rows=tuple(zip(*self.cells, strict=True)),
            totals=tuple(zip(*self.totals, strict=True)),
            footer=tuple(notes),
        )
