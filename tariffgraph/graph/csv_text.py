"""CSV files as columns of text: encoding, lines, quotes and numbers of fields, not what the cells mean.

Nothing is guessed, padded or renamed: polars would make 702 of ``0702``, fill short rows with nulls and
rename duplicate columns, so that it only ever sees text whose structure has been checked here.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..errors import Finding, GraphError, visible

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TextTable", "read_csv_text", "read_text"]

CHUNK = 1 << 20
#: No line of a table is longer than this; one that is, is no table (and would fill the memory).
LONGEST_LINE = 1 << 20

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9a\x9c-\x9f]")
#: So many broken rows are told; a file with more is no table.
_MOST_BROKEN = 1000

_PUNCTUATION = "\u3000-\u3002\uff01-\uff5e·…"
#: East Asian encodings: the codec's strict core, how we call it, and what its text is made of.
_EAST_ASIAN = (
    ("euc_kr", "CP949 (EUC-KR)", re.compile(f"[가-힣{_PUNCTUATION}]+")),
    ("shift_jis", "Shift-JIS", re.compile(f"[ぁ-ヿ一-鿿々{_PUNCTUATION}]+")),
    ("gb2312", "GB18030", re.compile(f"[一-鿿{_PUNCTUATION}]+")),
)
_SURE_HANGUL = 8


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table as it is written: the header, a column of text for each name in it, and the line of each row."""

    header: tuple[str, ...]
    columns: tuple[pl.Series, ...]
    lines: npt.NDArray[np.int64] | None = None  # None: row i stands on line i + 2
    findings: tuple[Finding, ...] = field(default=())

    def line(self, row: int) -> int:
        """Return the line on which the row begins."""
        return row + 2 if self.lines is None else int(self.lines[row])


