"""``tariffgraph assess``: the duty on one entry, from its facts alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .messages import say, say_findings
from .options import a_number, examples, law_options, output_options
from .output import Output
from .sources import day, default_rules, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..customs.duty import Duty
    from ..customs.entry import Entry
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


def _content(ctx: click.Context, param: click.Parameter, stated: tuple[str, ...]) -> dict[str, float]:
    content: dict[str, float] = {}
    for one in stated:
        kind, equals, share = one.partition("=")
        if not (kind and equals):
            raise click.BadParameter(f"'{one}' is not KIND=X. Write a kind and its share, as in steel=40%.", ctx, param)
        if kind in content:
            raise click.BadParameter(f"'{kind}' is given twice. Give each kind once.", ctx, param)
        content[kind] = a_number(share)
    return content


def _column_1(ctx: click.Context, param: click.Parameter, stated: str | None) -> str | dict[str, str] | None:
    if stated is None or "=" not in stated:
        return stated
    rates: dict[str, str] = {}
    for one in stated.split(","):
        column, _, rate = (part.strip() for part in one.partition("="))
        if column not in {"general", "special"} or column in rates or not rate:
            raise click.BadParameter(
                f"'{stated}' is not a rate. Write one, as in 2.5%, or general=6.5%,special=free.", ctx, param
            )
        rates[column] = rate
    return rates


@click.command(
    "assess",
    epilog=examples(
        "tariffgraph assess --product 8703.23 --origin KOR --value 20000 --program KORUS",
        "tariffgraph assess --product 7326.90.86 --origin DEU --value 10000 --content steel=60%",
    ),
)
@click.option("--product", required=True, metavar="HS", help="Product: an HS code, or NAME:CODE.")
@click.option("--origin", required=True, metavar="CCC", help="Country of origin.")
@click.option("--value", required=True, type=a_number, metavar="N", help="Customs value, untaxed.")
@click.option("--importer", metavar="CCC", help="Country of entry; default: the rule set's.")
@click.option("--exporter", metavar="CCC", help="Country shipped from; default: the origin.")
@click.option("--nationality", metavar="CCC", help="Country of the producing firm; default: unknown.")
@click.option("--used-in", metavar="HS", help="Product that the good goes into.")
@click.option("--program", metavar="NAME", help="Preference claimed; taken as qualifying.")
@click.option("--declares", multiple=True, metavar="NAME[;NAME]...", help="Declaration made at the border. Repeatable.")
@click.option(
    "--content",
    multiple=True,
    callback=_content,
    metavar="KIND=X",
    help="Share of the value by kind. Repeatable.",
)
@click.option("--quantity", type=a_number, metavar="N", help="Quantity, for specific duties.")
@click.option("--unit", metavar="U", help="Unit of the quantity, as in kg.")
@click.option(
    "--column-1",
    "column_1",
    callback=_column_1,
    metavar="RATE",
    help="Base rate, where you know it: 2.5%, '50 cents/kg', or general=6.5%,special=free.",
)
@law_options
@output_options
def command(
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    settings: tuple[str, ...],
    format_: Format | None,
    out: Path | None,
    declares: tuple[str, ...],
    **facts: Any,
) -> None:
    """The duty on one entry, without a graph.

    One line a measure: what it charges, on which part of the value, or why it does not apply.
    """
    output = Output.checked(format_, out, rules=rules_paths(rules))
    import tariffgraph as tg

    entry = tg.Entry(declares=";".join(declares), **facts)
    if not rules:
        rules = default_rules()
        say(f"no rules given, so the bundled {' and '.join(rules)}")
    law = tg.read_rules(*rules).apply_settings(settings)
    duty = tg.assess(law, entry, as_of=day(as_of), known_on=known_on)
    say_findings(duty.findings)
    output.write(_document(duty, entry))


def _document(duty: Duty, entry: Entry) -> Document:
    from ..show.document import Document
    from ..show.results import entry_sheet

    fields = {"total": duty.total, "rate": duty.rate, "lines": duty.lines, "by": duty.by("action")}
    sheet = partial(entry_sheet, _title(entry, duty.meta), duty.lines, duty.rate, duty.total, duty.meta)
    return Document(duty.lines, sheet, duty.meta, fields)


def _title(entry: Entry, meta: Any) -> str:
    from ..show.results import headline

    claim = f" under {entry.program}" if entry.program else ""
    return headline(f"{entry.product} from {entry.origin}{claim}, value {entry.value:,.2f}", meta)
