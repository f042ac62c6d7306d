"""A second opinion: docs/method.md and docs/rules.md in exact fractions, slow and readable.

Graphs are lists of dicts with the columns of the tables, rule sets are dicts in the shape of their YAML files. Nothing
here comes from the package: it is written from the contract, by recursion and by Gaussian elimination on
``fractions.Fraction``, so that a mistake in the engine is not made twice. Numbers are fractions, or text (``25%``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

ONE = Fraction(1)
ZERO = Fraction(0)

Row = dict[str, Any]


def number(value: Any) -> Fraction:
    """Return the exact number: ``25%`` is 1/4, ``0.1`` is 1/10, the float 0.1 is what the machine holds."""
    if isinstance(value, str):
        text = value.strip()
        return Fraction(text[:-1].strip()) / 100 if text.endswith("%") else Fraction(text)
    return Fraction(value)


def solve(matrix: list[list[Fraction]], right: list[list[Fraction]]) -> list[list[Fraction]]:
    """Solve matrix · X = right by Gauss–Jordan elimination; both are lists of rows."""
    size = len(matrix)
    rows = [[*matrix[i], *right[i]] for i in range(size)]
    for column in range(size):
        pivot = next((i for i in range(column, size) if rows[i][column]), None)
        if pivot is None:
            raise ZeroDivisionError("singular: the graph is not productive")
        rows[column], rows[pivot] = rows[pivot], rows[column]
        lead = rows[column][column]
        rows[column] = [entry / lead for entry in rows[column]]
        for i in range(size):
            if i != column and rows[i][column]:
                factor = rows[i][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


# --- the production graph -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graph:
    """Three tables as lists of dicts with the columns of docs/graph.md; a column that a row lacks has its default."""

    stages: tuple[Row, ...]
    inputs: tuple[Row, ...]
    shipments: tuple[Row, ...]

    @cached_property
    def stage(self) -> dict[str, Row]:
        return {row["stage"]: row for row in self.stages}

    @cached_property
    def inputs_of(self) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {name: [] for name in self.stage}
        for row in self.inputs:
            rows[row["user"]].append(row)
        return rows

    @cached_property
    def is_acyclic(self) -> bool:
        open_, done = set(), set()

        def walk(name: str) -> bool:
            if name in done:
                return True
            if name in open_:
                return False
            open_.add(name)
            fine = all(walk(row["supplier"]) for row in self.inputs_of[name])
            done.add(name)
            return fine

        return all(walk(name) for name in self.stage)

    def country(self, stage: str) -> str:
        return self.stage[stage]["country"]

    def origin(self, stage: str) -> str:
        return self.stage[stage].get("origin") or self.country(stage)

    def nationality(self, stage: str) -> str:
        return self.stage[stage].get("nationality") or self.country(stage)

    def value_added(self, stage: str) -> Fraction:
        return ONE - sum((number(row["share"]) for row in self.inputs_of[stage]), ZERO)

    @cached_property
    def ids(self) -> dict[int, str]:
        """Id of every input and shipment row by ``id(row)``: as given, else supplier->user with #2, #3 ..."""
        found = {}
        for rows, ends in ((self.inputs, ("supplier", "user")), (self.shipments, ("stage", "market"))):
            seen: dict[str, int] = defaultdict(int)
            for row in rows:
                name = "->".join(row[end] for end in ends)
                seen[name] += 1
                found[id(row)] = row.get("id") or (name if seen[name] == 1 else f"{name}#{seen[name]}")
        return found


def leontief_inverse(graph: Graph) -> dict[str, dict[str, Fraction]]:
    """Return L = (I − A)^-1 as L[j][f]: the output of stage j that is embodied in one unit of f."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    for row in graph.inputs:
        matrix[place[row["supplier"]]][place[row["user"]]] -= number(row["share"])
    identity = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    inverse = solve(matrix, identity)
    return {j: {f: inverse[place[j]][place[f]] for f in names} for j in names}


def value_added_content(graph: Graph) -> dict[str, dict[str, Fraction]]:
    """Return the part of every stage's value that was added in each country; it sums to 1."""
    inverse = leontief_inverse(graph)
    content: dict[str, dict[str, Fraction]] = {}
    for f in graph.stage:
        content[f] = defaultdict(lambda: ZERO)
        for j in graph.stage:
            content[f][graph.country(j)] += graph.value_added(j) * inverse[j][f]
    return content


