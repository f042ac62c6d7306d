"""What each class of crossings owes: the law is asked once a group of them.

Quotas are filled, and credits paid, once the law has answered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem
from ..errors import Finding, GraphError, visible
from ..frozen import FrozenMapping, FrozenRecord, read_only
from .assess import assess_group, claiming_and_not, line_of_member
from .credit import Charge, charges_of, with_credits
from .crossings import named
from .facts import Facts
from .quota import Quota, quota_of, split_by_quotas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Reach
    from .assess import Line
    from .credit import Lines
    from .crossings import Crossings
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = ["Assessed", "Classes", "assessed_classes", "facts_of_group", "groups_of", "lines_of_key", "owe"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Classes:
    """The border crossings of a graph by class, and what each class owes.

    ``crossings``: one row a crossing: its facts, ``kind`` (input or shipment), ``row`` in that table, ``class``;
    ``claimed`` is the program claimed, ``program`` the one that counts, ``qualifies`` whether it does. ``claims``: how
    each claim was judged. ``statutory``: (classes,), t; ``relief``: (classes,), 1 − drawback; ``pass_through``:
    (classes,), φ. ``line_class``, ``line_measure``, ``line_rate``: (lines,), the part of a class's t that each measure
    charges or credit pays, by its number in ``charges``.
    """

    borders: Crossings
    charges: tuple[Charge, ...]
    statutory: Array
    relief: Array
    pass_through: Array
    line_class: Array
    line_measure: Array
    line_rate: Array
    counts: FrozenRecord = FrozenRecord()  # noqa: RUF009
    findings: tuple[Finding, ...]

    @property
    def crossings(self) -> pl.DataFrame:
        """One row a crossing with its facts."""
        return self.borders.frame.clone()

    @property
    def claims(self) -> pl.DataFrame:
        """How each claim of a preference was judged."""
        return self.borders.claims.clone()

    @property
    def tau(self) -> Array:
        """τ = t (1 − drawback) of each class, (classes,)."""
        return self.statutory * self.relief

    @property
    def lines(self) -> tuple[Array, Array, Array]:
        """Class, charge and part of t of every line, (lines,) each."""
        return self.line_class, self.line_measure, self.line_rate


def owe(graph: ProductionGraph, law: Law, borders: Crossings, varied: Mapping[str, float] = FrozenMapping()) -> Classes:
    """Ask the law what each class of crossings owes. Raises GraphError with all whose facts do not suffice.

    ``varied``: what a scenario fills in for varied rates.
    """
    return _Asking(graph, law, borders, varied).classes()


@dataclass(frozen=True, slots=True)
class Assessed:
    """What some classes owe: ``weight`` times these lines, whose numbers are arrays over ``classes``."""

    classes: Array
    weight: float
    lines: list[Line]


def assessed_classes(graph: ProductionGraph, law: Law, borders: Crossings) -> tuple[Assessed, ...]:
    """Return all that the law says of each set of facts (by number in ``borders.keys``), credits apart.

    What ``owe`` adds up, with the measures that do not apply and why; nothing for importers that no rule set covers.
    """
    asking = _Asking(graph, law, borders, FrozenMapping())
    return tuple(asking._quotas_filled(borders.keys, asking._assessed(borders.keys)))


def lines_of_key(assessed: Sequence[Assessed], key: int) -> list[tuple[float, list[Line]]]:
    """Return the entries that one set of facts is made of: the weight of each, and its line for every measure.

    Several where a preference is claimed, or a quota filled, in part; their weights add to 1.
    """
    found = []
    for one in assessed:
        at = np.flatnonzero(one.classes == key)
        if len(at):
            found.append((one.weight, [line_of_member(line, int(at[0])) for line in one.lines]))
    return found


class _Asking:
    """The steps from classes to what they owe, in order."""

    def __init__(self, graph: ProductionGraph, law: Law, borders: Crossings, varied: Mapping[str, float]) -> None:
        self.graph = graph
        self.law = law
        self.borders = borders
        self.varied = varied
        self.findings: list[Finding] = list(borders.findings)
        self.counts: dict[str, int] = {}

    def classes(self) -> Classes:
        borders = self.borders
        keys = borders.keys
        assessed = self._quotas_filled(keys, self._assessed(keys))
        lines = _expanded(self._lines(assessed), borders.parents, len(keys))
        relief = (1.0 - keys["drawback"].to_numpy())[borders.parents]
        line_class, line_measure, line_rate = with_credits(self.law, self.graph.stages, borders, relief, lines)
        return Classes(
            borders=borders,
            charges=charges_of(self.law),
            # bincount adds in the order of the lines
            statutory=read_only(np.bincount(line_class, weights=line_rate, minlength=len(relief)).astype(np.float64)),
            relief=read_only(relief),
            pass_through=read_only(keys["pass_through"].to_numpy()[borders.parents]),
            line_class=read_only(line_class),
            line_measure=read_only(line_measure),
            line_rate=read_only(line_rate),
            counts={**borders.counts, **self.counts},
            findings=tuple(self.findings),
        )

    def _warn(self, message: str, remedy: str, check: str, crossing: str = "") -> None:
        self.findings.append(Finding(message, remedy, severity="warning", check=check, crossing=crossing))

    def _assessed(self, keys: pl.DataFrame) -> dict[int, list[Assessed]]:
        """Ask the law once a group of classes; return by group who owes which lines, quotas taken as not filled."""
        assessed: dict[int, list[Assessed]] = {}
        problems: dict[tuple[str, str], list[int]] = {}
        uncovered: set[str] = set()
        for group, members in groups_of(keys):
            importer = str(members["importer"][0])
            if not self.law.importer(importer).measures:
                uncovered.add(importer)
                continue
            try:
                assessed[group] = list(self._owed(members))
            except CodeProblem:
                # Messages name the product, and a group may hold several.
                for _, of_product in members.group_by("product", maintain_order=True):
                    try:
                        list(self._owed(of_product))
                    except CodeProblem as problem:
                        problems.setdefault((problem.message, problem.remedy), []).extend(of_product["class"])
        self._raise(problems)
        self._uncovered(uncovered)
        return assessed

    def _owed(self, members: pl.DataFrame, within: Mapping[str, float] | None = None) -> Iterator[Assessed]:
        """Yield what the classes of a group owe; ``within``: their part in each quota that is too small."""
        key = members.row(0, named=True)
        importer = self.law.importer(key["importer"])
        class_ = members["class"].to_numpy().astype(np.int64)
        facts = replace(facts_of_group(members, self.borders.reaches), varied=self.varied)
        entries = claiming_and_not(facts, key["utilization"])
        for weight, facts in split_by_quotas(entries, within) if within else entries:
            for some, lines in assess_group(self.law, importer, facts, len(members)):
                yield Assessed(class_[some], weight, lines)

    def _raise(self, problems: Mapping[tuple[str, str], Sequence[int]]) -> None:
        if problems:
            raise GraphError(
                Finding(f"{message} (at {self._named(classes)[0]})", remedy, check="facts")
                for (message, remedy), classes in sorted(problems.items())
            )

    def _quotas_filled(self, keys: pl.DataFrame, assessed: dict[int, list[Assessed]]) -> list[Assessed]:
        """Let the shipments fill the quotas they draw on; return the lines with what lies beyond a quota charged so."""
        brought: dict[int, list[tuple[float, str]]] = {}
        for class_, quantity, unit in self.borders.brought.iter_rows():
            brought.setdefault(class_, []).append((quantity, unit))
        quotas: dict[str, Quota] = {}
        problems: dict[tuple[str, str], list[int]] = {}
        for part in (part for parts in assessed.values() for part in parts) if brought else ():
            rates = [rate for line in part.lines if (rate := quota_of(line, self.law)) is not None]
            for name in sorted({rate.name for rate in rates}):
                quota = quotas.setdefault(name, Quota(name, *self.law.quantities[name]))
                if any(rate.over_quota is None for rate in rates if rate.name == name):
                    quota.refused.update(one for one in part.classes.tolist() if one in brought)
                for class_ in (one for one in part.classes.tolist() if one in brought):
                    try:
                        quota.draw(class_, part.weight, brought[class_])
                    except CodeProblem as problem:
                        problems.setdefault((problem.message, problem.remedy), []).append(class_)
        self._raise(problems)
        short: dict[int, dict[str, float]] = {}
        for name, quota in sorted(quotas.items()):
            if quota.within == 1.0:
                continue
            if quota.refused:
                self.findings.append(quota.refusal(self._named(sorted(quota.refused))[0]))
            for class_ in set(quota.classes) - quota.refused:
                short.setdefault(class_, {})[name] = quota.within
        for group, members in groups_of(keys) if short else ():
            drawing = members["class"].is_in(pl.Series(sorted(short), dtype=pl.UInt32).implode())
            if drawing.any():
                rest = members.filter(~drawing)
                assessed[group] = list(self._owed(rest)) if len(rest) else []
                for at in drawing.arg_true():
                    assessed[group] += self._owed(members[at : at + 1], short[members["class"][at]])
        return [part for parts in assessed.values() for part in parts]

    def _lines(self, assessed: Sequence[Assessed]) -> Lines:
        """Return what each measure charges on each class (class, measure, t_m); warn of what is surprising."""
        coarse: dict[str, list[int]] = {}
        refused: dict[str, list[int]] = {}
        met: set[int] = set()
        reasons: dict[int, Counter[str]] = {}
        found: list[tuple[Array, Array, Array]] = []
        for part in assessed:
            for line in part.lines:
                for reason in line.coarse:
                    where = f"{self.law.measures[line.number].measure.id}: {reason}"
                    coarse.setdefault(where, []).extend(part.classes.tolist())
                if line.refused:
                    refused.setdefault(line.quota, []).extend(part.classes.tolist())
                if line.status == "not-applicable":
                    told = line.reason.partition(" (it is ")[0]
                    reasons.setdefault(line.number, Counter())[told] += len(part.classes)
                    continue
                met.add(line.number)
                size = len(part.classes)
                duty = np.broadcast_to(np.asarray(part.weight * line.duty, np.float64), size)
                found.append((part.classes, np.full(size, line.number, np.int64), duty))
        for reason, classes in sorted(coarse.items()):
            text, crossing = self._named(classes)
            self._warn(f"{reason} (at {text})", "Give it with more digits.", "coarse-product", crossing)
        for name, classes in sorted(refused.items()):
            text, crossing = self._named(classes)
            self._warn(
                f"the quota '{visible(name)}' is declared filled at {text}, and beyond it nothing is admitted: "
                "the rate within the quota is shown",
                "Leave the declaration out, or the crossing.",
                "quota",
                crossing,
            )
        self._unmatched(met, reasons)
        return _summed(found, len(self.law.measures))

    def _uncovered(self, uncovered: set[str]) -> None:
        keys = self.borders.keys.filter(
            pl.col("importer").is_in(pl.Series(sorted(uncovered), dtype=pl.String).implode())
        )
        ids, count = self.borders.of_keys(keys["class"].to_list())
        self.counts["crossings_not_covered"] = count
        if count:
            self._warn(
                f"no loaded rule set covers imports into {', '.join(sorted(uncovered))}: "
                f"{named(ids, count)} pay{'s' if count == 1 else ''} nothing",
                "Load the rule sets of these importers to charge their duties.",
                "importer-not-covered",
                ids[0] if count == 1 else "",
            )

    def _named(self, keys: Sequence[int]) -> tuple[str, str]:
        """Return the first crossings with these keys in words, and the id if it is just one."""
        ids, count = self.borders.of_keys(keys)
        return named(ids, count), ids[0] if count == 1 else ""

    def _unmatched(self, met: set[int], reasons: Mapping[int, Counter[str]]) -> None:
        """Warn of measures in force that meet no crossing of the graph, and say why."""
        for one in self.law.measures:
            if one.dormant or one.number in met:
                continue
            products = one.measure.conditions.products
            if one.number not in reasons:
                importers = " or ".join(one.measure.conditions.importer or one.rule_set.importer)
                why = f"nothing in it is imported by {importers}"
            elif products is not None and not len(self.law.scope(products, one.rule_set)):
                why = f"the list {' and '.join(products.lists)} is empty"
            else:
                told = sorted(reasons[one.number].items(), key=lambda pair: (-pair[1], pair[0]))
                why = "; or ".join(reason for reason, _ in told[:3])
            self._warn(f"the measure {one.measure.id} matches nothing in this graph: {why}", "", "matches-nothing")


def groups_of(keys: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the sets of facts group by group, in the order of the groups."""
    group = keys["group"].to_numpy()
    ordered = keys[np.argsort(group, kind="stable")]
    start = 0
    for number, size in enumerate(np.bincount(group).tolist()):
        yield number, ordered[start : start + size]
        start += size


