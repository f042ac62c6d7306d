"""``tariffgraph sweep``: a graph under many laws, as one table or in parts."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import Finding, TariffGraphError, UnknownNameError, visible
from .messages import progress, say, say_findings
from .options import examples, output_options, rules_option
from .output import Output
from .sources import graph_folder, read_graph, read_law, rules_paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..scenarios.sweep import Plan, Solved
    from ..show.document import Document
    from ..show.formats import Format
    from .parts import PartsFolder
    from .sweep_spec import Spec

__all__ = ["command"]

#: signs in the bar of scenarios that are done
_BAR = 24
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)(i?)B")


def a_size(text: str) -> float:
    """Return the bytes that the option says."""
    match = _SIZE.fullmatch(text.strip())
    size = float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " ") if match else 0.0
    if not size:
        raise click.BadParameter(f"'{visible(text)}' is no amount of memory. Write it as in 4GB, 500MB or 2GiB.")
    return size


@click.command(
    "sweep",
    epilog=examples(
        "tariffgraph sweep japan.yaml",
        "tariffgraph sweep japan.yaml --out japan.csv",
        "tariffgraph sweep large.yaml --out results --max-memory 4GB",
    ),
)
@click.argument("spec", metavar="SPEC.yaml")
@click.option("--graph", metavar="GRAPH", help="Another graph than SPEC.yaml names: a folder or a bundled name.")
@rules_option
@click.option("--max-memory", type=a_size, metavar="SIZE", help="Memory that may be used, as in 4GB, 500MB or 2GiB.")
@click.option("--restart", is_flag=True, help="Remove what an earlier sweep left in the folder, and begin anew.")
@output_options
def command(
    spec: str,
    graph: str | None,
    rules: tuple[str, ...],
    max_memory: float | None,
    restart: bool,
    format_: Format | None,
    out: Path | None,
) -> None:
    """Rates of every shipment in every scenario of a grid or a list.

    SPEC.yaml says graph, rules, as_of, known_on and market, and either grid: {KEY: [VALUE, ...]}, all
    combinations, or scenarios: [{KEY: VALUE, name: TEXT}, ...]. A KEY is a setting as in --set
    (NAME[@CCC].rate), as_of, known_on, overlays or pass_through. Paths in it are relative to its folder;
    --graph and --rules take the place of what it names.

    With --out FOLDER the rows are written in parts, FOLDER/part-00000.parquet and so on; a sweep that was
    stopped goes on from there when it is started again.
    """
    in_parts = out is not None and _is_folder(out, format_)
    if restart and not in_parts:
        raise click.UsageError("--restart goes with --out FOLDER.", click.get_current_context())
    output = None if in_parts else Output.checked(format_, out)
    from .sweep_spec import read_spec

    read = read_spec(spec)
    named = [Path(spec), *(rules_paths(rules) or read.rules), *read.overlays.values()]
    folder = graph_folder(graph) if graph is not None else read.graph
    if output is not None:
        output.spare(folder, named)
        with progress() as step:
            todo = _planned(read, graph, rules, max_memory, step)
            from ..scenarios.sweep import counting, table

            solved = table(todo, counting(len(todo), step, bar=_BAR))
        say_findings(todo.findings)
        output.write(_document(todo, solved, read))
        return
    assert out is not None  # noqa: S101
    from .inputs import refuse_inputs
    from .parts import PartsFolder

    target = PartsFolder.checked(out)
    refuse_inputs(target.record, folder, named)
    with progress() as step:
        todo = _planned(read, graph, rules, max_memory, step)
        _write_parts(todo, target, restart=restart, tell=step)


def _is_folder(out: Path, format_: Format | None) -> bool:
    """Tell whether ``--out`` is a folder, there or to be made."""
    if not out.is_dir() and (out.suffix or format_ is not None or out.exists()):
        return False
    if format_ not in (None, "parquet"):
        message = f"a folder takes Parquet, not {format_}. Give --out FILE.{format_} for one table."
        raise click.UsageError(message, click.get_current_context())
    return True


def _planned(
    spec: Spec, graph: str | None, rules: tuple[str, ...], max_memory: float | None, step: Callable[[str], None]
) -> Plan:
    step("reading the graph")
    source = graph if graph is not None else spec.graph
    if source is None:
        message = "no graph is named"
        raise TariffGraphError(Finding(message, "Write graph: NAME, or give --graph.", file=spec.file, field="graph"))
    read = read_graph(str(source))
    step("reading the rules")
    law = read_law(rules or tuple(map(str, spec.rules)), read)
    step("reading the scenarios")
    from ..scenarios.sweep import plan

    try:
        return plan(
            read,
            law,
            spec.stated,
            as_of=spec.as_of,
            known_on=spec.known_on,
            market=spec.market,
            max_memory=max_memory,
            overlays=spec.overlays,
        )
    except UnknownNameError as error:  # in a file, not on the command line
        raise TariffGraphError(one if one.file else spec.placed(one, "market") for one in error.findings) from None


def _write_parts(todo: Plan, target: PartsFolder, *, restart: bool, tell: Callable[[str], None]) -> None:
    from ..scenarios.sweep import counting

    left = target.begin(todo, restart=restart)
    scenarios = sum(len(block.numbers) for number in left for block in todo.parts[number])
    there = len(todo.parts) - len(left)
    if there:
        say(f"{there} of {len(todo.parts)} parts were there already")
    count = counting(len(todo), tell, len(todo) - scenarios, bar=_BAR)
    for number, solved in zip(left, todo.solved(left, count), strict=True):
        target.write(number, solved, todo.meta_of(solved))
    say_findings(todo.findings)
    parts = f"{len(todo.parts)} part{'' if len(todo.parts) == 1 else 's'}"
    say(f"{len(todo):,} scenarios, {todo.rows:,} rows in {parts}: {visible(str(target.folder), 400)}")


def _document(todo: Plan, solved: Solved, spec: Spec) -> Document:
    from ..show.document import Document
    from ..show.results import headline
    from ..show.scenarios import sweep_sheet

    rows, meta = solved.rows, todo.meta_of(solved)
    title = todo.graph.title or visible(str(spec.graph or ""))
    days = {} if "as_of" not in todo.stated.columns else {"as_of": None}
    shown = partial(sweep_sheet, headline(title, {**meta, **days}), rows, todo.stated.columns, meta)
    return Document(rows, shown, meta, {"shipments": rows})