def content_of_kind(graph: Graph, matches: dict[str, bool]) -> dict[str, Fraction | None]:
    """Return K of every stage: 1 where it matches, else Σ a K_supplier; None (unknown) where it shows no inputs."""
    names = list(graph.stage)
    place = {name: i for i, name in enumerate(names)}
    matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
    for name in names:
        if not matches[name]:  # a matching stage counts whole and is not looked into
            for row in graph.inputs_of[name]:
                matrix[place[name]][place[row["supplier"]]] -= number(row["share"])
    held = solve(matrix, [[ONE if matches[name] else ZERO] for name in names])
    return {name: held[place[name]][0] if matches[name] or graph.inputs_of[name] else None for name in names}


# --- conditions (docs/rules.md) -------------------------------------------------------------------------


@dataclass(frozen=True)
class Facts:
    """What the law asks about one crossing. A kind that ``content`` lacks, or that is None there, is unknown."""

    product: str
    origin: str
    importer: str
    exporter: str
    nationality: str | None = None
    used_in: str | None = None
    program: str | None = None
    utilization: Fraction = ONE
    declares: frozenset[str] = frozenset()
    content: dict[str, Fraction | None] = field(default_factory=dict)
    column_1: Any = None


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def digits(product: str) -> str:
    return product if ":" in product else product.replace(".", "").replace(" ", "")


def line_digits(product: str) -> str:
    """Digits of a line of a law, without pairs of zeros past the sixth."""
    line = digits(product)
    while ":" not in line and len(line) > 6 and line.endswith("00"):
        line = line[:-2]
    return line


