"""Chain: a production graph as arrays, and the passes over it that every measure is made of.

Forward    x_j = own_j + Σ_e a_e x_supplier(e)      what a good takes along from upstream
Backward   y_i = own_i + Σ_e a_e y_user(e)          what is asked of a stage from downstream

Prices are untaxed throughout: a is the share of an input in the user's untaxed value.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..core.structure import NotSettled, Structure
from ..errors import Finding, TariffGraphError
from ..graph.checks import positions
from ..graph.production_graph import ProductionGraph
from ..graph.read import read_graph
from ..problem import Problem, not_settled, structure_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

Array = np.ndarray[Any, Any]

__all__ = ["Chain", "cycles_settled", "quotient"]


@dataclass(frozen=True, eq=False)
class Chain:
    """Stages and inputs in the engine's order; ``share``: (inputs,), of the user's untaxed value."""

    graph: ProductionGraph
    structure: Structure
    share: Array

    @classmethod
    def of(cls, graph: ProductionGraph | str | os.PathLike[str]) -> Chain:
        """Prepare a graph, a folder or a bundled name. Raises GraphError, NotProductiveError."""
        if not isinstance(graph, ProductionGraph):
            graph = read_graph(graph)
        return cls(graph, *structure_of(graph))

    @classmethod
    def of_problem(cls, problem: Problem) -> Chain:
        """Return the chain that a problem has prepared. Raises TariffGraphError for what is no problem."""
        if not isinstance(problem, Problem):
            finding = Finding(
                f"{type(problem).__name__} is no problem: duties need a law beside the graph",
                "Give tg.compile(graph, rules), or the problem of a result.",
                field="problem",
            )
            raise TariffGraphError(finding)
        return cls(problem.graph, problem.structure, problem.share)

    # --- passes -----------------------------------------------------------------------------------------

    def forward(self, own: Array, share: Array | None = None) -> Array:
        """Solve x_j = own_j + Σ_e a_e x_supplier(e): (stages,). ``share`` replaces the shares of inputs."""
        with cycles_settled():
            return self.structure.solve(self.share if share is None else share, own)

    def backward(self, own: Array) -> Array:
        """Solve y_i = own_i + Σ_e a_e y_user(e): (stages,)."""
        with cycles_settled():
            asked = self.structure.solve_backward(self.share, np.maximum(own, 0.0))
            if (own < 0.0).any():
                asked = asked - self.structure.solve_backward(self.share, np.maximum(-own, 0.0))
        return asked

    def bought(self, value: Array) -> Array:
        """Sum what is paid for each input, (inputs,), over the inputs of every stage: (stages,)."""
        # bincount adds in the order of the inputs: the same bits however many threads there are.
        return np.bincount(self.structure.user, weights=value, minlength=self.structure.stages)

    # --- facts ------------------------------------------------------------------------------------------

    @property
    def value_added(self) -> Array:
        """v_j = 1 − Σ a: (stages,)."""
        return self.graph.stages["value_added"].gather(self.structure.stage).to_numpy()

    @property
    def crosses(self) -> Array:
        """Tell which inputs cross a border: (inputs,)."""
        country = self.graph.stages["country"]
        number = positions(country, country.unique().sort())[self.structure.stage]
        return np.asarray(number[self.structure.supplier] != number[self.structure.user], np.bool_)

    @property
    def weight_of_shipment(self) -> Array:
        """Untaxed value of every shipment, in the order of the graph's table; 1 each where none states one.

        A shipment without a value weighs nothing beside others that have one.
        """
        value = self.graph.shipments["value"]
        return value.fill_null(1.0 if value.is_null().all() else 0.0).to_numpy()

    @property
    def output(self) -> Array:
        """Gross output Y = (I − A)^-1 F of every stage, F the value of its shipments: (stages,)."""
        stage = positions(self.graph.shipments["stage"], self.graph.stages["stage"])
        sold = np.bincount(
            self.structure.place[stage], weights=self.weight_of_shipment, minlength=self.structure.stages
        )
        return self.backward(sold)

    def frame(self, **columns: Array) -> pl.DataFrame:
        """Return values in the engine's order, (stages,) each, as a frame sorted by stage; NaN becomes null."""
        place = self.structure.place
        values = (pl.Series(name, one[place], pl.Float64).fill_nan(None) for name, one in columns.items())
        return self.graph.stages.select("stage").with_columns(*values)


@contextmanager
def cycles_settled() -> Iterator[None]:
    """Explain a cycle whose numbers do not settle. Raises TooLargeError."""
    try:
        yield
    except NotSettled as cycle:
        raise not_settled(cycle, "no measure of it settles") from None


def quotient(numerator: Array, denominator: Array) -> Array:
    """Return the quotient where the denominator is above 0, NaN elsewhere."""
    found = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=found, where=denominator > 0.0)
    return found
