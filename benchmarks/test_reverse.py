"""All derivatives of one objective, in one pass from users to suppliers."""

import numpy as np
from checks import about, assert_derivatives


@about("S", "M", "L", "ICIO-like")
def test_derivatives(benchmark, ready):
    weight = np.full(ready.structure.stages, 1e-6)
    arguments = (ready.share, ready.class_of_input, ready.case.rates, weight)
    assert_derivatives(ready, weight, ready.structure.derivatives(*arguments))
    benchmark(ready.structure.derivatives, *arguments, excess=ready.excess())