def read_text(descriptor: int, name: str, most: int | None = None) -> bytes:
    """Return the UTF-8 bytes of an open text file: no BOM, LF at line ends, no blank last lines.

    Reads in pieces, so that what cannot be a table is refused before it fills the memory. Closes the
    descriptor. Raises GraphError for other encodings, compressed files, control characters, endless lines
    and more than ``most`` bytes.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    parts: list[bytes] = []
    line, since_newline, size = 1, 0, 0
    findings: list[Finding] = []
    with os.fdopen(descriptor, "rb") as file:
        while chunk := file.read(CHUNK):
            if not size:
                _refuse_other_formats(chunk, name)
            first = chunk.find(b"\n")
            if since_newline + (len(chunk) if first < 0 else first) > LONGEST_LINE:
                message = f"the line is longer than {LONGEST_LINE:,} bytes"
                raise GraphError(Finding(message, "Write one row a line.", file=name, line=line))
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as problem:
                raise _not_utf8(chunk, problem, name, line) from None
            if len(findings) < 100:
                findings += _control_characters(chunk, name, line)
            line += chunk.count(b"\n")
            since_newline = since_newline + len(chunk) if first < 0 else len(chunk) - 1 - chunk.rfind(b"\n")
            size += len(chunk)
            if most is not None and size > most:
                message = f"the file is larger than {most:,} bytes"
                raise GraphError(Finding(message, "Keep it short.", file=name))
            parts.append(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as problem:
        raise _not_utf8(parts[-1] if parts else b"", problem, name, line) from None
    data = b"".join(parts).removeprefix(codecs.BOM_UTF8)
    if b"\r" in data:
        if b"\n" not in data and data.rstrip(b"\r").count(b"\r"):
            message = "its lines end with a carriage return (CR) only, as on an old Macintosh"
            raise GraphError(Finding(message, "Save it with line ends LF or CRLF.", file=name))
        data = data.replace(b"\r\n", b"\n").rstrip(b"\r")
        lone = data.find(b"\r")
        if lone >= 0:
            message = "the line holds a carriage return (U+000D) that ends no line"
            at = data.count(b"\n", 0, lone) + 1
            findings.append(Finding(message, "Take the character out.", file=name, line=at))
    if findings:
        raise GraphError(sorted(findings, key=lambda finding: finding.line or 0))
    text = len(data.rstrip())
    end = data.find(b"\n", text)  # spaces at the end of the last line may belong to a cell
    return (data[: end + 1] if end >= 0 else data) if text else b""


def _refuse_other_formats(start: bytes, name: str) -> None:
    for magic, what in (
        (b"\x1f\x8b", "gzip"),
        (b"PK\x03\x04", "a zip archive or a workbook (xlsx)"),
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstandard"),
        (b"PAR1", "Parquet"),
        (b"\xd0\xcf\x11\xe0", "an old workbook (xls)"),
        (b"\x89PNG", "an image (PNG)"),
        (b"\xff\xd8\xff", "an image (JPEG)"),
        (b"%PDF", "PDF"),
    ):
        if start.startswith(magic):
            raise GraphError(Finding(f"the file is {what}, not plain text", "Save it as UTF-8 text.", file=name))
    encoding = ""
    if start.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        encoding = "UTF-32"
    elif start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "UTF-16"
    elif len(start) > 3:
        # ASCII in UTF-16 is every other byte 0; where all are, it is no text.
        pairs = len(start[0:4000:2])
        fewer, more = sorted((start[0:4000:2].count(0), start[1:4000:2].count(0)))
        if fewer * 5 > pairs * 2:
            message, remedy = "the file is binary data (NUL bytes), not text", "Write it again as UTF-8 text."
            raise GraphError(Finding(message, remedy, file=name))
        if more * 5 > pairs * 2:
            encoding = "UTF-16"
    if encoding:
        raise GraphError(Finding(f"the file is {encoding}, not UTF-8", "Save it as UTF-8.", file=name))


def _not_utf8(chunk: bytes, problem: UnicodeDecodeError, name: str, line: int) -> GraphError:
    # The decoder may have kept part of a character from the piece before: the position is then off by that.
    at = min(problem.start, max(len(chunk) - 1, 0))
    line += chunk.count(b"\n", 0, at)
    looks = _east_asian(chunk[chunk.rfind(b"\n", 0, at) + 1 :][:4096])
    byte = f"byte 0x{problem.object[problem.start]:02X}" if problem.start < len(problem.object) else "it ends early"
    message = f"the file is not UTF-8{looks} ({byte} here)"
    return GraphError(Finding(message, "Save it as UTF-8.", file=name, line=line))


def _east_asian(data: bytes) -> str:
    """Tell which East Asian encoding the lines look like; "" when none fits."""
    whole = data[: data.rfind(b"\n")] if b"\n" in data else data
    fitting: dict[str, str] = {}
    for codec, called, script in _EAST_ASIAN:
        try:
            wide = re.findall(r"[^\x00-\x7f]+", whole.decode(codec))
        except UnicodeDecodeError:
            continue
        # Two letters in a row: one alone may be an accented letter and the one after it.
        if all(script.fullmatch(run) for run in wide) and any(len(run) > 1 for run in wide):
            fitting[called] = "".join(wide)
    korean = "CP949 (EUC-KR)"
    if len(fitting.get(korean, "")) >= _SURE_HANGUL:  # Chinese in these bytes would soon hold others
        fitting = {korean: ""}
    if len(fitting) < 2:
        return "".join(f"; it looks like {called}" for called in fitting)
    *others, last = fitting
    return f"; it may be {', '.join(others)} or {last}"


def _control_characters(chunk: bytes, name: str, line: int) -> list[Finding]:
    findings: list[Finding] = []
    seen = 0
    for match in _CONTROL.finditer(chunk):
        line += chunk.count(b"\n", seen, match.start())
        seen = match.start()
        code = ord(match[0].decode("utf-8"))
        what = "a NUL character" if code == 0 else "a control character"
        message = f"the line holds {what} (U+{code:04X})"
        findings.append(Finding(message, "Take the character out.", file=name, line=line))
        if len(findings) == 100:
            break
    return findings


def read_csv_text(descriptor: int, name: str) -> TextTable:
    """Return the table in an open CSV file as columns of text. Raises GraphError when there is none."""
    data = read_text(descriptor, name)
    if not data:
        raise GraphError(Finding("the file is empty", "Write the names of the columns in its first line.", file=name))
    newline = data.find(b"\n")
    newline = len(data) if newline < 0 else newline
    if b'"' in data:
        return _parse_quoted(data.decode("utf-8"), name)
    header = tuple(data[:newline].decode("utf-8").split(","))
    _refuse_other_separators(header, data[: 1 << 16], name)
    body = memoryview(data)[newline + 1 :]
    if not len(body):
        return TextTable(header, tuple(pl.Series([], dtype=pl.String) for _ in header))
    cells = np.frombuffer(body, dtype=np.uint8)
    ends = np.flatnonzero(cells == ord("\n"))
    if cells[-1] != ord("\n"):
        ends = np.append(ends, len(cells))
    commas = np.searchsorted(np.flatnonzero(cells == ord(",")), ends)
    if np.any(np.diff(commas, prepend=0) != len(header) - 1) or np.any(np.diff(ends, prepend=-1) == 1):
        return _parse_quoted(data.decode("utf-8"), name)
    frame = pl.read_csv(
        io.BytesIO(body),
        has_header=False,
        new_columns=[str(position) for position in range(len(header))],
        infer_schema=False,
        quote_char=None,
    )
    if frame.shape != (len(ends), len(header)):  # polars and we disagree on what a line is: ours holds
        return _parse_quoted(data.decode("utf-8"), name)
    return TextTable(header, tuple(frame.get_columns()))


def _refuse_other_separators(header: tuple[str, ...], start: bytes, name: str) -> None:
    if len(header) > 1 or not any(separator in header[0] for separator in ";\t|"):
        return
    separator = max(";\t|", key=header[0].count)
    shown = "tabs" if separator == "\t" else f"'{separator}'"
    comma = re.search(rb"(?<![0-9,.])([0-9]+),([0-9]+)(?![0-9,.])", start)
    remedy = "Separate them with ','."
    if comma:
        whole, part = comma[1].decode(), comma[2].decode()
        remedy = f"Separate them with ',' and write decimals with a point: {whole}.{part} for {whole},{part}."
    raise GraphError(Finding(f"the columns are separated by {shown}, not by ','", remedy, file=name, line=1))


def _parse_quoted(text: str, name: str) -> TextTable:
    """Parse record by record: slower, but with quotes, and it says where rows are short, long or broken."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    findings: list[Finding] = []
    header: list[str] = []
    start = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as problem:
            findings.append(_broken_quote(text, start, name, str(problem)))
            break
        if start == 1:
            header = row
            if not header:
                message, remedy = "the line is blank", "Write the names of the columns there."
                raise GraphError(Finding(message, remedy, file=name, line=1))
            _refuse_other_separators(tuple(header), text[: 1 << 16].encode("utf-8"), name)
        elif len(row) == len(header):
            rows.append(row)
            lines.append(start)
        elif len(findings) < _MOST_BROKEN:
            findings.append(_wrong_length(row, header, name, start))
        else:
            message = f"more than {_MOST_BROKEN:,} rows are broken; the rest was not read"
            findings.append(Finding(message, "Mend those above first.", file=name, line=start))
            break
        start = reader.line_num + 1
    if not header:
        raise GraphError(findings)
    by_column = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    return TextTable(
        tuple(header),
        tuple(pl.Series(str(position), cells, dtype=pl.String) for position, cells in enumerate(by_column)),
        np.array(lines, dtype=np.int64),
        tuple(findings),
    )


