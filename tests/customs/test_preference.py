"""Claims of preference: what originates, by hand, by law, and against a slow reading of the rule in exact fractions."""

import random
from fractions import Fraction

import polars as pl
import pytest

import tariffgraph as tg
from tariffgraph.customs.law import draw_up
from tariffgraph.customs.origin import determine_origin
from tariffgraph.customs.preference import judge_claims, worksheet
from tariffgraph.problem import structure_of

DAY = "2025-07-02"
CAR_RULE = "{products: [8703], regional_value_content: {method: %s, at_least: %s}}"


class Case:
    """A graph under the programs of one small rule set."""

    def __init__(self, graph, rules, as_of=DAY, known_on=None):
        self.graph = graph
        self.law = draw_up(rules, as_of, known_on)
        self.structure, self.share = structure_of(graph)
        self.origin = determine_origin(graph, self.structure, self.share)
        made = graph.stages.select("product", "country", supplier="stage")
        common = ["row", "id", "program", "declares", "supplier", "kind"]
        inputs = graph.inputs.with_row_index("row").with_columns(kind=pl.lit("input"))
        shipments = graph.shipments.rename({"stage": "supplier"}).with_row_index("row")
        rows = [inputs.select(common), shipments.with_columns(kind=pl.lit("shipment")).select(common)]
        self.crossings = pl.concat(rows).join(made, on="supplier", how="left", maintain_order="left")

    def claims(self):
        claiming = self.crossings.filter(pl.col("program").is_not_null())
        return judge_claims(self.graph, self.law, self.structure, self.share, self.origin, claiming)

    def claim(self, crossing="car->USA"):
        return self.claims().frame.filter(id=crossing).row(0, named=True)

    def findings(self, check):
        return [str(one) for one in self.claims().findings if one.check == check]

    def worksheet(self, crossing="car->USA", **options):
        row = self.crossings.filter(id=crossing).row(0, named=True)
        return worksheet(self.graph, self.law, self.structure, self.share, self.origin, row, **options)


@pytest.fixture
def case(tmp_path):
    def build(rules, inputs=(), *, car="8703.23", declares=None, stages=(), as_of=DAY, known_on=None, **settings):
        """Return the case of a Korean car made of the inputs (country, product, share, declares)."""
        path = tmp_path / "r.yaml"
        path.write_text(
            f"ruleset: r\nimporter: USA\ngroups: {{pair: [KOR, USA]}}\n"
            f"programs: {{P: {{partners: [pair], origin: [{', '.join(rules)}]}}}}\n",
            encoding="utf-8",
        )
        parts = [(f"part{number}", *one) for number, one in enumerate(inputs)]
        made = [
            {"stage": "car", "country": "KOR", "product": car, **settings},
            *({"stage": name, "country": country, "product": product} for name, country, product, *_ in parts),
            *stages,
        ]
        graph = tg.from_frames(
            stages=[{"net_cost": 1.0, **stage} for stage in made],
            inputs=[
                {"supplier": name, "user": "car", "share": share, "declares": (*declared, None)[0]}
                for name, _, _, share, *declared in parts
            ]
            or None,
            shipments=[{"stage": "car", "market": "USA", "program": "P", "declares": declares}],
        )
        return Case(graph, tg.read_rules(path), as_of, known_on)

    return build


# --- value content --------------------------------------------------------------------------------------


def test_build_down_takes_what_does_not_originate_from_the_value(case):
    inputs = [("CHN", "8708.29", 0.45), ("USA", "8708.29", 0.3)]
    claim = case([CAR_RULE % ("build-down", "55%")], inputs).claim()
    assert claim["qualifies"]
    assert claim["by_rule"]
    assert (claim["value"], claim["needed"], claim["missed_by"]) == (0.55, 0.55, None)  # 1 − 0.45, exactly met
    assert claim["reason"] == "regional value content (build-down) is 0.55, at least 0.55"
    claim = case([CAR_RULE % ("build-down", "55%")], [("CHN", "8708.29", 0.46)]).claim()
    assert not claim["qualifies"]
    assert claim["missed_by"] == 0.01
    assert claim["reason"] == "regional value content (build-down) is 0.54, 0.01 below 0.55"


