"""What was prepared once is recalled: the same bits as prepared again, in all that results are made of."""

from dataclasses import fields, is_dataclass

import numpy as np
import polars as pl
import pytest
from customs import graphs as small
from customs import test_credit, test_quota
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference.strategies import DAYS, any_graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import kept, problem, recall
from tariffgraph.core.structure import Structure

AS_OF = small.AS_OF


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Keep everything, in a folder of the test's own."""
    keep_all(monkeypatch, tmp_path / "cache")
    return tmp_path / "cache" / "arrays"


def keep_all(monkeypatch, folder):
    monkeypatch.setenv("TARIFFGRAPH_CACHE", str(folder))
    monkeypatch.setattr(kept, "LEFT_FREE", 0.0)
    monkeypatch.setattr(recall, "KEPT_FROM", 0)


def nothing_is_computed(monkeypatch):
    monkeypatch.setattr(Structure, "build", None)
    monkeypatch.setattr(problem, "cross_borders", None)
    monkeypatch.setattr(problem, "owe", None)


def compiled_twice(*arguments, **options):
    """Return a problem that was prepared, and the same recalled, in a folder that held neither."""
    fresh = tg.compile(*arguments, **options)
    with pytest.MonkeyPatch.context() as monkeypatch:
        nothing_is_computed(monkeypatch)
        return fresh, tg.compile(*arguments, **options)


