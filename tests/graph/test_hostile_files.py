"""Files that are no tables at all: refused quickly, without filling the memory, and never opened where not regular."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from graph.small_graphs import write_folder
from patience import patience

from tariffgraph.errors import DatasetError, GraphError
from tariffgraph.graph.read import read_graph

if TYPE_CHECKING:
    from pathlib import Path

# Reads the graph and prints the message, the seconds, and the peak of memory in MB (VmHWM: ru_maxrss would be that
# of the process that started this one).
MEASURED = """
import re, sys, time
import tariffgraph.graph.read as read
from tariffgraph.errors import TariffGraphError
start = time.process_time()
try:
    read.read_graph(sys.argv[1])
except TariffGraphError as problem:
    print(problem)
print(time.process_time() - start)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("start", [b"", b"stage,country,product\n", b'stage,country,product\n"', b"\x1f\x8b\x08"])
def test_100_mb_in_one_line_are_refused_at_once(start: bytes, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph")
    with (folder / "stages.csv").open("wb") as file:
        file.write(start)
        for _ in range(100):
            file.write(b"a" * 1_000_000)
    printed = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert printed[0].startswith(f"{folder}/stages.csv")
    assert float(printed[-2]) < patience(5_000)
    assert float(printed[-1]) < 200


def refuses(folder: Path | str, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_graph(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "name", ["../../x", "/no/such/folder", "korea-us-2025/../korea-us-2025", "", "a\0b", "x" * 5000, "korea us"]
)
def test_a_name_that_is_no_data_set_is_not_looked_for(name: str) -> None:
    refuses(name, "is neither a file or folder nor a bundled data set")


def test_the_nearest_data_set_is_proposed() -> None:
    refuses("korea-us-2024", "'korea-us-2024' is neither a file or folder nor a bundled data set. Did you mean")


@pytest.mark.parametrize("url", ["https://example.org/graph", "s3://bucket/graph", "file:///etc"])
def test_a_url_is_not_fetched(url: str) -> None:
    refuses(url, "is a URL; nothing is fetched. Download the folder and give its path.")


def test_a_file_and_a_device_are_no_graphs(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph")
    refuses(folder / "stages.csv", "is a file; a graph is a folder of tables. Give the folder.")
    refuses("/dev/zero", "is not a regular file or folder; a graph is a folder of tables. Give the folder.")
    refuses(tmp_path / "nowhere", "there is no folder")


def test_a_folder_a_pipe_and_a_device_are_no_tables(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", stages=None)
    (folder / "stages.csv").mkdir()
    refuses(folder, "stages.csv: is not a regular file. Put a file there.")
    (folder / "stages.csv").rmdir()
    os.mkfifo(folder / "stages.csv")  # opening it would wait for ever
    refuses(folder, "stages.csv: is not a regular file. Put a file there.")
    (folder / "stages.csv").unlink()
    (folder / "stages.csv").symlink_to("/dev/zero")
    refuses(folder, "stages.csv: is a link that leads out of the folder. Put the file itself there.")


def test_a_link_may_stay_in_the_folder_but_not_leave_it(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph")
    expected = read_graph(folder).hash
    (folder / "stages.csv").rename(folder / "stages-2025.csv")
    (folder / "stages.csv").symlink_to("stages-2025.csv")
    assert read_graph(folder).hash == expected
    (folder / "stages-2025.csv").rename(tmp_path / "stages-2025.csv")
    refuses(folder, "stages.csv: is a link that leads nowhere. Put the file itself there.")
    (folder / "stages.csv").unlink()
    (folder / "stages.csv").symlink_to(tmp_path / "stages-2025.csv")
    refuses(folder, "stages.csv: is a link that leads out of the folder. Put the file itself there.")


@pytest.mark.parametrize("content", [b"", b"stage,country\n", b"PAR1" + bytes(100) + b"PAR1", b"PAR1PAR1"])
def test_what_is_no_parquet_is_refused(content: bytes, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "graph", stages=None)
    (folder / "stages.parquet").write_bytes(content)
    with pytest.raises(GraphError, match=r"stages\.parquet: the file is not readable Parquet"):
        read_graph(folder)


def test_any_bytes_give_a_graph_or_a_message(tmp_path: Path) -> None:
    import random

    random.seed(2025)
    folder = write_folder(tmp_path / "graph")
    good = (folder / "inputs.csv").read_bytes()
    pieces = [b'"', b",", b"\n", b"\r", b"\xff", b"\x00", b"\xed\x95\x9c", b"mine", b"0.1", b" ", b";", b"1e999"]
    for _ in range(300):
        at = random.randrange(len(good))
        bad = good[:at] + b"".join(random.choices(pieces, k=random.randrange(1, 4))) + good[at + random.randrange(3) :]
        (folder / "inputs.csv").write_bytes(bad)
        with contextlib.suppress(GraphError):
            read_graph(folder)
