"""``tariffgraph timeline``: every date on which an answer changes, and why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .entry import check_subject, entry_options, stated_entry, subject
from .messages import progress, say_findings
from .options import a_date, examples, known_on_option, market_option, output_options, rules_option, set_option
from .output import Output
from .sources import graph_folder, read_graph, read_law, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..scenarios.timeline import Timeline
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


@click.command(
    "timeline",
    epilog=examples(
        "tariffgraph timeline --product 8703.23 --origin KOR --value 20000 --program KORUS",
        "tariffgraph timeline --product 8517.13 --origin CHN --value 400 --from 2025-01-01",
        "tariffgraph timeline korea-us-2025 --shipment US.HMG.METAPLANT --from 2025-01-01",
    ),
)
@click.argument("graph", required=False, metavar="[GRAPH]")
@rules_option
@known_on_option
@set_option
@click.option("--from", "from_", type=a_date, metavar="DATE", help="Begin on this day.")
@click.option("--until", type=a_date, metavar="DATE", help="End before this day.")
@click.option("--shipment", metavar="SHIPMENT", help="Only this shipment, by its id or its stage.")
@market_option
@entry_options(required=False)
@output_options
def command(
    graph: str | None,
    rules: tuple[str, ...],
    known_on: date | None,
    settings: tuple[str, ...],
    from_: date | None,
    until: date | None,
    shipment: str | None,
    market: str | None,
    format_: Format | None,
    out: Path | None,
    **facts: Any,
) -> None:
    """Every date on which an answer changes, and why.

    GRAPH is a folder of tables or a bundled name: the dates on which the effective rate of a shipment
    changes. In its place the flags from --product on state one entry: the dates on which its duty does.
    The first row is what holds at the beginning.
    """
    check_subject(graph, facts, {"--shipment": shipment, "--market": market})
    if from_ is not None and until is not None and from_ >= until:
        raise click.UsageError(f"--from is {from_}, and --until {until}. Give an --until after --from.")
    output = Output.checked(format_, out, None if graph is None else graph_folder(graph), rules_paths(rules))
    import tariffgraph as tg

    if graph is None:
        entry = stated_entry(**facts)
        law = read_law(rules).apply_settings(settings)
        with progress() as step:
            answer = tg.timeline(law, entry, from_=from_, until=until, known_on=known_on, tell=step)
        name = subject(entry, answer.findings)
    else:
        with progress() as step:
            step("reading the graph")
            read = read_graph(graph)
            if not rules:
                output.spare(rules=rules_paths(read.default_rules))
            step("reading the rules")
            law = read_law(rules, read).apply_settings(settings)
            answer = tg.timeline(
                law,
                read,
                from_=from_,
                until=until,
                known_on=known_on,
                market=market,
                shipment=shipment,
                tell=step,
            )
        name = f"{read.title} ({graph})" if read.title else graph
    say_findings(answer.findings)
    output.write(_document(answer, name, {**answer.meta, "settings": list(settings)}, of_entry=graph is None))


def _document(answer: Timeline, name: str, meta: dict[str, Any], *, of_entry: bool) -> Document:
    from ..show.changes import entry_timeline_sheet, graph_timeline_sheet
    from ..show.document import Document
    from ..show.results import headline

    sheet = entry_timeline_sheet if of_entry else graph_timeline_sheet
    shown = partial(sheet, headline(name, meta), answer.steps, meta)
    return Document(answer.steps, shown, meta, {"steps": answer.steps, "changes": answer.changes})
