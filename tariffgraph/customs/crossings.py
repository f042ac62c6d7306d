"""The border crossings of a graph with their facts, numbered by class.

Facts are declared in the tables or computed from the graph (content, origin, preference, what stands upstream). A class
holds the crossings that are alike as far as some row in force in the importing country asks, and alike in what the
border does with the duty (pass-through, drawback); a group holds the classes that differ in numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key
from ..errors import Finding, suggestion, visible
from .content import content_of_kind, declared_contents, matching_stages, reached_from, residual_content
from .credit import earning_stages
from .law import QUOTA_FILLED
from .origin import determine_origin
from .preference import judge_claims

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Reach
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = ["Crossings", "cross_borders", "named"]

# Contents that differ only by the noise of summing share a class: digits that are kept. Rounding to decimals instead
# would cost small contents their relative precision.
SIGNIFICANT_DIGITS = 14


#: Codes that are told apart by a table rather than by sorting.
LARGEST_TABLE = 1 << 26
#: From how many groups a product on it pays to find the products that the law cannot tell apart: that takes about as
#: long as to ask the law once.
GROUPS_A_PRODUCT = 2
#: What a flow says of itself, besides the contents that it declares.
FLOW = ("program", "utilization", "declares", "pass_through", "drawback")
#: Facts that not every importing country asks for.
FACTS = {
    "exporter": pl.String,
    "origin": pl.String,
    "product": pl.String,
    "nationality": pl.String,
    "used_in": pl.String,
    "asked_value": pl.Float64,
    "asked_quantity": pl.Float64,
    "asked_unit": pl.String,
    "fills": pl.Boolean,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Crossings:
    """The border crossings of a graph, their facts and their classes; what no rate changes.

    Inputs that cross a border come first, then shipments: ``row`` in their table, ``importer``, ``key`` and ``class_``
    of each; the first ``inputs`` are inputs. ``keys``: one row a set of facts, with its ``group``; ``parents``:
    (classes,), the key of each class. Several classes have one key where the stages that the goods go to earn credits:
    ``credited`` tells of those the class, the stage (``user``) and the ``share``. ``brought``: quantities that may
    fill quotas, by key. ``reaches``: the conditions on stages upstream that ``keys`` counts by number. ``earning``: by
    stage and measure, the credit that pays it.
    """

    graph: ProductionGraph
    origin: pl.Series
    inputs: int
    row: Array
    key: Array
    class_: Array
    pass_through: float | None
    keys: pl.DataFrame
    parents: Array
    credited: pl.DataFrame
    brought: pl.DataFrame
    claims: pl.DataFrame
    reaches: tuple[Reach, ...]
    earning: Mapping[str, Mapping[int, int]]
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]

    def of_keys(self, keys: Sequence[int], most: int = 3) -> tuple[list[str], int]:
        """Return the ids of the first crossings with these keys, and how many there are."""
        at = np.flatnonzero(np.isin(self.key, np.asarray(keys, np.int64)))
        first = at[:most]
        ids = [
            str((self.graph.inputs if one < self.inputs else self.graph.shipments)["id"][int(self.row[one])])
            for one in first.tolist()
        ]
        return ids, len(at)

    @cached_property
    def frame(self) -> pl.DataFrame:
        """One row a crossing with its facts: what results show."""
        stages = self.graph.stages.select("stage", "country", "product", "nationality", origin=self.origin)
        contents = [one for one in self.keys.columns if one.startswith("content.")]
        keys = self.keys.select("class", "program", "utilization", *contents)
        parts = []
        for kind, table, rows, place in (
            ("input", self.graph.inputs, self.row[: self.inputs], slice(0, self.inputs)),
            ("shipment", self.graph.shipments, self.row[self.inputs :], slice(self.inputs, None)),
        ):
            if kind == "input":
                flows = table[rows].select(
                    "id", "supplier", "user", "share", "declares", "pass_through", "drawback", claimed="program",
                    value=pl.lit(None, pl.Float64), quantity=pl.lit(None, pl.Float64), unit=pl.lit(None, pl.String),
                )  # fmt: skip
                used = stages.select(user="stage", importer="country", used_in="product")
                flows = flows.join(used, on="user", how="left", maintain_order="left")
            else:
                flows = table[rows].select(
                    "id", "declares", "pass_through", "drawback", "value", "quantity", "unit", supplier="stage",
                    user=pl.lit(None, pl.String), share=pl.lit(None, pl.Float64), claimed="program", importer="market",
                    used_in=pl.lit(None, pl.String),
                )  # fmt: skip
            parts.append(
                flows.with_columns(
                    kind=pl.lit(kind),
                    row=pl.Series(rows, dtype=pl.UInt32),
                    key=pl.Series(self.key[place], dtype=pl.UInt32),
                    **{"class": pl.Series(self.class_[place], dtype=pl.UInt32)},
                ).join(
                    stages.rename({"stage": "supplier", "country": "exporter"}),
                    on="supplier",
                    how="left",
                    maintain_order="left",
                )
            )
        frame = pl.concat([parts[0], parts[1].select(parts[0].columns)])
        if self.pass_through is not None:
            frame = frame.with_columns(pass_through=pl.lit(self.pass_through, pl.Float64))
        return frame.join(keys, left_on="key", right_on="class", how="left", maintain_order="left").join(
            self.claims.select("kind", "row", "qualifies"), on=["kind", "row"], how="left", maintain_order="left"
        )


def cross_borders(
    graph: ProductionGraph, law: Law, structure: Structure, share: Array, pass_through: float | None = None
) -> Crossings:
    """Return every border crossing of a graph with its facts under a law, and number their classes.

    ``share``: (inputs,), in the order of ``structure``; ``pass_through`` sets that of every crossing.
    """
    return _Crossings(graph, law, structure, share, pass_through).crossings()


class _Crossings:
    """The steps from tables to classes, in order; each method is one of them.

    A fact is looked up once a stage or once a kind of flow; a crossing is three numbers: what made it, who uses it, how
    it flows.
    """

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
        stages = graph.stages
        countries = pl.concat([stages["country"], graph.shipments["market"]]).unique().sort()
        self.countries: list[str] = countries.to_list()
        self.country = _numbers_of(stages["country"], countries)
        self.place = structure.place
        # Of each crossing: its row, the stage that sells, the stage that buys (for a shipment the one past the last),
        # and where it is imported.
        seller = graph.seller
        market = _numbers_of(graph.shipments["market"], countries)
        crossing = np.flatnonzero(self.country[graph.supplier] != self.country[graph.user]).astype(np.uint32)
        leaving = np.flatnonzero(self.country[seller] != market).astype(np.uint32)
        self.inputs = len(crossing)
        self.row = np.concatenate([crossing, leaving])
        self.supplier = np.concatenate([graph.supplier[crossing], seller[leaving]])
        self.user = np.concatenate([graph.user[crossing], np.full(len(leaving), len(stages), np.uint32)])
        self.importer = np.concatenate([self.country[self.user[: self.inputs]], market[leaving]])
        self.importers = [self.countries[at] for at in pl.Series(self.importer).unique().sort()]
        self.asks = {
            country: frozenset(law.importer(country).asks | law.importer(country).reaches) for country in self.importers
        }
        self.reaches = sorted(
            {one for country in self.importers for one in law.importer(country).reaches},
            key=lambda one: (one.kind, one.inside),
        )

    def crossings(self) -> Crossings:
        flow, flows = self._flows()
        made = self._made()
        key, keys = self._numbered(flow, flows, made)
        earning = earning_stages(self.law, self.graph.stages)
        class_, parents, credited = self._stages_that_earn(key, len(keys), earning)
        return Crossings(
            graph=self.graph,
            origin=self.origin,
            inputs=self.inputs,
            row=self.row,
            key=key,
            class_=class_,
            pass_through=self.pass_through,
            keys=keys,
            parents=parents,
            credited=credited,
            brought=self._brought(key, keys),
            claims=self.claims,
            reaches=tuple(self.reaches),
            earning=earning,
            counts=self.counts | {"crossings": len(key), "classes": len(parents)},
            findings=tuple(self.findings),
        )

    # --- flows ----------------------------------------------------------------------------------------

    def _flows(self) -> tuple[Array, pl.DataFrame]:
        """Number the crossings by how they flow: program that counts, declarations, φ, d, what they declare to hold."""
        graph = self.graph
        declared = sorted(
            {one for frame in (graph.inputs, graph.shipments) for one in frame.columns if one.startswith("content.")}
        )
        for column in declared:
            kind = column.removeprefix("content.")
            if kind not in self.law.kinds:
                self._warn(
                    f"the column {visible(column)} declares a content that no rule set knows",
                    suggestion(kind, self.law.kinds, "kinds"),
                    "unknown-kind",
                )
        cells = {one: self._column(one) for one in (*FLOW, *declared)} | self._claims()
        varying = {one: each for one, each in cells.items() if len(each) == len(self.row)}
        flow, first = _coded([*varying.values()], len(self.row))
        return flow, pl.DataFrame(
            {
                one: each.gather(first) if one in varying else each.new_from_index(0, len(first))
                for one, each in cells.items()
            }
        )

    def _column(self, name: str) -> pl.Series:
        """Return what the crossings say in a column of their tables; one row where all say the same."""
        if name == "pass_through" and self.pass_through is not None:
            return pl.Series([self.pass_through], dtype=pl.Float64).head(len(self.row))
        parts = [
            (table[name] if name in table.columns else pl.repeat(None, len(table), dtype=pl.Float64, eager=True), rows)
            for table, rows in (
                (self.graph.inputs, self.row[: self.inputs]),
                (self.graph.shipments, self.row[self.inputs :]),
            )
        ]
        if all(_says_one_thing(cells) for cells, rows in parts if len(rows)):
            said = pl.concat([cells.head(min(1, len(rows))) for cells, rows in parts]).unique()
            if len(said) <= 1:
                return said
        return pl.concat([cells.gather(rows) for cells, rows in parts])

    def _saying(self, values: Sequence[str], cells: pl.Series) -> Array:
        """Return the crossings that say one of some texts in a column."""
        says = cells.is_in(pl.Series(values, dtype=pl.String).implode()).fill_null(False).to_numpy()
        return np.flatnonzero(np.broadcast_to(says, len(self.row)))

    def _claims(self) -> dict[str, pl.Series]:
        """Return the programs that count, and to what part: those of claims that qualify."""
        claimed, declares = self._column("program"), self._column("declares")
        self._warn_of_unknown(claimed, declares)
        at = self._saying(sorted(self.law.programs), claimed)
        stages = self.graph.stages
        claims = judge_claims(
            self.graph,
            self.law,
            self.structure,
            self.share,
            self.origin,
            pl.DataFrame(
                {
                    "id": self._ids(at),
                    "kind": pl.Series(np.where(at < self.inputs, "input", "shipment"), dtype=pl.String),
                    "row": pl.Series(self.row[at], dtype=pl.UInt32),
                    "supplier": stages["stage"].gather(self.supplier[at]),
                    "product": stages["product"].gather(self.supplier[at]),
                    "program": _at(claimed, at),
                    "declares": _at(declares, at),
                }
            ),
        )
        self.claims = claims.frame
        self.findings += claims.findings
        qualifying = at[self.claims["qualifies"].to_numpy()]
        self.counts["claims_not_qualifying"] = len(at) - len(qualifying)
        # What is not claimed, or does not qualify, has no part that claims it.
        programs, utilization = pl.Series([None], dtype=pl.String), pl.Series([1.0])
        if not len(qualifying):
            return {"program": programs.head(len(self.row)), "utilization": utilization.head(len(self.row))}
        programs, utilization = (one.new_from_index(0, len(self.row)) for one in (programs, utilization))
        counting = pl.Series(qualifying, dtype=pl.UInt32)
        return {
            "program": programs.scatter(counting, _at(claimed, qualifying)),
            "utilization": utilization.scatter(counting, _at(self._column("utilization"), qualifying)),
        }

    def _warn_of_unknown(self, claimed: pl.Series, declares: pl.Series) -> None:
        """Warn of programs that no rule set knows, and of declarations that nothing asks for."""
        self.counts["programs_not_known"] = 0
        for program in claimed.drop_nulls().unique().sort():
            if program not in self.law.programs:
                at = self._saying([program], claimed)
                self.counts["programs_not_known"] += len(at)
                self._warn(
                    f"no loaded rule set knows the program '{visible(str(program))}' claimed by {self._text(at)}",
                    suggestion(str(program), sorted(self.law.programs), "programs"),
                    "unknown-program",
                    at,
                )
        for declared in declares.drop_nulls().unique().sort():
            for declaration in declared.split(";"):
                if declaration not in self.law.declarations:
                    at = self._saying([declared], declares)
                    self._warn(
                        f"nothing in the rules asks for '{visible(declaration)}', declared by {self._text(at)}",
                        suggestion(declaration, self.law.declarations, "declarations"),
                        "unknown-declaration",
                        at,
                    )

    # --- what made them -------------------------------------------------------------------------------

    def _made(self) -> pl.DataFrame:
        """Return by stage the facts of its good that some importer asks; a content only where a row in force asks."""
        made = self.graph.stages.select("product", "nationality", exporter="country", origin=self.origin)
        wanted = {fact for asked in self.asks.values() for fact in asked if isinstance(fact, str)}
        for column in sorted(fact for fact in wanted if fact.startswith("content.")):
            kind = column.removeprefix("content.")
            matches = matching_stages(self.graph.stages, self.origin, self.law, kind)[self.structure.stage]
            self._coarse_for(kind)
            if self.law.kinds[kind][0].method == "residual":
                declared = declared_contents(self.graph, self.structure, kind)
                content, known = residual_content(self.structure, self.share, matches, declared)
            else:
                content, known = content_of_kind(self.structure, self.share, matches)
            by_place = pl.DataFrame({"content": _without_noise(content), "known": known})
            made = made.with_columns(
                by_place.select(pl.when("known").then("content").alias(column)).to_series().gather(self.place)
            )
        for at, reach in enumerate(self.reaches):
            made = made.with_columns(pl.Series(f"reach.{at}", self._reach(reach)[self.place]))
        return made

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

    def _warn(self, message: str, remedy: str, check: str, at: Array | None = None) -> None:
        crossing = self._ids(at)[0] if at is not None and len(at) == 1 else ""
        self.findings.append(Finding(message, remedy, severity="warning", check=check, crossing=crossing))

    def _ids(self, at: Array) -> pl.Series:
        split = int(np.searchsorted(at, self.inputs))
        return pl.concat(
            [
                self.graph.inputs["id"].gather(self.row[at[:split]]),
                self.graph.shipments["id"].gather(self.row[at[split:]]),
            ]
        )

    def _text(self, at: Array) -> str:
        return named(self._ids(at[:3]), len(at))

    # --- classes --------------------------------------------------------------------------------------

    def _numbered(self, flow: Array, flows: pl.DataFrame, made: pl.DataFrame) -> tuple[Array, pl.DataFrame]:
        """Number the crossings by their facts, as far as the importing country asks; return the facts by number."""
        asking: dict[frozenset[str | Reach] | None, list[str]] = {}
        for country, asks in self.asks.items():
            asking.setdefault(asks if self.law.importer(country).measures else None, []).append(country)
        part_of_country = np.zeros(len(self.countries), np.uint32)
        for part, importers in enumerate(asking.values()):
            part_of_country[[self.countries.index(one) for one in importers]] = part
        key = np.zeros(len(flow), np.uint32)
        parts: list[pl.DataFrame] = []
        count = 0
        for part, asked in enumerate(asking or [None]):
            at = slice(None) if len(asking) <= 1 else np.flatnonzero(part_of_country[self.importer] == part)
            numbers, facts = self._facts(at, asked, flow, flows, made)
            key[at] = numbers
            if count:
                key[at] += np.uint32(count)
            parts.append(facts)
            count += len(facts)
        keys = pl.concat(parts, how="diagonal_relaxed").with_row_index("class")
        return key, keys.with_columns(pl.Series("group", self._groups(keys), dtype=pl.UInt32))

    def _groups(self, keys: pl.DataFrame) -> Array:
        """Number what differs in numbers only, or in products that the law cannot tell apart: the law is asked once."""
        numeric = ["asked_value", "asked_quantity", *sorted(one for one in keys.columns if one.startswith("content."))]
        alike = keys.select(
            *(one for one in keys.columns if one not in (*numeric, "class")),
            *(pl.col(one).is_null().alias(f"no {one}") for one in numeric),
        )
        group, first = _coded(alike.get_columns(), len(alike))
        products = keys["product"].drop_nulls().unique(maintain_order=True)
        if len(first) > GROUPS_A_PRODUCT * len(products):
            same = self.law.alike_products(products)
            alike = alike.with_columns(pl.col("product").replace(same))
            group, _ = _coded(alike.get_columns(), len(alike))
        return group

    def _facts(
        self,
        at: Array | slice,
        asked: frozenset[str | Reach] | None,
        flow: Array,
        flows: pl.DataFrame,
        made: pl.DataFrame,
    ) -> tuple[Array, pl.DataFrame]:
        """Number crossings into countries that ask the same (None: nothing, for no rule covers them)."""
        facts = {fact for fact in asked or () if isinstance(fact, str)}
        reaches = [f"reach.{number}" for number, one in enumerate(self.reaches) if one in (asked or ())]
        contents = sorted(fact for fact in facts if fact.startswith("content."))
        ships = ("quantity" in facts, "quota" in facts)
        # What made it.
        supplied = ["exporter", "origin", "product"] + (["nationality"] if "nationality" in facts else [])
        sources, supply = pl.DataFrame({"none": [0]}), np.zeros(len(made), np.uint8)
        if asked is not None:
            table = made.select(*supplied, *contents, *reaches)
            supply, first = _coded(table.get_columns(), len(table))
            sources = table[first]
        # Who uses it.
        users = pl.DataFrame({"importer": pl.Series(self.countries, dtype=pl.String)})
        used = self.importer[at]
        if "used_in" in facts:
            used, users = self._users(at)
        # How it flows, and what a shipment brings with it.
        flowing = flow[at] if asked is not None else np.zeros(len(used), np.uint8)
        brought = None
        if any(ships):
            number, brought = self._brings(at, *ships)
            flowing = flowing.astype(np.int64) * len(brought) + number
        each = 1 if brought is None else len(brought)
        ways = len(flows) * each
        wide = _narrowest(len(sources) * len(users) * ways)
        code = (supply.astype(wide) * (len(users) * ways))[self.supplier[at]]
        code += (np.arange(len(users), dtype=wide) * ways)[used]
        code += flowing.astype(wide, copy=False)
        numbers, distinct = _dense(code)
        pair, flowing = distinct // ways, distinct % ways
        stated = flows[flowing // each]
        table = users[pair % len(users)].hstack(sources[pair // len(users)]).hstack(stated.select(FLOW))
        if brought is not None:
            table = table.hstack(brought[flowing % each])
        table = table.with_columns(
            pl.lit(None if kind != pl.Boolean else False, kind).alias(name)
            for name, kind in FACTS.items()
            if name not in table.columns
        )
        # What a flow declares takes the place of what is computed.
        table = table.with_columns(
            pl.coalesce(stated[one], pl.col(one)).alias(one) for one in contents if one in stated.columns
        )
        reach = (
            pl.concat_str(
                [pl.when(one).then(pl.lit(one.removeprefix("reach.") + ";")).otherwise(pl.lit("")) for one in reaches]
            )
            if reaches
            else pl.lit("")
        )
        return numbers, table.with_columns(reach=reach).drop(*reaches, "none", strict=False).rename(
            {"nationality": "asked_nationality", "used_in": "asked_used_in"}
        )

    def _users(self, at: Array | slice) -> tuple[Array, pl.DataFrame]:
        """Number the crossings by importer and by the product that the good is used in; return both by number."""
        products = self.graph.stages["product"]
        distinct = products.unique().sort()
        of_stage = np.append(_numbers_of(products, distinct), len(distinct)).astype(np.int64)
        code = self.importer[at] * (len(distinct) + 1) + of_stage[self.user[at]]
        numbers, met = _dense(code)
        used, first = _as_they_come(numbers, len(met))
        met = code[first]
        return used, pl.DataFrame(
            {
                "importer": pl.Series(self.countries, dtype=pl.String).gather(met // (len(distinct) + 1)),
                "used_in": pl.concat([distinct, pl.Series([None], dtype=pl.String)]).gather(met % (len(distinct) + 1)),
            }
        )

    def _brings(self, at: Array | slice, counted: bool, fills: bool) -> tuple[Array, pl.DataFrame]:
        """Number the crossings by what shipments bring that is counted; return that by number.

        Those fill a quota that do not declare it filled. Inputs bring nothing.
        """
        columns = {"quantity": pl.Float64, "unit": pl.String, "value": pl.Float64, "declares": pl.String}
        places = np.arange(len(self.row))[at]
        inputs = int(np.searchsorted(places, self.inputs))  # inputs come first
        brought = self.graph.shipments.select(*columns)[self.row[places[inputs:]]]
        table = pl.concat([pl.DataFrame(schema=columns).clear(min(1, inputs)), brought])
        asked = {
            "asked_quantity": pl.col("quantity"),
            "asked_unit": pl.col("unit"),
            "asked_value": pl.when(pl.col("quantity").is_not_null()).then("value"),
        }
        filled = pl.col("declares").fill_null("").str.split(";").list.contains(QUOTA_FILLED)
        table = table.select(
            *((value.alias(name) for name, value in asked.items()) if counted else ()),
            (pl.col("quantity").is_not_null() & ~filled if fills else pl.lit(False)).alias("fills"),
        )
        number, first = _coded(table.get_columns(), len(table))
        return np.concatenate([np.zeros(inputs, number.dtype), number[min(1, inputs) :]]), table[first]

    def _brought(self, key: Array, keys: pl.DataFrame) -> pl.DataFrame:
        """Return the quantities of the shipments that fill quotas: key, quantity, unit."""
        fills = keys["fills"].to_numpy()
        at = np.flatnonzero(fills[key]) if fills.any() else np.zeros(0, np.int64)
        return (
            self.graph.shipments.select("quantity", "unit")[self.row[at]]
            .with_columns(pl.Series("key", key[at]))
            .select("key", "quantity", "unit")
        )

    def _stages_that_earn(
        self, key: Array, keys: int, earning: Mapping[str, object]
    ) -> tuple[Array, Array, pl.DataFrame]:
        """Give crossings into a stage that earns a credit a class of that stage's own; return classes and parents."""
        class_, parents = key, np.arange(keys)
        names = self.graph.stages["stage"]
        at = np.zeros(0, np.int64)
        if earning:
            earns = np.zeros(len(names) + 1, np.bool_)  # the last is for shipments, which go to no stage
            earns[:-1] = names.is_in(pl.Series(sorted(earning), dtype=pl.String).implode()).to_numpy()
            class_, at = key.copy(), np.flatnonzero(earns[self.user])
        pairs, first, own = np.unique(
            key[at].astype(np.int64) * len(names) + self.user[at], return_index=True, return_inverse=True
        )
        class_[at] = keys + own
        share = self.graph.inputs["share"].to_numpy()[self.row[at]]
        credited = pl.DataFrame(
            {
                "class": pl.Series(keys + np.arange(len(pairs)), dtype=pl.Int64),
                "user": names.gather(self.user[at][first]),
                "share": np.bincount(own, weights=share, minlength=len(pairs)),
            }
        )
        return class_, np.concatenate([parents, key[at][first]]), credited