def test_what_only_rounding_misses_is_met(case):
    # In floating point 1 − (0.1 + 0.2) < 0.7.
    inputs = [("CHN", "8708.29", 0.1), ("CHN", "8708.30", 0.2)]
    assert case([CAR_RULE % ("build-down", "70%")], inputs).claim()["qualifies"]


def test_build_up_counts_originating_inputs_and_not_the_value_added(case):
    inputs = [("USA", "8708.29", 0.2), ("KOR", "8708.29", 0.15), ("CHN", "8708.29", 0.1)]
    assert case([CAR_RULE % ("build-up", "35%")], inputs).claim()["qualifies"]
    claim = case([CAR_RULE % ("build-up", "35.5%")], inputs).claim()
    assert (claim["qualifies"], claim["value"], claim["missed_by"]) == (False, 0.35, 0.005)


def test_net_cost_measures_on_the_net_cost_of_the_stage(case):
    inputs = [("CHN", "8708.29", 0.2)]
    claim = case([CAR_RULE % ("net-cost", "75%")], inputs, net_cost=0.8).claim()
    assert (claim["qualifies"], claim["value"]) == (True, 0.75)  # (0.8 − 0.2) / 0.8
    claim = case([CAR_RULE % ("net-cost", "75%")], inputs, net_cost=0.5).claim()
    assert (claim["qualifies"], claim["value"], claim["missed_by"]) == (False, 0.6, 0.15)
    assert case([CAR_RULE % ("net-cost", "80%")], inputs).claim()["qualifies"]  # of a net cost of 1


def test_a_material_counts_whole_or_not_at_all(case):
    body = [
        {"stage": "body", "country": "KOR", "product": "8707.10"},
        {"stage": "steel", "country": "CHN", "product": "7208.38"},
    ]
    for steel, value in ((0.4, 1.0), (0.6, 0.5)):  # rolled up, or lost with all that is Korean in it
        one = case([CAR_RULE % ("build-down", "50%"), "{products: [8707], regional_value_content: "
                    "{method: build-down, at_least: 50%}}"], stages=body)  # fmt: skip
        graph = one.graph.replace(
            inputs=[
                {"supplier": "body", "user": "car", "share": 0.5},
                {"supplier": "steel", "user": "body", "share": steel},
            ]
        )
        claim = Case(graph, one.law.rules).claim()
        assert claim["value"] == value
        assert claim["qualifies"]


# --- change of classification ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "product", "changes"),
    [
        ("chapter", "8409.91", True),
        ("chapter", "8708.29", False),
        ("heading", "8708.29", True),
        ("heading", "8703.80", False),
        ("subheading", "8703.80", True),
        ("subheading", "8703.23.01", False),
        ("subheading", "8703", False),  # too few digits to tell
        ("subheading", "8708", True),  # digits enough
        ("chapter", "ICIO:C29", False),
    ],
)
def test_every_non_originating_input_must_change_its_classification(case, level, product, changes):
    inputs = [("CHN", product, 0.1), ("USA", "8703.23", 0.5)]  # what originates need not change
    claim = case([f"{{products: [8703], change_of: {level}}}"], inputs).claim()
    assert claim["qualifies"] is changes
    if changes:
        assert claim["reason"] == f"every non-originating input changes its {level}"
        assert claim["value"] == 0.0
    else:
        doubt = {"8703": " (too few digits to tell)", "ICIO:C29": " (no HS code)"}.get(product, "")
        assert claim["reason"] == f"0.1 of the value does not change its {level} (part0->car{doubt}), 0.1 above 0"
        assert claim["missed_by"] == 0.1


def test_up_to_the_tolerance_inputs_need_not_change(case):
    inputs = [("CHN", "8703.80", 0.06), ("JPN", "8703.80", 0.04), ("CHN", "8708.29", 0.4)]
    assert case(["{products: [8703], change_of: heading, tolerance: 10%}"], inputs).claim()["qualifies"]
    claim = case(["{products: [8703], change_of: heading, tolerance: 9%}"], inputs).claim()
    assert (claim["qualifies"], claim["value"], claim["needed"], claim["missed_by"]) == (False, 0.1, 0.09, 0.01)
    assert claim["test"] == "a change of heading of all but 0.09 of the value"


