"""What can go wrong: one base error, one class a failure, each made of findings.

A :class:`Finding` is one problem, with the place and the remedy; an error carries all the findings of the
thing that was read, so that a user mends a file once and not once a problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "DatasetError",
    "EntryError",
    "Finding",
    "GraphError",
    "NotProductiveError",
    "OutputError",
    "RulesError",
    "TariffGraphError",
    "TooLargeError",
    "UnknownNameError",
    "nearest",
    "suggestion",
    "visible",
]

SHOWN = 20

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: what is wrong, where, and what to do about it.

    Reads ``FILE:LINE:COLUMN, FIELD: MESSAGE. REMEDY``.
    """

    message: str
    remedy: str = ""
    severity: Severity = "error"
    check: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    field: str = ""
    value: str = ""
    stage: str = ""
    measure: str = ""
    crossing: str = ""

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}" if place else f"line {self.line}"
            if self.column is not None:
                place += f":{self.column}"
        head = ", ".join(part for part in (place, self.field) if part)
        body = self.message if self.message.endswith((".", "?", "!")) else self.message + "."
        text = f"{head}: {body}" if head else body
        return f"{text} {self.remedy}" if self.remedy else text

    def at(self, **where: object) -> Finding:
        """Return the same finding with the place filled in (``file=``, ``line=``, ``field=`` ...)."""
        return replace(self, **where)  # type: ignore[arg-type]


class TariffGraphError(Exception):
    """Base of every failure that is not a bug: ``findings`` holds the problems, one by one."""

    #: exit status of the command line: 1 the input is wrong, 2 usage
    exit_code = 1

    def __init__(self, findings: str | Finding | Iterable[Finding], **where: object) -> None:
        if isinstance(findings, str):
            findings = Finding(findings, **where)  # type: ignore[arg-type]
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__(self._text())

    def _text(self) -> str:
        lines = [str(finding) for finding in self.findings[:SHOWN]]
        if len(self.findings) > SHOWN:
            lines.append(f"... and {len(self.findings) - SHOWN} more problems.")
        return "\n".join(lines)


class GraphError(TariffGraphError):
    """The production graph is not one: bad cells, unknown stages, shares that do not add up."""


class NotProductiveError(GraphError):
    """A cycle feeds on more than it makes (spectral radius at or above 1), untaxed or once duties are on."""


class RulesError(TariffGraphError):
    """A rule set that cannot be read, or that contradicts itself."""


class EntryError(TariffGraphError):
    """An entry whose facts do not suffice or are not facts (a product too coarse, an unknown declaration)."""


class DatasetError(TariffGraphError):
    """A bundled data set, file or folder that is not there or not a regular one."""


class OutputError(TariffGraphError):
    """A result that cannot be written where it was asked for."""


class TooLargeError(TariffGraphError):
    """The work needs more memory than there is; said before anything is allocated."""


class UnknownNameError(TariffGraphError):
    """A measure, shipment, field or market that does not exist, named by the user at the command line."""

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like ``name``, or None when none comes near."""
    import difflib

    candidates = sorted(set(known))
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(candidate.casefold(), candidate)
    if name.casefold() in folded:
        return folded[name.casefold()]
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggestion(name: str, known: Sequence[str] | Iterable[str], what: str = "names") -> str:
    """Return the remedy for an unknown name: the nearest one, or the whole (short) list."""
    candidates = sorted(set(known))
    near = nearest(name, candidates)
    if near is not None:
        return f"Did you mean '{visible(near)}'?"
    if not candidates:
        return f"There are no {what} here."
    if len(candidates) <= 12:
        return f"Known {what}: {', '.join(visible(one) for one in candidates)}."
    return f"{len(candidates)} {what} are known, from '{visible(candidates[0])}' to '{visible(candidates[-1])}'."


def visible(text: str, limit: int = 60) -> str:
    """Return ``text`` safe to print: control and invisible characters as code points, and not endless.

    Files from others may hold terminal escapes; nothing that we print passes them on.
    """
    import unicodedata

    shown: list[str] = []
    for character in text[: limit + 1]:
        if unicodedata.category(character)[0] == "C" or unicodedata.category(character) in {"Zl", "Zp"}:
            shown.append(f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}")
        else:
            shown.append(character)
    return "".join(shown[:limit]) + "…" if len(text) > limit else "".join(shown)
