"""One table of rates on graphs without cycles."""

from checks import ACYCLIC, about, assert_excess


@about(*ACYCLIC)
def test_prices(benchmark, ready):
    assert_excess(ready, ready.case.rates, ready.excess())
    benchmark(ready.excess)
