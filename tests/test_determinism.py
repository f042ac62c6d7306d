"""Determinism is a feature: the same bytes for any number of threads, any hash seed, compiled or not."""

import os
import subprocess
import sys

COMMAND = ["-m", "tariffgraph", "propagate", "korea-us-2025", "--by", "measure", "--by", "crossing", "--format", "json"]


def run(**settings):
    environment = {**os.environ, **settings}
    done = subprocess.run([sys.executable, *COMMAND], env=environment, capture_output=True, check=True)
    return done.stdout


def test_threads_hash_seed_and_compiler_change_no_byte():
    results = {
        run(POLARS_MAX_THREADS="1", PYTHONHASHSEED="0", TARIFFGRAPH_JIT="0"),
        run(POLARS_MAX_THREADS="2", PYTHONHASHSEED="1", TARIFFGRAPH_JIT="0"),
        run(POLARS_MAX_THREADS="4", PYTHONHASHSEED="2", TARIFFGRAPH_JIT="1", NUMBA_NUM_THREADS="2"),
    }
    assert len(results) == 1
    assert len(results.pop()) > 10_000
