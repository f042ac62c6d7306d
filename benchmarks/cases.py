"""The registry of cases: what is measured, from two hundred stages to ten million inputs, as arrays.

Every case has duties: without them p = 1 is the solution already. Shares add up to less than one at every stage, and
stay so with the duties on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tariffgraph.core.structure import Structure, class_codes

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

#: Where the real tables are kept that the project does not carry; cases that need one are left out without it.
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@dataclass(frozen=True, eq=False)
class Case:
    """A graph under a law, in the caller's numbers. ``class_``: of each input, −1 where it crosses no border."""

    name: str
    stages: int
    supplier: Array
    user: Array
    share: Array
    class_: Array
    rates: Array
    country: Array

    @property
    def inputs(self) -> int:
        return len(self.supplier)


@dataclass(frozen=True, eq=False)
class Ready:
    """A case as the kernels take it."""

    case: Case
    structure: Structure
    share: Array
    class_of_input: Array

    def excess(self, rates: Array | None = None, **options: Any) -> Array:
        return self.structure.excess(
            self.share, self.class_of_input, self.case.rates if rates is None else rates, **options
        )

    def excess_of_many(self, rates: Array, **options: Any) -> Array:
        return self.structure.excess_of_many(self.share, self.class_of_input, rates, **options)


def ready(case: Case) -> Ready:
    structure = Structure.build(case.stages, case.supplier, case.user)
    codes = class_codes(case.class_, len(case.rates))
    return Ready(case, structure, case.share[structure.input], codes[structure.input])


def _scaled(rng: Any, stages: int, user: Array, weight: Array, low: float, high: float) -> Array:
    """Return shares that add up to between ``low`` and ``high`` at every user."""
    total = np.bincount(user, weights=weight, minlength=stages)
    wanted = rng.uniform(low, high, stages)
    return weight * (wanted / np.where(total > 0, total, 1.0))[user]


def _law(rng: Any, country: Array, supplier: Array, user: Array, classes: int, top: float) -> tuple[Array, Array]:
    """Return a class for each input, −1 within a country, and rates: zero at every tenth class."""
    class_ = rng.integers(0, classes, len(supplier))
    class_[country[supplier] == country[user]] = -1
    rates = rng.uniform(0, top, classes)
    rates[::10] = 0.0
    return class_, rates


