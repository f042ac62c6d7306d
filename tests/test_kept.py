"""What is kept on disk: the same bits mapped back, and nothing but work lost where a file or a folder is not right."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tariffgraph import kept as store
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

    def refuse(*_, **__):
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
    monkeypatch.setenv("TARIFFGRAPH_KEEP", str(3 * 4_500 / 1e9))
    keep("four", {"share": np.zeros(500)})
    assert [kept(name) is not None for name in ("one", "two", "three", "four")] == [True, False, True, True]
    monkeypatch.setenv("TARIFFGRAPH_KEEP", str(100 / 1e9))
    keep("five", ARRAYS)
    assert kept("five") is None
    assert kept("four") is not None


@pytest.mark.parametrize(
    ("allowed", "found"), [("0", False), ("-1", False), ("a lot", True), ("inf", True), ("", True)]
)
def test_a_setting_says_how_much_may_be_kept_and_nothing_where_it_is_0(folder, monkeypatch, allowed, found):
    monkeypatch.setenv("TARIFFGRAPH_KEEP", allowed)
    keep("one", ARRAYS)
    assert (kept("one") is not None) is found
    assert folder.exists() is found


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("of_another", ["folder", "file"])
def test_what_belongs_to_somebody_else_is_not_used(folder, of_another):
    keep("one", ARRAYS)
    os.chown(folder if of_another == "folder" else only_file(folder), 12_345, -1)
    assert kept("one") is None


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
