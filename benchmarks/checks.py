"""What is timed is right: what is found fulfils its equations, at any size; and which cases a test is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cases
import numpy as np
import pytest

if TYPE_CHECKING:
    from cases import Ready

    from tariffgraph.problem import Problem

Array = np.ndarray[Any, Any]

ACYCLIC = ("S", "M", "L", "long chains", "wide hubs", "in order")
CYCLIC = tuple(name for name in cases.CASES if name not in ACYCLIC)


def about(*names: str) -> Any:
    return pytest.mark.parametrize("case", names, indirect=True)


def assert_excess(ready: Ready | Problem, rates: Array, x: Array) -> None:
    """x_j = Σ_e a_e [x_i + r_e (1 + x_i)]. ``ready``: a case as the kernels take it, or a compiled problem."""
    structure, rate = ready.structure, np.append(rates, 0.0)[ready.class_of_input]
    bought = x[structure.supplier]
    right = np.bincount(structure.user, ready.share * (bought + rate * (1.0 + bought)), structure.stages)
    assert (rate > 0).any()
    assert x.any()
    np.testing.assert_allclose(x, right, rtol=1e-11)


def assert_contents(ready: Ready, own: Array, x: Array) -> None:
    """x_j = own_j + Σ_e a_e x_i."""
    structure = ready.structure
    right = own + np.bincount(structure.user, ready.share * x[structure.supplier], structure.stages)
    np.testing.assert_allclose(x, right, rtol=1e-11)


def assert_derivatives(ready: Ready, weight: Array, derived: Any) -> None:
    """y = weight + Wᵀ y, and dJ/dr_c = Σ_e a_e y_j (1 + x_i) over the inputs of class c."""
    structure, rates = ready.structure, np.append(ready.case.rates, 0.0)
    y, price = derived.requirement, 1.0 + ready.excess()
    used = ready.share * y[structure.user]
    handed = used * (1.0 + rates[ready.class_of_input])
    right = weight + np.bincount(structure.supplier, handed, structure.stages)
    np.testing.assert_allclose(y, right, rtol=1e-11)
    by_class = np.bincount(ready.class_of_input, used * price[structure.supplier], len(rates))[:-1]
    np.testing.assert_allclose(derived.by_class, by_class, rtol=1e-10)
