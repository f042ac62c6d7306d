"""Where results go: stdout, files written whole or not at all, and what is refused before anything is computed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg


@pytest.fixture
def nothing_computed(monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("read before --out was checked")

    for name in ("read_graph", "read_rules", "propagate", "assess"):
        monkeypatch.setattr(tg, name, fail, raising=False)


INPUT = "is an input of this very command. Write elsewhere."
NOWHERE = [
    ("nowhere/result.csv", "the folder 'nowhere' does not exist."),
    ("cars", "is a folder, not a file."),
    ("us.yaml/result.csv", "'us.yaml' is a file, not a folder."),
    ("cars/../us.yaml", INPUT),
    ("fifo", "is not a regular file."),
    ("/dev/null", "is not a regular file."),
]
GRAPH_INPUTS = [(out, INPUT) for out in ("cars/stages.csv", "cars/inputs.parquet", "cars/graph.toml", "link.csv")]


@pytest.mark.usefixtures("nothing_computed")
@pytest.mark.parametrize(
    ("command", "out", "said"),
    [
        *(("propagate cars", *case) for case in NOWHERE + GRAPH_INPUTS),
        *(("assess --product 8703.80 --origin KOR --value 100", *case) for case in NOWHERE),
    ],
)
def test_what_cannot_be_written_is_said_before_computing(folder, run, command, out, said):
    (folder / "link.csv").symlink_to(folder / "cars" / "stages.csv")
    os.mkfifo(folder / "fifo")
    before = contents(folder)
    ran = run(*command.split(), *LAW, "--format", "csv", "--out", out)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(f"tariffgraph: {out}: {said}")
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["r.csv", "r.json", "r.jsonl", "r.parquet", "r.md", "r.txt", "r"])
def test_a_file_holds_what_stdout_would(folder, run, name):
    form = {"r": "table", "r.txt": "table"}.get(name, name.removeprefix("r."))
    ran = run("propagate", "cars", *LAW, "--out", name)
    said, *more = ran.err.splitlines()
    assert (ran.status, ran.out, said) == (0, "", f"tariffgraph: wrote 2 rows to {name}")
    assert len(more) == (form in {"csv", "jsonl"})
    written = (folder / name).read_bytes()
    if form != "parquet":
        assert written.decode() == run("propagate", "cars", *LAW, "--format", form).out
    assert {path.name for path in folder.iterdir()} == {"cars", "us.yaml", "kr.yaml", name}


def test_the_format_named_wins_over_the_ending(folder, run):
    run("propagate", "cars", *LAW, "--format", "csv", "--out", "result.json")
    assert (folder / "result.json").read_text().startswith("id,stage,market,value,")


def test_a_result_may_stand_beside_the_tables_it_came_from(folder, run):
    assert run("propagate", "cars", *LAW, "--out", "cars/result.csv").status == 0


def test_a_link_to_a_file_stays_a_link(folder, run):
    (folder / "old.csv").write_text("old")
    (folder / "link.csv").symlink_to("old.csv")
    assert run("propagate", "cars", *LAW, "--out", "link.csv").status == 0
    assert (folder / "link.csv").is_symlink()
    assert (folder / "old.csv").read_text().startswith("id,")


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(folder, run, monkeypatch):
    (folder / "result.csv").write_text("old")
    before = contents(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ran = run("propagate", "cars", *LAW, "--out", "result.csv")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        "tariffgraph: result.csv: cannot be written (no space left on device); what was there is unchanged. "
        "Make room or write elsewhere.\n"
    )
    assert contents(folder) == before


def test_a_file_size_limit_leaves_the_old_file_and_nothing_else(folder, outside):
    (folder / "result.json").write_text("old")
    before = contents(folder)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))  # noqa: E731
    ran = outside("propagate", "cars", *LAW, "--out", "result.json", preexec_fn=limit)
    assert (ran.returncode, ran.stdout) == (1, b"")
    assert ran.stderr.decode().startswith("tariffgraph: result.json: cannot be written (file too large)")
    assert contents(folder) == before


def test_a_full_disk_behind_stdout_is_a_sentence(folder, outside):
    with Path("/dev/full").open("wb") as full:
        ran = outside("propagate", "cars", *LAW, stdout=full)
    assert (ran.returncode, ran.stderr.decode()) == (1, "tariffgraph: stdout: No space left on device\n")


def test_a_reader_that_has_seen_enough_is_no_failure(folder, outside):
    reader, writer = os.pipe()
    os.close(reader)
    ran = outside("propagate", "cars", *LAW, "--format", "json", stdout=writer)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_closed_stdout_is_a_sentence(folder):
    ran = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m tariffgraph propagate cars {' '.join(LAW)} >&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, "tariffgraph: stdout is closed. Give --out FILE.\n")


def test_binary_goes_to_a_pipe_and_not_to_a_terminal(folder, outside):
    assert outside("propagate", "cars", *LAW, "--format", "parquet").stdout[:4] == b"PAR1"
    ran = on_a_terminal("propagate", "cars", *LAW, "--format", "parquet")
    assert "parquet is not for a terminal. Give --out FILE." in ran
    assert "PAR1" not in ran


def test_a_terminal_gets_lines_and_bold_unless_it_asks_not_to(folder):
    shown = on_a_terminal("propagate", "cars", *LAW)
    assert "─" * 40 in shown
    assert "\x1b[1m   30.05%\x1b[0m" in shown
    for plain in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown = on_a_terminal("propagate", "cars", *LAW, **plain)
        assert "\x1b" not in shown
        assert "─" * 40 in shown


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """Run the program with its output on a pseudo-terminal and return what it showed."""
    master, slave = os.openpty()
    try:
        inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        environment = {**inherited, "PYTHONUTF8": "1", "TERM": "xterm", "COLUMNS": "100", **environment}
        process = subprocess.Popen(
            [sys.executable, "-m", "tariffgraph", *arguments], stdout=slave, stderr=slave, env=environment
        )
        os.close(slave)
        shown = b""
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        process.wait(timeout=60)
    finally:
        os.close(master)
    return shown.decode()
