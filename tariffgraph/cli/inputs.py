"""What a command reads, so that its result never takes the place of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundled import datasets_folder
from ..errors import Finding, OutputError, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["refuse_inputs"]

_TABLES = ("stages", "inputs", "shipments")
_GRAPH_FILES = ("graph.toml", *(f"{table}.{kind}" for table in _TABLES for kind in ("csv", "parquet")))
_YAML = (".yaml", ".yml")
_EXTENDS = re.compile(r"""\bextends["']?\s*:\s*["']?([^\s"',{}#]+)""")


def refuse_inputs(out: Path, graph: Path | None = None, rules: Iterable[Path] = ()) -> None:
    """Raise OutputError when ``out`` is read by the command, or lies in a folder that is read as a whole.

    ``graph`` is the folder of the graph; ``rules`` are files and folders of rule sets and overlays, there or not.
    """
    target = out.resolve()
    files = [graph / name for name in _GRAPH_FILES] if graph is not None else []
    folders: list[Path] = []
    for source in rules:
        for path in _read_for(source):
            (folders if path.is_dir() else files).append(path)

    def refuse(message: str) -> OutputError:
        return OutputError(Finding(message, "Write elsewhere.", file=visible(str(out), 400)))

    if any(_same(path, target) for path in files):
        raise refuse("is an input of this very command")
    for folder in folders:
        if target.is_relative_to(folder.resolve()):
            raise refuse(f"lies in the rules folder '{visible(str(folder), 200)}'")
    if target.is_relative_to(datasets_folder().resolve()):
        raise refuse("lies among the bundled data sets")


def _read_for(source: Path) -> Iterator[Path]:
    """Yield what a rule set is read from; for an overlay also what the rule set beside it is read from."""
    if not _exists(source):
        return
    yield from _read_from(source)
    beside = source.resolve().parent
    for head in _yaml_files(source):
        for name in _extended_by(head):
            for base in (beside / name, *(beside / f"{name}{suffix}" for suffix in _YAML)):
                if _exists(base):
                    yield from _read_from(base)


def _read_from(source: Path) -> Iterator[Path]:
    yield source
    yield from _yaml_files(source)
    for section in ("lists", "schedules"):
        tables = (source if source.is_dir() else source.parent) / section
        if tables.is_dir():
            yield tables
            yield from tables.glob("*.csv")


def _yaml_files(source: Path) -> list[Path]:
    return [one for one in source.iterdir() if one.suffix in _YAML] if source.is_dir() else [source]


def _extended_by(head: Path) -> list[str]:
    """Return the names that the file may extend: only to look for them, so that a word too many does no harm."""
    if not head.is_file():
        return []
    try:
        text = head.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []  # reading the rules will say what is wrong with it
    return [name for name in _EXTENDS.findall(text) if Path(name).name == name]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _same(path: Path, target: Path) -> bool:
    try:
        return path.samefile(target)
    except OSError:
        return os.path.realpath(path) == str(target)