def _summed(found: Sequence[tuple[Array, Array, Array]], measures: int) -> Lines:
    """Return the lines in the order of class and measure, those of one class and measure added up, zeros left out."""
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    class_, measure, duty = (np.concatenate(part) for part in zip(*found, strict=True))
    place = class_ * measures + measure
    order = np.argsort(place, kind="stable")
    place, first = np.unique(place[order], return_index=True)
    total = np.add.reduceat(duty[order], first)
    kept = total != 0.0
    return place[kept] // measures, place[kept] % measures, total[kept]


def _expanded(lines: Lines, parents: Array, keys: int) -> Lines:
    """Return the lines of every class: those of its parent."""
    class_, measure, rate = lines
    if len(parents) == keys:
        return lines
    start = np.searchsorted(class_, np.arange(keys + 1))
    count = (start[1:] - start[:-1])[parents]
    at = np.repeat(start[parents] - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
    return np.repeat(np.arange(len(parents)), count), measure[at], rate[at]


def facts_of_group(members: pl.DataFrame, reaches: Sequence[Reach]) -> Facts:
    """Return the facts of a group of classes, its numbers as arrays."""
    key = members.row(0, named=True)

    def number(name: str) -> Array | None:
        return None if key[name] is None else members[name].to_numpy()

    return Facts(
        product=key["product"],
        origin=key["origin"],
        exporter=key["exporter"],
        importer=key["importer"],
        nationality=key["asked_nationality"],
        used_in=key["asked_used_in"],
        program=key["program"],
        declares=frozenset((key["declares"] or "").split(";")) - {""},
        content={
            name.removeprefix("content."): share
            for name in key
            if name.startswith("content.") and (share := number(name)) is not None
        },
        reach=frozenset(reaches[int(at)] for at in key["reach"].split(";") if at),
        value=number("asked_value"),
        quantity=number("asked_quantity"),
        unit=key["asked_unit"],
    )
