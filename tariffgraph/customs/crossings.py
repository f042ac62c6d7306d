"""The border crossings of a graph with their facts, numbered by class.

Facts are declared in the tables or computed from the graph (content, origin, preference, what stands upstream). A class
holds the crossings that are alike as far as some row in force in the importing country asks, and alike in what the
border does with the duty (pass-through, drawback); a group holds the classes that differ in numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key
from ..errors import Finding, suggestion, visible
from ..graph.checks import positions
from .content import content_of_kind, matching_stages, reached_from, residual_content
from .credit import earning_stages
from .law import QUOTA_FILLED
from .origin import determine_origin
from .preference import judge_claims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Reach
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = ["Crossings", "cross_borders", "crossings_text"]

# Contents that differ only by the noise of summing share a class: digits that are kept. Rounding to decimals instead
# would cost small contents their relative precision.
SIGNIFICANT_DIGITS = 14


@dataclass(frozen=True, eq=False, kw_only=True)
class Crossings:
    """The border crossings of a graph, their facts and their classes; what no rate changes.

    ``frame``: one row a crossing, inputs before shipments, with its ``class`` and the ``key`` that its facts are.
    ``keys``: one row a set of facts, with its ``group``; ``parents``: (classes,), the key of each class. Several
    classes have one key where the stages that the goods go to earn credits: ``credited`` tells of those the class, the
    stage (``user``) and the ``share``. ``reaches``: the conditions on stages upstream that ``keys`` counts by number.
    ``earning``: by stage and measure, the credit that pays it. ``asks``: by importer, the facts that are told apart.
    """

    frame: pl.DataFrame
    keys: pl.DataFrame
    parents: Array
    credited: pl.DataFrame
    claims: pl.DataFrame
    reaches: tuple[Reach, ...]
    earning: Mapping[str, Mapping[int, int]]
    asks: Mapping[str, frozenset[str | Reach]]
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]

    def serve(self, law: Law) -> bool:
        """Tell whether the classes tell apart what ``law`` asks; its definitions must be those they were made under."""
        return all(
            law.importer(country).asks | law.importer(country).reaches <= asked for country, asked in self.asks.items()
        )


def cross_borders(
    graph: ProductionGraph, law: Law, structure: Structure, share: Array, pass_through: float | None = None
) -> Crossings:
    """Return every border crossing of a graph with its facts under a law, and number their classes.

    ``share``: (inputs,), in the order of ``structure``; ``pass_through`` sets that of every crossing.
    """
    return _Crossings(graph, law, structure, share, pass_through).crossings()


class _Crossings:
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
        self.claims = pl.DataFrame()
        self.reaches: list[Reach] = []

    def crossings(self) -> Crossings:
        frame, keys = self._numbered(self._crossings())
        earning = earning_stages(self.law, self.graph.stages)
        frame, parents, credited = _with_stages_that_earn(frame, len(keys), earning)
        return Crossings(
            frame=frame,
            keys=keys,
            parents=parents,
            credited=credited,
            claims=self.claims,
            reaches=tuple(self.reaches),
            earning=earning,
            asks={
                country: frozenset(self.law.importer(country).asks | self.law.importer(country).reaches)
                for country in keys["importer"].unique().sort()
            },
            counts=self.counts | {"crossings": len(frame), "classes": len(parents)},
            findings=tuple(self.findings),
        )

    def _crossings(self) -> pl.DataFrame:
        """Return one row a border crossing with the facts that the law may ask for: inputs, then shipments, by row."""
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
        return self._reached(self._contents(self._claims(crossings), declared))

    def _claims(self, crossings: pl.DataFrame) -> pl.DataFrame:
        """Drop claims that do not qualify, or of unknown programs; warn of declarations that nothing asks for."""
        known = sorted(self.law.programs)
        claimed = crossings["program"]
        unknown = claimed.is_not_null() & ~claimed.is_in(pl.Series(known, dtype=pl.String).implode())
        self.counts["programs_not_known"] = int(unknown.sum())
        for (program,), rows in sorted(
            crossings.filter(unknown).group_by("program", maintain_order=True), key=lambda pair: str(pair[0])
        ):
            self._warn(
                f"no loaded rule set knows the program '{visible(str(program))}' claimed by {crossings_text(rows)}",
                suggestion(str(program), known, "programs"),
                "unknown-program",
                rows,
            )
        for declares in crossings["declares"].drop_nulls().unique().sort():
            for declaration in declares.split(";"):
                if declaration not in self.law.declarations:
                    rows = crossings.filter(pl.col("declares") == declares)
                    self._warn(
                        f"nothing in the rules asks for '{visible(declaration)}', declared by {crossings_text(rows)}",
                        suggestion(declaration, self.law.declarations, "declarations"),
                        "unknown-declaration",
                        rows,
                    )
        known_claims = pl.when(pl.Series(unknown)).then(None).otherwise(pl.col("program"))
        crossings = crossings.with_columns(claimed=pl.col("program"), program=known_claims)
        claims = judge_claims(
            self.graph,
            self.law,
            self.structure,
            self.share,
            self.origin,
            crossings.filter(pl.col("program").is_not_null()),
        )
        self.claims = claims.frame
        self.findings += claims.findings
        self.counts["claims_not_qualifying"] = int((~self.claims["qualifies"]).sum())
        # What is not claimed, or does not qualify, has no part that claims it.
        return (
            crossings.join(
                self.claims.select("kind", "row", "qualifies"), on=["kind", "row"], how="left", maintain_order="left"
            )
            .with_columns(program=pl.when("qualifies").then("program"))
            .with_columns(utilization=pl.when(pl.col("program").is_not_null()).then("utilization").otherwise(1.0))
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
            if self.law.kinds[kind][0].method == "residual":
                content, known = residual_content(self.structure, self.share, matches, self._declared(column))
            else:
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

    def _declared(self, column: str) -> Array:
        """Return the content that each input declares, NaN where it declares none; in the engine's order."""
        inputs = self.graph.inputs
        if column not in inputs.columns:
            return np.full(len(inputs), np.nan)
        return inputs[column].fill_null(np.nan).to_numpy()[self.structure.input]

    def _reached(self, crossings: pl.DataFrame) -> pl.DataFrame:
        """Note at each crossing, in ``reach``, which of the conditions on stages upstream hold that its law asks."""
        askers: dict[Reach, list[str]] = {}
        for country in crossings["importer"].unique().sort():
            for reach in self.law.importer(country).reaches:
                askers.setdefault(reach, []).append(country)
        self.reaches = sorted(askers, key=lambda one: (one.kind, one.inside))
        supplier = positions(crossings["supplier"], self.graph.stages["stage"].gather(self.structure.stage))
        noted = pl.Series([""], dtype=pl.String).new_from_index(0, len(crossings))
        for at, reach in enumerate(self.reaches):
            holds = self._reach(reach)[supplier] & crossings["importer"].is_in(askers[reach]).to_numpy()
            noted = noted + pl.Series(np.where(holds, f"{at};", ""), dtype=pl.String)
        return crossings.with_columns(reach=noted)

    def _reach(self, reach: Reach) -> Array:
        """Return which goods meet a condition on the stages upstream; in the engine's order."""
        order = self.structure.stage
        of_kind = matching_stages(self.graph.stages, self.origin, self.law, reach.kind)[order]
        if not reach.inside:
            return reached_from(self.structure, of_kind)
        inside = matching_stages(self.graph.stages, self.origin, self.law, reach.inside)[order]
        known = of_kind | (self.structure.inputs_of_stage > 0)
        return known & ~reached_from(self.structure, of_kind & ~inside)

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
        # A quota is filled by the crossings whose quantity is known, and that do not declare it filled.
        quotas = sorted(country for country, facts in asks.items() if "quota" in facts)
        crossings = crossings.with_columns(
            asked_value=pl.when(pl.col("asked_quantity").is_not_null()).then(pl.col("value")),
            fills=pl.col("importer").is_in(pl.Series(quotas, dtype=pl.String).implode())
            & pl.col("quantity").is_not_null()
            & ~pl.col("declares").fill_null("").str.split(";").list.contains(QUOTA_FILLED),
        )
        numbers = ["asked_value", "asked_quantity", *(one for one in crossings.columns if one.startswith("content."))]
        columns = [
            "importer", "exporter", "origin", "product", "program", "utilization", "declares", "pass_through",
            "drawback", "reach", "fills", "asked_nationality", "asked_used_in", "asked_unit", *numbers,
        ]  # fmt: skip
        keys = crossings.select(columns).unique(maintain_order=True).with_row_index("class")
        numbered = crossings.join(keys, on=columns, how="left", nulls_equal=True, maintain_order="left")
        # A group is what differs in numbers only; for all else it is asked once.
        others = [one for one in columns if one not in numbers]
        keys = keys.with_columns(
            pl.struct(*others, *(pl.col(one).is_null() for one in numbers)).rank("dense").alias("group")
        )
        return numbered.drop([one for one in numbered.columns if one.startswith("asked_")], "reach"), keys


