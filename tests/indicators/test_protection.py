"""The effective rate of protection: by hand, with and without a look into non-traded inputs."""

import pytest
from hypothesis import given
from indicators.small_chain import small_chain, values
from reference import engine
from reference.reference import Graph
from reference.strategies import any_graphs, law, parts_of, percent

import tariffgraph as tg

RULES = {
    "ruleset": "us",
    "importer": "USA",
    "measures": [
        {"id": "cars", "products": ["8703"], "rate": [{"rate": "15%"}, {"origins": ["KOR"], "rate": "25%"}]},
        {"id": "tyres", "products": ["4011"], "rate": "4%"},
        {"id": "materials", "products": ["7208", "2505"], "rate": "10%"},
    ],
}


def car_maker(**shipments):
    """A car of the USA: .4 Korean steel, .2 glass and .1 tyres of its own country; the glass is half Korean sand.

    Imports compete with its cars (300 from Korea, 100 from Japan) and with its tyres, not with its glass.
    """
    return tg.from_frames(
        stages={
            "stage": ["car", "glass", "japanese car", "japanese tyre", "korean car", "sand", "steel", "tyre"],
            "country": ["USA", "USA", "JPN", "JPN", "KOR", "KOR", "KOR", "USA"],
            "product": ["8703.23", "7007", "8703.23.01", "4011.10", "8703.23", "2505", "7208", "4011.10"],
        },
        inputs={
            "supplier": ["steel", "glass", "tyre", "sand"],
            "user": ["car", "car", "car", "glass"],
            "share": [0.4, 0.2, 0.1, 0.5],
        },
        shipments={
            "stage": ["car", "japanese car", "japanese tyre", "korean car"],
            "market": ["USA"] * 4,
            "value": [50.0, 100.0, 7.0, 300.0],
            **shipments,
        },
    )


def protection(graph, rules=RULES, **options):
    problem = tg.compile(graph, engine.engine_rules(rules), as_of="2025-07-02")
    return tg.indicators.effective_rate_of_protection(problem, **options)


def test_the_methods_differ_in_what_they_make_of_non_traded_glass():
    nominal = (300 * 0.25 + 100 * 0.15) / 400
    steel_and_tyres = 0.4 * 0.1 + 0.1 * 0.04
    corden = protection(car_maker())
    assert corden.columns == ["stage", "value", "nominal_rate", "input_tariffs", "value_added"]
    # The sand in the glass pays 10%; what the glass works add is protected with the car.
    inputs, added = steel_and_tyres + 0.2 * 0.5 * 0.1, 0.3 + 0.2 * 0.5
    assert corden.row(0) == ("car", *map(pytest.approx, ((nominal - inputs) / added, nominal, inputs, added)))
    # As if glass were traded at a duty of 0.
    balassa = protection(car_maker(), method="balassa")
    assert balassa.row(0) == (
        "car",
        *map(pytest.approx, ((nominal - steel_and_tyres) / 0.3, nominal, steel_and_tyres, 0.3)),
    )


def test_where_no_import_competes_there_is_no_rate():
    found = values(protection(car_maker()))
    # A tyre buys nothing: its protection is the duty on Japanese tyres.
    assert found["tyre"] == pytest.approx(0.04)
    assert [found[one] for one in ("glass", "japanese car", "korean car", "sand", "steel")] == [None] * 5


def test_a_tariff_on_the_material_alone_protects_negatively():
    rules = {**RULES, "measures": RULES["measures"][2:]}
    assert values(protection(car_maker(), rules))["car"] == pytest.approx(-(0.04 + 0.01) / 0.4)


def test_imports_of_unknown_value_count_the_same():
    # Without any value each shipment counts 1: (.25 + .15) / 2.
    found = protection(car_maker(value=[None] * 4))
    assert values(found, "nominal_rate")["car"] == pytest.approx(0.2)
    # Where others state one, the competing imports without weigh the same among themselves.
    found = protection(car_maker(value=[50.0, None, None, None]))
    assert values(found, "nominal_rate")["car"] == pytest.approx(0.2)


def test_an_import_may_be_an_input_of_another_stage():
    # American steel competes with the Korean steel that the car maker buys, .4 · 100 at 10%.
    stages = {
        "stage": ["american steel", "car", "ore", "steel"],
        "country": ["USA", "USA", "CHN", "KOR"],
        "product": ["7208", "8703.23", "2601", "7208"],
    }
    graph = small_chain().replace(stages=stages, shipments={"stage": ["car"], "market": ["USA"], "value": [100.0]})
    assert values(protection(graph))["american steel"] == pytest.approx(0.1)


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(tg.UnknownNameError, match=r"'cordon' is no method\. Did you mean 'corden'\?"):
        protection(car_maker(), method="cordon")


@given(graph=any_graphs(), rate=parts_of(64, 1))
@law(20)
def test_a_uniform_tariff_protects_everything_at_its_own_rate(graph, rate):
    # By Corden, (t − t · traded) / (1 − traded): what is not traded, directly and inside, is value added.
    def plain(row):
        return {key: value for key, value in row.items() if key not in {"drawback", "pass_through"}}

    graph = Graph(graph.stages, tuple(map(plain, graph.inputs)), tuple(map(plain, graph.shipments)))
    rules = {"ruleset": "flat", "importer": "all", "measures": [{"id": "flat", "rate": percent(rate)}]}
    frame = protection(engine.engine_graph(graph), rules)
    for row in frame.drop_nulls().iter_rows(named=True):
        assert row["nominal_rate"] == pytest.approx(float(rate), rel=1e-12)
        assert row["value"] * row["value_added"] == pytest.approx(
            float(rate) * row["value_added"], rel=1e-10, abs=1e-14
        )
