"""The leather table (3 countries × 3 industries, worked example of the R package decompr) with 10% on every border."""

from pathlib import Path

import polars as pl
import pytest

import tariffgraph as tg

TABLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "leather" / "table.csv"
pytestmark = pytest.mark.skipif(not TABLE.exists(), reason="the leather table is not beside this checkout")

# x = (I − A'(1 + τ))^-1 A'τ with τ = .1 across borders, in table order.
EXCESS = [0.01507561, 0.03158704, 0.04707311, 0.02409946, 0.027424, 0.04739039, 0.02064743, 0.02450364, 0.0476094]


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


def test_excess_prices_of_the_leather_table(leather, tmp_path):
    stages, graph = leather
    path = tmp_path / "ten.yaml"
    path.write_text("ruleset: ten\nimporter: all\nmeasures: [{id: ten, rate: 10%}]", encoding="utf-8")
    problem = tg.compile(graph, path, as_of="2025-01-01")
    excess = dict(zip(problem.stages, problem.excess_prices(), strict=True))
    assert [excess[stage] for stage in stages] == pytest.approx(EXCESS, abs=5e-9)
    result = tg.propagate(graph, path, as_of="2025-01-01")
    assert result.meta["solver"]["residual_bound"] < 2e-15
    total = result.by("crossing").group_by("shipment").agg(pl.col("rate").sum()).sort("shipment")
    taxed = result.shipments.filter(pl.col("effective_rate") > 0)
    assert total["rate"].to_list() == pytest.approx(taxed["effective_rate"].to_list(), abs=1e-12)
