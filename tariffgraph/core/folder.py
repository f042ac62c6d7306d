"""The folder for what is kept between runs: compiled code, prepared problems."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_folder", "own_folder"]


def cache_folder() -> Path:
    """Return the folder for what is kept between runs: ``TARIFFGRAPH_CACHE``, else the system's place for caches."""
    if chosen := os.environ.get("TARIFFGRAPH_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tariffgraph"


def own_folder(name: str) -> Path | None:
    """Return a folder in the cache folder, made where it is missing; None where others could write into it.

    What lies there is run, or read by code that does not check every number.
    """
    try:
        folder = cache_folder() / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None
    if hasattr(os, "getuid") and (about.st_uid != os.getuid() or about.st_mode & 0o022):
        return None
    return folder
