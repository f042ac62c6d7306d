"""Which goods of a graph qualify for which programme, in exact fractions: docs/method.md, Preferential origin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from reference.customs import as_list
from reference.production import ZERO, digits, number

if TYPE_CHECKING:
    from fractions import Fraction

    from reference.customs import Law
    from reference.production import Graph, Row

DIGITS_OF = {"chapter": 2, "heading": 4, "subheading": 6}


def declared_at(row: Row) -> frozenset[str]:
    """Return what is declared at a crossing."""
    return frozenset(filter(None, (row.get("declares") or "").split(";")))


@dataclass(frozen=True)
class Preference:
    """One programme in one graph."""

    law: Law
    graph: Graph
    program: str

    @cached_property
    def materials(self) -> dict[str, bool]:
        """Tell of every input (by id) whether it is originating: the least fixed point, from nothing upward."""
        known = dict.fromkeys((self.graph.ids[id(row)] for row in self.graph.inputs), False)
        while True:
            found = {
                self.graph.ids[id(row)]: self.originates(row["supplier"], declared_at(row), known, claimed=False)
                for row in self.graph.inputs
            }
            if found == known:
                return found
            known = found

    def qualifies(self, stage: str, row: Row) -> bool:
        """Tell whether the good of a stage may claim the programme at a crossing."""
        return self.originates(stage, declared_at(row), self.materials, claimed=True)

    def originates(self, stage: str, declares: frozenset[str], known: dict[str, bool], *, claimed: bool) -> bool:
        program, own = self.law.programs()[self.program]
        is_partner = {
            country: self.law.is_among_countries(country, program["partners"], own)
            for country in (self.graph.country(stage), self.graph.origin(stage))
        }
        if not is_partner[self.graph.country(stage)] or "non-originating" in declares:
            return False
        if not self.graph.shows_inputs(stage):
            return is_partner[self.graph.origin(stage)]
        rule = None
        for row in program.get("origin", []):
            in_scope = self.law.is_among_products(self.graph.stage[stage]["product"], row["products"], own)
            if in_scope and self.law.is_in_force(row):
                rule = row
        return claimed if rule is None else self.passes(rule, stage, declares, known)

    def passes(self, test: Row, stage: str, declares: frozenset[str], known: dict[str, bool]) -> bool:
        """Tell whether a good passes all that a test asks."""
        bought = [row for row in self.graph.inputs_of[stage] if row["supplier"] != stage]
        originating = [row for row in bought if known[self.graph.ids[id(row)]]]
        others = [row for row in bought if not known[self.graph.ids[id(row)]]]
        checks = {
            "change_of": lambda level: self.changes(level, stage, others, test.get("tolerance", 0)),
            "regional_value_content": lambda content: at_least(
                self.regional_value_content(content["method"], stage, originating, others), content["at_least"]
            ),
            "declared": lambda names: set(as_list(names)) <= declares,
            "any": lambda tests: any(self.passes(one, stage, declares, known) for one in tests),
            "all": lambda tests: all(self.passes(one, stage, declares, known) for one in tests),
        }
        return all(check(test[key]) for key, check in checks.items() if key in test)

    def changes(self, level: str, stage: str, others: list[Row], tolerance: Any) -> bool:
        """Tell whether all materials that do not originate come from another chapter, heading ... but for a little."""
        count = DIGITS_OF[level]
        product = digits(self.graph.stage[stage]["product"])[:count]
        same = [row for row in others if digits(self.graph.stage[row["supplier"]]["product"])[:count] == product]
        return at_least(number(tolerance), total(same))

    def regional_value_content(self, method: str, stage: str, originating: list[Row], others: list[Row]) -> Fraction:
        if method == "build-up":
            return total(originating)
        if method == "build-down":
            return 1 - total(others)
        net_cost = number(self.graph.stage[stage].get("net_cost", 1))
        return (net_cost - total(others)) / net_cost


def total(rows: list[Row]) -> Fraction:
    return sum((number(row["share"]) for row in rows), ZERO)


def at_least(found: Fraction, asked: Any) -> bool:
    """Both sides are rounded to 12 decimals; equality passes."""
    return round(found, 12) >= round(number(asked), 12)