# --- groups and declarations ----------------------------------------------------------------------------


def test_of_any_the_nearest_test_is_told_first_and_of_all_what_fails(case):
    rule = (
        "{products: [8703], all: [{any: [{regional_value_content: {method: build-down, at_least: 85%}}, "
        "{regional_value_content: {method: net-cost, at_least: 75%}}]}, {declared: wages}]}"
    )
    inputs = [("CHN", "8708.29", 0.26)]
    claim = case([rule], inputs).claim()
    assert claim["test"] == (
        "(regional value content (build-down) of at least 0.85, or regional value content (net-cost) of at least "
        "0.75), and wages declared"
    )
    assert claim["reason"] == (
        "regional value content (net-cost) is 0.74, 0.01 below 0.75; "
        "regional value content (build-down) is 0.74, 0.11 below 0.85; and wages is not declared"
    )
    assert (claim["value"], claim["needed"], claim["missed_by"]) == (0.74, 0.75, 0.01)
    claim = case([rule], [("CHN", "8708.29", 0.25)]).claim()
    assert (claim["qualifies"], claim["missed_by"], claim["reason"]) == (False, None, "wages is not declared")
    claim = case([rule], [("CHN", "8708.29", 0.25)], declares="wages").claim()
    assert claim["qualifies"]
    assert claim["reason"] == "regional value content (net-cost) is 0.75, at least 0.75 and wages is declared"


def test_a_material_needs_its_declarations_on_its_own_row(case):
    rules = [CAR_RULE % ("build-up", "50%"), "{products: [8708], declared: wages}"]
    stages = [
        {"stage": "axle", "country": "KOR", "product": "8708.50"},
        {"stage": "steel", "country": "CHN", "product": "7208.38"},
    ]
    one = case(rules, stages=stages)
    for declares, qualifies in (("wages", True), ("other;wages", True), (None, False)):
        graph = one.graph.replace(
            inputs=[
                {"supplier": "axle", "user": "car", "share": 0.5, "declares": declares},
                {"supplier": "steel", "user": "axle", "share": 0.5, "declares": None},
            ]
        )
        assert Case(graph, one.law.rules).claim()["qualifies"] is qualifies


# --- who may originate ----------------------------------------------------------------------------------


def test_only_stages_in_partner_countries_originate(case):
    claim = case([CAR_RULE % ("build-down", "0%")], [("KOR", "8708.29", 0.5)], country="CHN").claim()
    assert (claim["qualifies"], claim["by_rule"]) == (False, True)
    assert claim["reason"] == "made in CHN, no partner of P"


def test_a_stage_without_inputs_originates_unless_its_good_is_of_another_origin(case):
    assert case(["{products: [8703], declared: wages}"]).claim()["qualifies"]
    claim = case(["{products: [8703], declared: wages}"], origin="CHN").claim()
    assert (claim["qualifies"], claim["reason"]) == (False, "its customs origin is CHN, no partner of P")


def test_what_is_declared_non_originating_is_so(case):
    assert not case([CAR_RULE % ("build-down", "0%")], [("KOR", "8708.29", 0.5)], declares="non-originating").claim()[
        "qualifies"
    ]
    claim = case([CAR_RULE % ("build-down", "60%")], [("KOR", "8708.29", 0.5, "non-originating")]).claim()
    assert claim["value"] == 0.5


def test_what_a_stage_buys_from_itself_is_no_material(case):
    one = case([CAR_RULE % ("build-up", "10%")])
    graph = one.graph.replace(inputs=[{"supplier": "car", "user": "car", "share": 0.5}])
    assert Case(graph, one.law.rules).claim()["reason"] == "made in KOR, shows no inputs"
    one = case([CAR_RULE % ("build-down", "90%")], [("CHN", "8708.29", 0.2)])
    inputs = [*one.graph.inputs.select("supplier", "user", "share").to_dicts()]
    graph = one.graph.replace(inputs=[*inputs, {"supplier": "car", "user": "car", "share": 0.5}])
    assert Case(graph, one.law.rules).claim()["value"] == 0.8  # 1 − 0.2


