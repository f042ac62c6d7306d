"""Every case of the benchmarks in every phase of the kernels, at a size that a slow reference can follow."""

import importlib.util
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tariffgraph.core import pieces

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "cases.py"
spec = importlib.util.spec_from_file_location("benchmark_cases", FILE)
cases = importlib.util.module_from_spec(spec)
sys.modules["benchmark_cases"] = cases
spec.loader.exec_module(cases)

WIOD = "WIOD 2011"
every_case = pytest.mark.parametrize("name", cases.SMALL)
SCENARIOS = 40


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    monkeypatch.setenv("TARIFFGRAPH_JIT", "1")


def ready_case(name):
    if name == WIOD and not cases.DATA.exists():
        pytest.skip("the World Input–Output Table is not part of the project: ../shared/data/wiod-2011 is absent")
    return _ready(name)


@cache
def _ready(name):
    return cases.ready(cases.SMALL[name]())


class Slow:
    """X = C + W X and Y = C + Wᵀ Y for one table of rates: stage by stage, or eliminated and corrected where it cycles.

    Residuals are taken in extended precision: what is found is right to the last digits of double precision.
    """

    def __init__(self, ready, rates):
        self.structure = ready.structure
        rate = np.append(rates, 0.0)[ready.class_of_input].astype(np.longdouble)
        share = ready.share.astype(np.longdouble)
        self.weight, self.by_input = share * (1 + rate), share * rate
        self.constant = np.zeros(self.structure.stages, np.longdouble)
        np.add.at(self.constant, self.structure.user, self.by_input)

    def solve(self, constants):
        """``constants``: (stages,) or (stages, columns)."""
        if self.structure.cycles:
            return self._corrected(constants, transposed=False)
        x = constants.astype(np.longdouble)
        for j in range(self.structure.stages):
            inputs = self.inputs_of(j)
            x[j] = x[j] + self.weight[inputs] @ x[self.structure.supplier[inputs]]
        return x

    def solve_stopping(self, own):
        """The same, but a stage that is of the kind counts whole: without cycles only."""
        x = own.astype(np.longdouble)
        for j in range(self.structure.stages):
            inputs = self.inputs_of(j)
            x[j] = np.where(own[j] == 1, 1, self.weight[inputs] @ x[self.structure.supplier[inputs]])
        return x

    def solve_backward(self, constant):
        if self.structure.cycles:
            return self._corrected(constant, transposed=True)
        y = constant.astype(np.longdouble)
        for j in reversed(range(self.structure.stages)):
            inputs = self.inputs_of(j)
            np.add.at(y, self.structure.supplier[inputs], self.weight[inputs] * y[j])
        return y

    def inputs_of(self, stage):
        return slice(int(self.structure.first[stage]), int(self.structure.first[stage + 1]))

    def _corrected(self, constants, transposed):
        matrix = np.eye(self.structure.stages, dtype=np.longdouble)
        np.subtract.at(matrix, (self.structure.user, self.structure.supplier), self.weight)
        matrix = matrix.T if transposed else matrix
        rounded = matrix.astype(np.float64)
        x = np.zeros(constants.shape, np.longdouble)
        for _ in range(2):
            x += np.linalg.solve(rounded, (constants - matrix @ x).astype(np.float64))
        return x


def assert_near(ready, found, expected, bound):
    """Within 1e-12 of the expected where there is no cycle, within the reported bound where there is one."""
    if ready.structure.cycles:
        assert np.max(bound) < 1e-11
        assert (np.abs(found - expected) <= bound + 1e-15 * np.abs(expected)).all()
    else:
        assert (np.abs(found - expected) <= 1e-12 * np.abs(expected)).all()


def bound_of(ready, rates, x):
    return ready.structure.excess_bound(ready.share, ready.class_of_input, rates, x)


