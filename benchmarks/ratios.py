"""Peer's time over ours, both measured in turn in one process: the table of README.md.

Run ``python benchmarks/ratios.py [PHASE ...] [--rounds N]`` with scipy installed (and pypardiso, networkx for their
rows). Phases: solve batch content reverse networkx icio exiobase giant update build start-up.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import cases
import numpy as np
import peers

if TYPE_CHECKING:
    from collections.abc import Callable

PHASES: dict[str, Callable[[int], None]] = {}


def phase(name: str) -> Callable[[Callable[[int], None]], Callable[[int], None]]:
    def register(function: Callable[[int], None]) -> Callable[[int], None]:
        PHASES[name] = function
        return function

    return register


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(what: str, ours: Callable[[], Any], rounds: int, wanted: str, **others: Callable[[], Any]) -> None:
    """Print a row for each peer: ratio of medians, and the range of the ratios round by round."""
    ours()
    mine: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    gc.disable()
    for _ in range(rounds):
        for name, other in others.items():
            mine.append(seconds(ours))
            theirs[name].append(seconds(other))
    gc.enable()
    for at, (name, times) in enumerate(theirs.items()):
        own = mine[at :: len(others)]
        each = [b / a for a, b in zip(own, times, strict=True)]
        ratio = statistics.median(times) / statistics.median(own)
        label = name.replace("_", " ")
        print(f"| {what} | {label} | {ratio:.3g} ({min(each):.3g} to {max(each):.3g}) | {wanted} |", flush=True)


def agree(found: Any, expected: Any, tolerance: float = 1e-11) -> None:
    """Before anything is timed, the two do the same work."""
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@phase("solve")
def solve(rounds: int) -> None:
    for name in ("M", "L", "long chains", "wide hubs", "in order"):
        ready = cases.ready(cases.CASES[name]())
        layers, rates = peers.Layers(ready), ready.case.rates
        agree(1.0 + ready.excess(), layers.prices(rates)[layers.place])
        others: dict[str, Callable[[], Any]] = {"scipy_blocks_by_layer": partial(layers.prices, rates)}
        if name == "L":
            others["stream_and_gather_probe"] = peers.probe(ready)
            others["stream_and_gather_probe"]()
        if name == "M":
            triangular = peers.sparse(ready, rates)
            agree(ready.excess(), peers.by_triangular(triangular))
            others["spsolve_triangular"] = partial(peers.by_triangular, triangular)
        goal = "1.4, aim 1.8; probe 1/1.8, aim 1/1.4" if name == "L" else ""
        compare(f"prices, {name}", ready.excess, rounds, goal, **others)


def _many(ready: cases.Ready, count: int) -> Any:
    return ready.case.rates[:, None] * np.random.default_rng(0).uniform(0.5, 1.0, (len(ready.case.rates), count))


@phase("batch")
def batch(rounds: int) -> None:
    for name, count in (("S", 64), ("M", 64), ("L", 64)):
        ready = cases.ready(cases.CASES[name]())
        layers, tables = peers.Layers(ready), _many(ready, count)
        columns = [np.ascontiguousarray(tables[:, k]) for k in range(count)]
        agree(1.0 + ready.excess(tables)[:, -1], layers.prices(columns[-1])[layers.place])
        compare(
            f"{count} scenarios, {name}",
            partial(ready.excess, tables),
            min(rounds, 3),
            "3.5, aim 6" if name == "L" else "",
            scipy_blocks_one_by_one=partial(layers.many_prices, columns),
        )


@phase("content")
def content(rounds: int) -> None:
    ready = cases.ready(cases.CASES["L"]())
    layers, structure = peers.Layers(ready), ready.structure
    value_added = 1.0 - np.bincount(structure.user, weights=ready.share, minlength=structure.stages)
    own = np.zeros((structure.stages, 64))
    own[np.arange(structure.stages), np.random.default_rng(0).integers(0, 64, structure.stages)] = value_added
    theirs = np.empty_like(own)
    theirs[layers.place] = own
    agree(structure.contents(ready.share, own, stopping=False), layers.contents_at_once(theirs)[layers.place])
    compare(
        "64 origin columns of content, L",
        lambda: structure.contents(ready.share, own, stopping=False),
        min(rounds, 3),
        "4, aim 6",
        scipy_blocks_one_by_one=lambda: layers.contents(theirs),
        scipy_blocks_all_columns=lambda: layers.contents_at_once(theirs),
    )


@phase("reverse")
def reverse(rounds: int) -> None:
    ready = cases.ready(cases.CASES["L"]())
    weight, excess = np.full(ready.structure.stages, 1e-6), ready.excess()
    arguments = (ready.share, ready.class_of_input, ready.case.rates, weight)
    compare(
        "all derivatives of one objective, L",
        lambda: ready.structure.derivatives(*arguments, excess=excess),
        rounds,
        "1/3, aim 1/2",
        one_forward_sweep_of_ours=ready.excess,
    )


@phase("networkx")
def networkx(rounds: int) -> None:
    ready = cases.ready(cases.CASES["M"]())
    graph, order = peers.networkx_graph(ready)
    agree(ready.excess(), list(peers.by_loop(graph, order).values()))
    compare(
        "prices, M", ready.excess, min(rounds, 3), "300, aim 500", networkx_loop=lambda: peers.by_loop(graph, order)
    )


@phase("icio")
def icio(rounds: int) -> None:
    for name in ("ICIO-like", "WIOD 2011"):
        if name.startswith("WIOD") and not cases.DATA.exists():
            continue
        ready = cases.ready(cases.CASES[name]())
        system = peers.dense(ready, ready.case.rates)
        agree(ready.excess(), np.linalg.solve(*system))
        others: dict[str, Callable[[], Any]] = {
            "numpy_inv": partial(peers.by_inverse, system),
            "LAPACK_LU": partial(peers.by_lu, system),
        }
        try:
            import pypardiso  # noqa: F401
        except ImportError:
            pass
        else:
            in_rows = peers.sparse(ready, ready.case.rates)
            others["pypardiso"] = partial(peers.by_pardiso, in_rows)
        goal = "inv 28, aim 40; pypardiso 35, aim 50" if name == "ICIO-like" else ""
        compare(f"prices, {name}", ready.excess, min(rounds, 3), goal, **others)


@phase("exiobase")
def exiobase(rounds: int) -> None:
    ready = cases.ready(cases.CASES["EXIOBASE-like"]())
    system = peers.dense(ready, ready.case.rates)
    agree(ready.excess(), peers.by_lu(system))
    compare("prices, EXIOBASE-like", ready.excess, min(rounds, 2), "29, aim 50", LAPACK_LU=lambda: peers.by_lu(system))


@phase("giant")
def giant(rounds: int) -> None:
    ready = cases.ready(cases.CASES["one giant component"]())
    matrix, constant = peers.sparse(ready, ready.case.rates)

    def jacobi() -> Any:
        """Plain iteration on scipy's product, to the same change."""
        x = np.zeros(len(constant))
        while True:
            moved = x + constant - matrix @ x
            if np.abs(moved - x).max() <= 1e-14 * np.abs(moved).max():
                return moved
            x = moved

    agree(ready.excess(), jacobi())
    compare("prices, one giant component", ready.excess, min(rounds, 3), "", plain_iteration_on_scipy=jacobi)