def assert_same(one, other, where="problem"):
    """Check that two values hold the same: arrays to the bit, frames with their types, dataclasses field by field."""
    assert type(one) is type(other), where
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes()), where
    elif isinstance(one, (pl.DataFrame, pl.Series)):
        assert one.equals(other, null_equal=True), where
        assert (one.schema if isinstance(one, pl.DataFrame) else (one.name, one.dtype)) == (
            other.schema if isinstance(other, pl.DataFrame) else (other.name, other.dtype)
        ), where
    elif is_dataclass(one):
        for field in fields(one):
            if field.name not in {"graph", "law"}:
                assert_same(getattr(one, field.name), getattr(other, field.name), f"{where}.{field.name}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), where
        for at, pair in enumerate(zip(one, other, strict=True)):
            assert_same(*pair, f"{where}[{at}]")
    else:
        assert one == other, where


def assert_same_results(fresh, again):
    assert_same(fresh, again)
    assert fresh.stages == again.stages
    assert_same(fresh.classes.crossings, again.classes.crossings)
    assert_same(fresh.solve(), again.solve())
    assert_same(fresh.hidden_content(), again.hidden_content())


def test_the_bundled_case_is_recalled_with_its_claims_worksheets_and_explanations(folder, monkeypatch):
    rules = tg.read_rules("us-2025", "partners-2025")
    law = len(list(folder.iterdir()))
    fresh, again = compiled_twice("korea-us-2025", rules, as_of="2025-11-14")
    assert len(list(folder.iterdir())) == law + 2
    assert len(fresh.classes.claims) > 3
    assert_same_results(fresh, again)
    claimed = fresh.classes.claims["id"][0]
    assert_same(fresh.worksheet(claimed, levels=2), again.worksheet(claimed, levels=2))
    results = []
    for recalled in (False, True):
        if recalled:
            nothing_is_computed(monkeypatch)
        else:
            monkeypatch.setattr(recall, "KEPT_FROM", 1_000_000)
        result = tg.propagate("korea-us-2025", ["us-2025", "partners-2025"], as_of="2025-11-14")
        explained = [str(result.explain(one)) for one in result.shipments["id"].head(3)]
        results.append((result.shipments, result.by("measure"), result.crossings, explained, result.meta))
        monkeypatch.setattr(recall, "KEPT_FROM", 0)
    assert_same(*results)


CASES = {
    "quotas that shipments share": (
        test_quota.STAGES,
        [],
        [test_quota.shipped("COIL", 150), test_quota.shipped("SHEET", 50_000, "kg"), test_quota.shipped("PIPE", 60)],
        test_quota.QUOTAS,
    ),
    "credits": (test_credit.STAGES, test_credit.INPUTS, [("CAR",), ("TRUCK",)], test_credit.RULES),
}


@pytest.mark.parametrize("case", CASES)
def test_what_stands_beside_the_rates_is_recalled_too(folder, tmp_path, case):
    stages, inputs, shipments, rules = CASES[case]
    graph = small.graph_of(stages, inputs, shipments)
    assert_same_results(*compiled_twice(graph, small.rules_of(tmp_path, rules), as_of=AS_OF))


@given(graph=any_graphs(), rules=rule_sets(), as_of=st.sampled_from(DAYS), pass_through=st.sampled_from([None, 0.5]))
@law(30)
def test_any_problem_is_recalled_to_the_bit(graph, rules, as_of, pass_through):
    with engine.a_folder() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        keep_all(monkeypatch, folder)
        given_graph, given_rules = engine.engine_graph(graph), engine.engine_rules(rules)
        assert_same_results(*compiled_twice(given_graph, given_rules, as_of=as_of, pass_through=pass_through))


RULES = "measures:\n  - {id: one, products: [8708], rate: 25%}\n  - {id: two, products: [7007], rate: 10%}\n"


@pytest.mark.parametrize(
    "change",
    [
        {"rules": RULES.replace("25%", "24%")},
        {"rules": RULES.replace("8708", "8703")},
        {"rules": "measures:" + "".join(f"\n{one}" for one in reversed(RULES.splitlines()[1:])) + "\n"},
        {"as_of": "2025-07-03"},
        {"known_on": "2025-07-03"},
        {"pass_through": 0.5},
        {"settings": ["one.rate=5%"]},
        {"shipments": [("CAR",)]},
        {"inputs": test_credit.INPUTS[:2]},
    ],
    ids=str,
)
def test_what_differs_in_graph_law_or_day_is_prepared_by_itself(folder, tmp_path, monkeypatch, change):
    def compiled(*, rules=RULES, inputs=test_credit.INPUTS, shipments=(("CAR",), ("TRUCK",)), as_of=AS_OF, **options):
        graph = small.graph_of(test_credit.STAGES, list(inputs), list(shipments))
        return tg.compile(graph, small.rules_of(tmp_path, rules), as_of=as_of, **options)

    compiled()
    files = len(list(folder.iterdir()))
    assert files == 2
    changed = compiled(**change)
    another_graph = {"inputs", "shipments"} & {*change}
    assert len(list(folder.iterdir())) == (4 if another_graph else 3)
    monkeypatch.setattr(recall, "KEPT_FROM", 1_000)
    fresh = compiled(**change)
    assert fresh.excess_prices().tobytes() == changed.excess_prices().tobytes()
    assert [line.tobytes() for line in fresh.classes.lines] == [line.tobytes() for line in changed.classes.lines]
    assert (fresh.findings, fresh.meta) == (changed.findings, changed.meta)


def test_what_another_program_kept_is_not_recalled(folder, tmp_path, monkeypatch):
    graph = small.graph_of(test_credit.STAGES, test_credit.INPUTS, [("CAR",)])
    rules = small.rules_of(tmp_path, RULES)
    tg.compile(graph, rules, as_of=AS_OF)
    monkeypatch.setattr(recall, "program", lambda *_: b"another")
    tg.compile(graph, rules, as_of=AS_OF)
    assert len(list(folder.iterdir())) == 4


def test_a_damaged_file_is_silently_prepared_again(folder, tmp_path):
    graph = small.graph_of(test_credit.STAGES, test_credit.INPUTS, [("CAR",)])
    rules = small.rules_of(tmp_path, RULES)
    fresh = tg.compile(graph, rules, as_of=AS_OF)
    for file in folder.iterdir():
        data = bytearray(file.read_bytes())
        data[-9] ^= 4
        file.write_bytes(bytes(data))
    assert_same_results(fresh, tg.compile(graph, rules, as_of=AS_OF))
    assert_same_results(*compiled_twice(graph, rules, as_of=AS_OF))


def test_of_a_small_graph_nothing_is_kept(folder, monkeypatch):
    monkeypatch.setattr(recall, "KEPT_FROM", 300_000)
    rules = tg.read_rules("us-2025", "partners-2025")
    law = set(folder.iterdir())
    tg.propagate("korea-us-2025", rules, as_of=AS_OF)
    assert set(folder.iterdir()) == law


def test_a_graph_that_feeds_on_more_than_it_makes_is_refused_again(folder, tmp_path):
    stages = [(*one, {"value_added": 0.0}) for one in [("A", "KOR", "8708.29"), ("B", "USA", "8708.29")]]
    graph = small.graph_of(stages, [("A", "B", 1.0), ("B", "A", 1.0)], [("A",)])
    for _ in range(2):
        with pytest.raises(tg.NotProductiveError):
            tg.compile(graph, small.rules_of(tmp_path, RULES), as_of=AS_OF)
    assert not folder.exists() or not list(folder.iterdir())
