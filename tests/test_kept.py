"""What is kept on disk: the same bits mapped back, and nothing but work lost where a file or a folder is not right."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tariffgraph as tg
from tariffgraph import kept as store
from tariffgraph import problem as problems
from tariffgraph.core.structure import Structure
from tariffgraph.kept import keep, kept

ARRAYS = {
    "first": np.arange(7, dtype=np.uint64),
    "share": np.linspace(0.0, 1.0, 5),
    "cycles": np.zeros((0, 2), np.int64),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TARIFFGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(store, "LEFT_FREE", 0.0)
    return tmp_path / "cache" / "arrays"


def only_file(folder):
    (file,) = folder.iterdir()
    return file


def test_arrays_come_back_as_they_were_kept_and_cannot_be_changed(folder):
    assert kept("one") is None
    keep("one", ARRAYS)
    found = kept("one")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()
        assert not found[name].flags.writeable
    assert kept("two") is None
    assert folder.stat().st_mode & 0o777 == 0o700


def test_every_single_flipped_byte_is_noticed(folder):
    keep("one", ARRAYS)
    file = only_file(folder)
    data = file.read_bytes()
    padding = 0
    for place in range(len(data)):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        padding += kept("one") is not None  # between the arrays, where nothing is held
    assert padding < 64 * len(ARRAYS)
    file.write_bytes(data)
    assert kept("one") is not None


def test_files_that_are_cut_off_or_grown_are_not_used(folder):
    keep("one", ARRAYS)
    file = only_file(folder)
    data = file.read_bytes()
    for damaged in (b"", data[:5], data[:40], data[:-1], data + b"\0", bytes(len(data))):
        file.write_bytes(damaged)
        assert kept("one") is None
    keep("one", ARRAYS)
    assert kept("one") is not None


@pytest.mark.parametrize("other", [{"__version__": "0.0.0"}, {"FORMAT": 0}])
def test_what_another_version_kept_is_not_used_even_under_the_same_name(folder, monkeypatch, other):
    keep("one", ARRAYS)
    ours = only_file(folder)
    for name, value in other.items():
        monkeypatch.setattr(store, name, value)
    assert kept("one") is None
    keep("one", ARRAYS)
    theirs = next(file for file in folder.iterdir() if file != ours)
    ours.replace(theirs)
    assert kept("one") is None


def test_a_file_is_not_used_under_another_name_nor_through_a_link(folder, tmp_path):
    keep("one", ARRAYS)
    keep("two", ARRAYS)
    one, two = sorted(folder.iterdir(), key=lambda file: file.read_bytes().find(b'"two"'))
    data = one.read_bytes()
    two.write_bytes(data)
    assert kept("two") is None
    (tmp_path / "elsewhere").write_bytes(data)
    one.unlink()
    one.symlink_to(tmp_path / "elsewhere")
    assert kept("one") is None


def test_a_folder_that_others_can_write_into_is_not_used(folder):
    keep("one", ARRAYS)
    folder.chmod(0o777)
    assert kept("one") is None
    file = only_file(folder)
    file.unlink()
    keep("one", ARRAYS)
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_keeps_nothing(folder):
    folder.parent.write_text("a file")
    keep("one", ARRAYS)
    assert kept("one") is None


def test_what_cannot_be_written_is_let_be(folder, monkeypatch):
    keep("one", ARRAYS)

    def refuse(*_):
        raise store.OutputError([])

    monkeypatch.setattr(store, "write_atomically", refuse)
    keep("two", ARRAYS)
    assert kept("one") is not None
    assert kept("two") is None


def test_nothing_is_written_to_a_disk_that_is_nearly_full(folder, monkeypatch):
    monkeypatch.setattr(store, "LEFT_FREE", 1.0)
    keep("one", ARRAYS)
    assert not list(folder.iterdir())


def test_the_files_used_last_stay_when_there_are_too_many(folder, monkeypatch):
    for at, name in enumerate(("one", "two", "three")):
        keep(name, {"share": np.zeros(500)})
        for file in folder.iterdir():
            if f'"{name}"'.encode() in file.read_bytes():
                os.utime(file, (at, at))
    assert kept("one") is not None  # and is now the one used last
    monkeypatch.setattr(store, "MOST_BYTES", 3 * 4_500)
    keep("four", {"share": np.zeros(500)})
    assert [kept(name) is not None for name in ("one", "two", "three", "four")] == [True, False, True, True]
    monkeypatch.setattr(store, "MOST_BYTES", 100)
    keep("five", ARRAYS)
    assert kept("five") is None
    assert kept("four") is not None


WRITER = """
import numpy as np
from tariffgraph.kept import keep, kept
for _ in range(30):
    keep("one", {"share": np.linspace(0.0, 1.0, 50_000)})
    assert kept("one")["share"].sum() == np.linspace(0.0, 1.0, 50_000).sum()
"""


def test_two_writers_do_not_disturb_each_other(folder):
    running = [subprocess.Popen([sys.executable, "-c", WRITER]) for _ in range(2)]
    assert [one.wait() for one in running] == [0, 0]
    assert len(list(folder.iterdir())) == 1


# --- the structure of a graph -----------------------------------------------------------------------------


@pytest.fixture
def graph(monkeypatch):
    monkeypatch.setattr(problems, "KEPT_FROM", 1)
    countries = ["KOR", "USA", "MEX", "JPN"]
    rng = np.random.default_rng(3)
    stages = [
        {"stage": f"s{at}", "country": countries[at % 4], "product": ["8703", "7208", "8542"][at % 3]}
        for at in range(60)
    ]
    inputs = [{"supplier": f"s{rng.integers(60)}", "user": f"s{rng.integers(60)}", "share": 0.03} for _ in range(400)]
    return tg.from_frames(stages, inputs, [{"stage": "s1", "market": "USA", "value": 5.0}])


def compiled(graph):
    problem = tg.compile(graph, Path(__file__).parents[1] / "docs" / "examples" / "borders.yaml", as_of="2025-07-02")
    structure = problem.structure
    arrays = [structure.first, structure.supplier, structure.stage, structure.input, problem.share]
    arrays += [problem.class_of_input, problem.rates, problem.excess_prices()]
    return [(array.dtype, array.tobytes(), array.flags.writeable) for array in arrays[:5]], structure.cycles, arrays


def test_a_problem_is_the_same_bits_built_or_mapped(graph, folder, monkeypatch):
    built, cycles, arrays = compiled(graph)
    assert cycles
    assert only_file(folder)
    monkeypatch.setattr(Structure, "build", None)  # from now on nothing is built
    mapped, again, others = compiled(graph)
    assert (mapped, again) == (built, cycles)
    assert all(one.tobytes() == other.tobytes() for one, other in zip(arrays, others, strict=True))


def test_a_damaged_file_is_silently_built_again(graph, folder):
    built = compiled(graph)[:2]
    file = only_file(folder)
    data = bytearray(file.read_bytes())
    data[-9] ^= 4
    file.write_bytes(bytes(data))
    assert compiled(graph)[:2] == built
    assert kept(f"structure {graph.hash}") is not None


def test_another_graph_has_another_file_and_a_small_one_none(graph, folder, monkeypatch):
    compiled(graph)
    compiled(graph.replace(inputs=graph.inputs.head(300)))
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setattr(problems, "KEPT_FROM", 301)
    compiled(graph.replace(inputs=graph.inputs.head(299)))
    assert len(list(folder.iterdir())) == 2
