"""What the command line names: graphs and rule sets as paths, and the defaults where nothing is named."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..bundled import bundled_graph, bundled_graphs, bundled_rule_sets, datasets_folder
from ..errors import DatasetError, Finding, suggestion, visible
from .messages import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..graph.production_graph import ProductionGraph
    from ..rules.rules import Rules

__all__ = [
    "DEFAULT_GRAPH",
    "check_for_unknown",
    "day",
    "default_rules",
    "graph_folder",
    "is_graph",
    "read_graph",
    "read_law",
    "rules_paths",
]

#: The data set of `tariffgraph propagate` alone, whose rules `tariffgraph assess` falls back on.
DEFAULT_GRAPH = "korea-us-2025"


def graph_folder(graph: str) -> Path:
    """Return where ``graph`` would be read from, there or not: to compare, not to open."""
    return Path(graph) if _is_folder(graph) else datasets_folder() / graph


def rules_paths(rules: Iterable[str]) -> list[Path]:
    """Return ``rules`` as paths, whether anything is there or not: to compare, not to open."""
    return [Path(one) for one in rules if one]


def check_for_unknown(source: str) -> None:
    """Raise DatasetError when ``source`` is neither a file or folder nor a bundled graph or rule set."""
    known = {*bundled_graphs(), *bundled_rule_sets()}
    if source not in known and not (source and _is_there(Path(source))):
        message = f"'{visible(source)}' is neither a file or folder nor a bundled graph or rule set"
        raise DatasetError(Finding(message, suggestion(source, known, "graphs and rule sets"), value=source))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a NUL
        return False


def _is_folder(path: str | Path) -> bool:
    return _is_there(Path(path)) and Path(path).is_dir()


def read_graph(source: str) -> ProductionGraph:
    """Return the graph that ``source`` names; a damaged Parquet file gets our sentence and nothing else."""
    import tariffgraph as tg

    if sys.stderr is None or not (_is_folder(graph_folder(source)) and any(graph_folder(source).glob("*.parquet"))):
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
    if not _is_folder(source):
        return source in bundled_graphs() and source not in bundled_rule_sets()
    names = {path.name for path in folder.iterdir()}
    tables = {f"{table}.{kind}" for table in ("stages", "inputs", "shipments") for kind in ("csv", "parquet")}
    return bool(names & (tables | {"graph.toml"}))


def default_rules() -> tuple[str, ...]:
    """Return the rule sets that the default graph names, for commands without a graph."""
    import tomllib

    with (bundled_graph(DEFAULT_GRAPH) / "graph.toml").open("rb") as file:
        return tuple(tomllib.load(file).get("rules", ()))


def read_law(rules: Iterable[str], graph: ProductionGraph | None = None) -> Rules:
    """Return the rules named; where none are, those of the graph, and without a graph the default ones (said)."""
    import tariffgraph as tg

    named = tuple(rules)
    if named:
        return tg.read_rules(*named)
    if graph is None:
        named = default_rules()
        say(f"no rules given, so the bundled {' and '.join(named)}")
        return tg.read_rules(*named)
    from ..problem import rules_for

    law: Rules = rules_for(graph, None)
    return law


def day(asked: date | None, default: date | None = None) -> date:
    """Return the day whose law is asked for; say on stderr when nobody named one and it is today."""
    if asked is not None:
        return asked
    if default is not None:
        return default
    today = date.today()
    say(f"no date given, so today's law: --as-of {today}")
    return today
