"""How cost grows: time and memory against inputs, 10⁴ to 10⁷, and scenarios, 1 to 4,096; tables and a picture.

Run ``python benchmarks/growth.py [--picture growth.png] [--largest N]`` (the picture needs matplotlib). Each number is
measured in a process of its own; times are over that of the first row, memory over the size of the kernels' arrays.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measured import alone

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_INPUTS = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
BY_SCENARIOS = [1, 4, 16, 64, 256, 1_024, 4_096]
#: the largest graph that is made of tables and compiled
COMPILED_UP_TO = 3_000_000

Row = dict[str, float]
TIMES = {
    "build": "structure",
    "solve": "one solve",
    "reverse": "all derivatives",
    "compile": "tg.compile",
}
MEMORY = {"build_memory": "structure", "compile_memory": "tg.compile"}


def of_inputs(inputs: int) -> Row:
    """Return time and memory of everything that is done to a graph of so many inputs."""
    row = {**alone("kernels", inputs), "build_memory": alone("build_memory", inputs)["memory"]}
    if inputs <= COMPILED_UP_TO:
        row |= alone("compile_time", inputs) | {"compile_memory": alone("compile_memory", inputs)["memory"]}
    return row


def of_scenarios(count: int) -> Row:
    """Return time and memory of so many scenarios on a million inputs."""
    return {**alone("scenarios", count), **alone("scenarios_memory", count)}


def cells(row: Row, first: Row) -> list[str]:
    """Return times over those of the first row, and memory as it is."""
    times = [f"{row[name] / first[name]:.3g}" if name in row else "" for name in TIMES]
    return times + [f"{row[name]:.2g}" if name in row else "" for name in MEMORY]


def print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"| {' | '.join(heading)} |\n|{'---|' * len(heading)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--largest", type=int, default=BY_INPUTS[-1], metavar="INPUTS")
    options = parser.parse_args()
    sizes = [inputs for inputs in BY_INPUTS if inputs <= options.largest]
    rows = [of_inputs(inputs) for inputs in sizes]
    heading = ["inputs", *TIMES.values(), *(f"memory of {name} / arrays" for name in MEMORY.values())]
    table = [[f"{inputs:,}", *cells(row, rows[0])] for inputs, row in zip(sizes, rows, strict=True)]
    print_table(heading, table)
    columns = [of_scenarios(count) for count in BY_SCENARIOS]
    times = [row["scenarios"] / columns[0]["scenarios"] for row in columns]
    print_table(
        ["scenarios, 1,000,000 inputs, ten stages kept", "time", "a scenario", "memory / arrays"],
        [
            [f"{count:,}", f"{time:.3g}", f"{time / count:.2g}", f"{row['memory']:.2g}"]
            for count, time, row in zip(BY_SCENARIOS, times, columns, strict=True)
        ],
    )
    if options.picture:
        draw(options.picture, sizes, rows, columns)


def draw(path: Path, sizes: list[int], rows: list[Row], columns: list[Row]) -> None:
    """Draw time above and memory below, against inputs on the left and scenarios on the right; dotted is linear."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(8, 6), layout="constrained", sharex="col")
    (time, time_of_many), (memory, memory_of_many) = axes
    in_bytes = [_in_bytes(row, inputs) for row, inputs in zip(rows, sizes, strict=True)]
    for at, (name, label) in enumerate(TIMES.items()):
        _line(time, sizes, rows, name, label, f"C{at}")
    for name, label in MEMORY.items():
        _line(memory, sizes, in_bytes, name, label, f"C{list(TIMES.values()).index(label)}")
    _line(time_of_many, BY_SCENARIOS, columns, "scenarios", "a batch, 1,000,000 inputs", "C0")
    _line(memory_of_many, BY_SCENARIOS, columns, "memory", "a batch, 1,000,000 inputs", "C0")
    for one, counts in ((time, sizes), (memory, sizes), (time_of_many, BY_SCENARIOS), (memory_of_many, BY_SCENARIOS)):
        one.loglog(counts, [count / counts[0] for count in counts], color="0.55", linestyle=":", label="linear")
        one.legend(frameon=False, fontsize=8)
        one.grid(color="0.92")
        one.set_axisbelow(True)
        one.spines[["top", "right"]].set_visible(False)
    time.set(title="Time against inputs", ylabel="times the first")
    time_of_many.set(title="Time against scenarios")
    memory.set(title="Memory against inputs", ylabel="times the first", xlabel="inputs")
    memory_of_many.set(title="Memory against scenarios", xlabel="scenarios")
    memory_of_many.set_xticks(BY_SCENARIOS, [f"{count:,}" for count in BY_SCENARIOS])
    memory_of_many.minorticks_off()
    figure.savefig(path, dpi=100)


def _line(axes: Any, counts: list[int], rows: list[Row], name: str, label: str, color: str) -> None:
    """Draw one measure over its first value, as far as it was measured."""
    found = [(count, row[name] / rows[0][name]) for count, row in zip(counts, rows, strict=True) if name in row]
    axes.loglog(*zip(*found, strict=True), marker="o", markersize=3.5, label=label, color=color)


def _in_bytes(row: Row, inputs: int) -> Row:
    """Return memory times the size of the arrays, which grow with inputs."""
    return {name: row[name] * inputs for name in MEMORY if name in row}


if __name__ == "__main__":
    main()
