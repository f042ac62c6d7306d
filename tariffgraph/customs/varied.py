"""What classes of crossings owe in many scenarios that differ in rates only: the law is walked once for all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .assess import assess_group, claiming_and_not
from .classes import facts_of_group, groups_of, owe

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from ..graph.production_graph import ProductionGraph
    from .assess import Line
    from .crossings import Crossings
    from .facts import Facts
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = ["owed_in_scenarios"]


class _Asked(dict[str, float]):
    """Rates of a scenario that remember whether anybody asked for one."""

    asked = False

    def __getitem__(self, name: str) -> float:
        self.asked = True
        return super().__getitem__(name)


def owed_in_scenarios(graph: ProductionGraph, law: Law, borders: Crossings, varied: Mapping[str, Array]) -> Array:
    """Return t of every class in every scenario, (classes, scenarios).

    ``varied``: by the name of a varied rate, (scenarios,), its share of the base; NaN leaves the law as it is.
    """
    scenarios = len(next(iter(varied.values())))
    if not borders.brought.is_empty():
        # What a shipment draws on a quota may change what others pay: scenario by scenario.
        each = [owe(graph, law, borders, _of_scenario(varied, at)).statutory for at in range(scenarios)]
        return np.stack(each, axis=1)
    owed = np.zeros((len(borders.keys), scenarios))
    paid_on = set(borders.parents[len(borders.keys) :].tolist())
    lines: dict[tuple[int, int], Array] = {}
    for _, members in groups_of(borders.keys):
        class_ = members["class"].to_numpy().astype(np.int64)
        # In the order of the measures, as one scenario alone adds them up.
        for measure, duty in sorted(_charged(law, borders, members, varied, scenarios).items()):
            owed[class_] += duty
            for at in np.flatnonzero([one in paid_on for one in class_.tolist()]) if paid_on else ():
                lines[int(class_[at]), measure] = np.broadcast_to(duty[at], scenarios)
    t = owed[borders.parents]
    _pay_credits(graph, law, borders, lines, t)
    return t


def _charged(
    law: Law, borders: Crossings, members: pl.DataFrame, varied: Mapping[str, Array], scenarios: int
) -> dict[int, Array]:
    """Return what each measure charges on a group of classes: (classes, scenarios), one column if no rate varies."""
    key = members.row(0, named=True)
    importer = law.importer(key["importer"])
    facts = facts_of_group(members, borders.reaches)
    size, times = len(members), 1
    asked = _Asked(_of_scenario(varied, 0))

    def assessed(facts: Facts) -> list[tuple[float, list[tuple[Array, list[Line]]]]]:
        entries = claiming_and_not(facts, key["utilization"])
        return [(weight, assess_group(law, importer, each, size * times)) for weight, each in entries]

    found = assessed(replace(facts, varied=asked))
    if asked.asked:
        times = scenarios
        found = assessed(_repeated(facts, varied, size, scenarios))
    charged: dict[int, Array] = {}
    for weight, parts in found:
        for some, of_measures in parts:
            for line in of_measures:
                if line.status != "not-applicable":
                    duty = charged.setdefault(line.number, np.zeros((size, times)))
                    duty[some % size, some // size] += weight * line.duty
    return charged


def _of_scenario(varied: Mapping[str, Array], at: int) -> dict[str, float]:
    return {name: float(rates[at]) for name, rates in varied.items()}


def _repeated(facts: Facts, varied: Mapping[str, Array], size: int, scenarios: int) -> Facts:
    """Return a group's facts once for each scenario, one scenario after the other."""

    def repeat(number: Any) -> Any:
        return np.tile(number, scenarios) if isinstance(number, np.ndarray) else number

    return replace(
        facts,
        content={kind: repeat(share) for kind, share in facts.content.items()},
        value=repeat(facts.value),
        quantity=repeat(facts.quantity),
        varied={name: np.repeat(rates, size) for name, rates in varied.items()},
    )


def _pay_credits(
    graph: ProductionGraph, law: Law, borders: Crossings, lines: Mapping[tuple[int, int], Array], t: Array
) -> None:
    """Take the credits off ``t``, as :mod:`.credit` does for one scenario."""
    if borders.credited.is_empty():
        return
    relief = (1.0 - borders.keys["drawback"].to_numpy())[borders.parents]
    base = dict(graph.stages.select("stage", "credit_base").iter_rows())
    measures = sorted({measure for _, measure in lines})
    paid: list[tuple[int, tuple[str, int], Array]] = []
    owed: dict[tuple[str, int], Array] = {}
    for class_, user, share in borders.credited.iter_rows():
        for measure in measures:
            duty = lines.get((int(borders.parents[class_]), measure))
            credit = borders.earning[user].get(measure)
            if duty is None or credit is None:
                continue
            paid.append((class_, (user, credit), duty))
            owed[user, credit] = owed.get((user, credit), np.zeros(t.shape[1])) + share * duty * relief[class_]
    part: dict[tuple[str, int], Array] = {}
    for (user, credit), duties in owed.items():
        worth = law.credits[credit].credit.share * base[user]
        part[user, credit] = np.where(duties > 0, np.minimum(1.0, worth / np.where(duties > 0, duties, 1.0)), 0.0)
    for class_, earned, duty in paid:
        t[class_] -= part[earned] * duty
