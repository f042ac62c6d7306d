"""Every solve against a loop that anyone can read, and the promise that bits do not depend on how it was run."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tariffgraph.core import cycles
from tariffgraph.core.full_matrix import FullMatrix
from tariffgraph.core.structure import BATCH_FROM, Structure, Unproductive, class_codes

QUICK = settings(deadline=None, max_examples=40, derandomize=True)
WAYS = ("elimination", "sweeps", "sweeps in parts", "full matrix")


class Graph:
    """A random graph under random rates, as the kernels take it, and W and c as a dense matrix and vector."""

    def __init__(self, seed, stages, inputs, acyclic, classes=7, total=0.8):
        rng = np.random.default_rng(seed)
        supplier, user = rng.integers(0, stages, inputs), rng.integers(0, stages, inputs)
        if acyclic:
            keep = supplier != user
            supplier, user = np.minimum(supplier, user)[keep], np.maximum(supplier, user)[keep]
            number = rng.permutation(stages)
            supplier, user = number[supplier], number[user]
        weight = rng.random(len(user))
        weight *= total / np.bincount(user, weights=weight, minlength=stages)[user]
        self.structure = Structure.build(stages, supplier, user)
        self.share = weight[self.structure.input]
        self.rates = rng.random(classes) * 0.2
        self.class_ = rng.integers(-1, classes, len(user))[self.structure.input]
        self.codes = class_codes(self.class_, classes)
        self.stages = stages

    def dense(self, rates):
        rate = np.append(rates, 0.0)[self.codes]
        matrix = np.zeros((self.stages, self.stages))
        np.add.at(matrix, (self.structure.user, self.structure.supplier), self.share * (1 + rate))
        return matrix, np.bincount(self.structure.user, weights=self.share * rate, minlength=self.stages)

    def tables(self, count, seed=1):
        return np.random.default_rng(seed).random((len(self.rates), count)) * 0.2

    def excess(self, rates=None, **options):
        return self.structure.excess(self.share, self.codes, self.rates if rates is None else rates, **options)


def slow_excess(graph, rates):
    """x_j = Σ a [x_i (1 + r) + r], in exact fractions, for graphs without cycles."""
    rate = [Fraction(float(one)) for one in rates] + [Fraction(0)]
    x = []
    for j in range(graph.stages):
        total = Fraction(0)
        for e in range(int(graph.structure.first[j]), int(graph.structure.first[j + 1])):
            r = rate[graph.codes[e]]
            total += Fraction(float(graph.share[e])) * (x[graph.structure.supplier[e]] * (1 + r) + r)
        x.append(total)
    return np.array([float(one) for one in x])


seeds = st.integers(0, 10_000)
sizes = st.integers(1, 25)


@given(seeds, sizes, st.integers(0, 60), st.sampled_from([0.2, 1e-12]))
@QUICK
def test_excess_prices_are_those_of_a_slow_exact_loop_to_the_last_digits(seed, stages, inputs, scale):
    graph = Graph(seed, stages, inputs, acyclic=True)
    rates = graph.rates * scale
    np.testing.assert_allclose(graph.excess(rates), slow_excess(graph, rates), rtol=1e-14, atol=0)


@given(seeds, sizes, st.integers(0, 60), st.booleans())
@QUICK
def test_without_duties_every_price_is_exactly_one_alone_and_in_a_batch(seed, stages, inputs, acyclic):
    graph = Graph(seed, stages, inputs, acyclic)
    assert not graph.excess(graph.rates * 0).any()
    assert not graph.excess(np.zeros((len(graph.rates), 8))).any()


@given(seeds, sizes, st.integers(0, 60), st.booleans(), st.integers(0, 70))
@QUICK
def test_a_column_of_a_batch_is_the_same_bits_as_alone(seed, stages, inputs, acyclic, columns):
    graph = Graph(seed, stages, inputs, acyclic)
    tables = graph.tables(columns)
    together = graph.excess(tables)
    assert together.shape == (stages, columns)
    for k in range(columns):
        assert together[:, k].tobytes() == graph.excess(tables[:, k].copy()).tobytes()
    places = np.arange(0, stages, 3)
    assert np.array_equal(graph.excess(tables, places=places), together[places])


def results(graph, threads=None):
    """Return everything that the core can compute about a graph."""
    tables = graph.tables(40)
    own = np.random.default_rng(2).random((graph.stages, 9)) < 0.2
    weight = np.random.default_rng(3).random(graph.stages)
    x = graph.excess(threads=threads)
    derived = graph.structure.derivatives(graph.share, graph.codes, graph.rates, weight, by_input=True, threads=threads)
    moving = np.arange(len(graph.rates)) == 2
    tables_of_one = np.repeat(graph.rates[:, None], 3, axis=1)
    tables_of_one[2] = [0.0, 0.1, graph.rates[2]]
    changes = graph.structure.changes(graph.share, graph.codes, graph.rates, moving)
    return [
        graph.structure.first,
        graph.structure.supplier,
        graph.structure.stage,
        graph.structure.input,
        x,
        graph.excess(tables, threads=threads),
        graph.excess(tables, threads=threads, places=np.array([0, graph.stages - 1])),
        graph.structure.contents(graph.share, own, stopping=True, threads=threads),
        graph.structure.contents(graph.share, own, stopping=False, threads=threads),
        derived.by_class,
        derived.by_input,
        derived.requirement,
        graph.structure.solve(graph.share, weight),
        graph.structure.solve_backward(graph.share, weight),
        graph.structure.excess_bound(graph.share, graph.codes, graph.rates, x),
        graph.structure.error_bound(graph.share, weight, graph.structure.solve(graph.share, weight)),
        *changes.excess(tables_of_one, threads=threads),
    ]


def the_way(monkeypatch, way):
    if way != "elimination":
        monkeypatch.setattr(cycles, "ELIMINATE_UP_TO", 0)
        monkeypatch.setattr(cycles, "WIDE_FROM", 2.0 if way == "sweeps" else 0.0)
        monkeypatch.setattr(cycles, "DENSE_FROM", 0.0 if way == "full matrix" else 2.0)
        monkeypatch.setattr(cycles, "SMALL", 0)


@pytest.mark.parametrize("way", [None, *WAYS])
def test_compiled_or_not_and_on_any_number_of_threads_results_are_the_same_bits(monkeypatch, way):
    the_way(monkeypatch, way or "elimination")
    graph_of = lambda: Graph(5, 41, 300, acyclic=way is None)  # noqa: E731
    monkeypatch.setenv("TARIFFGRAPH_JIT", "0")
    plain = [one.tobytes() for one in results(graph_of())]
    monkeypatch.setenv("TARIFFGRAPH_JIT", "1")
    for threads in (1, 2, 3):
        compiled = [one.tobytes() for one in results(graph_of(), threads)]
        assert [a == b for a, b in zip(plain, compiled, strict=True)] == [True] * len(plain)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("stages", "inputs"), [(2, 9), (33, 200), (70, 4_000)])
def test_every_way_to_solve_a_cycle_is_within_its_own_bound(monkeypatch, way, stages, inputs):
    the_way(monkeypatch, way)
    graph = Graph(stages, stages, inputs, acyclic=False)
    matrix, constant = graph.dense(graph.rates)
    x = graph.excess()
    exact = np.linalg.solve(np.eye(stages) - matrix, constant)
    bound = graph.structure.excess_bound(graph.share, graph.codes, graph.rates, x)
    assert np.all(np.abs(x - exact) <= bound + 1e-14)
    assert bound.max() < 1e-11
    weight = np.random.default_rng(3).random(stages)
    derived = graph.structure.derivatives(graph.share, graph.codes, graph.rates, weight)
    requirement = np.linalg.solve(np.eye(stages) - matrix.T, weight)
    np.testing.assert_allclose(derived.requirement, requirement, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_refuses_a_cycle_that_duties_make_unproductive(monkeypatch, way):
    the_way(monkeypatch, way)
    graph = Graph(1, 30, 300, acyclic=False)
    with pytest.raises(Unproductive):
        graph.excess(graph.rates * 0 + 0.6)


@pytest.mark.parametrize("acyclic", [True, False])
def test_derivatives_are_what_small_changes_of_the_rates_find(acyclic):
    graph = Graph(8, 25, 150, acyclic)
    weight = np.random.default_rng(3).random(25)
    derived = graph.structure.derivatives(graph.share, graph.codes, graph.rates, weight, by_input=True)
    for c in range(len(graph.rates)):
        step = np.where(np.arange(len(graph.rates)) == c, 1e-6, 0.0)
        found = weight @ (graph.excess(graph.rates + step) - graph.excess(graph.rates - step)) / 2e-6
        assert derived.by_class[c] == pytest.approx(found, rel=1e-6, abs=1e-9)
    by_class = np.bincount(graph.codes, weights=derived.by_input, minlength=len(graph.rates) + 1)
    np.testing.assert_allclose(by_class[:-1], derived.by_class, rtol=1e-12)


@pytest.mark.parametrize("acyclic", [True, False])
@pytest.mark.parametrize("columns", [1, BATCH_FROM, 33])
def test_contents_are_those_of_a_dense_solve_and_a_match_counts_whole(acyclic, columns):
    graph = Graph(9, 30, 200, acyclic)
    matches = np.random.default_rng(1).random((30, columns)) < 0.2
    untaxed, _ = graph.dense(graph.rates * 0)
    content = graph.structure.contents(graph.share, matches, stopping=True)
    added = graph.structure.contents(graph.share, matches * 0.5, stopping=False)
    for k in range(columns):
        stopped = np.where(matches[:, k, None], 0.0, untaxed)
        exact = np.linalg.solve(np.eye(30) - stopped, matches[:, k].astype(float))
        np.testing.assert_allclose(content[:, k], exact, rtol=1e-12, atol=1e-15)
        assert (content[matches[:, k], k] == 1.0).all()
        exact = np.linalg.solve(np.eye(30) - untaxed, matches[:, k] * 0.5)
        np.testing.assert_allclose(added[:, k], exact, rtol=1e-12, atol=1e-15)


@given(seeds, st.integers(2, 30), st.integers(0, 120), st.booleans())
@QUICK
def test_an_update_of_few_rows_is_a_fresh_solve_within_its_bound(seed, stages, inputs, acyclic):
    graph = Graph(seed, stages, inputs, acyclic, total=0.6)
    moving = np.zeros(len(graph.rates), bool)
    moving[[1, 4]] = True
    tables = np.repeat(graph.rates[:, None], 5, axis=1)
    tables[moving] = np.random.default_rng(seed).random((2, 5)) * 0.25
    tables[:, 0] = graph.rates
    changes = graph.structure.changes(graph.share, graph.codes, graph.rates, moving)
    x, bound = changes.excess(tables)
    assert x[:, 0].tobytes() == graph.excess().tobytes()
    for k in range(5):
        fresh = graph.excess(tables[:, k].copy())
        own = graph.structure.excess_bound(graph.share, graph.codes, tables[:, k], fresh)
        assert np.all(np.abs(x[:, k] - fresh) <= bound[k] + own)
        assert bound[k] < 1e-11
    with pytest.raises(ValueError, match="was not said to move"):
        changes.excess(tables + 0.01)


def test_an_update_that_makes_the_graph_unproductive_is_refused():
    graph = Graph(3, 20, 150, acyclic=False)
    moving = np.ones(len(graph.rates), bool)
    changes = graph.structure.changes(graph.share, graph.codes, graph.rates, moving)
    with pytest.raises(Unproductive):
        changes.excess(np.full((len(graph.rates), 1), 0.7))


def never_eliminated(monkeypatch):
    for room in ("cycles", "structure"):
        monkeypatch.setattr(f"tariffgraph.core.{room}.ELIMINATE_UP_TO", 0)


class Table:
    """A table of several countries, with ``outside`` stages that supply it, and W and c as a dense solve takes them."""

    def __init__(self, size=120, outside=0, filled=1.0, total=0.7, spread=1.5, home=20.0, countries=6, mixed=True):
        rng = np.random.default_rng(4)
        stages = size + outside
        country = np.arange(stages) % countries if mixed else np.arange(stages) * countries // stages
        user, supplier = (grid.reshape(-1) for grid in np.mgrid[outside:stages, 0:stages])
        kept = rng.random(len(user)) < filled
        supplier, user = supplier[kept], user[kept]
        share = rng.lognormal(0, spread, len(user)) * np.where(country[supplier] == country[user], home, 1)
        share *= total / np.bincount(user, weights=share, minlength=stages)[user]
        class_ = np.where(country[supplier] == country[user], -1, country[user])
        self.structure = Structure.build(stages, supplier, user)
        self.share = share[self.structure.input]
        self.codes = class_codes(class_, countries)[self.structure.input]
        self.rates, self.weight = rng.random(countries) * (1 / total - 1) / 2, rng.random(stages)

    def solved(self, threads=None):
        """Return the excess prices and the derivatives."""
        arguments = (self.share, self.codes, self.rates)
        derived = self.structure.derivatives(*arguments, self.weight, threads=threads)
        return self.structure.excess(*arguments, threads=threads), derived.requirement, derived.by_class

    def matrix(self):
        rate, of = np.append(self.rates, 0.0)[self.codes], self.structure
        matrix = np.zeros((of.stages, of.stages))
        np.add.at(matrix, (of.user, of.supplier), self.share * (1 + rate))
        return matrix, np.bincount(of.user, weights=self.share * rate, minlength=of.stages)

    def solved_densely(self):
        matrix, constant = self.matrix()
        left = np.eye(len(matrix)) - matrix
        return np.linalg.solve(left, constant), np.linalg.solve(left.T, self.weight)

    def component(self):
        size, rates = self.structure.stages, np.append(self.rates, 0.0)
        return self.structure._component(
            self.share, self.codes, rates, np.zeros(size), self.structure.cycles[0], cycles.Crew(None, 1)
        )


@pytest.mark.parametrize("filled", [1.0, 0.4])
@pytest.mark.parametrize("outside", [0, 7])
def test_a_full_component_with_countries_is_solved_to_the_last_digits_both_ways(monkeypatch, filled, outside):
    never_eliminated(monkeypatch)
    found = []
    for jit, threads in (("0", 1), ("1", 1), ("1", 3)):
        monkeypatch.setenv("TARIFFGRAPH_JIT", jit)
        table = Table(outside=outside, filled=filled)
        found.append(table.solved(threads))
    assert len({b"".join(one.tobytes() for one in solved) for solved in found}) == 1
    for one, exact in zip(found[0], table.solved_densely(), strict=False):
        np.testing.assert_allclose(one, exact, rtol=1e-13)
    inside = slice(*table.structure.cycles[0])
    matrix = table.matrix()[0][inside, inside]
    v = np.random.default_rng(5).random(120)
    with table.component() as component:
        np.testing.assert_allclose(component.times(v), matrix @ v, rtol=1e-13)
        np.testing.assert_allclose(component.times_transposed(v), matrix.T @ v, rtol=1e-13)
        np.testing.assert_allclose(component.full(), matrix, rtol=1e-15)
        assert component.complete.all() == (filled == 1.0 and outside == 0)
        assert len(component._full.blocks.first) == 6 + 1


@pytest.mark.parametrize("jit", ["0", "1"])
@pytest.mark.parametrize("mixed", [True, False])
def test_a_full_matrix_is_w_less_its_blocks_to_sixteen_bits_of_the_largest_of_32_side_by_side(monkeypatch, jit, mixed):
    never_eliminated(monkeypatch)
    monkeypatch.setenv("TARIFFGRAPH_JIT", jit)
    table = Table(mixed=mixed)
    table.share[5] = -1e-3  # a negative use: 0 in the matrix, what it is in the residual
    matrix, _ = table.matrix()
    country = np.arange(120) % 6 if mixed else np.arange(120) // 20
    at_home = country[:, None] == country
    abroad = np.where(at_home, 0.0, matrix).clip(0.0)
    by_32 = np.pad(abroad, ((0, 0), (0, 8))).reshape(120, 4, 32)
    step = np.repeat(by_32.max(axis=2), 32, axis=1)[:, :120] / 65535
    with table.component() as component:
        full = component._full
        kept = np.stack([full._times(column, transposed=False) for column in np.eye(120)], axis=1)
        turned = np.stack([full._times(row, transposed=True) for row in np.eye(120)])
        assert kept.tobytes() == turned.tobytes()
        assert np.all(np.abs(kept - abroad) <= 0.51 * step)  # and the rounding of single precision
        v = np.random.default_rng(1).random(120)
        blocks = np.eye(120) - np.where(at_home, matrix, 0.0)
        for transposed, left in ((False, blocks), (True, blocks.T)):
            found = full.blocks.solve(v, component.crew, transposed=transposed)
            np.testing.assert_allclose(found, np.linalg.solve(left, v), rtol=2e-5)
    for one, exact in zip(table.solved(), table.solved_densely(), strict=False):
        np.testing.assert_allclose(one, exact, rtol=1e-13)


def test_some_complete_rows_among_others_are_told_apart_and_change_no_digit(monkeypatch):
    never_eliminated(monkeypatch)
    table = Table()
    exact = table.solved_densely()
    told = table.structure._complete[0, 120]
    assert told.all()
    told[::2] = False  # the other way through the same rows
    for one, other in zip(table.solved(), exact, strict=False):
        np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("total", [0.7, 0.99])
def test_rows_that_hang_on_one_supplier_and_little_value_added_cost_no_digits(monkeypatch, total):
    never_eliminated(monkeypatch)
    monkeypatch.setattr(cycles, "ELIMINATE_AT_MOST", 0)
    table = Table(total=total, spread=4.0, home=1.0)
    for one, exact in zip(table.solved(), table.solved_densely(), strict=False):
        assert np.abs(one - exact).max() <= 2e-14 * exact.max() / (1 - total)


@pytest.mark.parametrize("value_added", [1e-2, 1e-4, 1e-5, 1e-6, 1e-7])
def test_uniform_rows_of_little_value_added_are_never_settled_too_early(monkeypatch, value_added):
    never_eliminated(monkeypatch)
    table = Table(size=450, total=1 - value_added, spread=0.0, home=1.0)
    table.rates[:] = 0.0
    right = table.structure.solve(table.share, np.full(450, value_added))
    np.testing.assert_allclose(right, 1.0, rtol=1e-13 / value_added)


def test_a_block_that_uses_all_it_makes_in_single_precision_misleads_nobody(monkeypatch):
    never_eliminated(monkeypatch)
    table = Table()
    own = (table.structure.user == 7) & (table.structure.supplier == 7)
    table.share[table.structure.user == 7] = 1e-12
    table.share[own] = 1 - 1e-9
    monkeypatch.setenv("TARIFFGRAPH_JIT", "1")
    for one, exact in zip(table.solved(), table.solved_densely(), strict=False):
        np.testing.assert_allclose(one, exact, rtol=1e-6)


def test_what_corrections_leave_unsettled_is_eliminated_where_it_fits_and_swept_where_it_does_not(monkeypatch):
    never_eliminated(monkeypatch)
    monkeypatch.setattr(FullMatrix, "solve", lambda *_, **__: None)
    table = Table()
    for at_most, unused in ((6_000, "settled"), (0, "factorize")):
        with monkeypatch.context() as only:
            only.setattr(cycles, "ELIMINATE_AT_MOST", at_most)
            only.delattr(cycles, unused)
            for one, exact in zip(table.solved(), table.solved_densely(), strict=False):
                np.testing.assert_allclose(one, exact, rtol=1e-12)


def test_many_tables_that_differ_for_few_buyers_in_a_large_cycle_are_updates_of_one_solution(monkeypatch):
    monkeypatch.setattr("tariffgraph.core.structure.ELIMINATE_UP_TO", 20)
    graph = Graph(5, 60, 500, acyclic=False, classes=40)
    tables = np.repeat(graph.rates[:, None], 40, axis=1)
    assert graph.structure.way_to_solve(graph.codes, tables * np.linspace(0, 1, 40)) == "cyclic solve"
    rare = np.bincount(graph.codes, minlength=41)[:-1].argmin()
    tables[rare] = np.linspace(0, 0.3, 40)
    assert "low-rank update" in graph.structure.way_to_solve(graph.codes, tables)
    assert graph.structure.way_to_solve(graph.codes, tables[:, :8]) == "cyclic solve"
    found = graph.structure.excess_of_many(graph.share, graph.codes, tables)
    for k in (0, 17, 39):
        single = graph.excess(np.ascontiguousarray(tables[:, k]))
        np.testing.assert_allclose(found[:, k], single, rtol=1e-12, atol=1e-15)
    fewer = graph.structure.excess_of_many(graph.share, graph.codes, tables[:, :8])
    assert fewer.tobytes() == graph.excess(tables[:, :8]).tobytes()
