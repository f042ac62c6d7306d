"""Which files of a graph may be opened: regular files inside its folder, nothing else."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path, PureWindowsPath

from ..bundled import bundled_graph, bundled_rule_sets, datasets_folder
from ..codes import CodeProblem
from ..errors import DatasetError, Finding, suggestion, visible

__all__ = ["graph_folder", "open_inside", "rules_inside"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def graph_folder(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the folder of a graph: the one given where it exists, else the bundled graph of that name."""
    text = os.fspath(path_or_name)
    shown = visible(text, 200)
    if _URL.match(text):
        raise DatasetError(Finding(f"'{shown}' is a URL; nothing is fetched", "Download the folder and give its path."))
    try:
        mode = Path(text).stat().st_mode if text else None
    except (OSError, ValueError):
        mode = None
    if mode is not None and stat.S_ISDIR(mode):
        return Path(text)
    if mode is not None:
        what = "a file" if stat.S_ISREG(mode) else "not a regular file or folder"
        raise DatasetError(Finding(f"'{shown}' is {what}; a graph is a folder of tables", "Give the folder."))
    if isinstance(path_or_name, os.PathLike):
        raise DatasetError(Finding(f"there is no folder '{shown}'", "Give a folder that exists."))
    folder = bundled_graph(text)
    if not folder.resolve().is_relative_to(datasets_folder().resolve()):
        raise DatasetError(Finding(f"'{shown}' leads out of the bundled data sets", "Install tariffgraph again."))
    return folder


def open_inside(folder: Path, name: str) -> int | None:
    """Return a descriptor of the regular file ``name`` in ``folder``, or None when there is none.

    A link may lead to another file of the folder but not out of it; folders, pipes and devices are never
    opened.
    """
    path = folder / name
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise _unreadable(name, problem) from None
    if stat.S_ISLNK(status.st_mode):
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise _refused(name, "is a link that leads nowhere", "Put the file itself there.") from None
        if not target.is_relative_to(folder.resolve()):
            raise _refused(name, "is a link that leads out of the folder", "Put the file itself there.")
        path, status = target, target.stat()
    if not stat.S_ISREG(status.st_mode):
        raise _refused(name, "is not a regular file", "Put a file there.")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise _unreadable(name, problem) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # swapped between the two looks
        os.close(descriptor)
        raise _refused(name, "is not a regular file", "Put a file there.")
    return descriptor


def rules_inside(folder: Path, entry: str) -> str:
    """Return the rule set that ``entry`` of a graph's rules names: a bundled name, or the path of one in its folder.

    Bundled names go first, so that no file elsewhere takes their place. Raises CodeProblem.
    """
    if entry in bundled_rule_sets():
        return entry
    shown = visible(entry)
    remedy = "Name a bundled rule set, or a file or folder in the graph's own folder."
    if PureWindowsPath(entry).anchor:
        raise CodeProblem(f"'{shown}' is not a path within the graph's folder", remedy)
    path = folder.absolute() / entry
    mode = None
    try:
        target = path.resolve()
        if not target.is_relative_to(folder.resolve()):
            raise CodeProblem(f"'{shown}' leads out of the graph's folder", remedy)
        mode = target.stat().st_mode if entry.strip() else None
    except (OSError, RuntimeError):
        pass
    if mode is None:
        known = [*bundled_rule_sets(), *(one.name for one in folder.iterdir() if one.suffix in {".yaml", ".yml"})]
        message = f"'{shown}' is neither a bundled rule set nor a file or folder beside graph.toml"
        raise CodeProblem(message, suggestion(entry, known, "rule sets"))
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise CodeProblem(f"'{shown}' is not a regular file or folder", remedy)
    return str(path)


def _refused(name: str, message: str, remedy: str) -> DatasetError:
    return DatasetError(Finding(message, remedy, file=name))


def _unreadable(name: str, problem: OSError) -> DatasetError:
    return _refused(name, f"cannot be read ({problem.strerror})", "Make it readable, or put a copy there.")
