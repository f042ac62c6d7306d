"""What compiling costs: nothing for small jobs, once for all processes, and never a failure."""

import os
import subprocess
import sys

import pytest

SOLVE = """
import os, sys, time
import numpy as np
from tariffgraph.core.structure import Structure
supplier, user = np.arange({stages} - 1), np.arange(1, {stages})
structure = Structure.build({stages}, supplier, user)
x = structure.excess(np.full(len(user), 0.9), np.zeros(len(user), np.uint16), np.array([0.1]))
assert abs(x[1] - 0.09) < 1e-15 and 0 < x[-1] < 9.0 + 1e-9
import importlib
numba = sys.modules.get("numba")
compiled = 0
if numba:
    from tariffgraph.core import jit
    dispatcher = jit._compiled("excess_sweep")
    compiled = sum(dispatcher.stats.cache_misses.values()) if hasattr(dispatcher.stats, "cache_misses") else 0
print("numba" if numba else "plain", compiled)
"""


def solve(stages, **environment):
    program = SOLVE.format(stages=stages)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.split()


def test_tens_of_thousands_of_inputs_never_import_numba(tmp_path):
    assert solve(30_000, TARIFFGRAPH_CACHE=str(tmp_path / "kept")) == ["plain", "0"]
    assert not (tmp_path / "kept").exists()


def test_what_one_process_compiled_the_next_does_not_compile_again(tmp_path):
    folder = {"TARIFFGRAPH_CACHE": str(tmp_path / "kept"), "TARIFFGRAPH_JIT": "1"}
    assert solve(200, **folder) == ["numba", "1"]
    files = sorted((tmp_path / "kept" / "kernels").iterdir())
    assert files
    written = [file.stat().st_mtime_ns for file in files]
    assert solve(200, **folder) == ["numba", "0"]
    assert [file.stat().st_mtime_ns for file in files] == written


def test_a_damaged_file_is_compiled_again(tmp_path):
    folder = {"TARIFFGRAPH_CACHE": str(tmp_path), "TARIFFGRAPH_JIT": "1"}
    solve(200, **folder)
    (tmp_path / "kernels").chmod(0o700)
    for number, file in enumerate(sorted((tmp_path / "kernels").iterdir())):
        data = bytearray(file.read_bytes())
        if number % 2:
            data[len(data) // 2] ^= 1
        else:
            data = data[:40]
        file.write_bytes(bytes(data))
    assert solve(200, **folder) == ["numba", "1"]
    assert solve(200, **folder) == ["numba", "0"]


@pytest.mark.parametrize("broken", ["a file", "writable by others"])
def test_a_folder_that_cannot_be_used_costs_a_compilation_and_nothing_else(tmp_path, broken):
    folder = tmp_path / "kept"
    if broken == "a file":
        folder.write_text("")
    else:
        (folder / "kernels").mkdir(parents=True)
        (folder / "kernels").chmod(0o777)
    for _ in range(2):
        assert solve(200, TARIFFGRAPH_CACHE=str(folder), TARIFFGRAPH_JIT="1") == ["numba", "1"]
    assert folder.is_file() or not list((folder / "kernels").iterdir())
