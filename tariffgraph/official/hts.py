"""The Harmonized Tariff Schedule as published, line under line by indent, made a schedule file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..codes import parse_product, product_key
from ..errors import Finding, visible
from .converted import Conversion, Converted
from .rates import NoRate, plain_rate, special_rates, what_it_counts
from .records import Problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .records import Record

__all__ = ["schedule_from"]

_FEWEST_DIGITS = 8
#: provisions of this chapter are duties on goods of other chapters: measures, not lines of a schedule
_OTHER_DUTIES = "99"
#: columns that a schedule file has no place for
_NO_PLACE = ("quota quantity", "additional duties")


@dataclass(frozen=True, slots=True)
class _Heading:
    """A line of the tariff with its rates as written, its own or those of the line above it."""

    line: int
    indent: int
    key: str
    general: str
    special: str
    column_2: str

    @property
    def states_a_rate(self) -> bool:
        return bool(self.general or self.special or self.column_2)

    def under(self, upper: _Heading) -> _Heading:
        """Return this line with the rates of ``upper`` where it states none of its own."""
        if self.general:
            return replace(self, key=self.key or upper.key)
        return replace(
            self,
            key=self.key or upper.key,
            general=upper.general,
            special=self.special or upper.special,
            column_2=self.column_2 or upper.column_2,
        )


@dataclass(frozen=True, slots=True)
class _Rates:
    """The rates of a line in the words of a schedule file; ``note`` quotes what they cannot say."""

    general: str
    special: Mapping[str, str]
    column_2: str
    note: str


def schedule_from(
    rows: Iterable[Record], header: Sequence[str], places: Mapping[str, int], file: str, name: str
) -> Conversion:
    """Return the schedule: a row for every line of 8 digits or more, rates inherited down the indents.

    ``places``: where in a record the number, the indent, the general, special and column 2 rates stand. Raises
    RulesError with every problem.
    """
    schedule = _Schedule(places, file)
    width = len(header)
    above: list[_Heading] = []
    for record in rows:
        if len(record.cells) != width:
            schedule.problems.refuse_width(record, width)
            continue
        heading = schedule.heading(record)
        if heading is None:
            continue
        while above and above[-1].indent >= heading.indent:
            above.pop()
        line = heading.under(above[-1]) if above else heading
        schedule.take(record, heading, line, above)
        above.append(line)
    schedule.problems.done()
    return Conversion((schedule.converted(name),), tuple(schedule.findings))


class _Schedule:
    def __init__(self, places: Mapping[str, int], file: str) -> None:
        self.places = places
        self.file = file
        self.problems = Problems(file)
        self.findings: list[Finding] = []
        self.lines: dict[str, tuple[_Heading, _Rates]] = {}
        self.known: dict[tuple[str, str, str], _Rates] = {}

    def cell(self, record: Record, column: str) -> str:
        at = self.places.get(column)
        return "" if at is None else record.cells[at]

    def heading(self, record: Record) -> _Heading | None:
        """Return the line as it stands; None where it is wrong, which is noted."""
        number, indent = self.cell(record, "number"), self.cell(record, "indent")
        if not (indent.isascii() and indent.isdigit() and len(indent) <= 3):
            self.problems.refuse(
                record.line,
                f"'{visible(indent)}' is no indent" if indent else "the indent is missing",
                "Write how many steps the line stands in, as in 0 or 3.",
                "indent",
                indent,
            )
            return None
        product = self.problems.parsed(record, "number", number, parse_product) if number else ""
        if product is None:
            return None
        rates = (self.cell(record, column) for column in ("general", "special", "column 2"))
        return _Heading(record.line, int(indent), product_key(product), *rates)

    def take(self, record: Record, heading: _Heading, line: _Heading, above: list[_Heading]) -> None:
        """Add the line to the schedule, or note why it is not in it."""
        if heading.key.startswith(_OTHER_DUTIES):
            text = self.cell(record, "number")
            self.note(record.line, "number", "is a provision of chapter 99, on goods of other chapters", text)
            return
        for column in _NO_PLACE:
            if text := self.cell(record, column):
                self.note(record.line, column, "a schedule file has no place for it", text)
        if len(heading.key) < _FEWEST_DIGITS:
            if heading.states_a_rate:
                self.note(record.line, "number", "rates of a line with fewer than 8 digits hold for those under it", "")
            return
        if above and not heading.states_a_rate and not heading.key.startswith(above[-1].key):
            self.problems.refuse(
                record.line,
                f"by its indent {heading.key} stands under {above[-1].key} (line {above[-1].line})",
                "Mend the indent or the number: a number begins with that of the line above it.",
                "indent",
                str(heading.indent),
            )
        rates = self.rates(line, tell=heading.states_a_rate or not line.general)
        first, stated = self.lines.setdefault(heading.key, (line, rates))
        if stated != rates:
            message = f"{heading.key} stands in line {first.line} with other rates"
            self.problems.refuse(record.line, message, "Keep one of the lines.", "number", heading.key)

    def rates(self, line: _Heading, *, tell: bool) -> _Rates:
        """Return the rates of the line in plain words; ``tell`` notes what they cannot say."""
        texts = (line.general, line.special, line.column_2)
        if not tell and texts in self.known:
            return self.known[texts]
        left: list[tuple[str, str, str]] = []
        plain: dict[str, str] = {}
        for column, text in (("general", line.general), ("column 2", line.column_2)):
            try:
                plain[column] = plain_rate(text)
            except NoRate as problem:
                left.append((column, " ".join(text.split()), str(problem) if text else "the rate is missing"))
            else:
                if why := what_it_counts(plain[column]):
                    self.note(line.line, column, why, " ".join(text.split()))
        special, rest = special_rates(line.special)
        for rate in {rate: None for _, rate in special}:
            if why := what_it_counts(rate):
                self.note(line.line, "special", why, rate)
        left += [("special", text, why) for text, why in rest]
        for column, text, why in left:
            self.note(line.line, column, why, text)
        note = "; ".join(f"{column}: {text}" for column, text, _ in left if text)
        rates = _Rates(plain.get("general", ""), dict(special), plain.get("column 2", ""), note)
        return self.known.setdefault(texts, rates)

    def note(self, line: int, column: str, why: str, text: str) -> None:
        message = f"'{visible(text)}' {why}" if text else why
        finding = Finding(message, severity="note", check=f"{column}: {why}", file=self.file, line=line, field=column)
        self.findings.append(finding)

    def converted(self, name: str) -> Converted:
        symbols = sorted({symbol for _, rates in self.lines.values() for symbol in rates.special})
        columns = ("product", "general", *symbols, "column 2", "note")
        rows = tuple(
            (
                parse_product(key),
                rates.general,
                *(rates.special.get(symbol, "") for symbol in symbols),
                rates.column_2,
                rates.note,
            )
            for key, (_, rates) in self.lines.items()
        )
        return Converted(name, "schedule", columns, rows)
