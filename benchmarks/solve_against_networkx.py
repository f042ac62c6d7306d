"""Excess prices against a plain loop over a networkx graph, in turn, as a ratio.

Run ``python benchmarks/solve_against_networkx.py``.

A random acyclic graph, ten inputs a stage, suppliers of seven countries, the bundled US law. The peer knows the φτ of
every input beforehand and walks the stages in topological order, as a user would write it.
"""

from __future__ import annotations

import statistics
import sys
import time

import networkx as nx
import numpy as np
import polars as pl

import tariffgraph as tg

COUNTRIES = np.array(["KOR", "CHN", "USA", "JPN", "MEX", "VNM", "DEU"])
PRODUCTS = np.array(["8542.32", "8703.23", "7208.38", "8418.10", "3902.10", "8708.29.51", "8471.30"])


def random_graph(stages: int, seed: int = 0) -> tg.ProductionGraph:
    """Return a random acyclic graph with ten inputs a stage, value added 30%."""
    rng = np.random.default_rng(seed)
    user = rng.integers(1, stages, stages * 10)
    supplier = (rng.random(len(user)) * user).astype(int)
    share = rng.random(len(user))
    share *= 0.7 / np.bincount(user, weights=share, minlength=stages)[user]
    ids = np.array([f"S{number:08d}" for number in range(stages)])
    return tg.from_frames(
        stages=pl.DataFrame(
            {
                "stage": ids,
                "country": COUNTRIES[rng.integers(0, len(COUNTRIES), stages)],
                "product": PRODUCTS[rng.integers(0, len(PRODUCTS), stages)],
            }
        ),
        inputs=pl.DataFrame({"supplier": ids[supplier], "user": ids[user], "share": share}),
        shipments=pl.DataFrame({"stage": ids[-10:], "market": ["USA"] * 10}),
    )


def by_loop(graph: nx.MultiDiGraph, order: list[int]) -> dict[int, float]:
    """Return the excess prices by a loop over nodes and edges."""
    excess: dict[int, float] = {}
    for stage in order:
        total = 0.0
        for supplier, _, edge in graph.in_edges(stage, data=True):
            total += edge["share"] * (excess[supplier] * (1 + edge["rate"]) + edge["rate"])
        excess[stage] = total
    return excess


def main(stages: int) -> None:
    """Print compile time over solve time, and the peer's time over ours."""
    graph = random_graph(stages)
    began = time.perf_counter()
    problem = tg.compile(graph, "us-2025", as_of="2025-07-02")
    compiling = time.perf_counter() - began
    peer = nx.MultiDiGraph()
    peer.add_nodes_from(range(stages))
    rate = np.append(problem.rates, 0.0)[problem.class_of_input]
    for supplier, user, share, one in zip(
        problem.structure.supplier, problem.structure.user, problem.share, rate, strict=True
    ):
        peer.add_edge(int(supplier), int(user), share=float(share), rate=float(one))
    order = list(nx.topological_sort(peer))
    ours, theirs = [], []
    problem.excess_prices()
    for _ in range(5):
        began = time.perf_counter()
        excess = problem.excess_prices()
        ours.append(time.perf_counter() - began)
        began = time.perf_counter()
        loop = by_loop(peer, order)
        theirs.append(time.perf_counter() - began)
    worst = max(abs(loop[stage] - excess[stage]) for stage in range(stages))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    solve = statistics.median(ours)
    print(
        f"| {stages:,} / {stages * 10:,} | {statistics.median(ratios):.0f} "
        f"({min(ratios):.0f} to {max(ratios):.0f}) | {compiling / solve:.0f} | {worst:.1e} |"
    )


if __name__ == "__main__":
    print("| stages / inputs | networkx loop / ours (range of 5) | compile / solve | largest difference |")
    print("|---|---|---|---|")
    for size in [int(argument) for argument in sys.argv[1:]] or [1_000, 10_000, 100_000]:
        main(size)
