"""Scenarios as they are stated: a grid or a list of changes, each key and value checked and brought to one form."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import islice, product
from numbers import Real
from typing import Any, TypeAlias, TypeGuard

import polars as pl

from ..codes import CodeProblem, parse_date, parse_number
from ..errors import Finding, TariffGraphError, nearest, visible
from ..rules.rate import AdValorem
from ..rules.rate_text import parse_rate_text

__all__ = ["SPECIAL", "Place", "Scenario", "Stated"]

#: keys of a scenario that are no settings of the law
SPECIAL = ("name", "as_of", "known_on", "overlays", "pass_through")
MOST_SCENARIOS = 1_000_000

#: dates as text, parts of one and ad valorem rates as numbers, overlays as names, any other setting as it is written
Value: TypeAlias = str | float | tuple[str, ...]
Scenario: TypeAlias = Mapping[str, Value]
#: says where a scenario's key ("": the scenario) was written, in the fields of a Finding
Place: TypeAlias = Callable[[int, str], Mapping[str, Any]]

_PLAIN = re.compile(r"[\w%.](?:[\w .%/+-]*[\w%.])?")


def _nowhere(at: int, key: str) -> Mapping[str, Any]:  # noqa: ARG001
    return {}


@dataclass(frozen=True, eq=False)
class Stated:
    """The scenarios of a sweep, by number.

    ``columns``: the keys in the order of their first use, which is the order in which settings are applied;
    ``scenarios``: what each states, a key that is left out or None staying as it is; ``written``: the same, as a grid
    where it was one, for a record.
    """

    columns: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    written: Mapping[str, Any]
    place: Place = _nowhere

    @classmethod
    def of(cls, changes: object, place: Place = _nowhere) -> Stated:
        """Return the scenarios of a grid (a mapping of lists) or of a list of mappings, with all problems at once."""
        problems: list[Finding] = []
        if isinstance(changes, Mapping):
            stated = _of_grid({str(key): value for key, value in changes.items()}, place, problems)
        elif isinstance(changes, Iterable) and not isinstance(changes, (str, bytes, AbstractSet)):
            stated = _of_list(list(islice(changes, MOST_SCENARIOS + 1)), place, problems)
        else:
            message = f"the changes are neither a grid nor a list but {type(changes).__name__}"
            raise TariffGraphError(Finding(message, "Give a mapping of lists, or a list of mappings."))
        if problems:
            raise TariffGraphError(problems)
        return stated

    @property
    def settings(self) -> tuple[str, ...]:
        """The keys that are settings of the law."""
        return tuple(key for key in self.columns if key not in SPECIAL)

    def placed(self, finding: Finding, at: int, key: str = "") -> Finding:
        """Return the finding as one of a scenario, with the place where it is written."""
        return _placed(finding, at, key or finding.field, self.place(at, key))

    def frame(self, numbers: Sequence[int]) -> pl.DataFrame:
        """Return the numbers of some scenarios and a column for each key: numbers if all it states are, else text."""
        columns: dict[str, pl.Series] = {"scenario": pl.Series(numbers, dtype=pl.Int64)}
        for key in self.columns:
            cells = [self.scenarios[at].get(key) for at in numbers]
            if key in self.numbers:
                columns[key] = pl.Series(cells, dtype=pl.Float64)
            else:
                columns[key] = pl.Series([None if one is None else _text(one) for one in cells], dtype=pl.String)
        return pl.DataFrame(columns)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The keys that state nothing but numbers."""
        if "grid" in self.written:
            values = self.written["grid"]
        else:
            values = {key: [one.get(key) for one in self.scenarios] for key in self.columns}
        kinds = {key: {type(one) for one in each if one is not None} for key, each in values.items()}
        return frozenset(key for key, found in kinds.items() if found == {float})


def _placed(finding: Finding, at: int, key: str, place: Mapping[str, Any]) -> Finding:
    return finding.at(field=f"scenario {at}, {visible(key)}" if key else f"scenario {at}", **place)


def _of_grid(grid: Mapping[str, object], place: Place, problems: list[Finding]) -> Stated:
    if not grid:
        raise TariffGraphError(Finding("the grid is empty", "Give at least one key with its values.", field="changes"))
    listed = {key: _listed(value) for key, value in grid.items()}
    count = math.prod(len(values) for values in listed.values())
    if count > MOST_SCENARIOS:
        raise _too_many(f"the grid has {count:,} scenarios")
    values: dict[str, list[Value | None]] = {}
    step = math.prod(max(1, len(each)) for each in listed.values())
    for key, each in listed.items():
        step //= max(1, len(each))
        try:
            _check_key(key)
            if key == "name":
                raise CodeProblem("a grid has no names", "Leave it out, or list the scenarios one by one.")
            if not each:
                raise CodeProblem("the list is empty", "Give at least one value.")
        except CodeProblem as problem:
            problems.append(Finding(problem.message, problem.remedy, field=visible(key), **place(0, key)))
            continue
        values[key] = [_checked(key, value, step * at, place, problems) for at, value in enumerate(each)]
    scenarios = () if problems else product(*values.values())
    stated = tuple(
        {key: value for key, value in zip(values, one, strict=True) if value is not None} for one in scenarios
    )
    return Stated(tuple(grid), stated, {"grid": values}, place)


