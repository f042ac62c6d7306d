"""`tariffgraph sweep`: a file of scenarios as one table, or in parts that can be stopped at any moment."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from cli.small_graph import LAW, contents

import tariffgraph as tg
from tariffgraph.scenarios import sweep as sweeps

SPEC = """\
graph: cars
rules: [us.yaml, kr.yaml]
as_of: 2025-07-02
grid:
  autos.rate: [25%, 15%, unchanged]
  mfn@CHN.rate: [free, 0.05]
"""


def without_hashes(text):
    return re.sub(r"\b[0-9a-f]{8}\b(?=;)", "HASH", text).replace(f"tariffgraph {tg.__version__}", "tariffgraph 0.1.0")


@pytest.fixture
def spec(folder):
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    return folder


def expected():
    grid = {"autos.rate": [0.25, 0.15, None], "mfn@CHN.rate": [0.0, 0.05]}
    return tg.sweep("cars", ["us.yaml", "kr.yaml"], grid, as_of="2025-07-02")


def test_one_table(spec, run):
    (spec / "spec.yaml").write_text(SPEC.replace("\n  mfn@CHN.rate: [free, 0.05]", ""), encoding="utf-8")
    ran = run("sweep", "spec.yaml")
    assert (ran.status, ran.err) == (0, "")
    # The car: 2.5% and the rate set, on it the 2% of the battery cell: (1.02)(1.275) − 1 = 30.05%.
    assert without_hashes(ran.out) == (
        "Two vehicles; rules us, kr; entries of 2025-07-02\n"
        "\n"
        "autos.rate  shipment     statutory  embedded  effective  duty, mn USD\n"
        "---------------------------------------------------------------------\n"
        "    25.00%  KR.CAR->USA     27.50%     2.00%     30.05%          30.1\n"
        "            US.VAN->USA      0.00%     0.34%      0.34%             -\n"
        "    15.00%  KR.CAR->USA     17.50%     2.00%     19.85%          19.8\n"
        "            US.VAN->USA      0.00%     0.34%      0.34%             -\n"
        " unchanged  KR.CAR->USA     27.50%     2.00%     30.05%          30.1\n"
        "            US.VAN->USA      0.00%     0.34%      0.34%             -\n"
        "\n"
        "rules us HASH; rules kr HASH; graph HASH; tariffgraph 0.1.0\n"
    )


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "json", "md"])
def test_every_format_holds_the_rows_of_tg_sweep(spec, run, form):
    ran = run("sweep", "spec.yaml", "--out", f"rows.{form}")
    assert (ran.status, ran.out) == (0, "")
    assert f"wrote 12 rows to rows.{form}" in ran.err
    read = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}
    if form in read:
        assert read[form](f"rows.{form}").cast(expected().schema).equals(expected())
    if form == "json":
        answer = json.loads((spec / "rows.json").read_text(encoding="utf-8"))
        assert answer["shipments"] == expected().to_dicts()
        assert (answer["meta"]["scenarios"], answer["meta"]["as_of"]) == (6, "2025-07-02")
        assert answer["meta"]["solver"] == {"methods": ["acyclic sweep"]}


def test_a_list_of_scenarios_with_names(spec, run):
    (spec / "spec.yaml").write_text(
        "graph: cars\nas_of: 2025-07-02\nmarket: USA\nscenarios:\n"
        "  - {name: as it is}\n"
        "  - {name: a deal, autos.rate: {top_up_to: 15%}, pass_through: 50%}\n"
        "  - {name: before, as_of: 2025-01-01}\n",
        encoding="utf-8",
    )
    rows = pl.read_csv(run("sweep", "spec.yaml", *LAW, "--format", "csv").out.encode()).filter(stage="KR.CAR")
    assert rows.select("name", "autos.rate", "as_of", "statutory_rate").rows() == [
        ("as it is", None, None, 0.275),
        ("a deal", "{top_up_to: 15%}", None, pytest.approx(0.15)),
        ("before", None, "2025-01-01", 0.025),
    ]


def test_paths_are_relative_to_the_file_and_the_command_line_may_name_others(spec, run, monkeypatch):
    elsewhere = spec / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    rows = run("sweep", "../spec.yaml", "--format", "csv")
    assert rows.status == 0
    (elsewhere / "own.yaml").write_text(SPEC.replace("graph: cars\nrules: [us.yaml, kr.yaml]\n", ""), encoding="utf-8")
    law = ("--rules", "../us.yaml", "--rules", "../kr.yaml")
    assert run("sweep", "own.yaml", "--graph", "../cars", *law, "--format", "csv") == rows
    assert "no graph is named. Write graph: NAME, or give --graph." in run("sweep", "own.yaml").err


def test_an_overlay_beside_the_file(spec, run):
    (spec / "deal.yaml").write_text("extends: us\nset: [{measure: autos, rate: 15%}]\n", encoding="utf-8")
    (spec / "spec.yaml").write_text(
        "graph: cars\nrules: [us.yaml, kr.yaml]\ngrid: {overlays: [unchanged, deal.yaml]}\n", encoding="utf-8"
    )
    rows = pl.read_csv(run("sweep", "spec.yaml", "--format", "csv").out.encode()).filter(stage="KR.CAR")
    assert rows.select("overlays", "statutory_rate").rows() == [(None, 0.275), ("deal.yaml", 0.175)]


# --- what is wrong --------------------------------------------------------------------------------------

WRONG = """\
graf: cars
graph: ../cars
rules: [us.yaml, uss.yaml]
as_of: 2025-7-2
market:
grid:
  autos.rate: [25%, 25]
  as-of: [2025-07-02]
  overlays: [/etc/passwd]