def test_every_registered_case_has_a_small_one_and_duties():
    assert list(cases.SMALL) == list(cases.CASES)
    for name in cases.SMALL:
        if name != WIOD or cases.DATA.exists():
            ready = ready_case(name)
            charged = np.append(ready.case.rates, 0.0)[ready.class_of_input] > 0
            assert 0.05 < charged.mean() < 1.0, name


def test_the_dial_makes_the_shapes_that_it_names():
    def longest(name):
        structure, depth = ready_case(name).structure, np.zeros(ready_case(name).structure.stages, int)
        for user, supplier in zip(structure.user, structure.supplier, strict=True):
            depth[user] = max(depth[user], depth[supplier] + 1)
        return depth.max()

    assert longest("long chains") > 3 * longest("M") > 0
    from_hubs = np.bincount(ready_case("wide hubs").case.supplier, minlength=400)
    assert np.sort(from_hubs)[-4:].sum() > 0.8 * 4_000
    in_order, shuffled = ready_case("in order").case, ready_case("M").case
    assert (in_order.supplier < in_order.user).all()
    assert 0.3 < (shuffled.supplier < shuffled.user).mean() < 0.7
    (component,) = ready_case("one giant component").structure.cycles
    assert component[1] - component[0] > 500


@every_case
def test_solve(name):
    ready = ready_case(name)
    slow, x = Slow(ready, ready.case.rates), ready.excess()
    expected = slow.solve(slow.constant)
    assert_near(ready, x, expected, bound_of(ready, ready.case.rates, x) if ready.structure.cycles else None)


@every_case
def test_batch(name):
    ready = ready_case(name)
    tables = cases.many_rates(ready.case, SCENARIOS)
    together = ready.excess(tables)
    for column in range(SCENARIOS):
        assert together[:, column].tobytes() == ready.excess(tables[:, column].copy()).tobytes()
    last = tables[:, -1].copy()
    slow = Slow(ready, last)
    bound = bound_of(ready, last, together[:, -1]) if ready.structure.cycles else None
    assert_near(ready, together[:, -1], slow.solve(slow.constant), bound)


def of_kinds(ready):
    """Return some kinds, and who is of them: (stages, kinds); blocks of columns are made from six on."""
    kinds = 2 if ready.structure.cycles else 6
    return (np.random.default_rng(2).random((ready.structure.stages, kinds)) < 0.1).astype(float)


@every_case
@pytest.mark.parametrize("stopping", [False, True])
def test_content(name, stopping):
    ready = ready_case(name)
    own = of_kinds(ready)
    found = ready.structure.contents(ready.share, own, stopping=stopping)
    for column in range(own.shape[1]):
        alone = ready.structure.contents(ready.share, own[:, [column]], stopping=stopping)
        assert alone[:, 0].tobytes() == found[:, column].tobytes()
    untaxed = Slow(ready, 0 * ready.case.rates)
    if stopping and ready.structure.cycles:
        for column in range(own.shape[1]):
            untaxed.weight = ready.share * (1.0 - own[ready.structure.user, column]).astype(np.longdouble)
            expected = untaxed.solve(own[:, column])
            np.testing.assert_allclose(found[:, column], expected.astype(float), rtol=1e-12)
    else:
        expected = untaxed.solve_stopping(own) if stopping else untaxed.solve(own)
        np.testing.assert_allclose(found, expected.astype(float), rtol=1e-12)


@every_case
def test_reverse(name):
    ready = ready_case(name)
    structure, rates = ready.structure, ready.case.rates
    weight = np.random.default_rng(0).random(structure.stages)
    derived = structure.derivatives(ready.share, ready.class_of_input, rates, weight, by_input=True)
    slow = Slow(ready, rates)
    x, y = slow.solve(slow.constant), slow.solve_backward(weight)
    np.testing.assert_allclose(derived.requirement, y.astype(float), rtol=1e-12)
    by_input = ready.share * y[structure.user] * (1 + x[structure.supplier])
    np.testing.assert_allclose(derived.by_input, by_input.astype(float), rtol=1e-12)
    by_class = np.zeros(len(rates) + 1, np.longdouble)
    np.add.at(by_class, ready.class_of_input, by_input)
    np.testing.assert_allclose(derived.by_class, by_class[:-1].astype(float), rtol=1e-12)


