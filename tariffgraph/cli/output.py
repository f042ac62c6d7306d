"""Where a result goes: stdout or a file, decided and checked before anything is computed."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import Finding, OutputError, visible
from .messages import say
from .options import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..show.document import Document
    from ..show.formats import Format
    from ..show.table import Paper

__all__ = ["Output"]

_TABLES = {f"{table}.{kind}" for table in ("stages", "inputs", "shipments") for kind in ("csv", "parquet")}
_GRAPH_FILES = _TABLES | {"graph.toml"}


@dataclass(frozen=True, slots=True)
class Output:
    """The format and the file (None: stdout) of a result."""

    format: Format
    file: Path | None

    @classmethod
    def checked(
        cls, format_: Format | None, out: Path | None, graph: Path | None = None, rules: Iterable[Path] = ()
    ) -> Output:
        """Return where the result goes; refuse what could not be written, or would overwrite what is read."""
        output = cls(format_ or _format_of(out), out)
        if out is None:
            if output.format == "parquet" and sys.stdout is not None and sys.stdout.isatty():
                raise click.UsageError("parquet is not for a terminal. Give --out FILE.", click.get_current_context())
            return output
        from ..atomic import check_target

        target = check_target(out).resolve()
        _refuse_inputs(target, out, graph, rules)
        return output

    def write(self, document: Document) -> None:
        """Write the document, whole or not at all."""
        if self.file is None:
            self._print(document)
        else:
            from ..atomic import write_atomically

            write_atomically(self.file, document.rendered(self.format))
            rows = document.rows.height
            say(f"wrote {rows} row{'' if rows == 1 else 's'} to {visible(str(self.file), 400)}")
        if self.format in {"csv", "jsonl"} and document.meta.get("rules"):
            # Bare rows have no place for where they came from.
            from ..show.results import footer

            say(f"entries of {document.meta['as_of']}; {footer(document.meta)}")

    def _print(self, document: Document) -> None:
        if sys.stdout is None:
            raise OutputError(Finding("stdout is closed", "Give --out FILE."))
        data = document.rendered(self.format, _paper())
        if self.format in {"table", "md"}:
            data = data.decode().encode(sys.stdout.encoding or "utf-8", errors="backslashreplace")
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise click.exceptions.Exit(0) from None  # the reader has seen enough
        except OSError as problem:
            raise OSError(problem.errno, problem.strerror, "stdout") from None


def _format_of(out: Path | None) -> Format:
    ending = out.suffix.lower().removeprefix(".") if out is not None else ""
    if ending in {"", "txt"}:
        return "table"
    for known in FORMATS:
        if known == ending != "table":
            return known
    raise click.UsageError(
        f"no format ends in '.{visible(ending)}'. "
        "End the file in .csv, .json, .jsonl, .parquet, .md or .txt, or give --format.",
        click.get_current_context(),
    )


def _refuse_inputs(target: Path, out: Path, graph: Path | None, rules: Iterable[Path]) -> None:
    def inside(folder: Path) -> bool:
        return target.is_relative_to(folder.resolve())

    taken = graph is not None and target.parent == graph.resolve() and target.name in _GRAPH_FILES
    if taken or any(inside(source) for source in rules):
        raise OutputError(Finding("is an input of this very command", "Write elsewhere.", file=visible(str(out), 400)))


def _paper() -> Paper:
    from ..show.table import Paper

    if not sys.stdout.isatty():
        return Paper()
    plain = os.environ.get("TERM") == "dumb"
    return Paper(
        width=shutil.get_terminal_size().columns,
        box=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        colour=not plain and not os.environ.get("NO_COLOR"),
    )
