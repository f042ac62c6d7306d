"""From tables as found to a production graph: checked, in canonical order, with ids and hash."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..errors import GraphError
from ..tables import INPUTS, READ_TABLES, SHIPMENTS, Column, content_kind
from . import checks
from .cells import Problems, check_header, typed_columns
from .production_graph import ProductionGraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from ..errors import Finding
    from .cells import Found
    from .settings import Settings

__all__ = ["build_graph", "default_ids"]


def build_graph(tables: Mapping[str, Found], settings: Settings, findings: Sequence[Finding] = ()) -> ProductionGraph:
    """Return the graph that the tables hold; raise GraphError with every problem in them."""
    problems = Problems()
    frames: dict[str, pl.DataFrame] = {}
    for name, columns in READ_TABLES.items():
        table = tables[name]
        for finding in table.findings:
            problems.add(name, finding)
        check_header(table, columns, problems)
        frames[name] = typed_columns(table, _columns_under(columns, settings), settings.regions, problems)
        _check_rows(name, frames, tables, problems)
    _check_sums(frames, tables, settings, problems)
    if problems:
        raise GraphError(problems.findings())
    stages = _canonical_stages(frames["stages"], frames["inputs"])
    inputs, shipments = _with_ids(frames["inputs"], frames["shipments"])
    return ProductionGraph(
        stages=stages,
        inputs=inputs,
        shipments=shipments,
        title=settings.title,
        year=settings.year,
        currency=settings.currency,
        notes=settings.notes,
        sources=settings.sources,
        regions=settings.regions,
        default_rules=settings.rules,
        default_as_of=settings.as_of,
        negative_value_added=settings.negative_value_added,
        negative_final_demand=settings.negative_final_demand,
        findings=tuple(findings),
        hash=_hash(stages, inputs, shipments, settings),
    )


def _columns_under(columns: tuple[Column, ...], settings: Settings) -> list[Column]:
    """Return the columns with the bounds that the switches of graph.toml lift taken off."""
    lifted = list(columns)
    for position, column in enumerate(columns):
        if settings.negative_value_added and column.name == "share":
            lifted[position] = replace(column, most=None)
        if settings.negative_final_demand and column.name in {"value", "quantity"}:
            lifted[position] = replace(column, least=None)
    return lifted


def _check_rows(name: str, frames: Mapping[str, pl.DataFrame], tables: Mapping[str, Found], problems: Problems) -> None:
    frame, table = frames[name], tables[name]
    stages = frames["stages"]["stage"]

    def add(found: Iterable[tuple[int, Finding]]) -> None:
        for row, finding in found:
            problems.add(name, finding, row)

    if name == "stages":
        add(checks.check_for_duplicate_stages(frame, table))
        add(checks.check_for_look_alike_ids(stages, table))
        return
    add(checks.check_for_look_alike_ids(frame["id"], table))
    if name == "shipments":
        add(checks.check_for_missing_units(frame, table))
        for holder, row, finding in checks.check_for_duplicate_crossing_ids(frames, tables):
            problems.add(holder, finding, row)
    # Stages that could not be read would all be unknown.
    if not tables["stages"].findings and not stages.has_nulls() and "stage" in tables["stages"].cells:
        for field in ("supplier", "user") if name == "inputs" else ("stage",):
            add(checks.check_for_unknown_stages(frame[field], stages, table, tables["stages"].file))


def _check_sums(
    frames: Mapping[str, pl.DataFrame], tables: Mapping[str, Found], settings: Settings, problems: Problems
) -> None:
    stages, inputs = frames["stages"], frames["inputs"]
    readable = (
        not tables["stages"].findings
        and not tables["inputs"].findings
        and not inputs["user"].has_nulls()
        and {"supplier", "user", "share"} <= {*tables["inputs"].cells}
        and not stages["stage"].is_duplicated().any()
        and bool((checks.positions(inputs["user"], stages["stage"]) >= 0).all())
    )
    if readable:
        switch = settings.negative_value_added
        for row, finding in checks.check_for_sums(frames, tables, negative_value_added=switch):
            problems.add("stages", finding, row)


# --- canonical form -----------------------------------------------------------------------------------


def _canonical_stages(stages: pl.DataFrame, inputs: pl.DataFrame) -> pl.DataFrame:
    """Return the stages by id, with the country for what is not said and 1 − Σ shares for value added."""
    added = 1.0 - checks.sums_of_shares(stages["stage"], inputs)
    return stages.with_columns(
        pl.Series("value_added", added),
        pl.col("nationality").fill_null(pl.col("country")),
        pl.col("origin").fill_null(pl.col("country")),
    ).sort("stage")


def _with_ids(inputs: pl.DataFrame, shipments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return inputs and shipments in canonical order, each row with an id of its own."""
    inputs = _without_empty_contents(_sorted(inputs, INPUTS, ("supplier", "user")))
    shipments = _without_empty_contents(_sorted(shipments, SHIPMENTS, ("stage", "market")))
    input_ids, shipment_ids = default_ids(inputs, shipments)
    inputs, shipments = inputs.with_columns(input_ids), shipments.with_columns(shipment_ids)
    # Rows that are alike but for the id: a graph that is written and read again must order them the same way.
    return _sorted(inputs, INPUTS, ("supplier", "user")), shipments.sort("id")


