"""Which claims of preference qualify, worked out from the graph (docs/method.md, Origin).

Suppliers come before users. A stage's good originates under a program when the stage sits in a partner country (a
program that names no partners asks for none) and the rule for its product is met; the last rule that holds applies.
Values are untaxed, the good's is 1; an input counts whole as originating material or whole as non-originating:

    build-down  1 − VNM          build-up  Σ shares of originating inputs          net-cost  (NC − VNM) / NC

with VNM the shares of non-originating inputs and NC the stage's net cost. What a stage buys from itself is no material.
A stage in a partner country without materials originates, unless its customs origin is no partner; what a crossing
declares ``non-originating`` never does. A product without a rule is taken as declared where it is claimed, and as a
material it is non-originating. In a cycle the status is the least fixed point: nothing originates until shown to.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from ..codes import product_key
from ..errors import Finding, TariffGraphError, suggestion, visible
from ..frozen import FrozenFrame
from ..graph.checks import positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..codes import ProductScope
    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from ..rules.measure import Products
    from ..rules.origin_rule import Level, OriginRule, OriginTest, RegionalValueContent
    from .law import Law

Array = np.ndarray[Any, Any]
Declared = frozenset[str]

__all__ = ["WORKSHEET_COLUMNS", "Claims", "judge_claims", "worksheet"]

NON_ORIGINATING = "non-originating"
DIGITS_OF: Mapping[Level, int] = {"chapter": 2, "heading": 4, "subheading": 6}
DECIMALS = 12
SHOWN_CLAIMS = 5
SHOWN_NAMES = 3
NOTHING_DECLARED: Declared = frozenset()

_VERDICT_COLUMNS = {
    "qualifies": pl.Boolean,
    "by_rule": pl.Boolean,
    "test": pl.String,
    "value": pl.Float64,
    "needed": pl.Float64,
    "missed_by": pl.Float64,
    "reason": pl.String,
}
WORKSHEET_COLUMNS = {
    "depth": pl.Int64,
    "stage": pl.String,
    "crossing": pl.String,
    "supplier": pl.String,
    "product": pl.String,
    "country": pl.String,
    "share": pl.Float64,
    "share_of_good": pl.Float64,
    "status": pl.String,
    "why": pl.String,
    "value": pl.Float64,
    "needed": pl.Float64,
    "missed_by": pl.Float64,
}


@dataclass(frozen=True, eq=False)
class Claims:
    """Which claims qualify, and by how much the others miss.

    ``frame``: a row a claim. ``by_rule`` is false where no rule was found and the claim is taken as declared; ``test``:
    the rule; ``value`` against ``needed``: the test that decides (at most in ``change_of``, else at least);
    ``missed_by``: the smallest amount by which a rule misses, null where only a declaration is missing.
    """

    frame: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    findings: tuple[Finding, ...] = ()


def judge_claims(
    graph: ProductionGraph, law: Law, structure: Structure, share: Array, origin: pl.Series, claiming: pl.DataFrame
) -> Claims:
    """Return which of the claiming crossings qualify for the program that they claim.

    ``claiming``: crossings (id, kind, row, supplier, product, program, declares) with programs that the law knows;
    ``share``: (inputs,), in the engine's order; ``origin``: customs origin in the order of the stages table.
    """
    keys = ["program", "supplier", "declares"]
    crossings = claiming.select("id", "kind", "row", "supplier", "product", "program", "declares")
    verdicts: list[tuple[Any, ...]] = []
    asked: list[_Preference] = []
    if len(crossings):
        chain = _Chain(graph, structure, share, origin)
        for (name,), of_program in crossings.select(keys).unique().sort(keys).group_by("program", maintain_order=True):
            preference = _Preference(chain, law, str(name))
            declared = {text: _declared(text) for text in of_program["declares"].unique()}
            stated = [declared[text] for text in of_program["declares"]]
            claims = [*zip(chain.places(of_program["supplier"]), stated, strict=True)]
            preference.settle(claims)
            verdicts += [
                (*key, *preference.verdict(*claim)) for key, claim in zip(of_program.iter_rows(), claims, strict=True)
            ]
            asked.append(preference)
    judged = pl.DataFrame(verdicts, schema={**dict.fromkeys(keys, pl.String), **_VERDICT_COLUMNS}, orient="row")
    frame = crossings.join(judged, on=keys, how="left", nulls_equal=True, maintain_order="left").drop("declares")
    findings = [finding for preference in asked for finding in preference.findings(frame)]
    return Claims(frame, (*findings, *_failures(frame)))


def worksheet(
    graph: ProductionGraph,
    law: Law,
    structure: Structure,
    share: Array,
    origin: pl.Series,
    crossing: Mapping[str, Any],
    *,
    program: str | None = None,
    levels: int = 0,
) -> pl.DataFrame:
    """Return the origin worksheet of one crossing: value added, each material and its status, each test, the result.

    ``crossing``: supplier, declares, program; ``program``: another one than it claims. ``levels``: how many levels of
    materials are opened up below their own lines: ``depth`` tells the level, ``share`` is of the value of the good of
    ``stage``, ``share_of_good`` of that of the claimed good. Raises TariffGraphError where no known program is named.
    """
    name = program or crossing["program"]
    if name not in law.programs:
        found = f"'{visible(name)}' is no program" if name else "the crossing claims no program"
        raise TariffGraphError(Finding(found, suggestion(name or "", law.programs, "programs"), field="program"))
    chain = _Chain(graph, structure, share, origin)
    (place,), declared = chain.places(pl.Series([crossing["supplier"]])), _declared(crossing["declares"])
    preference = _Preference(chain, law, name)
    preference.settle([(place, declared)], whole=True)
    lines = [*preference.lines(place, declared, levels), preference.result(place, declared)]
    return pl.DataFrame(lines, schema=WORKSHEET_COLUMNS).with_row_index("line", offset=1)


class _Chain:
    """The graph in the engine's order, as views that hand out Python's own numbers, and lists of shared texts."""

    def __init__(self, graph: ProductionGraph, structure: Structure, share: Array, origin: pl.Series) -> None:
        stages = graph.stages.select("stage", "country", "product", "net_cost").with_columns(customs_origin=origin)
        stages = stages[structure.stage]
        self.stage: pl.Series = stages["stage"]
        self.country, self.origin, self.product = (
            _shared_texts(stages[one]) for one in ("country", "customs_origin", "product")
        )
        self.net_cost = stages["net_cost"].to_numpy().data
        self.first, self.supplier, self.share = structure.first.data, structure.supplier.data, share.data
        self.cycles = structure.cycles
        self._names = graph.stages["stage"]
        self._place = structure.place
        self._ids, self._input = graph.inputs["id"], structure.input
        declares = graph.inputs["declares"]
        #: What the inputs declare that declare something.
        self.stated: dict[int, Declared] = {}
        if declares.null_count() < len(declares):
            declares = declares.gather(structure.input)
            sets = {text: _declared(text) for text in declares.drop_nulls().unique()}
            said = declares.is_not_null()
            self.stated = {at: sets[text] for at, text in zip(said.arg_true(), declares.filter(said), strict=True)}

    def places(self, stages: pl.Series) -> list[int]:
        """Return the places of stages, by id."""
        places: list[int] = self._place[positions(stages, self._names)].tolist()
        return places

    def id(self, at: int) -> str:
        """Return the id of an input."""
        return str(self._ids[int(self._input[at])])

    def inputs(self, place: int) -> range:
        """Return the inputs of a stage."""
        return range(self.first[place], self.first[place + 1])

    def sellers(self, place: int) -> list[int]:
        """Return the suppliers of the inputs of a stage."""
        return self.supplier[self.first[place] : self.first[place + 1]].tolist()

    def materials(self, place: int) -> Sequence[int]:
        """Return the inputs of a stage, but for what it buys from itself."""
        inputs, sellers = self.inputs(place), self.sellers(place)
        if place not in sellers:
            return inputs
        return [at for at, seller in zip(inputs, sellers, strict=True) if seller != place]

    def declared(self, at: int) -> Declared:
        """Return what an input declares."""
        return self.stated.get(at, NOTHING_DECLARED)

    def sum(self, inputs: Iterable[int]) -> float:
        """Return the sum of the shares of inputs, rounded once: their order does not matter."""
        share = self.share
        return math.fsum([share[at] for at in inputs])


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a test came out: ``value`` against ``needed``, and by how much it misses (0 or less where it does not).

    ``what``: what is tested; ``level``: of the change asked for; ``kept``: the inputs that do not undergo it, with what
    keeps it from being told. ``parts``: the tests that are joined by ``joined``.
    """

    passes: bool
    what: str = ""
    value: float | None = None
    needed: float | None = None
    miss: float | None = None
    level: Level | None = None
    kept: tuple[tuple[int, str], ...] = ()
    joined: Literal["any", "all"] | None = None
    parts: tuple[_Outcome, ...] = ()

    @property
    def decisive(self) -> _Outcome:
        """The single test that decides: of ``any`` the first that passes, else the nearest; of ``all`` the tightest."""
        if not self.parts:
            return self
        parts = [part.decisive for part in self.parts if part.passes == self.passes]
        if self.joined == "any":
            return parts[0] if self.passes else min(parts, key=_miss)
        return max([part for part in parts if part.miss is not None] or parts, key=_miss)

    @property
    def atoms(self) -> tuple[_Outcome, ...]:
        """The single tests that it is made of, in the order of the rule."""
        return tuple(atom for part in self.parts for atom in part.atoms) if self.parts else (self,)

    @property
    def numbers(self) -> tuple[float | None, float | None, float | None]:
        """The value, what is needed and by how much it misses (None where it passes) of the test that decides."""
        one = self.decisive
        return one.value, one.needed, None if one.passes else one.miss

    def change_of(self, at: int) -> str:
        """Tell whether a non-originating input changes its classification as asked for."""
        kept = dict(self.kept)
        return f"{'does not change' if at in kept else 'changes'} its {self.level}{_bracketed(kept.get(at, ''))}"


