"""Production graphs out of folders of CSV or Parquet tables, and out of frames."""

from __future__ import annotations

import dataclasses
import os
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import polars as pl

from ..errors import DatasetError, Finding, GraphError, TariffGraphError, visible
from ..tables import READ_TABLES, Column, content_kind
from .build import build_graph
from .cells import Found
from .csv_text import read_csv_text, read_text
from .files import graph_folder, open_inside, rules_inside
from .settings import MOST_BYTES, Settings, parse_settings, settings_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date
    from pathlib import Path

    from .production_graph import ProductionGraph

__all__ = ["from_frames", "read_graph"]


def read_graph(path_or_name: str | os.PathLike[str]) -> ProductionGraph:
    """Production graph in a folder, or the bundled graph of that name.

    The folder holds the tables ``stages``, ``inputs`` and ``shipments``, each as CSV or Parquet, and where
    wanted ``graph.toml``. A folder that exists goes before a bundled name. A graph whose stages buy nothing
    may do without the table of inputs, with a finding; a table without rows says the same on purpose.
    ``rules`` in ``graph.toml`` are bundled names, which go first, or files and folders in the graph's own
    folder; ``default_rules`` holds the name, or the whole path.

    Raises DatasetError when there is no such folder or its files are not regular ones, and GraphError with
    all problems of the tables, each with file, line and remedy.
    """
    folder = graph_folder(path_or_name)
    shown = visible(os.fspath(path_or_name), 200)

    def placed(findings: Iterable[Finding]) -> list[Finding]:
        return [one.at(file=os.path.join(shown, one.file)) if one.file else one for one in findings]  # noqa: PTH118

    try:
        graph = _read_folder(folder)
    except TariffGraphError as problem:
        raise type(problem)(placed(problem.findings)) from None
    return dataclasses.replace(graph, findings=tuple(placed(graph.findings)))


def _read_folder(folder: Path) -> ProductionGraph:
    """Return the graph in the folder; findings name the files without it."""
    findings: list[Finding] = []
    errors: list[Finding] = []
    settings = Settings()
    try:
        descriptor = open_inside(folder, "graph.toml")
        if descriptor is not None:
            text = read_text(descriptor, "graph.toml", MOST_BYTES)
            settings = parse_settings(text, "graph.toml", lambda entry: rules_inside(folder, entry))
    except GraphError as problem:
        errors += problem.findings
    tables: dict[str, Found] = {}
    for name, columns in READ_TABLES.items():
        try:
            tables[name] = _read_table(folder, name, columns, findings)
        except GraphError as problem:
            errors += problem.findings
    if errors:
        raise GraphError(errors)
    return build_graph(tables, settings, findings)


def from_frames(
    stages: object,
    inputs: object = None,
    shipments: object = None,
    *,
    title: str = "",
    year: int | None = None,
    currency: str = "",
    notes: str = "",
    sources: Iterable[str] = (),
    regions: Mapping[str, str] | None = None,
    rules: Iterable[str] = (),
    as_of: date | str | None = None,
    negative_value_added: bool = False,
    negative_final_demand: bool = False,
) -> ProductionGraph:
    """Production graph out of tables in memory, with the columns of the files.

    A table is anything that speaks the Arrow PyCapsule interface (polars, pandas, pyarrow, duckdb), a
    mapping of column to values, or a list of rows as mappings; None is a table without rows. The settings
    are those of ``graph.toml``. Messages count rows from 1. Raises GraphError with all problems.
    """
    given = {
        "title": title,
        "year": year,
        "currency": currency,
        "notes": notes,
        "sources": [sources] if isinstance(sources, str) else list(sources),
        "regions": dict(regions or {}),
        "rules": [rules] if isinstance(rules, str) else list(rules),
        "as_of": as_of,
        "negative_value_added": negative_value_added,
        "negative_final_demand": negative_final_demand,
    }
    settings = settings_from(given, lambda _: {})
    frames = {"stages": stages, "inputs": inputs, "shipments": shipments}
    tables = {name: frame_found(as_frame(table, name), name, _row_of(name)) for name, table in frames.items()}
    return build_graph(tables, settings)


def _row_of(label: str) -> Callable[[int], Mapping[str, Any]]:
    return lambda row: {"file": f"{label}, row {row + 1}"}


def frame_found(
    frame: pl.DataFrame,
    name: str,
    place: Callable[[int], Mapping[str, Any]],
    *,
    file: str = "",
    gaps_are_defaults: bool = False,
) -> Found:
    """Return the frame as a table to be checked; one without columns has, without rows, those it must have."""
    if not frame.width:
        required = [column.name for column in READ_TABLES[name] if column.required]
        frame = pl.DataFrame(schema=dict.fromkeys(required, pl.String))
    return Found(
        name=name,
        header=tuple(frame.columns),
        cells=_known_cells(zip(frame.columns, frame.get_columns(), strict=True), READ_TABLES[name]),
        height=frame.height,
        place=place,
        file=file or name,
        gaps_are_defaults=gaps_are_defaults,
    )


def _known_cells(columns: Iterable[tuple[str, pl.Series]], known: tuple[Column, ...]) -> dict[str, pl.Series]:
    """Return the first column of each name that the table knows; the header check reports the others."""
    names = {column.name for column in known}
    cells: dict[str, pl.Series] = {}
    for name, values in columns:
        if name in names or content_kind(name):
            cells.setdefault(name, values)
    return cells


