"""A sweep is so many propagations: the same numbers, in the order stated, whatever is worked out together."""

from datetime import date
from itertools import product

import numpy as np
import polars as pl
import pytest
from customs.graphs import graph_of, rules_of
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference.strategies import any_graphs, law, rule_sets

import tariffgraph as tg
from tariffgraph import tables
from tariffgraph.customs import assess
from tariffgraph.scenarios import sweep as sweeps

DAY = "2025-07-02"
JAPAN = "ieepa-reciprocal@JPN.rate"


@pytest.fixture(scope="module")
def graph():
    return tg.read_graph("korea-us-2025")


@pytest.fixture(scope="module")
def rules():
    return tg.read_rules("us-2025", "partners-2025")


def alone(graph, rules, scenario, settings=(), **where):
    """Return what propagate says of a scenario."""
    where = {"as_of": DAY} | where | {key: scenario[key] for key in ("as_of", "known_on") if scenario.get(key)}
    overlays = scenario.get("overlays") or []
    laid = tg.read_rules(rules, *([overlays] if isinstance(overlays, str) else overlays))
    result = tg.propagate(graph, laid, pass_through=scenario.get("pass_through"), settings=settings, **where)
    return result.shipments


def assert_same(found, expected, near=1e-15):
    """Assert that two tables are the same bits; the duty collected is added up in another way, and near."""
    for column in expected.columns:
        one, other = found[column], expected[column]
        if column in ("duty_rate", "duty"):
            apart = (one - other).abs() / other.abs().clip(1.0)
            assert apart.is_null().equals(other.is_null())
            assert apart.max() is None or apart.max() <= near, column
        else:
            assert one.equals(other), column


def of(frame, number):
    return frame.filter(pl.col("scenario") == number)


# --- the same numbers -----------------------------------------------------------------------------------


def test_every_scenario_of_the_bundled_graph_is_its_propagation(graph, rules):
    grid = {
        JAPAN: [None, "24%", 0.35, {"top_up_to": "15%"}, "ends"],
        "s232-autos.rate": [0.25, 0.0],
        "as_of": [DAY, date(2025, 8, 8)],
        "overlays": [None, "japan-35"],
        "pass_through": [None, 0.5],
    }
    found = tg.sweep(graph, rules, grid, as_of=DAY)
    for number, values in enumerate(product(*grid.values())):
        scenario = dict(zip(grid, values, strict=True))
        written = {None: None, "24%": "24%", 0.35: "0.35", "ends": "ends"}
        japan = values[0]
        japan = "{top_up_to: 15%}" if isinstance(japan, dict) else written[japan]
        settings = [*([f"{JAPAN}={japan}"] if japan else []), f"s232-autos.rate={values[1]}"]
        assert_same(of(found, number), alone(graph, rules, scenario, settings))


@pytest.mark.parametrize("most", [1, 3, 4096])
@given(
    graph=any_graphs(),
    rules=rule_sets(),
    rates=st.lists(
        st.sampled_from(["0", "0.0625", "0.25", "0.75", "ends", "{top_up_to: 25%}"]), min_size=2, max_size=4
    ),
    data=st.data(),
)
@law(12)
def test_every_scenario_of_any_graph_is_its_propagation(most, graph, rules, rates, data):
    book, whole = engine.engine_rules(rules), engine.engine_graph(graph)
    name, other = (data.draw(st.sampled_from(book.names())) for _ in range(2))
    country = data.draw(st.sampled_from(["@KOR", "@asia"] if name == other else ["", "@KOR", "@asia"]))
    grid = {f"{name}{country}.rate": rates, f"{other}.rate": [None, 0.125], "pass_through": [None, 0.5]}
    try:
        expected = [
            tg.propagate(
                whole,
                book,
                as_of=DAY,
                pass_through=values[2],
                settings=[
                    f"{key}={value}" for key, value in list(zip(grid, values, strict=True))[:2] if value is not None
                ],
            ).shipments
            for values in product(*grid.values())
        ]
    except tg.TariffGraphError as error:
        with pytest.raises(type(error)):
            tg.sweep(whole, book, grid, as_of=DAY)
        return  # in some scenario
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "MOST_TOGETHER", most)
        found = tg.sweep(whole, book, grid, as_of=DAY)
    assert found["scenario"].to_list() == sorted(found["scenario"].to_list())
    for number, frame in enumerate(expected):
        assert_same(of(found, number), frame, near=1e-14)


