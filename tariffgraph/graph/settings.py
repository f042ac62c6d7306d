"""What ``graph.toml`` says about a graph as a whole."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ..codes import CodeProblem, countries, parse_date, parse_identifier
from ..errors import Finding, GraphError, suggestion, visible
from ..frozen import FrozenMapping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KEYS", "Settings", "parse_settings", "settings_from"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a graph, checked."""

    title: str = ""
    year: int | None = None
    currency: str = ""
    notes: str = ""
    sources: tuple[str, ...] = ()
    regions: Mapping[str, str] = FrozenMapping()
    rules: tuple[str, ...] = ()
    as_of: date | None = None
    negative_value_added: bool = False
    negative_final_demand: bool = False


#: key of graph.toml -> what it means (the reference page is made from it)
KEYS: dict[str, str] = {
    "title": "title of the graph",
    "year": "year that the values stand for",
    "currency": "currency of the values, as in USD",
    "notes": "remarks: a text, or a list of texts",
    "sources": "where the numbers come from: a list of texts",
    "regions": "table of regions beside the ISO countries: code = name",
    "rules": "rule sets that hold when none is named: bundled names, and files or folders in the graph's own folder",
    "as_of": "date on which the law is read when none is named",
    "negative_value_added": "true where stages may add negative value; a share may then exceed 1",
    "negative_final_demand": "true where values of shipments may be negative",
}


#: graph.toml is never longer than this.
MOST_BYTES = 1 << 20

_MOST_PROBLEMS = 100
_KEY = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
# The parser takes time with the square of the parts of a dotted key; ours have two.
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_KEY}[ \t]*+\.[ \t]*+){{16}}")
# Python reads no number of more than 4300 digits.
_LONG_NUMBER = re.compile(r"(?m)^[ \t]*+([A-Za-z0-9_-]*+)[^\n]*?(?<![0-9_])[0-9][0-9_]{4299}")


def parse_settings(data: bytes, name: str, check_rules: Callable[[str], str] = str) -> Settings:
    """Return the settings written in TOML; raise GraphError with every problem and its line.

    ``check_rules`` returns the rule set that an entry of ``rules`` stands for, or raises CodeProblem.
    """
    text = data.decode("utf-8")
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        message = "a key has more than 16 parts"
        raise GraphError(Finding(message, 'Write key = "value".', file=name, line=line))
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise GraphError(_toml_problem(str(problem), name)) from None
    except ValueError:
        raise GraphError(_long_number(text, name)) from None
    return settings_from(table, lambda key: {"file": name, "line": _line_of(key, text)}, check_rules)


def _long_number(text: str, name: str) -> Finding:
    number = _LONG_NUMBER.search(text)
    line = text.count("\n", 0, number.start()) + 1 if number else None
    field = visible(number[1]) if number else ""
    remedy = "Write it as in 2025." if field == "year" else "Write a shorter one."
    return Finding("the number has more than 4300 digits", remedy, file=name, line=line, field=field)


def settings_from(
    table: Mapping[str, Any], place: Callable[[str], Mapping[str, Any]], check_rules: Callable[[str], str] = str
) -> Settings:
    """Return the settings in ``table``; ``place`` tells where a key stands. Raises GraphError."""
    findings: list[Finding] = []
    checked: dict[str, Any] = {}
    for key, value in table.items():
        if len(findings) == _MOST_PROBLEMS:
            break
        if key not in KEYS:
            message = "is not a key of graph.toml"
            remedy = suggestion(key, KEYS, "keys")
            findings.append(Finding(message, remedy, field=visible(key), **place(key)))
            continue
        try:
            checked[key] = _CHECKS[key](value)
        except CodeProblem as problem:
            finding = Finding(problem.message, problem.remedy, field=key, value=visible(_written(value)), **place(key))
            findings.append(finding)
    rules: list[str] = []
    for entry in checked.get("rules", ()):
        try:
            rules.append(check_rules(entry))
        except CodeProblem as problem:
            finding = Finding(
                problem.message, problem.remedy, field="rules", value=visible(entry), check="rules", **place("rules")
            )
            findings.append(finding)
    checked["rules"] = tuple(rules)
    if findings:
        raise GraphError(findings)
    return Settings(**checked)


def _toml_problem(message: str, name: str) -> Finding:
    where = re.search(r" \(at line ([0-9]+), column ([0-9]+)\)", message)
    found = message[: where.start()] if where else message.removesuffix(" (at end of document)")
    remedy = 'Write key = "value".'
    if "date" in found:
        remedy = "Write a day that exists, as in 2025-07-02."
    return Finding(
        f"this is not TOML: {visible(found[:1].lower() + found[1:], 200)}",
        remedy,
        file=name,
        line=int(where[1]) if where else None,
        column=int(where[2]) if where else None,
    )


def _line_of(key: str, text: str) -> int | None:
    quoted = re.escape(key)
    match = re.search(rf"""(?m)^[ \t]*(?:\[+[ \t]*)?["']?{quoted}["']?[ \t]*(?:\.|=|\])""", text)
    return text.count("\n", 0, match.start()) + 1 if match else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise CodeProblem(f"{_shown(value)} is not a text", 'Write it in quotes: "...".')
    for character in value:
        if unicodedata.category(character) == "Cc" and character not in "\n\t\x1b\x9b":
            raise CodeProblem(f"holds the control character U+{ord(character):04X}", "Take the character out.")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (_text(value),)
    if not isinstance(value, list | tuple):
        raise CodeProblem(f"{_shown(value)} is not a list of texts", 'Write ["...", "..."].')
    return tuple(_text(one) for one in value)


def _year(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 9999:
        raise CodeProblem(f"{_shown(value)} is not a year", "Write it as in 2025.")
    return value


def _as_of(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, str):
        return parse_date(value)
    if not isinstance(value, date) or isinstance(value, datetime):
        raise CodeProblem(f"{_shown(value)} is not a date", "Write YYYY-MM-DD, as in 2025-07-02.")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise CodeProblem(f"{_shown(value)} is neither true nor false", "Write true or false, without quotes.")
    return value


def _regions(value: object) -> Mapping[str, str]:
    if not hasattr(value, "items"):
        raise CodeProblem(f"{_shown(value)} is not a table", 'Write [regions] and below it ROW = "rest of the world".')
    regions: dict[str, str] = {}
    for code, name in value.items():
        parse_identifier(code)
        if code in countries():
            message = f"the region '{code}' has the code of a country ({countries()[code]})"
            raise CodeProblem(message, "Choose another code.")
        if code == "tariff-shift":
            raise CodeProblem("a region cannot be called tariff-shift, which is a rule of origin", "Rename it.")
        regions[code] = _text(name)
    return FrozenMapping(sorted(regions.items()))


def _shown(value: object) -> str:
    text = _written(value)
    return f"'{visible(text.lower() if isinstance(value, bool) else text)}'"


def _written(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of more than 4300 digits"


_CHECKS: dict[str, Callable[[Any], object]] = {
    "title": _text,
    "year": _year,
    "currency": _text,
    "notes": lambda value: "\n".join(_texts(value)),
    "sources": _texts,
    "regions": _regions,
    "rules": _texts,
    "as_of": _as_of,
    "negative_value_added": _switch,
    "negative_final_demand": _switch,
}
