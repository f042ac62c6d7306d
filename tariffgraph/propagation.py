"""propagate(): from a graph and the rules of a day to the effective tariff incidence of every final good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .incidence.incidence import Incidence
from .problem import compile as compile_problem

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from datetime import date

    from .graph.production_graph import ProductionGraph

__all__ = ["propagate"]


def propagate(
    graph: ProductionGraph | str | os.PathLike[str],
    rules: Any = None,
    *,
    as_of: date | str | None = None,
    known_on: date | str | None = None,
    market: str | None = None,
    pass_through: float | None = None,
    settings: Iterable[str] = (),
) -> Incidence:
    """Effective tariff incidence of every shipment of a graph under the rules of a day (docs/method.md).

    effective_rate = p_f (1 + φτ) − 1: what the last border adds to the buyer's price, what arrives in it from duties
    paid upstream, and the duty charged on that. ``market`` keeps the shipments to one country; the other arguments are
    those of :func:`tariffgraph.compile`. Raises a TariffGraphError when graph, rules or names are wrong.
    """
    problem = compile_problem(
        graph, rules, as_of=as_of, known_on=known_on, pass_through=pass_through, settings=settings
    )
    return Incidence.of(problem, market=market)
