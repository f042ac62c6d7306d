"""Where a result goes: stdout or a file, decided and checked before anything is computed."""

from __future__ import annotations

import errno
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

__all__ = ["Output", "write_stdout"]


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

        check_target(out)
        output.spare(graph, rules)
        return output

    def spare(self, graph: Path | None = None, rules: Iterable[Path] = ()) -> None:
        """Refuse to overwrite the graph in this folder, or these rules."""
        if self.file is not None:
            from .inputs import refuse_inputs

            refuse_inputs(self.file, graph, rules)

    def write(self, document: Document) -> None:
        """Write the document, whole or not at all."""
        if self.file is None:
            self._print(document)
        else:
            from ..atomic import write_atomically

            write_atomically(self.file, document.rendered(self.format))
            rows = document.rows.height
            say(f"wrote {rows} row{'' if rows == 1 else 's'} to {visible(str(self.file), 400)}")
        if self.format in {"csv", "jsonl"}:
            # Bare rows have no place for where they came from.
            from ..show.results import came_from

            for line in came_from(document.meta):
                say(line)

    def _print(self, document: Document) -> None:
        data = document.rendered(self.format, _paper())
        write_stdout(data.decode() if self.format in {"table", "md"} else data, "Give --out FILE.")


def write_stdout(data: str | bytes, remedy: str = "Send it elsewhere.") -> None:
    """Write to stdout all of ``data``; raise OutputError where less of it gets there."""
    if sys.stdout is None:
        raise OutputError(Finding("stdout is closed", remedy))
    if isinstance(data, str):
        data = data.encode(sys.stdout.encoding or "utf-8", errors="backslashreplace")
    rest = memoryview(data)
    try:
        sys.stdout.flush()
        while rest:
            # Unbuffered (python -u) a write may take a part and say nothing of the rest.
            taken = sys.stdout.buffer.write(rest)
            if taken is None:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            rest = rest[taken:]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise click.exceptions.Exit(0) from None  # the reader has seen enough
    except OSError as problem:
        reason = problem.strerror or str(problem)
        message = f"stdout could not take all of the result ({reason[:1].lower()}{reason[1:]})"
        raise OutputError(Finding(message, f"Make room, or {remedy[:1].lower()}{remedy[1:]}")) from None


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


def _paper() -> Paper:
    from ..show.table import Paper

    if sys.stdout is None or not sys.stdout.isatty():
        return Paper()
    plain = os.environ.get("TERM") == "dumb"
    return Paper(
        width=shutil.get_terminal_size().columns,
        box=(sys.stdout.encoding or "").lower().replace("-", "") == "utf8",
        colour=not plain and not os.environ.get("NO_COLOR"),
    )
