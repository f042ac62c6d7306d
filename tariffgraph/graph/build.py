"""From tables as found to a production graph: checked, in canonical order, with ids and hash."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import GraphError
from ..frozen import read_only
from ..tables import INPUTS, READ_TABLES, SHIPMENTS, Column, content_kind
from . import checks
from .cells import Problems, check_header, typed_columns
from .production_graph import ProductionGraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..errors import Finding
    from .cells import Found
    from .settings import Settings

__all__ = ["build_graph", "default_ids"]

Array = np.ndarray[Any, Any]

# The columns of each table that name stages, and those that name the ends of a flow.
_STAGES_OF = {"stages": (), "inputs": ("supplier", "user"), "shipments": ("stage",)}
_PAIR = ("supplier", "user", "stage", "market")


def build_graph(tables: Mapping[str, Found], settings: Settings, findings: Sequence[Finding] = ()) -> ProductionGraph:
    """Return the graph that the tables hold; raise GraphError with every problem in them."""
    problems = Problems()
    frames: dict[str, pl.DataFrame] = {}
    places: dict[str, dict[str, Array]] = {}
    for name, columns in READ_TABLES.items():
        table = tables[name]
        for finding in table.findings:
            problems.add(name, finding)
        check_header(table, columns, problems)
        frames[name] = frame = typed_columns(table, _columns_under(columns, settings), settings.regions, problems)
        places[name] = {one: checks.positions(frame[one], frames["stages"]["stage"]) for one in _STAGES_OF[name]}
        _check_rows(name, frames, places[name], tables, problems)
    sums = checks.sums_of_shares(frames["stages"].height, places["inputs"]["user"], frames["inputs"]["share"])
    _check_sums(frames, places["inputs"]["user"], sums, tables, settings, problems)
    if problems:
        raise GraphError(problems.findings())
    stages, rank = _canonical_stages(frames["stages"], sums)
    inputs, shipments, (supplier, user, seller) = _canonical_flows(frames, places, stages["stage"], rank)
    return ProductionGraph(
        stages=stages,
        inputs=inputs,
        shipments=shipments,
        supplier=supplier,
        user=user,
        seller=seller,
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


def _check_rows(
    name: str,
    frames: Mapping[str, pl.DataFrame],
    places: Mapping[str, Array],
    tables: Mapping[str, Found],
    problems: Problems,
) -> None:
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
        for field, at in places.items():
            add(checks.check_for_unknown_stages(frame[field], at, stages, table, tables["stages"].file))


def _check_sums(
    frames: Mapping[str, pl.DataFrame],
    user: Array,
    sums: Array,
    tables: Mapping[str, Found],
    settings: Settings,
    problems: Problems,
) -> None:
    stages, inputs = frames["stages"], frames["inputs"]
    readable = (
        not tables["stages"].findings
        and not tables["inputs"].findings
        and not inputs["user"].has_nulls()
        and {"supplier", "user", "share"} <= {*tables["inputs"].cells}
        and not stages["stage"].is_duplicated().any()
        and bool((user >= 0).all())
    )
    if readable:
        switch = settings.negative_value_added
        for row, finding in checks.check_for_sums(frames, sums, tables, negative_value_added=switch):
            problems.add("stages", finding, row)


# --- canonical form -----------------------------------------------------------------------------------


def _canonical_stages(stages: pl.DataFrame, sums: Array) -> tuple[pl.DataFrame, Array]:
    """Return the stages by id, and the place there of each row; ``sums``: (stages,), Σ shares.

    What is not said is the country, and value added 1 − Σ shares.
    """
    stages = stages.with_columns(
        pl.Series("value_added", 1.0 - sums),
        pl.col("nationality").fill_null(pl.col("country")),
        pl.col("origin").fill_null(pl.col("country")),
    )
    order = stages["stage"].arg_sort().to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return stages[order], rank


def _canonical_flows(
    frames: Mapping[str, pl.DataFrame], places: Mapping[str, Mapping[str, Array]], stages: pl.Series, rank: Array
) -> tuple[pl.DataFrame, pl.DataFrame, list[Array]]:
    """Return inputs and shipments, each row with an id of its own, and the places of suppliers, users and sellers.

    ``places``: of the stages as found; ``rank``: where those stand in canonical order.
    """
    inputs, shipments = (_without_empty_contents(frames[name]) for name in ("inputs", "shipments"))
    supplier, user = (rank[places["inputs"][name]] for name in ("supplier", "user"))
    markets = shipments["market"].unique().sort()
    inputs, pair = _sorted(inputs, INPUTS, supplier * len(stages) + user)
    of_pair = rank[places["shipments"]["stage"]] * len(markets) + checks.positions(shipments["market"], markets)
    shipments, of_pair = _sorted(shipments, SHIPMENTS, of_pair)
    input_ids, shipment_ids = default_ids(inputs, shipments, stages)
    # Rows that are alike but for the id: a graph that is written and read again must order them the same way.
    inputs, _ = _sorted(inputs.with_columns(input_ids), INPUTS, pair)
    order = shipment_ids.arg_sort()
    shipments = shipments.with_columns(shipment_ids)[order]
    supplier = pair // max(1, len(stages))
    user = pair - supplier * len(stages)
    seller = (of_pair // max(1, len(markets)))[order.to_numpy()]
    return inputs, shipments, [read_only(one.astype(np.uint32)) for one in (supplier, user, seller)]


def _without_empty_contents(frame: pl.DataFrame) -> pl.DataFrame:
    empty = [name for name in frame.columns if content_kind(name) and frame[name].null_count() == frame.height]
    return frame.drop(empty)


def _sorted(frame: pl.DataFrame, columns: tuple[Column, ...], pair: Array) -> tuple[pl.DataFrame, Array]:
    """Return the rows by the number of their pair of names, and the numbers so.

    Rows of one pair go by the other columns in their order; empty cells first, the id last.
    """
    order = _order(pair)
    if order is not None:
        frame, pair = _reordered(frame, order), pair[order]
    same = pair[1:] == pair[:-1]
    twins = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if not len(twins):
        return frame, pair
    contents = sorted(name for name in frame.columns if content_kind(name))
    names = [column.name for column in columns if column.name not in {*_PAIR, "id"}]
    alike = frame[twins].with_columns(pl.Series("pair", pair[twins]), pl.Series("at", twins))
    sorted_twins = alike.sort(["pair", *names, *contents, "id"])["at"].to_numpy()
    if (sorted_twins == twins).all():
        return frame, pair
    order = np.arange(len(frame))
    order[twins] = sorted_twins
    return _reordered(frame, order), pair


def _order(numbers: Array) -> Array | None:
    """Return the order of whole numbers from 0, equal ones as they come; None where they are in order."""
    if (numbers[1:] >= numbers[:-1]).all():
        return None
    bits = len(numbers).bit_length()
    if int(numbers.max()).bit_length() + bits > 64:
        return np.argsort(numbers, kind="stable")
    # Numbers that carry their place sort many times faster than places by their numbers.
    packed = numbers.astype(np.uint64) << np.uint64(bits) | np.arange(len(numbers), dtype=np.uint64)
    packed.sort()
    return (packed & np.uint64((1 << bits) - 1)).astype(np.int64)


def _reordered(frame: pl.DataFrame, order: Array) -> pl.DataFrame:
    """Return the rows in an order; columns that say the same in all rows stay as they are."""
    at = pl.Series(order, dtype=pl.UInt32)
    return frame.with_columns(cells.gather(at) for cells in frame.get_columns() if not _says_one_thing(cells))


def _says_one_thing(cells: pl.Series) -> bool:
    if cells.null_count():
        return cells.null_count() == len(cells)
    return cells.dtype == pl.Float64 and cells.min() == cells.max()


def _twins(frame: pl.DataFrame, keys: tuple[str, str]) -> pl.Series:
    """Tell for each row whether the next one has the same keys."""
    first, second = frame[keys[0]], frame[keys[1]]
    return ((first == first.shift(-1)) & (second == second.shift(-1))).fill_null(False)


def default_ids(inputs: pl.DataFrame, shipments: pl.DataFrame, stages: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the ids of inputs and shipments: as stated, else ``supplier->user``, then ``#2``, ``#3``.

    Both tables are sorted by supplier and user, or stage and market; ``stages``: the ids of all stages.
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
    if _cannot_meet(inputs["id"], shipments, stages) or not pl.concat(ids).is_duplicated().any():
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


def _cannot_meet(stated: pl.Series, shipments: pl.DataFrame, stages: pl.Series) -> bool:
    """Tell whether nothing in the names could make two default ids alike, or one like an id that is stated."""
    markets = shipments["market"].unique()
    return not (
        markets.is_in(stages.implode()).any()
        or pl.concat([stages, markets]).str.contains("->|#").any()
        or pl.concat([stated, shipments["id"]]).str.contains("->", literal=True).any()
    )


# --- hash ---------------------------------------------------------------------------------------------


def _hash(stages: pl.DataFrame, inputs: pl.DataFrame, shipments: pl.DataFrame, settings: Settings) -> str:
    """Return the SHA-256 of what the graph holds: tables in canonical order, regions and switches.

    Column by column: name, number of rows, which cells are empty, then the numbers as IEEE 754 doubles
    (little endian) or the lengths and the UTF-8 of the texts. Neither file format nor order of rows nor
    version of a library shows in it.
    """
    digest = hashlib.sha256(b"tariffgraph production graph 1\n")

    def add(data: bytes | memoryview) -> None:
        digest.update(struct.pack("<Q", memoryview(data).nbytes))
        digest.update(data)

    for name, frame in (("stages", stages), ("inputs", inputs), ("shipments", shipments)):
        add(f"{name} {frame.height} {frame.width}".encode())
        for cells in frame.get_columns():
            add(cells.name.encode())
            add(np.packbits(cells.is_null().to_numpy()).data)
            if cells.dtype == pl.Float64:
                add(np.ascontiguousarray(cells.fill_null(0.0).to_numpy(), "<f8").data)
            elif cells.null_count() == len(cells):
                add(bytes(8 * len(cells)))
                add(b"")
            else:
                texts = cells.fill_null("")
                add(texts.str.len_bytes().to_numpy().astype("<u8").data)
                add(texts.str.join("").item().encode())
    for code, region in sorted(settings.regions.items()):
        add(code.encode())
        add(region.encode())
    add(bytes([settings.negative_value_added, settings.negative_final_demand]))
    return digest.hexdigest()
