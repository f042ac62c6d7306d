"""A second opinion: docs/method.md and docs/rules.md in exact fractions, slow and readable.

Graphs are in :mod:`reference.production`, what the law charges at one crossing in :mod:`reference.customs`, who may
claim what in :mod:`reference.preference`; here they meet, and prices and attributions come out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reference.customs import Facts, Law, NotAdmittedError, OneEntry, Outcome, quantity_in
from reference.preference import Preference, declared_at
from reference.production import (
    ONE,
    ZERO,
    Graph,
    Row,
    content_of_kind,
    leontief_inverse,
    number,
    residual_content,
    solve,
    value_added_content,
)

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "ONE",
    "ZERO",
    "Crossing",
    "Facts",
    "Graph",
    "Law",
    "Line",
    "NotAdmittedError",
    "Propagated",
    "Row",
    "assess",
    "content_of_kind",
    "contents",
    "law_of",
    "number",
    "prices_by_elimination",
    "propagate",
    "reach",
    "residual_content",
    "value_added_content",
]

#: The depth from which duties stand in one row, ``10+``.
BEYOND = 11


@dataclass(frozen=True)
class Line:
    """What one measure charges at a crossing, over the customs value; what a credit pays is below 0.

    ``charged_by``: the measure, or the one whose duty a credit pays.
    """

    measure: str
    action: str
    authority: str
    rate: Fraction
    charged_by: str


@dataclass(frozen=True)
class Crossing:
    """One input or shipment: who buys what from whom, and what its border charges, line by line.

    ``entries``: the entries that it stands for, with their weights, and what became of every measure at each.
    ``qualifies``: whether what it claims may be claimed; None where nothing is claimed that the law knows.
    """

    id: str
    supplier: str
    user: str | None
    share: Fraction
    pass_through: Fraction
    drawback: Fraction
    lines: tuple[Line, ...]
    entries: tuple[tuple[Fraction, dict[str, Outcome]], ...]
    labels: dict[str, str]
    qualifies: bool | None

    @property
    def statutory(self) -> Fraction:
        return sum((line.rate for line in self.lines), ZERO)

    @property
    def tau(self) -> Fraction:
        """Duty less what is refunded: t(1 − d)."""
        return self.statutory * (1 - self.drawback)

    @property
    def passed_on(self) -> Fraction:
        """What the border adds to the buyer's price: φτ."""
        return self.pass_through * self.tau