def _with_stages_that_earn(
    frame: pl.DataFrame, classes: int, earning: Mapping[str, object]
) -> tuple[pl.DataFrame, Array, pl.DataFrame]:
    """Give crossings into a stage that earns a credit a class of that stage's own; return it with its parents."""
    parents = np.arange(classes)
    into = frame.with_row_index("at").filter(
        (pl.col("kind") == "input") & pl.col("user").is_in(pl.Series(sorted(earning), dtype=pl.String).implode())
    )
    own = into.select("class", "user").unique(maintain_order=True).with_row_index("own")
    into = into.select("at", "class", "user", "share").join(
        own, on=["class", "user"], how="left", maintain_order="left"
    )
    class_ = frame["class"].to_numpy().astype(np.int64)
    class_[into["at"].to_numpy()] = classes + into["own"].to_numpy().astype(np.int64)
    credited = (
        into.group_by("own", maintain_order=True)
        .agg(pl.col("user").first(), pl.col("share").sum())
        .select((classes + pl.col("own").cast(pl.Int64)).alias("class"), "user", "share")
    )
    parents = np.concatenate([parents, own["class"].to_numpy().astype(np.int64)])
    frame = frame.rename({"class": "key"}).with_columns(pl.Series("class", class_, dtype=pl.UInt32))
    return frame, parents, credited


def _without_noise(content: Array) -> Array:
    """Return the contents rounded to ``SIGNIFICANT_DIGITS`` significant digits."""
    size = np.floor(np.log10(np.maximum(np.abs(content), 1e-280)))
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - size)
    return np.asarray(np.round(content * scale) / scale)


def crossings_text(rows: pl.DataFrame) -> str:
    """Return the ids of the first crossings, and how many more there are."""
    ids = [f"'{visible(one)}'" for one in rows["id"].head(3)]
    more = len(rows) - len(ids)
    return ", ".join(ids) + (f" and {more} more" if more else "")
