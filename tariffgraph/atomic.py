"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .errors import Finding, OutputError, visible

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["check_target", "write_atomically"]


def write_atomically(
    path: str | os.PathLike[str], content: bytes | Callable[[BinaryIO], object], *, flushed: bool = True
) -> None:
    """Write ``content`` (bytes, or a function that writes to the open file) to ``path``, whole or not at all.

    The file is written without a name where the system can do that (Linux: O_TMPFILE), so that even a
    killed process leaves nothing; elsewhere under a temporary name beside. It is flushed to the disk
    (unless ``flushed`` is false: then only a crash of the system may leave less) and takes the place of
    the old one. Raises OutputError, and leaves the old file as it was, when anything goes wrong.
    """
    target = check_target(path)
    try:
        _write(target, content, flushed=flushed)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise OutputError(
            Finding(
                f"cannot be written ({reason[:1].lower()}{reason[1:]}); what was there is unchanged",
                "Make room or write elsewhere.",
                file=visible(str(path), 200),
            )
        ) from None


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return the file that ``path`` stands for; raise OutputError when it cannot be written. Touches nothing."""
    given = Path(path)
    shown = visible(str(path), 200)

    def refuse(message: str, remedy: str) -> OutputError:
        return OutputError(Finding(message, remedy, file=shown))

    try:
        # Through a link, so that the link stays and its target is replaced.
        target = given.resolve() if given.is_symlink() else given
        status = _status(target)
        folder = target.parent
        folder_exists = folder.is_dir()
    except (OSError, ValueError, RuntimeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise refuse(f"cannot be written ({reason})", "Give the path of a file.") from None
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise refuse("is a folder, not a file", "Give the path of a file in it.")
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise refuse("is not a regular file", "Give the path of a file.")
    if not folder_exists:
        parent = visible(str(folder), 200)
        if folder.exists():
            raise refuse(f"'{parent}' is a file, not a folder", "Give a path in a folder.")
        raise refuse(f"the folder '{parent}' does not exist", "Make it first, or write elsewhere.")
    if not os.access(folder, os.W_OK):
        raise refuse(f"no permission to write in '{visible(str(folder), 200)}'", "Write elsewhere.")
    return target


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(target: Path, content: bytes | Callable[[BinaryIO], object], *, flushed: bool) -> None:
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    descriptor, named = _open_unnamed(target.parent), False
    if descriptor is None:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        named = True
    try:
        with os.fdopen(descriptor, "wb") as file:
            if callable(content):
                content(file)
            else:
                file.write(content)
            file.flush()
            if target.exists() and hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            if flushed:
                os.fsync(file.fileno())
            if not named:
                _give_name(file.fileno(), beside)
                named = True
        beside.replace(target)
    except BaseException:
        if named:
            with contextlib.suppress(OSError):
                beside.unlink()
        raise
    if flushed:
        _flush_folder(target.parent)


def _open_unnamed(folder: Path) -> int | None:
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag or not Path("/proc/self/fd").is_dir():
        return None
    try:
        return os.open(folder, os.O_WRONLY | flag, 0o666)
    except OSError:
        return None  # a file system that cannot do it


def _give_name(descriptor: int, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Only with a folder descriptor does Python call linkat, which follows the link in /proc.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def _flush_folder(folder: Path) -> None:
    # The rename itself reaches the disk with the folder; not every system lets folders be opened.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
