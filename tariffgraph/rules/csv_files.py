"""``lists/NAME.csv`` and ``schedules/NAME.csv``: product lists and tariff schedules beside a rule set."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from ..codes import CodeProblem, parse_date, parse_product, scope_key
from ..errors import Finding, RulesError, suggestion, visible
from ..frozen import FrozenMapping
from .rate import Ends
from .rate_text import parse_rate_text
from .rule_set import ListLine, Schedule, ScheduleLine
from .yaml_text import MOST_PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

__all__ = ["read_list", "read_schedule"]

_LIST_COLUMNS = ("product", "from", "until", "published", "source", "note")
_TEXT_COLUMNS = ("source", "note", "name", "description")

#: line by line, so that blank lines take no memory
_LINES = re.compile(r"[^\n]*\n|[^\n]+")

Parsed = TypeVar("Parsed")
_Rates: TypeAlias = tuple[str, "FrozenMapping[str, str]", str]


class _Table:
    """A CSV file row by row, with the line of each, and the problems that it has."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Finding] = []
        self.columns: list[str] = []
        self.line = 1

    def refuse(self, message: str, remedy: str = "", field: str = "", value: str = "") -> None:
        self.problems.append(
            Finding(message, remedy, check="table", file=self.file, line=self.line, field=field, value=value)
        )

    def rows(self, known: tuple[str, ...] | None) -> Iterator[list[str]]:
        """Yield the cells of the rows below the header; ``known`` columns, or any."""
        reader = csv.reader((line[0] for line in _LINES.finditer(self.text)), strict=True)
        header = True
        try:
            for cells in reader:
                if not cells:
                    pass
                elif header:
                    header = False
                    if not self.take_header(cells, known):
                        return
                elif len(cells) != len(self.columns):
                    self.refuse(
                        f"the row has {len(cells)} cells, the header {len(self.columns)}", "Write one cell a column."
                    )
                else:
                    yield cells
                self.line = reader.line_num + 1
                if len(self.problems) >= MOST_PROBLEMS:
                    return
        except csv.Error as problem:
            opened = "unexpected end of data" in str(problem)
            self.refuse(
                "a quote is opened here and not closed" if opened else f"not CSV: {problem}",
                "Close the quote." if opened else "Mend the line.",
            )
        if header and not self.problems:
            self.refuse("the file is empty", "Write the header 'product' at least.")

    def take_header(self, cells: list[str], known: tuple[str, ...] | None) -> bool:
        self.columns = cells
        before = len(self.problems)
        if len(cells) == 1 and ";" in cells[0]:
            self.refuse("the columns are separated by ';'", "Separate them by commas.")
            return False
        for column in cells:
            if column != column.strip() or not column:
                self.refuse(
                    f"the column '{visible(column)}' has spaces around its name or none", "Write the name alone."
                )
            elif known is not None and column not in known:
                self.refuse(f"unknown column '{visible(column)}'", suggestion(column, known, "columns"), column)
            elif cells.count(column) > 1 and f"the column '{visible(column)}' stands twice" not in [
                problem.message for problem in self.problems
            ]:
                self.refuse(f"the column '{visible(column)}' stands twice", "Keep one.", column)
        if "product" not in cells:
            self.refuse(f"the column 'product' is missing (found: {visible(', '.join(cells))})", "Add it.", "product")
        return len(self.problems) == before

    def parsed(self, column: str, cell: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """Return the cell parsed; None where it is empty or wrong."""
        text = cell.strip()
        if not text:
            return None
        try:
            return parse(text)
        except CodeProblem as problem:
            self.refuse(problem.message, problem.remedy, column, text)
            return None

    def product(self, cell: str) -> str | None:
        if not cell.strip():
            self.refuse("the product is missing", "Write an HS code.", "product")
            return None
        return self.parsed("product", cell, parse_product)

    def done(self) -> None:
        if self.problems:
            raise RulesError(self.problems)


def read_list(text: str, file: str) -> tuple[ListLine, ...]:
    """Return the lines of a product list; raise RulesError with every problem and its line."""
    table = _Table(text, file)
    lines = []
    for cells in table.rows(_LIST_COLUMNS):
        row = dict(zip(table.columns, cells, strict=True))
        product = table.product(row["product"])
        from_: date | None = table.parsed("from", row.get("from", ""), parse_date)
        until = table.parsed("until", row.get("until", ""), parse_date)
        published = table.parsed("published", row.get("published", ""), parse_date)
        if from_ is not None and until is not None and until < from_:
            table.refuse(f"{until} lies before from, {from_}", "Put the earlier day in 'from'.", "until")
        if product is not None:
            lines.append(ListLine(product, from_, until, published or from_))
    table.done()
    return tuple(lines)


def read_schedule(text: str, file: str, name: str) -> Schedule:
    """Return a tariff schedule: ``product``, ``general``, a column by program symbol, ``column 2``."""
    table = _Table(text, file)
    lines: list[ScheduleLine] = []
    seen: dict[str, tuple[ScheduleLine, int]] = {}
    # Lines by the thousand have the same rates: each such row is read once.
    known: dict[tuple[str, ...], _Rates] = {}
    for cells in table.rows(None):
        at = table.columns.index("product")
        product = table.product(cells[at])
        others = (*cells[:at], *cells[at + 1 :])
        rates = known.get(others)
        if rates is None:
            before = len(table.problems)
            rates = _rates(table, cells)
            if len(table.problems) == before:
                known[others] = rates
        if product is None:
            continue
        general, special, column_2 = rates
        line = ScheduleLine(product, general, special, column_2, where=f"{file}:{table.line}")
        twin = seen.setdefault(scope_key(product), (line, table.line))
        if twin[0] is line:
            lines.append(line)
        elif (twin[0].general, twin[0].special, twin[0].column_2) != (line.general, line.special, line.column_2):
            table.refuse(
                f"{product} stands in line {twin[1]} with other rates", "Keep one of the lines.", "product", product
            )
    if "general" not in table.columns and not table.problems:
        table.line = 1
        table.refuse("the column 'general' is missing", "Add it.", "general")
    table.done()
    return Schedule(name, tuple(lines))


def _rates(table: _Table, cells: list[str]) -> _Rates:
    """Return the general, special and column 2 rates of a row, as written; what is no rate is noted."""
    rates = {
        column: cell.strip()
        for column, cell in zip(table.columns, cells, strict=True)
        if column not in ("product", *_TEXT_COLUMNS)
    }
    for column, text in rates.items():
        if isinstance(table.parsed(column, text, parse_rate_text), Ends):
            table.refuse("'ends' is no rate of a schedule", "Leave the line out.", column)
    general, column_2 = rates.pop("general", ""), rates.pop("column 2", "")
    return general, FrozenMapping({column: rate for column, rate in rates.items() if rate}), column_2