def _says_one_thing(cells: pl.Series) -> bool:
    """Tell whether all cells of a column are empty, or are the same number."""
    if cells.null_count():
        return cells.null_count() == len(cells)
    return cells.dtype == pl.Float64 and cells.min() == cells.max()


def _coded(columns: Sequence[pl.Series], size: int) -> tuple[Array, Array]:
    """Number rows that say the same in all columns as they come; return the number of each, and the first of each."""
    numbers, count = np.zeros(size, np.uint8), min(1, size)
    if not columns:
        return numbers, np.arange(count)
    for cells in columns:
        values, different = _values_coded(cells)
        numbers, met = _dense(numbers.astype(np.int64) * different + values)
        count = len(met)
    return _as_they_come(numbers, count)


def _values_coded(cells: pl.Series) -> tuple[Array, int]:
    """Return a number for each value of a column, equal ones the same, and how many numbers there may be."""
    if cells.dtype == pl.Float64:
        values = cells.fill_null(np.nan).to_numpy()
        distinct = np.unique(values)  # what is missing comes last
        return np.searchsorted(distinct, values), len(distinct)
    if cells.dtype == pl.String:
        distinct_texts = cells.unique().drop_nulls().sort()
        return _numbers_of(cells, distinct_texts), len(distinct_texts) + 1
    return cells.cast(pl.UInt8).to_numpy(), 2


