"""Tables for people: aligned text for a terminal or a pipe, and Markdown.

A :class:`Sheet` is a table already in words; what it holds is made neutral here, once, whatever ids and
titles say.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from ..errors import visible

__all__ = ["Column", "Paper", "Sheet", "markdown", "text"]


_LONGEST = 400
_NARROWEST = 12


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and on which side its cells stand.

    ``strong`` marks the headline; an ``optional`` column is left out where the table would be too wide.
    """

    title: str
    align: Literal["left", "right"] = "right"
    strong: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table in words: title, columns, rows of cells, rows of totals below a line, and a footer."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, ...], ...] = ()
    footer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """What a table is printed on: a pipe has no width, gets no colour and no box drawing."""

    width: int | None = None
    box: bool = False
    colour: bool = False


def text(sheet: Sheet, paper: Paper = Paper()) -> str:
    """Return the sheet as aligned text that ends in a new line."""
    kept = list(range(len(sheet.columns)))
    cells = _shown(sheet)
    widths = _widths(cells, kept)
    if paper.width is not None and _total(widths) > paper.width:
        optional = [at for at, column in enumerate(sheet.columns) if column.optional]
        widths = _narrowed(widths, optional, paper.width)
        if _total(widths) > paper.width:
            kept = [at for at in kept if at not in optional]
            words = [at for at, one in enumerate(kept) if sheet.columns[one].align == "left"]
            widths = _narrowed(_widths(cells, kept), words, paper.width)
        if _total(widths) > paper.width:
            return _stacked(sheet, cells, paper)
    columns = [sheet.columns[at] for at in kept]
    rule = ("─" if paper.box else "-") * _total(widths)

    def line(row: tuple[str, ...], strong: bool = False) -> str:
        shown = [_cut(row[at], width) for at, width in zip(kept, widths, strict=True)]
        more: list[str] = []
        if columns[-1].align == "left":
            # The last column is where sentences stand: they go on below instead of being cut.
            shown[-1], *more = wrap(row[kept[-1]], widths[-1], break_on_hyphens=False) or [""]
        parts: list[str] = []
        for cell, column, width in zip(shown, columns, widths, strict=True):
            gap = " " * (width - _width(cell))
            aligned = cell + gap if column.align == "left" else gap + cell
            parts.append(_styled(aligned, "1", paper) if strong or column.strong else aligned)
        indent = " " * (_total(widths) - widths[-1])
        return "\n".join(["  ".join(parts).rstrip(" "), *(indent + one for one in more)])

    head, rows, totals = cells[0], cells[1 : 1 + len(sheet.rows)], cells[1 + len(sheet.rows) :]
    lines = [_styled(visible(sheet.title, _LONGEST), "1", paper), ""] if sheet.title else []
    lines += [line(head, strong=True), rule, *map(line, rows)]
    if totals:
        lines += [rule, *map(line, totals)]
    if sheet.footer:
        lines += ["", *(_styled(visible(one, _LONGEST), "2", paper) for one in sheet.footer)]
    return "\n".join(lines) + "\n"


def _stacked(sheet: Sheet, cells: list[tuple[str, ...]], paper: Paper) -> str:
    """Return the sheet for a terminal too narrow for its columns: a block a row, a line a cell."""
    head, *rows = cells
    label = max(map(_width, head))
    room = max((paper.width or 0) - label - 2, _NARROWEST)
    blocks = [_styled(visible(sheet.title, _LONGEST), "1", paper)] if sheet.title else []
    for row in rows:
        lines = []
        for column, title, cell in zip(sheet.columns, head, row, strict=True):
            if cell:
                name = title + " " * (label - _width(title))
                first, *more = wrap(cell, room, break_on_hyphens=False)
                lines.append(f"{name}  {_styled(first, '1', paper) if column.strong else first}")
                lines += [" " * (label + 2) + one for one in more]
        blocks.append("\n".join(lines))
    if sheet.footer:
        blocks.append("\n".join(_styled(visible(one, _LONGEST), "2", paper) for one in sheet.footer))
    return "\n\n".join(blocks) + "\n"


def markdown(sheet: Sheet) -> str:
    """Return the sheet as a Markdown table; nothing in a cell is taken for Markdown or HTML."""
    head, *rows = [tuple(_literal(cell) for cell in row) for row in _shown(sheet)]
    below = len(rows) - len(sheet.totals)
    marks = ["---:" if column.align == "right" else ":---" for column in sheet.columns]
    lines = [_literal(visible(sheet.title, _LONGEST)), ""] if sheet.title else []
    lines += [_piped(head), _piped(marks), *map(_piped, rows[:below])]
    lines += [_piped([f"**{cell}**" if cell else "" for cell in row]) for row in rows[below:]]
    for line in sheet.footer:
        lines += ["", _literal(visible(line, _LONGEST))]
    return "\n".join(lines) + "\n"


def _shown(sheet: Sheet) -> list[tuple[str, ...]]:
    head = tuple(column.title for column in sheet.columns)
    return [tuple(visible(cell, _LONGEST) for cell in row) for row in (head, *sheet.rows, *sheet.totals)]


def _widths(cells: list[tuple[str, ...]], kept: list[int]) -> list[int]:
    return [max(_width(row[at]) for row in cells) for at in kept]


def _narrowed(widths: list[int], those: list[int], most: int) -> list[int]:
    """Return the widths with the widest of ``those`` narrowed, as far as it goes, to what there is room for."""
    if not those or _total(widths) <= most:
        return widths
    widest = max(those, key=lambda at: widths[at])
    room = max(_NARROWEST, widths[widest] - (_total(widths) - most))
    return [min(width, room) if at == widest else width for at, width in enumerate(widths)]


def _cut(shown: str, width: int) -> str:
    if _width(shown) <= width:
        return shown
    while _width(shown) > width - 1:
        shown = shown[:-1]
    return shown + "…"


def _total(widths: list[int]) -> int:
    return sum(widths) + 2 * (len(widths) - 1)


def _width(shown: str) -> int:
    # East Asian letters take two places on a terminal, combining marks none.
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in {"W", "F"} else 1
        for one in shown
    )


def _styled(shown: str, code: str, paper: Paper) -> str:
    return f"\x1b[{code}m{shown}\x1b[0m" if paper.colour and shown.strip() else shown


def _piped(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _literal(shown: str) -> str:
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\|`*_\[\]])", r"\\\1", escaped)
