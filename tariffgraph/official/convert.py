"""Which official file a file is, told by its header, and what becomes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..codes import CodeProblem, parse_date
from ..errors import Finding, RulesError, visible
from ..rules.text_file import LARGEST_TABLE, read_text
from .converted import Conversion, given_name, name_of
from .hts import schedule_from
from .lists import GROUPING, list_stem, lists_from
from .records import records

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence
    from datetime import date

    from .records import Record

__all__ = ["Kind", "convert", "convert_lists", "convert_schedule"]

Kind: TypeAlias = Literal["list", "schedule"]

#: What official files call their columns (small letters, _ between words), by what the columns hold.
_SCHEDULE_COLUMNS = {
    "number": ("hts_number", "htsno"),
    "indent": ("indent",),
    "general": ("general_rate_of_duty", "general"),
    "special": ("special_rate_of_duty", "special"),
    "column 2": ("column_2_rate_of_duty", "other"),
    "quota quantity": ("quota_quantity", "quotaquantity"),
    "additional duties": ("additional_duties", "additionalduties"),
}
_NEEDED = ("number", "indent", "general", "special", "column 2")
_LIST_COLUMNS = {
    "product": ("product", "hts", "hts4", "hts6", "hts8", "hts10", "hts_prefix", "hts_code", "hts_number", "htsno"),
    "from": ("from", "effective_date", "effective_date_start"),
    "until": ("until", "effective_date_end"),
    "published": ("published",),
    "source": ("source",),
    "note": ("note",),
}


def convert_schedule(source: str | os.PathLike[str], *, name: str | None = None) -> Conversion:
    """Return the schedule file that the Harmonized Tariff Schedule in ``source`` becomes.

    A CSV file as the US International Trade Commission publishes it: ``HTS Number``, ``Indent``, ``General Rate of
    Duty``, ``Special Rate of Duty``, ``Column 2 Rate of Duty``. A line without rates has those of the line that it
    stands under; special rates get a column a program symbol; rates are put in the words that rule sets read
    (``1.4¢/kg`` is ``1.4 cents/kg``). What is no rate (``See 9822.05.20``) leaves its cell empty, is quoted in the
    column ``note``, and is a finding. Provisions of chapter 99 are left out, since they are duties on products of
    other chapters. ``name``: that of the schedule; the file's if None. Raises RulesError with every problem of the
    file, DatasetError where it cannot be opened.
    """
    return _Source.read(source, "schedule").schedule(name)


def convert_lists(
    source: str | os.PathLike[str],
    *,
    by: str | Sequence[str] | None = None,
    name: str | None = None,
    from_: date | str | None = None,
    published: date | str | None = None,
) -> Conversion:
    """Return the list files that the official list in ``source`` becomes: one a legal list.

    A CSV file with a column of tariff lines (``hts8``, ``hts10``, ``hts_prefix``, ...), comments (``#``) allowed, or
    text with one line of the tariff a line. ``by``: the columns whose values make the lists; None takes ``list``,
    ``annex``, ``derivative_type``, ``category`` and ``country_group``, else the heading of chapter 99 where there are
    several; no column at all makes one list. ``from_``, ``published``: dates for lines that have none. ``name``: what
    the names of the lists begin with; the file's if None. Raises RulesError with every problem of the file,
    DatasetError where it cannot be opened.
    """
    return _Source.read(source, "list").lists(by, name, from_, published)


def convert(
    source: str | os.PathLike[str],
    kind: Kind | None = None,
    *,
    by: str | Sequence[str] | None = None,
    name: str | None = None,
    from_: date | str | None = None,
    published: date | str | None = None,
) -> Conversion:
    """Return what ``source`` becomes: a schedule or lists, told by its header unless ``kind`` says it.

    See :func:`convert_schedule` and :func:`convert_lists`. ``by``, ``from_`` and ``published`` are for lists.
    """
    read = _Source.read(source, kind)
    if read.kind == "list":
        return read.lists(by, name, from_, published)
    if by is not None or from_ is not None or published is not None:
        remedy = "Leave out by, from and published: they are for lists."
        raise RulesError(Finding("the file is a schedule, whose lines have no lists and dates", remedy, file=read.file))
    return read.schedule(name)


@dataclass(frozen=True, slots=True)
class _Source:
    """An official file: the header in our words, where its columns stand, and the records under it, to be read once."""

    file: str
    stem: str
    kind: Kind
    header: tuple[str, ...]
    places: dict[str, int]
    records: Iterable[Record]

    @classmethod
    def read(cls, source: str | os.PathLike[str], kind: Kind | None) -> _Source:
        path = Path(source)
        file = visible(str(source), 200)
        text = read_text(path, file, LARGEST_TABLE)
        rows = records(text, file)
        first = next(rows, None)
        if first is None:
            raise RulesError(Finding("the file is empty", "Give an official file.", check="table", file=file))
        if kind != "schedule" and len(first.cells) == 1 and first.cells[0][0].isdigit():
            return cls(file, path.stem, "list", ("product",), {"product": 0}, chain([first], rows))
        header = tuple(re.sub(r"[^a-z0-9]+", "_", cell.casefold()).strip("_") for cell in first.cells)
        told, places = _told(header, kind) or (None, {})
        if told is None:
            raise _unknown_header(first, kind, file)
        twice = sorted({column for column in header if header.count(column) > 1})
        if twice:
            message = f"the column '{visible(twice[0])}' stands twice"
            raise RulesError(Finding(message, "Keep one.", check="header", file=file, line=first.line))
        return cls(file, path.stem, told, header, places, rows)

    def schedule(self, name: str | None) -> Conversion:
        called = name_of([self.stem], self.file) if name is None else given_name(name, self.file)
        return self.checked(schedule_from(self.records, self.header, self.places, self.file, called))

    def lists(
        self,
        by: str | Sequence[str] | None,
        name: str | None,
        from_: date | str | None,
        published: date | str | None,
    ) -> Conversion:
        columns = None if by is None else [by] if isinstance(by, str) else list(by)
        conversion = lists_from(
            self.records,
            self.header,
            self.places,
            self.file,
            name_of([list_stem(self.stem)], self.file) if name is None else given_name(name, self.file),
            columns,
            self.day(from_, "from"),
            self.day(published, "published"),
        )
        return self.checked(conversion)

    def checked(self, conversion: Conversion) -> Conversion:
        if not any(table.rows for table in conversion.tables):
            message = f"no line of the {'tariff' if self.kind == 'schedule' else 'list'} stands under the header"
            raise RulesError(Finding(message, "Give the whole file.", check="table", file=self.file))
        return replace(conversion, findings=tuple(sorted(conversion.findings, key=lambda one: one.line or 0)))

    def day(self, given: date | str | None, what: str) -> date | None:
        try:
            return parse_date(given) if isinstance(given, str) else given
        except CodeProblem as problem:
            finding = Finding(problem.message, problem.remedy, check="date", file=self.file, field=what)
            raise RulesError(finding) from None


def _told(header: Sequence[str], kind: Kind | None) -> tuple[Kind, dict[str, int]] | None:
    """Return what the file is and where its columns stand; None where the header does not say."""
    schedule = _places(header, _SCHEDULE_COLUMNS)
    if kind != "list" and all(column in schedule for column in _NEEDED):
        return "schedule", schedule
    lists = _places(header, _LIST_COLUMNS)
    # A tariff that lacks a column is no list of its lines.
    if kind == "list" or (kind is None and not {"indent", "general"} & schedule.keys()):
        return ("list", lists) if "product" in lists else None
    return None


def _places(header: Sequence[str], columns: dict[str, tuple[str, ...]]) -> dict[str, int]:
    found = {what: [name for name in names if name in header] for what, names in columns.items()}
    return {what: header.index(names[0]) for what, names in found.items() if names}


def _unknown_header(first: Record, kind: Kind | None, file: str) -> RulesError:
    found = visible(", ".join(first.cells), 200)
    schedule = ", ".join(_SCHEDULE_COLUMNS[column][0] for column in _NEEDED)
    understood = []
    if kind != "list":
        understood.append(f"a schedule has the columns {schedule}")
    if kind != "schedule":
        understood.append(
            f"a list has one of {', '.join(_LIST_COLUMNS['product'])}, and may have {', '.join(GROUPING)} and "
            f"{', '.join(names[-1] for names in list(_LIST_COLUMNS.values())[1:])}; or it has no header and one tariff "
            "line a line"
        )
    if len(first.cells) == 1 and ";" in first.cells[0]:
        message, remedy = "the columns are separated by ';'", "Separate them by commas."
    else:
        message = f"the header says neither a schedule nor a list (found: {found})"
        if kind is not None:
            message = f"the header is not that of a {kind} (found: {found})"
        remedy = f"{'; '.join(understood)}."
        remedy = remedy[0].upper() + remedy[1:]
    return RulesError(Finding(message, remedy, check="header", file=file, line=first.line))
