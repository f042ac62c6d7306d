"""Where the bundled data sets lie, in a wheel and in a checkout, and which names are ours to open."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import DatasetError, Finding, suggestion, visible

__all__ = ["bundled_graph", "bundled_graphs", "bundled_rule_sets", "bundled_rules", "datasets_folder"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def datasets_folder() -> Path:
    """Return the folder of the bundled data: inside the wheel, or beside the package in a checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "_datasets", here.parent / "datasets"):
        if folder.is_dir():
            return folder
    raise DatasetError(
        Finding("the bundled data sets are missing from this installation", "Install tariffgraph again.")
    )


def bundled_graphs() -> tuple[str, ...]:
    """Return the names of the bundled production graphs, sorted."""
    return tuple(
        sorted(
            folder.name
            for folder in datasets_folder().iterdir()
            if folder.is_dir() and any((folder / f"stages.{kind}").is_file() for kind in ("csv", "parquet"))
        )
    )


def bundled_rule_sets() -> tuple[str, ...]:
    """Return the names of the bundled rule sets and overlays, sorted."""
    return tuple(sorted(_rule_paths()))


def bundled_graph(name: str) -> Path:
    """Return the folder of the bundled graph ``name``; raise DatasetError when there is none."""
    graphs = {known: datasets_folder() / known for known in bundled_graphs()}
    if name in _rule_paths() and name not in graphs:
        raise _mistaken(name, "a rule set", "a production graph", "Give it as rules, beside a graph.")
    return _find(name, graphs, "data set")


def bundled_rules(name: str) -> Path:
    """Return the file or folder of the bundled rule set or overlay ``name``; raise DatasetError when there is none."""
    paths = _rule_paths()
    if name in bundled_graphs() and name not in paths:
        raise _mistaken(name, "a production graph", "a rule set", "Give it as the graph.")
    return _find(name, paths, "rule set")


def _rule_paths() -> dict[str, Path]:
    root = datasets_folder() / "rules"
    paths: dict[str, Path] = {}
    for folder in (root, root / "overlays"):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_dir() and path != root / "overlays":
                paths[path.name] = path
            elif path.suffix == ".yaml":
                paths[path.stem] = path
    return paths


def _mistaken(name: str, what: str, wanted: str, remedy: str) -> DatasetError:
    return DatasetError(Finding(f"the bundled '{name}' is {what}, not {wanted}", remedy, value=name))


def _find(name: str, known: dict[str, Path], what: str) -> Path:
    # A name is a name, never a path: '../../x' or '/etc/passwd' must not reach the file system.
    if _NAME.fullmatch(name) and name in known:
        return known[name]
    remedy = suggestion(name, known, f"{what}s")
    raise DatasetError(
        Finding(f"'{visible(name)}' is neither a file or folder nor a bundled {what}", remedy, value=name)
    )
