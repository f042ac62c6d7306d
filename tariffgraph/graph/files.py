"""Which files of a graph may be opened: regular files inside its folder, nothing else."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from ..bundled import bundled_graph, datasets_folder
from ..errors import DatasetError, Finding, visible

__all__ = ["graph_folder", "open_inside"]

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


def _refused(name: str, message: str, remedy: str) -> DatasetError:
    return DatasetError(Finding(message, remedy, file=name))


def _unreadable(name: str, problem: OSError) -> DatasetError:
    return _refused(name, f"cannot be read ({problem.strerror})", "Make it readable, or put a copy there.")
