"""Provenance: which program, which rules, which day a result comes from; every result carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from datetime import date

    from .rules.rules import Rules

__all__ = ["provenance"]


def provenance(rules: Rules, as_of: date, known_on: date | None) -> dict[str, Any]:
    """Return program and version, ids and hashes of the rule sets, and both dates, ready for JSON."""
    return {
        "program": "tariffgraph",
        "version": __version__,
        "rules": [{"id": one.id, "hash": one.hash, "overlays": list(one.overlays)} for one in rules.rule_sets],
        "as_of": as_of.isoformat(),
        "known_on": known_on.isoformat() if known_on is not None else None,
    }