@phase("update")
def update(rounds: int) -> None:
    ready = cases.ready(cases.CASES["WIOD 2011"]())
    industries = len(ready.case.rates) // (ready.case.country.max() + 1)
    moving = np.arange(len(ready.case.rates)) // industries == 39
    changes = ready.structure.changes(ready.share, ready.class_of_input, ready.case.rates, moving)
    tables = np.repeat(ready.case.rates[:, None], 1_000, axis=1)
    tables[moving] = np.random.default_rng(0).uniform(0, 0.5, (moving.sum(), 1_000))
    system = peers.dense(ready, tables[:, -1])
    agree(changes.excess(tables)[0][:, -1], np.linalg.solve(*system))
    wanted = "a solve over one scenario: 50, aim 80"
    thousandth: list[float] = []
    solves: list[float] = []
    for _ in range(min(rounds, 5)):
        thousandth.append(seconds(lambda: changes.excess(tables)) / 1_000)
        solves.append(seconds(lambda: np.linalg.solve(*system)))
    ratio = statistics.median(solves) / statistics.median(thousandth)
    print(f"| one of 1,000 scenarios of one importer, WIOD 2011 | a dense solve | {ratio:.3g} | {wanted} |", flush=True)


@phase("build")
def build(rounds: int) -> None:
    from tariffgraph.core.structure import Structure

    case = cases.CASES["L"]()
    supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
    ready = cases.ready(case)
    compare(
        "structure of 10,000,000 inputs (1.5 s at most)",
        lambda: Structure.build(case.stages, supplier, user),
        min(rounds, 3),
        "",
        one_forward_sweep_of_ours=ready.excess,
        argsort_of_the_users=lambda: np.argsort(user, kind="stable"),
    )


@phase("start-up")
def start_up(rounds: int) -> None:
    def run(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    compare(
        "import of the core",
        run("import tariffgraph.core.structure"),
        rounds,
        "",
        import_numpy=run("import numpy"),
        python=run("pass"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phases", nargs="*", choices=[*PHASES, []], help="default: all")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print("| work | peer | peer's time / ours (range) | wanted |\n|---|---|---|---|")
    for name in options.phases or PHASES:
        PHASES[name](options.rounds)


if __name__ == "__main__":
    main()
