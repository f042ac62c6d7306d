"""On whose value added duties fall, in exact fractions: docs/method.md, Exposure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reference.customs import NOTHING, Part
from reference.production import ONE, ZERO, Graph, leontief_inverse, number, solve
from reference.reference import content_of_kind, matching

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    from reference.reference import Crossing, Law, Propagated

__all__ = ["Owned", "exposure", "owned_content"]

#: Value added by owner.
Owned = dict[str, "Fraction"]


def exposure(
    result: Propagated, law: Law, owner: Callable[[str], str], *keys: str
) -> dict[tuple[str, ...], tuple[Fraction, Fraction, Fraction]]:
    """Return (rate, flagged, taxed) by shipment, owner and keys; ``owner`` tells whose a stage is."""
    graph = result.graph
    spread = Spread(graph, law, owner)
    inverse = leontief_inverse(graph)
    total: dict[tuple[str, ...], list[Fraction]] = defaultdict(lambda: [ZERO, ZERO, ZERO])
    for border in result.last_borders:
        weights = [(one, inverse[one.user or ""][border.supplier] * one.share) for one in result.inputs]
        for crossing, weight in [*weights, (border, ONE)]:
            passed_on = (1 + result.excess[crossing.supplier]) * crossing.pass_through * (1 - crossing.drawback)
            for line in crossing.lines:
                labels = {
                    **crossing.labels,
                    "measure": line.measure,
                    "action": line.action,
                    "authority": line.authority,
                }
                for share, part in parts_of(crossing, line.charged_by):
                    owned, guessed = spread.within(part, crossing.supplier)
                    whole = sum(owned.values(), ZERO)
                    for one in owned:
                        sums = total[(border.id, one, *(labels[key] for key in keys))]
                        falls = weight * passed_on * line.rate * share / whole
                        sums[0] += falls * owned[one]
                        sums[1] += falls * guessed.get(one, ZERO)
            for names, share, part in charged_together(crossing, keys):
                for one, much in spread.within(part, crossing.supplier)[0].items():
                    total[(border.id, one, *names)][2] += weight * share * much
    return {key: (sums[0], sums[1], sums[2]) for key, sums in total.items()}


def parts_of(crossing: Crossing, measure: str) -> list[tuple[Fraction, Part]]:
    """Return the parts that a measure charges at a crossing, entry by entry, with their share in its duty."""
    charged = [
        (weight * outcomes[measure].charge, outcomes[measure].part)
        for weight, outcomes in crossing.entries
        if measure in outcomes and outcomes[measure].charge
    ]
    whole = sum((duty for duty, _ in charged), ZERO)
    return [(duty / whole, part) for duty, part in charged]


def charged_together(crossing: Crossing, keys: tuple[str, ...]) -> list[tuple[tuple[str, ...], Fraction, Part]]:
    """Return what the measures with the same names charge between them, entry by entry: names, weight, part."""
    labels = {
        line.measure: {**crossing.labels, "measure": line.measure, "action": line.action, "authority": line.authority}
        for line in crossing.lines
    }
    found = []
    for weight, outcomes in crossing.entries:
        joined: dict[tuple[str, ...], Part] = defaultdict(lambda: NOTHING)
        for measure, outcome in outcomes.items():
            if outcome.charge:
                names = tuple(labels[measure][key] for key in keys)
                joined[names] = joined[names].either(outcome.part)
        found += [(names, weight, part) for names, part in joined.items()]
    return found


class Spread:
    """Whose value added is in goods, and in what of them is of a kind."""

    def __init__(self, graph: Graph, law: Law, owner: Callable[[str], str]) -> None:
        self.graph, self.law = graph, law
        self.content = owned_content(graph, owner)
        self.of_kind = {kind: self.within_kind(kind, selector) for kind, (selector, _) in law.kinds().items()}

    def within(self, part: Part, stage: str) -> tuple[Owned, Owned]:
        """Return whose value added is in a part of a good, and what of it is a guess: spread as the whole good is."""
        content = self.content[stage]
        taken: Owned = defaultdict(lambda: ZERO)
        guess: Owned = defaultdict(lambda: ZERO)
        for kind, amount in part.kinds.items():
            shown = self.of_kind[kind][stage]
            held = sum(shown.values(), ZERO)
            for owner, much in (shown if held else content).items():
                taken[owner] += amount * much / (held or ONE)
                if not held:
                    guess[owner] += amount * much
        if not part.whole:
            return taken, guess
        rest = {owner: max(ZERO, much - taken[owner]) for owner, much in content.items()}
        return rest, rest if any(guess.values()) else {}

    def within_kind(self, kind: str, selector: dict[str, str]) -> dict[str, Owned]:
        matches = matching(self.graph, self.law, kind)
        if selector.get("method") == "residual":
            return self.within_residual(kind, matches)
        names = list(self.graph.stage)
        place = {name: i for i, name in enumerate(names)}
        owners = sorted({owner for owned in self.content.values() for owner in owned})
        matrix = [[ONE if i == j else ZERO for j in range(len(names))] for i in range(len(names))]
        for name in names:
            for row in self.graph.inputs_of[name] if not matches[name] else ():
                matrix[place[name]][place[row["supplier"]]] -= number(row["share"])
        whole = [[self.content[name].get(one, ZERO) if matches[name] else ZERO for one in owners] for name in names]
        return {
            name: dict(zip(owners, owned, strict=True)) for name, owned in zip(names, solve(matrix, whole), strict=True)
        }

    def within_residual(self, kind: str, matches: dict[str, bool]) -> dict[str, Owned]:
        """Return the whole of a good of the kind; of another the whole less the inputs shown to hold none."""
        recursive = content_of_kind(self.graph, matches)
        found = {}
        for stage, rows in self.graph.inputs_of.items():
            owned = dict(self.content[stage])
            spared = []
            for row in rows:
                declared = row.get(f"content.{kind}")
                if (recursive[row["supplier"]] if declared is None else number(declared)) == 0:
                    spared.append(row)
            if not matches[stage]:
                for row in spared:
                    for owner, much in self.content[row["supplier"]].items():
                        owned[owner] -= number(row["share"]) * much
                if len(spared) == len(rows):
                    owned = {}
            found[stage] = owned
        return found


def owned_content(graph: Graph, owner: Callable[[str], str]) -> dict[str, Owned]:
    """Return the part of every stage's value that was added by each owner; it sums to 1."""
    inverse = leontief_inverse(graph)
    content: dict[str, Owned] = {}
    for f in graph.stage:
        content[f] = defaultdict(lambda: ZERO)
        for j in graph.stage:
            content[f][owner(j)] += graph.value_added(j) * inverse[j][f]
    return content
