"""What a conversion makes: list and schedule files, and what of the official file they do not hold."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..atomic import check_target, write_atomically
from ..errors import Finding, OutputError, RulesError, visible

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

__all__ = ["Conversion", "Converted", "check_out", "given_name", "name_of", "write"]

_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 100
_GIVEN_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST_NAME - 1}}}")
# What spreadsheets take for the beginning of a formula, in full width too.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class Converted:
    """A list or schedule file of a rule set, not yet written: its name without ``.csv``, its columns and rows."""

    name: str
    kind: Literal["list", "schedule"]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def csv(self) -> str:
        """Return the text of the file; a cell that a spreadsheet would run begins with an apostrophe."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row] for row in self.rows)
        return text.getvalue()


@dataclass(frozen=True, slots=True)
class Conversion:
    """The files that an official file becomes.

    ``findings``: what of it they do not hold, or not as it stood there; one a place, each with its line. Findings of
    one kind have one ``check``.
    """

    tables: tuple[Converted, ...]
    findings: tuple[Finding, ...] = ()


def given_name(name: str, file: str) -> str:
    """Return the name that a user gave when it can be that of a file in this folder. Raises RulesError."""
    if not _GIVEN_NAME.fullmatch(name):
        message = f"'{visible(name)}' cannot name a file"
        remedy = f"Write Latin letters, digits, '-', '_' and '.', {_LONGEST_NAME} at most."
        raise RulesError(Finding(message, remedy, check="name", file=file, field="name", value=name))
    return name


def name_of(words: Iterable[str], file: str, line: int | None = None) -> str:
    """Return the words as a name of letters, digits and hyphens: it can lead to no other folder. Raises RulesError."""
    written = list(words)
    plain = [_BETWEEN_WORDS.sub("-", word.casefold()).strip("-") for word in written]
    name = "-".join(plain)
    if not all(plain) or len(name) > _LONGEST_NAME:
        why = f"{len(name)} letters are too many" if all(plain) else "it needs Latin letters or digits"
        raise RulesError(
            Finding(
                f"'{visible(' '.join(written))}' cannot name a file: {why}",
                "Give a name, or group by another column.",
                check="name",
                file=file,
                line=line,
            )
        )
    return name


def check_out(out: str | os.PathLike[str]) -> Path:
    """Return the path that the files go to, a folder that exists or FILE.csv in one; raise OutputError for others."""
    path = Path(out)
    if path.suffix.lower() == ".csv" and not path.is_dir():
        check_target(path)
    elif not path.is_dir():
        what = "is a file that does not end in .csv" if path.exists() else "the folder does not exist"
        remedy = "Make it first, or write elsewhere."
        raise OutputError(Finding(what, remedy, file=visible(str(out), 200)))
    return path


def write(
    tables: Iterable[Converted],
    out: str | os.PathLike[str],
    *,
    force: bool = False,
    inputs: Iterable[str | os.PathLike[str]] = (),
) -> list[Path]:
    """Write the tables into the folder ``out``, or the only one to the file ``out``.csv; return the paths.

    Every path is checked before the first is written; each file is written whole or not at all. Raises OutputError
    for one that is there already (unless ``force``), that is one of ``inputs``, or that cannot be written.
    """
    written, path = list(tables), check_out(out)
    if path.is_dir():
        targets = [path / f"{table.name}.csv" for table in written]
    else:
        if len(written) != 1:
            names = ", ".join(table.name for table in written[:6]) + (", ..." if len(written) > 6 else "")
            message = f"is one file, and {len(written)} come out: {names}"
            raise OutputError(Finding(message, "Give a folder.", file=visible(str(out), 200)))
        targets = [path]
    read = [Path(one).resolve() for one in inputs]
    problems: list[Finding] = []
    for target in targets:
        try:
            check_target(target)
        except OutputError as error:
            problems += error.findings
            continue
        shown = visible(str(target), 200)
        if target.resolve() in read:
            problems.append(Finding("is an input of this very conversion", "Write elsewhere.", file=shown))
        elif target.exists() and not force:
            problems.append(Finding("is there already", "Write elsewhere, or give --force to replace it.", file=shown))
    if problems:
        raise OutputError(problems)
    for table, target in zip(written, targets, strict=True):
        write_atomically(target, table.csv().encode())
    return targets
