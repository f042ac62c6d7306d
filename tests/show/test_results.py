"""Results as tables for people, whole, on frames made by hand."""

import polars as pl

from tariffgraph.show.results import entry_sheet, footer, headline, shipments_sheet, split_sheet
from tariffgraph.show.table import text

META = {
    "program": "tariffgraph",
    "version": "1.2.3",
    "graph": {"title": "Cars", "hash": "9c0d1e2f33", "currency": "bn USD"},
    "rules": [
        {"id": "us-2025", "hash": "sha256:1a2b3c4d5e", "overlays": []},
        {"id": "partners", "hash": "5e6f7a8b9c", "overlays": ["relief"]},
    ],
    "as_of": "2025-07-02",
    "known_on": None,
    "pass_through": None,
    "settings": [],
}

SHIPMENTS = pl.DataFrame(
    {
        "id": ["CN.NAND->USA", "KR.CAR->USA", "VN.PHONE->USA"],
        "stage": ["CN.NAND", "KR.CAR", "VN.PHONE"],
        "value": [1.0, 4.0, None],
        "statutory_rate": [0.7, 0.25, 0.0],
        "embedded_rate": [0.0, 0.02, 0.012],
        "effective_rate": [0.7, 0.275, 0.012],
        "exporter_rate": [0.0, 0.0, 0.0],
        "duty": [0.7, 1.1, None],
    }
)


def test_a_headline_says_what_under_which_rules_on_which_day():
    assert headline("Cars (my-cars)", META) == "Cars (my-cars); rules us-2025, partners+relief; entries of 2025-07-02"
    asked = {**META, "known_on": "2025-06-01", "pass_through": 0.5, "settings": ["s232.rate=15%"]}
    assert headline("x", asked).endswith("; as known on 2025-06-01; pass-through 0.5; s232.rate=15%")


def test_the_footer_says_what_the_result_came_from():
    assert footer(META) == "rules us-2025 1a2b3c4d; rules partners 5e6f7a8b; graph 9c0d1e2f; tariffgraph 1.2.3"


def test_shipments_with_the_money_where_a_value_is_known():
    # Weighted means over the two with a value: (1 · .7 + 4 · .25)/5 = .34, .08/5 = .016, (0.7 + 1.1)/5 = .36.
    assert text(shipments_sheet("Cars", SHIPMENTS, META, {"KR.CAR": "Sedan"})) == (
        "Cars\n"
        "\n"
        "shipment                     good   statutory  embedded  effective  duty, bn USD\n"
        "--------------------------------------------------------------------------------\n"
        "CN.NAND->USA                           70.00%     0.00%     70.00%         0.700\n"
        "KR.CAR->USA                  Sedan     25.00%     2.00%     27.50%         1.100\n"
        "VN.PHONE->USA                           0.00%     1.20%      1.20%             -\n"
        "--------------------------------------------------------------------------------\n"
        "total of the 2 with a value            34.00%     1.60%     36.00%         1.800\n"
        "\n"
        "rules us-2025 1a2b3c4d; rules partners 5e6f7a8b; graph 9c0d1e2f; tariffgraph 1.2.3\n"
    )


def test_shipments_without_values_have_rates_and_no_money():
    sheet = shipments_sheet("Cars", SHIPMENTS.with_columns(value=pl.lit(None, pl.Float64), exporter_rate=0.1), META)
    assert [column.title for column in sheet.columns] == [
        "shipment",
        "statutory",
        "embedded",
        "effective",
        "exporter's part",
    ]
    assert sheet.totals == ()


def test_no_shipment_at_all():
    sheet = shipments_sheet("Cars", SHIPMENTS.clear(), META)
    assert (sheet.rows, sheet.totals) == ((), ())


def test_a_split_names_each_shipment_once_leaves_out_zeros_and_sums_the_money():
    split = pl.DataFrame(
        {
            "shipment": ["A", "A", "A", "B", "C"],
            "importer": ["USA"] * 5,
            "action": ["ieepa", "mfn", "s301", "ieepa", "s301"],
            "rate": [0.2, 0.0, 0.5, 0.1, 0.05],
            "exporter_rate": [0.0] * 5,
            "duty_rate": [0.2, 0.0, 0.5, 0.1, 0.05],
            "amount": [2.0, 0.0, 5.0, 0.5, None],
        }
    )
    assert text(split_sheet("Cars", split, ["action", "importer"], META)) == (
        "Cars; by action and importer\n"
        "\n"
        "shipment  importer  action  effective  amount, bn USD\n"
        "-----------------------------------------------------\n"
        "A         USA       ieepa      20.00%           2.000\n"
        "          USA       s301       50.00%           5.000\n"
        "B         USA       ieepa      10.00%           0.500\n"
        "C         USA       s301        5.00%               -\n"
        "-----------------------------------------------------\n"
        "all       USA       ieepa                       2.500\n"
        "          USA       s301                        5.000\n"
        "\n"
        "1 row of zero left out.\n"
        "rules us-2025 1a2b3c4d; rules partners 5e6f7a8b; graph 9c0d1e2f; tariffgraph 1.2.3\n"
    )


def test_an_entry_shows_what_applies_first_and_why_the_rest_does_not():
    lines = pl.DataFrame(
        {
            "measure": ["mfn", "s301", "s232-steel"],
            "authority": ["HTSUS", "Section 301", "Section 232"],
            "base": [1.0, 0.0, 0.6],
            "rate": [0.0, 0.0, 0.5],
            "duty": [0.0, 0.0, 3000.0],
            "status": ["free", "not-applicable", "charged"],
            "reason": ["", "the origin is not CHN", ""],
        }
    )
    assert text(entry_sheet("A bracket", lines, 0.3, 3000.0, {**META, "graph": None})) == (
        "A bracket\n"
        "\n"
        "measure     authority      rate  of the value      duty  status          reason\n"
        "----------------------------------------------------------------------------------------------\n"
        "mfn         HTSUS         0.00%       100.00%      0.00  free\n"
        "s232-steel  Section 232  50.00%        60.00%  3,000.00  charged\n"
        "s301        Section 301                                  not-applicable  the origin is not CHN\n"
        "----------------------------------------------------------------------------------------------\n"
        "total                    30.00%                3,000.00\n"
        "\n"
        "rules us-2025 1a2b3c4d; rules partners 5e6f7a8b; tariffgraph 1.2.3\n"
    )
