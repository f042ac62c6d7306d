"""``tariffgraph compare``: what changes between two laws, for a graph or for one entry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .entry import check_subject, entry_options, stated_entry, subject
from .messages import progress, say, say_findings
from .options import KEYS, KEYS_OF_LAW, a_date, examples, law_options, market_option, output_options
from .output import Output
from .sources import day, graph_folder, read_graph, read_law, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..customs.entry import Entry
    from ..rules.rules import Rules
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]

#: the options of the second law
SECOND = ("to_rules", "to_overlay", "to_as_of", "to_known_on", "to_set")


@click.command(
    "compare",
    epilog=examples(
        "tariffgraph compare korea-us-2025 --as-of 2025-07-02 --to-as-of 2025-08-07",
        "tariffgraph compare korea-us-2025 --to-overlay japan-35 --by action",
        "tariffgraph compare my-graph --to-set s232-autos@KOR.rate=15% --market USA",
        "tariffgraph compare --product 8703.23 --origin KOR --value 20000 --program KORUS \\",
        "    --as-of 2025-11-14 --to-known-on 2025-11-14",
    ),
)
@click.argument("graph", required=False, metavar="[GRAPH]")
@law_options
@click.option("--to-rules", multiple=True, metavar="RULES", help="Rules of the second law. Repeatable.")
@click.option(
    "--to-overlay", multiple=True, metavar="RULES", help="Overlay over the rules in the second law. Repeatable."
)
@click.option("--to-as-of", type=a_date, metavar="DATE", help="The day of the second law.")
@click.option("--to-known-on", type=a_date, metavar="DATE", help="Leave out of the second law what came later.")
@click.option(
    "--to-set", multiple=True, metavar="ID[@CCC].FIELD=VALUE", help="Change a measure in the second law. Repeatable."
)
@market_option
@click.option(
    "--by",
    "keys",
    type=click.Choice(KEYS),
    multiple=True,
    help="Split the changes by this; default: measure. Repeat to split by several.",
)
@entry_options(required=False)
@output_options
def command(
    graph: str | None,
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    settings: tuple[str, ...],
    market: str | None,
    keys: tuple[str, ...],
    format_: Format | None,
    out: Path | None,
    **more: Any,
) -> None:
    """What changes between two laws, by how much, and under which measure.

    GRAPH is a folder of tables or a bundled name; in its place the flags from --product on state one
    entry. The --to options state the second law; what they leave out is as in the first. Rates are parts
    of each shipment's effective rate, and the changes of a shipment add up to its own.
    """
    second = {name: more.pop(name) for name in SECOND}
    check_subject(graph, more, {"--market": market})
    keys = tuple(dict.fromkeys(keys)) or ("measure",)
    if graph is None and (len(keys) > 1 or keys[0] not in KEYS_OF_LAW):
        raise click.UsageError(
            f"the duty on an entry is split by one of {', '.join(KEYS_OF_LAW)}, not by {' and '.join(keys)}.",
            click.get_current_context(),
        )
    if not any(second.values()):
        raise click.UsageError(
            "nothing says what to compare with. Give --to-rules, --to-overlay, --to-as-of, --to-known-on or --to-set.",
            click.get_current_context(),
        )
    named = rules_paths((*rules, *second["to_rules"], *second["to_overlay"]))
    output = Output.checked(format_, out, None if graph is None else graph_folder(graph), named)
    first = {"as_of": as_of, "known_on": known_on, "settings": settings}
    if graph is None:
        document = _entries(stated_entry(**more), rules, first, second, keys)
    else:
        document = _graphs(graph, rules, first, second, market, keys, output)
    if document.rows.is_empty():
        say("nothing changes between the two")
    output.write(document)


def _laws(law: Rules, first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the two laws: rules with their settings, and the two days of each."""
    import tariffgraph as tg

    other = tg.read_rules(*second["to_rules"]) if second["to_rules"] else law
    if second["to_overlay"]:
        other = tg.read_rules(other, *second["to_overlay"])
    days = [
        {"as_of": first["as_of"], "known_on": first["known_on"]},
        {"as_of": second["to_as_of"] or first["as_of"], "known_on": second["to_known_on"] or first["known_on"]},
    ]
    return [
        {"rules": law, "settings": first["settings"], **days[0]},
        {"rules": other, "settings": second["to_set"] or first["settings"], **days[1]},
    ]


def _graphs(
    graph: str,
    rules: tuple[str, ...],
    first: dict[str, Any],
    second: dict[str, Any],
    market: str | None,
    keys: tuple[str, ...],
    output: Output,
) -> Document:
    import tariffgraph as tg

    from ..scenarios.comparison import compare_shipments
    from ..show.changes import graph_comparison_sheet, versus
    from ..show.document import Document

    with progress() as step:
        step("reading the graph")
        read = read_graph(graph)
        if not rules:
            output.spare(rules=rules_paths(read.default_rules))
        step("reading the rules")
        first = {**first, "as_of": day(first["as_of"], read.default_as_of)}
        laws = _laws(read_law(rules, read), first, second)
        step("following the duties")
        before, after = (tg.propagate(read, market=market, **law) for law in laws)
        changes = tg.compare(before, after, *keys)
        shipments = compare_shipments(before, after)
    # That a measure meets nothing is for `check` to say.
    told = [one for one in dict.fromkeys((*before.findings, *after.findings)) if one.check != "matches-nothing"]
    say_findings(told, where=f"; see tariffgraph check {graph}")
    metas = (before.meta, after.meta)
    title = versus(f"{read.title} ({graph})" if read.title else graph, *metas)
    sheet = partial(graph_comparison_sheet, title, shipments, changes, metas)
    meta = dict(zip(("before", "after"), metas, strict=True))
    return Document(changes, sheet, meta, {"shipments": shipments, "by": changes})


def _entries(
    entry: Entry, rules: tuple[str, ...], first: dict[str, Any], second: dict[str, Any], keys: tuple[str, ...]
) -> Document:
    import tariffgraph as tg

    from ..show.changes import entry_comparison_sheet, versus
    from ..show.document import Document

    laws = _laws(read_law(rules), {**first, "as_of": day(first["as_of"])}, second)
    before, after = (
        tg.assess(law["rules"].apply_settings(law["settings"]), entry, as_of=law["as_of"], known_on=law["known_on"])
        for law in laws
    )
    changes = tg.compare(before, after, *keys)
    say_findings(list(dict.fromkeys((*before.findings, *after.findings))))
    first_meta, second_meta = (
        {**duty.meta, "settings": list(law["settings"])} for duty, law in zip((before, after), laws, strict=True)
    )
    metas = (first_meta, second_meta)
    title = versus(subject(entry, (*before.findings, *after.findings)), *metas)
    totals, rates = (before.total, after.total), (before.rate, after.rate)
    sheet = partial(entry_comparison_sheet, title, changes, totals, rates, metas)
    total = {"before": before.total, "after": after.total, "change": after.total - before.total}
    meta = dict(zip(("before", "after"), metas, strict=True))
    return Document(changes, sheet, meta, {"total": total, "by": changes})
