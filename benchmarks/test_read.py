"""A folder of tables becomes a graph."""

import pytest
import tables
from checks import about

import tariffgraph as tg


@pytest.mark.parametrize("form", ["csv", "parquet"])
@about("S", "M")
def test_folder(benchmark, case, tmp_path, form):
    folder = tables.written(case, tmp_path / "graph", form)
    assert tg.read_graph(folder).hash == tables.graph_of(case).hash
    benchmark(tg.read_graph, folder)
