"""Value-added origin: by hand, and as in fractions."""

import pytest
from hypothesis import given
from indicators.small_chain import small_chain
from reference import engine
from reference import reference as ref
from reference.strategies import any_graphs, law

import tariffgraph as tg


def test_a_korean_car_is_chinese_as_far_as_its_ore_is():
    # Ore is all Chinese; steel half; the car adds half itself, and .4 · .5 of its steel is Korean.
    frame = tg.indicators.value_added_origin(small_chain("KOR"))
    assert frame.columns == ["stage", "country", "share"]
    assert {row[:2]: row[2] for row in frame.iter_rows()} == {
        ("car", "CHN"): pytest.approx(0.1 + 0.4 * 0.5, rel=1e-15),
        ("car", "KOR"): pytest.approx(0.5 + 0.4 * 0.5, rel=1e-15),
        ("ore", "CHN"): 1.0,
        ("steel", "CHN"): 0.5,
        ("steel", "KOR"): 0.5,
    }


@given(graph=any_graphs())
@law()
def test_value_added_origin_adds_to_one_and_is_the_exact_one(graph):
    frame = tg.indicators.value_added_origin(engine.engine_graph(graph))
    assert frame.select("stage", "country").equals(frame.select("stage", "country").sort("stage", "country"))
    found = {row[:2]: row[2] for row in frame.iter_rows()}
    for stage, exact in ref.value_added_content(graph).items():
        assert sum(part for (name, _), part in found.items() if name == stage) == pytest.approx(1.0, rel=1e-12)
        assert all(engine.close(found.get((stage, one), 0.0), part, bound=1e-14) for one, part in exact.items())
