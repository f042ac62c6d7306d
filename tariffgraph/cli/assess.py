"""``tariffgraph assess``: the duty on one entry, from its facts alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..errors import EntryError
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

_PROBLEMS = f"{__name__}.problems"


class _Fact(click.Option):
    """An option whose problem is told together with those of the other facts."""

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Return the value of the option; where it is none, note the problem and return None."""
        try:
            return super().process_value(ctx, value)
        except click.BadParameter as problem:
            problem.ctx, problem.param = problem.ctx or ctx, problem.param or self
            message = problem.format_message()
            ctx.meta.setdefault(_PROBLEMS, {})[self.name] = message[:1].lower() + message[1:]
            return None


_fact = partial(click.option, cls=_Fact)


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
@_fact("--product", required=True, metavar="HS", help="Product: an HS code, or NAME:CODE.")
@_fact("--origin", required=True, metavar="CCC", help="Country of origin.")
@_fact("--value", required=True, type=a_number, metavar="N", help="Customs value, untaxed.")
@_fact("--importer", metavar="CCC", help="Country of entry; default: the rule set's.")
@_fact("--exporter", metavar="CCC", help="Country shipped from; default: the origin.")
@_fact("--nationality", metavar="CCC", help="Country of the producing firm; default: unknown.")
@_fact("--used-in", metavar="HS", help="Product that the good goes into.")
@_fact("--program", metavar="NAME", help="Preference claimed; taken as qualifying.")
@_fact("--declares", multiple=True, metavar="NAME[;NAME]...", help="Declaration made at the border. Repeatable.")
@_fact(
    "--content",
    multiple=True,
    callback=_content,
    metavar="KIND=X",
    help="Share of the value by kind. Repeatable.",
)
@_fact("--quantity", type=a_number, metavar="N", help="Quantity, for specific duties.")
@_fact("--unit", metavar="U", help="Unit of the quantity, as in kg.")
@_fact(
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
    entry = _entry(declares=";".join(declares), **facts)
    if not rules:
        rules = default_rules()
        say(f"no rules given, so the bundled {' and '.join(rules)}")
    import tariffgraph as tg

    law = tg.read_rules(*rules).apply_settings(settings)
    duty = tg.assess(law, entry, as_of=day(as_of), known_on=known_on)
    say_findings(duty.findings)
    output.write(_document(duty, entry))


def _entry(**facts: Any) -> Entry:
    """Return the entry; raise with every problem of the options and of the facts that they state."""
    import tariffgraph as tg

    ctx = click.get_current_context()
    problems: dict[str, str] = ctx.meta.get(_PROBLEMS, {})
    try:
        entry = tg.Entry(**facts)
    except EntryError as error:
        if not problems:
            raise
        # What an option could not read is missing here: that is no second problem.
        others = [str(one) for one in error.findings if one.field.partition(".")[0] not in problems]
        raise click.UsageError("\n".join([*problems.values(), *others]), ctx) from None
    if problems:
        raise click.UsageError("\n".join(problems.values()), ctx)
    return entry


def _document(duty: Duty, entry: Entry) -> Document:
    from ..show.document import Document
    from ..show.results import entry_sheet

    fields = {"total": duty.total, "rate": duty.rate, "lines": duty.lines, "by": duty.by("action")}
    sheet = partial(entry_sheet, _title(duty, entry), duty.lines, duty.rate, duty.total, duty.meta)
    return Document(duty.lines, sheet, duty.meta, fields)


def _title(duty: Duty, entry: Entry) -> str:
    from ..show.results import headline

    claimed = entry.program and all(finding.check != "unknown-program" for finding in duty.findings)
    claim = f" under {entry.program}" if claimed else ""
    return headline(f"{entry.product} from {entry.origin}{claim}, value {entry.value:,.2f}", duty.meta)
