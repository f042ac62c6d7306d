"""Crossings with the same facts share a class, and the law is asked once a class.

Facts are declared in the tables or computed from the graph (content, origin); a class holds those that some row in
force in the importing country asks for, and what the border does with the duty (pass-through, drawback). Claims of
preference are judged before the law is asked; quotas are filled, and credits paid, once it has answered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem, product_key
from ..errors import Finding, GraphError, suggestion, visible
from ..frozen import FrozenFrame, FrozenRecord, read_only
from ..graph.checks import positions
from .assess import assess_group, claiming_and_not
from .content import content_of_kind, matching_stages, reached_from, residual_content
from .credit import Charge, Lines, apply_credits, charges_of
from .facts import Facts
from .law import QUOTA_FILLED
from .origin import determine_origin
from .preference import judge_claims
from .quota import Quota, quota_of, split_by_quotas

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Reach
    from .assess import Line
    from .law import Law


Array = np.ndarray[Any, Any]

__all__ = ["Classes", "classify"]

# Contents that differ only by the noise of summing share a class: digits that are kept. Rounding to decimals instead
# would cost small contents their relative precision.
SIGNIFICANT_DIGITS = 14


@dataclass(frozen=True, eq=False, kw_only=True)
class Classes:
    """The border crossings of a graph by class, and what each class owes.

    ``crossings``: one row a crossing: its facts, ``kind`` (input or shipment), ``row`` in that table, ``class``;
    ``claimed`` is the program claimed, ``program`` the one that counts, ``qualifies`` whether it does. ``claims``: how
    each claim was judged. ``statutory``: (classes,), t; ``relief``: (classes,), 1 − drawback; ``pass_through``:
    (classes,), φ. ``line_class``, ``line_measure``, ``line_rate``: (lines,), the part of a class's t that each measure
    charges or credit pays, by its number in ``charges``.
    """

    crossings: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    claims: FrozenFrame = FrozenFrame()  # noqa: RUF009
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
    def tau(self) -> Array:
        """τ = t (1 − drawback) of each class, (classes,)."""
        return self.statutory * self.relief

    @property
    def lines(self) -> tuple[Array, Array, Array]:
        """Class, charge and part of t of every line, (lines,) each."""
        return self.line_class, self.line_measure, self.line_rate


def classify(
    graph: ProductionGraph, law: Law, structure: Structure, share: Array, pass_through: float | None = None
) -> Classes:
    """Work out the facts of every border crossing, number their classes and ask the law what each owes.

    ``share``: (inputs,), in the order of ``structure``; ``pass_through`` sets that of every crossing. Raises GraphError
    with every crossing whose facts do not suffice.
    """
    return _Classifier(graph, law, structure, share, pass_through).classes()


@dataclass(frozen=True, slots=True)
class Assessed:
    """What some classes owe: ``weight`` times these lines, whose numbers are arrays over ``classes``."""

    classes: Array
    weight: float
    lines: list[Line]


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
        self.claims = pl.DataFrame()
        self.reaches: list[Reach] = []

    def classes(self) -> Classes:
        crossings, keys = self._numbered(self._crossings())
        assessed = self._quotas_filled(crossings, keys, self._assessed(crossings, keys))
        lines = self._lines(crossings, assessed)
        relief = 1.0 - keys["drawback"].to_numpy()
        class_, parents, lines = apply_credits(self.law, self.graph.stages, crossings, relief, lines)
        crossings = crossings.with_columns(pl.Series("class", class_, dtype=crossings.schema["class"]))
        self.counts |= {"crossings": len(crossings), "classes": len(parents)}
        line_class, line_measure, line_rate = lines
        return Classes(
            crossings=crossings,
            claims=self.claims,
            charges=charges_of(self.law),
            # bincount adds in the order of the lines
            statutory=read_only(np.bincount(line_class, weights=line_rate, minlength=len(parents))),
            relief=read_only(relief[parents]),
            pass_through=read_only(keys["pass_through"].to_numpy()[parents]),
            line_class=read_only(line_class),
            line_measure=read_only(line_measure),
            line_rate=read_only(line_rate),
            counts=self.counts,
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

    def _assessed(self, crossings: pl.DataFrame, keys: pl.DataFrame) -> dict[int, list[Assessed]]:
        """Ask the law once a group of classes; return by group who owes which lines, quotas taken as not filled."""
        assessed: dict[int, list[Assessed]] = {}
        problems: dict[tuple[str, str], list[int]] = {}
        uncovered: set[str] = set()
        for (group,), members in keys.group_by("group", maintain_order=True):
            importer = str(members["importer"][0])
            if not self.law.importer(importer).measures:
                uncovered.add(importer)
                continue
            try:
                assessed[int(str(group))] = list(self._owed(members))
            except CodeProblem as problem:
                problems.setdefault((problem.message, problem.remedy), []).extend(members["class"])
        self._raise(crossings, problems)
        self._uncovered(crossings, uncovered)
        return assessed

    def _owed(self, members: pl.DataFrame, within: Mapping[str, float] | None = None) -> Iterator[Assessed]:
        """Yield what the classes of a group owe; ``within``: their part in each quota that is too small."""
        key = members.row(0, named=True)
        importer = self.law.importer(key["importer"])
        class_ = members["class"].to_numpy().astype(np.int64)
        entries = claiming_and_not(_facts_of(members, self.reaches), key["utilization"])
        for weight, facts in split_by_quotas(entries, within) if within else entries:
            for some, lines in assess_group(self.law, importer, facts, len(members)):
                yield Assessed(class_[some], weight, lines)

    def _raise(self, crossings: pl.DataFrame, problems: Mapping[tuple[str, str], Sequence[int]]) -> None:
        if problems:
            raise GraphError(
                Finding(f"{message} (at {_crossings_text(_of_classes(crossings, classes))})", remedy, check="facts")
                for (message, remedy), classes in sorted(problems.items())
            )

    def _quotas_filled(
        self, crossings: pl.DataFrame, keys: pl.DataFrame, assessed: dict[int, list[Assessed]]
    ) -> list[Assessed]:
        """Let the shipments fill the quotas they draw on; return the lines with what lies beyond a quota charged so."""
        filling = crossings.filter("fills")
        brought: dict[int, list[tuple[float, str]]] = {}
        for class_, quantity, unit in filling.select("class", "quantity", "unit").iter_rows():
            brought.setdefault(class_, []).append((quantity, unit))
        quotas: dict[str, Quota] = {}
        problems: dict[tuple[str, str], list[int]] = {}
        for part in (part for parts in assessed.values() for part in parts) if brought else ():
            drawn = {rate.name: rate for rate in map(quota_of, part.lines) if rate is not None}
            for name, rate in sorted(drawn.items()):
                for class_ in (one for one in part.classes.tolist() if one in brought):
                    try:
                        quotas.setdefault(name, Quota(rate)).draw(class_, part.weight, brought[class_])
                    except CodeProblem as problem:
                        problems.setdefault((problem.message, problem.remedy), []).append(class_)
        self._raise(crossings, problems)
        short: dict[int, dict[str, float]] = {}
        for name, quota in sorted(quotas.items()):
            if quota.within == 1.0:
                continue
            if quota.rate.over_quota is None:
                self.findings.append(quota.refusal(_crossings_text(_of_classes(filling, quota.classes))))
                continue
            for class_ in quota.classes:
                short.setdefault(class_, {})[name] = quota.within
        for (group,), members in (
            keys.filter(
                pl.col("group").is_in(keys.filter(pl.col("class").is_in(list(short)))["group"].unique().implode())
            ).group_by("group", maintain_order=True)
            if short
            else ()
        ):
            assessed[int(str(group))] = [
                part
                for at, class_ in enumerate(members["class"])
                for part in self._owed(members[at : at + 1], short.get(class_))
            ]
        return [part for parts in assessed.values() for part in parts]

    def _lines(self, crossings: pl.DataFrame, assessed: Sequence[Assessed]) -> Lines:
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
            rows = _of_classes(crossings, classes)
            self._warn(f"{reason} (at {_crossings_text(rows)})", "Give it with more digits.", "coarse-product", rows)
        for name, classes in sorted(refused.items()):
            rows = _of_classes(crossings, classes)
            self._warn(
                f"the quota '{visible(name)}' is declared filled at {_crossings_text(rows)}, and beyond it nothing is "
                "admitted: the rate within the quota is shown",
                "Leave the declaration out, or the crossing.",
                "quota",
                rows,
            )
        self._unmatched(met, reasons)
        return _summed(found, len(self.law.measures))

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


def _facts_of(members: pl.DataFrame, reaches: Sequence[Reach]) -> Facts:
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


def _of_classes(crossings: pl.DataFrame, classes: Sequence[int]) -> pl.DataFrame:
    return crossings.filter(pl.col("class").is_in(pl.Series(classes, dtype=crossings.schema["class"]).implode()))


def _crossings_text(rows: pl.DataFrame) -> str:
    ids = [f"'{visible(one)}'" for one in rows["id"].head(3)]
    more = len(rows) - len(ids)
    return ", ".join(ids) + (f" and {more} more" if more else "")
