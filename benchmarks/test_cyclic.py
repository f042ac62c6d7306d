"""One table of rates where stages buy from one another in circles."""

from checks import CYCLIC, about, assert_excess


@about(*CYCLIC)
def test_prices(benchmark, ready):
    assert ready.structure.cycles
    assert_excess(ready, ready.case.rates, ready.excess())
    benchmark(ready.excess)
