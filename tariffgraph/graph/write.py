"""Production graphs into folders of tables that read back as the same graph."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import polars as pl

from ..atomic import check_target, write_atomically
from ..bundled import bundled_rule_sets
from ..errors import Finding, OutputError, visible
from ..tables import READ_TABLES, content_kind
from .build import default_ids

if TYPE_CHECKING:
    from .production_graph import ProductionGraph

__all__ = ["write_graph"]


def write_graph(
    graph: ProductionGraph,
    folder: str | os.PathLike[str],
    format: Literal["csv", "parquet"] = "csv",  # noqa: A002
) -> Path:
    """Folder with the graph's tables, written so that reading it gives the same graph and hash.

    The folder is made when its parent exists. Columns that hold their default throughout are left out,
    numbers are written so that they read back bit for bit, ids and texts as they are (a spreadsheet may
    take an id such as ``=cmd()`` for a formula). Each file is replaced whole or not at all; everything that
    can be known to fail is said before the first.

    Default rules that are bundled stay names and those that lie in ``folder`` become paths within it; others
    could not be read there, and without them the graph would say something else: they are refused. Raises
    OutputError.
    """
    if format not in {"csv", "parquet"}:
        raise OutputError(Finding(f"'{visible(str(format))}' is not a format", "Choose csv or parquet."))
    target = Path(folder)
    rules = [_rule_within(target, entry) for entry in graph.default_rules]
    _make_folder(target)
    other = "parquet" if format == "csv" else "csv"
    for name in READ_TABLES:
        if os.path.lexists(target / f"{name}.{other}"):
            message = f"the folder already holds {name}.{other}, and a table in both formats cannot be read"
            raise OutputError(
                Finding(message, "Take it out, or write to a new folder.", file=visible(str(target), 200))
            )
    settings = _toml(graph, rules)
    files = {f"{name}.{format}": _lean(graph, name) for name in READ_TABLES}
    for file in (*files, "graph.toml"):
        check_target(target / file)
    for file, frame in files.items():
        if format == "csv":
            write_atomically(target / file, _csv(frame))
        else:

            def write(opened: BinaryIO, frame: pl.DataFrame = frame) -> None:
                frame.write_parquet(opened)

            write_atomically(target / file, write)
    if settings or (target / "graph.toml").exists():
        write_atomically(target / "graph.toml", settings.encode())
    return target


def _rule_within(folder: Path, entry: str) -> str:
    """Return the entry as ``graph.toml`` in the folder can say it."""
    if entry in bundled_rule_sets():
        return entry
    try:
        path, home = Path(entry).resolve(strict=True), folder.resolve()
        if path.is_relative_to(home) and path != home:
            return path.relative_to(home).as_posix()
    except (OSError, RuntimeError, ValueError):
        pass
    message = f"the graph's rules '{visible(entry, 200)}' do not lie in the folder"
    remedy = "Put a copy there and name it: graph.replace(rules=[...]), or leave them out: graph.replace(rules=())."
    raise OutputError(Finding(message, remedy, file=visible(str(folder), 200), field="rules"))


def _make_folder(folder: Path) -> None:
    shown = visible(str(folder), 200)
    try:
        if folder.is_dir():
            return
        if os.path.lexists(folder):
            raise OutputError(Finding("is a file, not a folder", "Give a folder.", file=shown))
        folder.mkdir()
    except FileNotFoundError:
        message = f"the folder '{visible(str(folder.parent), 200)}' does not exist"
        raise OutputError(Finding(message, "Make it first, or write elsewhere.", file=shown)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise OutputError(Finding(f"the folder cannot be made ({reason})", "Write elsewhere.", file=shown)) from None


def _lean(graph: ProductionGraph, name: str) -> pl.DataFrame:
    """Return the table without the columns that reading would fill in the same way."""
    frame: pl.DataFrame = getattr(graph, name)
    kept: list[str] = []
    for column in READ_TABLES[name]:
        cells = frame[column.name]
        if column.name == "id":
            bare = [
                table.with_columns(pl.lit(None, dtype=pl.String).alias("id"))
                for table in (graph.inputs, graph.shipments.sort("stage", "market"))
            ]
            inputs, shipments = default_ids(bare[0], bare[1], graph.stages["stage"])
            default = inputs if name == "inputs" else shipments.sort()
            # Two shipments of one stage to one market are numbered by their other columns: ids are written.
            twins = name == "shipments" and frame.select("stage", "market").is_duplicated().any()
            implied = not twins and cells.equals(default)
        elif column.name in {"nationality", "origin"}:
            implied = cells.equals(frame["country"])
        elif column.required or column.name == "value_added":
            implied = False
        elif column.default is None:
            implied = cells.null_count() == len(cells)
        else:
            implied = bool((cells == column.default).all())
        if not implied:
            kept.append(column.name)
    return frame.select(*kept, *(name for name in frame.columns if content_kind(name)))


def _csv(frame: pl.DataFrame) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    columns = [
        ["" if cell is None else repr(cell) for cell in cells]
        if cells.dtype == pl.Float64
        else ["" if cell is None else cell for cell in cells]
        for cells in frame.get_columns()
    ]
    writer.writerows(zip(*columns, strict=True))
    return text.getvalue().encode("utf-8")


def _toml(graph: ProductionGraph, rules: list[str]) -> str:
    lines: list[str] = []
    for key in ("title", "currency", "notes"):
        if value := getattr(graph, key):
            lines.append(f"{key} = {_quoted(value)}")
    if graph.year is not None:
        lines.append(f"year = {graph.year}")
    for key, values in (("sources", graph.sources), ("rules", rules)):
        if values:
            lines.append(f"{key} = [{', '.join(_quoted(value) for value in values)}]")
    if graph.default_as_of is not None:
        lines.append(f"as_of = {graph.default_as_of.isoformat()}")
    lines += [f"{key} = true" for key in ("negative_value_added", "negative_final_demand") if getattr(graph, key)]
    if graph.regions:
        lines += [
            "",
            "[regions]",
            *(f"{_quoted(code)} = {_quoted(name)}" for code, name in graph.regions.items()),
        ]
    return "\n".join(lines) + "\n" if lines else ""


def _quoted(text: str) -> str:
    # A JSON string is a basic string of TOML, but for DEL, which no text of a graph holds.
    return json.dumps(text, ensure_ascii=False)
