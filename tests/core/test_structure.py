"""The two solves against dense linear algebra, and what they promise: exact zeros, bounds, the same bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tariffgraph.core.cycles import ELIMINATE_UP_TO
from tariffgraph.core.structure import Structure, Unproductive


def random_inputs(seed, stages, inputs, total=0.8, acyclic=False):
    """Return supplier, user and weight of a random graph whose weights add to ``total`` at every user."""
    rng = np.random.default_rng(seed)
    supplier, user = rng.integers(0, stages, inputs), rng.integers(0, stages, inputs)
    if acyclic:
        keep = supplier != user
        supplier, user = np.minimum(supplier, user)[keep], np.maximum(supplier, user)[keep]
    weight = rng.random(len(user))
    weight *= total / np.bincount(user, weights=weight, minlength=stages)[user]
    return supplier, user, weight


def dense(stages, supplier, user, weight):
    matrix = np.zeros((stages, stages))
    np.add.at(matrix, (user, supplier), weight)
    return matrix


@pytest.mark.parametrize("stages", [1, 2, 7, 60, ELIMINATE_UP_TO + 50])
@pytest.mark.parametrize("acyclic", [True, False])
def test_both_solves_agree_with_dense_algebra_within_the_bound(stages, acyclic):
    supplier, user, weight = random_inputs(stages, stages, 6 * stages, acyclic=acyclic)
    structure = Structure.build(stages, supplier, user)
    w, c = weight[structure.input], np.random.default_rng(1).random(stages)[structure.stage]
    matrix = dense(stages, supplier, user, weight)[np.ix_(structure.stage, structure.stage)]
    x = structure.solve(w, c)
    exact = np.linalg.solve(np.eye(stages) - matrix, c)
    bound = structure.error_bound(w, c, x)
    assert np.all(np.abs(x - exact) <= bound + 1e-14 * np.abs(exact))
    assert np.max(bound) < 1e-10
    y = structure.solve_backward(w, c)
    np.testing.assert_allclose(y, np.linalg.solve(np.eye(stages) - matrix.T, c), rtol=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 30))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_suppliers_come_before_users_unless_a_cycle_forbids_it(seed, stages, inputs):
    supplier, user, _ = random_inputs(seed, stages, inputs)
    structure = Structure.build(stages, supplier, user)
    assert sorted(structure.stage) == list(range(stages))
    inside = np.zeros(stages, int) - 1
    for number, (start, stop) in enumerate(structure.cycles):
        inside[start:stop] = number
    for place in range(stages):
        for e in range(int(structure.first[place]), int(structure.first[place + 1])):
            i = int(structure.supplier[e])
            assert i < place or (inside[i] == inside[place] >= 0)
            assert supplier[structure.input[e]] == structure.stage[i]
            assert user[structure.input[e]] == structure.stage[place]


def test_without_a_constant_the_solution_is_exactly_zero():
    supplier, user, weight = random_inputs(3, 40, 200)
    structure = Structure.build(40, supplier, user)
    assert not structure.solve(weight[structure.input], np.zeros(40)).any()


def test_a_component_solved_by_sweeps_and_by_elimination_is_the_same_within_the_bound(monkeypatch):
    supplier, user, weight = random_inputs(4, 80, 500)
    structure = Structure.build(80, supplier, user)
    w, c = weight[structure.input], np.ones(80)
    direct, direct_back = structure.solve(w, c), structure.solve_backward(w, c)
    monkeypatch.setattr("tariffgraph.core.cycles.ELIMINATE_UP_TO", 0)
    swept = structure.solve(w, c)
    assert np.all(np.abs(swept - direct) <= structure.error_bound(w, c, swept) * 2)
    np.testing.assert_allclose(structure.solve_backward(w, c), direct_back, rtol=1e-12)


@pytest.mark.parametrize("limit", [0, ELIMINATE_UP_TO])
@pytest.mark.parametrize("weight", [1.0, 1.3])
def test_a_cycle_that_feeds_on_all_it_makes_is_refused(monkeypatch, limit, weight):
    monkeypatch.setattr("tariffgraph.core.cycles.ELIMINATE_UP_TO", limit)
    structure = Structure.build(2, np.array([0, 1]), np.array([1, 0]))
    assert structure.unproductive_cycles(np.array([weight, 1.0])) == [(0, 2)]
    assert Structure.build(1, np.array([0]), np.array([0])).unproductive_cycles(np.array([weight])) == [(0, 1)]
    if limit:
        with pytest.raises(Unproductive):
            structure.solve(np.array([weight, 1.0]), np.ones(2))


def test_a_cycle_just_below_one_is_solved():
    structure = Structure.build(2, np.array([0, 1]), np.array([1, 0]))
    weight = np.array([1.0, 1.0 - 1e-6])
    assert structure.unproductive_cycles(weight) == []
    x = structure.solve(weight, np.array([0.0, 1e-6]))
    assert np.all(np.abs(x - 1.0) <= structure.error_bound(weight, np.array([0.0, 1e-6]), x))


def test_compiled_and_plain_solves_of_cycles_give_the_same_bits(monkeypatch):
    supplier, user, weight = random_inputs(6, 25, 150)
    results = []
    for jit in ("0", "1"):
        for limit in (0, ELIMINATE_UP_TO):
            monkeypatch.setenv("TARIFFGRAPH_JIT", jit)
            monkeypatch.setattr("tariffgraph.core.cycles.ELIMINATE_UP_TO", limit)
            structure = Structure.build(25, supplier, user)
            w, c = weight[structure.input], np.ones(25)
            x = structure.solve(w, c)
            parts = (structure.stage, x, structure.solve_backward(w, c), structure.error_bound(w, c, x))
            results.append(b"".join(part.tobytes() for part in parts))
    assert results[:2] == results[2:]