def acyclic(
    name: str,
    stages: int,
    inputs: int,
    *,
    classes: int = 4_000,
    reach: float = 1.0,
    hubs: float = 0.0,
    shuffled: bool = True,
) -> Case:
    """A random acyclic graph, ten countries.

    The dial: ``reach``, how far back suppliers lie, as a part of all stages before (small: long chains); ``hubs``, the
    part of inputs that come from a hundredth of the stages; ``shuffled``: the caller's numbers do not follow the order.
    """
    rng = np.random.default_rng(len(name) + stages)
    user = np.sort(rng.integers(1, stages, inputs))
    window = np.maximum(1, user * reach)
    supplier = (user - 1 - rng.random(inputs) * window).astype(np.int64).clip(0)
    to_hub = rng.random(inputs) < hubs
    supplier[to_hub] = rng.integers(0, max(1, stages // 100), to_hub.sum())
    supplier = np.minimum(supplier, user - 1)
    if shuffled:
        number = rng.permutation(stages)
        supplier, user = number[supplier], number[user]
    share = _scaled(rng, stages, user, rng.random(inputs), 0.4, 0.8)
    country = rng.integers(0, 10, stages)
    return Case(name, stages, supplier, user, share, *_law(rng, country, supplier, user, classes, 0.25), country)


def giant(name: str, stages: int, inputs: int) -> Case:
    """One component that holds nearly everything: chains with a twentieth of the inputs going back."""
    rng = np.random.default_rng(stages)
    user = np.concatenate([np.arange(1, stages), rng.integers(0, stages, inputs - stages + 1)])
    supplier = np.concatenate(
        [np.arange(stages - 1), (rng.random(inputs - stages + 1) * user[stages - 1 :]).astype(np.int64)]
    )
    back = rng.random(inputs) < 0.05
    back[: stages - 1] = False
    supplier[back] = rng.integers(0, stages, back.sum())
    number = rng.permutation(stages)
    supplier, user = number[supplier], number[user]
    share = _scaled(rng, stages, user, rng.random(inputs), 0.4, 0.7)
    country = rng.integers(0, 10, stages)
    return Case(name, stages, supplier, user, share, *_law(rng, country, supplier, user, 4_000, 0.25), country)


def input_output(name: str, countries: int, sectors: int, filled: float, domestic: float = 0.85) -> Case:
    """A table like ICIO or EXIOBASE: one technology with noise, most inputs from home, ten classes an importer."""
    rng = np.random.default_rng(countries)
    stages = countries * sectors
    country = np.repeat(np.arange(countries), sectors)
    sizes = rng.lognormal(0, 1.5, countries)
    technology = rng.lognormal(0, 1.5, (sectors, sectors))
    supplier_of, user_of, weights = [], [], []
    for j in range(stages):
        suppliers = np.arange(stages) if filled >= 1 else np.flatnonzero(rng.random(stages) < filled)
        weight = rng.lognormal(0, 0.7, len(suppliers)) * sizes[country[suppliers]]
        weight *= technology[suppliers % sectors, j % sectors]
        home = country[suppliers] == country[j]
        if home.any() and not home.all():
            weight[home] *= domestic / weight[home].sum()
            weight[~home] *= (1 - domestic) / weight[~home].sum()
        supplier_of.append(suppliers)
        user_of.append(np.full(len(suppliers), j))
        weights.append(weight)
    supplier, user = np.concatenate(supplier_of), np.concatenate(user_of)
    share = _scaled(rng, stages, user, np.concatenate(weights), 0.3, 0.75)
    pair = country[user] * 10 + supplier % sectors % 10
    classes = countries * 10
    rates = rng.uniform(0, 0.25, classes)
    rates[::10] = 0.0
    class_ = np.where(country[supplier] == country[user], -1, pair)
    return Case(name, stages, supplier, user, share, class_, rates, country)


def wiod() -> Case:
    """The World Input–Output Table of 2011, 41 regions and 35 industries; a class for each importer and industry."""
    import polars as pl

    flows, final = (pl.read_parquet(DATA / "wiod-2011" / f"{name}.parquet") for name in ("intermediate", "final"))
    sold = pl.concat([one.select("supplier_country", "supplier_industry", "value") for one in (flows, final)])
    output = (
        sold.group_by("supplier_country", "supplier_industry")
        .agg(pl.col("value").sum())
        .filter(pl.col("value") > 0)
        .sort("supplier_country", "supplier_industry")
        .with_row_index("stage")
    )
    keys = ["supplier_country", "supplier_industry"]
    inputs = (
        flows.filter(pl.col("value") > 0)
        .join(output.select(*keys, supplier="stage"), on=keys)
        .join(
            output.select(pl.all().name.suffix("_of_user")),
            left_on=["user_country", "user_industry"],
            right_on=[f"{key}_of_user" for key in keys],
        )
        .sort("supplier", "stage_of_user")
    )
    supplier, user = (inputs[name].to_numpy().astype(np.int64) for name in ("supplier", "stage_of_user"))
    share = (inputs["value"] / inputs["value_of_user"]).to_numpy()
    country = output["supplier_country"].rank("dense").to_numpy().astype(np.int64) - 1
    industry = output["supplier_industry"].rank("dense").to_numpy().astype(np.int64) - 1
    rng = np.random.default_rng(2011)
    rates = rng.uniform(0, 0.25, (country.max() + 1) * (industry.max() + 1))
    class_ = np.where(country[supplier] == country[user], -1, country[user] * (industry.max() + 1) + industry[supplier])
    return Case("WIOD 2011", len(output), supplier, user, share, class_, rates, country)


def many_rates(case: Case, count: int) -> Array:
    """Return tables of rates, (classes, scenarios): every class at a half of its own or more."""
    return case.rates[:, None] * np.random.default_rng(0).uniform(0.5, 1.0, (len(case.rates), count))


def rates_of_one_importer(case: Case, count: int) -> Array:
    """Return tables that differ in the rates of the last buyers' country only, where each importer has own classes."""
    importer = case.country.max()
    moving = np.unique(case.class_[(case.country[case.user] == importer) & (case.class_ >= 0)])
    tables = np.repeat(case.rates[:, None], count, axis=1)
    tables[moving] = np.random.default_rng(0).uniform(0, 0.5, (len(moving), count))
    return tables


CASES: dict[str, Callable[[], Case]] = {
    "S": partial(acyclic, "S", 200, 1_500, classes=40),
    "M": partial(acyclic, "M", 100_000, 1_000_000),
    "L": partial(acyclic, "L", 1_000_000, 10_000_000),
    "long chains": partial(acyclic, "long chains", 100_000, 1_000_000, reach=1e-4),
    "wide hubs": partial(acyclic, "wide hubs", 100_000, 1_000_000, hubs=0.9),
    "in order": partial(acyclic, "in order", 100_000, 1_000_000, shuffled=False),
    "ICIO-like": partial(input_output, "ICIO-like", 77, 45, 1.0),
    "EXIOBASE-like": partial(input_output, "EXIOBASE-like", 49, 200, 1 / 3),
    "one giant component": partial(giant, "one giant component", 1_000_000, 10_000_000),
    "WIOD 2011": wiod,
}

#: The same shapes, small enough for a slow reference; WIOD 2011 is what it is.
SMALL: dict[str, Callable[[], Case]] = {
    "S": CASES["S"],
    "M": partial(acyclic, "M", 400, 4_000, classes=40),
    "L": partial(acyclic, "L", 900, 9_000, classes=70),
    "long chains": partial(acyclic, "long chains", 400, 3_000, classes=40, reach=1e-3),
    "wide hubs": partial(acyclic, "wide hubs", 400, 4_000, classes=40, hubs=0.9),
    "in order": partial(acyclic, "in order", 400, 4_000, classes=40, shuffled=False),
    "ICIO-like": partial(input_output, "ICIO-like", 10, 45, 1.0),
    "EXIOBASE-like": partial(input_output, "EXIOBASE-like", 5, 100, 1 / 3),
    "one giant component": partial(giant, "one giant component", 600, 6_000),
    "WIOD 2011": wiod,
}
