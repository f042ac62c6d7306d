"""``tariffgraph assess``: the duty on one entry, from its facts alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .entry import entry_options, stated_entry, subject
from .messages import say_findings
from .options import examples, law_options, output_options
from .output import Output
from .sources import day, read_law, rules_paths

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ..customs.duty import Duty
    from ..customs.entry import Entry
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


@click.command(
    "assess",
    epilog=examples(
        "tariffgraph assess --product 8703.23 --origin KOR --value 20000 --program KORUS",
        "tariffgraph assess --product 7326.90.86 --origin DEU --value 10000 --content steel=60%",
    ),
)
@entry_options(required=True)
@law_options
@output_options
def command(
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    settings: tuple[str, ...],
    format_: Format | None,
    out: Path | None,
    **facts: Any,
) -> None:
    """The duty on one entry, without a graph.

    One line a measure: what it charges, on which part of the value, or why it does not apply.
    """
    output = Output.checked(format_, out, rules=rules_paths(rules))
    entry = stated_entry(**facts)
    law = read_law(rules).apply_settings(settings)
    import tariffgraph as tg

    duty = tg.assess(law, entry, as_of=day(as_of), known_on=known_on)
    say_findings(duty.findings)
    output.write(_document(duty, entry))


def _document(duty: Duty, entry: Entry) -> Document:
    from ..show.document import Document
    from ..show.results import entry_sheet, headline

    fields = {"total": duty.total, "rate": duty.rate, "lines": duty.lines, "by": duty.by("action")}
    sheet = partial(
        entry_sheet, headline(subject(entry, duty.findings), duty.meta), duty.lines, duty.rate, duty.total, duty.meta
    )
    return Document(duty.lines, sheet, duty.meta, fields)
