"""Caliendo & Parro (2015): 31 regions × 40 sectors of 1993 under the real bilateral tariffs, and under NAFTA's.

At the 1993 tariffs every price is 1: with π the expenditure shares at landed prices, b = (intermediate use / gross
output) · π and a = b / (1 + τ), p = v + Σ b p is solved by p = 1, since v + Σ b = 1. Untaxed prices p⁰ solve
p⁰ = v + aᵀ p⁰; a_ij p⁰_i / p⁰_j are the shares of a production graph, and p⁰_j (1 + x_j) has to be 1.

One intermediate use of the table is negative (Canadian basic metals use −9.5 million USD of the sector Other), which no
production graph can hold: shares are above 0. The graph leaves it out, and gross output is the sum of what is left, so
that the identity stays exact; the car's embedded rate then differs from the whole table's in the eighth decimal. The
engine's own arrays can hold it, and give the rate of the whole table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph.core.structure import Structure, class_codes

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "caliendo-parro-1993"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the data of Caliendo and Parro are not beside this checkout")

COUNTRIES = {
    "Argentina": "ARG", "Australia": "AUS", "Austria": "AUT", "Brazil": "BRA", "Canada": "CAN", "Chile": "CHL",
    "China": "CHN", "Denmark": "DNK", "Finland": "FIN", "France": "FRA", "Germany": "DEU", "Greece": "GRC",
    "Hungary": "HUN", "India": "IND", "Indonesia": "IDN", "Ireland": "IRL", "Italy": "ITA", "Japan": "JPN",
    "Korea": "KOR", "Mexico": "MEX", "Netherlands": "NLD", "New Zealand": "NZL", "Norway": "NOR", "Portugal": "PRT",
    "Row": "ROW", "South Africa": "ZAF", "Spain": "ESP", "Sweden": "SWE", "Turkey": "TUR", "UK": "GBR", "USA": "USA",
}  # fmt: skip
BEFORE, AFTER = "1993-12-31", "1994-01-01"  # the second is the day on which NAFTA came into force


@dataclass(frozen=True)
class Table:
    """``stages`` with v and price_without (p⁰); ``inputs`` with share, and the tariffs as columns."""

    stages: pl.DataFrame
    inputs: pl.DataFrame


def read(name: str) -> pl.DataFrame:
    """Read a table with countries and sectors as codes."""
    frame = pl.read_parquet(DATA / f"{name}.parquet")
    sectors = [one for one in frame.columns if "sector" in one]
    regions = [one for one in frame.columns if one in {"region", "exporter", "importer"}]
    return frame.with_columns(
        *(pl.col(one).str.replace_all("[^A-Za-z0-9]+", "-") for one in sectors),
        *(pl.col(one).replace_strict(COUNTRIES) for one in regions),
    )


def stage_of(country: str, sector: str) -> pl.Expr:
    return pl.concat_str(country, pl.lit("."), sector)


def table_of(use: pl.DataFrame) -> Table:
    """Build shares and untaxed prices as the data's description says."""
    bought = use.group_by("region", "using_sector").agg(pl.col("value").sum())
    stages = (
        read("value_added")
        .join(bought, left_on=["region", "sector"], right_on=["region", "using_sector"], how="left")
        .with_columns(stage=stage_of("region", "sector"), output=pl.col("value_added") + pl.col("value").fill_null(0.0))
        .select("stage", "region", "sector", "output", v=pl.col("value_added") / pl.col("output"))
        .sort("stage")
    )
    landed = pl.col("value") * (1 + pl.col("tariff_1993"))
    spending = read("trade").with_columns(pi=landed / landed.sum().over("sector", "importer"))
    inputs = (
        spending.drop("value")
        .join(use, left_on=["importer", "sector"], right_on=["region", "input_sector"], how="inner")
        .with_columns(supplier=stage_of("exporter", "sector"), user=stage_of("importer", "using_sector"))
        .join(stages.select("stage", "output"), left_on="user", right_on="stage")
        .with_columns(a=pl.col("value") / pl.col("output") * pl.col("pi") / (1 + pl.col("tariff_1993")))
        .filter(pl.col("a") != 0)
    )
    place = {stage: at for at, stage in enumerate(stages["stage"])}
    supplier, user = (inputs[one].replace_strict(place).to_numpy() for one in ("supplier", "user"))
    bought_from = np.zeros((len(place), len(place)))
    bought_from[user, supplier] = inputs["a"].to_numpy()
    price = np.linalg.solve(np.eye(len(place)) - bought_from, stages["v"].to_numpy())
    return Table(
        stages.with_columns(price_without=price),
        inputs.with_columns(share=pl.col("a") * pl.Series(price[supplier] / price[user])),
    )


def graph_of(table: Table) -> tg.ProductionGraph:
    return tg.from_frames(
        stages=table.stages.select("stage", country="region", product=pl.concat_str(pl.lit("CP:"), "sector")),
        inputs=table.inputs.select("supplier", "user", "share"),
        shipments={"stage": ["MEX.Auto"], "market": ["USA"]},
        regions={"ROW": "rest of the world"},
    )


