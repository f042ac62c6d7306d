"""The same work as others do it: what our times are divided by. Needs scipy; pypardiso where it is installed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

if TYPE_CHECKING:
    from cases import Ready

Array = np.ndarray[Any, Any]


class Layers:
    """Plain prices by scipy CSR blocks, one a layer of the graph, built once; weights rebuilt in place from the rates.

    The best fair peer: it is given the layers for nothing.
    """

    def __init__(self, ready: Ready) -> None:
        structure = ready.structure
        stages, user, supplier = structure.stages, structure.user, structure.supplier.astype(np.int64)
        layer = _layers(structure)
        order = np.argsort(layer, kind="stable")
        self.place = np.empty(stages, np.int64)
        self.place[order] = np.arange(stages)
        rows = np.argsort(self.place[user], kind="stable")
        self.share, self.class_ = ready.share[rows], ready.class_of_input[rows].astype(np.intp)
        self.weight = np.empty(len(rows))
        columns = self.place[supplier[rows]].astype(np.int32)
        first = np.concatenate([[0], np.cumsum(structure.inputs_of_stage[order])])
        self.value_added = 1.0 - np.bincount(self.place[user[rows]], weights=self.share, minlength=stages)
        edges = np.searchsorted(layer[order], np.arange(layer.max() + 2))
        self.blocks = []
        for begin, end in pairwise(edges[1:]):
            low, high = first[begin], first[end]
            block = scipy.sparse.csr_matrix((end - begin, begin))
            block.data, block.indices = self.weight[low:high], columns[low:high]
            block.indptr = (first[begin : end + 1] - low).astype(np.int32)
            self.blocks.append((begin, end, block))

    def weigh(self, rates: Array) -> None:
        np.take(1.0 + np.append(rates, 0.0), self.class_, out=self.weight, mode="clip")
        np.multiply(self.weight, self.share, out=self.weight)

    def prices(self, rates: Array) -> Array:
        self.weigh(rates)
        price = self.value_added.copy()
        for begin, end, block in self.blocks:
            price[begin:end] += block @ price[:begin]
        return price

    def many_prices(self, tables: list[Array]) -> list[Array]:
        return [self.prices(rates) for rates in tables]

    def contents(self, own: Array) -> Array:
        """Content of many columns, one after the other, on untaxed shares."""
        np.copyto(self.weight, self.share)
        found = own.copy()
        for column in range(own.shape[1]):
            content = own[:, column].copy()
            for begin, end, block in self.blocks:
                content[begin:end] += block @ content[:begin]
            found[:, column] = content
        return found

    def contents_at_once(self, own: Array) -> Array:
        """The same by products with all columns together."""
        np.copyto(self.weight, self.share)
        content = np.ascontiguousarray(own)
        for begin, end, block in self.blocks:
            content[begin:end] += block @ content[:begin]
        return content


def _layers(structure: Any) -> Array:
    """Return the length of the longest chain into each stage."""
    layer = np.zeros(structure.stages, np.int64)
    first = structure.first.astype(np.int64)
    pending = structure.inputs_of_stage.copy()
    by_supplier = np.argsort(structure.supplier, kind="stable")
    start = np.searchsorted(structure.supplier[by_supplier], np.arange(structure.stages + 1))
    users = structure.user[by_supplier]
    front, depth = np.flatnonzero(pending == 0), 0
    while len(front):
        layer[front] = depth
        count = start[front + 1] - start[front]
        at = np.repeat(start[front] - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
        reached, times = np.unique(users[at], return_counts=True)
        pending[reached] -= times
        front, depth = reached[pending[reached] == 0], depth + 1
    assert not pending.any(), first
    return layer


def dense(ready: Ready, rates: Array) -> tuple[Array, Array]:
    """Return I − W and c of x = c + W x as a full matrix."""
    structure = ready.structure
    rate = np.append(rates, 0.0)[ready.class_of_input]
    matrix = np.eye(structure.stages)
    np.subtract.at(matrix, (structure.user, structure.supplier), ready.share * (1 + rate))
    return matrix, np.bincount(structure.user, weights=ready.share * rate, minlength=structure.stages)


def sparse(ready: Ready, rates: Array) -> tuple[Any, Array]:
    """Return I − W in CSR form, and c."""
    structure = ready.structure
    rate = np.append(rates, 0.0)[ready.class_of_input]
    inputs = (ready.share * (1 + rate), (structure.user, structure.supplier))
    matrix = scipy.sparse.identity(structure.stages) - scipy.sparse.coo_matrix(inputs, (structure.stages,) * 2)
    return matrix.tocsr(), np.bincount(structure.user, weights=ready.share * rate, minlength=structure.stages)


def by_inverse(system: tuple[Array, Array]) -> Array:
    """What pymrio does."""
    return np.linalg.inv(system[0]) @ system[1]


def by_lu(system: tuple[Array, Array]) -> Array:
    factors = scipy.linalg.lu_factor(system[0], check_finite=False)
    return scipy.linalg.lu_solve(factors, system[1], check_finite=False)


def by_triangular(system: tuple[Any, Array]) -> Array:
    return scipy.sparse.linalg.spsolve_triangular(system[0], system[1], lower=True)


def by_pardiso(system: tuple[Any, Array]) -> Array:
    """What Brightway does."""
    import pypardiso

    solver = pypardiso.PyPardisoSolver()  # a fresh one: no factors kept from the last time
    return pypardiso.spsolve(*system, factorize=True, solver=solver)


def networkx_graph(ready: Ready) -> tuple[Any, list[int]]:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(ready.structure.stages))
    rate = np.append(ready.case.rates, 0.0)[ready.class_of_input]
    columns = (ready.structure.supplier.tolist(), ready.structure.user.tolist(), ready.share.tolist(), rate.tolist())
    for supplier, user, share, one in zip(*columns, strict=True):
        graph.add_edge(supplier, user, share=share, rate=one)
    return graph, list(range(ready.structure.stages))


def by_loop(graph: Any, order: list[int]) -> dict[int, float]:
    """A loop over nodes and edges, as a user would write it; the rates and the order are given."""
    excess: dict[int, float] = {}
    for stage in order:
        total = 0.0
        for supplier, _, edge in graph.in_edges(stage, data=True):
            total += edge["share"] * (excess[supplier] * (1 + edge["rate"]) + edge["rate"])
        excess[stage] = total
    return excess


def probe(ready: Ready) -> Any:
    """Return a function that reads every input once, in order, and gathers once for each: as fast as memory lets it."""
    import numba

    @numba.njit
    def stream_and_gather(supplier: Array, share: Array, class_of_input: Array, rates: Array, x: Array) -> float:
        one = two = three = four = 0.0
        for k in range(len(share) // 4):
            one += share[4 * k] * rates[class_of_input[4 * k]] * x[supplier[4 * k]]
            two += share[4 * k + 1] * rates[class_of_input[4 * k + 1]] * x[supplier[4 * k + 1]]
            three += share[4 * k + 2] * rates[class_of_input[4 * k + 2]] * x[supplier[4 * k + 2]]
            four += share[4 * k + 3] * rates[class_of_input[4 * k + 3]] * x[supplier[4 * k + 3]]
        return one + two + three + four

    rates, x = np.append(ready.case.rates, 0.0), np.ones(ready.structure.stages)
    return lambda: stream_and_gather(ready.structure.supplier, ready.share, ready.class_of_input, rates, x)
