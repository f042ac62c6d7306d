"""The file that says what to sweep: a graph, its rules and days, and a grid or a list of scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bundled import bundled_graph, bundled_rules
from ..codes import CodeProblem, parse_date
from ..errors import DatasetError, Finding, TariffGraphError, suggestion, visible
from ..rules.text_file import LARGEST_YAML, read_text
from ..rules.yaml_text import Items, Table, parse_yaml, place_of
from ..scenarios.stated import Stated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

__all__ = ["UNCHANGED", "Spec", "read_spec"]

KEYS = ("graph", "rules", "as_of", "known_on", "market", "grid", "scenarios")
#: what stands for "as it is" in a grid
UNCHANGED = "unchanged"


@dataclass(frozen=True, eq=False)
class Spec:
    """What a file says; paths in it are found. ``named`` are rules and graph as they are called in the file."""

    file: str
    tree: Table
    graph: Path | None
    rules: tuple[Path, ...]
    as_of: date | None
    known_on: date | None
    market: str | None
    stated: Stated
    overlays: Mapping[str, Path]

    def placed(self, finding: Finding, key: str) -> Finding:
        """Return the finding at a key of the file."""
        return finding.at(field=key, **_place(self.tree, self.file, key))


def read_spec(path: str) -> Spec:
    """Return what the file says. Raises TariffGraphError with all that is wrong in it, each with its line."""
    file = visible(path, 200)
    tree = parse_yaml(read_text(Path(path), file, LARGEST_YAML), file)
    if not isinstance(tree, Table):
        what = "the file is empty" if tree == "" else "the file holds no mapping"
        raise TariffGraphError(Finding(what, "Write graph: NAME, and a grid: or scenarios:.", file=file))
    return _Reader(tree, file, Path(path).parent).spec()


def _place(tree: Table, file: str, *path: str | int, key: bool = False) -> dict[str, Any]:
    place, _ = place_of(tree, path, key=key)
    line, column = place or (None, None)
    return {"file": file, "line": line, "column": column}


class _Reader:
    """Reads key by key and keeps the problems."""

    def __init__(self, tree: Table, file: str, folder: Path) -> None:
        self.tree, self.file, self.folder = tree, file, folder
        self.problems: list[Finding] = []

    def spec(self) -> Spec:
        for key in self.tree:
            if key not in KEYS:
                finding = Finding(f"unknown key '{visible(key)}'", suggestion(key, KEYS, "keys"), check="spec")
                self.problems.append(finding.at(**_place(self.tree, self.file, key, key=True)))
        graph = self.text("graph")
        overlays = dict(self.overlays())
        spec = Spec(
            file=self.file,
            tree=self.tree,
            graph=None if graph is None else self.found(graph, bundled_graph, "graph"),
            rules=tuple(one for at, name in self.names("rules") if (one := self.found(name, bundled_rules, *at))),
            as_of=self.day("as_of"),
            known_on=self.day("known_on"),
            market=self.text("market"),
            stated=self.stated(),
            overlays={name: path for name, path in overlays.items() if path is not None},
        )
        if self.problems:
            raise TariffGraphError(sorted(self.problems, key=lambda one: (one.line or 0, one.column or 0)))
        return spec

    def problem(self, message: str, remedy: str, *path: str | int) -> None:
        self.place(Finding(message, remedy, check="spec"), *path)

    def place(self, finding: Finding, *path: str | int) -> None:
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        self.problems.append(finding.at(field=key, **_place(self.tree, self.file, *path)))

    def text(self, key: str) -> str | None:
        value = self.tree.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        self.problem("there is no value" if value == "" else "it is no text", "Write one name.", key)
        return None

    def names(self, key: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
        value = self.tree.get(key, ())
        for at, name in [((key,), value)] if isinstance(value, str) else [((key, at), x) for at, x in enumerate(value)]:
            if isinstance(value, Table) or not isinstance(name, str) or not name:
                self.problem("it is no name", "Write a name or path, or a list of them.", *at)
                return
            yield at, name

    def day(self, key: str) -> date | None:
        text = self.text(key)
        try:
            return None if text is None else parse_date(text)
        except CodeProblem as problem:
            self.problem(problem.message, problem.remedy, key)
            return None

    def found(self, name: str, bundled: Callable[[str], Path], *at: str | int) -> Path | None:
        """Return where a name leads: in the file's folder, or to what is bundled."""
        path = self.folder / name
        try:
            if path.exists():
                if path.resolve().is_relative_to(self.folder.resolve()):
                    return path
            elif not Path(name).is_absolute() and ".." not in Path(name).parts:
                return bundled(name)
        except (OSError, ValueError):
            pass
        except DatasetError as error:
            for one in error.findings:
                self.place(one, *at)
            return None
        option = {"graph": "Name it on the command line: --graph", "rules": "Name it on the command line: --rules"}
        remedy = option.get(str(at[0]), "Copy it there")
        self.problem(f"'{visible(name, 200)}' leads out of the folder of {self.file}", f"{remedy}.", *at)
        return None

    def overlays(self) -> Iterator[tuple[str, Path | None]]:
        """Yield what the scenarios call overlays, and where they lie."""
        seen: set[str] = set()
        for path in self.overlay_paths():
            node: Any = self.tree
            for step in path:
                node = node[step]
            for at, name in [(path, node)] if isinstance(node, str) else [((*path, n), x) for n, x in enumerate(node)]:
                if isinstance(name, str) and name != UNCHANGED and name not in seen:
                    seen.add(name)
                    yield name, self.found(name, bundled_rules, *at)

    def overlay_paths(self) -> Iterator[tuple[str | int, ...]]:
        grid, scenarios = self.tree.get("grid"), self.tree.get("scenarios")
        if isinstance(grid, Table) and "overlays" in grid:
            values = grid["overlays"]
            yield from (
                [("grid", "overlays")]
                if isinstance(values, str)
                else [("grid", "overlays", at) for at in range(len(values))]
            )
        for at, one in enumerate(scenarios if isinstance(scenarios, Items) else ()):
            if isinstance(one, Table) and "overlays" in one:
                yield ("scenarios", at, "overlays")

    def stated(self) -> Stated:
        """Return the scenarios; problems are noted with the line of the value."""
        nothing = Stated((), (), {})
        which = [key for key in ("grid", "scenarios") if key in self.tree]
        if len(which) != 1:
            message = "there is neither a grid nor a list of scenarios" if not which else "there are both"
            self.problem(message, "Write grid: {KEY: [VALUE, ...]} or scenarios: [{KEY: VALUE}, ...].", *which[1:])
            return nothing
        key = which[0]
        node = self.tree[key]
        if not isinstance(node, Table if key == "grid" else Items) or not node:
            shape = "{KEY: [VALUE, ...]}" if key == "grid" else "[{KEY: VALUE}, ...]"
            self.problem("it holds nothing" if not node else "it has another shape", f"Write {key}: {shape}.", key)
            return nothing
        try:
            return Stated.of(
                _as_it_is(node), self.place_in_grid(node) if isinstance(node, Table) else self.place_in_list
            )
        except TariffGraphError as error:
            self.problems += [
                one if one.file else one.at(**_place(self.tree, self.file, key)) for one in error.findings
            ]
            return nothing

    def place_in_list(self, at: int, key: str) -> dict[str, Any]:
        return _place(self.tree, self.file, "scenarios", at, *([key] if key else ()))

    def place_in_grid(self, grid: Table) -> Callable[[int, str], dict[str, Any]]:
        steps: dict[str, tuple[int, int]] = {}
        step = 1
        for key in reversed(grid):
            size = max(1, len(grid[key])) if isinstance(grid[key], Items) else 1
            steps[key] = (step, size)
            step *= size

        def place(at: int, key: str) -> dict[str, Any]:
            if key not in steps:
                return _place(self.tree, self.file, "grid")
            step, size = steps[key]
            return _place(self.tree, self.file, "grid", key, at // step % size)

        return place


def _as_it_is(node: Any) -> Any:
    """Return the tree with None for what is to stay as it is."""
    if isinstance(node, Table):
        return {key: _as_it_is(value) for key, value in node.items()}
    if isinstance(node, Items):
        return [_as_it_is(value) for value in node]
    return None if node == UNCHANGED else node
