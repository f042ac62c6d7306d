"""What does not change when a graph is written another way: order, twins, detours, spare stages, scale, cycles."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.reference import Graph, Row
from reference.strategies import (
    COUNTRIES,
    PRODUCTS,
    any_graphs,
    graphs,
    graphs_with_rates,
    law,
    neighbours,
    rates_by_crossing,
    rule_sets,
)

import tariffgraph as tg
from tariffgraph.customs.content import value_added_content
from tariffgraph.problem import structure_of

NO_CONTENT = frozenset({"content"})
# Conditions that look at who uses a good, or claims: a detour through a trader changes what they see.
UNSEEN_DETOURS = frozenset({"content", "used_in", "program", "declares", "reach", "residual", "credits"})
# What counts shares of a stage's direct inputs, which are halved where a stage buys half of its own output.
SHARES_OF_INPUTS = frozenset({"residual", "origin", "credits"})


def tables(result: tg.Incidence) -> list[str]:
    """Return every result table as text, to compare byte for byte."""
    frames = [result.shipments, result.crossings, *(result.by(key) for key in engine.KEYS)]
    return [frame.write_csv() for frame in frames]


# --- order (law 4) --------------------------------------------------------------------------------------


@given(graph=any_graphs(), rules=rule_sets(), data=st.data(), with_ids=st.booleans())
@law()
def test_shuffling_the_rows_of_any_table_changes_no_byte_of_a_result(graph, rules, data, with_ids):
    def rows(table: tuple[Row, ...]) -> tuple[Row, ...]:
        return table if with_ids else tuple({key: row[key] for key in row if key != "id"} for row in table)

    graph = Graph(graph.stages, rows(graph.inputs), rows(graph.shipments))
    shuffled = Graph(*(tuple(data.draw(st.permutations(t))) for t in (graph.stages, graph.inputs, graph.shipments)))
    assert engine.engine_graph(shuffled).hash == engine.engine_graph(graph).hash
    assert tables(engine.propagate(shuffled, rules)) == tables(engine.propagate(graph, rules))


# --- the same production written another way (laws 5, 6) ------------------------------------------------


@given(graph=any_graphs(shifts=False), rules=rule_sets(), data=st.data())
@law()
def test_splitting_a_stage_into_twins_changes_nothing(graph, rules, data):
    # What a stage buys from itself is no material, what it buys from its twin is one.
    alone = {row["stage"] for row in graph.stages} - {
        row["user"] for row in graph.inputs if row["user"] == row["supplier"]
    }
    if not alone:
        return
    name = data.draw(st.sampled_from(sorted(alone)))
    stages = (*graph.stages, {**graph.stage[name], "stage": "twin"})
    # Both twins buy what the one bought; its users buy half from each.
    inputs: list[Row] = []
    for row in graph.inputs:
        users = (row["user"], "twin") if row["user"] == name else (row["user"],)
        suppliers = (name, "twin") if row["supplier"] == name else (row["supplier"],)
        share = row["share"] / len(suppliers)
        inputs += [
            {
                **row,
                "id": f"{row['id']}-{user}-{supplier}",
                "user": user,
                "supplier": supplier,
                "share": share,
            }
            for user in users
            for supplier in suppliers
        ]
    split = Graph(stages, tuple(inputs), graph.shipments)
    engine.assert_same_shipments(engine.propagate(split, rules), engine.propagate(graph, rules))


@given(graph=any_graphs(), rules=rule_sets(), data=st.data())
@law()
def test_splitting_an_input_into_two_rows_changes_nothing(graph, rules, data):
    part = data.draw(st.sampled_from((Fraction(1, 2), Fraction(1, 4))))
    inputs = tuple(
        {**row, "id": f"{row['id']}-{which}", "share": row["share"] * share}
        for row in graph.inputs
        for which, share in (("a", part), ("b", 1 - part))
    )
    split = Graph(graph.stages, inputs, graph.shipments)
    engine.assert_same_shipments(engine.propagate(split, rules), engine.propagate(graph, rules))


@given(
    graph=any_graphs(claims=False, content=False, shifts=False),
    rules=rule_sets(leave_out=UNSEEN_DETOURS),
    at_supplier=st.booleans(),
)
@law()
def test_a_domestic_stage_that_only_passes_goods_on_changes_nothing(graph, rules, at_supplier):
    stages, inputs = list(graph.stages), []
    for at, row in enumerate(graph.inputs):
        trader = f"trader{at}"
        first, second = ({}, row) if at_supplier else (row, {})
        origin = {"origin": graph.origin(row["supplier"]), "nationality": graph.nationality(row["supplier"])}
        country = graph.country(row["supplier"] if at_supplier else row["user"])
        product = graph.stage[row["supplier"]]["product"]
        stages.append({"stage": trader, "country": country, "product": product, **origin})
        inputs.append({**first, "id": f"in{at}", "supplier": row["supplier"], "user": trader, "share": Fraction(1)})
        inputs.append({**second, "id": f"out{at}", "supplier": trader, "user": row["user"], "share": row["share"]})
    detour = Graph(tuple(stages), tuple(inputs), graph.shipments)
    engine.assert_same_shipments(engine.propagate(detour, rules), engine.propagate(graph, rules))


@given(graph=any_graphs(), spare=graphs(), rules=rule_sets(), data=st.data())
@law()
def test_stages_that_feed_no_shipment_change_nothing(graph, spare, rules, data):
    def named(name: str) -> str:
        return f"T{name}"

    # The spare stages buy from the others, and sell to none of them.
    bought = [
        {
            "id": f"sold{at}",
            "supplier": data.draw(st.sampled_from(sorted(graph.stage))),
            "user": named(stage),
            "share": Fraction(1, 64),
        }
        for at, stage in enumerate(sorted(spare.stage))
        if spare.value_added(stage) > Fraction(1, 8)
    ]
    larger = Graph(
        (*graph.stages, *({**row, "stage": named(row["stage"])} for row in spare.stages)),
        (
            *graph.inputs,
            *bought,
            *(
                {**row, "id": f"t{row['id']}", "supplier": named(row["supplier"]), "user": named(row["user"])}
                for row in spare.inputs
            ),
        ),
        graph.shipments,
    )
    one, other = engine.propagate(larger, rules), engine.propagate(graph, rules)
    engine.assert_same_shipments(one, other)
    for key in ("measure", "crossing"):
        found, expected = engine.attribution(one, key), engine.attribution(other, key)
        for line in {*found, *expected}:
            rates = [lines[line]["rate"] if line in lines else 0.0 for lines in (found, expected)]
            assert rates[0] == pytest.approx(rates[1], rel=1e-11, abs=1e-14)


# --- cycles (law 12) ------------------------------------------------------------------------------------


@given(graph=graphs(shifts=False), rules=rule_sets(leave_out=SHARES_OF_INPUTS))
@law()
def test_the_cyclic_solver_finds_on_an_acyclic_graph_what_the_acyclic_one_does(graph, rules):
    # A stage that buys half of its own output, and half of all else, sells at the same price: now a cycle is to be
    # solved, of which the acyclic graph is the solution.
    loops = [
        {"id": f"loop{at}", "supplier": row["stage"], "user": row["stage"], "share": Fraction(1, 2)}
        for at, row in enumerate(graph.stages)
        if graph.inputs_of[row["stage"]]
    ]
    looped = {row["user"] for row in loops}
    inputs = [{**row, "share": row["share"] / 2} if row["user"] in looped else row for row in graph.inputs]
    cyclic = Graph(graph.stages, (*inputs, *loops), graph.shipments)
    engine.assert_same_shipments(engine.propagate(cyclic, rules), engine.propagate(graph, rules))


@given(graph=graphs(cyclic=True, stages=3, shifts=False), rules=rule_sets(most=3, leave_out=frozenset({"origin"})))
@law(12)
def test_a_cycle_is_the_limit_of_its_unrolled_copies(graph, rules):
    # Origin is left out: in a cycle it has to be shown, while the first copies show no inputs and so originate.
    # Each generation buys from the one before; the first one adds all value itself and knows no content: what it is
    # wrong by is divided by four at least (shares of a quarter) with every generation untaxed, by 1.1 taxed.
    generations = 36
    stages = [{**row, "stage": f"{row['stage']}.{at:02}"} for at in range(generations) for row in graph.stages]
    inputs = [
        {
            **row,
            "id": f"{row['id']}.{at}",
            "supplier": f"{row['supplier']}.{at - 1:02}",
            "user": f"{row['user']}.{at:02}",
        }
        for at in range(1, generations)
        for row in graph.inputs
    ]
    last = tuple({**row, "stage": f"{row['stage']}.{generations - 1:02}"} for row in graph.shipments)
    unrolled = engine.rates(engine.propagate(Graph(tuple(stages), tuple(inputs), last), rules))
    result = engine.propagate(graph, rules)
    expected = ref.propagate(graph, rules)
    spent = max(
        sum((one.share * (1 + one.passed_on) for one in expected.inputs if one.user == stage), Fraction(0))
        for stage in graph.stage
    )
    most = max(1 + x for x in expected.excess.values())
    left_over = 4 * float(most) * float(spent) ** (generations - 2)
    for name, rate in engine.rates(result).items():
        assert rate == pytest.approx(unrolled[name], rel=1e-9, abs=left_over + 1e-12)


@given(graph=graphs(cyclic=True, shifts=False), rules=rule_sets())
@law()
def test_the_solution_of_a_cycle_does_not_depend_on_where_it_starts(graph, rules):
    # Other names put the stages into the opposite order.
    names = sorted(graph.stage)
    other = dict(zip(names, [f"Z{at}" for at in range(len(names), 0, -1)], strict=True))
    renamed = Graph(
        tuple({**row, "stage": other[row["stage"]]} for row in graph.stages),
        tuple({**row, "supplier": other[row["supplier"]], "user": other[row["user"]]} for row in graph.inputs),
        tuple({**row, "stage": other[row["stage"]]} for row in graph.shipments),
    )
    engine.assert_same_shipments(engine.propagate(renamed, rules), engine.propagate(graph, rules))


@pytest.mark.parametrize("stages", [2, 5, 20])
def test_the_residual_bound_is_no_smaller_than_the_error_near_the_edge_of_productivity(stages):
    # A ring where each stage spends 0.9 on the one before, taxed at 1/9 less a little: 0.9 · 1.1 = 0.99 a border.
    names = [f"R{at:02}" for at in range(stages)]
    graph = Graph(
        tuple({"stage": n, "country": COUNTRIES[at % 2], "product": PRODUCTS[0]} for at, n in enumerate(names)),
        tuple({"id": f"e{at}", "supplier": names[at - 1], "user": name, "share": 0.9} for at, name in enumerate(names)),
        tuple({"id": f"of-{name}", "stage": name, "market": "USA", "value": 1} for name in names),
    )
    rules = {"ruleset": "flat", "importer": "all", "measures": [{"id": "flat", "rate": "10%"}]}
    result = engine.propagate(graph, rules)
    exact = ref.propagate(graph, rules).shipments
    bound = engine.residual_bound(result)
    assert 0 < bound < 1e-8
    for name, rate in engine.rates(result, "embedded_rate").items():
        error = abs(Fraction(rate) - exact[name]["embedded_rate"])
        assert error <= Fraction(bound) + abs(exact[name]["embedded_rate"]) * Fraction(1e-13)


# --- content (law 13) -----------------------------------------------------------------------------------


@given(graph=any_graphs())
@law()
def test_value_added_content_adds_to_one_and_is_not_negative(graph):
    written = engine.engine_graph(graph)
    structure, share = structure_of(written)
    value_added = written.stages["value_added"].to_numpy()[structure.stage]
    frame = value_added_content(written, structure, share, value_added)
    assert frame["share"].min() >= 0.0
    found = {(row["stage"], row["country"]): row["share"] for row in frame.iter_rows(named=True)}
    for stage, exact in ref.value_added_content(graph).items():
        assert sum(exact.values()) == 1
        assert sum(part for (name, _), part in found.items() if name == stage) == pytest.approx(1.0, rel=1e-12)
        for country, part in exact.items():
            assert engine.close(found.get((stage, country), 0.0), part, bound=1e-14)


@given(graph=any_graphs())
@law()
def test_the_contents_of_all_countries_add_to_the_whole(graph):
    # As kinds, the countries see each stage at home whole: the content of home and of abroad add to 1 where a stage
    # shows its inputs. Charged at 50% on one and 50% on the other, every border charges 50%.
    rules = {
        "ruleset": "halves",
        "importer": "all",
        "content": {
            "here": {"countries": ["KOR", "CHN"]},
            "there": {"except_countries": ["KOR", "CHN"]},
        },
        "measures": [
            {"id": "here", "rate": "50%", "base": {"content": "here", "unknown": "zero"}},
            {"id": "there", "rate": "50%", "base": {"content": "there", "unknown": "zero"}},
        ],
    }
    graph = Graph(graph.stages, graph.inputs, tuple({**row, "drawback": 0} for row in graph.shipments))
    exact = ref.propagate(graph, rules).shipments
    for name, row in engine.shipments(engine.propagate(graph, rules)).items():
        assert engine.close(row["statutory_rate"], exact[name]["statutory_rate"])


@given(graph=any_graphs(), both=neighbours("law", "heavier", relations=False))
@law()
def test_content_does_not_depend_on_duties(graph, both):
    rules, heavier = both
    # What the law of one border charges is the same whatever is charged at the others.
    alone = engine.rates(engine.propagate(graph, rules), "statutory_rate")
    both = engine.propagate(graph, rules, heavier)
    other = engine.rates(engine.propagate(graph, heavier), "statutory_rate")
    for name, rate in engine.rates(both, "statutory_rate").items():
        assert rate == pytest.approx(alone[name] + other[name], rel=1e-12, abs=1e-15)


# --- scale and files (laws 24, 27) ----------------------------------------------------------------------


@given(graph=any_graphs(quantities=False), rules=rule_sets(), scale=st.sampled_from((2, 1000, 0.125)))
@law(10)
def test_scaling_values_scales_duties_and_no_rate(graph, rules, scale):
    scaled = Graph(
        graph.stages,
        graph.inputs,
        tuple({**row, "value": row["value"] and row["value"] * Fraction(scale)} for row in graph.shipments),
    )
    before, after = (engine.shipments(engine.propagate(one, rules)) for one in (graph, scaled))
    for name, row in after.items():
        assert [row[column] for column in engine.RATES] == [before[name][column] for column in engine.RATES]
        for column in ("landed_value", "duty"):
            assert row[column] == (before[name][column] and pytest.approx(before[name][column] * scale, rel=1e-14))


@given(graph=any_graphs(denominator=90), form=st.sampled_from(("csv", "parquet")))
@law()
def test_a_graph_that_is_written_and_read_is_the_same(graph, form):
    written = engine.engine_graph(graph, title='A "title", with everything', currency="USD")
    with engine.a_folder() as folder:
        tg.write_graph(written, folder / "graph", format=form)
        found = tg.read_graph(folder / "graph")
    assert found.hash == written.hash
    assert found.stages.equals(written.stages)
    assert found.inputs.equals(written.inputs)
    assert found.shipments.equals(written.shipments)
    assert found.title == written.title


@given(graph=any_graphs())
@law(10)
def test_a_graph_that_goes_through_networkx_is_the_same(graph):
    written = engine.engine_graph(graph)
    assert tg.from_networkx(tg.to_networkx(written)).hash == written.hash


@given(case=graphs_with_rates(), data=st.data())
@law(10)
def test_a_part_of_a_graph_gives_its_shipments_as_before(case, data):
    graph, rates = case
    whole = engine.engine_graph(graph)
    name = data.draw(st.sampled_from([row["id"] for row in graph.shipments]))
    rules = engine.engine_rules(rates_by_crossing(rates))
    part = engine.shipments(tg.propagate(whole.subgraph([name]), rules, as_of="2025-07-02"))
    expected: dict[str, Any] = engine.shipments(tg.propagate(whole, rules, as_of="2025-07-02"))
    assert name in part
    for found in part:
        for column in engine.SHIPMENTS:
            assert part[found][column] == (
                expected[found][column] and pytest.approx(expected[found][column], rel=1e-11, abs=1e-14)
            )
