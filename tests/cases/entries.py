"""The worked entries of this folder: rule cases as data, each with its source.

A case is a line of JSON: id, as_of, known_on, entry (the fields of ``Entry``), lists (lines that the entry's product
takes on bundled lists), overlays, expected (duty by action, zeros left out; or "refused", where nothing is admitted),
total, source.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import tariffgraph as tg

FOLDER = Path(__file__).parent


def cases(*names: str) -> list[dict[str, Any]]:
    """Return the cases of these files, or of all that are about the bundled rules without overlays."""
    files = [FOLDER / f"{name}.jsonl" for name in names] or sorted(FOLDER.glob("us-2025*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines() if line]


@cache
def _rules(*names: str) -> tg.Rules:
    return tg.read_rules(*names)


def rules_of(case: dict[str, Any], rules: tg.Rules | None = None) -> tg.Rules:
    """Return the rules under which a case is assessed: with its overlays, and with its lines on the lists."""
    book = rules or _rules("us-2025", *case.get("overlays", ()))
    return book.extend_lists(case["lists"]) if case["lists"] else book


def assess(case: dict[str, Any], rules: tg.Rules | None = None) -> tg.Duty:
    """Return what the entry of a case owes."""
    entry = tg.Entry(**case["entry"])
    return tg.assess(rules_of(case, rules), entry, as_of=case["as_of"], known_on=case.get("known_on"))


def charged(duty: tg.Duty) -> dict[str, float]:
    """Return the duty by action, to a millionth of a cent, zeros left out."""
    return {row["action"]: round(row["duty"], 6) for row in duty.by("action").iter_rows(named=True) if row["duty"]}
