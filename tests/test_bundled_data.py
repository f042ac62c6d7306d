"""The bundled data: what is in the tables, and that the law comes out of them to the cent."""

from __future__ import annotations

import csv
import math
from functools import cache
from typing import Any

import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph.bundled import bundled_graphs, bundled_rule_sets, datasets_folder
from tariffgraph.codes import countries

AS_OF = "2025-07-02"
RULES = datasets_folder() / "rules"


def table(name: str) -> list[dict[str, str]]:
    with (datasets_folder() / "korea-us-2025" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def rules(*names: str) -> tg.Rules:
    return tg.read_rules(*names)


@cache
def incidence(*names: str, as_of: str = AS_OF, known_on: str | None = None) -> dict[str, dict[str, Any]]:
    """Result rows of the bundled graph by stage."""
    result = tg.propagate(tg.read_graph("korea-us-2025"), rules(*names), as_of=as_of, known_on=known_on)
    return {row["stage"]: row for row in result.shipments.iter_rows(named=True)}


# --- tables -------------------------------------------------------------------------------------------


def test_countries_are_the_249_of_iso_3166() -> None:
    assert len(countries()) == 249
    assert countries()["KOR"] == "South Korea"


def test_the_bundled_graph_is_read_under_the_bundled_law() -> None:
    assert bundled_graphs() == ("korea-us-2025",)
    assert {"us-2025", "partners-2025"} <= set(bundled_rule_sets())


def test_every_overlay_extends_a_bundled_set_and_is_described() -> None:
    sources = (RULES / "overlays" / "SOURCES.md").read_text(encoding="utf-8")
    overlays = sorted(path.stem for path in (RULES / "overlays").glob("*.yaml"))
    assert set(overlays) == set(bundled_rule_sets()) - {"us-2025", "partners-2025"}
    for name in overlays:
        assert f"`{name}" in sources, name
        assert name in {one for rule_set in rules(name).rule_sets for one in rule_set.overlays}


@pytest.mark.parametrize(("name", "rows"), [("stages", 48), ("inputs", 93), ("shipments", 29)])
def test_every_row_of_the_graph_has_a_source(name: str, rows: int) -> None:
    assert len(table(name)) == rows
    assert all(row["source"] for row in table(name))


def test_shares_and_value_added_of_every_stage_add_to_one() -> None:
    shares: dict[str, list[float]] = {}
    for row in table("inputs"):
        shares.setdefault(row["user"], []).append(float(row["share"]))
    for row in table("stages"):
        total = math.fsum([float(row["value_added"]), *shares.get(row["stage"], [])])
        assert total == pytest.approx(1, abs=1e-12), row["stage"]


def test_korus_is_claimed_on_every_crossing_between_korea_and_the_usa() -> None:
    country = {row["stage"]: row["country"] for row in table("stages")}
    crossings = [(country[row["supplier"]], country[row["user"]], row["program"]) for row in table("inputs")]
    crossings += [(country[row["stage"]], row["market"], row["program"]) for row in table("shipments")]
    for exporter, importer, program in crossings:
        assert (program == "KORUS") is ({exporter, importer} == {"KOR", "USA"})


def test_every_folder_says_where_its_data_come_from() -> None:
    folders = {path.parent for path in datasets_folder().rglob("*") if path.suffix in {".csv", ".yaml", ".toml"}}
    for folder in folders - {RULES / "us-2025" / "lists", RULES / "us-2025" / "schedules"}:
        assert (folder / "SOURCES.md").is_file(), folder


@pytest.mark.parametrize("name", ["us-2025", "partners-2025"])
def test_every_row_of_the_law_has_a_source_and_every_measure_an_authority(name: str) -> None:
    (rule_set,) = tg.read_rules(name).rule_sets
    for measure in rule_set.measures:
        assert measure.authority != measure.id
        assert all(row.source or measure.source for row in measure.rate), measure.id
        assert all(row.source for row in measure.base), measure.id
    assert all(relation.source for relation in rule_set.relations)
    assert all(program.source for program in rule_set.programs.values())


def test_the_lists_that_entries_extend_are_there_even_when_empty() -> None:
    (rule_set,) = rules("us-2025").rule_sets
    assert {name for name, lines in rule_set.lists.items() if not lines} >= {
        "s232-copper",
        "s232-metals-annex-1c",
        "s232-metals-annex-3",
        "s232-pharma",
        "s232-steel-chapter-73",
        "s232-steel-derivatives-full",
        "s301-china-2024-100",
        "s301-china-list-2",
    }


def test_the_schedule_has_every_line_that_the_chains_bring_into_the_usa() -> None:
    (rule_set,) = rules("us-2025").rule_sets
    listed = {line.product for line in rule_set.schedules["hts-2025"].lines}
    assert len(listed) == 697
    products = {row["stage"]: row["product"] for row in table("stages")}
    entered = {products[row["stage"]] for row in table("shipments")} - {"8703.80.00", "8901.90.00"}
    assert entered <= {line[:10] for line in listed}


@pytest.mark.parametrize("name", bundled_rule_sets())
def test_rules_read_without_findings(name: str) -> None:
    assert rules(name).findings == ()


def test_every_crossing_between_other_countries_meets_a_base_duty() -> None:
    graph = tg.read_graph("korea-us-2025")
    stages = {row["stage"]: row for row in table("stages")}
    book = rules("us-2025", "partners-2025")
    checked = 0
    for row in graph.inputs.iter_rows(named=True):
        supplier, user = stages[row["supplier"]], stages[row["user"]]
        if user["country"] in (supplier["country"], "USA"):
            continue
        entry = tg.Entry(
            product=supplier["product"],
            origin=supplier["country"],
            importer=user["country"],
            value=1.0,
            used_in=user["product"],
            program=row["program"],
        )
        lines = tg.assess(book, entry, as_of=AS_OF).lines
        (status,) = [one["status"] for one in lines.iter_rows(named=True) if one["action"] == "mfn"]
        assert status in ("charged", "free"), (row["id"], status)
        checked += 1
    assert checked == 55


# --- statutory rates of 2 July 2025 -------------------------------------------------------------------

STATUTORY = {
    "JP.TOYOTA.CAR": 0.275,
    "KR.HYUNDAI.ULSAN": 0.25,
    "KR.KIA.GWANGMYEONG": 0.25,
    "KR.GM.TRAX": 0.25,
    "KR.GM.TRAILBLAZER": 0.25,
    "KR.POSCO.HRC": 0.50,
    "VN.SAMSUNG.PHONE": 0.0,
    "CN.SAMSUNG.NAND": 0.70,
    "CN.SKH.DRAM": 0.70,
    "CN.LAPTOP": 0.20,
    "KR.SAMSUNG.DRAM": 0.0,
    "KR.SKH.DRAM": 0.0,
    "JP.MLCC": 0.10,
    "KR.KBEAUTY": 0.10,
    "KR.PETROCHEM": 0.10,
    "KR.PLASTICS": 0.10,
    "KR.ORGCHEM": 0.10,
    "KR.OPTICAL": 0.10,
    "KR.PHARMA": 0.0,
    "MX.KIA.FORTE": 0.25 * (1 - 0.27),
    "KR.LG.REFRIG": 0.5 * 0.3 + 0.1 * 0.7,
    "KR.LG.WASHER": 0.5 * 0.3 + 0.1 * 0.7,
    "KR.LG.DRYER": 0.5 * 0.3 + 0.1 * 0.7,
    "MX.SAMSUNG.REFRIG": 0.5 * 0.3,
    "KR.POWERTRAIN": 0.25,
    "KR.AUTOPARTS": 0.25,
    "JP.AUTOPARTS": 0.275,
    "US.HMG.METAPLANT": 0.0,
    "US.ECO.CONTAINERSHIP": 0.0,
}


def test_statutory_rates_of_2_july_2025() -> None:
    found = {stage: row["statutory_rate"] for stage, row in incidence("us-2025").items()}
    assert found == pytest.approx(STATUTORY, abs=1e-12)


def test_what_us_duties_the_georgia_car_and_the_ship_carry() -> None:
    rows = incidence("us-2025")
    assert rows["US.HMG.METAPLANT"]["embedded_rate"] == pytest.approx(0.25 * 0.25 + 0.725 * 0.05 - 0.0375, abs=1e-12)
    assert rows["US.ECO.CONTAINERSHIP"]["embedded_rate"] == pytest.approx(0.50 * 0.20 + 0.10 * 0.25, abs=1e-12)


# --- duties embedded on the way, with the partners' rules -----------------------------------------------

EMBEDDED = {
    "KR.HYUNDAI.ULSAN": 0.00908,  # .07 x .08 + .03 x .08 + .18 of steel x .2 of crude oil x .03
    "KR.GM.TRAX": 0.010596,  # .12 x .08 + .166 of steel x .006
    "KR.PETROCHEM": 0.0,  # crude oil for naphtha is free
    "KR.PLASTICS": 0.0,
    "KR.ORGCHEM": 0.0,
    "MX.SAMSUNG.REFRIG": 0.08325,  # .3 x .25 + .1 x .06, and .3 x .006 x 1.25 from the steel
    "CN.SAMSUNG.NAND": 0.015,  # .15 x .10
    "CN.SKH.DRAM": 0.02,
    "CN.LAPTOP": 0.0021,  # .06 x .02 + .06 x .015
    "VN.SAMSUNG.PHONE": 0.000675,  # .045 x .015
    "MX.KIA.FORTE": 0.000216,  # .18 x .2 of steel x .006
    "KR.POSCO.HRC": 0.006,
    "JP.TOYOTA.CAR": 0.0,
    "KR.SAMSUNG.DRAM": 0.0,
}


# --- preferential origin --------------------------------------------------------------------------------


def changed(table: str, **cells: dict[str, object]) -> tg.ProductionGraph:
    """Return the bundled graph with cells of one table changed: ``column={row: value}``."""
    graph = tg.read_graph("korea-us-2025")
    frame = getattr(graph, table)
    key = frame.columns[0]
    for column, values in cells.items():
        frame = frame.with_columns(
            pl.col(key).replace_strict(values, default=pl.col(column), return_dtype=frame.schema[column]).alias(column)
        )
    return graph.replace(**{table: frame.drop("id") if table == "inputs" else frame})


def statutory(graph: tg.ProductionGraph, shipment: str, as_of: str = AS_OF) -> float:
    result = tg.propagate(graph, rules("us-2025", "partners-2025"), as_of=as_of)
    rate = result.shipments.filter(id=shipment)["statutory_rate"].item()
    assert isinstance(rate, float)
    return rate


def forte(korean: float, chinese: float) -> tg.ProductionGraph:
    """Return the bundled graph with other shares of Korean and Chinese inputs in the Kia Forte; Mexico has the rest."""
    return changed(
        "inputs",
        share={
            "KR.POWERTRAIN->MX.KIA.FORTE": korean,
            "CN.AUTOPARTS->MX.KIA.FORTE": chinese,
            "MX.AUTOPARTS->MX.KIA.FORTE": 0.58 - korean - chinese,
        },
    )


def test_the_forte_qualifies_for_usmca_at_its_computed_regional_value_content() -> None:
    result = tg.propagate(tg.read_graph("korea-us-2025"), rules("us-2025", "partners-2025"), as_of=AS_OF)
    claim = result.claims.filter(id="MX.KIA.FORTE->USA").row(0, named=True)
    assert (claim["qualifies"], claim["by_rule"], claim["value"], claim["needed"]) == (True, True, 0.77, 0.75)
    sheet = result.problem.worksheet("MX.KIA.FORTE->USA")
    materials = dict(sheet.filter(pl.col("crossing").is_not_null()).select("supplier", "status").iter_rows())
    assert materials == {
        "CN.AUTOPARTS": "non-originating",
        "KR.POWERTRAIN": "non-originating",
        "MX.AUTOPARTS": "originating",
        "US.AUTOPARTS": "originating",
    }


@pytest.mark.parametrize(
    ("korean", "chinese", "rate"),
    [(0.18, 0.05, 0.25 * 0.73), (0.20, 0.05, 0.25 * 0.73), (0.2000001, 0.05, 0.275), (0.20, 0.06, 0.275)],
)
def test_the_forte_fails_when_korean_and_chinese_inputs_pass_a_quarter(
    korean: float, chinese: float, rate: float
) -> None:
    assert statutory(forte(korean, chinese), "MX.KIA.FORTE->USA") == pytest.approx(rate, abs=1e-12)


def test_a_failed_claim_says_by_how_much_it_missed() -> None:
    result = tg.propagate(forte(0.25, 0.05), rules("us-2025", "partners-2025"), as_of=AS_OF)
    (told,) = [str(finding) for finding in result.findings if finding.check == "claim-not-qualifying"]
    assert told.startswith(
        "'MX.KIA.FORTE->USA' claims USMCA and does not qualify: "
        "regional value content (net-cost) is 0.7, 0.05 below 0.75"
    )
    assert result.meta["counts"]["claims_not_qualifying"] == 1


def test_a_korean_car_of_chinese_body_parts_fails_korus() -> None:
    graph = changed("inputs", supplier={"KR.AUTOPARTS->KR.HYUNDAI.ULSAN": "CN.AUTOPARTS"})
    assert statutory(tg.read_graph("korea-us-2025"), "KR.HYUNDAI.ULSAN->USA") == 0.25
    assert statutory(graph, "KR.HYUNDAI.ULSAN->USA") == pytest.approx(0.275, abs=1e-15)


def test_korean_trucks_owe_half_of_their_value() -> None:
    graph = changed("stages", product={"KR.KIA.GWANGMYEONG": "8704.21.01"})
    assert statutory(graph, "KR.KIA.GWANGMYEONG->USA") == 0.5


# --- credits ----------------------------------------------------------------------------------------------


def us_duties(graph: tg.ProductionGraph, shipment: str, as_of: str, known_on: str | None, book: tg.Rules) -> float:
    result = tg.propagate(graph, book, as_of=as_of, known_on=known_on)
    return math.fsum(result.by("action").filter(shipment=shipment)["rate"])


@pytest.mark.parametrize(
    ("as_of", "known_on", "rate"),
    [
        # Korean parts .25 at 25%, Chinese .05 at 2.5 + 25 + 25 + 20%, less 3.75% of the car
        ("2025-07-02", None, 0.0625 + 0.725 * 0.05 - 0.0375),
        ("2025-07-02", "2025-07-02", 0.0625 + 0.725 * 0.05 - 0.0375),
        ("2026-04-30", "2025-10-16", 0.0625 + 0.725 * 0.05 - 0.0375),
        ("2026-05-01", "2025-10-16", 0.0625 + 0.725 * 0.05 - 0.025),
        ("2027-05-01", "2025-10-16", 0.0625 + 0.725 * 0.05),
        # Known later: Korean parts at 15%, no duty for fentanyl, and the credit carried on
        ("2026-05-01", None, 0.15 * 0.25 + 0.525 * 0.05 - 0.0375),
        ("2030-04-30", None, 0.15 * 0.25 + 0.525 * 0.05 - 0.0375),
        ("2030-05-01", None, 0.15 * 0.25 + 0.525 * 0.05),
    ],
)
def test_the_car_from_georgia_gets_its_offset(as_of: str, known_on: str | None, rate: float) -> None:
    graph = tg.read_graph("korea-us-2025")
    found = us_duties(graph, "US.HMG.METAPLANT->USA", as_of, known_on, rules("us-2025"))
    assert found == pytest.approx(rate, abs=1e-12)


@pytest.mark.parametrize(("as_of", "credit"), [("2025-12-01", 0.0375), ("2030-10-31", 0.0375), ("2030-11-01", 0.0)])
def test_a_truck_gets_its_offset(as_of: str, credit: float) -> None:
    parts = [f"{country}.AUTOPARTS->US.HMG.METAPLANT" for country in ("KR", "CN", "MX")]
    graph = changed("inputs", declares=dict.fromkeys(parts, "truck-part"))
    truck = graph.stages.with_columns(
        product=pl.col("stage").replace_strict({"US.HMG.METAPLANT": "8704.22"}, default=pl.col("product"))
    )
    book = rules("us-2025").extend_lists({"s232-truck-parts": ["8708.29.51"]})
    # Korean parts .25 at 25%, Chinese .05 at 2.5 + 25 + 25%, and 10% for fentanyl until February 2026
    rate = 0.0625 + (0.625 if as_of < "2026-02-24" else 0.525) * 0.05 - credit
    assert us_duties(graph.replace(stages=truck), "US.HMG.METAPLANT->USA", as_of, None, book) == pytest.approx(
        rate, abs=1e-12
    )


# --- along the chain --------------------------------------------------------------------------------------


def test_embedded_rates_with_the_partners_on_2_july_2025() -> None:
    rows = incidence("us-2025", "partners-2025")
    assert {stage: rows[stage]["embedded_rate"] for stage in EMBEDDED} == pytest.approx(EMBEDDED, abs=1e-12)


@pytest.mark.parametrize(
    ("as_of", "known_on", "nand", "dram"),
    [
        ("2025-04-10", "2025-04-08", 0.0, 0.0),  # 34, never charged alone
        ("2025-04-10", None, 0.126, 0.168),  # 84
        ("2025-04-12", None, 0.1875, 0.25),  # 125
        ("2025-05-14", None, 0.015, 0.02),  # 10
        ("2025-08-06", None, 0.015, 0.02),
    ],
)
def test_the_chinese_surcharge_reaches_korean_chips_made_there(
    as_of: str, known_on: str | None, nand: float, dram: float
) -> None:
    rows = incidence("us-2025", "partners-2025", as_of=as_of, known_on=known_on)
    assert rows["CN.SAMSUNG.NAND"]["embedded_rate"] == pytest.approx(nand, abs=1e-12)
    assert rows["CN.SKH.DRAM"]["embedded_rate"] == pytest.approx(dram, abs=1e-12)


def test_mexican_duties_of_2026() -> None:
    rows = incidence("us-2025", "partners-2025", as_of="2026-01-15")
    # .3 x [.006 x 1.35 + .35] + .1 x .06
    assert rows["MX.SAMSUNG.REFRIG"]["embedded_rate"] == pytest.approx(0.11343, abs=1e-12)
    # crude oil chain .000216 and .05 of Chinese parts at 25%
    assert rows["MX.KIA.FORTE"]["embedded_rate"] == pytest.approx(0.000216 + 0.05 * 0.25, abs=1e-12)


def test_relief_leaves_what_the_steel_mill_pays_for_its_fuel() -> None:
    rows = incidence("us-2025", "partners-2025", "partners-relief")
    expected = {
        "KR.HYUNDAI.ULSAN": 0.00108,
        "KR.GM.TRAX": 0.000996,
        "MX.SAMSUNG.REFRIG": 0.0018,
        "MX.KIA.FORTE": 0.000216,
        "CN.SAMSUNG.NAND": 0.0,
        "CN.SKH.DRAM": 0.0,
        "VN.SAMSUNG.PHONE": 0.0,
    }
    assert {stage: rows[stage]["embedded_rate"] for stage in expected} == pytest.approx(expected, abs=1e-12)


def test_other_readings_of_mexican_duties_reach_the_forte() -> None:
    rows = incidence("us-2025", "partners-2025", "partners-alternatives", as_of="2026-01-15")
    # engines at 25% on .18, Chinese parts at 25% on .05; Saudi crude is free in this reading
    assert rows["MX.KIA.FORTE"]["embedded_rate"] == pytest.approx(0.0575, abs=1e-12)


@pytest.mark.parametrize(
    ("program", "content", "rate"),
    [
        (None, {}, 0.25),
        ("USMCA", {}, 0.25 * 0.85),
        ("USMCA", {"canada-mexico": 0.10}, 0.25 * 0.85),
        ("USMCA", {"canada-mexico": 0.15}, 0.25 * 0.85),
        ("USMCA", {"canada-mexico": 0.40}, 0.25 * 0.60),
    ],
)
def test_the_canadian_surtax_takes_15_percent_of_content_for_granted(
    program: str | None, content: dict[str, float], rate: float
) -> None:
    entry = tg.Entry(product="8703.23", origin="USA", importer="CAN", value=1000.0, program=program, content=content)
    duty = tg.assess(rules("us-2025", "partners-2025"), entry, as_of=AS_OF)
    assert duty.rate == pytest.approx(rate, abs=1e-12)


# --- scenarios ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("overlay", "known_on", "expected"),
    [
        ("japan-30", None, {"JP.MLCC": 0.30, "JP.TOYOTA.CAR": 0.275, "KR.KBEAUTY": 0.10}),
        ("japan-35", None, {"JP.MLCC": 0.35, "JP.TOYOTA.CAR": 0.275, "KR.KBEAUTY": 0.10}),
        (
            "electronics-ended",
            None,
            {"VN.SAMSUNG.PHONE": 0.20, "KR.SAMSUNG.DRAM": 0.10, "KR.PHARMA": 0.0, "CN.LAPTOP": 0.30},
        ),
        ("steel-25", None, {"KR.POSCO.HRC": 0.25, "KR.LG.REFRIG": 0.25 * 0.3 + 0.1 * 0.7, "KR.HYUNDAI.ULSAN": 0.25}),
    ],
)
def test_overlays_change_what_they_name(overlay: str, known_on: str | None, expected: dict[str, float]) -> None:
    rows = incidence("us-2025", overlay, known_on=known_on)
    assert {stage: rows[stage]["statutory_rate"] for stage in expected} == pytest.approx(expected, abs=1e-12)


