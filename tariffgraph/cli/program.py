"""The program ``tariffgraph``: commands loaded when called, and what each failure becomes."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from .._version import __version__
from ..errors import RulesError, TariffGraphError, nearest, visible
from .messages import say

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Group", "program", "run"]

#: The commands in the order of the help, each with its first line; `tariffgraph --help` loads none of them.
COMMANDS = {
    "propagate": "Effective tariff incidence of every final good.",
    "assess": "The duty on one entry, without a graph.",
    "explain": "One final good's rate, border by border and line by line.",
    "compare": "What changes between two laws, by how much, and under which measure.",
    "timeline": "Every date on which an answer changes, and why.",
    "sweep": "Rates of every shipment in every scenario of a grid or a list.",
    "rules": "What rule sets say, and what two of them say differently.",
    "check": "Check production graphs and rule sets.",
    "convert": "Turn official lists and tariffs into files of a rule set.",
    "datasets": "The bundled production graphs and rule sets.",
}


class Group(click.Group):
    """A group that says which command is nearest when there is none of a name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` names; say which name is nearest when there is none."""
        name, commands = args[0], self.list_commands(ctx)
        if name not in commands and not name.startswith("-"):
            near = nearest(name, commands)
            remedy = f"Did you mean '{near}'?" if near else f"Commands: {', '.join(commands)}."
            raise click.UsageError(f"there is no command '{visible(name)}'. {remedy}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a usage error that click raises without one gets the command whose help to see."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand
            if error.ctx is None and name is not None and (command := self.get_command(ctx, name)) is not None:
                error.ctx = click.Context(command, ctx, name)
            raise


class LazyGroup(Group):
    """A group whose commands are modules of this package, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command, importing its module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands and their first lines."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    "tariffgraph",
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Results go to stdout, all else to stderr. "
    "Exit status: 0 done, 1 the input is wrong, 2 usage, 130 interrupted.",
)
@click.version_option(__version__, prog_name="tariffgraph", message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> int | None:
    """Follow tariffs through supply chains.

    A production graph and the law of a day give, for every final good that crosses a border, the
    effective tariff incidence: what the last border charges, what arrives embedded from upstream, and in
    all. Begin with: tariffgraph propagate
    """
    if ctx.invoked_subcommand is not None:
        return None
    click.echo(ctx.get_help(), err=True)
    return 2


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; no exception but KeyboardInterrupt leaves."""
    try:
        status = _invoke(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BaseException as error:
        if os.environ.get("TARIFFGRAPH_TRACEBACK"):
            raise
        status = _explain(error)
        _abandon_stdout()
    return status


def _invoke(arguments: Sequence[str] | None) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter gets its code point.
        sys.stdout.reconfigure(errors="backslashreplace")
    status = program.main(arguments, prog_name="tariffgraph", standalone_mode=False)
    return status if isinstance(status, int) else 0


def _explain(error: BaseException) -> int:
    """Say in a sentence what went wrong, and return the exit status it deserves."""
    status, message = _verdict(error)
    # With stderr gone too there is nobody left to tell.
    with contextlib.suppress(OSError, ValueError):
        if message:
            say(message)
    return status


def _verdict(error: BaseException) -> tuple[int, str]:
    match error:
        case RulesError() if all(finding.file.startswith("--set ") for finding in error.findings):
            return 2, str(error)
        case TariffGraphError():
            return error.exit_code, str(error)
        case KeyboardInterrupt() | click.Abort():
            return 130, "interrupted"
        case SystemExit():
            return (error.code if isinstance(error.code, int) else 1), ""
        case click.UsageError():
            return 2, _usage(error)
        case click.ClickException():
            return 1, error.format_message()
        case BrokenPipeError():
            return 0, ""  # the reader has seen enough
        case OSError():
            return 1, ": ".join(visible(str(part), 400) for part in (error.filename, error.strerror or error) if part)
        case MemoryError():
            return 1, "there is not enough memory for this"
        case _:
            found = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return 1, (
                f"this is a bug in tariffgraph ({visible(found, 200)}). Please report it, with the command; "
                "TARIFFGRAPH_TRACEBACK=1 shows where it happened."
            )


def _usage(error: click.UsageError) -> str:
    message = error.format_message()
    message = message[:1].lower() + message[1:]
    path = error.ctx.command_path if error.ctx is not None else "tariffgraph"
    return f"{message}\nSee '{path} --help'."


def _abandon_stdout() -> None:
    # What is still buffered must not fail a second time when Python shuts down.
    stdout = sys.__stdout__
    if stdout is not None and sys.stdout is stdout:
        with contextlib.suppress(OSError, ValueError):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, stdout.fileno())
            os.close(sink)
