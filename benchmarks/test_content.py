"""Value-added content of sixty-four origins, and content that stops at the stages of its kind."""

import numpy as np
import pytest
from checks import about, assert_contents

ORIGINS = 64


@pytest.mark.parametrize("stopping", [False, True])
@about("S", "M", "L")
def test_contents(benchmark, ready, stopping):
    structure, rng = ready.structure, np.random.default_rng(0)
    if stopping:
        own = (rng.random((structure.stages, ORIGINS)) < 0.1).astype(float)
    else:
        value_added = 1.0 - np.bincount(structure.user, ready.share, structure.stages)
        own = np.zeros((structure.stages, ORIGINS))
        own[np.arange(structure.stages), rng.integers(0, ORIGINS, structure.stages)] = value_added
    found = structure.contents(ready.share, own, stopping=stopping)
    if stopping:
        assert (found[own == 1] == 1).all()
        assert found.max() <= 1
    else:
        assert_contents(ready, own[:, 0], found[:, 0])
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-11)
    benchmark(structure.contents, ready.share, own, stopping=stopping)