@dataclass(frozen=True)
class Law:
    """Rule sets side by side on a day, as known on another (None: as known in the end)."""

    rule_sets: tuple[dict[str, Any], ...]
    as_of: date
    known_on: date | None = None

    def look_up(self, table: str, name: str, own: dict[str, Any]) -> Any:
        """Find a group, list or content kind in the set of the measure, and failing that in its neighbours."""
        for rule_set in (own, *self.rule_sets):
            if name in rule_set.get(table, {}):
                return rule_set[table][name]
        return None

    def is_in_force(self, row: Row, published: str | None = None) -> bool:
        """``from`` inclusive, ``until`` exclusive, and known: published (default from, else the parent's) by then."""
        published = row.get("published") or row.get("from") or published
        if self.known_on is not None and published and date.fromisoformat(published) > self.known_on:
            return False
        if row.get("from") and date.fromisoformat(row["from"]) > self.as_of:
            return False
        return not (row.get("until") and date.fromisoformat(row["until"]) <= self.as_of)

    def is_among_products(self, product: str, scope: Any, own: dict[str, Any]) -> bool:
        for item in as_list(scope):
            if isinstance(item, dict):
                for name in as_list(item["list"]):
                    for line in self.look_up("lists", name, own):
                        line = line if isinstance(line, dict) else {"product": line}
                        if self.is_in_force(line) and self.is_among_products(product, line["product"], own):
                            return True
            elif ":" in product or ":" in item:
                if product == item:
                    return True
            elif digits(product).startswith(line_digits(item)):
                return True
        return False

    def members(self, name: str, own: dict[str, Any]) -> list[str]:
        group = self.look_up("groups", name, own)
        return [name] if group is None else list(group)

    def is_among_countries(self, country: str | None, names: Any, own: dict[str, Any]) -> bool:
        return country is not None and any(country in self.members(name, own) for name in as_list(names))

    def is_importer(self, facts: Facts, names: Any, own: dict[str, Any]) -> bool:
        """A country, a group or ``all``; a group as importer exempts trade inside it."""
        for name in as_list(names):
            inside = self.members(name, own)
            trade_inside = inside != [name] and facts.exporter in inside
            if name == "all" or (facts.importer in inside and not trade_inside):
                return True
        return False

    def holds(self, row: Row, facts: Facts, own: dict[str, Any], published: str | None = None) -> bool:
        """Tell whether every condition of a measure, row or relation holds."""
        among_products, among_countries = self.is_among_products, self.is_among_countries
        used_in = facts.used_in
        checks = {
            "products": lambda scope: among_products(facts.product, scope, own),
            "except_products": lambda scope: not among_products(facts.product, scope, own),
            "origins": lambda names: among_countries(facts.origin, names, own),
            "except_origins": lambda names: not among_countries(facts.origin, names, own),
            "exporters": lambda names: among_countries(facts.exporter, names, own),
            "nationality": lambda names: among_countries(facts.nationality, names, own),
            "importer": lambda names: self.is_importer(facts, names, own),
            "used_in": lambda scope: used_in is not None and among_products(used_in, scope, own),
            "program": lambda names: facts.program in as_list(names),
            "declares": lambda names: set(as_list(names)) <= facts.declares,
            "content": lambda kinds: all(
                self.reaches(facts.content.get(kind), threshold["at_least"]) for kind, threshold in kinds.items()
            ),
        }
        return self.is_in_force(row, published) and all(check(row[key]) for key, check in checks.items() if key in row)

    @staticmethod
    def reaches(content: Fraction | None, at_least: Any) -> bool:
        """Both sides of a threshold are rounded to 12 decimals; equality passes, unknown fails."""
        return content is not None and round(content, 12) >= round(number(at_least), 12)

    def kind_matches(self, kind: dict[str, Any], graph: Graph, stage: str, own: dict[str, Any]) -> bool:
        facts = {
            "countries": graph.country(stage),
            "origins": graph.origin(stage),
            "nationality": graph.nationality(stage),
        }
        product = graph.stage[stage]["product"]
        return (
            ("products" not in kind or self.is_among_products(product, kind["products"], own))
            and not ("except_products" in kind and self.is_among_products(product, kind["except_products"], own))
            and all(self.is_among_countries(fact, kind[key], own) for key, fact in facts.items() if key in kind)
            and not any(
                self.is_among_countries(fact, kind[f"except_{key}"], own)
                for key, fact in facts.items()
                if f"except_{key}" in kind
            )
        )

    # --- one entry (docs/rules.md) ----------------------------------------------------------------------

    def assess(self, facts: Facts) -> dict[str, Fraction]:
        """Return what every measure charges, as a share of the customs value.

        Where u of a flow claims, the rest is a second entry of weight 1 − u. A program that no set knows counts for
        nothing.
        """
        known = {name for rule_set in self.rule_sets for name in rule_set.get("programs", {})}
        unclaimed = replace(facts, program=None)
        if facts.program not in known:
            return OneEntry(self, unclaimed).charges()
        total: dict[str, Fraction] = defaultdict(lambda: ZERO)
        for weight, entry in ((facts.utilization, facts), (1 - facts.utilization, unclaimed)):
            for measure, charge in OneEntry(self, entry).charges().items():
                total[measure] += weight * charge
        return dict(total)

    def measures(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [(measure, own) for own in self.rule_sets for measure in own.get("measures", [])]


@dataclass(frozen=True)
class Part:
    """A part of the customs value: the whole less some kinds, or some kinds only. Kinds are disjoint."""

    whole: bool
    kinds: dict[str, Fraction]

    def less(self, covered: Part) -> Part:
        if covered.whole:
            # Only what the cover leaves out is left over: V − (V − S) is S, and K ∩ S is what is left of K.
            if self.whole:
                left = {kind: part - self.kinds.get(kind, ZERO) for kind, part in covered.kinds.items()}
            else:
                left = {kind: min(part, covered.kinds.get(kind, ZERO)) for kind, part in self.kinds.items()}
            return Part(False, {kind: part for kind, part in left.items() if part > 0})
        if self.whole:
            out = {
                kind: max(self.kinds.get(kind, ZERO), covered.kinds.get(kind, ZERO))
                for kind in {*self.kinds, *covered.kinds}
            }
            return Part(True, out)
        return Part(
            False,
            {kind: max(ZERO, part - covered.kinds.get(kind, ZERO)) for kind, part in self.kinds.items()},
        )

    @property
    def share(self) -> Fraction:
        total = sum(self.kinds.values(), ZERO)
        return max(ZERO, 1 - total) if self.whole else total


WHOLE = Part(True, {})
NOTHING = Part(False, {})


@dataclass(frozen=True)
class Outcome:
    """What became of a measure: it ``applies`` unless excluded or replaced; ``charge`` is rate × share of ``part``."""

    applies: bool
    part: Part = NOTHING
    charge: Fraction = ZERO


class OneEntry:
    """The measures that stand at one entry, and what each charges once the others had their say.

    The order (whoever excludes, covers or replaces goes first) is had by recursion: to know a measure, ask first
    those that bear on it.
    """

    def __init__(self, law: Law, facts: Facts) -> None:
        self.law, self.facts = law, facts
        self.standing: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {}
        for measure, own in law.measures():
            conditions = {"importer": own.get("importer"), **measure}
            published = measure.get("published") or measure.get("from")
            if law.holds(conditions, facts, own):
                rate = self.last_row(measure["rate"], "rate", own, published)
                if facts.column_1 is not None and self.is_named(measure, own.get("column_1")):
                    rate = self.column_1_rate(facts.column_1)
                if rate is not None and rate != "ends":
                    self.standing[measure["id"]] = (measure, own, rate)
        self.relations = [relation for relation in self.all_relations() if law.holds(*relation)]
        self.outcomes: dict[str, Outcome] = {}

    def column_1_rate(self, column_1: Any) -> Any:
        if isinstance(column_1, dict):
            return column_1["special" if self.facts.program and "special" in column_1 else "general"]
        return column_1

    def last_row(self, rows: Any, key: str, own: dict[str, Any], published: str | None) -> Any:
        """Return the value of the last row whose conditions all hold, or None."""
        found = None
        for row in rows if isinstance(rows, list) else [{key: rows}]:
            if self.law.holds(row, self.facts, own, published):
                found = row[key]
        return found

    def all_relations(self) -> list[tuple[Row, Facts, dict[str, Any], str | None]]:
        """Every relation with its ``by`` and its parent's date of publication, as arguments of ``Law.holds``."""
        found = []
        for own in self.law.rule_sets:
            found += [(relation, self.facts, own, None) for relation in own.get("relations", [])]
            for measure in own.get("measures", []):
                published = measure.get("published") or measure.get("from")
                written = [*measure.get("relations", [])]
                keys = ("excludes", "covers", "replaces", "part", "even_if_free")
                if any(key in measure for key in keys):
                    written.append({key: measure[key] for key in keys if key in measure})
                found += [({"by": measure["id"], **one}, self.facts, own, published) for one in written]
        return found

    @staticmethod
    def is_named(measure: dict[str, Any], names: Any) -> bool:
        """Measures that a name stands for, as an id or as an action."""
        return names is not None and bool({measure["id"], measure.get("action", measure["id"])} & set(as_list(names)))

    def bearing_on(self, target: str, verb: str) -> list[tuple[str, Row, dict[str, Any]]]:
        """Return who excludes, covers or replaces a standing measure, with the relation; never the measure itself."""
        measure = self.standing[target][0]
        return [
            (other, relation, own)
            for relation, _, own, _ in self.relations
            if self.is_named(measure, relation.get(verb))
            for other in self.standing
            if other != target and self.is_named(self.standing[other][0], relation["by"])
        ]

    def part(self, base: Any, own: dict[str, Any]) -> Part:
        """Return the part of the value that a base means at this entry."""
        if base is None or base == "customs-value":
            return WHOLE
        if "content" in base:
            content = self.facts.content.get(base["content"])
            if content is None:
                return NOTHING if base.get("unknown") == "zero" else WHOLE
            return Part(False, {base["content"]: content})
        content = self.facts.content.get(base["without"])
        if content is None:
            return WHOLE
        return Part(True, {base["without"]: min(content, number(base.get("at_most", 1)))})

    def outcome(self, name: str) -> Outcome:
        if name not in self.outcomes:
            self.outcomes[name] = self.find_outcome(name)
        return self.outcomes[name]

    def find_outcome(self, name: str) -> Outcome:
        for other, _, _ in self.bearing_on(name, "replaces"):
            if self.outcome(other).applies:
                return Outcome(applies=False)
        for other, relation, _ in self.bearing_on(name, "excludes"):
            if self.outcome(other).applies and (self.outcome(other).charge > 0 or relation.get("even_if_free")):
                return Outcome(applies=False)
        measure, own, rate = self.standing[name]
        published = measure.get("published") or measure.get("from")
        part = self.part(self.last_row(measure.get("base", "customs-value"), "base", own, published), own)
        for other, relation, relation_own in self.bearing_on(name, "covers"):
            by = self.outcome(other)
            if by.applies and (by.charge > 0 or relation.get("even_if_free")):
                part = part.less(self.part(relation["part"], relation_own) if "part" in relation else by.part)
        return Outcome(True, part, self.rate(rate, own) * part.share)

    def rate(self, rate: Any, own: dict[str, Any]) -> Fraction:
        if isinstance(rate, dict):
            return max(ZERO, number(rate["top_up_to"]) - self.column_1_owed(own["column_1"]))
        return ZERO if isinstance(rate, str) and rate.lower() == "free" else number(rate)

    def column_1_owed(self, column_1: str) -> Fraction:
        """Column-1 duty over the customs value, whichever measure charges it."""
        answering = {name for name in self.standing if self.is_named(self.standing[name][0], column_1)}
        replacing = {other for name in answering for other, _, _ in self.bearing_on(name, "replaces")}
        return sum((self.outcome(name).charge for name in answering | replacing), ZERO)

    def charges(self) -> dict[str, Fraction]:
        return {name: self.outcome(name).charge for name in self.standing}


# --- the whole graph (docs/method.md) -------------------------------------------------------------------


@dataclass(frozen=True)
class Crossing:
    """One input or shipment: who buys what from whom, and what its border charges by measure."""

    id: str
    supplier: str
    user: str | None
    share: Fraction
    pass_through: Fraction
    drawback: Fraction
    rates: dict[str, Fraction]
    labels: dict[str, str]

    @property
    def statutory(self) -> Fraction:
        return sum(self.rates.values(), ZERO)

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
    actions: dict[str, str]
    authorities: dict[str, str]

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
        """Every shipment × crossing × measure: its labels, what it adds to effective_rate and to exporter_rate."""
        inverse = leontief_inverse(self.graph)
        lines = []
        for border in self.last_borders:
            weights = [(one, inverse[one.user or ""][border.supplier] * one.share) for one in self.inputs]
            for crossing, weight in [*weights, (border, ONE)]:
                price = 1 + self.excess[crossing.supplier]
                for measure, rate in crossing.rates.items():
                    tau = rate * (1 - crossing.drawback)
                    labels = {
                        **crossing.labels,
                        "measure": measure,
                        "action": self.actions[measure],
                        "authority": self.authorities[measure],
                    }
                    buyer = weight * price * crossing.pass_through * tau
                    seller = weight * price * tau * (1 - crossing.pass_through) / (1 + crossing.tau)
                    lines.append((border.id, labels, buyer, seller))
        return lines

    def by(self, *keys: str) -> dict[tuple[str, ...], tuple[Fraction, Fraction, Fraction]]:
        """Return (rate, exporter_rate, duty_rate) by shipment and keys."""
        total: dict[tuple[str, ...], list[Fraction]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
        for shipment, labels, buyer, seller in self.contributions:
            sums = total[(shipment, *(labels[key] for key in keys))]
            sums[0] += buyer
            sums[1] += seller
            sums[2] += buyer + seller
        return {key: (sums[0], sums[1], sums[2]) for key, sums in total.items()}


def crossings(graph: Graph, law: Law) -> tuple[tuple[Crossing, ...], tuple[Crossing, ...]]:
    """Return the inputs and the last borders of a graph with the duties that the law charges at each."""
    kinds: dict[str, dict[str, Fraction | None]] = {}
    for own in law.rule_sets:
        for kind, selector in own.get("content", {}).items():
            matches = {stage: law.kind_matches(selector, graph, stage, own) for stage in graph.stage}
            kinds[kind] = content_of_kind(graph, matches)

    def crossing(row: Row, supplier: str, user: str | None, importer: str, share: Fraction) -> Crossing:
        product = graph.stage[supplier]["product"]
        declared = {key[8:]: number(row[key]) for key in row if key.startswith("content.") and row[key] is not None}
        facts = Facts(
            product=product,
            origin=graph.origin(supplier),
            importer=importer,
            exporter=graph.country(supplier),
            nationality=graph.nationality(supplier),
            used_in=None if user is None else graph.stage[user]["product"],
            program=row.get("program"),
            utilization=number(row.get("utilization", 1)),
            declares=frozenset(filter(None, (row.get("declares") or "").split(";"))),
            content={**{kind: of_stage[supplier] for kind, of_stage in kinds.items()}, **declared},
        )
        is_border = importer != graph.country(supplier)
        return Crossing(
            id=graph.ids[id(row)],
            supplier=supplier,
            user=user,
            share=share,
            pass_through=number(row.get("pass_through", 1)),
            drawback=number(row.get("drawback", 0)),
            rates=law.assess(facts) if is_border else {},
            labels={
                "crossing": graph.ids[id(row)],
                "importer": importer,
                "exporter": facts.exporter,
                "origin": facts.origin,
                "product": product,
            },
        )

    return (
        tuple(
            crossing(row, row["supplier"], row["user"], graph.country(row["user"]), number(row["share"]))
            for row in graph.inputs
        ),
        tuple(crossing(row, row["stage"], None, row["market"], ONE) for row in graph.shipments),
    )


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
    law = Law(rule_sets, date.fromisoformat(as_of), date.fromisoformat(known_on) if known_on else None)
    inputs, last_borders = crossings(graph, law)
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
        actions={m["id"]: m.get("action", m["id"]) for m, _ in law.measures()},
        authorities={m["id"]: m.get("authority", m.get("action", m["id"])) for m, _ in law.measures()},
    )


def assess(
    facts: Facts, *rule_sets: dict[str, Any], as_of: str = "2025-07-02", known_on: str | None = None
) -> dict[str, Fraction]:
    """Return what each measure charges on one entry, as a share of its customs value."""
    return Law(rule_sets, date.fromisoformat(as_of), date.fromisoformat(known_on) if known_on else None).assess(facts)