@dataclass(frozen=True)
class Propagated:
    """Exact results: prices and rates by stage, the shipments table by id, and the attribution."""

    graph: Graph
    inputs: tuple[Crossing, ...]
    last_borders: tuple[Crossing, ...]
    excess: dict[str, Fraction]
    borne_by_sellers: dict[str, Fraction]
    duty_collected: dict[str, Fraction]

    @cached_property
    def shipments(self) -> dict[str, dict[str, Any]]:
        """The shipments table of a result (docs/graph.md), by id."""
        table = {}
        for row, border in zip(self.graph.shipments, self.last_borders, strict=True):
            f, tau, phi = border.supplier, border.tau, border.pass_through
            x, p = self.excess[f], 1 + self.excess[f]
            value = None if row.get("value") is None else number(row["value"])
            effective = p * (1 + phi * tau) - 1
            duty = self.duty_collected[f] + p * tau * (1 + phi * tau) / (1 + tau)
            table[border.id] = {
                "stage": f,
                "market": row["market"],
                "value": value,
                "statutory_rate": border.statutory,
                "border_rate": phi * tau,
                "embedded_rate": x,
                "compounding_rate": x * phi * tau,
                "effective_rate": effective,
                "exporter_rate": self.borne_by_sellers[f] + p * tau * (1 - phi) / (1 + tau),
                "duty_rate": duty,
                "landed_value": None if value is None else value * (1 + effective),
                "duty": None if value is None else value * duty,
            }
        return table

    @cached_property
    def contributions(self) -> list[tuple[str, dict[str, str], Fraction, Fraction]]:
        """Every shipment × crossing × depth × measure: its labels, what it adds to effective_rate and exporter_rate."""
        lines = []
        for border in self.last_borders:
            crosses = border.labels["importer"] != border.labels["exporter"]
            weights = [
                (one, min(level + crosses, BEYOND), output.get(one.user or "", ZERO) * one.share)
                for level, output in enumerate(self.requirements[border.supplier])
                for one in self.inputs
            ]
            for crossing, depth, weight in [*weights, (border, 0, ONE)]:
                price = 1 + self.excess[crossing.supplier]
                for line in crossing.lines:
                    tau = line.rate * (1 - crossing.drawback)
                    labels = {
                        **crossing.labels,
                        "measure": line.measure,
                        "action": line.action,
                        "authority": line.authority,
                        "depth": str(depth) if depth < BEYOND else f"{BEYOND - 1}+",
                    }
                    buyer = weight * price * crossing.pass_through * tau
                    seller = weight * price * tau * (1 - crossing.pass_through) / (1 + crossing.tau)
                    lines.append((border.id, labels, buyer, seller))
        return lines

    @cached_property
    def requirements(self) -> dict[str, list[dict[str, Fraction]]]:
        """Output of every stage in one unit of a good, by how many borders upstream; the last entry all beyond."""
        return {border.supplier: output_by_depth(self.graph, border.supplier) for border in self.last_borders}

    def by(self, *keys: str) -> dict[tuple[str, ...], tuple[Fraction, Fraction, Fraction]]:
        """Return (rate, exporter_rate, duty_rate) by shipment and keys."""
        total: dict[tuple[str, ...], list[Fraction]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
        for shipment, labels, buyer, seller in self.contributions:
            sums = total[(shipment, *(labels[key] for key in keys))]
            sums[0] += buyer
            sums[1] += seller
            sums[2] += buyer + seller
        return {key: (sums[0], sums[1], sums[2]) for key, sums in total.items()}


def output_by_depth(graph: Graph, good: str) -> list[dict[str, Fraction]]:
    """Return the output of each stage in a unit of the good, 0 borders upstream, 1, ... 10, and in all beyond."""
    at_home = [row for row in graph.inputs if graph.country(row["supplier"]) == graph.country(row["user"])]
    domestic = leontief_inverse(Graph(graph.stages, tuple(at_home), ()))
    abroad = [row for row in graph.inputs if graph.country(row["supplier"]) != graph.country(row["user"])]
    rest = {stage: row[good] for stage, row in leontief_inverse(graph).items()}
    entering, levels = {good: ONE}, []
    for _ in range(BEYOND):
        level = {
            stage: sum((row[user] * much for user, much in entering.items()), ZERO) for stage, row in domestic.items()
        }
        levels.append(level)
        rest = {stage: much - level[stage] for stage, much in rest.items()}
        entering = defaultdict(lambda: ZERO)
        for row in abroad:
            entering[row["supplier"]] += number(row["share"]) * level[row["user"]]
    return [*levels, rest]


def contents(graph: Graph, law: Law) -> dict[str, dict[str, Fraction | None]]:
    """Return the content of every stage's good by kind; None where it is unknown."""
    found = {}
    for kind, (selector, _) in law.kinds().items():
        matches = matching(graph, law, kind)
        residual = selector.get("method") == "residual"
        found[kind] = residual_content(graph, matches, kind) if residual else content_of_kind(graph, matches)
    return found


def matching(graph: Graph, law: Law, kind: str) -> dict[str, bool]:
    """Tell of every stage whether it is of a kind."""
    selector, own = law.kinds()[kind]
    return {stage: law.kind_matches(selector, graph, stage, own) for stage in graph.stage}


def reach(graph: Graph, law: Law, stage: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Return the kinds upstream of a stage (itself included), and the pairs where all of one is of the other.

    Of a good that shows no inputs nobody knows what is in it, unless it is of the kind itself.
    """
    upstream = graph.upstream(stage)
    of_kind = {kind: {one for one, is_it in matching(graph, law, kind).items() if is_it} for kind in law.kinds()}
    pairs = frozenset(
        (kind, other)
        for kind in of_kind
        for other in of_kind
        if upstream & of_kind[kind] <= of_kind[other] and (graph.shows_inputs(stage) or stage in of_kind[kind])
    )
    return frozenset(kind for kind in of_kind if upstream & of_kind[kind]), pairs


def crossings(graph: Graph, law: Law) -> tuple[tuple[Crossing, ...], tuple[Crossing, ...]]:
    """Return the inputs and the last borders of a graph with the duties that the law charges at each."""
    content = contents(graph, law)
    preferences = {name: Preference(law, graph, name) for name in law.programs()}

    def facts_of(row: Row) -> Facts:
        supplier, user = row.get("supplier", row.get("stage")), row.get("user")
        declared = {key[8:]: number(row[key]) for key in row if key.startswith("content.") and row[key] is not None}
        claim = row.get("program")
        claims = claim in preferences and preferences[claim].qualifies(supplier, row)
        reached, contained = reach(graph, law, supplier)
        return Facts(
            product=graph.stage[supplier]["product"],
            origin=graph.origin(supplier),
            importer=row["market"] if user is None else graph.country(user),
            exporter=graph.country(supplier),
            nationality=graph.nationality(supplier),
            used_in=None if user is None else graph.stage[user]["product"],
            program=claim if claims else None,
            utilization=number(row.get("utilization", 1)),
            declares=declared_at(row),
            content={**{kind: of_stage[supplier] for kind, of_stage in content.items()}, **declared},
            value=ONE if row.get("value") is None else number(row["value"]),
            quantity=None if row.get("quantity") is None else number(row["quantity"]),
            unit=row.get("unit"),
            reached=reached,
            contained=contained,
        )

    facts = {id(row): facts_of(row) for row in (*graph.inputs, *graph.shipments)}
    abroad = {at for at, one in facts.items() if one.importer != one.exporter}
    filled = filled_quotas(law, [facts[id(row)] for row in graph.shipments if id(row) in abroad])
    named = {
        measure["id"]: (action := measure.get("action", measure["id"]), measure.get("authority", action))
        for measure, _ in law.measures()
    }

    def crossing(row: Row) -> Crossing:
        one = facts[id(row)]
        entries = law.outcomes(one, filled) if id(row) in abroad else []
        charges: dict[str, Fraction] = defaultdict(lambda: ZERO)
        for weight, outcomes in entries:
            for measure, outcome in outcomes.items():
                charges[measure] += weight * outcome.charge
        return Crossing(
            id=graph.ids[id(row)],
            supplier=row.get("supplier", row.get("stage")),
            user=row.get("user"),
            share=number(row.get("share", 1)),
            pass_through=number(row.get("pass_through", 1)),
            drawback=number(row.get("drawback", 0)),
            lines=tuple(Line(measure, *named[measure], charge, measure) for measure, charge in charges.items()),
            entries=tuple(entries),
            labels={
                "crossing": graph.ids[id(row)],
                "importer": one.importer,
                "exporter": one.exporter,
                "origin": one.origin,
                "product": one.product,
            },
            qualifies=None if row.get("program") not in preferences else one.program is not None,
        )

    return credited(graph, law, tuple(map(crossing, graph.inputs))), tuple(map(crossing, graph.shipments))


def filled_quotas(law: Law, shipments: list[Facts]) -> dict[str, Fraction]:
    """Return the part of the shipments that each quota with a quantity admits: pro rata, at most all."""
    quotas = {}
    for measure, _ in law.measures():
        rows = measure["rate"] if isinstance(measure["rate"], list) else [measure]
        for row in rows:
            quota = row["rate"].get("quota") if isinstance(row["rate"], dict) else None
            if isinstance(quota, dict) and "quantity" in quota:
                quotas[quota["name"]] = quota
    drawn: dict[str, Fraction] = defaultdict(lambda: ZERO)
    for facts in shipments:
        for weight, entry in law.entries(facts):
            for name in entry.quotas_drawn_on():
                drawn[name] += weight * quantity_in(quotas[name]["unit"], facts)
    return {name: min(ONE, number(quotas[name]["quantity"]) / quantity) for name, quantity in drawn.items()}


def credited(graph: Graph, law: Law, inputs: tuple[Crossing, ...]) -> tuple[Crossing, ...]:
    """Return the inputs with what credits pay of their duties, as negative lines beside them."""
    paid: dict[str, list[Line]] = defaultdict(list)
    for stage in graph.stage:
        bought = [one for one in inputs if one.user == stage]
        measures_of: dict[int, list[str]] = defaultdict(list)
        written = [(credit, own) for own in law.rule_sets for credit in own.get("credits", [])]
        for measure, _ in law.measures():
            holding = [
                at
                for at, (credit, own) in enumerate(written)
                if law.is_earned(credit, graph, stage, own) and OneEntry.is_named(measure, credit["of"])
            ]
            if holding:
                measures_of[holding[-1]].append(measure["id"])
        for at, measures in measures_of.items():
            credit, _ = written[at]
            due = [(one, line) for one in bought for line in one.lines if line.measure in measures]
            duty = sum((one.share * (1 - one.drawback) * line.rate for one, line in due), ZERO)
            if not duty:
                continue
            worth = number(credit["share"]) * number(graph.stage[stage].get("credit_base", 1))
            part = min(ONE, worth / duty)
            for one, line in due:
                paid[one.id].append(Line(credit["id"], line.action, line.authority, -part * line.rate, line.measure))
    return tuple(replace(one, lines=(*one.lines, *paid[one.id])) for one in inputs)


def price_by_paths(graph: Graph, inputs: tuple[Crossing, ...], stage: str) -> Fraction:
    """Return the price as the sum over all paths that end at ``stage``: value added × Π share (1 + φτ). Acyclic."""
    total = graph.value_added(stage)
    for one in inputs:
        if one.user == stage:
            total += price_by_paths(graph, inputs, one.supplier) * one.share * (1 + one.passed_on)
    return total


def prices_by_elimination(graph: Graph, inputs: tuple[Crossing, ...]) -> dict[str, Fraction]:
    """Return the price of every stage out of p_j − Σ a (1 + φτ) p_i = v_j; any productive graph."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    for one in inputs:
        matrix[place[one.user or ""]][place[one.supplier]] -= one.share * (1 + one.passed_on)
    prices = solve(matrix, [[graph.value_added(name)] for name in names])
    return {name: prices[place[name]][0] for name in names}


def accumulate(graph: Graph, inputs: tuple[Crossing, ...], paid_at: dict[str, Fraction]) -> dict[str, Fraction]:
    """Carry what is paid at each crossing (by id, per unit bought) to every stage downstream: y = Σ a (y_i + paid)."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    right = [[ZERO] for _ in names]
    for one in inputs:
        user = place[one.user or ""]
        matrix[user][place[one.supplier]] -= one.share
        right[user][0] += one.share * paid_at[one.id]
    return {name: row[0] for name, row in zip(names, solve(matrix, right), strict=True)}


def propagate(
    graph: Graph, *rule_sets: dict[str, Any], as_of: str = "2025-07-02", known_on: str | None = None
) -> Propagated:
    """Return every rate of docs/method.md, exactly."""
    inputs, last_borders = crossings(graph, law_of(*rule_sets, as_of=as_of, known_on=known_on))
    if graph.is_acyclic:
        prices = {stage: price_by_paths(graph, inputs, stage) for stage in graph.stage}
    else:
        prices = prices_by_elimination(graph, inputs)
    sellers = {e.id: prices[e.supplier] * e.tau * (1 - e.pass_through) / (1 + e.tau) for e in inputs}
    duties = {e.id: prices[e.supplier] * e.tau * (1 + e.passed_on) / (1 + e.tau) for e in inputs}
    return Propagated(
        graph=graph,
        inputs=inputs,
        last_borders=last_borders,
        excess={stage: price - 1 for stage, price in prices.items()},
        borne_by_sellers=accumulate(graph, inputs, sellers),
        duty_collected=accumulate(graph, inputs, duties),
    )


def assess(
    facts: Facts, *rule_sets: dict[str, Any], as_of: str = "2025-07-02", known_on: str | None = None
) -> dict[str, Fraction]:
    """Return what each measure charges on one entry, as a share of its customs value."""
    return law_of(*rule_sets, as_of=as_of, known_on=known_on).assess(facts)


def law_of(*rule_sets: dict[str, Any], as_of: str = "2025-07-02", known_on: str | None = None) -> Law:
    """Return rule sets side by side, on a day and as known on another."""
    return Law(rule_sets, date.fromisoformat(as_of), date.fromisoformat(known_on) if known_on else None)
