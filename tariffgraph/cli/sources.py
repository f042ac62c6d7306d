"""What the command line names: graphs and rule sets as paths, and the defaults where nothing is named."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundled import bundled_graph, bundled_graphs, bundled_rule_sets, datasets_folder
from .messages import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..graph.production_graph import ProductionGraph

__all__ = ["DEFAULT_GRAPH", "day", "default_rules", "graph_folder", "is_graph", "read_graph", "rules_paths"]

#: The data set of `tariffgraph propagate` alone, whose rules `tariffgraph assess` falls back on.
DEFAULT_GRAPH = "korea-us-2025"


def graph_folder(graph: str) -> Path:
    """Return where ``graph`` would be read from, there or not: to compare, not to open."""
    return Path(graph) if Path(graph).is_dir() else datasets_folder() / graph


def rules_paths(rules: Iterable[str]) -> list[Path]:
    """Return where ``rules`` would be read from: the paths named, and the bundled folder."""
    named = [Path(one) for one in rules]
    return [path for path in named if path.exists()] + [datasets_folder() / "rules"]


def read_graph(source: str) -> ProductionGraph:
    """Return the graph that ``source`` names; a damaged Parquet file gets our sentence and nothing else."""
    import tariffgraph as tg

    if sys.stderr is None or not any(graph_folder(source).glob("*.parquet")):
        return tg.read_graph(source)
    # The Parquet reader prints a trace of its own to file descriptor 2 before it reports the damage to us.
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        return tg.read_graph(source)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def is_graph(source: str) -> bool:
    """Tell whether ``source`` is a production graph and not rules: a bundled one, or a folder of tables."""
    folder = Path(source)
    if not folder.is_dir():
        return source in bundled_graphs() and source not in bundled_rule_sets()
    names = {path.name for path in folder.iterdir()}
    tables = {f"{table}.{kind}" for table in ("stages", "inputs", "shipments") for kind in ("csv", "parquet")}
    return bool(names & (tables | {"graph.toml"}))


def default_rules() -> tuple[str, ...]:
    """Return the rule sets that the default graph names, for commands without a graph."""
    import tomllib

    with (bundled_graph(DEFAULT_GRAPH) / "graph.toml").open("rb") as file:
        return tuple(tomllib.load(file).get("rules", ()))


def day(asked: date | None, default: date | None = None) -> date:
    """Return the day whose law is asked for; say on stderr when nobody named one and it is today."""
    if asked is not None:
        return asked
    if default is not None:
        return default
    today = date.today()
    say(f"no date given, so today's law: --as-of {today}")
    return today
