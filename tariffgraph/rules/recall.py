"""Bundled rule sets as an earlier run read them: typed already, so that neither YAML nor pydantic is needed again.

They are found by the hash of every file that they are made of and of the program that read them, and kept as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bundled import bundled_rules, datasets_folder
from ..errors import Finding, TariffGraphError, visible
from ..frozen import FrozenMapping
from ..kept import keep, kept, program
from . import measure, origin_rule, rate, relation, rule_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .rule_set import RuleSet

__all__ = ["keep_set", "recalled_set"]

_CLASSES: dict[str, Any] = {
    name: one
    for module in (measure, origin_rule, rate, relation, rule_set)
    for name, one in vars(module).items()
    if is_dataclass(one)
} | {"Finding": Finding}
_TEXT = "rule set"


def recalled_set(source: str | os.PathLike[str]) -> tuple[RuleSet, dict[tuple[str, str], str]] | None:
    """Return the bundled rule set that ``source`` names or leads to, and where its parts were written."""
    text = os.fspath(source)
    with suppress(OSError, ValueError, KeyError, TypeError, TariffGraphError):
        given = bool(text) and Path(text).exists()
        folder = Path(text) if given else bundled_rules(text)
        name = _name(folder, visible(text.rstrip("/") if given else folder.name, 200))
        found = kept(name) if name else None
        if found is not None:
            read, places = json.loads(found[_TEXT].tobytes())
            return _value(read, {}), {(section, key): place for section, key, place in places}
    return None


def keep_set(folder: Path, shown: str, read: RuleSet, places: Mapping[tuple[str, str], str]) -> None:
    """Keep a bundled rule set, read from ``folder``, which messages call ``shown``."""
    with suppress(OSError, TypeError, TariffGraphError):
        name = _name(folder, shown)
        if name and kept(name) is None:  # an overlay has its set read as text each time
            text = json.dumps([_plain(read), [[*key, place] for key, place in places.items()]])
            if _value(json.loads(text)[0], {}) == read:
                keep(name, {_TEXT: np.frombuffer(text.encode(), np.uint8)})


def _name(folder: Path, shown: str) -> str:
    """Return the name under which what is read from a bundled folder is kept; "" for what is not bundled."""
    if not folder.is_dir() or not folder.resolve().is_relative_to(datasets_folder().resolve()):
        return ""
    digest = hashlib.sha256(repr(shown).encode() + program("", "rules"))
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        digest.update(repr((str(file.relative_to(folder)), file.stat().st_size)).encode() + file.read_bytes())
    return f"rule set {digest.hexdigest()}"


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((one.name, one.default) for one in fields(kind))


def _plain(value: Any) -> Any:
    """Return the value as JSON can hold it; raises TypeError for what a rule set is not made of."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if type(value) is tuple:
        return [_plain(one) for one in value]
    if type(value) is date:
        return {"date": value.isoformat()}
    if type(value) is FrozenMapping:
        return {"mapping": [[_plain(key), _plain(one)] for key, one in value.items()]}
    name = type(value).__name__
    if _CLASSES.get(name) is not type(value):
        raise TypeError(name)
    given = ((field, default, getattr(value, field)) for field, default in _fields(_CLASSES[name]))
    return {name: {field: _plain(one) for field, default, one in given if default is MISSING or one != default}}


def _value(plain: Any, mappings: dict[str, Any]) -> Any:
    """Return what ``_plain`` was given. Equal ``mappings`` become one, as where they are read: schedules have many."""
    if isinstance(plain, list):
        return tuple(_value(one, mappings) for one in plain)
    if not isinstance(plain, dict):
        return plain
    ((name, content),) = plain.items()
    if name == "date":
        return date.fromisoformat(content)
    if name == "mapping":
        items = repr(content)
        if items not in mappings:
            mappings[items] = FrozenMapping((_value(key, mappings), _value(one, mappings)) for key, one in content)
        return mappings[items]
    return _CLASSES[name](**{field: _value(one, mappings) for field, one in content.items()})