def tables_of_few(ready):
    """Return the classes that move, and tables that differ in them: those of one importer, or any one."""
    if ready.structure.cycles and len(ready.case.rates) < 4_000:
        tables = cases.rates_of_one_importer(ready.case, SCENARIOS)
    else:
        tables = np.repeat(ready.case.rates[:, None], SCENARIOS, axis=1)
        tables[1] = np.linspace(0.0, 0.5, SCENARIOS)
    return (tables != tables[:, :1]).any(axis=1), tables


@every_case
def test_update(name):
    ready = ready_case(name)
    moving, tables = tables_of_few(ready)
    base = tables[:, 0].copy()
    changes = ready.structure.changes(ready.share, ready.class_of_input, base, moving)
    found, bounds = changes.excess(tables)
    assert bounds.max() < 1e-11
    for column in (0, 1, SCENARIOS - 1):
        slow = Slow(ready, tables[:, column])
        expected = slow.solve(slow.constant)
        assert np.abs(found[:, column] - expected).max() <= bounds[column] + 1e-15 * np.abs(expected).max()


def results(name, threads=None):
    """Return the bytes of all that the kernels find, from the structure on."""
    ready = cases.ready(ready_case(name).case)
    structure, rates = ready.structure, ready.case.rates
    arguments = (ready.share, ready.class_of_input, rates)
    moving, few = tables_of_few(ready)
    derived = structure.derivatives(*arguments, np.ones(structure.stages), by_input=True, threads=threads)
    changes = structure.changes(ready.share, ready.class_of_input, few[:, 0].copy(), moving)
    x, places = ready.excess(threads=threads), np.array([0, structure.stages - 1])
    found = [
        *(structure.first, structure.supplier, structure.stage, structure.input),
        x,
        ready.excess(cases.many_rates(ready.case, 8), threads=threads),
        ready.excess(cases.many_rates(ready.case, 7 if structure.cycles else 70), threads=threads, places=places),
        structure.contents(ready.share, of_kinds(ready), stopping=True, threads=threads),
        structure.contents(ready.share, of_kinds(ready), stopping=False, threads=threads),
        *(derived.requirement, derived.by_class, derived.by_input),
        *changes.excess(few[:, :2], threads=threads),
        structure.excess_bound(*arguments, x),
    ]
    return [one.tobytes() for one in found]


@every_case
def test_bits_do_not_depend_on_threads(name, monkeypatch):
    monkeypatch.setattr(pieces, "CUT_FROM", 60)  # small graphs are cut as those of millions of inputs
    monkeypatch.setattr(pieces, "PIECE", 25)
    monkeypatch.setattr("tariffgraph.core.structure.SHARED_FROM", 500)
    one = results(name, threads=1)
    assert results(name, threads=2) == one
    assert results(name, threads=3) == one


FULL = ("ICIO-like", "EXIOBASE-like", WIOD)  # uncompiled, all of this would take minutes


@pytest.mark.parametrize("name", [one for one in cases.SMALL if one not in FULL])
def test_bits_do_not_depend_on_compilation(name, monkeypatch):
    compiled = results(name)
    monkeypatch.setenv("TARIFFGRAPH_JIT", "0")
    assert results(name) == compiled


@pytest.mark.parametrize("name", [one for one in FULL if one != WIOD])
def test_bits_of_one_solve_of_a_full_table_do_not_depend_on_compilation(name, monkeypatch):
    compiled = ready_case(name).excess().tobytes()
    monkeypatch.setenv("TARIFFGRAPH_JIT", "0")
    assert ready_case(name).excess().tobytes() == compiled
