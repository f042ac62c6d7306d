"""From cells to values: every column of a table typed and checked; fast when all is well, exact when not.

A column is checked whole, by expressions of polars; only cells that do not pass are looked at one by one,
for the message. The result and the messages are those of checking each cell.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from ..codes import CodeProblem, countries, parse_country, parse_identifier, parse_number, parse_product
from ..errors import Finding, suggestion, visible
from ..tables import CONTENT, READ_TABLES, Column, content_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = ["Found", "Problems", "check_header", "typed_columns"]

Value = TypeVar("Value")

_PLAIN_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_NOT_ZERO = r"^-?[0.]*[1-9]"
_NOT_AN_ID = r"^\s|\s$|[\x00-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f]"
_NOT_A_TEXT = r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f]"


@dataclass(frozen=True, slots=True)
class Found:
    """A table as it was found: cells of any type by column, and where each row stands.

    ``gaps_are_defaults``: a missing cell takes the column's default, as where attributes of single nodes
    are left out; in a table a missing number is a problem.
    """

    name: str
    header: tuple[str, ...]
    cells: Mapping[str, pl.Series]
    height: int
    place: Callable[[int], Mapping[str, Any]]
    file: str
    header_line: int | None = None
    gaps_are_defaults: bool = False
    findings: tuple[Finding, ...] = ()  # rows that could not be read at all


@dataclass(slots=True)
class Problems:
    """Collects the findings of a graph's tables in the order of the rows, and only counts the very many."""

    kept: int = 1000
    _findings: list[tuple[int, int, Finding]] = field(default_factory=list)
    _more: int = 0

    def add(self, table: str, finding: Finding, row: int = -1) -> None:
        """Keep a finding about a row of the table (-1: about the table)."""
        if len(self._findings) < 10 * self.kept:
            position = row if finding.line is None else finding.line
            self._findings.append((list(READ_TABLES).index(table), position, finding))
        else:
            self._more += 1

    def add_rows(self, table: str, rows: Sequence[int], finding_of: Callable[[int], Finding]) -> None:
        """Keep a finding for each row; of very many, the first thousand and the count of the others."""
        for row in rows[: self.kept]:
            self.add(table, finding_of(row), row)
        self._more += max(len(rows) - self.kept, 0)

    def __bool__(self) -> bool:
        return bool(self._findings)

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in order of table and row."""
        ordered = [finding for *_, finding in sorted(self._findings, key=lambda one: one[:2])]
        if self._more:
            ordered.append(Finding(f"{self._more:,} more problems of the same kinds"))
        return tuple(ordered)


def check_header(found: Found, columns: Sequence[Column], problems: Problems) -> None:
    """Report columns that are missing, unknown, there twice, or written with spaces."""
    place: dict[str, Any] = {"file": found.file, "line": found.header_line}
    known = [column.name for column in columns]
    listing = ", ".join(visible(name) for name in found.header)
    seen: set[str] = set()
    for name in found.header:
        shown = visible(name)
        if name in seen:
            problems.add(found.name, Finding("the column is there twice", "Keep one of them.", field=shown, **place))
        elif name not in known and content_kind(name) is None:
            if name.strip() in known or content_kind(name.strip()):
                message = f"the name of the column '{shown}' begins or ends with a space"
                problems.add(found.name, Finding(message, f"Write '{name.strip()}'.", field=shown.strip(), **place))
            elif not name.strip():
                problems.add(found.name, Finding("a column has no name", "Name it or take it out.", **place))
            else:
                message = f"'{shown}' is not a column of {found.name} (columns found: {listing})"
                remedy = suggestion(name, [*known, *_content_column(found.name)], "columns")
                problems.add(found.name, Finding(message, remedy, field=shown, **place))
        elif found.name == "stages" and content_kind(name):
            message = "content is declared on a crossing, not on a stage"
            problems.add(found.name, Finding(message, "Move the column to inputs or shipments.", field=shown, **place))
        seen.add(name)
    for column in columns:
        if column.required and column.name not in {name.strip() for name in found.header}:
            message = f"the column '{column.name}' is missing (columns found: {listing})"
            remedy = f"Add it: {column.meaning}."
            problems.add(found.name, Finding(message, remedy, field=column.name, **place))


def _content_column(table: str) -> list[str]:
    return [] if table == "stages" else [CONTENT.name]


def typed_columns(found: Found, columns: Sequence[Column], regions: Iterable[str], problems: Problems) -> pl.DataFrame:
    """Return the table typed: all its columns in the order of ``columns``, then the content columns by name.

    Columns that were not found hold their default; cells that are problems are null and reported.
    """
    kinds = sorted(name for name in found.cells if content_kind(name) and found.name != "stages")
    typed: list[pl.Series] = []
    for column in (*columns, *(replace(CONTENT, name=name) for name in kinds)):
        cells = found.cells.get(column.name)
        if cells is None:
            kind = pl.Float64 if column.kind == "number" else pl.String
            typed.append(pl.repeat(column.default, found.height, dtype=kind, eager=True).alias(column.name))
        elif column.kind == "number":
            typed.append(_numbers(column, cells, found, problems).alias(column.name))
        else:
            typed.append(_texts(column, cells, found, problems, frozenset(regions)).alias(column.name))
    return pl.DataFrame(typed)


def _finding(found: Found, column: Column, row: int, message: str, remedy: str, value: object = "") -> Finding:
    return Finding(message, remedy, field=column.name, value=visible(str(value)), **found.place(row))


def _rows(mask: pl.Series) -> list[int]:
    return np.flatnonzero(mask.fill_null(False).to_numpy()).tolist()


# --- numbers ------------------------------------------------------------------------------------------


def _numbers(column: Column, cells: pl.Series, found: Found, problems: Problems) -> pl.Series:
    cells = _plain(cells)
    if cells.dtype == pl.String:
        values = _numbers_from_text(column, cells, found, problems)
    elif cells.dtype.is_numeric():
        values = cells.cast(pl.Float64)
        odd = values.is_nan() | values.is_infinite()
        if odd.any():
            shown = "'{}' is not a plain number"
            remedy = "Write a finite number."
            problems.add_rows(
                found.name,
                _rows(odd),
                lambda row: _finding(found, column, row, shown.format(values[row]), remedy, values[row]),
            )
            values = values.set(odd.fill_null(False), None)
        _report_gaps(column, cells.is_null(), found, problems)
    else:
        problems.add(found.name, _wrong_type(found, column, cells.dtype, "numbers"))
        return pl.repeat(None, found.height, dtype=pl.Float64, eager=True)
    if found.gaps_are_defaults and column.default is not None:
        values = values.fill_null(float(column.default))
    values = _within_bounds(column, values, found, problems)
    zero = (values == 0.0).fill_null(False)
    return values.set(zero, 0.0) if zero.any() else values  # -0.0 becomes 0.0: equal graphs have equal bytes


def _numbers_from_text(column: Column, cells: pl.Series, found: Found, problems: Problems) -> pl.Series:
    cells = cells.set(cells == "", None) if cells.has_nulls() or (cells == "").any() else cells
    _report_gaps(column, cells.is_null(), found, problems)
    values = cells.cast(pl.Float64, strict=False)
    fine = cells.str.contains(_PLAIN_NUMBER).fill_null(True) & (values.is_finite().fill_null(False) | cells.is_null())
    zero = values == 0.0
    if zero.any():  # 1e-400 is not 0, and no number of ours
        fine &= ~(zero & cells.str.contains(_NOT_ZERO)).fill_null(False)
    if fine.all():
        return values
    odd = ~fine
    parsed = _parsed(column, cells, cells.filter(odd), parse_number, found, problems)
    numbers = cells.replace_strict(parsed, default=None, return_dtype=pl.Float64)
    return pl.select(pl.when(odd).then(numbers).otherwise(values)).to_series()


def _parsed(
    column: Column,
    cells: pl.Series,
    suspect: pl.Series,
    parse: Callable[[str], Value | None],
    found: Found,
    problems: Problems,
) -> dict[str, Value | None]:
    """Return what each text among the suspect cells stands for, None where it is wrong; each is parsed once."""
    parsed: dict[str, Value | None] = {}
    wrong: dict[str, CodeProblem] = {}
    for text in suspect.unique(maintain_order=True).to_list():
        try:
            parsed[text] = parse(text)
        except CodeProblem as problem:
            wrong[text] = problem
            parsed[text] = None
    if wrong:

        def finding(row: int) -> Finding:
            problem = wrong[cells[row]]
            return _finding(found, column, row, problem.message, problem.remedy, cells[row])

        problems.add_rows(found.name, _rows(cells.is_in(list(wrong))), finding)
    return parsed


def _report_gaps(column: Column, gaps: pl.Series, found: Found, problems: Problems) -> None:
    if column.gaps or not gaps.any() or (found.gaps_are_defaults and not column.required):
        return
    if column.required:
        remedy = "Write a number."
    elif column.default is None:
        remedy = "Write a number, or leave the whole column out: it is then 1 − Σ input shares."
    else:
        remedy = f"Write a number, or leave the whole column out for {column.default:g} everywhere."
    problems.add_rows(
        found.name,
        _rows(gaps),
        lambda row: _finding(found, column, row, "missing value (the cell is empty)", remedy),
    )


def _within_bounds(column: Column, values: pl.Series, found: Found, problems: Problems) -> pl.Series:
    """Return the values, null where they are out of the column's bounds, and report those."""

    def refuse(outside: pl.Series, message: str, remedy_of: Callable[[float], str]) -> pl.Series:
        if not outside.any():
            return values

        def finding(row: int) -> Finding:
            value = float(values[row])
            return _finding(found, column, row, message.format(_shown(value)), remedy_of(value), value)

        problems.add_rows(found.name, _rows(outside), finding)
        return values.set(outside.fill_null(False), None)

    if column.above is not None:
        wanted = f"Write a number above {column.above:g}."
        if column.name == "share":
            wanted = "Write what part of the user's value it is, as in 0.25, or take the row out."
        values = refuse(values <= column.above, f"{{}} is not above {column.above:g}", lambda _: wanted)
    if column.least is not None:
        least = f"Write a number of at least {column.least:g}."
        if column.name in {"value", "quantity"}:
            least = "Where final demand is meant to be negative, set negative_final_demand = true in graph.toml."
        values = refuse(values < column.least, f"{{}} is below {column.least:g}", lambda _: least)
    if column.most is not None:
        whose = "shares are fractions of the user's value" if column.name == "share" else "it is a fraction"
        message = f"{{}} is above {column.most:g}; {whose}"
        values = refuse(values > column.most, message, lambda value: _as_fraction(column, value))
    return values