CREDITS = """
measures:
  - {id: parts, products: [8708], rate: 25%}
  - {id: glass, products: [7007, 8708], rate: 10%}
  - {id: wire, products: [8544, 8708], rate: 7.3%}
credits:
  - {id: offset, at: {products: [8703], importer: USA}, share: 1.7%, of: [glass, wire]}
  - {id: rebate, at: {products: [8703], importer: USA}, share: 0.9%, of: [parts]}
"""


def test_credits_against_several_measures_are_the_same_bits(tmp_path):
    stages = [("PARTS", "KOR", "8708.29"), ("GLASS", "JPN", "7007.11"), ("CAR", "USA", "8703.23")]
    car = graph_of(stages, [("PARTS", "CAR", 0.3), ("GLASS", "CAR", 0.1)], [("CAR",)])
    law = rules_of(tmp_path, CREDITS)
    values = [0.013, 0.11, 0.29, 0.31]
    found = tg.sweep(car, law, {"glass.rate": values, "parts.rate": values}, as_of=DAY)
    for number, (glass, parts) in enumerate(product(values, values)):
        assert_same(of(found, number), alone(car, law, {}, [f"glass.rate={glass}", f"parts.rate={parts}"]))


QUOTA = """
measures:
  - id: steel
    products: [7208]
    rate: {quota: {name: kr, quantity: 30, unit: t}, in_quota: 0%, over_quota: 25%}
  - {id: baseline, rate: 10%}
relations:
  - {by: baseline, excludes: steel}
"""


def test_who_draws_on_a_quota_is_asked_in_every_scenario(tmp_path):
    steel = tg.from_frames(
        stages=pl.DataFrame({"stage": ["A", "B"], "country": ["KOR", "JPN"], "product": ["7208.38", "7208.38"]}),
        inputs=pl.DataFrame({"supplier": [], "user": [], "share": []}, schema_overrides={"share": pl.Float64}),
        shipments=pl.DataFrame(
            {"stage": ["A", "B"], "market": ["USA", "USA"], "value": [5.0, None], "quantity": [20.0, 40.0], "unit": "t"}
        ),
    )
    law = rules_of(tmp_path, QUOTA)
    found = tg.sweep(steel, law, {"baseline@KOR.rate": [0.1, 0.0], "baseline@JPN.rate": [0.1, 0.0]}, as_of=DAY)
    # Free of the baseline duty, steel draws on the quota: 20 t or 40 t alone, or 60 t; 30 t are within it.
    rates = found.select("scenario", "stage", "statutory_rate").rows()
    assert rates[:2] == [(0, "A", 0.1), (0, "B", 0.1)]
    assert rates[2:4] == [(1, "A", 0.1), (1, "B", pytest.approx(0.25 * 10 / 40))]
    assert rates[4:6] == [(2, "A", 0.0), (2, "B", 0.1)]
    assert rates[6:8] == [(3, "A", pytest.approx(0.125)), (3, "B", pytest.approx(0.125))]
    assert found["duty"].is_null().to_list() == [False, True] * 4


def test_settings_apply_in_the_order_of_their_keys(graph, rules):
    def japanese(changes):
        found = tg.sweep(graph, rules, changes, as_of=DAY).filter(id="JP.MLCC->USA")
        return found["statutory_rate"].to_list()

    assert japanese({JAPAN: [0.24], "ieepa-reciprocal.rate": ["ends"]}) == [0.0]
    assert japanese({"ieepa-reciprocal.rate": ["ends"], JAPAN: [0.24]}) == [0.24]
    assert japanese({"ieepa-reciprocal.rate": [0.3, "ends"], JAPAN: [None, 0.24]}) == [0.3, 0.24, 0.0, 0.24]
    assert japanese([{JAPAN: 0.24}, {"ieepa-reciprocal.rate": 0.3, JAPAN: 0.35}]) == [0.24, 0.3]


def test_japan_by_hand(graph, rules):
    found = tg.sweep(graph, rules, {JAPAN: [0.10, 0.24, 0.35]}, as_of=DAY, market="USA")
    assert found.filter(id="JP.MLCC->USA")["effective_rate"].to_list() == [0.1, 0.24, 0.35]
    # A car under the duty on autos owes no reciprocal duty: 2.5% and 25%.
    assert found.filter(id="JP.TOYOTA.CAR->USA")["effective_rate"].to_list() == [0.275] * 3


# --- what comes out ------------------------------------------------------------------------------------


