"""Sweeps shared out among threads: every stage once, after its suppliers, and the same bits on any number of them."""

from itertools import pairwise

import numpy as np
import pytest

from tariffgraph.core import pieces
from tariffgraph.core.structure import Structure, class_codes


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Let graphs of some thousand inputs be cut as those of millions are."""
    monkeypatch.setattr(pieces, "CUT_FROM", 60)
    monkeypatch.setattr(pieces, "PIECE", 25)
    monkeypatch.setattr(pieces, "RUN", 200)
    monkeypatch.setattr("tariffgraph.core.structure.SHARED_FROM", 500)


def random_graph(seed, stages, inputs, cycle=False):
    rng = np.random.default_rng(seed)
    user = rng.integers(1, stages, inputs)
    supplier = (rng.random(inputs) * user).astype(np.int64)
    if cycle:  # in the middle of the rest
        at = stages // 2
        supplier, user = np.append(supplier, [at, at + 1]), np.append(user, [at + 1, at])
    share = rng.random(len(user))
    share *= 0.8 / np.bincount(user, weights=share, minlength=stages)[user]
    class_ = rng.integers(-1, 9, len(user))
    structure = Structure.build(stages, supplier, user)
    return structure, share[structure.input], class_codes(class_, 9)[structure.input], rng.random(9) * 0.3


@pytest.mark.parametrize("seed", range(4))
def test_pieces_hold_every_stage_once_and_wait_for_all_suppliers(seed):
    structure, *_ = random_graph(seed, 400, 3_000)
    ((span, found),) = structure._pieces.items()
    assert span == (0, 400)
    begins, needs = found.forward
    assert begins[0] == 0
    assert begins[-1] == 400
    assert (np.diff(begins) >= 0).all()
    assert len(needs) == len(begins) - 1
    for k, (a, b) in enumerate(pairwise(begins)):
        inside = slice(int(structure.first[a]), int(structure.first[b]))
        suppliers = structure.supplier[inside].astype(np.int64)
        done = begins[needs[k]]
        own = structure.user[inside]
        # A supplier is done before, or is in the same piece, which one thread sweeps in order.
        assert ((suppliers < done) | ((suppliers >= a) & (suppliers < own))).all()
        assert needs[k] <= k
    starts, ends, part, before = found.backward
    assert sum(ends - starts) == 400
    assert set(part.tolist()) == {0, 1}
    for k, (a, b) in enumerate(zip(starts, ends, strict=True)):
        # Whoever buys from the piece has handed on before: in a later front, or within it.
        buys = np.isin(structure.supplier, np.arange(a, b))
        users = structure.user[buys]
        done = starts[before[k] - 1] if before[k] else 400
        assert ((users >= done) | ((users >= a) & (users < b))).all()
        assert before[k] <= k


@pytest.mark.parametrize("cycle", [False, True])
def test_shared_sweeps_give_the_bits_of_one_thread_and_the_sums_of_a_plain_sweep(monkeypatch, cycle):
    monkeypatch.setenv("TARIFFGRAPH_JIT", "1")
    structure, share, codes, rates = random_graph(11, 600, 6_000, cycle)
    weight = np.random.default_rng(1).random(600)
    one = structure.excess(share, codes, rates, threads=1)
    derived = structure.derivatives(share, codes, rates, weight, by_input=True, threads=1)
    for threads in (2, 3):
        assert structure.excess(share, codes, rates, threads=threads).tobytes() == one.tobytes()
        again = structure.derivatives(share, codes, rates, weight, by_input=True, threads=threads)
        for name in ("by_class", "by_input", "requirement"):
            assert getattr(again, name).tobytes() == getattr(derived, name).tobytes()
    solved, back = structure.solve(share, weight), structure.solve_backward(share, weight)
    monkeypatch.setattr("tariffgraph.core.structure.SHARED_FROM", 10**9)
    plain = Structure(structure.first, structure.supplier, structure.stage, structure.input, structure.cycles)
    assert plain.excess(share, codes, rates).tobytes() == one.tobytes()
    assert plain.solve(share, weight).tobytes() == solved.tobytes()
    np.testing.assert_allclose(plain.solve_backward(share, weight), back, rtol=1e-14)
    expected = plain.derivatives(share, codes, rates, weight, by_input=True)
    np.testing.assert_allclose(derived.by_class, expected.by_class, rtol=1e-13)
    np.testing.assert_allclose(derived.requirement, expected.requirement, rtol=1e-13)


def test_compiled_or_not_the_parts_of_a_backward_sweep_are_the_same(monkeypatch):
    found = []
    for jit in ("0", "1"):
        monkeypatch.setenv("TARIFFGRAPH_JIT", jit)
        structure, share, codes, rates = random_graph(5, 300, 2_000)
        derived = structure.derivatives(share, codes, rates, np.ones(300))
        back = structure.solve_backward(share, np.ones(300))
        found.append(derived.by_class.tobytes() + derived.requirement.tobytes() + back.tobytes())
    assert found[0] == found[1]
