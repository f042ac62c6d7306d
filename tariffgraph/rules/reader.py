"""Reading rule sets as text: files, folders, bundled names; overlays laid over the sets that they extend."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..bundled import bundled_rule_sets, bundled_rules
from ..errors import DatasetError, Finding, RulesError, suggestion, visible
from ..frozen import FrozenMapping
from .csv_files import read_list, read_schedule
from .overlay import add_definitions, add_part, apply_overlay, typed_overlay
from .recall import keep_set
from .rule_set import RuleSet
from .rules import Rules, combine
from .schema import PartKeys, RuleSetKeys, validate
from .text_file import LARGEST_TABLE, LARGEST_YAML, check_for_link_out_of, read_text
from .yaml_text import Items, Table, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Reader"]

_SUFFIXES = (".yaml", ".yml")


@dataclass
class _Document:
    """One YAML file of a source."""

    file: str
    tree: Table


@dataclass
class _Source:
    """A rule set or an overlay as it lies on the disk; ``head`` carries ``ruleset`` or ``extends``."""

    path: Path
    shown: str
    name: str
    head: _Document
    parts: list[_Document] = field(default_factory=list)

    @property
    def extends(self) -> str:
        """The rule set that an overlay extends, "" for a rule set."""
        written = self.head.tree.get("extends", "")
        return written if isinstance(written, str) else ""

    @property
    def is_overlay(self) -> bool:
        return "extends" in self.head.tree


class Reader:
    """Reads sources and remembers their trees, so that problems found later can be placed."""

    def __init__(self) -> None:
        self.documents: list[_Document] = []
        self.places: dict[tuple[str, str], str] = {}

    # --- opening ------------------------------------------------------------------------------------

    def open(self, source: str | os.PathLike[str]) -> _Source:
        """Return the source's YAML, untyped; a path first, else a bundled name."""
        text = os.fspath(source)
        path = Path(text)
        try:
            exists = path.exists()
        except (OSError, ValueError):
            exists = False
        if exists and text:
            return self.open_path(path, text.rstrip("/") or text)
        bundled = bundled_rules(text)
        return self.open_path(bundled, bundled.name)

    def open_path(self, path: Path, shown: str) -> _Source:
        """Return the source at ``path``, which messages call ``shown``."""
        shown = visible(shown, 200)
        if not path.is_dir():
            return _Source(path, shown, path.stem, self.document(path, shown))
        files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES)
        documents: list[_Document] = []
        findings: list[Finding] = []
        for file in files:
            try:
                check_for_link_out_of(path, file, f"{shown}/{file.name}")
                documents.append(self.document(file, f"{shown}/{file.name}"))
            except RulesError as error:
                findings += error.findings
        if findings:
            raise RulesError(findings)
        heads = [document for document in documents if "ruleset" in document.tree or "extends" in document.tree]
        if len(heads) != 1:
            found = (
                f"{len(heads)} do: {', '.join(head.file for head in heads)}"
                if heads
                else f"none of {len(files)} files does"
            )
            raise RulesError(
                Finding(
                    f"one file of a rule set's folder carries 'ruleset' (or 'extends'), and {found}",
                    "Write ruleset: NAME in one file.",
                    check="folder",
                    file=shown,
                )
            )
        return _Source(
            path, shown, path.name, heads[0], [document for document in documents if document is not heads[0]]
        )

    def document(self, path: Path, shown: str) -> _Document:
        """Return one file, parsed and remembered."""
        tree = parse_yaml(read_text(path, shown, LARGEST_YAML), shown)
        if not isinstance(tree, Table):
            what = "the file is empty" if tree == "" else "the file holds no mapping"
            raise RulesError(Finding(what, "Write ruleset: NAME and importer: COUNTRY.", check="yaml", file=shown))
        document = _Document(shown, tree)
        self.documents.append(document)
        return document

    # --- reading ------------------------------------------------------------------------------------

    def read(self, sources: Iterable[str | os.PathLike[str] | Rules | RuleSet]) -> Rules:
        """Return everything given, combined and checked."""
        given: list[RuleSet | _Source] = []
        for source in sources:
            if isinstance(source, Rules):
                given += source.rule_sets
            elif isinstance(source, RuleSet):
                given.append(source)
            else:
                given.append(self.open(source))
        problems: list[Finding] = []
        rule_sets: list[RuleSet] = []
        overlays: list[_Source] = []
        for one in given:
            if isinstance(one, RuleSet):
                rule_sets.append(one)
            elif one.is_overlay:
                if any(one.path.resolve() == other.path.resolve() for other in overlays):
                    finding = Finding(
                        f"the overlay '{visible(one.name)}' is given twice", "Give it once.", check="rules"
                    )
                    problems.append(finding.at(file=one.head.file))
                overlays.append(one)
            else:
                rule_sets += self.attempt(problems, one)
        for overlay in overlays:
            if not problems and all(one.id != overlay.extends for one in rule_sets):
                rule_sets += self.attempt(problems, self.extended_by(overlay))
        sets = tuple(rule_sets)
        for overlay in overlays:
            if not problems:
                sets = self.lay_over(sets, overlay, problems)
        if problems:
            raise RulesError(self.placed(_in_order(problems)))
        try:
            return combine(sets, self.places)
        except RulesError as error:
            raise RulesError(_in_order(self.placed(error.findings))) from None

    def attempt(self, problems: list[Finding], source: _Source) -> list[RuleSet]:
        """Return the one rule set of a source, or none and its problems."""
        earlier, self.places = self.places, {}
        try:
            read = self.rule_set(source)
            keep_set(source.path, source.shown, read, self.places)
            return [read]
        except RulesError as error:
            problems += error.findings
            return []
        finally:
            self.places = {**earlier, **self.places}

    def extended_by(self, overlay: _Source) -> _Source:
        """Return the rule set that the overlay extends: beside it, or bundled."""
        name, head = overlay.extends, overlay.head
        folder = overlay.path.resolve().parent
        place = head.tree.values_at.get("extends")
        finding = Finding(
            "", check="extends", file=head.file, line=place and place[0], column=place and place[1], field="extends"
        )
        for beside in (folder / name, *(folder / f"{name}{suffix}" for suffix in _SUFFIXES)):
            if name and Path(name).name == name and beside.exists() and beside != overlay.path.resolve():
                source = self.open_path(beside, str(Path(head.file).parent / beside.name))
                break
        else:
            try:
                path = bundled_rules(name)
            except DatasetError:
                message = f"no rule set '{visible(name)}' is among the sources, beside the overlay or bundled"
                remedy = suggestion(name, bundled_rule_sets(), "rule sets")
                raise RulesError(replace(finding, message=message, remedy=remedy, value=name)) from None
            source = self.open_path(path, path.name)
        own_name = str(source.head.tree.get("ruleset", ""))
        if source.is_overlay or own_name != name:
            what = "is an overlay itself" if source.is_overlay else f"calls itself '{visible(own_name)}'"
            remedy = (
                f"Extend {visible(source.extends or own_name)}; overlays given together are applied in their order."
            )
            raise RulesError(replace(finding, message=f"'{visible(name)}' {what}", remedy=remedy, value=name))
        return source

    def rule_set(self, source: _Source) -> RuleSet:
        """Return one rule set, typed: the head, the other files of its folder, the lists and schedules beside."""
        head = source.head
        findings: list[Finding] = []
        parts: list[tuple[_Document, PartKeys]] = []
        for document in (head, *source.parts):
            try:
                parts.append(
                    (document, validate(RuleSetKeys if document is head else PartKeys, document.tree, document.file))
                )
            except RulesError as error:
                findings += error.findings
        if findings:
            raise RulesError(findings)
        keys = parts[0][1]
        assert isinstance(keys, RuleSetKeys)  # noqa: S101
        for name in ("importer", "column_1"):
            at = head.tree.values_at.get(name)
            if at is not None:
                self.places[name, keys.ruleset] = f"{head.file}:{at[0]}:{at[1]}"
        nothing: FrozenMapping[str, Any] = FrozenMapping()
        rule_set = RuleSet(
            keys.ruleset,
            keys.importer,
            keys.title,
            keys.column_1,
            keys.complete_from,
            keys.complete_until,
            groups=nothing,
            regions=nothing,
            content=nothing,
            programs=nothing,
            lists=nothing,
            schedules=nothing,
        )
        for document, part in parts:
            rule_set = self.added(rule_set, part, document, findings)
        return self.with_tables(rule_set, source, findings)

    def added(self, rule_set: RuleSet, part: PartKeys, document: _Document, findings: list[Finding]) -> RuleSet:
        """Return the rule set with what a file says; its problems are added to ``findings``."""
        try:
            return add_part(rule_set, part, document.tree, document.file, self.places)
        except RulesError as error:
            findings += error.findings
            return rule_set

    def lay_over(self, rule_sets: tuple[RuleSet, ...], source: _Source, problems: list[Finding]) -> tuple[RuleSet, ...]:
        """Return the rule sets with the overlay applied; its problems are added to ``problems``."""
        document = source.head
        findings: list[Finding] = []
        try:
            keys = typed_overlay(document.tree, document.file)
            target = next(one for one in rule_sets if one.id == keys.extends)
            extended = target
            for other in source.parts:
                extended = self.added(extended, validate(PartKeys, other.tree, other.file), other, findings)
            extended = self.with_tables(extended, source, findings)
            sets = tuple(extended if one is target else one for one in rule_sets)
            return apply_overlay(sets, keys, document.tree, document.file, source.name, self.places)
        except RulesError as error:
            problems += error.findings
            return rule_sets

    def with_tables(self, rule_set: RuleSet, source: _Source, findings: list[Finding]) -> RuleSet:
        """Return the rule set with ``lists/*.csv`` and ``schedules/*.csv``: a folder's all, a file's where named."""
        folder = source.path if source.path.is_dir() else source.path.parent
        shown = Path(source.head.file).parent
        wanted = None if source.path.is_dir() else _names_of_tables(rule_set, source.head.tree)
        for section in ("lists", "schedules"):
            beside = folder / section
            if not beside.is_dir():
                continue
            for path in sorted(one for one in beside.iterdir() if one.suffix == ".csv"):
                if wanted is not None and path.stem not in wanted:
                    continue
                file = str(shown / section / path.name)
                try:
                    check_for_link_out_of(folder, path, file)
                    text = read_text(path, file, LARGEST_TABLE)
                    table = read_list(text, file) if section == "lists" else read_schedule(text, file, path.stem)
                    rule_set = add_definitions(
                        rule_set, section, {path.stem: table}, {(section, path.stem): f"{file}:1"}, self.places
                    )
                except RulesError as error:
                    findings += error.findings
        if findings:
            raise RulesError(findings)
        return rule_set

    # --- places -------------------------------------------------------------------------------------

    def placed(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings, each at the very word that is wrong where that can be found in its row."""
        tables = {
            (document.file, *node.place): node for document in self.documents for node in _containers(document.tree)
        }
        return [self.at_word(finding, tables) for finding in findings]

    @staticmethod
    def at_word(finding: Finding, tables: dict[tuple[str, int, int], Table | Items]) -> Finding:
        """Return the finding at the word of its row that is wrong."""
        node = tables.get((finding.file, finding.line or 0, finding.column or 0))
        if node is None or not finding.field or finding.check != "rules":
            return finding
        key = finding.field.rsplit(".", 1)[-1]
        if isinstance(node, Table) and key in node:
            inner = node[key]
            place = _find_word(inner, finding.value) or node.values_at[key]
            if inner == finding.value:
                place = node.values_at[key]
        else:
            place = _find_word(node, finding.value) or node.place
        return finding.at(line=place[0], column=place[1])


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda one: (one.file, one.line or 0, one.column or 0))


def _containers(tree: Table | Items) -> Iterator[Table | Items]:
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (Table, Items)):
            yield node
            waiting += node.values() if isinstance(node, Table) else node


def _find_word(tree: object, word: str) -> tuple[int, int] | None:
    """Return the place of the first scalar or key ``word`` below ``tree``."""
    if not word or not isinstance(tree, (Table, Items)):
        return None
    for node in _containers(tree):
        if isinstance(node, Table):
            if word in node:
                return node.keys_at[word]
            for key, value in node.items():
                if value == word:
                    return node.values_at[key]
        elif word in node:
            return node.items_at[node.index(word)]
    return None


def _names_of_tables(rule_set: RuleSet, tree: Table) -> set[str]:
    """Return every word of the file that may name a list or a schedule."""
    words: set[str] = set()
    for node in _containers(tree):
        values = node.values() if isinstance(node, Table) else node
        words.update(value for value in values if isinstance(value, str))
    return words - set(rule_set.lists)
