"""Small graphs written as rows, and rule sets written as text, for the tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tariffgraph as tg

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2025-07-02"


def _table(rows: list[Any], *names: str) -> list[dict[str, Any]]:
    """Return rows as mappings: values under the names, and what a mapping at the end of a row adds."""
    table = []
    for row in rows:
        more = row[-1] if isinstance(row[-1], dict) else {}
        table.append(dict(zip(names, [one for one in row if not isinstance(one, dict)], strict=True)) | more)
    return table


def graph_of(stages: list[Any], inputs: list[Any], shipments: list[Any]) -> tg.ProductionGraph:
    """Return a graph from rows: (stage, country, product), (supplier, user, share), (stage,); shipped to the USA."""
    return tg.from_frames(
        stages=_table(stages, "stage", "country", "product"),
        inputs=_table(inputs, "supplier", "user", "share"),
        shipments=[{"market": "USA"} | one for one in _table(shipments, "stage")],
    )


def rules_of(folder: Path, text: str) -> tg.Rules:
    """Return the rule set of the United States that ``text`` goes on with."""
    file = folder / "rules.yaml"
    file.write_text("ruleset: r\nimporter: USA\n" + text, encoding="utf-8")
    return tg.read_rules(file)


def statutory(graph: tg.ProductionGraph, rules: tg.Rules) -> dict[str, float]:
    """Return the statutory rate of every shipment by id."""
    result = tg.propagate(graph, rules, as_of=AS_OF)
    return dict(result.shipments.select("id", "statutory_rate").iter_rows())
