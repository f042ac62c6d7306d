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
from tariffgraph.bundled import datasets_folder
from tariffgraph.cli.options import FORMATS


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


def written_over(folder, run, out, *arguments):
    """Return what a command says that would write over ``out``; nothing may be computed or written."""
    before = contents(folder)
    ran = run(*arguments, "--format", "csv", "--out", out)
    assert (ran.status, ran.out) == (1, "")
    assert contents(folder) == before
    return ran.err


def test_the_rules_that_a_graph_names_are_inputs(folder, run, monkeypatch):
    (folder / "us.yaml").rename(folder / "cars" / "us.yaml")
    with (folder / "cars" / "graph.toml").open("a") as settings:
        settings.write('rules = ["us.yaml"]\n')
    monkeypatch.chdir(folder / "cars")
    monkeypatch.setattr(tg, "propagate", None)
    assert INPUT in written_over(folder, run, "us.yaml", "propagate", ".")


@pytest.mark.usefixtures("nothing_computed")
@pytest.mark.parametrize("head", ["extends: us\n", "{title: T, 'extends': us}\n", '"extends" : "us" # the law\n'])
@pytest.mark.parametrize("command", ["propagate cars", "assess --product 8703.80 --origin KOR --value 100"])
@pytest.mark.parametrize("base", ["us.yaml", "us.yml", "us/law.yaml"])
def test_what_an_overlay_extends_is_an_input(folder, run, command, head, base):
    file = folder / "o" / base
    file.parent.mkdir(parents=True)
    (folder / "us.yaml").rename(file)
    (folder / "o" / "overlay.yaml").write_text(head)
    rules = ("--rules", "o/overlay.yaml")
    assert INPUT in written_over(folder, run, f"o/{base}", *command.split(), *rules)
    if base == "us/law.yaml":
        assert "lies in the rules folder" in written_over(folder, run, "o/us/result.csv", *command.split(), *rules)


@pytest.mark.usefixtures("nothing_computed")
def test_lists_and_schedules_beside_rules_are_inputs(folder, run):
    for section in ("lists", "schedules"):
        (folder / section).mkdir()
        (folder / section / "a.csv").write_text("product\n8703\n")
        assert INPUT in written_over(folder, run, f"{section}/a.csv", "propagate", "cars", *LAW)
        said = written_over(folder, run, f"{section}/b.csv", "propagate", "cars", *LAW)
        assert f"lies in the rules folder '{section}'. Write elsewhere." in said


@pytest.mark.usefixtures("nothing_computed")
def test_a_file_that_a_table_links_to_is_an_input(folder, run):
    (folder / "cars" / "stages.csv").rename(folder / "cars" / "real.csv")
    (folder / "cars" / "stages.csv").symlink_to("real.csv")
    assert INPUT in written_over(folder, run, "cars/real.csv", "propagate", "cars", *LAW)


@pytest.mark.usefixtures("nothing_computed")
def test_the_bundled_data_is_never_written_over(folder, run):
    for name in ("codes/countries.csv", "korea-us-2025/new.csv"):
        said = written_over(folder, run, str(datasets_folder() / name), "propagate", "cars", *LAW)
        assert "lies among the bundled data sets. Write elsewhere." in said


def test_a_file_in_a_rules_folder_is_called_just_that(folder, run):
    (folder / "out").mkdir()
    said = written_over(folder, run, "out/r.csv", "propagate", "cars", "--rules", ".")
    assert said == "tariffgraph: out/r.csv: lies in the rules folder '.'. Write elsewhere.\n"
    said = written_over(folder, run, "out/r.csv", "propagate", "cars", "--rules", "")
    assert said.startswith("tariffgraph: '' is neither a file or folder nor a bundled rule set.")


def test_a_file_beside_rules_is_no_input(folder, run):
    (folder / "overlay.yaml").write_text("extends: us\n")
    assert run("propagate", "cars", "--rules", "overlay.yaml", "--out", "result.csv").status == 0


def test_a_dash_is_stdout(folder, run):
    assert run("propagate", "cars", *LAW, "--out", "-") == run("propagate", "cars", *LAW)
    assert not (folder / "-").exists()


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
    assert (ran.returncode, ran.stderr.decode()) == (
        1,
        "tariffgraph: stdout could not take all of the result (no space left on device). "
        "Make room, or give --out FILE.\n",
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments", [*(("propagate", "cars", *LAW, "--format", form) for form in FORMATS), ("datasets", "show", "us-2025")]
)
def test_a_stdout_that_takes_a_part_is_a_failure(folder, outside, monkeypatch, unbuffered, arguments):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))  # noqa: E731
    with (folder / "result").open("wb") as result:
        ran = outside(*arguments, stdout=result, preexec_fn=limit)
    assert ran.returncode == 1
    assert b"stdout could not take all of the result (file too large). Make room, or " in ran.stderr


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
