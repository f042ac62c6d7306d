"""``tariffgraph explain``: one final good's rate, border by border and line by line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from ..errors import visible
from .messages import progress, say_findings
from .options import a_number, examples, law_options, output_options, pass_through_option
from .output import Output
from .sources import day, graph_folder, read_graph, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..incidence.explain import Explanation
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


def a_count(text: str) -> int:
    """Return the whole number, 0 or more, that the option says."""
    number = a_number(text)
    if number < 0 or number != int(number):
        raise click.BadParameter(f"'{visible(text)}' is not a whole number, 0 or more.")
    return int(number)


@click.command(
    "explain",
    epilog=examples(
        "tariffgraph explain korea-us-2025 US.HMG.METAPLANT",
        "tariffgraph explain korea-us-2025 'MX.KIA.FORTE->USA' --levels 1",
        "tariffgraph explain korea-us-2025 KR.HYUNDAI.ULSAN USA --as-of 2025-11-14 --out ulsan.md",
    ),
)
@click.argument("graph", metavar="GRAPH")
@click.argument("shipment", metavar="SHIPMENT")
@click.argument("market", required=False, metavar="[MARKET]")
@law_options
@pass_through_option
@click.option(
    "--borders", type=a_count, default="20", metavar="N", help="Borders upstream that are set out; default: 20."
)
@click.option("--paths", type=a_count, default="10", metavar="N", help="Paths that are listed; default: 10.")
@click.option(
    "--levels", type=a_count, default="0", metavar="N", help="Levels of materials that worksheets of origin open up."
)
@output_options
def command(
    graph: str,
    shipment: str,
    market: str | None,
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    settings: tuple[str, ...],
    pass_through: float | None,
    borders: int,
    paths: int,
    levels: int,
    format_: Format | None,
    out: Path | None,
) -> None:
    """One final good's rate, border by border and line by line.

    GRAPH is a folder of tables or a bundled name. SHIPMENT is an id, between quotes as a shell takes > for a
    redirection, or the stage that the good leaves; MARKET where a stage has several. For each border on the way: its
    facts, the measures that apply with base, rate and source, and those that do not with the reason; how origin and
    content were found; and the chains of inputs along which the duties come. All of it adds up to the effective rate.
    """
    output = Output.checked(format_, out, graph_folder(graph), rules_paths(rules))
    import tariffgraph as tg

    with progress() as step:
        step("reading the graph")
        read = read_graph(graph)
        if not rules:
            output.spare(rules=rules_paths(read.default_rules))
        step("reading the rules")
        law = tg.read_rules(*rules) if rules else None
        step("following the duties")
        result = tg.propagate(
            read,
            law,
            as_of=day(as_of, read.default_as_of),
            known_on=known_on,
            pass_through=pass_through,
            settings=settings,
        )
        step("explaining")
        explanation = result.explain(shipment, market, borders=borders, paths=paths, levels=levels)
    # What the measures of whole laws do not meet is for `check` to say, and the claims are in the worksheet.
    quiet = ("matches-nothing", "claim-not-qualifying", "no-origin-rule")
    say_findings([one for one in result.findings if one.check not in quiet], where=f"; see tariffgraph check {graph}")
    output.write(_document(explanation, f"{read.title} ({graph})" if read.title else graph))


def _document(explanation: Explanation, subject: str) -> Document:
    from ..show.document import Document
    from ..show.explanation import explanation_sheets

    paths = explanation.paths
    fields = {
        "shipment": {
            "id": explanation.shipment,
            "stage": explanation.stage,
            "market": explanation.market,
            "product": explanation.product,
            "name": explanation.name,
            "value": explanation.value,
            "amounts_per": explanation.per,
        },
        **{name: getattr(explanation, name) for name in ("summary", "borders", "facts", "lines", "origin", "content")},
        "paths": paths.frame,
        "other_paths": {"rate": paths.remainder, "none_above": paths.next_at_most},
    }
    sheet = partial(explanation_sheets, explanation, subject)
    return Document(explanation.lines, sheet, explanation.meta, fields)
