"""``tariffgraph propagate``: the effective tariff incidence of every final good of a graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..bundled import bundled_rule_sets
from .messages import progress, say, say_findings
from .options import (
    KEYS,
    KEYS_OF_AVERAGES,
    KEYS_OF_LAW,
    examples,
    law_options,
    market_option,
    output_options,
    pass_through_option,
)
from .output import Output
from .sources import DEFAULT_GRAPH, day, graph_folder, read_graph, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..graph.production_graph import ProductionGraph
    from ..incidence.incidence import Incidence
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]

#: What ``--by`` takes besides keys: whose value added the duties fall on.
VALUE_ADDED = "value-added"


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a result: its shipments, a split by ``keys``, averages, or what one law less would change."""

    keys: tuple[str, ...]
    averaged: tuple[str, ...]
    left_out: str | None


@click.command(
    "propagate",
    epilog=examples(
        "tariffgraph propagate",
        "tariffgraph propagate my-graph --rules us-2025 --as-of 2025-07-02 --by action",
        "tariffgraph propagate korea-us-2025 --average authority",
        "tariffgraph propagate korea-us-2025 --format json --out incidence.json",
    ),
)
@click.argument("graph", required=False, metavar="[GRAPH]")
@law_options
@market_option
@pass_through_option
@click.option(
    "--by",
    "keys",
    type=click.Choice((*KEYS, VALUE_ADDED)),
    multiple=True,
    help="Split the rates by this. Repeat to split by several. value-added: on whose it falls.",
)
@click.option(
    "--average",
    "averaged",
    type=click.Choice(KEYS_OF_AVERAGES),
    multiple=True,
    help="Average rates by this, weighted by customs value. Repeatable.",
)
@click.option(
    "--leave-one-out",
    "left_out",
    type=click.Choice(KEYS_OF_LAW),
    help="What would change without each of these, the law as it would then stack.",
)
@output_options
def command(
    graph: str | None,
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    settings: tuple[str, ...],
    market: str | None,
    pass_through: float | None,
    keys: tuple[str, ...],
    averaged: tuple[str, ...],
    left_out: str | None,
    format_: Format | None,
    out: Path | None,
) -> None:
    """Effective tariff incidence of every final good.

    GRAPH is a folder of tables (stages, inputs, shipments) or the name of a bundled data set; without it
    the bundled Korea-US chains are used. For every shipment: what the last border charges (statutory),
    what arrives in the price from borders upstream (embedded), and in all (effective), as shares of the
    untaxed value.
    """
    if sum(map(bool, (keys, averaged, left_out))) > 1:
        message = "--by, --average and --leave-one-out are tables of their own: ask for one at a time."
        raise click.UsageError(message, click.get_current_context())
    if VALUE_ADDED in keys and "depth" in keys:
        message = "value added is told apart by any other key, not by depth."
        raise click.UsageError(message, click.get_current_context())
    view = View(tuple(dict.fromkeys(keys)), tuple(dict.fromkeys(averaged)), left_out)
    named = DEFAULT_GRAPH if graph is None else graph
    output = Output.checked(format_, out, graph_folder(named), rules_paths(rules))
    if graph is None:
        say(f"no graph given, so the bundled {DEFAULT_GRAPH}")
    result, read = _propagated(named, rules, as_of, known_on, market, pass_through, settings, output)
    # The bundled rules state whole laws, more than any graph meets: where the graph itself asks for them, only `check`
    # lists what they do not meet.
    whole_laws = not rules and set(read.default_rules) <= set(bundled_rule_sets())
    told = [one for one in result.findings if not (whole_laws and one.check == "matches-nothing")]
    say_findings(told, where=f"; see tariffgraph check {' '.join((named, *rules))}")
    output.write(_document(result, read, named, view))
    if graph is None:
        _say_what_next()


def _propagated(
    graph: str,
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    market: str | None,
    pass_through: float | None,
    settings: tuple[str, ...],
    output: Output,
) -> tuple[Incidence, ProductionGraph]:
    import tariffgraph as tg

    with progress() as step:
        step("reading the graph")
        read = read_graph(graph)
        if not rules:
            named = {*read.default_rules} - {*bundled_rule_sets()}
            output.spare(rules=rules_paths(named))
        step("reading the rules")
        law = tg.read_rules(*rules) if rules else None
        step("following the duties")
        return (
            tg.propagate(
                read,
                law,
                as_of=day(as_of, read.default_as_of),
                known_on=known_on,
                market=market,
                pass_through=pass_through,
                settings=settings,
            ),
            read,
        )


def _document(result: Incidence, graph: ProductionGraph, name: str, view: View) -> Document:
    from ..show.document import Document
    from ..show.results import (
        averages_sheet,
        exposure_sheet,
        headline,
        leave_one_out_sheet,
        shipments_sheet,
        split_sheet,
    )

    meta = result.meta
    fields: dict[str, Any] = {"shipments": result.shipments, "by": []}
    title = headline(f"{graph.title} ({name})" if graph.title else name, meta)
    if VALUE_ADDED in view.keys:
        keys = [{"exporter": "via"}.get(key, key) for key in view.keys if key != VALUE_ADDED] or ["via", "importer"]
        rows = fields["by"] = result.exposure(by=keys)
        sheet = partial(exposure_sheet, title, rows, result.exposure_totals(by=keys), meta)
    elif view.keys:
        rows = fields["by"] = result.by(*view.keys)
        sheet = partial(split_sheet, title, rows, view.keys, meta)
    elif view.averaged:
        rows = fields["average"] = result.averages(*view.averaged)
        sheet = partial(averages_sheet, title, rows, result.averages(), view.averaged, meta)
    elif view.left_out:
        rows = fields["leave_one_out"] = result.leave_one_out(view.left_out)
        sheet = partial(leave_one_out_sheet, title, rows, view.left_out, meta)
    else:
        rows = result.shipments
        named = graph.stages.drop_nulls("name")
        names = dict(zip(named["stage"], named["name"], strict=True))
        sheet = partial(shipments_sheet, title, rows, meta, names)
    return Document(rows, sheet, meta, fields)


def _say_what_next() -> None:
    say(
        "next:\n"
        f"  tariffgraph propagate {DEFAULT_GRAPH} --by action\n"
        f"  tariffgraph propagate {DEFAULT_GRAPH} --pass-through 0.5\n"
        f"  tariffgraph datasets copy {DEFAULT_GRAPH} my-graph"
    )
