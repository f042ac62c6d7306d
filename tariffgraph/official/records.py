"""The records of an official CSV or text file, each with its line: comments and blank lines left out."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..codes import CodeProblem
from ..errors import Finding, RulesError
from ..rules.yaml_text import MOST_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Problems", "Record", "records"]

_LINES = re.compile(r"[^\n]*\n|[^\n]+")

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a record, spaces at their ends taken off, and the line on which it begins."""

    line: int
    cells: tuple[str, ...]


@dataclass(slots=True)
class Problems:
    """The problems of a file, gathered."""

    file: str
    found: list[Finding] = field(default_factory=list)

    def refuse(self, line: int, message: str, remedy: str = "", column: str = "", value: str = "") -> None:
        """Note a problem; raise with all of them when there are too many to go on."""
        self.found.append(Finding(message, remedy, check="table", file=self.file, line=line, field=column, value=value))
        if len(self.found) >= MOST_PROBLEMS:
            self.done()

    def refuse_width(self, record: Record, width: int) -> None:
        """Note a row that is too long or too short."""
        message = f"the row has {len(record.cells)} cells, the header {width}"
        self.refuse(record.line, message, "Write one cell a column; quote a cell with commas.")

    def parsed(self, record: Record, column: str, text: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """Return the cell parsed; None where it is wrong, which is noted."""
        try:
            return parse(text)
        except CodeProblem as problem:
            self.refuse(record.line, problem.message, problem.remedy, column, text)
            return None

    def done(self) -> None:
        """Raise RulesError if there are problems, in the order of the lines."""
        if self.found:
            raise RulesError(sorted(self.found, key=lambda one: one.line or 0))


class _Lines:
    """Lines for the CSV reader; between two records, comments (# ...) are passed over."""

    def __init__(self, text: str) -> None:
        self.lines = (match[0] for match in _LINES.finditer(text))
        self.number = 0
        self.between = True
        self.began = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        for line in self.lines:
            self.number += 1
            if self.between and line.startswith("#"):
                continue
            if self.between:
                self.between, self.began = False, self.number
            return line
        raise StopIteration


def records(text: str, file: str) -> Iterator[Record]:
    """Yield the records of a CSV file. Raises RulesError where it is none: an open quote, a quote amiss."""
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.between = True
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            opened = "unexpected end of data" in str(problem)
            raise RulesError(
                Finding(
                    "a quote is opened here and not closed" if opened else f"not CSV: {problem}",
                    "Close the quote." if opened else "Mend the line.",
                    check="table",
                    file=file,
                    line=lines.began,
                )
            ) from None
        stripped = tuple(cell.strip() for cell in cells)
        if any(stripped):
            yield Record(lines.began, stripped)
