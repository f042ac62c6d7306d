"""``tariffgraph convert``: official lists and the Harmonized Tariff Schedule as files of a rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import Finding, TariffGraphError, visible
from .messages import progress, say
from .options import a_date, examples

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from ..official import Conversion, Converted
    from ..official.convert import Kind

__all__ = ["command"]

_LINES_SHOWN = 8


@click.command(
    "convert",
    epilog=examples(
        "tariffgraph convert hts_2025_basic_edition.csv --name hts-2025 --out my-rules/schedules",
        "tariffgraph convert s232_annex_products.csv --published 2026-04-02 --out my-rules/lists",
        "tariffgraph convert s301_product_lists.csv --by list --by ch99_code --out my-rules/lists",
        "tariffgraph convert parts.txt --from 2025-05-03 --out my-rules/lists/s232-auto-parts.csv",
    ),
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--out", required=True, metavar="FOLDER|FILE", help="Folder for the files, or FILE.csv for a single one.")
@click.option(
    "--kind", type=click.Choice(["list", "schedule"]), help="What the sources are; default: told by the header."
)
@click.option("--name", metavar="NAME", help="What the names of the files begin with; default: that of the source.")
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="One list for each value of this column. Repeatable; none: one list a source. Default: the legal list, annex, "
    "type or category.",
)
@click.option("--from", "from_", type=a_date, metavar="DATE", help="First day of list lines that have none.")
@click.option("--published", type=a_date, metavar="DATE", help="Day of publication of list lines that have none.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def command(
    sources: tuple[str, ...],
    out: str,
    kind: Kind | None,
    name: str | None,
    by: tuple[str, ...],
    from_: date | None,
    published: date | None,
    force: bool,
) -> None:
    """Turn official lists and tariffs into files of a rule set.

    SOURCE is the Harmonized Tariff Schedule as CSV, or a list of tariff lines as CSV or text. The tariff becomes a
    schedule: rates inherited down its indents, special rates in a column a program symbol. A list becomes a list file
    for each legal list in it. What no file can say is reported on stderr, with its lines; it is never left out
    silently.
    """
    if name is not None and len(sources) > 1:
        raise click.UsageError("--name is for a single source. Convert them one by one.", click.get_current_context())
    if by and "none" in by and len(by) > 1:
        raise click.UsageError("--by none stands alone.", click.get_current_context())
    columns = None if not by else [column for column in by if column != "none"]
    from ..official import check_out, convert, write

    check_out(out)
    conversions: list[Conversion] = []
    problems: list[Finding] = []
    with progress() as step:
        for source in sources:
            step(f"converting {visible(source)}")
            try:
                conversions.append(convert(source, kind, by=columns, name=name, from_=from_, published=published))
            except TariffGraphError as error:
                problems += error.findings
                failure = type(error)
    if problems:
        raise failure(problems)
    tables = [table for conversion in conversions for table in conversion.tables]
    _check_for_twins(tables)
    paths = write(tables, out, force=force, inputs=sources)
    for conversion in conversions:
        _say_what_is_not_there(conversion.findings)
    for table, path in zip(tables, paths, strict=True):
        rows = len(table.rows)
        say(f"wrote the {table.kind} of {rows} line{'' if rows == 1 else 's'} to {visible(str(path), 400)}")


def _check_for_twins(tables: Iterable[Converted]) -> None:
    """Raise when two sources would make files of one name."""
    names: set[str] = set()
    for table in tables:
        if table.name in names:
            message = f"two sources make a file {table.name}.csv"
            raise click.UsageError(f"{message}. Convert them one by one, with --name.", click.get_current_context())
        names.add(table.name)


def _say_what_is_not_there(findings: Iterable[Finding]) -> None:
    """Say each kind of finding once, with how often and in which lines."""
    by_check: dict[str, list[Finding]] = {}
    for finding in findings:
        by_check.setdefault(finding.check, []).append(finding)
    for first, *more in by_check.values():
        tail = ""
        if more:
            lines = [str(line) for line in dict.fromkeys(one.line for one in more)]
            rest = ", ..." if len(lines) > _LINES_SHOWN else ""
            tail = f" {len(more)} more like it, line{'' if len(lines) == 1 else 's'} "
            tail += f"{', '.join(lines[:_LINES_SHOWN])}{rest}."
        say(f"{first.severity}: {first}{tail}")
