"""The leather table (3 countries × 3 industries, worked example of the R package decompr), in table order.

Position in the chain, and duties with 10% on every border. Each number is a row of Leontief algebra on the table: with
A the input shares, X those across borders, L = (I − A)^-1 and Y the row sums.
"""

from pathlib import Path

import polars as pl
import pytest

import tariffgraph as tg

TABLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "leather" / "table.csv"
pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the leather table is not beside this checkout")

# x = (I − A'(1 + τ))^-1 A'τ with τ = .1 across borders.
EXCESS = [0.01507561, 0.03158704, 0.04707311, 0.02409946, 0.027424, 0.04739039, 0.02064743, 0.02450364, 0.0476094]

# L' X' 1, and a tenth of it.
BORDER_CROSSINGS = [0.14626, 0.307523, 0.453945, 0.234403, 0.266795, 0.459072, 0.201398, 0.238751, 0.463377]
CUMULATIVE = [
    0.01462603, 0.03075233, 0.0453945, 0.02344034, 0.02667947, 0.04590715, 0.02013978, 0.02387507, 0.04633768,
]  # fmt: skip
# L Y / Y
UPSTREAMNESS = [2.098404, 2.176856, 1.631124, 2.107104, 2.180156, 1.839251, 1.989594, 2.101771, 1.758751]


@pytest.fixture
def leather():
    table = pl.read_csv(TABLE)
    stages = table["row"].to_list()
    final = [column for column in table.columns if column.startswith("final.")]
    output = dict(zip(stages, table.drop("row").sum_horizontal(), strict=True))
    inputs = [
        {"supplier": row["row"], "user": user, "share": row[user] / output[user]}
        for row in table.iter_rows(named=True)
        for user in stages
        if row[user] > 0
    ]
    shipments = [
        {"stage": row["row"], "market": column.removeprefix("final."), "value": float(row[column])}
        for row in table.iter_rows(named=True)
        for column in final
    ]
    return stages, tg.from_frames(
        stages={
            "stage": stages,
            "country": [one[:3] for one in stages],
            "product": [f"decompr:{one[4:]}" for one in stages],
        },
        inputs=pl.DataFrame(inputs),
        shipments=pl.DataFrame(shipments),
    )


@pytest.fixture
def ten(tmp_path):
    path = tmp_path / "ten.yaml"
    path.write_text("ruleset: ten\nimporter: all\nmeasures: [{id: ten, rate: 10%}]", encoding="utf-8")
    return path


def in_table_order(stages, frame):
    value = dict(zip(frame["stage"], frame["value"], strict=True))
    return [value[stage] for stage in stages]


def test_position_in_the_leather_table(leather):
    stages, graph = leather
    found = in_table_order(stages, tg.indicators.border_crossings(graph))
    assert found == pytest.approx(BORDER_CROSSINGS, abs=5e-7)
    assert in_table_order(stages, tg.indicators.upstreamness(graph)) == pytest.approx(UPSTREAMNESS, abs=5e-7)
    output = dict(tg.indicators.gross_output(graph).iter_rows())
    # Row sum of ARG.Agr: 16.1 + 5.1 + 1.8 + 3.2 + 4.3 + .4 + 3.1 + 2.8 + 4.9 + 21.5 + 6.1 + 8.4.
    assert output["ARG.Agr"] == pytest.approx(77.7, rel=1e-13)


def test_cumulative_tariffs_of_the_leather_table(leather, ten):
    stages, graph = leather
    problem = tg.compile(graph, ten, as_of="2025-01-01")
    linear = in_table_order(stages, tg.indicators.cumulative_tariff(problem))
    compounded = in_table_order(stages, tg.indicators.cumulative_tariff(problem, compounded=True))
    assert linear == pytest.approx(CUMULATIVE, abs=5e-9)
    assert compounded == pytest.approx(EXCESS, abs=5e-9)


def test_excess_prices_of_the_leather_table(leather, ten):
    stages, graph = leather
    problem = tg.compile(graph, ten, as_of="2025-01-01")
    excess = dict(zip(problem.stages, problem.excess_prices(), strict=True))
    assert [excess[stage] for stage in stages] == pytest.approx(EXCESS, abs=5e-9)
    result = tg.propagate(graph, ten, as_of="2025-01-01")
    assert result.meta["solver"]["residual_bound"] < 2e-15
    total = result.by("crossing").group_by("shipment").agg(pl.col("rate").sum()).sort("shipment")
    taxed = result.shipments.filter(pl.col("effective_rate") > 0)
    assert total["rate"].to_list() == pytest.approx(taxed["effective_rate"].to_list(), abs=1e-12)
