"""Crossings with the same facts share a class, and the law is asked once a class.

Facts are declared in the tables or computed from the graph (content, origin); a class holds those that some row in
force in the importing country asks for, and what the border does with the duty (pass-through, drawback).
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem, product_key
from ..errors import Finding, GraphError, suggestion, visible
from ..frozen import FrozenFrame, FrozenRecord, read_only
from .assess import assess_facts, claiming_and_not
from .content import content_of_kind, matching_stages
from .facts import Facts
from .origin import determine_origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = ["Classes", "classify"]

# Contents that differ only by the noise of summing share a class: digits that are kept. Rounding to decimals instead
# would cost small contents their relative precision.
SIGNIFICANT_DIGITS = 14


@dataclass(frozen=True, eq=False, kw_only=True)
class Classes:
    """The border crossings of a graph by class, and what each class owes.

    ``crossings``: one row a crossing: its facts, ``kind`` (input or shipment), ``row`` in that table, ``class``.
    ``statutory``: (classes,), t; ``relief``: (classes,), 1 − drawback; ``pass_through``: (classes,), φ. ``line_class``,
    ``line_measure``, ``line_rate``: (lines,), the part of a class's t that each measure (by number) charges.
    """

    crossings: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    statutory: Array
    relief: Array
    pass_through: Array
    line_class: Array
    line_measure: Array
    line_rate: Array
    counts: FrozenRecord = FrozenRecord()  # noqa: RUF009
    findings: tuple[Finding, ...]

    @property
    def tau(self) -> Array:
        """τ = t (1 − drawback) of each class, (classes,)."""
        return self.statutory * self.relief

    @property
    def lines(self) -> tuple[Array, Array, Array]:
        """Class, measure and part of t of every line, (lines,) each."""
        return self.line_class, self.line_measure, self.line_rate


def classify(
    graph: ProductionGraph, law: Law, structure: Structure, share: Array, pass_through: float | None = None
) -> Classes:
    """Work out the facts of every border crossing, number their classes and ask the law what each owes.

    ``share``: (inputs,), in the order of ``structure``; ``pass_through`` sets that of every crossing. Raises GraphError
    with every crossing whose facts do not suffice.
    """
    return _Classifier(graph, law, structure, share, pass_through).classes()


class _Classifier:
    """The steps from tables to classes, in order; each method is one of them."""

    def __init__(
        self, graph: ProductionGraph, law: Law, structure: Structure, share: Array, pass_through: float | None
    ) -> None:
        self.graph = graph
        self.law = law
        self.structure = structure
        self.share = share
        self.pass_through = pass_through
        self.origin = determine_origin(graph, structure, share)
        self.findings: list[Finding] = []
        self.counts: dict[str, int] = {}

    def classes(self) -> Classes:
        crossings, keys = self._numbered(self._crossings())
        statutory, line_class, line_measure, line_rate = self._assessed(crossings, keys)
        self.counts |= {"crossings": len(crossings), "classes": len(keys)}
        return Classes(
            crossings=crossings,
            statutory=read_only(statutory),
            relief=read_only(1.0 - keys["drawback"].to_numpy()),
            pass_through=read_only(keys["pass_through"].to_numpy()),
            line_class=read_only(line_class),
            line_measure=read_only(line_measure),
            line_rate=read_only(line_rate),
            counts=self.counts,
            findings=tuple(self.findings),
        )

    def _crossings(self) -> pl.DataFrame:
        """Return one row a border crossing with the facts that the law may ask for."""
        graph = self.graph
        stages = graph.stages.select("stage", "country", "product", "nationality").with_columns(
            customs_origin=self.origin
        )
        made = stages.rename({"stage": "supplier", "country": "exporter", "customs_origin": "origin"})
        used = stages.select(user="stage", importer="country", used_in="product")
        common = ["pass_through", "program", "utilization", "drawback", "declares"]
        declared = sorted(
            {one for frame in (graph.inputs, graph.shipments) for one in frame.columns if one.startswith("content.")}
        )

        def with_content(frame: pl.DataFrame) -> list[pl.Expr]:
            return [pl.col(one) if one in frame.columns else pl.lit(None, pl.Float64).alias(one) for one in declared]

        inputs = (
            graph.inputs.with_row_index("row")
            .select("row", "id", "supplier", "user", "share", *common, *with_content(graph.inputs))
            .join(made, on="supplier", how="left", maintain_order="left")
            .join(used, on="user", how="left", maintain_order="left")
            .with_columns(
                kind=pl.lit("input"),
                value=pl.lit(None, pl.Float64),
                quantity=pl.lit(None, pl.Float64),
                unit=pl.lit(None, pl.String),
            )
        )
        shipments = (
            graph.shipments.with_row_index("row")
            .select(
                "row",
                "id",
                "value",
                "quantity",
                "unit",
                *common,
                *with_content(graph.shipments),
                supplier="stage",
                importer="market",
            )
            .join(made, on="supplier", how="left", maintain_order="left")
            .with_columns(
                kind=pl.lit("shipment"),
                user=pl.lit(None, pl.String),
                used_in=pl.lit(None, pl.String),
                share=pl.lit(None, pl.Float64),
            )
        )
        crossings = pl.concat([inputs, shipments.select(inputs.columns)]).filter(
            pl.col("exporter") != pl.col("importer")
        )
        if self.pass_through is not None:
            crossings = crossings.with_columns(pass_through=pl.lit(self.pass_through, pl.Float64))
        return self._claims(self._contents(crossings, declared))

    def _claims(self, crossings: pl.DataFrame) -> pl.DataFrame:
        """Drop claims of programs that no loaded set knows, and declarations that nothing asks for; say so."""
        known = sorted(self.law.programs)
        claimed = crossings["program"]
        unknown = claimed.is_not_null() & ~claimed.is_in(pl.Series(known, dtype=pl.String).implode())
        self.counts["programs_not_known"] = int(unknown.sum())
        for (program,), rows in sorted(
            crossings.filter(unknown).group_by("program", maintain_order=True), key=lambda pair: str(pair[0])
        ):
            self._warn(
                f"no loaded rule set knows the program '{visible(str(program))}' claimed by {_crossings_text(rows)}",
                suggestion(str(program), known, "programs"),
                "unknown-program",
                rows,
            )
        for declares in crossings["declares"].drop_nulls().unique().sort():
            for declaration in declares.split(";"):
                if declaration not in self.law.declarations:
                    rows = crossings.filter(pl.col("declares") == declares)
                    self._warn(
                        f"nothing in the rules asks for '{visible(declaration)}', declared by {_crossings_text(rows)}",
                        suggestion(declaration, self.law.declarations, "declarations"),
                        "unknown-declaration",
                        rows,
                    )
        # What is not claimed has no part that claims it.
        program = pl.when(pl.Series(unknown)).then(None).otherwise(pl.col("program"))
        return crossings.with_columns(program=program).with_columns(
            utilization=pl.when(pl.col("program").is_not_null()).then(pl.col("utilization")).otherwise(1.0)
        )

    def _contents(self, crossings: pl.DataFrame, declared: Sequence[str]) -> pl.DataFrame:
        """Fill the content columns: declared where a crossing declares, else computed from the graph, else unknown.

        A content is computed only where a row in force asks for it.
        """
        asked: dict[str, list[str]] = {}
        for country in crossings["importer"].unique().sort():
            for fact in self.law.importer(country).asks:
                if fact.startswith("content."):
                    asked.setdefault(fact, []).append(country)
        for column in declared:
            kind = column.removeprefix("content.")
            if kind not in self.law.kinds:
                self._warn(
                    f"the column {visible(column)} declares a content that no rule set knows",
                    suggestion(kind, self.law.kinds, "kinds"),
                    "unknown-kind",
                )
        crossings = crossings.drop([column for column in declared if column not in asked])
        names = self.graph.stages["stage"].gather(self.structure.stage)
        for column, importers in sorted(asked.items()):
            kind = column.removeprefix("content.")
            matches = matching_stages(self.graph.stages, self.origin, self.law, kind)[self.structure.stage]
            self._coarse_for(kind)
            content, known = content_of_kind(self.structure, self.share, matches)
            by_stage = pl.DataFrame(
                {
                    "supplier": names,
                    "computed": pl.Series(_without_noise(content)),
                }
            ).with_columns(computed=pl.when(pl.Series(known)).then(pl.col("computed")))
            stated = pl.col(column) if column in crossings.columns else pl.lit(None, pl.Float64)
            crossings = (
                crossings.join(by_stage, on="supplier", how="left", maintain_order="left")
                .with_columns(
                    pl.when(pl.col("importer").is_in(importers)).then(pl.coalesce(stated, "computed")).alias(column)
                )
                .drop("computed")
            )
        return crossings

    def _coarse_for(self, kind: str) -> None:
        """Warn of products with too few digits to tell whether they are of a kind."""
        wanted, rule_set = self.law.kinds[kind]
        for selector in (wanted.products, wanted.except_products):
            scope = self.law.scope(selector, rule_set) if selector is not None else None
            for product in self.graph.stages["product"].unique().sort() if scope is not None else ():
                key = product_key(product)
                finer = scope.finer_than(key) if scope is not None and not scope.matches(key) else None
                if finer is not None:
                    self._warn(
                        f"product {product} is too coarse to tell whether it is {kind}, and counts as if it were not",
                        f"Give {len(product_key(finer))} digits, as in {finer}.",
                        "coarse-product",
                    )

    def _warn(self, message: str, remedy: str, check: str, rows: pl.DataFrame | None = None) -> None:
        crossing = str(rows["id"][0]) if rows is not None and len(rows) == 1 else ""
        self.findings.append(Finding(message, remedy, severity="warning", check=check, crossing=crossing))

    # --- classes --------------------------------------------------------------------------------------

    def _numbered(self, crossings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Number the crossings by class: the same facts, as far as the importer's law asks, and the same φ and d."""
        asks = {country: self.law.importer(country).asks for country in crossings["importer"].unique().sort()}
        crossings = crossings.sort("kind", "row")
        for column, fact in (
            ("nationality", "nationality"),
            ("used_in", "used_in"),
            ("quantity", "quantity"),
            ("unit", "quantity"),
        ):
            importers = sorted(country for country, facts in asks.items() if fact in facts)
            crossings = crossings.with_columns(
                pl.when(pl.col("importer").is_in(pl.Series(importers, dtype=pl.String).implode()))
                .then(pl.col(column))
                .alias(f"asked_{column}")
            )
        crossings = crossings.with_columns(
            asked_value=pl.when(pl.col("asked_quantity").is_not_null()).then(pl.col("value"))
        )
        columns = [
            "importer", "exporter", "origin", "product", "program", "utilization", "declares", "pass_through",
            "drawback", "asked_nationality", "asked_used_in", "asked_value", "asked_quantity", "asked_unit",
            *(one for one in crossings.columns if one.startswith("content.")),
        ]  # fmt: skip
        keys = crossings.select(columns).unique(maintain_order=True).with_row_index("class")
        numbered = crossings.join(keys, on=columns, how="left", nulls_equal=True, maintain_order="left")
        return numbered.drop([one for one in numbered.columns if one.startswith("asked_")]), keys

    def _assessed(self, crossings: pl.DataFrame, keys: pl.DataFrame) -> tuple[Array, Array, Array, Array]:
        """Ask the law once a class; return t by class, and the lines (class, measure, t_m)."""
        t = np.zeros(len(keys))
        lines: list[tuple[int, int, float]] = []
        problems: dict[tuple[str, str], list[int]] = {}
        coarse: dict[str, list[int]] = {}
        uncovered: set[str] = set()
        met: set[int] = set()
        reasons: dict[int, Counter[str]] = {}
        for class_, key in enumerate(keys.iter_rows(named=True)):
            importer = self.law.importer(key["importer"])
            if not importer.measures:
                uncovered.add(key["importer"])
                continue
            facts = _facts_of(key)
            weights: dict[int, float] = {}
            for weight, each in claiming_and_not(facts, key["utilization"]):
                try:
                    assessed = assess_facts(self.law, importer, each)
                except CodeProblem as problem:
                    problems.setdefault((problem.message, problem.remedy), []).append(class_)
                    break
                for line in assessed:
                    for reason in line.coarse:
                        where = f"{self.law.measures[line.number].measure.id}: {reason}"
                        coarse.setdefault(where, []).append(class_)
                    if line.status == "not-applicable":
                        reasons.setdefault(line.number, Counter())[line.reason.partition(" (it is ")[0]] += 1
                    else:
                        met.add(line.number)
                        weights[line.number] = weights.get(line.number, 0.0) + weight * line.duty
            lines.extend((class_, number, part) for number, part in sorted(weights.items()) if part)
            t[class_] = math.fsum(weights.values())
        if problems:
            raise GraphError(
                Finding(f"{message} (at {_crossings_text(_of_classes(crossings, classes))})", remedy, check="facts")
                for (message, remedy), classes in sorted(problems.items())
            )
        for reason, classes in sorted(coarse.items()):
            rows = _of_classes(crossings, classes)
            self._warn(f"{reason} (at {_crossings_text(rows)})", "Give it with more digits.", "coarse-product", rows)
        self._uncovered(crossings, uncovered)
        self._unmatched(met, reasons)
        columns = list(zip(*lines, strict=True)) if lines else [(), (), ()]
        return (
            t,
            np.array(columns[0], np.int64),
            np.array(columns[1], np.int64),
            np.array(columns[2], np.float64),
        )

    def _uncovered(self, crossings: pl.DataFrame, uncovered: set[str]) -> None:
        rows = crossings.filter(pl.col("importer").is_in(pl.Series(sorted(uncovered), dtype=pl.String).implode()))
        self.counts["crossings_not_covered"] = len(rows)
        if len(rows):
            self._warn(
                f"no loaded rule set covers imports into {', '.join(sorted(uncovered))}: "
                f"{_crossings_text(rows)} pay{'s' if len(rows) == 1 else ''} nothing",
                "Load the rule sets of these importers to charge their duties.",
                "importer-not-covered",
                rows,
            )

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


def _without_noise(content: Array) -> Array:
    """Return the contents rounded to ``SIGNIFICANT_DIGITS`` significant digits."""
    size = np.floor(np.log10(np.maximum(np.abs(content), 1e-280)))
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - size)
    return np.asarray(np.round(content * scale) / scale)


def _facts_of(key: Mapping[str, Any]) -> Facts:
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
            for name, share in key.items()
            if name.startswith("content.") and share is not None
        },
        value=key["asked_value"],
        quantity=key["asked_quantity"],
        unit=key["asked_unit"],
    )


def _of_classes(crossings: pl.DataFrame, classes: Sequence[int]) -> pl.DataFrame:
    return crossings.filter(pl.col("class").is_in(pl.Series(classes, dtype=crossings.schema["class"]).implode()))


def _crossings_text(rows: pl.DataFrame) -> str:
    ids = [f"'{visible(one)}'" for one in rows["id"].head(3)]
    more = len(rows) - len(ids)
    return ", ".join(ids) + (f" and {more} more" if more else "")
