"""Every frame has the columns that the reference pages describe, sorted by stage."""

import pytest
from indicators.small_chain import small_chain
from reference import engine

import tariffgraph as tg
from tariffgraph import indicators, tables

GRAPH = small_chain()
OF_GRAPH = {
    "border_crossings": tables.MEASURE_OF_STAGES,
    "downstreamness": tables.MEASURE_OF_STAGES,
    "gross_output": tables.MEASURE_OF_STAGES,
    "leontief_requirements": tables.MEASURE_OF_STAGES,
    "production_length": tables.PRODUCTION_LENGTH,
    "upstreamness": tables.MEASURE_OF_STAGES,
    "value_added_origin": tables.VALUE_ADDED_ORIGIN,
}
OF_PROBLEM = {
    "cumulative_tariff": tables.MEASURE_OF_STAGES,
    "derivatives": tables.DERIVATIVES,
    "effective_rate_of_protection": tables.PROTECTION,
    "input_tariff_exposure": tables.INPUT_TARIFF_EXPOSURE,
    "magnification": tables.MAGNIFICATION,
    "tiers": tables.TIERS,
}
FURTHER = {"leontief_requirements": ["car"], "derivatives": ["car->MEX"]}


@pytest.mark.parametrize("name", indicators.__all__)
def test_frames_have_the_columns_of_the_reference_pages(name):
    rules = engine.engine_rules({"ruleset": "ten", "importer": "all", "measures": [{"id": "ten", "rate": "10%"}]})
    source = GRAPH if name in OF_GRAPH else tg.compile(GRAPH, rules, as_of="2025-07-02")
    frame = getattr(indicators, name)(source, *FURTHER.get(name, []))
    assert frame.columns == [column.name for column in {**OF_GRAPH, **OF_PROBLEM}[name]]
    assert frame["stage"].to_list() == sorted(frame["stage"])
    assert frame.height > 0


@pytest.mark.parametrize("name", OF_PROBLEM)
def test_a_graph_alone_has_no_duties_and_the_message_says_what_to_give(name):
    with pytest.raises(tg.TariffGraphError, match=r"ProductionGraph is no problem.*Give tg\.compile\(graph, rules\)"):
        getattr(indicators, name)(GRAPH, *FURTHER.get(name, []))
