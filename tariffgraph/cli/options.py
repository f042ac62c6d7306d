"""Options that commands share, and the kinds of values that they take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..codes import CodeProblem, parse_date, parse_number
from ..errors import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from ..show.formats import Format

__all__ = [
    "FORMATS",
    "KEYS",
    "KEYS_OF_AVERAGES",
    "KEYS_OF_LAW",
    "a_date",
    "a_file",
    "a_number",
    "a_share",
    "as_of_option",
    "examples",
    "known_on_option",
    "law_options",
    "market_option",
    "output_options",
    "pass_through_option",
    "rules_option",
    "set_option",
]

#: The formats of :mod:`tariffgraph.show.formats`, written out so that `--help` does not load polars.
FORMATS: tuple[Format, ...] = ("table", "csv", "json", "jsonl", "parquet", "md")

#: What a result can be split by (:data:`tariffgraph.incidence.attribution.KEYS`), for the same reason.
KEYS = ("measure", "action", "authority", "crossing", "importer", "exporter", "origin", "product", "depth")

#: What averages can be taken by (:mod:`tariffgraph.incidence.averages`), and what of the law can be left out.
KEYS_OF_LAW = ("measure", "action", "authority")
KEYS_OF_AVERAGES = ("market", "exporter", "product", *KEYS_OF_LAW)

Command = TypeVar("Command", bound="Callable[..., Any]")


def a_date(text: str) -> date:
    """Return the date that the option says."""
    try:
        return parse_date(text)
    except CodeProblem as problem:
        raise click.BadParameter(str(problem)) from None


def a_number(text: str) -> float:
    """Return the number that the option says."""
    try:
        return parse_number(text)
    except CodeProblem as problem:
        raise click.BadParameter(str(problem)) from None


def a_share(text: str) -> float:
    """Return the number from 0 to 1 that the option says."""
    number = a_number(text)
    if not 0 <= number <= 1:
        raise click.BadParameter(f"'{visible(text)}' is not between 0 and 1. Write a share, as in 0.5 or 50%.")
    return number


def a_file(text: str) -> Path | None:
    """Return the file that the option names; None, which is stdout, for "-"."""
    if not text:
        raise click.BadParameter("it is empty. Give the path of a file, or - for stdout.")
    return None if text == "-" else Path(text)


def examples(*lines: str) -> str:
    """Return the examples at the end of a command's help, a line each."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


rules_option = click.option(
    "--rules",
    multiple=True,
    metavar="RULES",
    help="Rule set or overlay: file, folder or bundled name. Repeatable; replaces the defaults.",
)
as_of_option = click.option(
    "--as-of", type=a_date, metavar="DATE", help="The law for entries on this day (YYYY-MM-DD)."
)
known_on_option = click.option(
    "--known-on", type=a_date, metavar="DATE", help="Leave out what was published later than this day."
)
market_option = click.option("--market", metavar="CCC", help="Only shipments to this market.")
pass_through_option = click.option(
    "--pass-through",
    type=a_share,
    metavar="X",
    help="Part of every duty that reaches the buyer's price, from 0 to 1.",
)
set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="ID[@CCC].FIELD=VALUE",
    help="Change a measure or action for this run; @CCC for one country or group. Repeatable.",
)


def law_options(command: Command) -> Command:
    """Add the options that say under which law: ``--rules``, ``--as-of``, ``--known-on``, ``--set``."""
    for option in (set_option, known_on_option, as_of_option, rules_option):
        command = option(command)
    return command


def output_options(command: Command) -> Command:
    """Add ``--format`` and ``--out``."""
    for option in reversed(
        (
            click.option(
                "--format",
                "format_",
                type=click.Choice(FORMATS),
                help="Default: what --out ends in, else table. table and md round; the others do not.",
            ),
            click.option(
                "--out",
                type=a_file,
                metavar="FILE",
                help="Write to this file, whole or not at all, instead of stdout.",
            ),
        )
    ):
        command = option(command)
    return command
