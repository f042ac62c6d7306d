"""Content by the residual method, and what stands upstream, on chains that are worked by hand."""

from __future__ import annotations

import pytest
from customs.graphs import AS_OF, graph_of, rules_of, statutory

import tariffgraph as tg

RESIDUAL = """
content: {steel: {products: [72], method: residual}}
measures:
  - {id: steel, products: [8418], rate: 50%, base: {content: steel}}
"""
# A refrigerator of steel, of plastics that show their crude oil, of a compressor that shows nothing, and of labour.
STAGES = [
    ("STEEL", "KOR", "7208.38"),
    ("CRUDE", "SAU", "2709.00"),
    ("PLASTICS", "KOR", "3903.30"),
    ("COMPRESSOR", "KOR", "8414.30"),
    ("FRIDGE", "KOR", "8418.10"),
]
INPUTS = [
    ("CRUDE", "PLASTICS", 0.5),
    ("STEEL", "FRIDGE", 0.3),
    ("PLASTICS", "FRIDGE", 0.2),
    ("COMPRESSOR", "FRIDGE", 0.15),
]


def test_the_residual_leaves_out_only_what_is_shown_to_hold_none(tmp_path):
    # Plastics are shown to hold no steel; the compressor may; labour stays in: 1 - 0.2.
    duty = statutory(graph_of(STAGES, INPUTS, [("FRIDGE",)]), rules_of(tmp_path, RESIDUAL))
    assert duty["FRIDGE->USA"] == pytest.approx(0.5 * 0.8, abs=1e-15)


@pytest.mark.parametrize(("declared", "content"), [(0, 0.65), (0.4, 0.8)])
def test_the_residual_takes_the_word_of_an_input_that_declares(tmp_path, declared, content):
    inputs = [*INPUTS[:3], (*INPUTS[3], {"content.steel": declared})]
    duty = statutory(graph_of(STAGES, inputs, [("FRIDGE",)]), rules_of(tmp_path, RESIDUAL))
    assert duty["FRIDGE->USA"] == pytest.approx(0.5 * content, abs=1e-15)


def test_a_good_of_inputs_that_all_hold_none_holds_none(tmp_path):
    duty = statutory(graph_of(STAGES, INPUTS[:1] + INPUTS[2:3], [("FRIDGE",)]), rules_of(tmp_path, RESIDUAL))
    assert duty["FRIDGE->USA"] == 0.0


def test_the_recursive_method_adds_up_what_is_shown(tmp_path):
    rules = rules_of(tmp_path, RESIDUAL.replace(", method: residual", ""))
    duty = statutory(graph_of(STAGES, INPUTS, [("FRIDGE",)]), rules)
    assert duty["FRIDGE->USA"] == pytest.approx(0.5 * 0.3, abs=1e-15)


def test_the_hidden_weight_is_not_asked_of_a_residual(tmp_path):
    graph = graph_of(STAGES, INPUTS, [("FRIDGE",)])
    assert tg.compile(graph, rules_of(tmp_path, RESIDUAL), as_of=AS_OF).hidden_content().is_empty()


REACH = """
content:
  metal: {products: [7601]}
  russian-metal: {products: [7601], countries: [RUS]}
  us-metal: {products: [7601], countries: [USA]}
measures:
  - {id: russian, reach: russian-metal, rate: 200%}
  - {id: relief, reach: {all: metal, in: us-metal}, rate: 1%}
"""


def can(*countries: str) -> tg.ProductionGraph:
    """Return a can whose sheet is rolled of metal of these countries, a wooden box, and metal itself, all shipped."""
    return graph_of(
        [
            ("CAN", "CHN", "7612.90"),
            ("SHEET", "CHN", "7606.12"),
            *((f"METAL.{country}", country, "7601.10") for country in countries),
            ("BOX", "CHN", "4415.10"),
            ("WOOD", "CHN", "4407.11"),
        ],
        [
            ("SHEET", "CAN", 0.5),
            ("WOOD", "BOX", 0.5),
            *((f"METAL.{country}", "SHEET", 0.8 / len(countries)) for country in countries),
        ],
        [("CAN",), ("BOX",), ("WOOD",)],
    )


@pytest.mark.parametrize(
    ("countries", "duty"),
    [(("CHN",), 0.0), (("RUS",), 2.0), (("CHN", "RUS"), 2.0), (("USA",), 0.01), (("RUS", "USA"), 2.0)],
)
def test_any_path_and_all_paths_are_asked_through_the_chain(tmp_path, countries, duty):
    assert statutory(can(*countries), rules_of(tmp_path, REACH))["CAN->USA"] == duty


def test_all_of_nothing_holds_where_the_inputs_are_shown_and_not_where_they_are_not(tmp_path):
    duties = statutory(can("CHN"), rules_of(tmp_path, REACH))
    assert (duties["BOX->USA"], duties["WOOD->USA"]) == (0.01, 0.0)


def test_what_is_reached_is_reached_round_a_cycle(tmp_path):
    graph = graph_of(
        [("A", "CHN", "7612.90"), ("B", "CHN", "7606.12"), ("RU", "RUS", "7601.10"), ("C", "CHN", "4415.10")],
        [("A", "B", 0.2), ("B", "A", 0.2), ("RU", "B", 0.1), ("C", "A", 0.1)],
        [("A",), ("B",), ("C",)],
    )
    duties = statutory(graph, rules_of(tmp_path, REACH))
    assert duties == {"A->USA": 2.0, "B->USA": 2.0, "C->USA": 0.0}


@pytest.mark.parametrize("declares", ["reach:russian-metal", "reach:metal"])
def test_an_entry_declares_what_it_reaches(tmp_path, declares):
    entry = tg.Entry(product="7612.90", origin="CHN", value=100, declares=declares)
    expected = {"reach:russian-metal": 200.0, "reach:metal": 1.0}
    assert tg.assess(rules_of(tmp_path, REACH), entry, as_of=AS_OF).total == expected[declares]


def test_a_crossing_may_declare_what_the_graph_does_not_show(tmp_path):
    graph = graph_of([("CAN", "CHN", "7612.90")], [], [("CAN", {"declares": "reach:russian-metal"})])
    assert statutory(graph, rules_of(tmp_path, REACH)) == {"CAN->USA": 2.0}


CHIPS = """
content:
  chips: {{products: [8542], {except_}}}
measures:
  - {{id: chips, except_products: [8542], rate: 25%, base: {{content: chips, unknown: zero}}}}
"""


@pytest.mark.parametrize(
    ("except_", "content"),
    [("method: recursive", 0.7), ("except_nationality: [KOR]", 0.3), ("except_origins: [KOR]", 0.5)],
)
def test_a_kind_may_leave_out_firms_or_origins(tmp_path, except_, content):
    graph = graph_of(
        [
            ("TW", "TWN", "8542.31", {"nationality": "USA"}),
            ("KR", "KOR", "8542.32", {"nationality": "KOR"}),
            ("CN", "CHN", "8542.32", {"nationality": "KOR"}),
            ("PHONE", "VNM", "8517.13", {"nationality": "KOR"}),
        ],
        [("TW", "PHONE", 0.3), ("KR", "PHONE", 0.2), ("CN", "PHONE", 0.2)],
        [("PHONE",), ("KR",)],
    )
    duties = statutory(graph, rules_of(tmp_path, CHIPS.format(except_=except_)))
    assert duties["PHONE->USA"] == pytest.approx(0.25 * content, abs=1e-15)
    assert duties["KR->USA"] == 0.0
