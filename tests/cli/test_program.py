"""The program itself: what it loads, its help, its exit status, and that no failure ends in a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tariffgraph
from tariffgraph.cli import program as cli
from tariffgraph.errors import Finding, GraphError, UnknownNameError

HELP = Path(__file__).parent / "help"
REPORT = "Please report it, with the command; TARIFFGRAPH_TRACEBACK=1 shows where it happened."
COMMANDS = ["", *cli.COMMANDS, "datasets show", "datasets copy", "rules list", "rules show", "rules diff"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help(run, command, option):
    # `COLUMNS=100 tariffgraph COMMAND --help > tests/cli/help/COMMAND.txt` after a change that is meant.
    expected = (HELP / f"{command.replace(' ', '-') or 'tariffgraph'}.txt").read_text(encoding="utf-8")
    ran = run(*command.split(), option)
    assert (ran.status, ran.out, ran.err) == (0, expected, "")


def test_the_first_lines_in_the_help_are_those_of_the_commands():
    context = click.Context(cli.program)
    for name, first in cli.COMMANDS.items():
        assert cli.program.get_command(context, name).get_short_help_str(200) == first


OURS = ["tariffgraph", "tariffgraph._version", "tariffgraph.cli"]
PROGRAM = sorted([*OURS, "tariffgraph.cli.messages", "tariffgraph.cli.program", "tariffgraph.errors"])


@pytest.mark.parametrize(
    ("statement", "others", "ours"),
    [
        ("import tariffgraph", [], OURS[:2]),
        ("import tariffgraph.cli", [], OURS),
        ("from tariffgraph.cli import main; main(['--help'])", ["click"], PROGRAM),
        ("from tariffgraph.cli import main; main(['--version'])", ["click"], PROGRAM),
    ],
)
def test_help_and_import_load_nothing_but_click_and_the_standard_library(statement, others, ours):
    code = (
        "import sys\nbefore = set(sys.modules)\n"
        f"try:\n    {statement}\nexcept SystemExit: pass\n"
        "loaded = set(sys.modules) - before\n"
        "packages = {name.partition('.')[0] for name in loaded} - set(sys.stdlib_module_names) - {'tariffgraph'}\n"
        "ours = sorted(name for name in loaded if name.partition('.')[0] == 'tariffgraph')\n"
        "print(sorted(packages), ours, file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr == f"{others} {ours}\n"


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_the_help_of_a_command_loads_no_frames(command):
    code = (
        "import sys\nfrom tariffgraph.cli import main\n"
        f"try:\n    main(['{command}', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = ('polars', 'numpy', 'numba', 'pydantic', 'yaml', 'networkx')\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == "[]\n"


def test_version(run, outside):
    assert run("--version").out == f"tariffgraph {tariffgraph.__version__}\n"
    assert outside("--version").stdout.decode() == f"tariffgraph {tariffgraph.__version__}{os.linesep}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["propogate"],
            "tariffgraph: there is no command 'propogate'. Did you mean 'propagate'?\n"
            "tariffgraph: See 'tariffgraph --help'.\n",
        ),
        (
            ["x\x1b[31m"],
            f"tariffgraph: there is no command 'x\\u001b[31m'. Commands: {', '.join(cli.COMMANDS)}.\n"
            "tariffgraph: See 'tariffgraph --help'.\n",
        ),
        (
            ["propagate", "--as-of", "09/07/2025"],
            "tariffgraph: invalid value for '--as-of': '09/07/2025' can be read in more than one way. "
            "Write 2025-07-09 or 2025-09-07.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "--known-on", "2025-02-30"],
            "tariffgraph: invalid value for '--known-on': '2025-02-30' is not a day of the calendar. "
            "Write a day that exists, as YYYY-MM-DD.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "--pass-through", "1.5"],
            "tariffgraph: invalid value for '--pass-through': '1.5' is not between 0 and 1. "
            "Write a share, as in 0.5 or 50%.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "--pass-through", "0,5"],
            "tariffgraph: invalid value for '--pass-through': '0,5' has a comma for a decimal point. Write 0.5.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "--out", "result.xlsx"],
            "tariffgraph: no format ends in '.xlsx'. "
            "End the file in .csv, .json, .jsonl, .parquet, .md or .txt, or give --format.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["assess", "--product", "8703", "--origin", "KOR", "--value", "1", "--content", "steel"],
            "tariffgraph: invalid value for '--content': 'steel' is not KIND=X. "
            "Write a kind and its share, as in steel=40%.\n"
            "tariffgraph: See 'tariffgraph assess --help'.\n",
        ),
        (
            ["assess", "--product", "8703", "--origin", "KOR", "--value", "1", "--column-1", "genral=1%"],
            "tariffgraph: invalid value for '--column-1': 'genral=1%' is not a rate. "
            "Write one, as in 2.5%, or general=6.5%,special=free.\n"
            "tariffgraph: See 'tariffgraph assess --help'.\n",
        ),
        (
            ["propagate", "--rules"],
            "tariffgraph: option '--rules' requires an argument.\ntariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "--out", ""],
            "tariffgraph: invalid value for '--out': it is empty. Give the path of a file, or - for stdout.\n"
            "tariffgraph: See 'tariffgraph propagate --help'.\n",
        ),
        (
            ["propagate", "korea-us-2025", "--set", "s232-autos.rate=25"],
            "tariffgraph: --set s232-autos.rate=25, rate: '25' can be read in two ways. 25% or 0.25?\n",
        ),
        (
            ["datasets", "lst"],
            "tariffgraph: there is no command 'lst'. Commands: copy, show.\n"
            "tariffgraph: See 'tariffgraph datasets --help'.\n",
        ),
        (
            ["datasets", "shw", "us-2025"],
            "tariffgraph: there is no command 'shw'. Did you mean 'show'?\n"
            "tariffgraph: See 'tariffgraph datasets --help'.\n",
        ),
        (["check"], "tariffgraph: missing argument 'GRAPH|RULES...'.\ntariffgraph: See 'tariffgraph check --help'.\n"),
        (
            ["datasets", "--format", "csv", "show", "x"],
            "tariffgraph: 'show' takes no --format and no --out.\ntariffgraph: See 'tariffgraph datasets --help'.\n",
        ),
    ],
)
def test_usage_is_status_2_and_says_what_to_write(run, arguments, said):
    ran = run(*arguments)
    assert (ran.status, ran.out, ran.err) == (2, "", said)


@pytest.mark.parametrize("arguments", [["--by", "measures"], ["--format", "xml"], ["--rule", "x"]])
def test_unknown_options_and_words_are_status_2(run, arguments):
    ran = run("propagate", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (
            GraphError(Finding("a share is 25", "Write 0.25.", file="inputs.csv", line=3)),
            1,
            "inputs.csv:3: a share is 25. Write 0.25.\n",
        ),
        (UnknownNameError("no measure 'x'"), 2, "no measure 'x'.\n"),
        (MemoryError(), 1, "there is not enough memory for this\n"),
        (FileNotFoundError(2, "No such file or directory", "a\x1bb"), 1, "a\\u001bb: No such file or directory\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (BrokenPipeError(), 0, ""),
        (
            RecursionError("deep"),
            1,
            f"this is a bug in tariffgraph (RecursionError: deep). {REPORT}\n",
        ),
        (
            ValueError(),
            1,
            f"this is a bug in tariffgraph (ValueError). {REPORT}\n",
        ),
    ],
)
def test_every_failure_is_a_sentence_on_stderr(run, monkeypatch, failure, status, said):
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(cli, "_invoke", fail)
    ran = run("propagate")
    assert (ran.status, ran.out, ran.err) == (status, "", f"tariffgraph: {said}" if said else "")


def test_many_problems_are_counted_after_the_first_twenty(run, monkeypatch):
    def fail(*_: object) -> None:
        raise GraphError(Finding(f"problem {number}") for number in range(25))

    monkeypatch.setattr(cli, "_invoke", fail)
    lines = run().err.splitlines()
    assert lines[19:] == ["tariffgraph: problem 19.", "tariffgraph: ... and 5 more problems."]


def test_the_traceback_is_there_for_who_asks(monkeypatch):
    monkeypatch.setenv("TARIFFGRAPH_TRACEBACK", "1")
    monkeypatch.setattr(cli, "_invoke", lambda arguments: {}["x"])
    with pytest.raises(KeyError):
        cli.run([])


def test_an_interrupt_while_commands_load_is_status_130(run, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupt)
    assert run().status == 130


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_a_long_computation_with_status_130(tmp_path):
    code = (
        "import sys, time\nimport tariffgraph.cli.program as cli\n"
        "def slow(ctx):\n    print('ready', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "cli.program.invoke = slow\n"
        "from tariffgraph.cli import main\nmain(['propagate'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "tariffgraph: interrupted")


def test_no_command_is_usage_and_shows_the_help(outside):
    ran = outside()
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.decode() == (HELP / "tariffgraph.txt").read_text(encoding="utf-8")
