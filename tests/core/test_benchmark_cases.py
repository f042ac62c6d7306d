"""Every case of the benchmarks, at a size that a slow reference can follow: what is timed is right."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "cases.py"
spec = importlib.util.spec_from_file_location("benchmark_cases", FILE)
cases = importlib.util.module_from_spec(spec)
sys.modules["benchmark_cases"] = cases
spec.loader.exec_module(cases)


@pytest.mark.parametrize("name", [*cases.SMALL, "WIOD 2011"])
def test_a_case_is_solved_as_by_the_slow_reference(name):
    if name == "WIOD 2011" and not cases.DATA.exists():
        pytest.skip("the World Input–Output Table is not part of the project: ../shared/data/wiod-2011 is absent")
    case = cases.wiod() if name == "WIOD 2011" else cases.SMALL[name]()
    ready = cases.ready(case)
    structure = ready.structure
    x = ready.excess()
    rate = np.append(case.rates, 0.0)[ready.class_of_input]
    weight, constant = ready.share * (1 + rate), ready.share * rate
    assert (rate > 0).any()
    matrix = np.eye(case.stages)
    np.subtract.at(matrix, (structure.user, structure.supplier), weight)
    right = np.bincount(structure.user, weights=constant, minlength=case.stages)
    exact = np.linalg.solve(matrix, right)
    if structure.cycles:
        bound = structure.excess_bound(ready.share, ready.class_of_input, case.rates, x)
        assert bound.max() < 1e-11
        assert np.all(np.abs(x - exact) <= bound + 1e-14)
    else:
        np.testing.assert_allclose(x, exact, rtol=1e-12)
    objective = np.random.default_rng(0).random(case.stages)
    derived = structure.derivatives(ready.share, ready.class_of_input, case.rates, objective)
    needed = np.linalg.solve(matrix.T, objective)
    by_input = needed[structure.user] * ready.share * (1 + x[structure.supplier])
    by_class = np.bincount(ready.class_of_input, weights=by_input, minlength=len(case.rates) + 1)[:-1]
    np.testing.assert_allclose(derived.by_class, by_class, rtol=1e-11)
    many = case.rates[:, None] * np.linspace(0.2, 1.0, 40)
    batch = ready.excess(many)
    for k in (0, 39):
        assert batch[:, k].tobytes() == ready.excess(many[:, k].copy()).tobytes()
