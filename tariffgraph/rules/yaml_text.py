"""YAML in which every scalar is text, and every value knows its place.

A rule set writes ``NO``, ``0702`` and ``8703.20`` and means what it wrote, so no scalar is typed here. Aliases,
anchors, tags, duplicate keys, deep nesting and several documents in one file are refused: what is read is a tree of
mappings, lists and text, as large as the file and no larger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from ..errors import Finding, RulesError, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEEPEST", "MOST_PARTS", "MOST_PROBLEMS", "Items", "Node", "Place", "Table", "parse_yaml", "place_of"]

#: levels of nesting that are read; a rule set needs about ten
DEEPEST = 60
#: keys, values, and begins and ends of lists and mappings in one file; 20,000 rows have about 230,000
MOST_PARTS = 350_000
#: problems after which reading stops: a file with so many is not a rule set
MOST_PROBLEMS = 1000

Place: TypeAlias = tuple[int, int]


class Table(dict[str, Any]):
    """A YAML mapping: where it begins, and where each key and each value stands (line and column from 1)."""

    __slots__ = ("keys_at", "place", "values_at")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.keys_at: dict[str, Place] = {}
        self.values_at: dict[str, Place] = {}


class Items(list[Any]):
    """A YAML sequence: where it begins, and where each item stands."""

    __slots__ = ("items_at", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.items_at: list[Place] = []


Node: TypeAlias = Table | Items | str

try:
    _Parser: Any = yaml.CSafeLoader
except AttributeError:  # PyYAML built without libyaml: slower, the same result
    _Parser = yaml.SafeLoader


def parse_yaml(text: str, file: str = "") -> Node:
    """Return the tree of the one document in ``text``: Table, Items and str; "" where there is none.

    Raises RulesError with every alias, anchor, tag and duplicate key, or with the first breach of YAML itself.
    """
    at = text.find("\n%TAG") + 1
    if at or text.startswith("%TAG"):
        # libyaml compares each with all before it: a file of them would take minutes.
        finding = Finding("the directive '%TAG' is refused", "Leave it out: every value is read as text.", check="yaml")
        raise RulesError(finding.at(file=file, line=text.count("\n", 0, at) + 1, column=1))
    builder = _Builder(file)
    parser = _Parser(text)
    try:
        builder.build(parser)
    except yaml.YAMLError as problem:
        # A list where a key is expected is what a missing bracket looks like before it is missed.
        builder.problems = [one for one in builder.problems if one.check != "yaml-key"]
        builder.problems.append(_not_yaml(problem, text))
    finally:
        parser.dispose()
    if builder.problems:
        raise RulesError([problem.at(file=file) for problem in builder.problems])
    return builder.root


class _Builder:
    """Takes parsing events one by one; keeps its own stack, so that nesting costs no recursion."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Finding] = []
        self.root: Node = ""

    def build(self, parser: Any) -> None:
        # Each level of the stack: the container, and in a mapping the key that waits for its value.
        stack: list[tuple[Table | Items, list[tuple[str, Place]]]] = []
        documents = parts = 0
        scalar, mapping, sequence = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
        while (event := parser.get_event()) is not None:
            kind = type(event)
            parts += 1
            if parts > MOST_PARTS:
                message = f"more than {MOST_PARTS:,} keys, values, and ends of lists and mappings"
                self.refuse(event, message, "Split the file, or move lists into lists/NAME.csv.")
                return
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                stack.pop()
                continue
            if kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self.refuse(event, "a second document begins here", "Write one document a file.")
                    return
                continue
            if kind is yaml.AliasEvent or (kind in (scalar, mapping, sequence) and (event.anchor or event.tag)):
                self.refuse_extras(event)
            elif kind not in (scalar, mapping, sequence):
                continue
            if len(self.problems) >= MOST_PROBLEMS:
                return
            start = event.start_mark
            place = (start.line + 1, start.column + 1)
            node: Node
            if kind is mapping:
                node = Table(place)
            elif kind is sequence:
                node = Items(place)
            else:
                node = event.value if kind is scalar else ""
            if not stack:
                self.root = node
            else:
                container, key = stack[-1]
                if type(container) is Items:
                    container.append(node)
                    container.items_at.append(place)
                elif type(container) is Table:
                    self.put(container, key, node, place, event)
            if kind is mapping or kind is sequence:
                if len(stack) == DEEPEST:
                    self.refuse(event, f"more than {DEEPEST} levels of nesting", "A rule set needs about ten.")
                    return
                stack.append((node, []))  # type: ignore[arg-type]

    def put(self, table: Table, key: list[tuple[str, Place]], node: Node, place: Place, event: Any) -> None:
        """Take ``node`` as the next key of ``table``, or as the value of the key that waits."""
        if not key:
            if not isinstance(node, str):
                message = "a list or mapping stands where a key is expected"
                self.refuse(event, message, "Write the key as text.", check="yaml-key")
                node = f"key at {place}"
            key.append((node, place))
            return
        name, key_place = key.pop()
        if name in table:
            self.problems.append(
                Finding(
                    f"'{visible(name)}' is written twice in one mapping (first in line {table.keys_at[name][0]})",
                    "Keep one of them.",
                    check="duplicate-key",
                    line=key_place[0],
                    column=key_place[1],
                    field=visible(name),
                )
            )
            return
        table[name] = node
        table.keys_at[name] = key_place
        table.values_at[name] = place

    def refuse_extras(self, event: Any) -> None:
        if type(event) is yaml.AliasEvent:
            self.refuse(event, f"the alias '*{visible(str(event.anchor))}' is refused", "Write the value out.")
            return
        if event.anchor:
            self.refuse(
                event, f"the anchor '&{visible(str(event.anchor))}' is refused", "Write the value out where it is used."
            )
        if event.tag:
            self.refuse(
                event, f"the tag '{visible(str(event.tag))}' is refused", "Leave it out: every value is read as text."
            )

    def refuse(self, event: Any, message: str, remedy: str, check: str = "yaml") -> None:
        mark = event.start_mark
        self.problems.append(Finding(message, remedy, check=check, line=mark.line + 1, column=mark.column + 1))


