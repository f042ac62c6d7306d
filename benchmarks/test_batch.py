"""Sixty-four scenarios at once."""

import cases
from checks import about, assert_excess

SCENARIOS = 64


@about("S", "M", "L", "ICIO-like")
def test_scenarios(benchmark, ready):
    tables = cases.many_rates(ready.case, SCENARIOS)
    together = ready.excess(tables)
    for column in (0, SCENARIOS - 1):
        alone = tables[:, column].copy()
        assert_excess(ready, alone, together[:, column])
        assert together[:, column].tobytes() == ready.excess(alone).tobytes()
    del together
    benchmark(ready.excess, tables)