# --- rules ----------------------------------------------------------------------------------------------


def test_the_last_rule_whose_products_and_dates_hold_applies(case):
    rules = [
        CAR_RULE % ("build-down", "10%"),
        "{products: [8703], except_products: [8703.23], change_of: chapter}",
        "{products: [8703], from: 2025-01-01, published: 2025-06-01, change_of: heading}",
        "{products: [8703], from: 2025-07-03, change_of: subheading}",
    ]
    inputs = [("CHN", "8708.29", 0.5)]
    test = {day: case(rules, inputs, as_of=day).claim()["test"] for day in ("2024-12-31", DAY, "2025-07-03")}
    assert test == {
        "2024-12-31": "regional value content (build-down) of at least 0.1",
        DAY: "a change of heading",
        "2025-07-03": "a change of subheading",
    }
    assert case(rules, inputs, known_on="2025-05-31").claim()["test"] == test["2024-12-31"]
    assert case(rules[:2], inputs, car="8703.80").claim()["test"] == "a change of chapter"


def test_a_claim_without_a_rule_is_taken_as_declared_and_said_once(case):
    one = case(["{products: [8704], change_of: heading}"], [("CHN", "8708.29", 0.9)])
    claim = one.claim()
    assert (claim["qualifies"], claim["by_rule"], claim["test"]) == (True, False, None)
    assert claim["reason"] == "P has no rule of origin for 8703.23: taken as declared"
    assert one.findings("no-origin-rule") == [
        "P has no rule of origin for 8703.23 (1 claim); what it has no rule for is taken as declared. "
        "Check these claims against the agreement, or add rules under origin of P."
    ]
    assert (
        "P has no rules of origin: 8703.23 (1 claim)" in case([], [("CHN", "8708", 0.9)]).findings("no-origin-rule")[0]
    )
    assert not case(
        ["{products: [8704], change_of: heading}"], [("CHN", "87", 0.9)], declares="non-originating"
    ).claim()["qualifies"]


def test_a_material_without_a_rule_does_not_originate_and_is_said_once(case):
    parts = [("KOR", "8708.29", 0.3), ("USA", "8708.29", 0.2), ("CHN", "8708.29", 0.1)]
    one = case([CAR_RULE % ("build-down", "60%")], parts)
    assert one.claim()["value"] == 0.9  # the first two show no inputs
    ore = {"stage": "ore", "country": "AUS", "product": "2601"}
    inputs = one.graph.inputs.select("supplier", "user", "share").to_dicts()
    graph = one.graph.replace(
        stages=[*one.graph.stages.select("stage", "country", "product").to_dicts(), ore],
        inputs=[*inputs, *({"supplier": "ore", "user": f"part{n}", "share": 0.1} for n in (0, 1, 2))],
    )
    other = Case(graph, one.law.rules)
    assert other.claim()["value"] == 0.4
    assert other.findings("no-origin-rule") == [
        "P has no rule of origin for materials: 8708.29 (2 inputs); they count as non-originating. "
        "Where they may originate, add rules under origin of P."
    ]


def test_a_product_too_coarse_for_a_rule_is_not_under_it(case):
    one = case(["{products: [8703.23], change_of: heading}"], [("CHN", "8703.23", 0.5)], car="8703")
    assert one.claim()["by_rule"] is False
    assert one.findings("coarse-product") == [
        "product 8703 is too coarse to tell whether it falls under 8703.23 in the rules of origin of P, and counts as "
        "if it did not. Give 6 digits, as in 8703.23."
    ]
    excepting = "{products: [8703], except_products: [8703.23], change_of: heading}"
    one = case([excepting], [("CHN", "8703.23", 0.5)], car="8703")
    assert one.claim()["by_rule"]
    assert len(one.findings("coarse-product")) == 1
    assert not case([excepting.replace("8703]", "8704]")], [("CHN", "8708", 0.5)], car="8703").findings(
        "coarse-product"
    )


