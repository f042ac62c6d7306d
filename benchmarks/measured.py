"""Time, or memory, of one piece of work in a process of its own, which holds nothing else.

``python benchmarks/measured.py WORK NUMBER`` prints them as JSON; ``alone`` runs that. Memory is what was held at most
beyond what was handed in, over the size of the arrays that the kernels read: shares, suppliers and classes of inputs,
and where those of each stage begin. It is only known on Linux.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from cases import Ready

    from tariffgraph.core.structure import Structure

INPUTS_OF_A_STAGE = 10
PLACES = 10
#: Allocators that give back at once what is freed: what is held is then what is used, at the price of time.
GIVING_BACK = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


def alone(work: str, number: int) -> dict[str, float]:
    """Return what ``work`` measures in a process of its own."""
    # Compiled at every size: what grows is the graph. And nothing mapped back: what is timed is the work.
    environment = {**os.environ, "TARIFFGRAPH_JIT": "1", "TARIFFGRAPH_KEEP": "0"}
    if work.endswith("memory"):
        environment |= GIVING_BACK
    command = [sys.executable, __file__, work, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def kernels(inputs: int) -> dict[str, float]:
    """Time of the structure, of one solve, and of all derivatives of one objective."""
    import cases

    from tariffgraph.core.structure import Structure

    case = cases.acyclic("grown", inputs // INPUTS_OF_A_STAGE, inputs)
    supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
    ready = cases.ready(case)
    arguments = (ready.share, ready.class_of_input, case.rates, np.ones(case.stages))
    return {
        "build": _median(lambda: Structure.build(case.stages, supplier, user), 3),
        "solve": _median(ready.excess, 7),
        "reverse": _median(lambda: ready.structure.derivatives(*arguments), 5),
    }


def build_memory(inputs: int) -> dict[str, float]:
    """Memory to build the structure, in a process that holds the columns only."""
    from tariffgraph.core.structure import Structure

    stages = inputs // INPUTS_OF_A_STAGE
    rng = np.random.default_rng(0)
    user = rng.integers(1, stages, inputs, dtype=np.uint32)
    supplier = (rng.random(inputs, dtype=np.float32) * user).astype(np.uint32)
    supplier = np.minimum(supplier, user - np.uint32(1))
    Structure.build(200, supplier[:0], user[:0])
    arrays = inputs * (4 + 8 + 2) + stages * 8
    return {"memory": _held(lambda: Structure.build(stages, supplier, user)) / arrays}


def compile_time(inputs: int) -> dict[str, float]:
    """Time of ``tg.compile``, from a graph that is in memory."""
    return {"compile": _median(_to_compile(inputs), 3)}


def compile_memory(inputs: int) -> dict[str, float]:
    """Memory of ``tg.compile``, beyond the graph."""
    work = _to_compile(inputs)
    memory = _held(work)
    problem = work()
    return {"memory": memory / _bytes(problem.structure, problem.share, problem.class_of_input)}


def _to_compile(inputs: int) -> Callable[[], Any]:
    import cases
    import tables

    import tariffgraph as tg

    def compiled(inputs: int) -> Callable[[], Any]:
        graph = tables.graph_of(cases.acyclic("grown", inputs // INPUTS_OF_A_STAGE, inputs))
        return lambda: tg.compile(graph, rules, as_of=tables.AS_OF)

    rules = tg.read_rules(tables.RULES)
    compiled(2_000)()  # all that is loaded once
    return compiled(inputs)


def scenarios(count: int) -> dict[str, float]:
    """Time of a batch of scenarios on a million inputs, of which a few stages are kept."""
    return {"scenarios": _median(_to_solve(count)[1], 3 if count < 1_000 else 1, warm=False)}


def scenarios_memory(count: int) -> dict[str, float]:
    """Memory of such a batch, beyond the problem and the tables of rates."""
    ready, work = _to_solve(count)
    return {"memory": _held(work) / _bytes(ready.structure, ready.share, ready.class_of_input)}


def _to_solve(count: int) -> tuple[Ready, Callable[[], Any]]:
    import cases

    case = cases.acyclic("grown", 100_000, 1_000_000)
    ready: Ready = cases.ready(case)
    rates = cases.many_rates(case, count)
    places = np.arange(0, case.stages, case.stages // PLACES)
    ready.excess(np.repeat(rates[:, :1], 8, axis=1), places=places)
    ready.excess(rates[:, 0].copy())
    return ready, lambda: ready.excess(rates, places=places)


WORK: dict[str, Callable[[int], dict[str, float]]] = {
    one.__name__: one for one in (kernels, build_memory, compile_time, compile_memory, scenarios, scenarios_memory)
}


def _bytes(structure: Structure, *arrays: Any) -> int:
    return sum(one.nbytes for one in (structure.first, structure.supplier, *arrays))


def _median(work: Callable[[], Any], rounds: int, *, warm: bool = True) -> float:
    if warm:
        work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def _held(work: Callable[[], Any]) -> float:
    """Return the bytes that were held at most beyond those held before; NaN where the system does not tell."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return float("nan")
    clear.write_text("5")  # the peak begins anew
    before = _peak()
    work()
    return _peak() - before


def _peak() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](int(sys.argv[2]))))