def _miss(outcome: _Outcome) -> float:
    return math.inf if outcome.miss is None else outcome.miss


@dataclass(frozen=True, slots=True)
class _Made:
    """What the good of a stage is made of: its originating and its non-originating inputs."""

    place: int
    own: Sequence[int]
    foreign: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Standing:
    """Whether a good originates (None: no rule says), and why: ``rule`` and ``outcome`` where a rule was asked."""

    originates: bool | None
    reason: str = ""
    rule: OriginRule | None = None
    outcome: _Outcome | None = None


class _Preference:
    """A program on the graph: what originates under it."""

    def __init__(self, chain: _Chain, law: Law, name: str) -> None:
        self.chain = chain
        self.name = name
        self.program = law.programs[name]
        rule_set = next(each for each in law.rules.rule_sets if name in each.programs)

        def scope(products: Products | None) -> ProductScope | None:
            return None if products is None else law.scope(products, rule_set)

        self.partners = law.members(self.program.partners, rule_set)
        self.rules = [
            (rule, scope(rule.products), scope(rule.except_products))
            for rule in reversed(self.program.origin)
            if law.holds_on(rule.from_, rule.until, rule.published or rule.from_)
        ]
        partner = {country: self.is_partner(country) for country in {*chain.country}}
        self.of_partner = bytes(partner[country] for country in chain.country)
        self.offers: dict[int, set[Declared]] = {}
        self.originating: set[tuple[int, Declared]] = set()
        #: The same for goods offered without a declaration, by stage.
        self.originates = bytearray(len(chain.country))
        self.claimed: set[tuple[int, Declared]] = set()
        self.verdicts: dict[tuple[int, Declared], tuple[Any, ...]] = {}
        self.bought: dict[int, int] = {}
        self.coarse: dict[tuple[str, str], None] = {}
        self._rules: dict[str, OriginRule | None] = {}
        self._compared: dict[tuple[str, str, Level], tuple[bool, str]] = {}
        self._texts: dict[int, str] = {}

    # --- what originates --------------------------------------------------------------------------------

    def settle(self, offered: Sequence[tuple[int, Declared]], *, whole: bool = False) -> None:
        """Find out what originates of the goods offered (stages, with declarations) and of what their rules ask for.

        ``whole``: of everything upstream, asked for or not.
        """
        chain, offers, stated, of_partner = self.chain, self.offers, self.chain.stated, self.of_partner
        waiting: list[int] = []

        def offer(place: int, declared: Declared) -> bool:
            """Note a good that may originate, or any if ``whole``, and its stage where that is new."""
            if not whole and (not of_partner[place] or NON_ORIGINATING in declared):
                return False
            if place not in offers:
                offers[place] = set()
                waiting.append(place)
            offers[place].add(declared)
            return True

        self.claimed.update(offered)
        for place, declared in offered:
            offer(place, declared)
        while waiting:
            place = waiting.pop()
            sellers = chain.sellers(place)
            if not sellers or not (whole or self.rule(place)):
                continue
            for at, seller in zip(chain.inputs(place), sellers, strict=True):
                if seller != place and offer(seller, stated.get(at, NOTHING_DECLARED)):
                    self.bought[seller] = self.bought.get(seller, 0) + 1
        places = sorted(offers)
        done = 0
        for start, stop in (*chain.cycles, (len(chain.stage),) * 2):
            entry, end = bisect_left(places, start), bisect_left(places, stop)
            for place in places[done:entry]:
                self._originates_now(place, settled=True)
            self._settle_cycle(places[entry:end], start)
            done = end

    def _settle_cycle(self, places: Sequence[int], start: int) -> None:
        """Judge the stages of a component, and again those whose suppliers have come to originate, until none has."""
        users: dict[int, list[int]] = {}
        for place in places:
            for at in self.chain.materials(place):
                if self.chain.supplier[at] >= start:
                    users.setdefault(self.chain.supplier[at], []).append(place)
        pending = list(places)
        while pending:
            again: set[int] = set()
            for place in pending:
                if self._originates_now(place):
                    again.update(users.get(place, ()))
            pending = sorted(again)

    def _originates_now(self, place: int, *, settled: bool = False) -> bool:
        """Judge what a stage offers, with its materials as they stand; return whether more of it now originates.

        ``settled``: they stand for good, and claims are given their verdict.
        """
        more = False
        for declared in self.offers[place]:
            offer = (place, declared)
            if offer in self.originating:
                continue
            standing = self.standing(place, declared)
            if settled and offer in self.claimed:
                self.verdicts[offer] = self._verdict(standing)
            if standing.originates:
                more = True
                self.originating.add(offer)
                self.originates[place] |= not declared
        return more

    def is_partner(self, country: str) -> bool:
        """Tell whether a country is a partner; a program that names none asks for none."""
        return not self.program.partners or country in self.partners

    def rule(self, place: int) -> OriginRule | None:
        """Return the last rule in force for the product of a stage; None where there is none."""
        product = self.chain.product[place]
        if product not in self._rules:
            self._rules[product] = self._rule_for(product)
        return self._rules[product]

    def _rule_for(self, product: str) -> OriginRule | None:
        key = product_key(product)
        for rule, products, except_products in self.rules:
            matches, finer = _under(products, key) if products is not None else (True, None)
            excepted, finer_exception = _under(except_products, key) if except_products is not None else (False, None)
            if excepted or not (matches or finer):
                continue
            self.coarse.update(((product, line), None) for line in (finer, finer_exception) if line)
            if matches:
                return rule
        return None

    def standing(self, place: int, declared: Declared) -> _Standing:
        """Return how the good of a stage stands, offered with these declarations, with its materials as they stand."""
        chain = self.chain
        if not self.is_partner(chain.country[place]):
            return _Standing(False, f"made in {chain.country[place]}, no partner of {self.name}")
        if NON_ORIGINATING in declared:
            return _Standing(False, f"declares {NON_ORIGINATING}")
        if not chain.materials(place):
            if self.is_partner(chain.origin[place]):
                return _Standing(True, f"made in {chain.country[place]}, shows no inputs")
            return _Standing(False, f"its customs origin is {chain.origin[place]}, no partner of {self.name}")
        rule = self.rule(place)
        if rule is None:
            return _Standing(None, f"{self.name} has no rule of origin for {chain.product[place]}")
        outcome = self._judge(rule.test, self.made(place), declared)
        return _Standing(outcome.passes, rule=rule, outcome=outcome)

    def made(self, place: int) -> _Made:
        """Return what the good of a stage is made of, as its materials stand."""
        originating: list[int] = []
        foreign: list[int] = []
        stated, originates = self.chain.stated, self.originates
        for at, seller in zip(self.chain.inputs(place), self.chain.sellers(place), strict=True):
            if seller != place:
                plain = at not in stated
                own = originates[seller] if plain else (seller, stated[at]) in self.originating
                (originating if own else foreign).append(at)
        return _Made(place, originating, foreign)

    # --- tests ------------------------------------------------------------------------------------------

    def _judge(self, test: OriginTest, made: _Made, declared: Declared) -> _Outcome:
        parts: list[_Outcome] = []
        if test.change_of is not None:
            parts.append(self._change(test.change_of, test.tolerance, made))
        if test.regional_value_content is not None:
            parts.append(self._value_content(test.regional_value_content, made))
        parts.extend(_Outcome(name in declared, name) for name in test.declared)
        if test.any:
            of_any = tuple(self._judge(one, made, declared) for one in test.any)
            parts.append(_Outcome(any(one.passes for one in of_any), joined="any", parts=of_any))
        parts.extend(self._judge(one, made, declared) for one in test.all)
        if len(parts) == 1:
            return parts[0]
        return _Outcome(all(one.passes for one in parts), joined="all", parts=tuple(parts))

    def _change(self, level: Level, tolerance: float, made: _Made) -> _Outcome:
        chain, compared, good = self.chain, self._compared, self.chain.product[made.place]
        kept_inputs: list[tuple[int, str]] = []
        for at in made.foreign:
            key = (chain.product[chain.supplier[at]], good, level)
            if key not in compared:
                compared[key] = _changes(*key)
            changes, doubt = compared[key]
            if not changes:
                kept_inputs.append((at, doubt))
        kept = tuple(kept_inputs)
        value, needed = round(chain.sum(at for at, _ in kept), DECIMALS), round(tolerance, DECIMALS)
        return _Outcome(value <= needed, level, value, needed, round(value - needed, DECIMALS), level, kept)

    def _value_content(self, wanted: RegionalValueContent, made: _Made) -> _Outcome:
        if wanted.method == "build-up":
            value = self.chain.sum(made.own)
        elif wanted.method == "build-down":
            value = 1.0 - self.chain.sum(made.foreign)
        else:
            net_cost = self.chain.net_cost[made.place]
            value = (net_cost - self.chain.sum(made.foreign)) / net_cost
        value, needed = round(value, DECIMALS), round(wanted.at_least, DECIMALS)
        return _Outcome(value >= needed, _content_text(wanted), value, needed, round(needed - value, DECIMALS))

    # --- words ------------------------------------------------------------------------------------------

    def verdict(self, place: int, declared: Declared) -> tuple[Any, ...]:
        """Return qualifies, by_rule, test, value, needed, missed_by and reason of a claim."""
        return self.verdicts.get((place, declared)) or self._verdict(self.standing(place, declared))

    def _verdict(self, standing: _Standing) -> tuple[Any, ...]:
        if standing.originates is None:
            return True, False, None, None, None, None, f"{standing.reason}: taken as declared"
        if standing.rule is None or standing.outcome is None:
            return standing.originates, True, None, None, None, None, standing.reason
        if id(standing.rule) not in self._texts:
            self._texts[id(standing.rule)] = _test_text(standing.rule.test)
        test = self._texts[id(standing.rule)]
        return standing.originates, True, test, *standing.outcome.numbers, self._told(standing.outcome)

    def _told(self, outcome: _Outcome) -> str:
        """Return why a test is passed or not; of alternatives that fail the nearest first."""
        parts = [part for part in outcome.parts if part.passes == outcome.passes]
        if outcome.joined == "any":
            of_these = parts[:1] if outcome.passes else sorted(parts, key=lambda part: _miss(part.decisive))
            return "; ".join(self._told(part) for part in of_these)
        if outcome.joined == "all":
            return (" and " if outcome.passes else "; and ").join(self._told(part) for part in parts)
        if outcome.value is None or outcome.needed is None or outcome.miss is None:
            return f"{outcome.what} is {'' if outcome.passes else 'not '}declared"
        value, needed, miss = (f"{one:.12g}" for one in (outcome.value, outcome.needed, outcome.miss))
        if outcome.level is None:
            compared = f"at least {needed}" if outcome.passes else f"{miss} below {needed}"
            return f"{outcome.what} is {value}, {compared}"
        if not outcome.kept:
            return f"every non-originating input changes its {outcome.level}"
        inputs = _first([visible(self.chain.id(at)) + _bracketed(doubt) for at, doubt in outcome.kept])
        compared = f"at most {needed}" if outcome.passes else f"{miss} above {needed}"
        return f"{value} of the value does not change its {outcome.level} ({inputs}), {compared}"

    def findings(self, claims: pl.DataFrame) -> list[Finding]:
        """Return what was missing to judge the claims: rules, and digits of products."""
        found: list[Finding] = []

        def warn(message: str, remedy: str, check: str, crossing: str = "") -> None:
            found.append(Finding(message, remedy, severity="warning", check=check, crossing=crossing))

        add = f"add rules under origin of {self.name}"
        without = claims.filter((pl.col("program") == self.name) & ~pl.col("by_rule"))
        if len(without):
            products = _counted(Counter(without["product"]), "claim")
            what = f"rule of origin for {products}" if self.program.origin else f"rules of origin: {products}"
            warn(
                f"{self.name} has no {what}; what it has no rule for is taken as declared",
                f"Check these claims against the agreement, or {add}.",
                "no-origin-rule",
                str(without["id"][0]) if len(without) == 1 else "",
            )
        materials: Counter[str] = Counter()
        for place, count in self.bought.items():
            if self.rule(place) is None and self.chain.materials(place):
                materials[self.chain.product[place]] += count
        if materials:
            products = _counted(materials, "input")
            warn(
                f"{self.name} has no rule of origin for materials: {products}; they count as non-originating",
                f"Where they may originate, {add}.",
                "no-origin-rule",
            )
        for product, finer in sorted(self.coarse):
            warn(
                f"product {product} is too coarse to tell whether it falls under {finer} in the rules of origin of "
                f"{self.name}, and counts as if it did not",
                f"Give {len(product_key(finer))} digits, as in {finer}.",
                "coarse-product",
            )
        return found

    # --- worksheet --------------------------------------------------------------------------------------

    def lines(
        self, place: int, declared: Declared, levels: int, weight: float = 1.0, above: tuple[int, ...] = ()
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of the worksheet of a stage's good; below a material its own, ``levels`` deep."""
        chain = self.chain
        outcome = self.standing(place, declared).outcome
        atoms = outcome.atoms if outcome is not None else ()
        common = {"depth": len(above), "stage": chain.stage[place]}

        def line(stage: int, share: float, **rest: str) -> dict[str, Any]:
            made = {"supplier": chain.stage[stage], "product": chain.product[stage], "country": chain.country[stage]}
            return {**common, **made, "share": share, "share_of_good": weight * share, **rest}

        own = round(1.0 - chain.sum(chain.inputs(place)), DECIMALS)
        yield line(place, own, status="value added", why=f"added in {chain.country[place]}")
        for at in chain.inputs(place):
            seller, crossing, offered = chain.supplier[at], chain.id(at), chain.declared(at)
            if seller == place:
                why = "what a stage buys from itself is no material"
                yield line(seller, chain.share[at], crossing=crossing, status="own purchase", why=why)
                continue
            standing = self.standing(seller, offered)
            why = self._told(standing.outcome) if standing.outcome is not None else standing.reason
            status = "originating"
            if not standing.originates:
                status = NON_ORIGINATING
                why = "; ".join(dict.fromkeys([why, *(atom.change_of(at) for atom in atoms if atom.level)]))
            yield line(seller, chain.share[at], crossing=crossing, status=status, why=why)
            if levels > 0 and chain.materials(seller) and seller not in (place, *above):
                yield from self.lines(seller, offered, levels - 1, weight * chain.share[at], (*above, place))
        made = self.made(place)
        for why, total in (
            ("originating materials", chain.sum(made.own)),
            ("non-originating materials", chain.sum(made.foreign)),
            ("net cost", chain.net_cost[place]),
        ):
            yield {**common, "share": total, "share_of_good": weight * total, "status": "total", "why": why}
        for atom in atoms:
            numbers = dict(zip(("value", "needed", "missed_by"), atom.numbers, strict=True))
            yield {**common, "status": "passed" if atom.passes else "failed", "why": self._told(atom), **numbers}

    def result(self, place: int, declared: Declared) -> dict[str, Any]:
        """Return the last line of the worksheet of a claim."""
        qualifies, by_rule, _, value, needed, missed_by, reason = self.verdict(place, declared)
        status = "does not qualify" if not qualifies else "qualifies" if by_rule else "taken as declared"
        numbers = {"value": value, "needed": needed, "missed_by": missed_by}
        return {"depth": 0, "stage": self.chain.stage[place], "status": status, "why": reason, **numbers}


def _shared_texts(texts: pl.Series) -> list[str]:
    """Return texts as a list in which equal ones are one."""
    distinct = texts.unique().sort()
    known = distinct.to_list()
    return [known[at] for at in texts.cast(pl.Enum(distinct)).to_physical()]


def _declared(declares: str | None) -> Declared:
    return frozenset((declares or "").split(";")) - {""}


def _under(scope: ProductScope, key: str) -> tuple[bool, str | None]:
    """Return whether a product is in a scope, and a line of it that asks for more digits than the product has."""
    matches = scope.matches(key)
    return matches, None if matches else scope.finer_than(key)


def _changes(material: str, good: str, level: Level) -> tuple[bool, str]:
    """Return whether a material is classified apart from the good at a level, and what keeps that from being told."""
    digits = DIGITS_OF[level]
    keys = product_key(material), product_key(good)
    if ":" in "".join(keys):
        return False, "no HS code"
    told = min(digits, *map(len, keys))
    changes = keys[0][:told] != keys[1][:told]
    return changes, "" if changes or told == digits else "too few digits to tell"


def _bracketed(text: str) -> str:
    return f" ({text})" if text else ""


def _content_text(wanted: RegionalValueContent) -> str:
    return f"regional value content ({wanted.method})"


def _test_text(test: OriginTest) -> str:
    """Return a test in words."""
    parts: list[str] = []
    if test.change_of is not None:
        but = f" of all but {test.tolerance:.12g} of the value" if test.tolerance else ""
        parts.append(f"a change of {test.change_of}{but}")
    if test.regional_value_content is not None:
        wanted = test.regional_value_content
        parts.append(f"{_content_text(wanted)} of at least {wanted.at_least:.12g}")
    parts.extend(f"{name} declared" for name in test.declared)
    if test.any:
        parts.append(", or ".join(_enclosed(_test_text(one)) for one in test.any))
    parts.extend(map(_test_text, test.all))
    return ", and ".join(parts if len(parts) == 1 else map(_enclosed, parts))


def _enclosed(text: str) -> str:
    return f"({text})" if ", " in text else text


def _first(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _counted(products: Counter[str], what: str) -> str:
    """Return products with how often they occur, the most frequent first."""
    told = sorted(products.items(), key=lambda pair: (-pair[1], pair[0]))
    return _first([f"{visible(product)} ({count} {what}{'' if count == 1 else 's'})" for product, count in told])


def _failures(claims: pl.DataFrame) -> list[Finding]:
    """Return a warning for each of the first claims that do not qualify, and one that counts the others."""
    failing = claims.filter(~pl.col("qualifies"))
    found = [
        Finding(
            f"'{visible(claim['id'])}' claims {claim['program']} and does not qualify: {claim['reason']}",
            "The full rate is charged.",
            severity="warning",
            check="claim-not-qualifying",
            crossing=claim["id"],
        )
        for claim in failing.head(SHOWN_CLAIMS).iter_rows(named=True)
    ]
    others = Counter(failing["program"][SHOWN_CLAIMS:])
    if others:
        programs = ", ".join(f"{count} of {program}" for program, count in sorted(others.items()))
        message = f"more claims do not qualify: {programs}"
        found.append(Finding(message, "The full rate is charged.", severity="warning", check="claim-not-qualifying"))
    return found
