"""Values that nobody can change: what public objects are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

__all__ = ["FrozenArray", "FrozenFrame", "FrozenMapping", "FrozenRecord", "read_only"]

Key = TypeVar("Key")
Value = TypeVar("Value", covariant=True)


class FrozenMapping(Mapping[Key, Value]):
    """A read-only, hashable, picklable mapping; equal to any mapping with the same items."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[Key, Value] | Iterable[tuple[Key, Value]] = ()) -> None:
        self._items: dict[Key, Value] = dict(items)

    def __getitem__(self, key: Key) -> Value:
        return self._items[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


class FrozenFrame:
    """A field of a frozen dataclass that holds a frame and gives out copies, which share its memory.

    A polars frame can be changed in place (``frame[0, "share"] = 1``); what a user changes is a copy of their own.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> FrozenFrame: ...
    @overload
    def __get__(self, instance: object, owner: type) -> pl.DataFrame: ...
    def __get__(self, instance: object | None, owner: type) -> FrozenFrame | pl.DataFrame:
        if instance is None:
            raise AttributeError(self._name)  # so that a dataclass sees a field without a default
        frame: pl.DataFrame = instance.__dict__[self._name]
        return frame.clone()

    def __set__(self, instance: object, frame: pl.DataFrame) -> None:
        instance.__dict__[self._name] = frame


class FrozenArray:
    """A field of a frozen dataclass that holds an array and gives out views that cannot be written to."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> FrozenArray: ...
    @overload
    def __get__(self, instance: object, owner: type) -> np.ndarray[Any, Any]: ...
    def __get__(self, instance: object | None, owner: type) -> FrozenArray | np.ndarray[Any, Any]:
        if instance is None:
            raise AttributeError(self._name)
        array: np.ndarray[Any, Any] = instance.__dict__[self._name]
        return read_only(array.view())

    def __set__(self, instance: object, array: np.ndarray[Any, Any]) -> None:
        instance.__dict__[self._name] = array


class FrozenRecord:
    """A field of a frozen dataclass that holds a nested dict ready for JSON and gives out copies."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, instance: None, owner: type) -> FrozenRecord: ...
    @overload
    def __get__(self, instance: object, owner: type) -> dict[str, Any]: ...
    def __get__(self, instance: object | None, owner: type) -> FrozenRecord | dict[str, Any]:
        if instance is None:
            raise AttributeError(self._name)
        record: dict[str, Any] = deepcopy(instance.__dict__[self._name])
        return record

    def __set__(self, instance: object, record: Mapping[str, Any]) -> None:
        instance.__dict__[self._name] = dict(record)


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the array, made read-only."""
    array.setflags(write=False)
    return array