def as_frame(table: Any, name: str) -> pl.DataFrame:
    """Return any table as a polars frame; raise GraphError when it is none."""
    if table is None:
        return pl.DataFrame()
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if hasattr(table, "__arrow_c_stream__"):
        try:
            frame = pl.DataFrame(table)
        except (TypeError, ValueError, pl.exceptions.PolarsError) as problem:
            if not hasattr(table, "notna"):
                message = f"this is not a table: {visible(str(problem), 200)}"
                raise GraphError(Finding(message, "Give columns of text and of numbers.", file=name)) from None
            # A column of pandas with numbers and texts side by side is none of Arrow.
            columns = [(str(key), values.astype(object).where(values.notna(), None)) for key, values in table.items()]
            return _from_columns([(key, values.tolist()) for key, values in columns], name)
        # The index of a pandas frame is no column of the table.
        return frame.drop([one for one in frame.columns if one.startswith("__index_level_")])
    if isinstance(table, list | tuple) and all(hasattr(row, "keys") for row in table):
        names = dict.fromkeys(key for row in table for key in row)
        table = {key: [row.get(key) for row in table] for key in names}
    if hasattr(table, "items"):
        return _from_columns([(str(key), values) for key, values in table.items()], name)
    message = f"a {type(table).__name__} is not a table"
    remedy = "Give a frame (polars, pandas, pyarrow), or a mapping of column to values."
    raise GraphError(Finding(message, remedy, file=name))


def _from_columns(columns: list[tuple[str, Any]], name: str) -> pl.DataFrame:
    cells: dict[str, pl.Series] = {}
    findings: list[Finding] = []
    for key, values in columns:
        shown = visible(key)
        if key in cells:
            findings.append(Finding("the column is there twice", "Keep one of them.", field=shown, file=name))
            continue
        try:
            cells[key] = _series(key, values)
        except (TypeError, ValueError, pl.exceptions.PolarsError):
            message = f"a {type(values).__name__} is not a column of values"
            findings.append(Finding(message, "Give a list of texts or of numbers.", field=shown, file=name))
    if not findings and len({len(values) for values in cells.values()}) > 1:
        lengths = ", ".join(f"{visible(key)} {len(values):,}" for key, values in cells.items())
        message = f"this is not a table: its columns differ in length ({lengths})"
        findings.append(Finding(message, "Give columns of the same length.", file=name))
    if findings:
        raise GraphError(findings)
    return pl.DataFrame(list(cells.values()))


def _series(name: str, values: Any) -> pl.Series:
    try:
        return pl.Series(name, values if isinstance(values, pl.Series) or hasattr(values, "dtype") else list(values))
    except (TypeError, pl.exceptions.PolarsError):
        # Numbers and texts side by side, as in [0.25, "25%"]: as text they can be read one by one.
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)


# --- files --------------------------------------------------------------------------------------------


def _read_table(folder: Path, name: str, columns: tuple[Column, ...], findings: list[Finding]) -> Found:
    csv, parquet = f"{name}.csv", f"{name}.parquet"
    descriptors = {file: open_inside(folder, file) for file in (csv, parquet)}
    there = {file: descriptor for file, descriptor in descriptors.items() if descriptor is not None}
    if len(there) == 2:
        for descriptor in there.values():
            os.close(descriptor)
        message = f"the table is there twice, as {csv} and as {parquet}"
        raise GraphError(Finding(message, "Keep one of them.", file=csv))
    if csv in there:
        return _read_csv(there[csv], csv, name, columns)
    if parquet in there:
        return _read_parquet(there[parquet], parquet, name)
    near = _near_named(folder, name)
    message = f"the table {name} is missing" + (f" (found {visible(near)})" if near else "")
    rename = f"Call it {csv}, or write" if near else "Write"
    if name == "inputs" and not near:
        message = "there is no table of inputs: every stage counts as value added of its own"
        remedy = "Write inputs.csv, with its header only where no stage buys anything."
        findings.append(Finding(message, remedy, severity="warning", check="missing-inputs", file=csv))
        return frame_found(pl.DataFrame(), name, _row_of(csv), file=csv)
    remedy = f"{rename} {csv} or {parquet}"
    if name != "stages":
        remedy += f", with its header only where nothing is {'sold' if name == 'shipments' else 'bought'}"
    raise DatasetError(Finding(message, f"{remedy}.", file=csv))


def _near_named(folder: Path, name: str) -> str | None:
    """Return a file in the folder that was probably meant to be the table: ``input.csv``, ``Inputs.CSV``."""
    tables = {f"{table}.{kind}" for table in READ_TABLES for kind in ("csv", "parquet")}
    for path in sorted(folder.iterdir()):
        stem = path.name.partition(".")[0].casefold()
        if path.name not in tables and path.is_file() and (stem.startswith(name[:-1]) or _alike(stem, name)):
            return path.name
    return None


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= 0.8


def _read_csv(descriptor: int, file: str, name: str, columns: tuple[Column, ...]) -> Found:
    text = read_csv_text(descriptor, file)
    return Found(
        name=name,
        header=text.header,
        cells=_known_cells(zip(text.header, text.columns, strict=True), columns),
        height=len(text.columns[0]),
        place=lambda row: {"file": file, "line": text.line(row)},
        file=file,
        header_line=1,
        findings=text.findings,
    )


def _read_parquet(descriptor: int, file: str, name: str) -> Found:
    with os.fdopen(descriptor, "rb") as opened:
        try:
            frame = pl.read_parquet(opened)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as problem:
            reason = str(problem).splitlines()[0] if str(problem) else "damaged"
            message = f"the file is not readable Parquet ({visible(reason, 120)})"
            raise GraphError(Finding(message, "Write it again, or write CSV.", file=file)) from None
    return frame_found(frame, name, _row_of(file), file=file)
