"""How many borders a duty still has to pass on the way to the market, by hand."""

import pytest

import tariffgraph as tg

RULES = "{ruleset: one, importer: all, measures: [{id: duty, rate: 10%}]}"


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(RULES, encoding="utf-8")
    return tg.read_rules(path)


def depths(result, shipment):
    rows = result.by("depth").filter(shipment=shipment)
    return dict(zip(rows["depth"], rows["rate"], strict=True))


def test_the_last_border_is_0_wherever_the_good_is_sold(rules):
    # Chips (.4) go into Vietnamese boards, all of a phone that is sold in Vietnam, in the USA and in Japan.
    graph = tg.from_frames(
        stages={
            "stage": ["board", "chip", "phone"],
            "country": ["VNM", "KOR", "VNM"],
            "product": ["8534", "8542", "8517"],
        },
        inputs={"supplier": ["chip", "board"], "user": ["board", "phone"], "share": [0.4, 0.5]},
        shipments={"stage": ["phone", "phone"], "market": ["VNM", "USA"]},
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    # What crosses inside the country counts for none: .4 · .5 · .1 = .02, one border before the American one.
    assert depths(result, "phone->VNM") == {"0": pytest.approx(0.02, rel=1e-15)}
    assert depths(result, "phone->USA") == {
        "0": pytest.approx(1.02 * 0.1, rel=1e-15),
        "1": pytest.approx(0.02, rel=1e-15),
    }


def test_a_crossing_sits_at_several_depths(rules):
    # Korean steel goes into an American car directly (.2), and in a Mexican part (.5 of the car, .4 of it steel).
    graph = tg.from_frames(
        stages={
            "stage": ["car", "part", "steel"],
            "country": ["USA", "MEX", "KOR"],
            "product": ["8703", "8708", "7208"],
        },
        inputs={
            "id": ["direct", "through Mexico", "part"],
            "supplier": ["steel", "steel", "part"],
            "user": ["car", "part", "car"],
            "share": [0.2, 0.4, 0.5],
        },
        shipments={"stage": ["car"], "market": ["USA"]},
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    rows = result.by("exporter", "depth").select("exporter", "depth", "rate").rows()
    assert rows == [
        ("KOR", "0", pytest.approx(0.2 * 0.1, rel=1e-15)),
        ("KOR", "1", pytest.approx(0.5 * 0.4 * 0.1, rel=1e-15)),
        ("MEX", "0", pytest.approx(0.5 * 1.04 * 0.1, rel=1e-15)),
    ]
    assert result.by("depth", "exporter").columns[:3] == ["shipment", "depth", "exporter"]


def test_beyond_the_tenth_all_is_one_row_and_rows_are_in_the_order_of_numbers(rules):
    # Half of each good is the one before, which comes from across the border; 14 borders and then the market's.
    names = [f"s{at:02}" for at in range(15)]
    graph = tg.from_frames(
        stages={"stage": names, "country": ["KOR", "JPN"] * 7 + ["KOR"], "product": ["8542"] * 15},
        inputs={"supplier": names[:-1], "user": names[1:], "share": [0.5] * 14},
        shipments={"stage": [names[-1]] * 2, "market": ["KOR", "JPN"]},
    )
    result = tg.propagate(graph, rules, as_of="2025-01-01")
    # After n borders p = 1 + .5 (1.1 p_before − 1), p_0 = 1; what crosses at depth k is .5^(k + 1) of the good.
    price = [1.0]
    for _ in range(14):
        price.append(1.0 + 0.5 * (1.1 * price[-1] - 1.0))
    at_home = [0.1 * price[13 - depth] * 0.5 ** (depth + 1) for depth in range(14)]
    abroad = [0.1 * price[14], *at_home]
    labels = [*map(str, range(11)), "10+"]
    for market, parts in (("KOR", at_home), ("JPN", abroad)):
        found = depths(result, f"s14->{market}")
        assert list(found) == labels
        assert list(found.values()) == pytest.approx([*parts[:11], sum(parts[11:])], rel=1e-12)


def test_a_ring_has_all_depths(rules):
    # Each of two stages is half the other: depth k holds .5^(k + 1) of the good, and all beyond 10 as much as 10.
    graph = tg.from_frames(
        stages={"stage": ["a", "b"], "country": ["KOR", "JPN"], "product": ["72", "73"]},
        inputs={"supplier": ["a", "b"], "user": ["b", "a"], "share": [0.5, 0.5]},
        shipments={"stage": ["a"], "market": ["KOR"]},
    )
    found = depths(tg.propagate(graph, rules, as_of="2025-01-01"), "a->KOR")
    # The same for both: x = .5 (1.1 x + .1) = .05 / .45.
    price = 1 + 0.05 / 0.45
    assert found["0"] == pytest.approx(0.5 * price * 0.1, rel=1e-14)
    assert found["10"] == pytest.approx(0.5**11 * price * 0.1, rel=1e-14)
    assert found["10+"] == pytest.approx(0.5**11 * price * 0.1, rel=1e-14)
    assert sum(found.values()) == pytest.approx(price - 1, rel=1e-14)
