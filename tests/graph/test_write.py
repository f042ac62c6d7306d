"""Written and read again, a graph is the same; files are written whole or not at all."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, BinaryIO, Literal

import pytest
from graph.small_graphs import write_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tariffgraph.atomic import write_atomically
from tariffgraph.errors import GraphError, OutputError
from tariffgraph.graph.read import from_frames, read_graph
from tariffgraph.graph.write import write_graph

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "parquet")

# What may stand in an id and in a text for people; '\x85' and the like are control characters.
ids = st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\x1b"), min_size=1, max_size=5)
ids = ids.filter(lambda text: text == text.strip())
texts = st.none() | st.text(st.characters(exclude_categories=("Cc", "Cs"), include_characters="\n\t\x1b"), max_size=8)
fractions = st.floats(0, 1, allow_subnormal=True)
countries = st.sampled_from(["KOR", "USA", "NAM", "NOR", "ROW"])


@st.composite
def graphs(draw: st.DrawFn) -> object:
    names = draw(st.lists(ids, min_size=1, max_size=4, unique=True))
    stages = [
        {
            "stage": name,
            "country": draw(countries),
            "product": draw(st.sampled_from(["72", "0702", "8517.62", "ICIO:C29"])),
            "origin": draw(st.sampled_from([None, "tariff-shift", "CHN"])),
            "net_cost": draw(st.floats(1e-300, 1e300)),
            "note": draw(texts),
        }
        for name in names
    ]

    def flow() -> dict[str, object]:
        return {
            "program": draw(st.none() | ids),
            "drawback": draw(fractions),
            "declares": draw(st.none() | st.just("b;a")),
            "content.steel": draw(st.none() | fractions),
            "id": draw(st.sampled_from([None, None, None, f"id{draw(st.integers(0, 10**9))}"])),
            "note": draw(texts),
        }

    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=6))
    shares = draw(st.lists(st.floats(1e-300, 0.15), min_size=len(pairs), max_size=len(pairs)))
    inputs = [
        {"supplier": supplier, "user": user, "share": share} | flow()
        for (supplier, user), share in zip(pairs, shares, strict=True)
    ]
    shipments = [
        {"stage": draw(st.sampled_from(names)), "market": draw(countries)}
        | {"value": draw(st.none() | st.floats(0, 1e300))}
        | flow()
        for _ in range(draw(st.integers(0, 4)))
    ]
    try:
        return from_frames(stages, inputs, shipments, title=draw(texts) or "", regions={"ROW": draw(ids)})
    except GraphError as problem:  # two names may look alike, or two ids be the same
        if all("looks like" in str(one) or "already there" in str(one) for one in problem.findings):
            return None
        raise


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs())
def test_a_graph_that_is_written_and_read_is_the_same(graph, tmp_path_factory: pytest.TempPathFactory) -> None:
    if graph is None:
        return
    for kind in FORMATS:
        folder = write_graph(graph, tmp_path_factory.mktemp("graph") / "out", kind)
        other = read_graph(folder)
        for name in ("stages", "inputs", "shipments"):
            assert getattr(other, name).equals(getattr(graph, name)), name
        assert (other.hash, other.title, other.regions) == (graph.hash, graph.title, graph.regions)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shares=st.lists(st.floats(5e-324, 0.1), min_size=1, max_size=9))
def test_shares_read_back_bit_for_bit(shares: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    inputs = "supplier,user,share\n" + "".join(f"mine,mill,{share!r}\n" for share in shares)
    graph = read_graph(write_folder(tmp_path_factory.mktemp("graph") / "in", inputs=inputs))
    assert graph.inputs["share"].to_list() == sorted(shares)
    mill = graph.stages["value_added"][1]
    assert mill == 1.0 - math.fsum(shares)


def test_columns_that_hold_their_default_are_left_out(tmp_path: Path) -> None:
    toml = 'title = "Cars \\"25\\""\nyear = 2025\nrules = ["us-2025"]\nas_of = 2025-07-02\n[regions]\nROW = "rest"\n'
    graph = read_graph(write_folder(tmp_path / "graph", toml=toml))
    folder = graph.write(tmp_path / "out")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "stages.csv": "stage,country,product,value_added\ncar,KOR,8703.23,0.9\nmill,KOR,7208,0.55\nmine,AUS,2601,1.0\n",
        "inputs.csv": "supplier,user,share\nmill,car,0.1\nmine,mill,0.45\n",
        "shipments.csv": "stage,market,value\ncar,USA,100.0\n",
        "graph.toml": 'title = "Cars \\"25\\""\nyear = 2025\nrules = ["us-2025"]\nas_of = 2025-07-02\n\n'
        '[regions]\n"ROW" = "rest"\n',
    }
    again = read_graph(folder)
    assert (again.title, again.default_as_of, again.hash) == ('Cars "25"', graph.default_as_of, graph.hash)


def test_a_graph_without_settings_takes_old_ones_away(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", toml="negative_final_demand = true\n")
    graph = read_graph(folder).replace(negative_final_demand=False)
    assert read_graph(graph.write(folder)).hash == graph.hash


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda folder: folder.write_text("x"), "is a file, not a folder. Give a folder."),
        (lambda folder: folder.symlink_to("nowhere"), "is a file, not a folder. Give a folder."),
        (
            lambda folder: write_folder(folder).joinpath("inputs.parquet").write_bytes(b""),
            "the folder already holds inputs.parquet, and a table in both formats cannot be read. "
            "Take it out, or write to a new folder.",
        ),
        (
            lambda folder: (folder.mkdir(), (folder / "shipments.csv").mkdir()),
            "is a folder, not a file. Give the path of a file in it.",
        ),
    ],
)
def test_what_cannot_be_written_is_said_before_writing(prepare, message: str, tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    target = tmp_path / "out"
    prepare(target)
    before = sorted(path for path in tmp_path.rglob("*") if "out" in str(path))
    with pytest.raises(OutputError) as caught:
        graph.write(target)
    assert message in str(caught.value)
    assert sorted(path for path in tmp_path.rglob("*") if "out" in str(path)) == before


def test_the_folder_above_must_exist(tmp_path: Path) -> None:
    graph = read_graph(write_folder(tmp_path / "graph"))
    with pytest.raises(OutputError, match=r"the folder '.*no' does not exist\. Make it first, or write elsewhere\."):
        graph.write(tmp_path / "no" / "out")
    with pytest.raises(OutputError, match=r"'xls' is not a format\. Choose csv or parquet\."):
        graph.write(tmp_path / "out", "xls")  # type: ignore[arg-type]


# --- files, whole or not at all -------------------------------------------------------------------------


def test_a_file_takes_the_place_of_the_old_one_with_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o640)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    write_atomically(tmp_path / "link.csv", b"new")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"new"


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    unnamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not unnamed:
        monkeypatch.setattr("tariffgraph.atomic._open_unnamed", lambda folder: None)
    path = tmp_path / "a.csv"
    path.write_text("old")

    def half(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(28, os.strerror(28))

    with pytest.raises(OutputError) as caught:
        write_atomically(path, half)
    assert str(caught.value) == (
        f"{path}: cannot be written (no space left on device); what was there is unchanged. "
        "Make room or write elsewhere."
    )
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, lambda file: (_ for _ in ()).throw(KeyboardInterrupt))
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.csv": "old"}
    write_atomically(path, lambda file: file.write(b"new"))
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.csv": "new"}


def test_a_limit_on_the_size_of_files_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    program = (
        "import resource, sys; from tariffgraph.atomic import write_atomically;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); write_atomically(sys.argv[1], bytes(10**6))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert "cannot be written (file too large); what was there is unchanged" in done.stderr
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.csv": "old"}


@pytest.mark.skipif(sys.platform != "linux", reason="files without a name are there on Linux")
def test_a_killed_process_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    program = (
        "import sys, time; from tariffgraph.atomic import write_atomically\n"
        "def slowly(file):\n    file.write(bytes(10**6)); file.flush(); print('half', flush=True); time.sleep(60)\n"
        "write_atomically(sys.argv[1], slowly)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        process.send_signal(signal.SIGKILL)
    time.sleep(0.05)
    assert {one.name: one.read_text() for one in tmp_path.iterdir()} == {"a.csv": "old"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/a.csv", "does not exist. Make it first, or write elsewhere."),
        ("file/a.csv", "is a file, not a folder. Give a path in a folder."),
        (".", "is a folder, not a file. Give the path of a file in it."),
        ("pipe", "is not a regular file. Give the path of a file."),
        ("a\0b", "cannot be written (embedded null byte). Give the path of a file."),
    ],
)
def test_a_path_that_is_none_is_refused_untouched(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError) as caught:
        write_atomically(tmp_path / name, b"new")
    assert message in str(caught.value)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "pipe"]