def test_the_last_key_of_a_grid_varies_fastest_and_columns_hold_what_was_set(graph, rules):
    found = tg.sweep(graph, rules, {"as_of": [DAY, "2025-08-08"], JAPAN: ["10%", 0.24]}, as_of="2025-01-01")
    assert found.columns == ["scenario", "as_of", JAPAN, *(one.name for one in tables.SWEEP[2:])]
    assert found.columns[3:] == tg.propagate(graph, rules, as_of=DAY).shipments.columns
    stated = found.select("scenario", "as_of", JAPAN).unique(maintain_order=True).rows()
    assert stated == [(0, DAY, 0.1), (1, DAY, 0.24), (2, "2025-08-08", 0.1), (3, "2025-08-08", 0.24)]


def test_a_column_of_numbers_and_words_is_text_and_what_is_left_out_is_null(graph, rules):
    scenarios = [
        {"name": "as it is"},
        {JAPAN: 0.24, "pass_through": "50%"},
        {JAPAN: "ends"},
        {JAPAN: {"top_up_to": "15%"}, "overlays": ["japan-35", "usmca-ended"]},
    ]
    stated = tg.sweep(graph, rules, scenarios, as_of=DAY).unique("scenario", maintain_order=True)
    assert stated.select("name", JAPAN, "pass_through", "overlays").rows() == [
        ("as it is", None, None, None),
        (None, "0.24", 0.5, None),
        (None, "ends", None, None),
        (None, "{top_up_to: 15%}", None, "japan-35;usmca-ended"),
    ]


def test_numbers_may_come_from_an_array(graph, rules):
    one = tg.sweep(graph, rules, {JAPAN: np.array([0.25, 0.5], np.float32)}, as_of=DAY)
    assert one.equals(tg.sweep(graph, rules, {JAPAN: [0.25, "50%"]}, as_of=DAY))


def test_blocks_and_parts_of_any_size_hold_the_same_rows(graph, rules, monkeypatch):
    grid = {"as_of": [DAY, "2025-08-08"], JAPAN: np.linspace(0, 1, 7), "s232-autos.rate": [0.25, "ends"]}
    whole = tg.sweep(graph, rules, grid)
    for most, rows, blocks in ((1, 1, 1), (3, 100, 2), (5, 10**9, 10**9)):
        monkeypatch.setattr(sweeps, "MOST_TOGETHER", most)
        monkeypatch.setattr(sweeps, "ROWS_OF_PART", rows)
        monkeypatch.setattr(sweeps, "BLOCKS_OF_PART", blocks)
        assert tg.sweep(graph, rules, grid).equals(whole)


def test_scenarios_worked_out_side_by_side_are_the_same_bits(graph, rules, monkeypatch):
    grid = {JAPAN: np.linspace(0, 1, 9), "pass_through": [None, 0.0, 0.4, 1.0]}
    whole = tg.sweep(graph, rules, grid, as_of=DAY)
    assert any(whole["exporter_rate"])
    for threads in (1, 2, 3):
        monkeypatch.setattr("tariffgraph.core.structure.threads_wanted", lambda asked, size=threads: asked or size)
        assert tg.sweep(graph, rules, grid, as_of=DAY).equals(whole)


def test_every_problem_is_compiled_once_and_told_when_done(graph, rules, monkeypatch):
    compiled, told = [], []
    real = sweeps.compile_varied
    monkeypatch.setattr(sweeps, "compile_varied", lambda *asked: compiled.append(asked) or real(*asked))
    monkeypatch.setattr(sweeps, "MOST_TOGETHER", 2)
    tg.sweep(graph, rules, {JAPAN: [0.1, 0.2, 0.3], "as_of": [DAY, "2025-08-08"]}, tell=told.append)
    assert len(compiled) == 2
    assert told == [f"{done} of 6 scenarios" for done in (2, 3, 5, 6)]


def test_the_law_is_walked_as_often_for_a_thousand_scenarios_as_for_ten(graph, rules, monkeypatch):
    walks = []
    real = assess.assess_facts
    monkeypatch.setattr(assess, "assess_facts", lambda *asked: walks.append(1) or real(*asked))

    def walked(scenarios):
        walks.clear()
        tg.sweep(graph, rules, {JAPAN: np.linspace(0.01, 1, scenarios)}, as_of=DAY)
        return len(walks)

    assert walked(1000) == walked(10)


