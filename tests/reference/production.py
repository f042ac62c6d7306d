"""Production graphs in exact fractions: docs/graph.md, docs/method.md.

Graphs are lists of dicts with the columns of the tables. Nothing here comes from the package: it is written from the
contract, by recursion and by Gaussian elimination on ``fractions.Fraction``, so that a mistake in the engine is not
made twice. Numbers are fractions, or text (``25%``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ONE = Fraction(1)
ZERO = Fraction(0)

Row = dict[str, Any]


def number(value: Any) -> Fraction:
    """Return the exact number: ``25%`` is 1/4, ``0.1`` is 1/10, the float 0.1 is what the machine holds."""
    if isinstance(value, str):
        text = value.strip()
        return Fraction(text[:-1].strip()) / 100 if text.endswith("%") else Fraction(text)
    return Fraction(value)


def digits(product: str) -> str:
    return product if ":" in product else product.replace(".", "").replace(" ", "")


def solve(matrix: list[list[Fraction]], right: list[list[Fraction]]) -> list[list[Fraction]]:
    """Solve matrix · X = right by Gauss–Jordan elimination; both are lists of rows."""
    size = len(matrix)
    rows = [[*matrix[i], *right[i]] for i in range(size)]
    for column in range(size):
        pivot = next((i for i in range(column, size) if rows[i][column]), None)
        if pivot is None:
            raise ZeroDivisionError("singular: the graph is not productive")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        rows[column] = [entry / lead for entry in rows[column]]
        for i in range(size):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


# --- the production graph -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graph:
    """Three tables as lists of dicts with the columns of docs/graph.md; a column that a row lacks has its default."""

    stages: tuple[Row, ...]
    inputs: tuple[Row, ...]
    shipments: tuple[Row, ...]

    @cached_property
    def stage(self) -> dict[str, Row]:
        return {row["stage"]: row for row in self.stages}

    @cached_property
    def inputs_of(self) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {name: [] for name in self.stage}
        for row in self.inputs:
            rows[row["user"]].append(row)
        return rows

    @cached_property
    def is_acyclic(self) -> bool:
        open_, done = set(), set()

        def walk(name: str) -> bool:
            if name in done:
                return True
            if name in open_:
                return False
            open_.add(name)
            fine = all(walk(row["supplier"]) for row in self.inputs_of[name])
            done.add(name)
            return fine

        return all(walk(name) for name in self.stage)

    def country(self, stage: str) -> str:
        return self.stage[stage]["country"]

    def origin(self, stage: str) -> str:
        return self.origins[stage]

    @cached_property
    def origins(self) -> dict[str, str]:
        """Country of origin of every stage's good: as stated, else its country, or found by tariff shift."""
        found: dict[str, str] = {}

        def find(stage: str) -> str:
            if stage not in found:
                stated = self.stage[stage].get("origin") or self.country(stage)
                found[stage] = self.shifted_origin(stage, find) if stated == "tariff-shift" else stated
            return found[stage]

        return {stage: find(stage) for stage in self.stage}

    def shifted_origin(self, stage: str, origin_of: Callable[[str], str]) -> str:
        """Where inputs of its own heading from elsewhere are half of the good or more, the origin of the largest."""
        suppliers = {row["supplier"] for row in self.inputs_of[stage]} - {stage}
        if any(stage in self.upstream(supplier) for supplier in suppliers):
            return self.country(stage)  # in a cycle
        bought: dict[str, Fraction] = defaultdict(lambda: ZERO)
        for row in self.inputs_of[stage]:
            supplier = row["supplier"]
            same_heading = digits(self.stage[supplier]["product"])[:4] == digits(self.stage[stage]["product"])[:4]
            if supplier != stage and same_heading and origin_of(supplier) != self.country(stage):
                bought[supplier] += number(row["share"])
        if round(sum(bought.values(), ZERO), 12) < Fraction(1, 2):
            return self.country(stage)
        return origin_of(min(bought, key=lambda supplier: (-bought[supplier], supplier)))

    def upstream(self, stage: str) -> frozenset[str]:
        """Return the stage and all that it is made of, directly or not."""
        reached = {stage}
        waiting = [stage]
        while waiting:
            suppliers = {row["supplier"] for row in self.inputs_of[waiting.pop()]} - reached
            reached |= suppliers
            waiting += sorted(suppliers)
        return frozenset(reached)

    def nationality(self, stage: str) -> str:
        return self.stage[stage].get("nationality") or self.country(stage)

    def value_added(self, stage: str) -> Fraction:
        return ONE - sum((number(row["share"]) for row in self.inputs_of[stage]), ZERO)

    def shows_inputs(self, stage: str) -> bool:
        return bool(self.inputs_of[stage])

    @cached_property
    def ids(self) -> dict[int, str]:
        """Id of every input and shipment row by ``id(row)``: as given, else supplier->user with #2, #3 ..."""
        found = {}
        for rows, ends in ((self.inputs, ("supplier", "user")), (self.shipments, ("stage", "market"))):
            seen: dict[str, int] = defaultdict(int)
            for row in rows:
                name = "->".join(row[end] for end in ends)
                seen[name] += 1
                found[id(row)] = row.get("id") or (name if seen[name] == 1 else f"{name}#{seen[name]}")
        return found


