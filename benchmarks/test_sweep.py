"""A grid of rates over one compiled problem."""

import numpy as np
import pytest

import tariffgraph as tg

KEY = "ieepa-reciprocal@JPN.rate"


@pytest.mark.parametrize("scenarios", [10, 1_000])
def test_grid_over_the_bundled_graph(benchmark, scenarios):
    graph = tg.read_graph("korea-us-2025")
    rates = np.linspace(0.0, 0.999, scenarios).tolist()
    found = tg.sweep(graph, None, {KEY: rates}).filter(scenario=scenarios - 1)
    alone = tg.propagate(graph, None, settings=[f"{KEY}=0.999"]).shipments
    assert found["effective_rate"].equals(alone["effective_rate"])
    benchmark(tg.sweep, graph, None, {KEY: rates})