def law_of(path: Path) -> Path:
    """Write the tariffs as law: a measure for each importer, a row for each sector and rate, NAFTA's rows from 1994."""
    trade = read("trade").filter(pl.col("exporter") != pl.col("importer"))
    before = trade.filter(pl.col("tariff_1993") > 0).with_columns(pl.lit(None, pl.String).alias("from"))
    after = trade.filter(pl.col("tariff_nafta") != pl.col("tariff_1993")).with_columns(pl.lit(AFTER).alias("from"))
    rows = pl.concat([before.rename({"tariff_1993": "rate"}), after.rename({"tariff_nafta": "rate"})], how="diagonal")
    rows = rows.group_by("importer", "sector", "from", "rate").agg(pl.col("exporter").sort())
    measures = []
    for (importer,), of_importer in rows.sort("from", "sector", "rate").group_by("importer", maintain_order=True):
        rate = [
            {"from": day, "origins": origins, "products": f"CP:{sector}", "rate": f"{100 * rate!r}%"}
            for day, origins, sector, rate in of_importer.select("from", "exporter", "sector", "rate").iter_rows()
        ]
        rate = [{key: value for key, value in row.items() if value is not None} for row in rate]
        measures.append({"id": f"tariff-{importer}", "importer": importer, "rate": rate})
    law = {"ruleset": "bilateral", "regions": {"ROW": "rest of the world"}, "measures": measures}
    path.write_text(json.dumps(law), encoding="utf-8")
    return path


def largest_gap(table: Table, excess: pl.DataFrame) -> float:
    """Return the largest |p⁰ (1 + x) − 1|; ``excess`` holds stage and value."""
    both = table.stages.join(excess, on="stage", how="left")
    return float((both["price_without"] * (1 + both["value"]) - 1).abs().max())


@pytest.fixture(scope="module")
def table():
    return table_of(read("intermediate_use").filter(pl.col("value") > 0))


@pytest.fixture(scope="module")
def graph(table):
    return graph_of(table)


@pytest.fixture(scope="module")
def law(tmp_path_factory):
    return law_of(tmp_path_factory.mktemp("law") / "bilateral.yaml")


def car(result: tg.Incidence) -> tuple[float, float, float]:
    """Return the statutory, embedded and effective rate of the Mexican car in the USA."""
    return result.shipments.select("statutory_rate", "embedded_rate", "effective_rate").row(0)


def test_untaxed_prices_are_as_described(table):
    assert len(table.stages) == 31 * 40
    assert table.stages["price_without"].min() == pytest.approx(0.9062, abs=5e-5)
    assert table.stages["price_without"].max() == pytest.approx(1.0, abs=1e-12)


def test_with_the_1993_tariffs_every_price_is_one_and_the_mexican_car_carries_three_cents_more_than_its_tariff(
    table, graph, law
):
    result = tg.propagate(graph, law, as_of=BEFORE)
    excess = tg.indicators.cumulative_tariff(result.problem, compounded=True)
    assert len(excess) == 31 * 40
    assert largest_gap(table, excess) < 5e-15
    statutory, embedded, effective = car(result)
    assert statutory == pytest.approx(0.0274, abs=1e-12)
    # Of the whole table .032696364: the use left out accounts for 3.6e-8.
    assert embedded == pytest.approx(0.032696364, abs=5e-8)
    assert effective == pytest.approx(0.060992, abs=5e-7)
    assert effective == pytest.approx((1 + embedded) * 1.0274 - 1, abs=1e-12)
    linear = tg.indicators.cumulative_tariff(result.problem)
    assert (linear["value"] <= excess["value"] + 1e-15).all()


def test_under_nafta_the_mexican_car_carries_only_what_is_embedded(graph, law):
    statutory, embedded, effective = car(tg.propagate(graph, law, as_of=AFTER))
    assert statutory == 0.0
    assert embedded == effective == pytest.approx(0.009389, abs=5e-7)


@pytest.mark.parametrize(
    ("tariff", "embedded", "rounding"), [("tariff_1993", 0.032696364, 5e-10), ("tariff_nafta", 0.009389, 5e-7)]
)
def test_the_engine_gives_the_rate_of_the_whole_table_its_negative_use_included(tariff, embedded, rounding):
    whole = table_of(read("intermediate_use"))
    ids = whole.stages["stage"]
    place = dict(zip(ids, range(len(ids)), strict=True))
    supplier, user = (whole.inputs[one].replace_strict(place).to_numpy() for one in ("supplier", "user"))
    structure = Structure.build(len(ids), supplier, user)
    rates, class_of_input = np.unique(whole.inputs[tariff].to_numpy(), return_inverse=True)
    share = whole.inputs["share"].to_numpy()[structure.input]
    classes = class_codes(class_of_input[structure.input], len(rates))
    excess = structure.excess(share, classes, rates)[structure.place]
    assert (share < 0).sum() == 31
    assert excess[place["MEX.Auto"]] == pytest.approx(embedded, abs=rounding)
    if tariff == "tariff_1993":
        assert largest_gap(whole, pl.DataFrame({"stage": ids, "value": excess})) < 5e-15
