"""The facts of an entry on the command line: one set of flags for every command that takes an entry."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import EntryError
from .options import a_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..customs.entry import Entry
    from ..errors import Finding

__all__ = ["check_subject", "entry_options", "stated_entry", "subject"]

Command = TypeVar("Command", bound="Callable[..., Any]")

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


def entry_options(*, required: bool) -> Callable[[Command], Command]:
    """Add the flags that state the facts of an entry; where they are ``required``, an entry has to be stated."""

    def add(command: Command) -> Command:
        for option in reversed(
            (
                _fact("--product", required=required, metavar="HS", help="Product: an HS code, or NAME:CODE."),
                _fact("--origin", required=required, metavar="CCC", help="Country of origin."),
                _fact("--value", required=required, type=a_number, metavar="N", help="Customs value, untaxed."),
                _fact("--importer", metavar="CCC", help="Country of entry; default: the rule set's."),
                _fact("--exporter", metavar="CCC", help="Country shipped from; default: the origin."),
                _fact("--nationality", metavar="CCC", help="Country of the producing firm; default: unknown."),
                _fact("--used-in", metavar="HS", help="Product that the good goes into."),
                _fact("--program", metavar="NAME", help="Preference claimed; taken as qualifying."),
                _fact(
                    "--declares",
                    multiple=True,
                    metavar="NAME[;NAME]...",
                    help="Declaration made at the border. Repeatable.",
                ),
                _fact(
                    "--content",
                    multiple=True,
                    callback=_content,
                    metavar="KIND=X",
                    help="Share of the value by kind. Repeatable.",
                ),
                _fact("--quantity", type=a_number, metavar="N", help="Quantity, for specific duties."),
                _fact("--unit", metavar="U", help="Unit of the quantity, as in kg."),
                _fact(
                    "--column-1",
                    "column_1",
                    callback=_column_1,
                    metavar="RATE",
                    help="Base rate, where you know it: 2.5%, '50 cents/kg', or general=6.5%,special=free.",
                ),
            )
        ):
            command = option(command)
        return command

    return add


def check_subject(graph: str | None, facts: dict[str, Any], of_graphs: dict[str, Any]) -> None:
    """Raise UsageError unless there is either a graph or an entry, with no option of a graph for the entry."""
    ctx = click.get_current_context()
    stated = any(fact not in (None, (), {}) for fact in facts.values()) or bool(_problems())
    if graph is None and not stated:
        raise click.UsageError(
            "there is neither a graph nor an entry. Give a GRAPH, or --product, --origin and --value.", ctx
        )
    if graph is not None and stated:
        raise click.UsageError("there is a graph, and an entry is stated as well. Give one of them.", ctx)
    for name, value in of_graphs.items():
        if graph is None and value is not None:
            raise click.UsageError(f"{name} goes with a graph, not with an entry.", ctx)


def stated_entry(**facts: Any) -> Entry:
    """Return the entry; raise with every problem of the options and of the facts that they state."""
    import tariffgraph as tg

    ctx = click.get_current_context()
    problems = _problems()
    for name in ("product", "origin", "value"):
        if facts[name] is None:
            problems.setdefault(name, f"missing option '--{name}'.")
    try:
        entry = tg.Entry(**{**facts, "declares": ";".join(facts["declares"])})
    except EntryError as error:
        # What an option could not read is missing here: that is no second problem.
        others = [str(one) for one in error.findings if one.field.partition(".")[0] not in problems]
        if not problems:
            raise
        raise click.UsageError("\n".join([*problems.values(), *others]), ctx) from None
    if problems:
        raise click.UsageError("\n".join(problems.values()), ctx)
    return entry


def subject(entry: Entry, findings: Iterable[Finding]) -> str:
    """Return in words what the duty is on; ``findings`` are those of the result, which may know no such claim."""
    claimed = entry.program and all(finding.check != "unknown-program" for finding in findings)
    claim = f" under {entry.program}" if claimed else ""
    return f"{entry.product} from {entry.origin}{claim}, value {entry.value:,.2f}"


def _problems() -> dict[str, str]:
    problems: dict[str, str] = click.get_current_context().meta.setdefault(_PROBLEMS, {})
    return problems
