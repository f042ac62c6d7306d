"""Leave-one-out: the law as it would then stack without one measure, action or authority (docs/method.md).

The cost of a law is not its share. A measure that goes takes its part of the rate with it, and lets in what it excluded
or covered, while others lose what they stood on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from ..errors import GraphError, visible
from ..problem import compile as compile_problem
from .attribution import KEYS_OF_LAW, attribute, columns_of, differs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..problem import Problem
    from .incidence import Incidence

__all__ = ["leave_one_out", "problem_without"]


def problem_without(problem: Problem, names: Sequence[str], *, by_id: bool = False) -> Problem:
    """Return the problem under the law without the measures named, by id or action; relations forget them too.

    ``by_id``: a name that is an id stands for that measure alone, and not for an action of the same name.
    """
    law = problem.law
    left = compile_problem(
        problem.graph,
        law.rules.without(*names, by_id=by_id),
        as_of=law.as_of,
        known_on=law.known_on,
        pass_through=problem.meta["pass_through"],
    )
    asked = {"settings": problem.meta["settings"], "without": [*problem.meta.get("without", []), *names]}
    return replace(left, meta={**left.meta, **asked})


def leave_one_out(result: Incidence, key: str) -> pl.DataFrame:
    """Return what each shipment pays without one ``key`` (measure, action, authority) after the other.

    shipment, the key, rate (its part of the effective rate), effective_rate, rate_without (the effective rate under the
    law as it would then stack), change (rate_without − effective_rate), amount_change (value × change). Rows of those
    that neither charge the shipment nor change it are left out. Raises GraphError where what then applies needs facts
    that the graph does not state.
    """
    columns_of((key,), KEYS_OF_LAW, field="leave_one_out")
    parts = attribute(result.problem, result.solution, result.shown, (key,)).select("shipment", key, "rate")
    now = result.shipments.select("value", "effective_rate", shipment="id")
    found = [parts.head(0).join(now, on="shipment").with_columns(rate_without=pl.col("rate"))]
    for name, measures in _left_out(result.problem, key).items():
        then = _result_without(result, name, measures).shipments
        found.append(
            now.join(
                then.select(shipment="id", rate_without="effective_rate"),
                on="shipment",
                how="left",
                maintain_order="left",
            )
            .with_columns(pl.lit(name).alias(key))
            .join(parts, on=["shipment", key], how="left", maintain_order="left")
            .select(found[0].columns)
        )
    change = pl.col("rate_without") - pl.col("effective_rate")
    return (
        pl.concat(found)
        .filter(pl.col("rate").is_not_null() | differs(pl.col("effective_rate"), pl.col("rate_without")))
        .select(
            "shipment",
            key,
            pl.col("rate").fill_null(0.0),
            "effective_rate",
            "rate_without",
            change=change,
            amount_change=pl.col("value") * change,
        )
        .sort("shipment", key)
    )


def _result_without(result: Incidence, name: str, measures: Sequence[str]) -> Incidence:
    try:
        return result.of(problem_without(result.problem, measures, by_id=True), market=result.market)
    except GraphError as error:  # what now applies may need facts that nothing asked for before
        raise GraphError(
            replace(one, message=f"without {visible(name)}, {one.message}") for one in error.findings
        ) from None


def _left_out(problem: Problem, key: str) -> dict[str, list[str]]:
    """Return what is in force and can be left out, sorted, with the ids of the measures, or the credit, that go."""
    measures = [one.measure for one in problem.law.measures]
    in_force = [one.measure for one in problem.law.measures if not one.dormant]
    if key == "measure":
        of_credits = {one.measure for one in problem.classes.charges} - {one.id for one in measures}
        return {one: [one] for one in sorted({one.id for one in in_force} | of_credits)}
    names = sorted({str(getattr(one, key)) for one in in_force})
    return {name: [one.id for one in measures if getattr(one, key) == name] for name in names}
