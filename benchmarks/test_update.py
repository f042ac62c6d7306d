"""Scenarios of one importer's rates in a large cycle: exact low-rank updates of one solution."""

import cases
from checks import about, assert_excess


@about("WIOD 2011")
def test_scenarios_of_one_importer(benchmark, ready, pytestconfig):
    tables = cases.rates_of_one_importer(ready.case, 1_000 if pytestconfig.getoption("size") == "full" else 100)
    assert "low-rank update" in ready.structure.way_to_solve(ready.class_of_input, tables)
    found = ready.excess_of_many(tables)
    for column in (0, -1):
        assert_excess(ready, tables[:, column], found[:, column])
    benchmark(ready.excess_of_many, tables)