def leontief_inverse(graph: Graph) -> dict[str, dict[str, Fraction]]:
    """Return L = (I − A)^-1 as L[j][f]: the output of stage j that is embodied in one unit of f."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    for row in graph.inputs:
        matrix[place[row["supplier"]]][place[row["user"]]] -= number(row["share"])
    identity = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    inverse = solve(matrix, identity)
    return {j: {f: inverse[place[j]][place[f]] for f in names} for j in names}


def value_added_content(graph: Graph) -> dict[str, dict[str, Fraction]]:
    """Return the part of every stage's value that was added in each country; it sums to 1."""
    inverse = leontief_inverse(graph)
    content: dict[str, dict[str, Fraction]] = {}
    for f in graph.stage:
        content[f] = defaultdict(lambda: ZERO)
        for j in graph.stage:
            content[f][graph.country(j)] += graph.value_added(j) * inverse[j][f]
    return content


def content_of_kind(graph: Graph, matches: dict[str, bool]) -> dict[str, Fraction | None]:
    """Return K of every stage: 1 where it matches, else Σ a K_supplier; None (unknown) where it shows no inputs."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    for name in names:
        if not matches[name]:  # a matching stage counts whole and is not looked into
            for row in graph.inputs_of[name]:
                matrix[place[name]][place[row["supplier"]]] -= number(row["share"])
    held = solve(matrix, [[ONE if matches[name] else ZERO] for name in names])
    return {name: held[place[name]][0] if matches[name] or graph.inputs_of[name] else None for name in names}


def residual_content(graph: Graph, matches: dict[str, bool], kind: str) -> dict[str, Fraction | None]:
    """Return the customs reading of a kind: 1 where a stage matches, else 1 less the inputs shown to hold none.

    An input is shown to hold none where it declares 0, or declares nothing and its recursive content is known to be 0.
    A stage all whose inputs are shown to hold none holds none; one that shows no inputs is unknown.
    """
    recursive = content_of_kind(graph, matches)
    held: dict[str, Fraction | None] = {}
    for stage, rows in graph.inputs_of.items():
        without = []
        for row in rows:
            declared = row.get(f"content.{kind}")
            content = recursive[row["supplier"]] if declared is None else number(declared)
            if content == 0:
                without.append(row)
        if matches[stage]:
            held[stage] = ONE
        elif not rows:
            held[stage] = None
        elif len(without) == len(rows):
            held[stage] = ZERO
        else:
            held[stage] = ONE - sum((number(row["share"]) for row in without), ZERO)
    return held