"""


def test_all_problems_of_the_file_are_told_at_once(spec, run):
    (spec / "in").mkdir()
    (spec / "in" / "wrong.yaml").write_text(WRONG, encoding="utf-8")
    before = contents(spec)
    ran = run("sweep", "in/wrong.yaml", "--out", "rows.csv")
    assert (ran.status, ran.out) == (1, "")
    assert contents(spec) == before
    assert [line.split(": ", 2)[1] for line in ran.err.splitlines()] == [
        "in/wrong.yaml:1:1",
        "in/wrong.yaml:2:8, graph",
        "in/wrong.yaml:3:9, rules",
        "in/wrong.yaml:3:18, rules",
        "in/wrong.yaml:4:8, as_of",
        "in/wrong.yaml:5:8, market",
        "in/wrong.yaml:7:21, scenario 1, autos.rate",
        "in/wrong.yaml:8:11, as-of",
        "in/wrong.yaml:9:14, overlays",
    ]
    assert "unknown key 'graf'. Did you mean 'graph'?" in ran.err
    assert "'../cars' leads out of the folder of in/wrong.yaml. Name it on the command line: --graph." in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty. Write graph: NAME, and a grid: or scenarios:."),
        ("[a]", "the file holds no mapping."),
        ("graph: cars", "there is neither a grid nor a list of scenarios."),
        (f"{SPEC}scenarios: [{{}}]", "there are both. Write grid: "),
        ("graph: cars\ngrid: [a]", "spec.yaml:2:7, grid: it has another shape. Write grid: {KEY: [VALUE, ...]}."),
        ("graph: cars\nscenarios: []", "spec.yaml:2:12, scenarios: it holds nothing."),
        ("graph: cars\nscenarios: [a]", "spec.yaml:2:13, scenario 0: 'a' is no scenario. Write KEY: VALUE."),
        (SPEC.replace("autos.rate", "auto.rate"), "spec.yaml:5:15, scenario 0, auto.rate: no measure 'auto'. Did you"),
        (
            SPEC.replace("as_of: 2025-07-02", "market: US"),
            "spec.yaml:3:9, market: nothing is shipped to the market 'US'.",
        ),
        (SPEC.replace("graph: cars", "graph: korea-us-2052"), "spec.yaml:1:8, graph: 'korea-us-2052' is neither"),
        ("graph: [cars", "spec.yaml"),
        ("graph: &a cars\ngrid: *a", "the anchor '&a' is refused."),
    ],
)
def test_a_wrong_file_is_told_with_its_line(spec, run, text, said):
    (spec / "spec.yaml").write_text(text, encoding="utf-8")
    before = contents(spec)
    ran = run("sweep", "spec.yaml", "--out", "rows")
    assert (ran.status, ran.out) == (1, "")
    assert said in ran.err
    assert contents(spec) == before


def test_a_link_out_of_the_folder_is_not_followed(spec, run):
    (spec / "in").mkdir()
    (spec / "in" / "cars").symlink_to(spec / "cars")
    (spec / "in" / "spec.yaml").write_text(SPEC.replace("[us.yaml, kr.yaml]", "us-2025"), encoding="utf-8")
    assert "'cars' leads out of the folder of in/spec.yaml." in run("sweep", "in/spec.yaml").err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--restart"], 2, "--restart goes with --out FOLDER."),
        (["--out", "parts", "--format", "csv"], 0, "wrote 12 rows to parts"),
        (
            ["--out", "cars", "--format", "csv"],
            2,
            "a folder takes Parquet, not csv. Give --out FILE.csv for one table.",
        ),
        (["--out", "cars"], 1, "cars: the folder holds other files (graph.toml, inputs.csv, shipments.csv, ...)."),
        (["--out", "spec.yaml", "--format", "csv"], 1, "spec.yaml: is an input of this very command."),
        (["--out", "us.yaml", "--format", "csv"], 1, "us.yaml: is an input of this very command."),
        (["--out", "nowhere/parts"], 1, "the folder 'nowhere' does not exist."),
        (["--max-memory", "4"], 2, "'4' is no amount of memory. Write it as in 4GB, 500MB or 2GiB."),
        (["--max-memory", "0GB"], 2, "'0GB' is no amount of memory."),
        (["--max-memory", "1MB"], 1, "1 MB are allowed, and this graph needs about"),
    ],
)
def test_what_cannot_be_done_is_said_before_computing(spec, run, arguments, status, said):
    before = contents(spec)
    ran = run("sweep", "spec.yaml", *arguments)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    if status:
        assert contents(spec) == before


# --- in parts -------------------------------------------------------------------------------------------


@pytest.fixture
def small_parts(monkeypatch):
    """One scenario a block, two blocks a part: three parts."""
    monkeypatch.setattr(sweeps, "MOST_TOGETHER", 1)
    monkeypatch.setattr(sweeps, "BLOCKS_OF_PART", 2)


PARTS = ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet", "sweep.json"]


@pytest.mark.usefixtures("small_parts")
def test_a_folder_holds_the_rows_in_parts_and_says_what_they_are(spec, run):
    ran = run("sweep", "spec.yaml", "--out", "parts")
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == "tariffgraph: 6 scenarios, 12 rows in 3 parts: parts\n"
    assert sorted(contents(spec / "parts")) == PARTS
    assert pl.read_parquet("parts/*.parquet").equals(expected())
    record = json.loads((spec / "parts" / "sweep.json").read_text(encoding="utf-8"))
    assert record["parts"] == [[1, 1]] * 3
    assert record["changes"] == {"grid": {"autos.rate": [0.25, 0.15, None], "mfn@CHN.rate": [0.0, 0.05]}}
    assert record["graph"]["hash"] == tg.read_graph("cars").hash
    meta = json.loads(pl.read_parquet_metadata("parts/part-00001.parquet")["tariffgraph"])
    assert (meta["fingerprint"], meta["part"]) == (record["fingerprint"], 1)
    assert meta["solver"] == {"methods": ["acyclic sweep"]}


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("stopped", range(4))
def test_a_sweep_that_was_stopped_goes_on_and_ends_with_the_same_bytes(spec, run, monkeypatch, stopped):
    from tariffgraph.cli import parts

    run("sweep", "spec.yaml", "--out", "whole")
    real, written = parts.write_atomically, []

    def stop(path, content):
        if len(written) == stopped:
            raise KeyboardInterrupt
        written.append(path)
        real(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(parts, "write_atomically", stop)
        ran = run("sweep", "spec.yaml", "--out", "parts")
    assert (ran.status, ran.err.strip()) == (130, "tariffgraph: interrupted")
    (spec / "parts" / ".part-00001.parquet.0123456789ab.tmp").write_bytes(b"half")  # what kill -9 may leave
    ran = run("sweep", "spec.yaml", "--out", "parts")
    assert ran.status == 0
    assert ("parts were there already" in ran.err) == (stopped > 1)
    assert contents(spec / "parts") == contents(spec / "whole")
    assert run("sweep", "spec.yaml", "--out", "parts").status == 0
    assert contents(spec / "parts") == contents(spec / "whole")


@pytest.mark.usefixtures("small_parts")
def test_a_folder_of_another_sweep_is_refused_and_restart_begins_anew(spec, run):
    run("sweep", "spec.yaml", "--out", "parts")
    before = contents(spec / "parts")
    (spec / "spec.yaml").write_text(SPEC.replace("15%", "10%"), encoding="utf-8")
    ran = run("sweep", "spec.yaml", "--out", "parts")
    assert ran.status == 1
    assert ran.err == (
        "tariffgraph: parts: the folder holds another sweep (other changes). "
        "Give another folder, or --restart to remove its parts.\n"
    )
    assert contents(spec / "parts") == before
    with (spec / "us.yaml").open("a", encoding="utf-8") as file:
        file.write("title: Another\n" if "title" not in (spec / "us.yaml").read_text() else "")
    assert run("sweep", "spec.yaml", "--out", "parts", "--restart").status == 0
    run("sweep", "spec.yaml", "--out", "whole")
    assert contents(spec / "parts") == contents(spec / "whole") != before


@pytest.mark.usefixtures("small_parts")
def test_other_rules_or_memory_are_another_sweep(spec, run):
    run("sweep", "spec.yaml", "--out", "parts")
    assert "(other max_memory)" in run("sweep", "spec.yaml", "--out", "parts", "--max-memory", "1GB").err
    us = (spec / "us.yaml").read_text(encoding="utf-8")
    (spec / "us.yaml").write_text(us.replace("3.4%", "3.5%"), encoding="utf-8")
    assert "(other rules)" in run("sweep", "spec.yaml", "--out", "parts").err


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("other", ["notes.txt", "sub/notes.txt", "part-00000.parquet"])
@pytest.mark.parametrize("restart", [[], ["--restart"]])
def test_a_folder_with_files_of_others_is_never_touched(spec, run, other, restart):
    if "part" not in other:
        run("sweep", "spec.yaml", "--out", "parts")
    (spec / "parts" / other).parent.mkdir(parents=True, exist_ok=True)
    (spec / "parts" / other).write_text("mine")
    before = contents(spec)
    ran = run("sweep", "spec.yaml", "--out", "parts", *restart)
    assert ran.status == 1
    assert f"parts: the folder holds other files ({other.replace('/notes.txt', '/')})." in ran.err
    assert contents(spec) == before


@pytest.mark.usefixtures("small_parts")
def test_a_damaged_part_is_told(spec, run):
    run("sweep", "spec.yaml", "--out", "parts")
    part = spec / "parts" / "part-00001.parquet"
    part.write_bytes((spec / "parts" / "part-00002.parquet").read_bytes())
    assert (
        "part-00001.parquet is not a part of this sweep, or is damaged."
        in run("sweep", "spec.yaml", "--out", "parts").err
    )
    part.write_bytes(b"")
    assert "--restart to begin anew" in run("sweep", "spec.yaml", "--out", "parts").err
    assert run("sweep", "spec.yaml", "--out", "parts", "--restart").status == 0


LONG = """\
graph: korea-us-2025
as_of: 2025-07-02
grid:
  as_of: [DAYS]
  ieepa-reciprocal@JPN.rate: [10%, 24%]
