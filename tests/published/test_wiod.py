"""The World Input–Output Table of 2011 (Timmer et al. 2015): 41 regions × 35 industries, read as a production graph."""

from pathlib import Path

import polars as pl
import pytest

import tariffgraph as tg

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "wiod-2011"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the table of 2011 is not beside this checkout")


def code(country: str) -> pl.Expr:
    """Return the country's code: Romania's was ROM until 2002; the rest of the world is a region."""
    return pl.col(country).replace({"ROM": "ROU", "RoW": "ROW"})


def stage_of(side: str) -> pl.Expr:
    return pl.concat_str(code(f"{side}_country"), pl.lit("."), f"{side}_industry")


@pytest.fixture(scope="module")
def output():
    """Output of every industry that has any: the row sum of intermediate and final use."""
    sold = [
        pl.read_parquet(DATA / f"{table}.parquet").select(stage=stage_of("supplier"), output="value")
        for table in ("intermediate", "final")
    ]
    return pl.concat(sold).group_by("stage").agg(pl.col("output").sum()).filter(pl.col("output") > 0).sort("stage")


@pytest.fixture(scope="module")
def graph(output):
    inputs = (
        pl.read_parquet(DATA / "intermediate.parquet")
        .select("value", supplier=stage_of("supplier"), user=stage_of("user"))
        .join(output, left_on="user", right_on="stage")
        .join(output.select(supplier="stage"), on="supplier")
        .select("supplier", "user", share=pl.col("value") / pl.col("output"))
        .filter(pl.col("share") > 0)
    )
    shipments = (
        pl.read_parquet(DATA / "final.parquet")
        .group_by(code("market"), stage=stage_of("supplier"))
        .agg(pl.col("value").sum())
        .join(output.select("stage"), on="stage")
    )
    country, industry = pl.col("stage").str.split(".").list.first(), pl.col("stage").str.split(".").list.last()
    return tg.from_frames(
        stages=output.select("stage", country=country, product=pl.concat_str(pl.lit("WIOD:"), industry)),
        inputs=inputs,
        shipments=shipments,
        regions={"ROW": "rest of the world"},
        negative_value_added=True,
        negative_final_demand=True,
    )


def test_output_is_again_the_row_sum_of_the_table(graph, output):
    found = tg.indicators.gross_output(graph)
    assert found["stage"].equals(output["stage"])
    assert found["value"].to_list() == pytest.approx(output["output"].to_list(), rel=1e-9)


def test_mean_upstreamness_is_mean_downstreamness(graph, output):
    up, down = tg.indicators.upstreamness(graph)["value"], tg.indicators.downstreamness(graph)["value"]
    weight = output["output"]
    assert up.min() > 0.0  # below 1 where stocks run down by more than others use
    assert down.min() >= 1.0
    assert (up * weight).sum() / weight.sum() == pytest.approx((down * weight).sum() / weight.sum(), rel=1e-12)


def test_the_origins_of_value_add_to_one(graph):
    total = tg.indicators.value_added_origin(graph).group_by("stage").agg(pl.col("share").sum())
    assert total["share"].to_list() == pytest.approx([1.0] * len(total), rel=1e-11)