def test_country_rates_of_9_july_as_they_stood_before_any_extension() -> None:
    rows = incidence("us-2025", as_of="2025-07-09", known_on="2025-07-02")
    expected = {
        "JP.MLCC": 0.24,
        "KR.KBEAUTY": 0.25,
        "KR.PETROCHEM": 0.25,
        "VN.SAMSUNG.PHONE": 0.0,
        "KR.HYUNDAI.ULSAN": 0.25,
    }
    assert {stage: rows[stage]["statutory_rate"] for stage in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("setting", "stage", "rate"),
    [
        ("s232-autos.rate=15%", "KR.HYUNDAI.ULSAN", 0.15),
        ("ieepa-reciprocal@JPN.rate=35%", "JP.MLCC", 0.35),
        ("s232-steel.rate=25%", "KR.POSCO.HRC", 0.25),
        ("ieepa-fentanyl-china.rate=10%", "CN.LAPTOP", 0.10),
    ],
)
def test_settings_of_the_command_line_find_their_measure(setting: str, stage: str, rate: float) -> None:
    result = tg.propagate(tg.read_graph("korea-us-2025"), rules("us-2025"), as_of=AS_OF, settings=[setting])
    (row,) = [one for one in result.shipments.iter_rows(named=True) if one["stage"] == stage]
    assert row["statutory_rate"] == pytest.approx(rate, abs=1e-12)