def _numbers_of(names: pl.Series, among: pl.Series) -> Array:
    """Return where each name stands among some (the names that there are); past the last where it is missing."""
    numbers = names.cast(pl.Enum(among)).to_physical().cast(pl.UInt32).fill_null(len(among)).to_numpy()
    return numbers.astype(_narrowest(len(among) + 1))


def _narrowest(count: int) -> np.dtype[Any]:
    """Return the narrowest type of the whole numbers below ``count``; from 2^32 a signed one, which mixes with all."""
    return np.min_scalar_type(count) if count < 1 << 32 else np.dtype(np.int64)


def _dense(code: Array) -> tuple[Array, Array]:
    """Return codes numbered without gaps, in their order, and the codes by number."""
    largest = int(code.max(initial=0)) + 1
    if largest > LARGEST_TABLE:
        distinct, numbers = np.unique(code, return_inverse=True)
        return numbers.astype(_narrowest(len(distinct))), distinct.astype(np.int64)
    met = np.zeros(largest, np.bool_)
    met[code] = True
    distinct = np.flatnonzero(met)
    number = np.zeros(largest, _narrowest(len(distinct)))
    number[distinct] = np.arange(len(distinct))
    return number[code], distinct


def _as_they_come(numbers: Array, count: int) -> tuple[Array, Array]:
    """Number anew in the order in which the numbers come; return the new numbers, and where each comes first."""
    first = np.empty(count, np.uint32)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1, dtype=np.uint32)  # of several the last counts
    order = np.argsort(first, kind="stable")
    number = np.empty(count, _narrowest(count))
    number[order] = np.arange(count)
    return number[numbers], first[order]


def _at(cells: pl.Series, at: Array) -> pl.Series:
    """Return the cells at some places of a column, which may be one row that stands for all."""
    return cells.gather(at) if len(cells) != 1 else cells.new_from_index(0, len(at))


def named(ids: Iterable[str], count: int) -> str:
    """Return the ids of the first of some crossings, and how many more there are."""
    shown = [f"'{visible(one)}'" for one in ids]
    return ", ".join(shown) + (f" and {count - len(shown)} more" if count > len(shown) else "")


def _without_noise(content: Array) -> Array:
    """Return the contents rounded to ``SIGNIFICANT_DIGITS`` significant digits."""
    size = np.floor(np.log10(np.maximum(np.abs(content), 1e-280)))
    scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - size)
    return np.asarray(np.round(content * scale) / scale)
