"""``tariffgraph check``: everything that is wrong or surprising in graphs and rule sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Finding, TariffGraphError, visible
from .messages import progress, say
from .options import a_date, examples
from .output import write_stdout
from .sources import check_for_unknown, day, is_graph, read_graph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ..graph.production_graph import ProductionGraph
    from ..problem import Problem
    from ..rules.rules import Rules

__all__ = ["command"]


@click.command(
    "check",
    epilog=examples(
        "tariffgraph check my-graph",
        "tariffgraph check us-2025 my-overlay.yaml",
        "tariffgraph check my-graph us-2025 --as-of 2025-07-02",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="GRAPH|RULES...")
@click.option("--as-of", type=a_date, metavar="DATE", help="Check graphs under the law of this day (YYYY-MM-DD).")
def command(sources: tuple[str, ...], as_of: date | None) -> int:
    """Check production graphs and rule sets.

    Reads each folder, file or bundled name. Rule sets given together are checked together, and graphs
    under them, else under their own default rules: shares that add up, cycles that feed on more than
    they make, before and after duties, measures that can match nothing. What is in order and what is
    surprising goes to stdout, problems to stderr; with problems the exit status is 1.
    """
    graphs = [source for source in sources if is_graph(source)]
    rules = [source for source in sources if source not in graphs]
    known: list[str] = []
    sound = True
    law: Rules | None = None
    for source in rules:
        try:
            check_for_unknown(source)
            known.append(source)
        except TariffGraphError as error:
            sound = _complain(error)
    with progress() as step:
        if known:
            step("reading the rules")
            try:
                law = _check_rules(known)
            except TariffGraphError as error:
                sound = _complain(error)
        if known != rules:
            law = None  # a graph under a part of its law would raise false alarms
        for graph in graphs:
            step(f"checking {visible(graph)}")
            try:
                _check_graph(graph, law, as_of, with_rules=law is not None or not rules)
            except TariffGraphError as error:
                sound = _complain(error)
    return 0 if sound else 1


def _check_rules(sources: list[str]) -> Rules:
    import tariffgraph as tg

    rules = tg.read_rules(*sources)
    for rule_set in rules.rule_sets:
        measures, relations = len(rule_set.measures), len(rule_set.relations)
        overlays = f" with {', '.join(rule_set.overlays)}" if rule_set.overlays else ""
        _ok(f"{rule_set.id}{overlays}: {_count(measures, 'measure')}, {_count(relations, 'relation')}")
    _print(rules.findings)
    return rules


def _check_graph(source: str, law: Rules | None, as_of: date | None, with_rules: bool) -> None:
    import tariffgraph as tg

    from ..problem import check_for_unproductive_cycle

    graph = read_graph(source)
    findings = graph.findings
    if with_rules and (law is not None or graph.default_rules):
        # Compiling applies the law to every crossing; solving finds cycles that feed on more than they make.
        problem = tg.compile(graph, law, as_of=day(as_of, graph.default_as_of))
        problem.excess_prices()
        told = law.findings if law is not None else ()
        findings = tuple(finding for finding in problem.findings if finding not in told)
        findings += tuple(_hidden(problem))
    elif cycles := check_for_unproductive_cycle(graph):
        raise TariffGraphError(cycles)
    _ok(f"{source}: {_counts(graph)}")
    _print(findings)


def _hidden(problem: Problem) -> Iterator[Finding]:
    """Yield a note for each kind of content that may hide in stages that show no inputs."""
    table = problem.hidden_content()
    for (kind,), rows in sorted(table.group_by("kind", maintain_order=True), key=lambda pair: str(pair[0])):
        most = rows.sort("hidden", "crossing", descending=[True, False]).row(0, named=True)
        count = f"{rows.height} crossing{'' if rows.height == 1 else 's'}"
        yield Finding(
            f"content of {kind}: stages that show no inputs count as none, and hold part of the value at {count}, "
            f"most at '{most['crossing']}' ({most['hidden']:.6g} hidden; content {most['content']:.6g})",
            f"Give these stages inputs, or declare content.{kind} at the crossing, where it matters.",
            severity="note",
            check="hidden-content",
        )


def _counts(graph: ProductionGraph) -> str:
    tables = {"stage": graph.stages, "input": graph.inputs, "shipment": graph.shipments}
    return ", ".join(_count(table.height, name) for name, table in tables.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _ok(message: str) -> None:
    write_stdout(f"ok {visible(message, 400)}\n")


def _print(findings: tuple[Finding, ...]) -> None:
    write_stdout("".join(visible(f"{finding.severity}: {finding}", 2000) + "\n" for finding in findings))


def _complain(error: TariffGraphError) -> bool:
    say(str(error))
    return False
