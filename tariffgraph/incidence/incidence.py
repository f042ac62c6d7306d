"""Incidence: the rates of every shipment, and their exact attribution to measures, crossings and countries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..errors import Finding, UnknownNameError, suggestion, visible
from ..frozen import FrozenRecord, read_only
from .attribution import attribute, columns_of
from .averages import averages
from .explain import Explanation, explain
from .exposure import columns_of_exposure, exposure, exposure_totals
from .leave_one_out import leave_one_out, problem_without
from .names import shipment_row
from .paths import Paths, find_paths
from .totals import totals, values_that_cross

if TYPE_CHECKING:
    from collections.abc import Sequence

    import networkx as nx

    from ..problem import Problem, Solution

Array = np.ndarray[Any, Any]

__all__ = ["Incidence"]


@dataclass(frozen=True, eq=False)
class Incidence:
    """The effective tariff incidence of a graph's shipments.

    ``shipments``: one row each, sorted by id: id, stage, market, value and the rates of docs/method.md, shares of the
    untaxed value, with ``landed_value`` and ``duty`` in money where a value is known. ``by(...)`` opens the rates up.
    ``meta`` says where the result comes from; ``findings`` what is right but surprising.
    """

    problem: Problem
    solution: Solution
    market: str | None
    meta: FrozenRecord = FrozenRecord()  # noqa: RUF009 - a descriptor, not a default

    @classmethod
    def of(cls, problem: Problem, *, market: str | None = None) -> Incidence:
        """Solve a problem and wrap what comes out. ``market`` keeps the shipments to one country."""
        markets = problem.graph.shipments["market"].unique().sort()
        if market is not None and market not in markets:
            raise UnknownNameError(
                Finding(
                    f"nothing is shipped to the market '{visible(market)}'",
                    suggestion(market, markets, "markets"),
                    field="market",
                )
            )
        solution = problem.solve()
        cycles = problem.structure.cycles
        solver = {
            "method": problem.structure.method,
            "cycles": len(cycles),
            "largest_cycle": max((stop - start for start, stop in cycles), default=0),
            "residual_bound": solution.residual_bound,
        }
        return cls(problem, solution, market, {**problem.meta, "market": market, "solver": solver})

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is right but surprising about the result."""
        return self.problem.findings

    @cached_property
    def shown(self) -> Array:
        """Rows of the graph's shipments table that the result holds."""
        market = self.problem.graph.shipments["market"]
        keep = np.ones(len(market), np.bool_) if self.market is None else (market == self.market).to_numpy()
        return read_only(np.flatnonzero(keep))

    @property
    def shipments(self) -> pl.DataFrame:
        """Rates and money of every shipment, sorted by id."""
        return self._shipments.clone()

    @cached_property
    def _shipments(self) -> pl.DataFrame:
        problem, solution, rows = self.problem, self.solution, self.shown
        stage = problem.shipments.stage[rows]
        class_ = problem.shipments.class_[rows]
        price = 1.0 + solution.excess[stage]
        statutory = np.append(problem.classes.statutory, 0.0)[class_]
        tau = np.append(problem.classes.tau, 0.0)[class_]
        phi = np.append(problem.classes.pass_through, 1.0)[class_]
        border = phi * tau
        embedded = solution.excess[stage]
        compounding = embedded * border
        effective = border + embedded + compounding
        exporter = solution.borne_by_sellers[stage] + price * tau * (1.0 - phi) / (1.0 + tau)
        duty = solution.duty_collected[stage] + price * tau * (1.0 + border) / (1.0 + tau)
        value = pl.col("value")
        return (
            problem.graph.shipments[rows]
            .select("id", "stage", "market", "value")
            .with_columns(
                statutory_rate=pl.Series(statutory),
                border_rate=pl.Series(border),
                embedded_rate=pl.Series(embedded),
                compounding_rate=pl.Series(compounding),
                effective_rate=pl.Series(effective),
                exporter_rate=pl.Series(exporter),
                duty_rate=pl.Series(duty),
            )
            .with_columns(landed_value=value * (1.0 + pl.col("effective_rate")), duty=value * pl.col("duty_rate"))
            .sort("id")
        )

    def by(self, *keys: str) -> pl.DataFrame:
        """Attribute every rate, exactly, to measures, crossings, countries or depths.

        ``keys``: measure (the default), action, authority, crossing, importer, exporter, origin, product, depth.
        Crossing e = (i → j) adds L_jf · a_e · p_i · φ t_m (1 − d) of measure m to the embedded rate of f, the last
        border p_f · φ t_m (1 − d); so the rates of a shipment add to its effective, exporter and duty rate without
        residual (docs/method.md). Columns: shipment, the keys (``authority`` brings ``importer``), rate, exporter_rate,
        duty_rate, amount (value × rate). Raises UnknownNameError.
        """
        return attribute(self.problem, self.solution, self.shown, columns_of(keys or ("measure",)))

    def totals(self, *keys: str) -> pl.DataFrame:
        """Money that all shipments pay, by ``keys`` (those of ``by``, default measure), from one backward pass.

        Columns: the keys, amount (Σ value × rate), exporter_amount, duty: what ``by`` gives, added up over the
        shipments. Those without a value are left out, so without any there is no row. Raises UnknownNameError.
        """
        return totals(self.problem, self.solution, self.shown, columns_of(keys or ("measure",)))

    def averages(self, *keys: str) -> pl.DataFrame:
        """Average rates weighted by customs value, by market, exporter, product, measure, action, authority.

        Keys of goods (the market, exporter and product of a shipment) say whose average, keys of law which part of it;
        without keys it is the average of all. Columns: the keys, shipments (how many), value (the denominator), the
        rates of ``shipments``, duty in money. A shipment without a value is left out; if none has one, each counts 1
        and there is no money. Raises UnknownNameError.
        """
        return averages(self.problem, self.solution, self.shown, self._shipments, keys)

    def exposure(self, of: str = "country", by: Sequence[str] = ("via", "importer")) -> pl.DataFrame:
        """On whose value added the duties fall, and through which countries it came to the border that charges.

        A duty falls on the value added in the part of the value that its measure charges (docs/method.md, Exposure).
        ``of``: country, nationality (of the firm) or firm; ``by``: via (the exporter at that border), importer, origin,
        product, crossing, measure, action, authority. Columns: shipment, ``of``, the keys, rate (they add to the
        effective rate), flagged (of it, spread for want of knowing better), taxed (value added charged, at each border
        once), value_added (in all of the good), amount, taxed_amount. Raises UnknownNameError, TooLargeError.
        """
        return exposure(self.problem, self.solution, self.shown, of, columns_of_exposure(of, by))

    def exposure_totals(self, of: str = "country", by: Sequence[str] = ("via", "importer")) -> pl.DataFrame:
        """On whose value added the duties on all shipments fall, in money, from one backward pass.

        Columns: ``of``, the keys of ``by``, amount (Σ value × rate), flagged_amount, taxed_amount. Shipments without a
        value are left out, so without any there is no row. Raises UnknownNameError, TooLargeError.
        """
        return exposure_totals(self.problem, self.solution, self.shown, of, columns_of_exposure(of, by))

    def without(self, *names: str) -> Incidence:
        """Return the result under the law as it would stack without these measures, by id or action, or credits."""
        return Incidence.of(problem_without(self.problem, names), market=self.market)

    def leave_one_out(self, key: str = "measure") -> pl.DataFrame:
        """What each shipment pays under the law as it would then stack without one measure, action or authority.

        Columns: shipment, the key, rate (its part of the effective rate), effective_rate, rate_without, change,
        amount_change. The change is the cost of a law, which is not its share. Raises UnknownNameError.
        """
        return leave_one_out(self, key)

    @property
    def crossings(self) -> pl.DataFrame:
        """Every border crossing: its facts, statutory and border rate, customs value and duty.

        Per unit of untaxed value of the good that crosses: price p_i before this border, customs value
        p_i (1 + φτ)/(1 + τ), duty τ times it; and the same in money, of all the shipments shown.
        """
        problem = self.problem
        crossings = problem.classes.crossings
        class_ = crossings["class"].to_numpy().astype(np.int64)
        tau = problem.classes.tau[class_]
        rates = problem.rates[class_]
        price = 1.0 + self.solution.excess[problem.places(crossings["supplier"])]
        customs_value = price * (1.0 + rates) / (1.0 + tau)
        value = values_that_cross(problem, self.shown)
        return crossings.select(
            "id", "kind", "supplier", "user", "exporter", "importer", "origin", "product", "claimed", "qualifies",
            "program", "declares", "share",
            pl.Series("statutory_rate", problem.classes.statutory[class_]),
            pl.Series("border_rate", rates),
            pl.Series("price", price),
            pl.Series("customs_value", customs_value),
            pl.Series("duty", customs_value * tau),
            value.alias("total_value"),
            (value * customs_value).alias("total_customs_value"),
            (value * (customs_value * tau)).alias("total_duty"),
        ).sort("kind", "id")  # fmt: skip

    def paths(
        self,
        shipment: str,
        market: str | None = None,
        *,
        top: int | None = None,
        cover: float | None = None,
        at_least: float | None = None,
    ) -> Paths:
        """Return along which chains of inputs a shipment's effective rate comes: the largest paths, and what is left.

        A path from the border e = (i → j) carries Π a · p_i φτ_e, with a the shares from e down to the good. The order
        is certain and so is the remainder. ``shipment``: an id, or a stage, with its ``market`` where it has several;
        ``top``, ``cover`` and ``at_least`` say how far to go (default: ten paths). Raises UnknownNameError.
        """
        row = shipment_row(self, shipment, market)
        return find_paths(self.problem, self.solution, row, top=top, cover=cover, at_least=at_least)

    def explain(
        self, shipment: str, market: str | None = None, *, borders: int = 20, paths: int = 10, levels: int = 0
    ) -> Explanation:
        """Explain a shipment's effective rate: facts, measures, origin and content at each border, and the paths.

        The lines of all borders add to the effective rate; measures that do not apply say why. ``shipment`` and
        ``market`` as in ``paths``; ``borders`` upstream and ``paths`` are set out, the largest, and what the others
        carry is one line each; ``levels`` opens the worksheets of origin up. Raises UnknownNameError.
        """
        row = shipment_row(self, shipment, market)
        return explain(self, row, borders=borders, paths=paths, levels=levels)

    @property
    def claims(self) -> pl.DataFrame:
        """Every claim of a preference, whether it qualifies and by how much it misses: one row each, sorted by id."""
        return self.problem.classes.claims.select(
            "id", "program", "product", "qualifies", "by_rule", "test", "value", "needed", "missed_by", "reason"
        ).sort("id")

    def to_networkx(self) -> nx.MultiDiGraph:
        """Return the graph as a MultiDiGraph with prices on nodes and rates on edges."""
        from ..graph.networkx import to_networkx

        graph = to_networkx(self.problem.graph)
        for place, stage in enumerate(self.problem.stages):
            excess = float(self.solution.excess[place])
            graph.nodes[stage].update(
                price=1.0 + excess,
                excess_price=excess,
                borne_by_sellers=float(self.solution.borne_by_sellers[place]),
                duty_collected=float(self.solution.duty_collected[place]),
            )
        rates = {row["id"]: row for row in self.crossings.iter_rows(named=True)}
        for _, _, crossing, attributes in graph.edges(keys=True, data=True):
            row = rates.get(crossing)
            for name in ("statutory_rate", "border_rate"):
                attributes[name] = row[name] if row is not None else 0.0
        return graph

    def with_market(self, market: str) -> Incidence:
        """Return the same result for the shipments to one market."""
        return replace(self, market=market, meta={**self.meta, "market": market})

    def __repr__(self) -> str:
        rules = ", ".join(one["id"] for one in self.meta["rules"])
        return f"Incidence({len(self.shown)} shipments, rules {rules}, as of {self.meta['as_of']})"