def test_failing_claims_are_named_up_to_a_handful_and_then_counted(case):
    one = case([CAR_RULE % ("build-down", "55%")], [("CHN", "8708.29", 0.5)])
    shipments = [{"stage": "car", "market": market, "program": "P"} for market in ("USA", "JPN", "CAN", "MEX", "VNM")]
    for count, markets in ((5, shipments), (6, [*shipments, {"stage": "car", "market": "DEU", "program": "P"}])):
        said = Case(one.graph.replace(shipments=markets), one.law.rules).findings("claim-not-qualifying")
        assert len(said) == count
    assert said[0] == (
        "'car->CAN' claims P and does not qualify: regional value content (build-down) is 0.5, 0.05 below 0.55. "
        "The full rate is charged."
    )
    assert said[-1] == "more claims do not qualify: 1 of P. The full rate is charged."


# --- cycles and random graphs ---------------------------------------------------------------------------


def test_in_a_cycle_nothing_originates_until_it_is_shown_to(case):
    stages = [{"stage": "engine", "country": "KOR", "product": "8703.23"}]
    one = case([CAR_RULE % ("build-down", "60%")], [("CHN", "8708.29", 0.1)], stages=stages)
    inputs = one.graph.inputs.select("supplier", "user", "share").to_dicts()
    back = {"supplier": "car", "user": "engine", "share": 0.5}
    # The car reaches 0.6 with the engine foreign (0.1 + 0.3): it originates, and then so does the engine.
    graph = one.graph.replace(inputs=[*inputs, {"supplier": "engine", "user": "car", "share": 0.3}, back])
    assert Case(graph, one.law.rules).claim()["value"] == 0.9
    # With 0.31 it does not, although both would if either did: the least fixed point.
    graph = one.graph.replace(inputs=[*inputs, {"supplier": "engine", "user": "car", "share": 0.31}, back])
    assert Case(graph, one.law.rules).claim()["value"] == 0.59


SLOW_RULES = [
    "{products: [8703], any: [{regional_value_content: {method: build-up, at_least: 0.375}}, "
    "{regional_value_content: {method: build-down, at_least: 0.75}}]}",
    "{products: [8708], all: [{change_of: heading, tolerance: 0.25}, {declared: wages}]}",
    "{products: [8409], regional_value_content: {method: net-cost, at_least: 0.5}}",
]


