"""The hash of a rule set: the same law has the same hash, wherever and in whatever order it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .rule_set import RuleSet

__all__ = ["canonical", "fingerprint"]

#: where something was read is not what it says; the hash is no part of itself
_NO_PART = {"where", "hash", "overlays", "findings"}


def fingerprint(rule_set: RuleSet) -> str:
    """Return the sha-256 of the canonical form: measures, relations and list lines sorted, rows in their order."""
    form = canonical(rule_set)
    for name in ("measures", "relations"):
        if name in form:
            form[name] = sorted(form[name], key=_text)
    for name, lines in form.get("lists", {}).items():
        form["lists"][name] = sorted(lines, key=_text)
    return hashlib.sha256(_text(form).encode()).hexdigest()


def _text(form: object) -> str:
    return json.dumps(form, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=64)
def _fields(kind: Any) -> tuple[tuple[str, Any], ...]:
    # Fields at their default are left out: a field that a later version adds does not change old hashes.
    found = []
    for field in fields(kind):
        default = field.default
        if default is MISSING and field.default_factory is not MISSING:
            default = field.default_factory()
        if field.name not in _NO_PART:
            found.append((field.name, default))
    return tuple(found)


def canonical(value: Any) -> Any:
    """Return the value as plain data that JSON can hold, without places and defaults."""
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, (tuple, list)):
        # Names and products in a list stand for a set: their order says nothing.
        return sorted(value) if value and isinstance(value[0], str) else [canonical(one) for one in value]
    if isinstance(value, Mapping):
        return {key: canonical(one) for key, one in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if is_dataclass(value):
        form = {"": type(value).__name__}
        for name, default in _fields(value.__class__):
            one = getattr(value, name)
            if default is MISSING or one != default:
                form[name] = canonical(one)
        return form
    return repr(value)
