"""What is said on stderr."""

from __future__ import annotations

import io
import sys
import time

import pytest

from tariffgraph.cli import messages
from tariffgraph.errors import Finding


def test_every_line_bears_the_name_and_nothing_a_terminal_would_obey(capsys):
    messages.say("one\x1b[31m\ntwo\x9b")
    assert capsys.readouterr() == ("", "tariffgraph: one\\u001b[31m\ntariffgraph: two\\u009b\n")


def test_findings_are_told_and_those_that_are_many_are_counted(capsys):
    few = [Finding(f"few {n}", severity="note", check="few") for n in range(3)]
    many = [Finding(f"many {n}", severity="warning", check="many") for n in range(5)]
    messages.say_findings([*many, *few], where="; see tariffgraph check cars")
    assert capsys.readouterr().err == (
        "tariffgraph: warning: many 0. (4 more like it; see tariffgraph check cars)\n"
        "tariffgraph: note: few 0.\n"
        "tariffgraph: note: few 1.\n"
        "tariffgraph: note: few 2.\n"
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "term", "seconds", "shown"),
    [
        (Terminal, "xterm", 0.3, True),
        (Terminal, "xterm", 0, False),
        (Terminal, "dumb", 0.3, False),
        (io.StringIO, "xterm", 0.3, False),
    ],
)
def test_progress_is_shown_on_a_terminal_when_work_is_long(monkeypatch, stream, term, seconds, shown):
    monkeypatch.setattr(messages, "_LONG", 0.05)
    monkeypatch.setenv("TERM", term)
    stderr = stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    with messages.progress() as step:
        step("reading the graph")
        time.sleep(seconds)
    said = stderr.getvalue()
    assert ("reading the graph (0 s)" in said) == shown
    assert said.endswith("\r\x1b[K") == shown


def test_progress_ends_when_the_work_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(KeyError), messages.progress():
        raise KeyError
