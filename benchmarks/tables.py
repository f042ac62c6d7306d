"""A case as its tables, and as files: ten countries, twenty products, and the law in ten-countries.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

import tariffgraph as tg

if TYPE_CHECKING:
    from cases import Case

RULES = Path(__file__).parent / "ten-countries.yaml"
AS_OF = "2025-07-02"
COUNTRIES = ["CAN", "CHN", "DEU", "FRA", "JPN", "KOR", "MEX", "TWN", "USA", "VNM"]
PRODUCTS = [f"{chapter}.{heading:02}" for chapter in ("2804", "3920", "7208", "7606", "8542") for heading in (10, 30)]
PRODUCTS += [f"{chapter}.{heading:02}" for chapter in ("7318", "8507", "8409", "8708", "8703") for heading in (21, 90)]
SHIPMENTS = 100


def tables_of(case: Case) -> dict[str, pl.DataFrame]:
    """Return stages, inputs and shipments; the last stages ship their goods to a country each."""
    number = pl.Series("stage", np.arange(case.stages)).cast(pl.String).str.zfill(len(str(case.stages)))
    names = "S" + number
    product = np.arange(case.stages) % len(PRODUCTS)
    stages = pl.DataFrame({"stage": names, "country": _named(COUNTRIES, case.country % 10)})
    stages = stages.with_columns(product=_named(PRODUCTS, product))
    inputs = pl.DataFrame({"supplier": names[case.supplier], "user": names[case.user], "share": case.share})
    sold = np.unique(np.linspace(0, case.stages - 1, SHIPMENTS).astype(int))
    markets = _named(COUNTRIES, (case.country[sold] + 1) % 10)
    return {
        "stages": stages,
        "inputs": inputs,
        "shipments": pl.DataFrame({"stage": names[sold], "market": markets, "value": 1.0}),
    }


def graph_of(case: Case) -> Any:
    return tg.from_frames(**tables_of(case))


def written(case: Case, folder: Path, form: str) -> Path:
    """Write the tables into a folder, as ``csv`` or ``parquet``."""
    folder.mkdir()
    for name, table in tables_of(case).items():
        write = table.write_csv if form == "csv" else table.write_parquet
        write(folder / f"{name}.{form}")
    return folder


def _named(names: list[str], at: Any) -> pl.Series:
    return pl.Series(names)[pl.Series(at).cast(pl.UInt32)]
