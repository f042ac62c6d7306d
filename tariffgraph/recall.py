"""What preparing a large problem computes, recalled from an earlier run where graph and law are the same.

It is taken apart into arrays, kept (:mod:`.kept`) and put together again, the same bits. It is found by the hash of all
that it follows from: the graph, the law and its day, and the program that computed it.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl

from .customs.credit import Charge
from .errors import Finding
from .kept import keep, kept, program
from .rules.measure import Reach

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .graph.production_graph import ProductionGraph

Array = np.ndarray[Any, Any]
Made = TypeVar("Made")
Part = TypeVar("Part")

__all__ = ["Recalled", "recalled"]

#: Inputs from which what is computed is kept: with fewer that takes some tenths of a second, with more also the import
#: of numba. To map it back takes a hundredth.
KEPT_FROM = 300_000

# Where the code stands that decides what is computed.
_ROOMS = ("", "core", "customs", "graph", "rules")
# Fields that whoever puts a part together has at hand, and is not to find in a file.
_AT_HAND = {"graph", "borders", "earning"}
# What the members of a field are.
_MEMBERS: Mapping[str, Callable[[Any], Any]] = {
    "findings": lambda found: Finding(**found),
    "reaches": lambda found: Reach(**found),
    "charges": lambda found: Charge(**found),
    "cycles": tuple,
}
_PLAIN = "plain values"


def recalled(
    kind: str,
    graph: ProductionGraph,
    facts: tuple[object, ...],
    compute: Callable[[], Made],
    apart: Callable[[Made], Mapping[str, Any]],
    together: Callable[[Recalled], Made],
) -> Made:
    """Return what ``compute`` gives, put together from what was kept if there is some; small graphs keep nothing.

    ``facts``: all that it follows from besides the graph, in values whose ``repr`` tells everything. ``apart``: the
    arrays and dataclasses that it is made of, by name.
    """
    if len(graph.supplier) < KEPT_FROM or not graph.hash:
        return compute()
    key = hashlib.sha256(repr((graph.hash, facts, pl.__version__)).encode() + program(*_ROOMS))
    name = f"{kind} {key.hexdigest()}"
    found = kept(name)
    if found is not None:
        return together(Recalled(found))
    made = compute()
    keep(name, _taken_apart(apart(made)))
    return made


class Recalled:
    """What was kept: arrays, and dataclasses made of them."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays
        self._plain = json.loads(arrays[_PLAIN].tobytes())

    def array(self, name: str) -> Array:
        """Return an array."""
        return self._arrays[name]

    def part(self, name: str, kind: Callable[..., Part], **at_hand: Any) -> Part:
        """Return a dataclass of that kind; ``at_hand``: its fields that are not kept."""
        values: dict[str, Any] = {}
        for field, value in self._plain[name].items():
            values[field] = tuple(map(_MEMBERS[field], value)) if field in _MEMBERS else value
        for key, array in self._arrays.items():
            owner, _, place = key.partition(".")
            field, _, form = place.partition(":")
            if field and owner == name:
                values[field] = _OF_FORM[form](array)
        return kind(**values, **at_hand)


def _taken_apart(parts: Mapping[str, Any]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    plain: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        if isinstance(part, np.ndarray):
            arrays[name] = part
            continue
        plain[name] = {}
        for field in (one.name for one in fields(part) if one.name not in _AT_HAND):
            value = getattr(part, field)
            if isinstance(value, np.ndarray):
                arrays[f"{name}.{field}"] = value
            elif isinstance(value, pl.DataFrame):
                arrays[f"{name}.{field}:table"] = _written(value)
            elif isinstance(value, pl.Series):
                arrays[f"{name}.{field}:column"] = _written(value.to_frame())
            else:
                plain[name][field] = value
    text = json.dumps(plain, default=asdict).encode()
    return {**arrays, _PLAIN: np.frombuffer(text, np.uint8)}


def _written(table: pl.DataFrame) -> Array:
    written = io.BytesIO()
    table.write_ipc(written)
    return np.frombuffer(written.getbuffer(), np.uint8)


def _read(array: Array) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(array.data))


_OF_FORM: Mapping[str, Callable[[Array], Any]] = {
    "": lambda array: array,
    "table": _read,
    "column": lambda array: _read(array).to_series(),
}