"""
#: a process of ours in which every block is a part
PROGRAM = """
import sys
from tariffgraph.scenarios import sweep
sweep.BLOCKS_OF_PART = 1
from tariffgraph.cli import main
main(sys.argv[1:])
"""


def _begun(folder, *arguments):
    """Start a sweep of 56 parts, and return it once it has written a few."""
    command = [sys.executable, "-c", PROGRAM, "sweep", "long.yaml", "--out", "parts", *arguments]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    while len(list(Path(folder, "parts").glob("part-*"))) < 3 and process.poll() is None:
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_stopped_for_good_goes_on(tmp_path, how):
    days = ", ".join(f"2025-{month:02}-{day:02}" for month in (7, 8) for day in range(1, 29))
    (tmp_path / "long.yaml").write_text(LONG.replace("DAYS", days), encoding="utf-8")
    process = _begun(tmp_path)
    process.send_signal(how)
    asked = time.monotonic()
    _, said = process.communicate(timeout=60)
    there = len(list((tmp_path / "parts").glob("part-*")))
    assert 3 <= there < 56
    if how == signal.SIGINT:
        assert (process.returncode, said.strip()) == (130, b"tariffgraph: interrupted")
        assert time.monotonic() - asked < 10  # within a second where nothing else runs
    for folder in ("parts", "whole"):
        command = [sys.executable, "-c", PROGRAM, "sweep", "long.yaml", "--out", folder]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        assert (f"{there} of 56 parts were there already".encode() in done.stderr) == (folder == "parts")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert len(contents(tmp_path / "whole")) == 57


def test_what_is_done_is_shown_as_a_bar(spec, run, monkeypatch):
    from contextlib import contextmanager

    from tariffgraph.cli import sweep

    told = []

    @contextmanager
    def listening():
        yield told.append

    monkeypatch.setattr(sweep, "progress", listening)
    monkeypatch.setattr(sweeps, "MOST_TOGETHER", 2)
    assert run("sweep", "spec.yaml", "--out", "parts").status == 0
    assert told == [
        "reading the graph",
        "reading the rules",
        "reading the scenarios",
        "[########................] 2 of 6 scenarios",
        "[################........] 4 of 6 scenarios",
        "[########################] 6 of 6 scenarios",
    ]


#: a process that tells how much memory it held at most
MEASURED = """
import sys
from tariffgraph.cli import main
try:
    main(sys.argv[1:])
finally:
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells in /proc")
def test_a_sweep_keeps_to_the_memory_that_is_allowed(tmp_path):
    rates = ", ".join(f"{one / 1000:.3f}" for one in range(100))
    text = LONG.replace("as_of: [DAYS]", f"s232-autos.rate: [{rates}]").replace("[10%, 24%]", f"[{rates}]")
    (tmp_path / "long.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", MEASURED, "sweep", "long.yaml", "--out", "parts", "--max-memory"]
    done = subprocess.run([*command, "350MB"], cwd=tmp_path, capture_output=True, check=True)
    assert b"10,000 scenarios, 290,000 rows in " in done.stderr
    assert int(done.stdout) * 1024 < 350_000_000
    assert len(list((tmp_path / "parts").glob("part-*"))) > 3