def slow_status(stages, inputs):
    """Return what originates under SLOW_RULES as (stage, declared wages): every stage again until nothing changes."""
    found = set()
    while True:
        new = set()
        for stage, (country, product, net_cost) in stages.items():
            bought = [one for one in inputs if one[1] == stage and one[0] != stage]
            foreign = [
                (supplier, share)
                for supplier, _, share, declares in bought
                if declares == "non-originating" or (supplier, declares == "wages") not in found
            ]
            vnm = sum((share for _, share in foreign), Fraction(0))
            own = sum((share for *_, share, _ in bought), Fraction(0)) - vnm
            kept = sum((share for supplier, share in foreign if stages[supplier][1][:4] == product[:4]), Fraction(0))
            for wages in (False, True):
                meets = {
                    "8703": own >= Fraction(3, 8) or 1 - vnm >= Fraction(3, 4),
                    "8708": kept <= Fraction(1, 4) and wages,
                    "8409": (net_cost - vnm) / net_cost >= Fraction(1, 2),
                    "7208": False,
                }[product[:4]]
                if country in ("KOR", "USA") and (not bought or meets):
                    new.add((stage, wages))
        if new == found:
            return found
        found = new


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_with_cycles_agree_with_a_slow_reading_in_fractions(case, seed):
    draw = random.Random(seed)
    products = ["8703.23", "8703.80", "8708.29", "8708.50", "8409.91", "7208.38"]
    stages = {
        f"s{n:02}": (draw.choice(["KOR", "KOR", "USA", "CHN"]), draw.choice(products), Fraction(draw.randint(5, 8), 8))
        for n in range(24)
    }
    names = list(stages)
    inputs = []
    for user in names:
        left = 60 if draw.random() < 0.8 else 0  # of 64: what the shares may add up to
        while left > 8:
            share = draw.randint(4, left // 2)
            declares = draw.choice([None, None, None, "wages", "wages", "non-originating"])
            inputs.append((draw.choice(names), user, Fraction(share, 64), declares))
            left -= share + draw.randint(0, 12)
    path = case(SLOW_RULES).law.rules
    graph = tg.from_frames(
        stages=[
            {"stage": name, "country": country, "product": product, "net_cost": float(net_cost)}
            for name, (country, product, net_cost) in stages.items()
        ],
        inputs=[
            {"supplier": supplier, "user": user, "share": float(share), "declares": declares}
            for supplier, user, share, declares in inputs
        ],
        shipments=[
            {"stage": name, "market": market, "program": "P", "declares": declares}
            for name in names
            for market, declares in (("JPN", None), ("DEU", "wages"))
        ],
    )
    status = slow_status(stages, inputs)
    claims = Case(graph, path).claims().frame.filter("by_rule")
    for claim in claims.iter_rows(named=True):
        assert claim["qualifies"] is ((claim["supplier"], claim["id"].endswith("DEU")) in status), claim
    assert claims["qualifies"].any()
    assert not claims["qualifies"].all()


def test_without_claims_nothing_is_judged(case):
    one = case([CAR_RULE % ("build-down", "55%")])
    claims = Case(one.graph.replace(shipments=[{"stage": "car", "market": "USA"}]), one.law.rules).claims()
    assert claims.frame.is_empty()
    assert claims.findings == ()


# --- the bundled graph ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def korea_us():
    graph = tg.read_graph("korea-us-2025")
    rules = tg.read_rules("us-2025")

    def build(**shares):
        """Return the case with other shares of some inputs, written supplier__user."""
        inputs = graph.inputs.drop("id")
        for pair, share in shares.items():
            supplier, user = (name.replace("_", ".") for name in pair.split("__"))
            here = (pl.col("supplier") == supplier) & (pl.col("user") == user)
            inputs = inputs.with_columns(share=pl.when(here).then(share).otherwise("share"))
        crossings = inputs.filter(pl.col("program").is_null() | pl.col("program").is_in(["KORUS", "USMCA"]))
        return Case(graph.replace(inputs=crossings), rules)

    return build


def test_the_kia_forte_qualifies_by_two_points(korea_us):
    claim = korea_us().claim("MX.KIA.FORTE->USA")
    assert claim["qualifies"]
    assert (claim["value"], claim["needed"]) == (0.77, 0.75)  # 1 − 0.18 of Korean engine − 0.05 Chinese


def test_the_kia_forte_fails_with_more_of_a_korean_engine(korea_us):
    claim = korea_us(KR_POWERTRAIN__MX_KIA_FORTE=0.21, MX_AUTOPARTS__MX_KIA_FORTE=0.32).claim("MX.KIA.FORTE->USA")
    assert (claim["qualifies"], claim["value"], claim["missed_by"]) == (False, 0.74, 0.01)
    assert claim["reason"] == (
        "regional value content (net-cost) is 0.74, 0.01 below 0.75; "
        "regional value content (build-down) is 0.74, 0.11 below 0.85"
    )


def test_the_car_from_ulsan_qualifies_until_its_parts_are_chinese(korea_us):
    sheet = korea_us().worksheet("KR.HYUNDAI.ULSAN->USA")
    tests = sheet.filter(pl.col("status") == "passed")
    assert tests["value"].to_list() == [0.4, 0.62, 0.62]  # 0.38 + 0.02; 1 − 0.06 − 0.22 − 0.07 − 0.03
    shares = {"KR_AUTOPARTS__KR_HYUNDAI_ULSAN": 0.001, "CN_AUTOPARTS__KR_HYUNDAI_ULSAN": 0.449}
    claim = korea_us(**shares).claim("KR.HYUNDAI.ULSAN->USA")
    assert not claim["qualifies"]
    # build-down and net cost 1 − 0.06 − 0.22 − 0.449 − 0.03 = 0.241; build-up 0.001 + 0.02 = 0.021
    assert claim["reason"] == (
        "regional value content (net-cost) is 0.241, 0.109 below 0.35; "
        "regional value content (build-down) is 0.241, 0.309 below 0.55; "
        "regional value content (build-up) is 0.021, 0.329 below 0.35"
    )


def test_korean_parts_of_steel_change_their_subheading(korea_us):
    claim = korea_us().claim("KR.AUTOPARTS->USA")
    assert claim["reason"] == "every non-originating input changes its subheading"


# --- worksheet ------------------------------------------------------------------------------------------


def test_the_worksheet_lists_value_added_materials_totals_tests_and_the_result(case):
    rule = (
        "{products: [8703], any: [{change_of: heading}, {regional_value_content: {method: build-down, at_least: 55%}}]}"
    )
    inputs = [("CHN", "8703.80", 0.3), ("KOR", "8708.29", 0.2), ("USA", "8708.29", 0.1, "non-originating")]
    sheet = case([rule], inputs).worksheet()
    assert sheet["line"].to_list() == list(range(1, 11))
    assert sheet.select("share", "status", "why").rows() == [
        (0.4, "value added", "added in KOR"),
        (0.3, "non-originating", "made in CHN, no partner of P; does not change its heading"),
        (0.2, "originating", "made in KOR, shows no inputs"),
        (0.1, "non-originating", "declares non-originating; changes its heading"),
        (0.2, "total", "originating materials"),
        (0.4, "total", "non-originating materials"),
        (1.0, "total", "net cost"),
        (None, "failed", "0.3 of the value does not change its heading (part0->car), 0.3 above 0"),
        (None, "passed", "regional value content (build-down) is 0.6, at least 0.55"),
        (None, "qualifies", "regional value content (build-down) is 0.6, at least 0.55"),
    ]
    assert sheet["missed_by"].drop_nulls().to_list() == [0.3]


def test_the_worksheet_opens_materials_and_traces_their_shares(korea_us):
    case = korea_us()
    flat = case.worksheet("KR.HYUNDAI.ULSAN->USA")
    sheet = case.worksheet("KR.HYUNDAI.ULSAN->USA", levels=2)
    assert sheet.filter(depth=0).drop("line").equals(flat.drop("line"))
    below = sheet.filter(stage="KR.AUTOPARTS", crossing="KR.POSCO.HRC->KR.AUTOPARTS").row(0, named=True)
    assert (below["depth"], below["share"], below["share_of_good"]) == (1, 0.2, 0.2 * 0.38)
    inputs = sheet.filter(pl.col("status").is_in(["value added", "originating", "non-originating"]))
    for (_, stage), lines in inputs.filter(pl.col("depth") < 2).group_by("depth", "stage"):
        assert lines["share"].sum() == pytest.approx(1.0), stage


def test_the_worksheet_of_a_good_without_a_rule_still_judges_its_materials(case):
    one = case([CAR_RULE % ("build-down", "55%")], [("KOR", "8703.23", 0.5), ("CHN", "8708.29", 0.1)], car="8704.21")
    sheet = one.worksheet()
    assert sheet["status"].to_list()[1:3] == ["originating", "non-originating"]
    assert sheet.filter(status="total")["share"].to_list() == [0.5, 0.1, 1.0]
    assert sheet["status"][-1] == "taken as declared"


def test_the_worksheet_of_a_cycle_ends(case):
    stages = [{"stage": "engine", "country": "KOR", "product": "8703.23"}]
    one = case([CAR_RULE % ("build-down", "60%")], stages=stages)
    pairs = [("engine", "car"), ("car", "engine"), ("car", "car")]
    graph = one.graph.replace(inputs=[{"supplier": a, "user": b, "share": 0.3} for a, b in pairs])
    sheet = Case(graph, one.law.rules).worksheet(levels=100)
    assert sheet["depth"].max() == 1
    assert "own purchase" in sheet["status"]


def test_a_worksheet_needs_a_program(case):
    one = case([CAR_RULE % ("build-down", "60%")])
    assert one.worksheet(program="P")["status"][-1] == "qualifies"
    with pytest.raises(tg.TariffGraphError, match="program: 'Q' is no program"):
        one.worksheet(program="Q")
    graph = one.graph.replace(shipments=[{"stage": "car", "market": "USA"}])
    with pytest.raises(tg.TariffGraphError, match="the crossing claims no program"):
        Case(graph, one.law.rules).worksheet()
