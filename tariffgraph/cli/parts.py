"""A sweep in a folder: parts that are written whole or not at all, and what says of which sweep they are."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..atomic import check_target, write_atomically
from ..errors import Finding, OutputError, visible
from ..show.formats import json_text, parquet_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from ..scenarios.sweep import Plan, Solved

__all__ = ["PartsFolder"]

RECORD = "sweep.json"
#: what we write, and what a process killed in the middle of it may leave
_OURS = re.compile(r"part-[0-9]{5,}\.parquet|sweep\.json")
_LEFT = re.compile(rf"\.(?:{_OURS.pattern})\.[0-9a-f]{{12}}\.tmp")


@dataclass(slots=True)
class PartsFolder:
    """The folder of a sweep: ``sweep.json`` says what is swept, ``part-00000.parquet`` and so on hold the rows.

    The fingerprint in ``sweep.json`` stands in every part too, so that no part of another sweep is taken for ours.
    """

    folder: Path
    fingerprint: str = ""

    @classmethod
    def checked(cls, folder: Path) -> PartsFolder:
        """Return the folder; refuse one that could not be written or that holds files of others. Makes nothing."""
        found = cls(folder)
        # A folder that is not there yet is made like a file: beside it must be room.
        check_target(found.record if folder.is_dir() else folder)
        ours = bool(found._begun())
        others = [one for one in found._names() if not (_LEFT.fullmatch(one) or (ours and _OURS.fullmatch(one)))]
        if others:
            listed = ", ".join(visible(name) for name in others[:3]) + (", ..." if len(others) > 3 else "")
            raise found._refused(f"the folder holds other files ({listed})", "Give a folder of its own.")
        return found

    @property
    def record(self) -> Path:
        """The file that says what is swept."""
        return self.folder / RECORD

    def begin(self, todo: Plan, *, restart: bool) -> list[int]:
        """Make the folder what ``todo`` needs; return the parts that are still to be written."""
        record = _record(todo)
        self.fingerprint = record["fingerprint"]
        self.folder.mkdir(exist_ok=True)
        if restart:
            self._remove(self._names())
        names = self._names()
        self._remove([name for name in names if _LEFT.fullmatch(name)])
        parts = {f"part-{number:05}.parquet": number for number in range(len(todo.parts))}
        there = [name for name in names if _OURS.fullmatch(name)]
        if there:
            self._check(record, there, parts)
        if RECORD not in there:
            write_atomically(self.record, json_text(record).encode())
        return [number for name, number in parts.items() if name not in there]

    def write(self, number: int, solved: Solved, meta: dict[str, Any]) -> None:
        """Write a part."""
        meta = {"fingerprint": self.fingerprint, **meta, "part": number}
        write_atomically(self.folder / f"part-{number:05}.parquet", parquet_bytes(solved.rows, meta))

    def _names(self) -> list[str]:
        """Return the names in the folder; folders and links are not ours, whatever they are called."""
        if not self.folder.is_dir():
            return []
        return sorted(
            one.name if one.is_file() and not one.is_symlink() else f"{one.name}/" for one in self.folder.iterdir()
        )

    def _remove(self, names: list[str]) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def _check(self, record: dict[str, Any], there: list[str], parts: dict[str, int]) -> None:
        """Raise unless what is there is of this very sweep."""
        begun = self._begun()
        if begun["fingerprint"] != record["fingerprint"]:
            differing = [key for key in record if key != "fingerprint" and begun.get(key) != record[key]]
            message = f"the folder holds another sweep (other {', '.join(differing)})"
            raise self._refused(message, "Give another folder, or --restart to remove its parts.")
        for name in there:
            if name != RECORD and (name not in parts or not self._is_part(name, parts[name])):
                remedy = "Remove it, or give --restart to begin anew."
                raise self._refused(f"{name} is not a part of this sweep, or is damaged", remedy)

    def _begun(self) -> dict[str, Any]:
        """Return what our record there says, {} where there is none."""
        try:
            found = json.loads(self.record.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and "fingerprint" in found else {}

    def _is_part(self, name: str, number: int) -> bool:
        """Tell by the footer of the file, which says what it is a part of, and ends it."""
        data = (self.folder / name).read_bytes()
        length = int.from_bytes(data[-8:-4], "little")
        footer = data[-8 - length : -8]
        ours = [f'"fingerprint": "{self.fingerprint}"', f'"part": {number}}}']
        return data[:4] == data[-4:] == b"PAR1" and all(one.encode() in footer for one in ours)

    def _refused(self, message: str, remedy: str) -> OutputError:
        return OutputError(Finding(message, remedy, file=visible(str(self.folder), 400)))


def _record(todo: Plan) -> dict[str, Any]:
    """Return what is swept: all that the bytes of the parts depend on, and their fingerprint."""
    meta = todo.meta
    record = {
        "version": meta["version"],
        "graph": meta["graph"],
        "rules": meta["rules"],
        "overlays": meta["overlays"],
        "as_of": meta["as_of"],
        "known_on": meta["known_on"],
        "market": meta["market"],
        "max_memory": todo.max_memory,
        "changes": todo.stated.written,
        "parts": [[len(block.numbers) for block in part] for part in todo.parts],
    }
    record = json.loads(json.dumps(record))  # as it is read again
    canonical = json.dumps(record, sort_keys=True).encode()
    return {"fingerprint": hashlib.sha256(canonical).hexdigest(), **record}
