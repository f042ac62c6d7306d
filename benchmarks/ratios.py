"""Peer's time over ours, both measured in turn in one process: the table of README.md.

Run ``python benchmarks/ratios.py [PHASE ...] [--rounds N] [--large]`` with scipy installed (and pypardiso, networkx for
their rows). ``cyclic`` stands for icio, wiod, exiobase and giant. ``--large`` compiles ten million inputs too.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
import measured
import numpy as np
import peers
import polars as pl
import tables

if TYPE_CHECKING:
    from collections.abc import Callable

#: The folder whose package is measured in processes of their own.
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class How:
    """How often ours and the peer take turns, and whether the largest graph is compiled."""

    rounds: int
    large: bool


@dataclass(frozen=True)
class Sample:
    """A part of some work, whose time is scaled up: ``times`` such parts make the whole."""

    work: Callable[[], Any]
    times: float


PHASES: dict[str, Callable[[How], None]] = {}
GROUPS = {"cyclic": ("icio", "wiod", "exiobase", "giant")}


def phase(name: str) -> Callable[[Callable[[How], None]], Callable[[How], None]]:
    def register(function: Callable[[How], None]) -> Callable[[How], None]:
        PHASES[name] = function
        return function

    return register


def seconds(work: Callable[[], Any] | Sample) -> float:
    if isinstance(work, Sample):
        return seconds(work.work) * work.times
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def row(what: str, peer: str, ratio: str, wanted: str) -> None:
    print(f"| {what} | {peer} | {ratio} | {wanted} |", flush=True)


def compare(
    what: str, ours: Callable[[], Any], rounds: int, wanted: str, **others: Callable[[], Any] | Sample
) -> dict[str, tuple[float, float]]:
    """Print a row for each peer: ratio of medians, and the range of the ratios round by round; return both medians."""
    ours()
    mine: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    gc.disable()
    for _ in range(rounds):
        for name, other in others.items():
            mine.append(seconds(ours))
            theirs[name].append(seconds(other))
    gc.enable()
    medians = {}
    for at, (name, times) in enumerate(theirs.items()):
        own = mine[at :: len(others)]
        each = [b / a for a, b in zip(own, times, strict=True)]
        medians[name] = (statistics.median(own), statistics.median(times))
        ratio = medians[name][1] / medians[name][0]
        row(what, name.replace("_", " "), f"{ratio:.3g} ({min(each):.3g} to {max(each):.3g})", wanted)
    return medians


def agree(found: Any, expected: Any, tolerance: float = 1e-11) -> None:
    """Before anything is timed, the two do the same work."""
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@phase("read")
def read(how: How) -> None:
    import tariffgraph as tg

    with tempfile.TemporaryDirectory() as folder:
        for form, scan in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
            path = tables.written(cases.CASES["M"](), Path(folder, form), form)
            files = sorted(path.iterdir())
            assert len(tg.read_graph(path).inputs) == len(scan(path / f"inputs.{form}")) == 1_000_000
            compare(
                f"a folder of 1,000,000 inputs read, {form}",
                partial(tg.read_graph, path),
                min(how.rounds, 3),
                "",
                polars_reads_the_files=lambda files=files, scan=scan: [scan(file) for file in files],
            )


@phase("compile")
def compile_(how: How) -> None:
    import tariffgraph as tg
    from tariffgraph.core.structure import Structure

    rules = tg.read_rules(tables.RULES)
    for name in ("M", "L") if how.large else ("M",):
        case = cases.CASES[name]()
        graph = tables.graph_of(case)
        problem = tg.compile(graph, rules, as_of=tables.AS_OF)
        supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
        assert len(problem.share) == case.inputs
        compare(
            f"tg.compile, {name}",
            lambda graph=graph: tg.compile(graph, rules, as_of=tables.AS_OF),
            min(how.rounds, 3),
            "",
            structure_of_the_core_alone=partial(Structure.build, case.stages, supplier, user),
            argsort_of_the_users=partial(np.argsort, user, kind="stable"),
        )
        del graph, problem, supplier, user
        memory = measured.alone("compile_memory", case.inputs)["memory"]
        row(f"memory held by tg.compile at most, {name}", "the kernels' arrays", f"1/{memory:.3g}", "")


@phase("solve")
def solve(how: How) -> None:
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
        compare(f"prices, {name}", ready.excess, how.rounds, goal, **others)


@phase("batch")
def batch(how: How) -> None:
    for name, count in (("S", 64), ("M", 64), ("L", 64)):
        ready = cases.ready(cases.CASES[name]())
        layers, tables = peers.Layers(ready), cases.many_rates(ready.case, count)
        columns = [np.ascontiguousarray(tables[:, k]) for k in range(count)]
        agree(1.0 + ready.excess(tables)[:, -1], layers.prices(columns[-1])[layers.place])
        compare(
            f"{count} scenarios, {name}",
            partial(ready.excess, tables),
            min(how.rounds, 3),
            "3.5, aim 6" if name == "L" else "",
            scipy_blocks_one_by_one=partial(layers.many_prices, columns),
        )


@phase("content")
def content(how: How) -> None:
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
        min(how.rounds, 3),
        "4, aim 6",
        scipy_blocks_one_by_one=lambda: layers.contents(theirs),
        scipy_blocks_all_columns=lambda: layers.contents_at_once(theirs),
    )


@phase("reverse")
def reverse(how: How) -> None:
    ready = cases.ready(cases.CASES["L"]())
    weight, excess = np.full(ready.structure.stages, 1e-6), ready.excess()
    arguments = (ready.share, ready.class_of_input, ready.case.rates, weight)
    compare(
        "all derivatives of one objective, L",
        lambda: ready.structure.derivatives(*arguments, excess=excess),
        how.rounds,
        "1/3, aim 1/2",
        one_forward_sweep_of_ours=ready.excess,
    )


@phase("networkx")
def networkx(how: How) -> None:
    ready = cases.ready(cases.CASES["M"]())
    graph, order = peers.networkx_graph(ready)
    agree(ready.excess(), list(peers.by_loop(graph, order).values()))
    compare(
        "prices, M", ready.excess, min(how.rounds, 3), "300, aim 500", networkx_loop=lambda: peers.by_loop(graph, order)
    )


@phase("icio")
def icio(how: How) -> None:
    _small_cyclic("ICIO-like", how, "inv 28, aim 40; pypardiso 35, aim 50")


@phase("wiod")
def wiod(how: How) -> None:
    if cases.DATA.exists():
        _small_cyclic("WIOD 2011", how, "")


def _small_cyclic(name: str, how: How, wanted: str) -> None:
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
        others["pypardiso"] = partial(peers.by_pardiso, peers.sparse(ready, ready.case.rates))
    compare(f"prices, {name}", ready.excess, min(how.rounds, 3), wanted, **others)


@phase("exiobase")
def exiobase(how: How) -> None:
    ready = cases.ready(cases.CASES["EXIOBASE-like"]())
    system = peers.dense(ready, ready.case.rates)
    agree(ready.excess(), peers.by_lu(system))
    compare(
        "prices, EXIOBASE-like", ready.excess, min(how.rounds, 2), "29, aim 50", LAPACK_LU=lambda: peers.by_lu(system)
    )


@phase("giant")
def giant(how: How) -> None:
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
    compare("prices, one giant component", ready.excess, min(how.rounds, 3), "", plain_iteration_on_scipy=jacobi)


@phase("update")
def update(how: How) -> None:
    if not cases.DATA.exists():
        return
    ready = cases.ready(cases.CASES["WIOD 2011"]())
    tables_of_rates = cases.rates_of_one_importer(ready.case, 1_000)
    system = peers.dense(ready, tables_of_rates[:, -1])
    assert "low-rank update" in ready.structure.way_to_solve(ready.class_of_input, tables_of_rates)
    agree(ready.excess_of_many(tables_of_rates)[:, -1], np.linalg.solve(*system))
    compare(
        "1,000 scenarios of one importer, WIOD 2011, all included",
        partial(ready.excess_of_many, tables_of_rates),
        min(how.rounds, 5),
        "50, aim 80",
        a_dense_solve_for_each=Sample(partial(np.linalg.solve, *system), 1_000),
    )


@phase("build")
def build(how: How) -> None:
    from tariffgraph.core.structure import Structure

    case = cases.CASES["L"]()
    supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
    ready = cases.ready(case)
    compare(
        "structure of 10,000,000 inputs (1.5 s at most)",
        lambda: Structure.build(case.stages, supplier, user),
        min(how.rounds, 3),
        "",
        one_forward_sweep_of_ours=ready.excess,
        argsort_of_the_users=lambda: np.argsort(user, kind="stable"),
    )


@phase("sweep")
def sweep(how: How) -> None:
    import tariffgraph as tg

    graph = tg.read_graph("korea-us-2025")
    rules = tg.read_rules(*graph.default_rules)
    key, rates = "ieepa-reciprocal@JPN.rate", np.linspace(0.0, 0.999, 1_000).tolist()
    few = [rates[1], rates[500], rates[-1]]

    def one_by_one() -> Any:
        return pl.concat([tg.propagate(graph, rules, settings=[f"{key}={rate!r}"]).shipments for rate in few])

    def together() -> Any:
        return tg.sweep(graph, rules, {key: rates})

    found = together().filter(pl.col(key).is_in(few))
    assert found["effective_rate"].equals(one_by_one()["effective_rate"])
    compare(
        "a sweep of 1,000 rates, bundled graph",
        together,
        min(how.rounds, 5),
        "",
        tg_propagate_for_each=Sample(one_by_one, len(rates) / len(few)),
    )


@phase("start-up")
def start_up(how: How) -> None:
    def run(*arguments: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True, cwd=ROOT)

    nothing = run("-c", "pass")
    libraries = run("-c", "import numpy, polars, click")
    libraries()
    for what, ours in (
        ("cold propagate of the bundled data", run("-m", "tariffgraph", "propagate", "korea-us-2025")),
        ("tariffgraph --help", run("-m", "tariffgraph", "--help")),
        ("import tariffgraph", run("-c", "import tariffgraph")),
    ):
        found = compare(what, ours, how.rounds, "", python_alone=nothing, import_of_numpy_polars_click=libraries)
        own, python = found["python_alone"]
        wanted = "0.7 s, aim 0.5 s" if what.startswith("cold") else ""
        row(f"what {what} takes more than python", "python alone", f"1/{(own - python) / python:.3g}", wanted)
        print(f"{what}: {own - python:.2f} s more than python -c pass", file=sys.stderr)


def main() -> None:
    os.environ["TARIFFGRAPH_KEEP"] = "0"  # nothing mapped back from an earlier run: what is timed is the work
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("phases", nargs="*", choices=[*PHASES, *GROUPS, []], metavar="PHASE", help=", ".join(PHASES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large", action="store_true", help="compile ten million inputs too")
    options = parser.parse_args()
    print("| work | peer | peer's time / ours (range) | wanted |\n|---|---|---|---|")
    for name in options.phases or PHASES:
        for one in GROUPS.get(name, (name,)):
            PHASES[one](How(options.rounds, options.large))


if __name__ == "__main__":
    main()
