"""Text files as users have them: regular, UTF-8, of a size that can be law; everything else is named and refused."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from ..errors import DatasetError, Finding, RulesError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LARGEST_TABLE", "LARGEST_YAML", "LONGEST_LINE", "check_for_link_out_of", "read_text"]

#: bytes of the largest YAML file that is read (20,000 rows have 1 to 5 million)
LARGEST_YAML = 16_000_000
#: bytes of the largest list or schedule (a schedule of a whole country has 4 million)
LARGEST_TABLE = 64_000_000
#: bytes of the longest line
LONGEST_LINE = 1_000_000

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")


def read_text(path: Path, file: str, largest: int) -> str:
    """Return the text of the regular file at ``path``, called ``file`` in messages; line ends are LF.

    ``largest`` is the number of bytes that it may have.
    A byte order mark, CRLF and blank last lines are accepted. Raises DatasetError for what is no regular file
    (it is not opened) and RulesError for UTF-16, CP949 and other encodings, CR-only line ends, control
    characters, compressed or endless files. No encoding is guessed: a wrong guess would change names silently.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DatasetError(Finding("not a regular file", "Give a file or folder.", file=file, check="file"))
        if status.st_size > largest:
            raise _refused(
                file,
                f"{status.st_size / 1e6:,.0f} MB are more than such a file can have ({largest / 1e6:,.0f} MB)",
                "Split it.",
            )
        data = path.read_bytes()
    except OSError as problem:
        raise DatasetError(
            Finding(
                f"cannot be read: {problem.strerror or problem}",
                "Check the path and its permissions.",
                file=file,
                check="file",
            )
        ) from None
    return _decode(data, file)


def _decode(data: bytes, file: str) -> str:
    if data.startswith(b"\x1f\x8b"):
        raise _refused(file, "the file is compressed (gzip)", "Unpack it first.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or data[:200].count(0) > len(data[:200]) // 4:
        raise _refused(file, "the file is in UTF-16", "Save it as UTF-8.")
    number = _long_line(data)
    if number is not None:
        raise _refused(file, f"the line is longer than {LONGEST_LINE:,} bytes", "Break it.", number)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        name = "not UTF-8"
        try:
            data.decode("cp949")
            name = "not UTF-8 but, it seems, CP949 (EUC-KR)"
        except UnicodeDecodeError:
            pass
        raise _refused(
            file, f"the file is {name} (byte 0x{data[problem.start]:02X})", "Save it as UTF-8.", line
        ) from None
    text = text.replace("\r\n", "\n")
    if "\r" in text:
        if "\n" not in text:
            raise _refused(file, "the lines end in CR alone", "Save it with LF or CRLF line ends.", 1)
        raise _refused(
            file,
            "a carriage return (U+000D) stands inside the line",
            "Take it out.",
            text.count("\n", 0, text.index("\r")) + 1,
        )
    control = _CONTROL.search(text)
    if control is not None:
        before = text[: control.start()]
        raise _refused(
            file,
            f"the control character U+{ord(control[0]):04X}",
            "Take it out.",
            before.count("\n") + 1,
            control.start() - before.rfind("\n"),
        )
    return text


def _long_line(data: bytes) -> int | None:
    """Return the number of a line that is too long; looks at one line end in a million bytes, not at every line."""
    begin = 0
    while len(data) - begin > LONGEST_LINE:
        stop = begin + LONGEST_LINE + 1
        end = max(data.rfind(b"\n", begin, stop), data.rfind(b"\r", begin, stop))
        if end < 0:
            return data.count(b"\n", 0, begin) + 1
        begin = end + 1
    return None


def _refused(file: str, message: str, remedy: str, line: int | None = None, column: int | None = None) -> RulesError:
    return RulesError(Finding(message, remedy, check="file", file=file, line=line, column=column))


def check_for_link_out_of(folder: Path, path: Path, file: str) -> None:
    """Raise DatasetError when ``path`` is a link that leads out of ``folder``: a rule set is one folder."""
    if not path.resolve().is_relative_to(folder.resolve()):
        raise DatasetError(
            Finding("a link that leads out of the rule set's folder", "Copy the file there.", file=file, check="file")
        )