def _of_list(listed: Sequence[object], place: Place, problems: list[Finding]) -> Stated:
    if not listed:
        raise TariffGraphError(Finding("there is no scenario", "Give at least one.", field="changes"))
    if len(listed) > MOST_SCENARIOS:
        raise _too_many("the list has too many scenarios")
    columns: dict[str, None] = {}
    scenarios: list[Scenario] = []
    for at, one in enumerate(listed):
        if not isinstance(one, Mapping):
            finding = Finding(f"{_shown(one)} is no scenario", "Write KEY: VALUE.")
            problems.append(_placed(finding, at, "", place(at, "")))
            continue
        scenario: dict[str, Value] = {}
        for key, value in ((str(key), value) for key, value in one.items()):
            try:
                if key not in columns:
                    _check_key(key)
            except CodeProblem as problem:
                problems.append(_placed(Finding(problem.message, problem.remedy), at, key, place(at, key)))
            columns[key] = None
            checked = _checked(key, value, at, place, problems)
            if checked is not None:
                scenario[key] = checked
        scenarios.append(scenario)
    return Stated(tuple(columns), tuple(scenarios), {"scenarios": scenarios}, place)


def _too_many(message: str) -> TariffGraphError:
    return TariffGraphError(Finding(message, f"Split it: one sweep has at most {MOST_SCENARIOS:,}.", field="changes"))


def _listed(value: object) -> list[object]:
    """Return the values of a key of a grid; what is no list of values is the only one."""
    single = (str, bytes, Mapping, AbstractSet, os.PathLike)
    if isinstance(value, single) or not isinstance(value, Iterable):
        return [value]
    return list(islice(value, MOST_SCENARIOS + 1))


def _check_key(key: str) -> None:
    if key in SPECIAL or (all(key.rpartition(".")) and "=" not in key):
        return
    near = nearest(key, SPECIAL)
    remedy = f"Did you mean '{near}'?" if near else f"Write {', '.join(SPECIAL[1:])}, or a setting as NAME.rate."
    raise CodeProblem(f"'{visible(key)}' is no key of a scenario", remedy)


def _checked(key: str, value: object, at: int, place: Place, problems: list[Finding]) -> Value | None:
    if value is None:
        return None
    try:
        return _value(key, value)
    except CodeProblem as problem:
        problems.append(_placed(Finding(problem.message, problem.remedy), at, key, place(at, key)))
        return None


def _value(key: str, value: object) -> Value:
    match key:
        case "name":
            if not isinstance(value, str):
                raise CodeProblem(f"{_shown(value)} is no name", "Write text.")
            return value
        case "as_of" | "known_on":
            if isinstance(value, str):
                return parse_date(value).isoformat()
            if not isinstance(value, date):
                raise CodeProblem(f"{_shown(value)} is not a date", "Write YYYY-MM-DD.")
            return (value.date() if isinstance(value, datetime) else value).isoformat()
        case "overlays":
            names = [value] if isinstance(value, (str, os.PathLike)) else value
            if not isinstance(names, Sequence) or not all(isinstance(one, (str, os.PathLike)) for one in names):
                raise CodeProblem(f"{_shown(value)} names no overlay", "Write a name or path, or a list of them.")
            return tuple(str(os.fspath(one)) for one in names)
        case "pass_through":
            number: object = parse_number(value) if isinstance(value, str) else value
            if not _is_number(number) or not 0.0 <= number <= 1.0:
                raise CodeProblem(f"{_shown(value)} is not a pass-through", "Write a number from 0 to 1.")
            return float(number)
    return _setting(value, rate=key.endswith(".rate"))


def _setting(value: object, *, rate: bool) -> str | float:
    """Return an ad valorem rate as a number, any other value of a setting as the command line would have it."""
    if rate and _is_number(value):
        number = float(value) + 0.0  # no −0
        if not 0.0 <= number < math.inf:
            raise CodeProblem(f"{number!r} is not a rate", "Write a finite number of 0 or more.")
        return number
    if rate and isinstance(value, str) and not value.lstrip().startswith(("{", "[")):
        stated = parse_rate_text(value)
        return stated.share if isinstance(stated, AdValorem) else value.strip()
    return value if isinstance(value, str) else _flow(value)


def _flow(value: object) -> str:
    """Return a value as YAML in one line."""
    match value:
        case str():
            return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
        case date():
            return value.isoformat()
        case Mapping():
            return f"{{{', '.join(f'{_flow(str(key))}: {_flow(one)}' for key, one in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_flow, value))}]"
        case bool():
            return str(value).lower()
    if _is_number(value):
        return f"{value:d}" if isinstance(value, int) else repr(float(value))
    raise CodeProblem(f"{_shown(value)} is no value of a setting", "Write a number, text, a list or a mapping.")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _text(value: Value) -> str:
    return ";".join(value) if isinstance(value, tuple) else repr(value) if isinstance(value, float) else value


def _shown(value: object) -> str:
    return visible(f"'{value}'" if isinstance(value, str) else repr(value))
