"""Lists of tariff lines as published, made list files: one file a legal list."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..codes import parse_date, parse_product
from ..errors import Finding, RulesError, suggestion, visible
from .converted import Conversion, Converted, name_of
from .records import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from .records import Record

__all__ = ["GROUPING", "list_stem", "lists_from"]

#: columns that say which legal list a line stands on; the last only where the file holds several of its values
GROUPING = ("list", "annex", "derivative_type", "category", "country_group", "ch99_code")
#: columns whose values need the column's name beside them ("1" of "list")
_WITH_COLUMN = ("list", "annex")
_COLUMNS = ("product", "from", "until", "published")
_MORE_COLUMNS = ("source", "note")
_ENDING = re.compile(r"(?:[-_ ]+(?:products?|lists?))+$", re.IGNORECASE)
_TEXT = ("source", "note", "description")


def list_stem(stem: str) -> str:
    """Return what a file's lists are called after: its name without ``_products`` or ``_list`` at the end."""
    return _ENDING.sub("", stem)


def lists_from(
    rows: Iterable[Record],
    header: Sequence[str],
    places: Mapping[str, int],
    file: str,
    name: str,
    by: Sequence[str] | None,
    from_: date | None,
    published: date | None,
) -> Conversion:
    """Return a list file for every value of the columns ``by``; None: those of ``GROUPING`` that the file has.

    ``places``: where in a record the product, the dates, source and note stand. Raises RulesError with every problem.
    """
    lists = _Lists(header, places, file)
    records = [record for row in rows if (record := lists.complete(row)) is not None]
    grouping = lists.grouping(by, records)
    for record in records:
        lists.take(record, grouping, from_, published)
    lists.problems.done()
    lists.tell_what_is_left(grouping)
    return Conversion(tuple(lists.converted(name, grouping)), tuple(lists.findings))


class _Lists:
    def __init__(self, header: Sequence[str], places: Mapping[str, int], file: str) -> None:
        self.header = header
        self.places = places
        self.file = file
        self.problems = Problems(file)
        self.findings: list[Finding] = []
        self.lines: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}

    def complete(self, record: Record) -> Record | None:
        """Return the record with a cell a column; one comma too many in a last column of text does no harm."""
        more = len(record.cells) - len(self.header)
        if more > 0 and self.header[-1] in _TEXT:
            cells = (*record.cells[: len(self.header) - 1], ", ".join(record.cells[len(self.header) - 1 :]))
            why = f"the row has more cells than the header; they are taken for one '{self.header[-1]}' with commas"
            self.note(record.line, self.header[-1], why)
            return type(record)(record.line, cells)
        if more:
            self.problems.refuse_width(record, len(self.header))
            return None
        return record

    def grouping(self, by: Sequence[str] | None, records: Sequence[Record]) -> list[str]:
        """Return the columns whose values make the lists."""
        if by is None:
            *legal, heading = GROUPING
            found = [column for column in legal if column in self.header]
            if not found and heading in self.header:
                at = self.header.index(heading)
                found = [heading] if len({record.cells[at] for record in records}) > 1 else []
            return found
        for column in by:
            if column not in self.header:
                self.problems.refuse(
                    1, f"there is no column '{visible(column)}'", suggestion(column, self.header, "columns"), column
                )
        self.problems.done()
        return list(by)

    def take(self, record: Record, grouping: Sequence[str], from_: date | None, published: date | None) -> None:
        before = len(self.problems.found)
        product = self.product(record)
        begins = self.day(record, "from", from_)
        if "from" in self.places and not self.cell(record, "from") and from_ is None:
            self.note(record.line, self.called("from"), "the line has no first day: it is on its list on all days")
        ends = self.day(record, "until", None)
        known = self.day(record, "published", published)
        if begins and ends and ends < begins:
            message = f"{ends} lies before the first day, {begins}"
            self.problems.refuse(record.line, message, "Put the earlier day first.", self.called("until"), str(ends))
        group = tuple(record.cells[self.header.index(column)] for column in grouping)
        for column, value in zip(grouping, group, strict=True):
            if not value:
                message = "the value that says which list the line stands on is missing"
                self.problems.refuse(record.line, message, "Write it, or group by another column.", column)
        if len(self.problems.found) > before:
            return
        days = tuple(str(day or "") for day in (begins, ends, known))
        line = (product, *days, *(self.cell(record, column) for column in _MORE_COLUMNS))
        lines = self.lines.setdefault(group, {})
        first = lines.setdefault(line, record.line)
        if first != record.line:
            self.note(record.line, self.called("product"), "stands in its list before; one is kept", product)

    def product(self, record: Record) -> str:
        text, column = self.cell(record, "product"), self.called("product")
        if not text:
            self.problems.refuse(record.line, "the product is missing", "Write an HS code.", column)
            return ""
        # Zeros past the tenth digit say nothing, as those past the sixth.
        plain = re.sub(r"(?<=^[0-9]{10})(?:00)+$", "", text)
        if plain != text:
            self.note(record.line, column, "has more than 10 digits; the zeros at its end are dropped", text)
        return self.problems.parsed(record, column, plain, parse_product) or ""

    def day(self, record: Record, what: str, default: date | None) -> date | None:
        text = self.cell(record, what)
        return self.problems.parsed(record, self.called(what), text, parse_date) if text else default

    def cell(self, record: Record, what: str) -> str:
        at = self.places.get(what)
        return "" if at is None else record.cells[at]

    def called(self, what: str) -> str:
        at = self.places.get(what)
        return what if at is None else self.header[at]

    def note(self, line: int, column: str, why: str, text: str = "") -> None:
        message = f"'{visible(text)}' {why}" if text else why
        finding = Finding(message, severity="note", check=f"{column}: {why}", file=self.file, line=line, field=column)
        self.findings.append(finding)

    def tell_what_is_left(self, grouping: Sequence[str]) -> None:
        """Note the columns that the list files do not hold, and how the end of a line is read."""
        read = {*(self.header[at] for at in self.places.values()), *grouping}
        left = [column for column in self.header if column not in read]
        if left:
            self.note(1, ", ".join(left), "a list file has no place for it")
        if "until" in self.places and any(line[2] for lines in self.lines.values() for line in lines):
            self.note(1, self.called("until"), "is taken for the first day on which a line is off the list")

    def converted(self, name: str, grouping: Sequence[str]) -> list[Converted]:
        columns = _COLUMNS + tuple(
            column
            for at, column in enumerate(_MORE_COLUMNS, len(_COLUMNS))
            if any(line[at] for lines in self.lines.values() for line in lines)
        )
        wanted = [(*_COLUMNS, *_MORE_COLUMNS).index(column) for column in columns]
        made: dict[str, tuple[tuple[str, ...], Converted]] = {}
        for group, lines in self.lines.items():
            words: list[str] = []
            for column, value in zip(grouping, group, strict=True):
                words += [column] * (column in _WITH_COLUMN and not name.casefold().endswith(column))
                words.append(value)
            first = min(lines.values())
            called = f"{name}-{name_of(words, self.file, first)}" if words else name
            rows = tuple(tuple(line[at] for at in wanted) for line in lines)
            twin, _ = made.setdefault(called, (group, Converted(called, "list", columns, rows)))
            if twin != group:
                raise RulesError(
                    Finding(
                        f"the lists '{visible(', '.join(twin))}' and '{visible(', '.join(group))}' would have one "
                        f"name, {called}",
                        "Tell them apart by another column, or rename one.",
                        check="name",
                        file=self.file,
                        line=first,
                    )
                )
        return [table for _, table in made.values()]