def _not_yaml(problem: yaml.YAMLError, text: str) -> Finding:
    mark = getattr(problem, "problem_mark", None)
    context, words = getattr(problem, "context", None) or "", getattr(problem, "problem", None) or str(problem)
    context_mark = getattr(problem, "context_mark", None)
    if "quoted scalar" in context and context_mark is not None:
        words, remedy, mark = "a quote is opened here and not closed", "Close the quote.", context_mark
    elif mark is not None and "cannot start any token" in words and text[mark.index : mark.index + 1] == "\t":
        words, remedy = "a tab stands where YAML wants spaces", "Indent with spaces."
    else:
        words = f"not YAML: {words.strip()} {context.strip()}".rstrip()
        remedy = "Mend the line; text with ': ', '#' or a leading '*', '&', '!', '%' or '@' needs quotes."
    return Finding(
        visible(words, 300),
        remedy,
        check="yaml",
        line=None if mark is None else mark.line + 1,
        column=None if mark is None else mark.column + 1,
    )


def place_of(
    tree: object, path: Iterable[str | int], *, key: bool = False
) -> tuple[Place | None, tuple[str | int, ...]]:
    """Return the place of the value at ``path`` and the steps that lead there.

    A step that does not fit is passed over (the schema takes one row for a list of one row), so the deepest value
    that is written answers. ``key``: the place of the last key instead of its value.
    """
    place: Place | None = getattr(tree, "place", None)
    taken: list[str | int] = []
    for step in path:
        if isinstance(tree, Table) and step in tree:
            name = str(step)
            place = (tree.keys_at if key else tree.values_at)[name]
            tree = tree[name]
        elif isinstance(tree, Items) and isinstance(step, int) and step < len(tree):
            place, tree = tree.items_at[step], tree[step]
        else:
            continue
        taken.append(step)
    return place, tuple(taken)