def _without_empty_contents(frame: pl.DataFrame) -> pl.DataFrame:
    empty = [name for name in frame.columns if content_kind(name) and frame[name].null_count() == frame.height]
    return frame.drop(empty)


def _sorted(frame: pl.DataFrame, columns: tuple[Column, ...], keys: tuple[str, str]) -> pl.DataFrame:
    """Return the rows by the keys, then by the other columns in their order; empty cells first, the id last."""
    # Numbers sort many times faster than texts: the names are sorted once each, and the rows by their ranks.
    first, second = (_ranks(frame[key]) for key in keys)
    pair = first * (int(second.max(initial=0)) + 1) + second
    order = np.argsort(pair, kind="stable")
    frame, pair = frame[order], pair[order]
    same = pair[1:] == pair[:-1]
    twins = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if not len(twins):
        return frame
    names = [column.name for column in columns if column.name not in {*keys, "id"}]
    contents = sorted(name for name in frame.columns if content_kind(name))
    alike = frame[twins].with_columns(pl.Series("pair", pair[twins]), pl.Series("at", twins))
    order = np.arange(len(frame))
    order[twins] = alike.sort(["pair", *names, *contents, "id"])["at"].to_numpy()
    return frame[order]


def _ranks(names: pl.Series) -> npt.NDArray[np.int64]:
    return checks.positions(names, names.unique().sort())


def _twins(frame: pl.DataFrame, keys: tuple[str, str]) -> pl.Series:
    """Tell for each row whether the next one has the same keys."""
    first, second = frame[keys[0]], frame[keys[1]]
    return ((first == first.shift(-1)) & (second == second.shift(-1))).fill_null(False)


def default_ids(inputs: pl.DataFrame, shipments: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return the ids of inputs and shipments: as stated, else ``supplier->user``, then ``#2``, ``#3``.

    Both tables are sorted by supplier and user, or stage and market.
    """

    def numbered(frame: pl.DataFrame, source: str, target: str) -> pl.Series:
        unnamed = np.cumsum(frame["id"].is_null().to_numpy())
        again = ~_twins(frame, (source, target)).to_numpy()[:-1]
        starts = np.flatnonzero(np.append(True, again))[: frame.height]  # the first row of every pair
        before = np.append(0, unnamed)[starts]
        number = unnamed - np.repeat(before, np.diff(np.append(starts, frame.height)))
        name = pl.concat_str(source, pl.lit("->"), target)
        nth = pl.Series(number)
        counted = pl.when(nth == 1).then(name).otherwise(pl.concat_str(name, pl.lit("#"), nth))
        return frame.select(pl.coalesce("id", counted).alias("id")).to_series()

    ids = numbered(inputs, "supplier", "user"), numbered(shipments, "stage", "market")
    if not pl.concat(ids).is_duplicated().any():
        return ids
    # Stages with '->' or '#' in their ids, or ids stated that look like defaults: defaults give way.
    taken = {*inputs["id"].drop_nulls(), *shipments["id"].drop_nulls()}
    found: list[pl.Series] = []
    for frame, source, target in ((inputs, "supplier", "user"), (shipments, "stage", "market")):
        names: list[str] = []
        counts: dict[str, int] = {}
        for stated, one, other in frame.select("id", source, target).iter_rows():
            name = stated
            while name is None or (stated is None and name in taken):
                pair = f"{one}->{other}"
                counts[pair] = counts.get(pair, 0) + 1
                name = pair if counts[pair] == 1 else f"{pair}#{counts[pair]}"
            taken.add(name)
            names.append(name)
        found.append(pl.Series("id", names, dtype=pl.String))
    return found[0], found[1]


# --- hash ---------------------------------------------------------------------------------------------


def _hash(stages: pl.DataFrame, inputs: pl.DataFrame, shipments: pl.DataFrame, settings: Settings) -> str:
    """Return the SHA-256 of what the graph holds: tables in canonical order, regions and switches.

    Column by column: name, number of rows, which cells are empty, then the numbers as IEEE 754 doubles
    (little endian) or the lengths and the UTF-8 of the texts. Neither file format nor order of rows nor
    version of a library shows in it.
    """
    digest = hashlib.sha256(b"tariffgraph production graph 1\n")

    def add(data: bytes) -> None:
        digest.update(struct.pack("<Q", len(data)))
        digest.update(data)

    for name, frame in (("stages", stages), ("inputs", inputs), ("shipments", shipments)):
        add(f"{name} {frame.height} {frame.width}".encode())
        for cells in frame.get_columns():
            add(cells.name.encode())
            add(np.packbits(cells.is_null().to_numpy()).tobytes())
            if cells.dtype == pl.Float64:
                add(cells.fill_null(0.0).to_numpy().astype("<f8").tobytes())
            else:
                texts = cells.fill_null("")
                add(texts.str.len_bytes().to_numpy().astype("<u8").tobytes())
                add((texts.str.join("").item() if len(texts) else "").encode())
    for code, region in sorted(settings.regions.items()):
        add(code.encode())
        add(region.encode())
    add(bytes([settings.negative_value_added, settings.negative_final_demand]))
    return digest.hexdigest()