def _as_fraction(column: Column, value: float) -> str:
    if 2 <= value <= 100:
        return f"Write {_shown(value / 100)} or {_shown(value)}%."
    if column.name == "share":
        meant = "where a stage is meant to have negative value added, set negative_value_added = true in graph.toml"
        return f"Write a fraction between 0 and 1; {meant}."
    return "Write a fraction between 0 and 1."


def _shown(value: float) -> str:
    return f"{value:.12g}"


# --- texts --------------------------------------------------------------------------------------------


def _texts(column: Column, cells: pl.Series, found: Found, problems: Problems, regions: frozenset[str]) -> pl.Series:
    cells = _plain(cells)
    if cells.dtype.is_integer():
        cells = cells.cast(pl.String)
    if cells.dtype != pl.String:
        problems.add(found.name, _wrong_type(found, column, cells.dtype, "text"))
        return pl.repeat(None, found.height, dtype=pl.String, eager=True)
    empty = cells == ""
    if empty.any():
        cells = cells.set(empty.fill_null(False), None)
    if column.required and cells.has_nulls():
        problems.add_rows(
            found.name,
            _rows(cells.is_null()),
            lambda row: _finding(
                found, column, row, "missing value (the cell is empty)", f"Write it: {column.meaning}."
            ),
        )
    if column.kind in {"id", "stage", "word"}:
        return _checked(column, cells, cells.str.contains(_NOT_AN_ID), parse_identifier, found, problems)
    if column.kind == "text":
        if cells.str.contains("\r", literal=True).any():
            cells = cells.str.replace_all("\r\n", "\n", literal=True)
        return _checked(column, cells, cells.str.contains(_NOT_A_TEXT), _parse_text, found, problems)
    if column.kind == "declarations":
        return _checked(column, cells, cells.is_not_null(), _parse_declarations, found, problems)
    if column.kind == "product":
        return _checked(column, cells, cells.is_not_null(), parse_product, found, problems)
    known = regions | {"tariff-shift"} if column.kind == "origin" else regions
    unknown = ~cells.is_in(sorted({*countries(), *known}))
    return _checked(column, cells, unknown, _country_parser(known), found, problems)