def test_less_memory_makes_smaller_blocks_and_too_little_is_refused(graph, rules):
    def blocks(memory):
        todo = sweeps.plan(graph, rules, {JAPAN: np.linspace(0, 1, 1000)}, as_of=DAY, max_memory=memory)
        return [len(block.numbers) for part in todo.parts for block in part]

    small = blocks(2.85e8)
    assert sum(small) == 1000
    assert max(small) < max(blocks(4e9)) == 1000
    with pytest.raises(tg.TooLargeError, match=r"20 MB are allowed, and this graph needs about [0-9]+ MB"):
        blocks(2e7)
    with pytest.raises(tg.TooLargeError, match=r"the table of .* rows needs about .* Write it in parts"):
        tg.sweep(graph, rules, {JAPAN: np.linspace(0, 1, 100_000)}, as_of=DAY, max_memory=6e8)


def test_parts_are_smaller_where_memory_is_short_or_graphs_are_large(graph, rules, monkeypatch):
    def parts(**stated):
        todo = sweeps.plan(graph, rules, {JAPAN: np.linspace(0, 1, 40_000)}, as_of=DAY, market="USA", **stated)
        return [sum(len(block.numbers) for block in part) for part in todo.parts]

    rows = graph.shipments.filter(market="USA").height
    assert sum(parts()) == sum(parts(max_memory=3.5e8)) == 40_000
    assert len(parts(max_memory=3.5e8)) > len(parts()) > 1
    assert max(parts(max_memory=3.5e8)) * rows < sweeps.ROWS_OF_PART
    monkeypatch.setattr(sweeps, "VISITS_OF_PART", 100 * len(graph.inputs))
    monkeypatch.setattr(sweeps, "MOST_TOGETHER", 30)
    assert parts() == [120] * 333 + [40]


# --- how prices were solved ----------------------------------------------------------------------------

RING = """
measures:
  - {id: korean, importer: KOR, rate: 5%}
  - {id: american, rate: 10%}
"""


@pytest.fixture
def ring():
    """Forty stages that buy from one another in a circle, two of them Korean."""
    country = ["KOR" if one in (10, 30) else ("USA", "CHN")[one % 2] for one in range(40)]
    stages = [(f"S{one:02}", country[one], "8703.23") for one in range(40)]
    return graph_of(stages, [(f"S{one:02}", f"S{(one + 1) % 40:02}", 0.6) for one in range(40)], [("S31",)])


def test_rows_say_by_which_ways_their_prices_were_solved(ring, graph, rules, tmp_path, monkeypatch):
    law = rules_of(tmp_path, RING)

    def methods(*asked):
        return sweeps.table(sweeps.plan(*asked, as_of=DAY)).methods

    korean, american = ({f"{name}.rate": np.linspace(0.01, 0.4, 40)} for name in ("korean", "american"))
    assert methods(graph, rules, {JAPAN: [0.1, 0.2]}) == ("acyclic sweep",)
    assert methods(ring, law, korean) == ("cyclic solve",)
    monkeypatch.setattr("tariffgraph.core.structure.ELIMINATE_UP_TO", 8)  # a large cycle, for once
    assert methods(ring, law, korean) == ("exact low-rank update (Sherman–Morrison–Woodbury)",)
    # The Americans and Chinese buy everywhere: no update pays.
    assert methods(ring, law, american) == ("cyclic solve",)
    monkeypatch.setattr(sweeps, "MOST_TOGETHER", 36)  # the last four scenarios are too few
    assert methods(ring, law, korean) == ("cyclic solve", "exact low-rank update (Sherman–Morrison–Woodbury)")


def test_a_low_rank_update_gives_the_rates_of_propagate_within_rounding(ring, tmp_path, monkeypatch):
    law = rules_of(tmp_path, RING)
    values = np.linspace(0.01, 0.4, 40).tolist()
    monkeypatch.setattr("tariffgraph.core.structure.ELIMINATE_UP_TO", 8)
    found = tg.sweep(ring, law, {"korean.rate": values}, as_of=DAY)
    for number in (0, 17, 39):
        expected = alone(ring, law, {}, [f"korean.rate={values[number]!r}"])
        assert of(found, number)["effective_rate"].to_list() == pytest.approx(
            expected["effective_rate"].to_list(), rel=1e-13
        )


