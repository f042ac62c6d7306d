"""How cost grows: time and memory against inputs, 10⁴ to 10⁷, and scenarios, 1 to 4,096; a table and a picture.

Run ``python benchmarks/growth.py [--picture growth.png]`` (the picture needs matplotlib). Each row is measured in a
process of its own; times are over that of the first row, memory is what the process held at most beyond the arrays of
the graph, over the size of these arrays.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

BY_INPUTS = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
BY_SCENARIOS = [1, 4, 16, 64, 256, 1_024, 4_096]
MEASURE = """
import json, resource, statistics, sys, time
sys.path.insert(0, {folder!r})
import cases
import numpy as np
from tariffgraph.core.structure import Structure

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

inputs, scenarios = {inputs}, {scenarios}
case = cases.acyclic("grown", inputs // 10, inputs)
supplier, user = case.supplier.astype(np.uint32), case.user.astype(np.uint32)
def median(work, rounds):
    work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)
found = {{}}
ready = cases.ready(case)
arrays = sum(one.nbytes for one in (ready.structure.first, ready.structure.supplier, ready.share, ready.class_of_input))
if scenarios:
    rates = case.rates[:, None] * np.random.default_rng(0).uniform(0.5, 1.0, (len(case.rates), scenarios))
    places = np.arange(0, case.stages, case.stages // 10)
    ready.excess(rates[:, :8], places=places)
    before = peak()
    found["scenarios"] = median(lambda: ready.excess(rates, places=places), 3 if scenarios < 1000 else 1)
    found["memory"] = (peak() - before) / arrays
else:
    found["build"] = median(lambda: Structure.build(case.stages, supplier, user), 3)
    found["solve"] = median(ready.excess, 7)
    weight = np.ones(case.stages)
    arguments = (ready.share, ready.class_of_input, case.rates, weight)
    found["reverse"] = median(lambda: ready.structure.derivatives(*arguments), 5)
print(json.dumps(found))
"""
#: The peak of building alone, in a process that holds only the columns.
BUILD = """
import json, resource, sys
import numpy as np
from tariffgraph.core.structure import Structure
rng = np.random.default_rng(0)
user = rng.integers(1, {inputs} // 10, {inputs}, dtype=np.uint32)
supplier = (rng.random({inputs}, dtype=np.float32) * user).astype(np.uint32)
supplier = np.minimum(supplier, user - np.uint32(1))
Structure.build(200, supplier[:0], user[:0])
held = open("/proc/self/statm").read().split()[1]
before = int(held) * 4096
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
Structure.build({inputs} // 10, supplier, user)
peak = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
arrays = {inputs} * (4 + 8 + 2) + {inputs} // 10 * 8
print(json.dumps({{"memory": (peak - before) / arrays}}))
"""


def measured(program: str, **numbers: int) -> dict[str, float]:
    code = program.format(folder=str(Path(__file__).parent), **numbers)
    environment = {**os.environ, "TARIFFGRAPH_JIT": "1"}  # compiled at every size: what grows is the graph
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--largest", type=int, default=BY_INPUTS[-1])
    options = parser.parse_args()
    sizes = [inputs for inputs in BY_INPUTS if inputs <= options.largest]
    rows = [{**measured(MEASURE, inputs=inputs, scenarios=0), **measured(BUILD, inputs=inputs)} for inputs in sizes]
    print("| inputs | structure | one solve | all derivatives | memory to build / arrays |\n|---|---|---|---|---|")
    for inputs, row in zip(sizes, rows, strict=True):
        times = " | ".join(f"{row[name] / rows[0][name]:.3g}" for name in ("build", "solve", "reverse"))
        print(f"| {inputs:,} | {times} | {row['memory']:.2g} |", flush=True)
    columns = [measured(MEASURE, inputs=1_000_000, scenarios=count) for count in BY_SCENARIOS]
    print("\n| scenarios, 1,000,000 inputs | time | a scenario | memory / arrays |\n|---|---|---|---|")
    for count, row in zip(BY_SCENARIOS, columns, strict=True):
        time = row["scenarios"] / columns[0]["scenarios"]
        print(f"| {count:,} | {time:.3g} | {time / count:.2g} | {row['memory']:.2g} |", flush=True)
    if options.picture:
        draw(options.picture, sizes, rows, columns)


def draw(path: Path, sizes: list[int], rows: list[dict[str, float]], columns: list[dict[str, float]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
    for name, label in (("build", "structure"), ("solve", "one solve"), ("reverse", "all derivatives")):
        left.loglog(sizes, [row[name] / rows[0][name] for row in rows], marker="o", markersize=3, label=label)
    left.loglog(sizes, [inputs / sizes[0] for inputs in sizes], color="0.7", linestyle=":", label="linear")
    left.set(xlabel="inputs", ylabel="time, first = 1")
    times = [row["scenarios"] / columns[0]["scenarios"] for row in columns]
    right.loglog(BY_SCENARIOS, times, marker="o", markersize=3, label="scenarios, 10⁶ inputs")
    right.loglog(BY_SCENARIOS, BY_SCENARIOS, color="0.7", linestyle=":", label="linear")
    right.set(xlabel="scenarios")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
