"""What must hold between the rows of a graph's tables. Each check yields its findings, with their rows."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ..codes import look_alike_key, strange_characters
from ..errors import Finding, nearest, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from .cells import Found

__all__ = [
    "TOLERANCE",
    "check_for_duplicate_crossing_ids",
    "check_for_duplicate_stages",
    "check_for_look_alike_ids",
    "check_for_missing_units",
    "check_for_sums",
    "check_for_unknown_stages",
    "positions",
    "sums_of_shares",
]

#: By how much value added and input shares may miss 1: tables are rounded.
TOLERANCE = 1e-6

# How many rows a check looks at one by one once something is wrong; only the first twenty findings are shown.
_MOST = 1000
_MOST_SUGGESTIONS = 20
_MOST_CANDIDATES = 5000

# Binary digits after the point of the numbers that shares are cut into, and from one to the next.
_GRIDS = (40, 66, 92)
_STEP = 26


def sums_of_shares(stages: int, user: npt.NDArray[np.int64], share: pl.Series) -> npt.NDArray[np.float64]:
    """Return Σ shares of the inputs of every stage, correctly rounded (so that no order of rows matters).

    ``user``: (inputs,), where the user stands among the stages; inputs of unknown users (−1) count nowhere. A share
    that is null makes the sum of its user NaN.
    """
    shares = share.fill_null(math.nan).to_numpy()
    if len(user) and user.min() < 0:
        user, shares = user[user >= 0], shares[user >= 0]
    # Shares are cut into whole numbers of 2^-40, 2^-66 and 2^-92, whose sums below 2^53 are exact in any order.
    rest = shares
    sums: list[npt.NDArray[np.float64]] = []
    for grid in _GRIDS:
        units = np.floor(rest * 2.0**grid)
        sums.append(np.bincount(user, weights=units, minlength=stages).astype(np.float64))  # of nothing: integers
        rest = rest - units * 2.0**-grid
    of_stage, shorter, shortest = sums
    for finer, coarser in ((shortest, shorter), (shorter, of_stage)):
        carried = np.floor(finer * 2.0**-_STEP)
        coarser += carried
        finer -= carried * 2.0**_STEP
    sums_exact = of_stage * 2.0 ** -_GRIDS[0] + (shorter * 2.0**_STEP + shortest) * 2.0 ** -_GRIDS[2]
    # What does not fit, very small shares and very large sums, is summed one by one.
    odd = np.zeros(stages, np.bool_)
    odd[user[rest != 0.0]] = True
    odd |= ~(of_stage < 2.0**53)
    at = np.flatnonzero(odd[user]) if odd.any() else np.zeros(0, np.int64)
    at = at[np.argsort(user[at], kind="stable")]
    starts = np.flatnonzero(np.diff(user[at], prepend=-1)).tolist()
    for start, end in pairwise([*starts, len(at)]):
        sums_exact[user[at[start]]] = math.fsum(shares[at[start:end]].tolist())
    return sums_exact


def positions(names: pl.Series, among: pl.Series) -> npt.NDArray[np.int64]:
    """Return where each name stands in ``among`` (whose names differ), -1 where it does not."""
    index = pl.DataFrame({"name": among, "at": np.arange(len(among))}).filter(pl.col("name").is_not_null())
    index = index.unique("name", keep="first", maintain_order=True)
    found = pl.DataFrame({"name": names}).join(index, on="name", how="left", maintain_order="left")
    return found["at"].fill_null(-1).to_numpy()


def _where(table: Found, row: int) -> str:
    line = table.place(row).get("line")
    return f"on line {line}" if line is not None else f"in row {row + 1}"


def check_for_duplicate_stages(stages: pl.DataFrame, table: Found) -> Iterator[tuple[int, Finding]]:
    """Two rows for one stage."""
    ids = stages["stage"]
    if ids.is_duplicated().any():
        yield from _duplicates(ids, table, "stage", "Give each stage one row.")


def _duplicates(ids: pl.Series, table: Found, field: str, remedy: str) -> Iterator[tuple[int, Finding]]:
    first: dict[str, int] = {}
    for row, name in enumerate(ids.to_list()):
        if name is not None and first.setdefault(name, row) != row:
            message = f"'{visible(name)}' is already there {_where(table, first[name])}"
            yield row, Finding(message, remedy, field=field, value=visible(name), **table.place(row))


def check_for_duplicate_crossing_ids(
    frames: Mapping[str, pl.DataFrame], tables: Mapping[str, Found]
) -> Iterator[tuple[str, int, Finding]]:
    """An id that two inputs or shipments carry. Ids that are not stated come later and give way."""
    seen: dict[str, tuple[str, int]] = {}
    remedy = "Give each input and shipment an id of its own, or leave the cell empty."
    stated = pl.concat([frames["inputs"]["id"], frames["shipments"]["id"]]).drop_nulls()
    if not stated.is_duplicated().any():
        return
    for name in ("inputs", "shipments"):
        table = tables[name]
        for row, one in enumerate(frames[name]["id"].to_list()):
            if one is None:
                continue
            other, at = seen.setdefault(one, (name, row))
            if (other, at) != (name, row):
                file = "" if other == name else f"in {tables[other].file} "
                message = f"'{visible(one)}' is already there {file}{_where(tables[other], at)}"
                finding = Finding(message, remedy, field="id", value=visible(one), **table.place(row))
                yield name, row, finding


def check_for_look_alike_ids(ids: pl.Series, table: Found) -> Iterator[tuple[int, Finding]]:
    """Ids that a reader cannot tell apart: other scripts, invisible characters, (de)composed letters."""
    stated = ids.drop_nulls()
    if stated.str.len_bytes().sum() == stated.str.len_chars().sum():
        return  # plain ASCII: what looks the same is the same
    foreign = {name: look_alike_key(name) for name in stated.unique().to_list() if not name.isascii()}
    plain = stated.filter(stated.is_in(sorted(set(foreign.values())))).to_list()
    key_of = foreign | {name: name for name in plain if name.isascii()}
    first: dict[str, tuple[str, int]] = {}
    for row, name in enumerate(ids.to_list()):
        if name not in key_of:
            continue
        other, at = first.setdefault(key_of[name], (name, row))
        if other != name:
            strange = strange_characters(name) or strange_characters(other)
            holder = "this one" if strange_characters(name) else "that one"
            message = f"'{visible(name)}' looks like '{visible(other)}' {_where(table, at)} but is another id"
            finding = Finding(
                f"{message} ({holder} holds {strange})",
                "Write the same id in the same characters, or one that looks different.",
                field=ids.name,
                value=visible(name),
                **table.place(row),
            )
            yield row, finding


def check_for_unknown_stages(
    names: pl.Series, places: npt.NDArray[np.int64], stages: pl.Series, table: Found, stages_file: str
) -> Iterator[tuple[int, Finding]]:
    """An input or shipment of a stage that is not in the table of stages; ``places``: where each stands there."""
    unknown = names.is_not_null().to_numpy() & (places < 0)
    remedies: dict[str, str] = {}
    for row in np.flatnonzero(unknown).tolist():
        name = names[row]
        if name not in remedies:
            remedies[name] = (
                _nearest_stage(name, stages) if len(remedies) < _MOST_SUGGESTIONS else f"Add it to {stages_file}."
            )
        message = f"there is no stage '{visible(name)}' in {stages_file}"
        yield row, Finding(message, remedies[name], field=names.name, value=visible(name), **table.place(row))


def _nearest_stage(name: str, stages: pl.Series) -> str:
    key = look_alike_key(name)
    known = stages.drop_nulls()
    if not name.isascii() and (known == key).any():
        return f"Did you mean '{visible(key)}'? This one holds {strange_characters(name)}."
    if len(known) > _MOST_CANDIDATES:
        # Comparing with each of a million names would take minutes: those that begin or end alike will do.
        alike = known.str.starts_with(name[:2]) | known.str.ends_with(name[-2:])
        length = known.str.len_chars().cast(pl.Int64)
        known = known.filter(alike & (length - len(name)).abs().le(2)).head(_MOST_CANDIDATES)
    near = nearest(name, known.to_list())
    return f"Did you mean '{visible(near)}'?" if near else "Add the stage, or write the id of one that is there."


def check_for_missing_units(shipments: pl.DataFrame, table: Found) -> Iterator[tuple[int, Finding]]:
    """A quantity of nobody knows what."""
    bare = shipments["quantity"].is_not_null() & shipments["unit"].is_null()
    for row in np.flatnonzero(bare.to_numpy()).tolist():
        yield (
            row,
            Finding("the quantity has no unit", "Write its unit, as in kg.", field="unit", **table.place(row)),
        )


def check_for_sums(
    frames: Mapping[str, pl.DataFrame],
    sums: npt.NDArray[np.float64],
    tables: Mapping[str, Found],
    *,
    negative_value_added: bool,
) -> Iterator[tuple[int, Finding]]:
    """Value added and input shares that do not sum to 1, negative value added, and stages made of nothing.

    ``sums``: (stages,), Σ shares.
    """
    stages, inputs, table = frames["stages"], frames["inputs"], tables["stages"]
    stated = stages["value_added"].to_numpy()  # NaN where not stated
    added = np.where(np.isnan(stated), 1.0 - sums, stated)
    stated_negative = (stated < 0.0) & (not negative_value_added)
    negative = stated_negative | ((added < -TOLERANCE) & (not negative_value_added))
    # 1e-12: a sum that misses by exactly the tolerance passes, however its floats were rounded.
    off = np.abs(added + sums - 1.0) > TOLERANCE + 1e-12
    nothing = (sums == 0.0) & (np.abs(added) <= TOLERANCE)
    unnamed = stages["stage"].is_null().to_numpy()
    refused = np.flatnonzero((stated_negative | ((negative | off | nothing) & ~np.isnan(sums))) & ~unnamed)
    buyers = _rows_of_users(inputs["user"], stages["stage"].gather(refused[:_MOST]).to_list())
    switch = "set negative_value_added = true in graph.toml where that is meant"
    for row in refused.tolist():
        stage = stages["stage"][row]
        lines = _listed(buyers.get(stage, []), tables["inputs"])
        total, own = sums[row], added[row]
        if negative[row] and math.isnan(stated[row]):
            message = (
                f"the input shares of '{visible(stage)}' add up to {total:.10g}, which leaves a "
                f"value added of {own:.10g} ({lines})"
            )
            remedy = f"Correct the shares, or {switch}."
        elif negative[row]:
            message = f"the value added of '{visible(stage)}' is negative ({own:.10g})"
            remedy = f"Correct it, or {switch}."
        elif nothing[row]:
            message = f"'{visible(stage)}' has no value added and no inputs: its price would be 0"
            remedy = "Give it value added or inputs."
        else:
            message = (
                f"value added and input shares of '{visible(stage)}' add up to {own + total:.10g}, not 1 "
                f"(value added {own:.10g}, inputs {total:.10g}{', ' if lines else ''}{lines})"
            )
            remedy = "Correct them, or leave the column value_added out: it is then the rest."
        yield row, Finding(message, remedy, field="value_added", stage=stage, **table.place(row))


def _rows_of_users(users: pl.Series, names: list[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    if names:
        for row in np.flatnonzero(users.is_in(names).fill_null(False).to_numpy()).tolist():
            rows.setdefault(users[row], []).append(row)
    return rows


def _listed(rows: list[int], table: Found, shown: int = 10) -> str:
    if not rows:
        return ""
    lines = [table.place(row).get("line") for row in rows[:shown]]
    what = "row" if None in lines else "line"
    numbers = [str(row + 1 if line is None else line) for row, line in zip(rows, lines, strict=False)]
    more = f" and {len(rows) - shown} more" if len(rows) > shown else ""
    return f"{table.file} {what}{'s' if len(rows) > 1 else ''} {', '.join(numbers)}{more}"