# --- what is wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({}, tg.TariffGraphError, "the grid is empty"),
        ([], tg.TariffGraphError, "there is no scenario"),
        ("japan", tg.TariffGraphError, "neither a grid nor a list but str"),
        ([5], tg.TariffGraphError, "scenario 0: 5 is no scenario"),
        ({JAPAN: []}, tg.TariffGraphError, f"{JAPAN}: the list is empty"),
        ({"asof": [DAY]}, tg.TariffGraphError, "asof: 'asof' is no key of a scenario. Did you mean 'as_of'?"),
        ({"a=b.rate": [1]}, tg.TariffGraphError, "is no key of a scenario"),
        ({"name": ["x"]}, tg.TariffGraphError, "a grid has no names"),
        ({"ieepa-recprocal.rate": [0.1]}, tg.UnknownNameError, "Did you mean 'ieepa-reciprocal'?"),
        ({"ieepa-reciprocal.rat": ["x"]}, tg.UnknownNameError, "no field 'rat'. Did you mean 'rate'?"),
        ({"ieepa-reciprocal@JPP.rate": [0.1]}, tg.UnknownNameError, "Did you mean JPN?"),
        ({JAPAN: [0.1, "25"]}, tg.TariffGraphError, f"scenario 1, {JAPAN}: '25' can be read in two ways. 25% or 0.25?"),
        ({JAPAN: [-0.1]}, tg.TariffGraphError, "-0.1 is not a rate"),
        ({JAPAN: [float("nan")]}, tg.TariffGraphError, "nan is not a rate"),
        ({JAPAN: [True]}, tg.TariffGraphError, "scenario 0"),
        ({JAPAN: [b"1"]}, tg.TariffGraphError, "is no value of a setting"),
        ({JAPAN: [{"top_up": "1%"}]}, tg.RulesError, f"scenario 0, {JAPAN}: "),
        ({"as_of": ["2025-02-30"]}, tg.TariffGraphError, "scenario 0, as_of: '2025-02-30' is not a day"),
        ({"as_of": [2025]}, tg.TariffGraphError, "scenario 0, as_of: 2025 is not a date. Write YYYY-MM-DD."),
        ({"pass_through": [1.5]}, tg.TariffGraphError, "1.5 is not a pass-through"),
        ({"overlays": ["japan-53"]}, tg.DatasetError, "Did you mean 'japan-35'?"),
        ({"overlays": [5]}, tg.TariffGraphError, "5 names no overlay"),
        ({f"k{n}.rate": [0, 1] for n in range(20)}, tg.TariffGraphError, "the grid has 1,048,576 scenarios"),
    ],
)
def test_what_is_wrong_is_said_with_the_scenario(graph, rules, changes, kind, said):
    with pytest.raises(kind) as raised:
        tg.sweep(graph, rules, changes, as_of=DAY)
    assert said in str(raised.value)


def test_all_problems_are_told_at_once(graph, rules):
    with pytest.raises(tg.TariffGraphError) as raised:
        tg.sweep(graph, rules, [{JAPAN: "1.5"}, {"pass_through": 3, "asof": DAY}], as_of=DAY)
    assert [one.field for one in raised.value.findings] == [
        f"scenario 0, {JAPAN}", "scenario 1, pass_through", "scenario 1, asof"
    ]  # fmt: skip
    with pytest.raises(tg.UnknownNameError) as raised:
        tg.sweep(graph, rules, [{"a.rate": 0.1}, {"mfn.rate": 0.1}, {"b.rate": 0.1}], as_of=DAY)
    assert [one.field for one in raised.value.findings] == ["scenario 0, a.rate", "scenario 2, b.rate"]


def test_an_unknown_market_is_told(graph, rules):
    with pytest.raises(tg.UnknownNameError, match="Did you mean 'USA'"):
        tg.sweep(graph, rules, {JAPAN: [0.1]}, as_of=DAY, market="US")


def test_the_scenario_that_no_price_can_bear_is_named(tmp_path):
    ring = graph_of(
        [("A", "KOR", "8708.29"), ("B", "USA", "8703.23")],
        [("A", "B", 0.8), ("B", "A", 0.8)],
        [("B", {"market": "KOR"})],
    )
    law = rules_of(tmp_path, "measures: [{id: duty, importer: all, rate: 1%}]")
    assert len(tg.sweep(ring, law, {"duty.rate": [0.1, 0.2]}, as_of=DAY)) == 2
    with pytest.raises(tg.NotProductiveError, match=r"^scenario 1: with the duties on, the cycle"):
        tg.sweep(ring, law, {"duty.rate": [0.1, 0.3, 0.5]}, as_of=DAY)


def test_the_scenario_in_which_a_fact_is_lacking_is_named(tmp_path):
    text = """
measures:
  - {id: all, rate: 10%}
  - {id: kilo, rate: 1 cent/kg}
relations:
  - {by: all, excludes: kilo}
"""
    good = graph_of([("A", "KOR", "8708.29")], [], [("A",)])
    with pytest.raises(tg.GraphError, match=r"^scenario 2: .*quantity"):
        tg.sweep(good, rules_of(tmp_path, text), {"all.rate": [0.2, 0.1, 0]}, as_of=DAY)
