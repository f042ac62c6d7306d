"""What is said on stderr: messages, findings, and where long work stands."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..errors import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..errors import Finding

__all__ = ["progress", "say", "say_findings"]

_SHOWN_OF_A_CHECK = 3
_LONG = 1.5


def say(message: str) -> None:
    """Write a message to stderr, each line after the program's name, neutral whatever it quotes."""
    for line in message.splitlines():
        click.echo(f"tariffgraph: {visible(line, 2000)}", err=True)


def say_findings(findings: Sequence[Finding], where: str = "") -> None:
    """Write findings to stderr; where a check has many, its first and how many more there are."""
    for finding, more in _summary(findings):
        tail = f" ({more} more like it{where})" if more else ""
        say(f"{finding.severity}: {finding}{tail}")


def _summary(findings: Sequence[Finding]) -> list[tuple[Finding, int]]:
    by_check: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        by_check.setdefault((finding.severity, finding.check), []).append(finding)
    summary: list[tuple[Finding, int]] = []
    for group in by_check.values():
        shown = group if len(group) <= _SHOWN_OF_A_CHECK else group[:1]
        summary += [(finding, len(group) - len(shown)) for finding in shown]
    return summary


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Show on a terminal's stderr which step long work is at; nothing for short work or in a pipe.

    Yields the function that names the step.
    """
    step = "starting"

    def name(what: str) -> None:
        nonlocal step
        step = what

    if sys.stderr is None or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield name
        return
    began, done = time.monotonic(), threading.Event()

    def watch() -> None:
        written = False
        while not done.wait(_LONG if not written else 0.5):
            click.echo(f"\r\x1b[K{step} ({time.monotonic() - began:.0f} s)", err=True, nl=False)
            written = True
        if written:
            click.echo("\r\x1b[K", err=True, nl=False)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield name
    finally:
        done.set()
        thread.join()
