"""Hand the plain graphs and rule sets of the reference to tariffgraph, and compare what comes back."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
import yaml
from reference import reference

import tariffgraph as tg

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reference.reference import Graph, Row

RATES = (
    "statutory_rate",
    "border_rate",
    "embedded_rate",
    "compounding_rate",
    "effective_rate",
    "exporter_rate",
    "duty_rate",
)
SHIPMENTS = (*RATES, "landed_value", "duty")
KEYS = ("measure", "action", "authority", "crossing", "importer", "exporter", "origin", "product", "depth")
GROUPINGS = [(key,) for key in KEYS] + list(combinations(KEYS, 2))
NUMBERS = (
    "value_added",
    "share",
    "pass_through",
    "utilization",
    "drawback",
    "value",
    "quantity",
    "net_cost",
    "credit_base",
)
LEAST = {
    "stages": ("stage", "country", "product"),
    "inputs": ("supplier", "user", "share"),
    "shipments": ("stage", "market", "value"),
}
DEFAULTS = {"pass_through": 1, "utilization": 1, "drawback": 0, "net_cost": 1, "credit_base": 1}


class _Plain(yaml.SafeDumper):
    """Writes every value out: rule files know no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def frame(table: str, rows: Iterable[Row]) -> pl.DataFrame:
    """Return the rows as a frame; a column that only some rows have gets its default elsewhere."""
    rows = list(rows)
    columns = list(dict.fromkeys((*LEAST[table], *(key for row in rows for key in row))))
    schema = {name: pl.Float64 if name in NUMBERS or name.startswith("content.") else pl.String for name in columns}
    cells = {name: [_cell(row.get(name, DEFAULTS.get(name)), schema[name]) for row in rows] for name in columns}
    return pl.DataFrame(cells, schema=schema)


def _cell(value: Any, kind: Any) -> Any:
    if value is None or kind is pl.String:
        return value
    return float(reference.number(value))


def engine_graph(graph: Graph, **options: Any) -> tg.ProductionGraph:
    """Return the same graph as tariffgraph reads it."""
    return tg.from_frames(
        stages=frame("stages", graph.stages),
        inputs=frame("inputs", graph.inputs),
        shipments=frame("shipments", graph.shipments),
        **options,
    )


def engine_rules(*rule_sets: dict[str, Any]) -> tg.Rules:
    """Return the same law as tariffgraph reads it: from YAML and CSV files, as a user writes it."""
    return _read_rules(tuple(map(_files, rule_sets)))


def _files(rule_set: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the files of a rule set, name and text."""
    keys = {key: value for key, value in rule_set.items() if key != "schedules"}
    schedules = (
        (f"schedules/{name}.csv", pl.DataFrame(lines).write_csv())
        for name, lines in rule_set.get("schedules", {}).items()
    )
    return (("rules.yaml", yaml.dump(keys, Dumper=_Plain, sort_keys=False)), *schedules)


@lru_cache(maxsize=64)
def _read_rules(rule_sets: tuple[tuple[tuple[str, str], ...], ...]) -> tg.Rules:
    with a_folder() as folder:
        paths = [folder / f"set-{at}" for at in range(len(rule_sets))]
        for path, files in zip(paths, rule_sets, strict=True):
            (path / "schedules").mkdir(parents=True)
            for name, text in files:
                (path / name).write_text(text, encoding="utf-8")
        return tg.read_rules(*paths)


@contextmanager
def a_folder() -> Iterator[Path]:
    """A temporary folder; pytest's own would be shared by the examples of one test."""
    with TemporaryDirectory() as name:
        yield Path(name)


def propagate(graph: Graph, *rule_sets: dict[str, Any], **options: Any) -> tg.Incidence:
    """Return what the engine finds."""
    options.setdefault("as_of", "2025-07-02")
    return tg.propagate(engine_graph(graph), engine_rules(*rule_sets), **options)


def shipments(result: tg.Incidence) -> dict[str, Row]:
    """Return the engine's table of shipments by id."""
    return {row["id"]: row for row in result.shipments.iter_rows(named=True)}


def rates(result: tg.Incidence, column: str = "effective_rate") -> dict[str, float]:
    """Return one column of the engine's table of shipments, by id."""
    return dict(zip(result.shipments["id"], result.shipments[column], strict=True))


def residual_bound(result: tg.Incidence) -> float:
    """Return what the solver of cycles says that it may be off by; 0 where there was nothing to solve."""
    return float(result.meta["solver"].get("residual_bound") or 0.0)


def close(
    found: float | None, expected: Fraction | float | None, *, bound: float = 0.0, relative: float = 1e-12
) -> bool:
    """Tell whether a number is the one expected: within 1e-12 of it, the solver's bound and a rounding near 0."""
    if found is None or expected is None:
        return found is expected
    allowed = Fraction(relative) * abs(Fraction(expected)) + Fraction(bound) + Fraction(1e-15)
    return abs(Fraction(found) - Fraction(expected)) <= allowed


def assert_agrees(result: tg.Incidence, expected: reference.Propagated) -> None:
    """Assert that the engine's shipments are the reference's, number by number."""
    bound = residual_bound(result)
    found = shipments(result)
    assert sorted(found) == sorted(expected.shipments)
    for name, exact in expected.shipments.items():
        for column in SHIPMENTS:
            # Money and rates past the border are the stage's price, or what is paid upstream, times a factor.
            scale = max(1.0, abs(float(exact["value"] or 1))) * (1 + float(exact["border_rate"])) ** 2
            assert close(found[name][column], exact[column], bound=bound * scale), (
                f"{name}, {column}: {found[name][column]!r} found, {exact[column]!r} expected "
                f"({float(exact[column] or 0)!r})"
            )


def attribution(result: tg.Incidence, *keys: str) -> dict[tuple[str, ...], dict[str, float]]:
    """Return ``result.by(*keys)`` by shipment and keys."""
    return {(row["shipment"], *(row[key] for key in keys)): row for row in result.by(*keys).iter_rows(named=True)}


def assert_same_shipments(
    one: tg.Incidence, other: tg.Incidence, columns: Iterable[str] = SHIPMENTS, relative: float = 1e-12
) -> None:
    """Assert that two results agree on the shipments that both have (by id)."""
    bound = residual_bound(one) + residual_bound(other)
    first, second = shipments(one), shipments(other)
    assert sorted(first) == sorted(second)
    for name, row in first.items():
        scale = max(1.0, abs(row["value"] or 1.0)) * (1 + row["border_rate"]) ** 2
        for column in columns:
            assert close(row[column], second[name][column], bound=bound * scale, relative=relative), (
                f"{name}, {column}: {row[column]!r} and {second[name][column]!r}"
            )
