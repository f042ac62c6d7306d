"""Arrays kept on disk between runs, in the user's own folder for caches (``TARIFFGRAPH_CACHE``, else the usual place).

A file is written whole or not at all, mapped back read-only, and checked before it is used. What is wrong with it, a
folder that others can write into, a disk that is nearly full: all that costs the work of making the arrays again.
``TARIFFGRAPH_KEEP`` says how many gigabytes may be taken; with 0 nothing is kept, and nothing that was is used.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import stat
import struct
import sys
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._version import __version__
from .atomic import write_atomically
from .core.folder import own_folder
from .errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

Array = np.ndarray[Any, Any]

__all__ = ["keep", "kept", "program"]

#: To be raised when files are laid out in another way, or hold something else under the same name.
FORMAT = 1
#: Gigabytes that all files together may take: a dozen graphs of ten million inputs with a law each. Beyond, those used
#: last stay.
GIGABYTES = 4.0
#: Part of the disk that is left free.
LEFT_FREE = 0.05

_MAGIC = b"tariffgraph arrays\n"
_HEAD = struct.Struct("<QI")  # length of the header and its checksum
_ALIGNED = 64
# Bytes under one sum: a page, the piece in which disks and systems lose or mix up data.
_BLOCK = 4096


def kept(name: str) -> dict[str, Array] | None:
    """Return the arrays kept under a name, read-only and mapped from the disk; None where there are none to be used."""
    try:
        path = _path(name)
        if path is None:
            return None
        with _opened(path) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        arrays = _arrays(mapped, name)
        with suppress(OSError):
            os.utime(path)  # used last
        return arrays
    except Exception:  # noqa: BLE001 - whatever is wrong with a kept file, making the arrays again mends it
        return None


def keep(name: str, arrays: Mapping[str, Array]) -> None:
    """Keep arrays under a name, where that can be done."""
    path = _path(name)
    if path is None:
        return
    parts = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    header = _header(name, parts)

    def write(file: BinaryIO) -> None:
        file.write(header)
        for part in parts.values():
            file.write(bytes(-file.tell() % _ALIGNED))
            file.write(_bytes_of(part))

    size = len(header) + sum(part.nbytes + _ALIGNED for part in parts.values())
    with suppress(OutputError, OSError):
        if _room_made(path, size):
            # What a crash may leave unwritten the checksums give away: nobody waits for the disk.
            write_atomically(path, write, flushed=False)


@cache
def program(*rooms: str) -> bytes:
    """Return what tells apart the programs that may make other arrays: versions, and the source of those rooms."""
    digest = hashlib.sha256(repr((__version__, sys.version, np.__version__)).encode())
    for room in rooms:
        for module in sorted((Path(__file__).parent / room).glob("*.py")):
            digest.update(module.read_bytes())
    return digest.digest()


def _path(name: str) -> Path | None:
    folder = own_folder("arrays") if _most_bytes() > 0 else None
    key = repr((name, __version__, FORMAT)).encode()
    return folder and folder / f"{hashlib.sha256(key).hexdigest()[:32]}.arrays"


def _opened(path: Path) -> BinaryIO:
    """Open a regular file of the user's own, not what a link leads to."""
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    about = os.fstat(descriptor)
    file = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(about.st_mode) and (not hasattr(os, "getuid") or about.st_uid == os.getuid()):
        return file
    file.close()
    raise OSError


def _header(name: str, parts: Mapping[str, Array]) -> bytes:
    """Return what stands before the arrays: type, shape and checksum of each."""
    sums = _checksums(parts.values())
    about = {
        "name": name,
        "version": __version__,
        "format": FORMAT,
        "arrays": [
            [key, part.dtype.str, list(part.shape), checksum]
            for (key, part), checksum in zip(parts.items(), sums, strict=True)
        ],
    }
    text = json.dumps(about).encode()
    return _MAGIC + _HEAD.pack(len(text), zlib.crc32(text)) + text


def _arrays(mapped: mmap.mmap, name: str) -> dict[str, Array]:
    """Return the arrays in a file. Raises ValueError where they are not what was kept under the name."""
    start = len(_MAGIC) + _HEAD.size
    length, checksum = _HEAD.unpack(mapped[len(_MAGIC) : start])
    text = mapped[start : start + length]
    if mapped[: len(_MAGIC)] != _MAGIC or zlib.crc32(text) != checksum:
        raise ValueError
    about = json.loads(text)
    if (about["name"], about["version"], about["format"]) != (name, __version__, FORMAT):
        raise ValueError
    arrays: dict[str, Array] = {}
    at = start + length
    for key, kind, shape, _ in about["arrays"]:
        at += -at % _ALIGNED
        arrays[key] = np.ndarray(shape, np.dtype(kind), mapped, at)
        at += arrays[key].nbytes
    native = all(array.dtype.isnative for array in arrays.values())
    if at != len(mapped) or not native or _checksums(arrays.values()) != [one[3] for one in about["arrays"]]:
        raise ValueError
    return arrays


def _checksums(arrays: Iterable[Array]) -> list[str]:
    return [hashlib.sha256(_sums(np.frombuffer(_bytes_of(array), np.uint8)).tobytes()).hexdigest() for array in arrays]


def _sums(data: Array) -> Array:
    """Return the sum of every block, modulo 2^64: as fast as memory is read, and a flipped byte changes one of them."""
    whole = len(data) // _BLOCK * _BLOCK
    rest = np.zeros(_BLOCK, np.uint8)
    rest[: len(data) - whole] = data[whole:]
    return np.concatenate([part.view("<u8").reshape(-1, _BLOCK // 8).sum(axis=1) for part in (data[:whole], rest)])


def _bytes_of(array: Array) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _most_bytes() -> int:
    with suppress(ValueError, OverflowError):
        return int(float(os.environ.get("TARIFFGRAPH_KEEP") or GIGABYTES) * 1e9)
    return int(GIGABYTES * 1e9)


def _room_made(path: Path, size: int) -> bool:
    """Remove the files used longest ago until another fits; return whether it does."""
    from shutil import disk_usage

    disk, most = disk_usage(path.parent), _most_bytes()
    if size > most or disk.free - size < LEFT_FREE * disk.total:
        return False
    others = [(one, one.lstat()) for one in path.parent.iterdir() if one != path]
    taken = sum(about.st_size for _, about in others)
    for one, about in sorted(others, key=lambda other: other[1].st_mtime_ns):
        if taken + size > most:
            one.unlink(missing_ok=True)
            taken -= about.st_size
    return True