def _wrong_length(row: list[str], header: list[str], name: str, line: int) -> Finding:
    if not row or (len(row) == 1 and not row[0].strip()):
        return Finding("the line is blank", "Take it out.", file=name, line=line)
    found = f"the row has {len(row)} field{'s' if len(row) > 1 else ''} where the header has {len(header)}"
    if len(row) < len(header):
        missing = header[len(row)].strip()
        remedy = "Write every field of the row; an empty one still needs its comma."
        return Finding(f"missing value: {found}", remedy, file=name, line=line, field=visible(missing))
    remedy = 'Put a field that holds a comma in quotes ("...").'
    for whole, part in pairwise(cell.strip() for cell in row):
        # Only numbers below 1 and groups of three are sure to be one number cut in two.
        whole_number = ""
        if re.fullmatch(r"[1-9][0-9]{0,2}", whole) and re.fullmatch(r"[0-9]{3}(?:\.[0-9]+)?", part):
            whole_number = whole + part
        elif re.fullmatch(r"[+-]?0", whole) and re.fullmatch(r"[0-9]+", part):
            whole_number = f"{whole}.{part}"
        if whole_number:
            remedy = f"A comma separates fields: write {whole_number} for {whole},{part}."
            break
    return Finding(found, remedy, file=name, line=line)


def _broken_quote(text: str, line: int, name: str, problem: str) -> Finding:
    """Name the line where the quote opened that never closes, or closes in the middle of a field."""
    at = 0
    for _ in range(line - 1):
        at = text.index("\n", at) + 1
    opened = line
    field_start = at
    while field_start < len(text):
        if text[field_start] != '"':
            comma, newline = text.find(",", field_start), text.find("\n", field_start)
            if comma < 0 or (0 <= newline < comma):
                break
            field_start = comma + 1
            continue
        opened = line + text.count("\n", at, field_start)
        close = field_start + 1
        while (close := text.find('"', close)) >= 0 and text[close + 1 : close + 2] == '"':
            close += 2
        if close < 0:
            message = 'a quote (") opens here and is never closed'
            return Finding(message, 'Close it; a quote inside quotes is written "".', file=name, line=opened)
        if text[close + 1 : close + 2] != ",":
            break
        field_start = close + 2
    if "limit" in problem:
        message = f"a field that opens here is longer than {csv.field_size_limit():,} characters"
        return Finding(message, "Close the quote, or shorten the field.", file=name, line=opened)
    message = 'a quote (") opens here, and text follows after the closing one'
    return Finding(
        message, 'End the field after the quote; a quote inside quotes is written "".', file=name, line=opened
    )