def _country_parser(known: frozenset[str]) -> Callable[[str], str]:
    # Looking for the nearest name takes a while: a column that holds no countries at all gets only so many.
    left = 50

    def parse(text: str) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise CodeProblem(f"'{visible(text)}' is not a country", "Write the ISO 3166 alpha-3 code, as in KOR.")
        try:
            return parse_country(text, known)
        except CodeProblem as problem:
            if re.fullmatch("[A-Z]{3}", text) and problem.remedy.startswith("Did"):
                remedy = f"{problem.remedy} A region of your own is declared in graph.toml."
                raise CodeProblem(problem.message, remedy) from None
            raise

    return parse


def _checked(
    column: Column,
    cells: pl.Series,
    suspect: pl.Series,
    parse: Callable[[str], str | None],
    found: Found,
    problems: Problems,
) -> pl.Series:
    """Return the cells with those that are suspect parsed; each text is parsed once."""
    if not suspect.any():
        return cells
    parsed = _parsed(column, cells, cells.filter(suspect.fill_null(False)), parse, found, problems)
    changed = {text: value for text, value in parsed.items() if value != text}
    return cells.replace_strict(changed, default=cells, return_dtype=pl.String) if changed else cells


def _parse_text(text: str) -> str:
    for character in text:
        if unicodedata.category(character) == "Cc" and character not in "\n\t\x1b\x9b":
            raise CodeProblem(f"the text holds the control character U+{ord(character):04X}", "Take the character out.")
    return text


def _parse_declarations(text: str) -> str | None:
    declarations = {one.strip() for one in text.split(";")} - {""}
    return ";".join(sorted(parse_identifier(one) for one in declarations)) or None


# --- types --------------------------------------------------------------------------------------------


def _plain(cells: pl.Series) -> pl.Series:
    """Return the cells as text or numbers where they are that under another name (categories, decimals)."""
    if cells.dtype in (pl.Categorical, pl.Enum) or cells.dtype == pl.Null:
        return cells.cast(pl.String)
    if cells.dtype.is_decimal():
        return cells.cast(pl.Float64)
    if cells.dtype.is_float() and cells.is_nan().all() and len(cells):
        return pl.repeat(None, len(cells), dtype=pl.String, eager=True)
    return cells


def _wrong_type(found: Found, column: Column, dtype: pl.DataType, wanted: str) -> Finding:
    remedy = f"Make it a column of {wanted}."
    if column.kind == "product" and dtype.is_float():
        remedy = "Make it text; as numbers codes lose their leading and trailing zeros."
    return Finding(f"the column holds {dtype}, not {wanted}", remedy, field=column.name, file=found.file)
