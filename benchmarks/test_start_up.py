"""Whole processes, cold: the bundled data propagated, the help, the import; and Python alone to hold them against."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "python alone": (["-c", "pass"], ""),
    "import of numpy, polars and click": (["-c", "import numpy, polars, click"], ""),
    "import tariffgraph": (["-c", "import tariffgraph"], ""),
    "--help": (["-m", "tariffgraph", "--help"], "Usage:"),
    "propagate": (["-m", "tariffgraph", "propagate", "korea-us-2025"], "KR.AUTOPARTS->USA"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_process(benchmark, name):
    arguments, said = COMMANDS[name]

    def run():
        done = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, cwd=ROOT)
        return done.stdout

    assert said in run()
    benchmark.pedantic(run, rounds=3)
