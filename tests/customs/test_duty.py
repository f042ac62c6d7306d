"""The duty of one entry: each rule of docs/rules.md in the smallest case that shows it, with the arithmetic."""

import pytest

import tariffgraph as tg

DAY = "2025-07-02"


@pytest.fixture
def law(tmp_path):
    """Return a function that writes a rule set (and its schedules) to files and reads it."""

    def read(text, **tables):
        folder = tmp_path / "law"
        for name, table in tables.items():
            path = folder / ("schedules" if name.startswith("schedule") else "lists") / f"{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(table, encoding="utf-8")
        folder.mkdir(exist_ok=True)
        (folder / "law.yaml").write_text(text, encoding="utf-8")
        return tg.read_rules(folder)

    return read


def owed(rules, as_of=DAY, known_on=None, **entry):
    entry = {"product": "8703.23", "origin": "JPN", "value": 1000, **entry}
    duty = tg.assess(rules, tg.Entry(**entry), as_of=as_of, known_on=known_on)
    return {action: round(money, 9) for action, money, _ in duty.by("action").iter_rows()}


def status(rules, measure, **entry):
    entry = {"product": "8703.23", "origin": "JPN", "value": 1000, **entry}
    lines = tg.assess(rules, tg.Entry(**entry), as_of=DAY).lines
    return lines.filter(measure=measure).select("status", "reason").row(0)


PLAIN = """
ruleset: r
importer: USA
groups: {eu: [DEU, FRA]}
content: {steel: {products: [72, 73]}, us: {countries: [USA]}}
programs: {FTA: {partners: [USA, KOR], symbol: KR}}
"""
HEAD = PLAIN + "column_1: mfn\n"


def test_zeros_are_included_and_every_measure_has_a_line(law):
    rules = law(HEAD + "measures: [{id: mfn, rate: 2.5%}, {id: other, origins: CHN, rate: 10%}]")
    assert owed(rules) == {"mfn": 25.0, "other": 0.0}
    assert status(rules, "other") == ("not-applicable", "the country of origin is not CHN (it is JPN)")


SCHEDULE = """product,general,KR,column 2
8703,10%,free,20%
8703.23.01,2.5%,,30%
0702.00,4 cents/kg,free,
0703.10,1%,,
0703.20,3%,,
"""


@pytest.mark.parametrize(
    ("entry", "duty"),
    [
        ({"product": "8703.23.01"}, 25.0),  # the longest line
        ({"product": "8703.24"}, 100.0),  # a shorter one
        ({"product": "8703.24", "program": "FTA"}, 0.0),  # its special column
        ({"product": "8703.23.01", "program": "FTA"}, 25.0),  # no special rate: general
        ({"product": "8703.24", "origin": "RUS"}, 200.0),
        ({"product": "0702.00.00", "quantity": 50, "unit": "kg"}, 2.0),  # .04 · 50
        ({"product": "0702.00.00", "quantity": 0.05, "unit": "t"}, 2.0),
        ({"product": "9999", "column_1": 0.03}, 30.0),  # the caller knows the rate
        ({"product": "9999", "column_1": "3% + 2 cents/kg", "quantity": 100, "unit": "kg"}, 32.0),
        ({"product": "9999", "column_1": {"general": 0.03, "special": 0.01}}, 30.0),
        ({"product": "9999", "column_1": {"general": 0.03, "special": 0.01}, "program": "FTA"}, 10.0),
        ({"product": "9999", "column_1": 0.03, "program": "FTA"}, 30.0),
    ],
)
def test_column_1_by_schedule_and_by_statement(law, entry, duty):
    rate = "[{rate: {schedule: schedule}}, {origins: RUS, rate: {schedule: schedule, column: column 2}}]"
    rules = law(HEAD + f"measures: [{{id: mfn, rate: {rate}}}]", schedule=SCHEDULE)
    assert owed(rules, **entry) == {"mfn": duty}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"product": "9999"}, "product 9999 is not listed in the schedule schedule. Absent is not zero"),
        ({"product": "0703"}, "product 0703 is too coarse for the schedule schedule: 2 lines below it differ"),
        ({"product": "0702.00"}, "a duty of 0.04 per kg needs the quantity of the entry"),
        ({"product": "0702.00", "quantity": 5, "unit": "m2"}, "a quantity in m2 cannot be counted in kg"),
    ],
)
def test_absent_is_not_zero(law, entry, message):
    rules = law(HEAD + "measures: [{id: mfn, rate: {schedule: schedule}}]", schedule=SCHEDULE)
    with pytest.raises(tg.EntryError, match=message.replace(".", r"\.")):
        owed(rules, **entry)


def test_a_product_too_coarse_to_tell_is_an_error_that_names_the_digits(law):
    rules = law(PLAIN + "measures: [{id: m, products: [8703.22, 8703.23.01.00], rate: 10%, origins: JPN}]")
    with pytest.raises(tg.EntryError, match=r"8703\.23 is too coarse to tell: 8 digits are needed, as in 8703\.23\.01"):
        owed(rules)
    assert owed(rules, product="8703.23.01.05") == {"m": 100.0}
    assert owed(rules, origin="KOR") == {"m": 0.0}  # nothing else asks for more digits
    assert owed(law(PLAIN + "measures: [{id: m, products: 8703.23.00.00, rate: 10%}]")) == {"m": 100.0}


def test_the_last_row_that_holds_applies_and_ends_ends_it(law):
    rows = """
      - {from: 2025-01-01, rate: 10%}
      - {from: 2025-03-01, published: 2025-02-15, rate: 20%}
      - {origins: eu, from: 2025-04-01, rate: free}
      - {from: 2025-06-01, until: 2025-06-10, rate: 50%}
      - {from: 2025-09-01, published: 2025-08-20, rate: ends}
    """
    rules = law(PLAIN + "measures:\n  - id: m\n    rate:" + rows)
    days = {"2024-12-31": 0, "2025-01-01": 100, "2025-02-28": 100, "2025-03-01": 200, "2025-05-31": 200}
    days |= {"2025-06-01": 500, "2025-06-09": 500, "2025-06-10": 200, "2025-08-31": 200, "2025-09-01": 0}
    assert {day: owed(rules, as_of=day)["m"] for day in days} == days
    assert owed(rules, as_of="2025-05-01", origin="DEU") == {"m": 0.0}
    assert owed(rules, as_of="2025-03-01", known_on="2025-02-14") == {"m": 100.0}
    assert owed(rules, as_of="2025-03-01", known_on="2025-02-15") == {"m": 200.0}
    assert owed(rules, as_of="2025-10-01", known_on="2025-08-19") == {"m": 200.0}


STACK = (
    HEAD
    + """
measures:
  - {id: mfn, rate: 4%}
  - {id: metal, rate: 50%, products: [8418], base: {content: steel}}
  - {id: base, rate: 10%}
  - {id: top, rate: {top_up_to: 15%}, origins: eu}
relations:
  - {by: metal, covers: base}
  - {by: top, excludes: base}
"""
)


def test_a_content_charged_by_one_is_spared_by_the_other(law):
    rules = law(STACK)
    assert owed(rules, product="8418.10", content={"steel": 0.3}) == {"mfn": 40, "metal": 150, "base": 70, "top": 0}
    assert owed(rules, product="8418.10", content={"steel": 0.0}) == {"mfn": 40, "metal": 0, "base": 100, "top": 0}
    # Unknown: the whole value is charged, and so the whole value is spared.
    assert owed(rules, product="8418.10") == {"mfn": 40, "metal": 500, "base": 0, "top": 0}


def test_a_top_up_counts_what_column_1_owes(law):
    rules = law(STACK)
    assert owed(rules, origin="DEU") == {"mfn": 40, "metal": 0, "base": 0, "top": 110}
    assert owed(rules, origin="DEU", column_1=0.165) == {"mfn": 165, "metal": 0, "base": 100, "top": 0}
    replaced = rules.with_measure({"id": "pref", "rate": "1%", "program": "FTA", "replaces": "mfn"})
    assert owed(replaced, origin="DEU", program="FTA") == {"mfn": 0, "metal": 0, "base": 0, "top": 140, "pref": 10}


def test_a_free_measure_excludes_only_when_told_to(law):
    text = PLAIN + "measures: [{id: a, rate: free, excludes: b%s}, {id: b, rate: 10%%}]"
    assert owed(law(text % "")) == {"a": 0.0, "b": 100.0}
    assert owed(law(text % ", even_if_free: true")) == {"a": 0.0, "b": 0.0}


def test_one_that_is_excluded_excludes_nothing(law):
    text = PLAIN + "measures: [{id: a, rate: 1%, excludes: b}, {id: b, rate: 2%, excludes: c}, {id: c, rate: 3%}]"
    assert owed(law(text)) == {"a": 10.0, "b": 0.0, "c": 30.0}


def test_a_threshold_is_inclusive_to_the_twelfth_decimal(law):
    rules = law(PLAIN + "measures: [{id: m, rate: 10%, base: [{content: {us: {at_least: 20%}}, base: {without: us}}]}]")
    assert owed(rules, content={"us": 0.2}) == {"m": 80.0}
    assert owed(rules, content={"us": 0.2 - 4e-13}) == {"m": 80.0}
    assert owed(rules, content={"us": 0.2 - 1e-12}) == {"m": 100.0}
    assert owed(rules) == {"m": 100.0}


def test_a_customs_union_charges_no_trade_inside_it(law):
    rules = law("ruleset: r\nimporter: eu\ngroups: {eu: [DEU, FRA]}\nmeasures: [{id: cet, rate: 10%}]")
    assert owed(rules, importer="FRA") == {"cet": 100.0}
    assert owed(rules, importer="FRA", exporter="DEU") == {"cet": 0.0}


def test_part_utilization_is_two_entries(law):
    rules = law(HEAD + "measures: [{id: mfn, rate: [{rate: 8%}, {program: FTA, rate: free}]}]")
    assert owed(rules, program="FTA", utilization=0.25) == {"mfn": 60.0}
    assert owed(rules, program="FTA", utilization=0.0) == {"mfn": 80.0}


def test_a_program_that_nobody_knows_is_not_claimed(law):
    rules = law(HEAD + "measures: [{id: mfn, rate: [{rate: 8%}, {program: FTA, rate: free}]}]")
    duty = tg.assess(rules, tg.Entry(product="87", origin="JPN", value=1000, program="FTB"), as_of=DAY)
    assert duty.total == 80.0
    assert [str(one) for one in duty.findings] == [
        "program: no loaded rule set knows the program 'FTB': it is not claimed. Did you mean 'FTA'?"
    ]


def test_a_top_up_looks_at_the_column_1_of_its_own_rule_set(law, tmp_path):
    one = law(HEAD + "measures: [{id: mfn, rate: 5%}]")
    path = tmp_path / "other.yaml"
    path.write_text(
        "ruleset: other\nimporter: USA\ncolumn_1: duty\n"
        "measures: [{id: duty, rate: 2%}, {id: top, rate: {top_up_to: 15%}}]"
    )
    assert owed(tg.read_rules(*[tmp_path / "law", path])) == {"mfn": 50.0, "duty": 20.0, "top": 130.0}
    assert one.rule_sets[0].id == "r"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"product": "702"}, "product: '702' has 3 digits"),
        ({"value": -1}, "value: -1.0 is out of range"),
        ({"content": {"steel": 1.5}}, "content.steel: 1.5 is not a share"),
        ({"origin": "UK"}, "origin: 'UK' is not a country. Did you mean GBR"),
        ({"declares": "auto-prat"}, "declares: 'auto-prat' is declared, and nothing in the rules asks for it"),
        ({"content": {"stel": 0.1}}, "no rule set knows that kind. Did you mean 'steel'"),
        ({"column_1": "fast"}, "column_1: "),
        ({"utilization": 2}, "utilization: 2.0 is out of range. Write a number from 0 to 1"),
    ],
)
def test_facts_that_are_none_are_refused_with_the_field(law, entry, message):
    with pytest.raises(tg.EntryError) as refused:
        owed(law(STACK), **entry)
    assert message in str(refused.value)


def test_a_row_that_needs_more_digits_does_not_match_and_says_so(law, tmp_path):
    texts = {
        "rate: [{rate: 10%}, {products: 8703.23, rate: 25%}]": 0.1,
        "rate: 10%, base: [{products: 8703.23, base: {content: steel}}]": 0.1,
        "rate: 10%, except_products: 8703.23": 0.1,
        "rate: 10%, products: 8703.23": 0.0,
        "rate: [{rate: 10%}, {used_in: 8703.23, rate: 25%}]": 0.1,
    }
    graph = tg.from_frames(
        stages={"stage": ["a", "b"], "country": ["KOR", "USA"], "product": ["8703", "8703"]},
        inputs={"supplier": ["a"], "user": ["b"], "share": [0.5]},
        shipments={"stage": ["b"], "market": ["USA"]},
    )
    for text, rate in texts.items():
        rules = law(PLAIN + f"measures: [{{id: m, {text}}}]")
        result = tg.propagate(graph, rules, as_of=DAY)
        assert result.shipments["effective_rate"].item() == pytest.approx(rate / 2, abs=1e-15), text
        assert "coarse-product" in [one.check for one in result.findings], text
        with pytest.raises(tg.EntryError, match=r"6 digits are needed, as in 8703\.23"):
            owed(rules, product="8703", used_in="8703")
    relation = law(
        PLAIN
        + "measures: [{id: a, rate: 5%}, {id: b, rate: 10%}]\nrelations: [{by: a, excludes: b, products: 8703.23}]"
    )
    with pytest.raises(tg.EntryError, match="6 digits are needed"):
        owed(relation, product="8703")
    assert owed(relation, product="8704") == {"a": 50.0, "b": 100.0}
    with pytest.raises(tg.EntryError, match=r"6 digits are needed, as in 2709\.00"):
        owed(law(PLAIN + "measures: [{id: m, products: 2709.00, rate: 10%}]"), product="2709")


def test_a_measure_that_has_ended_takes_no_part_in_a_circle(law):
    rules = law(
        PLAIN
        + """
measures:
  - {id: a, from: 2025-01-01, until: 2025-04-01, rate: 10%, excludes: b}
  - {id: b, from: 2025-04-01, rate: 20%, excludes: a}
"""
    )
    assert owed(rules, as_of="2025-03-31") == {"a": 100.0, "b": 0.0}
    assert owed(rules, as_of="2025-04-01") == {"a": 0.0, "b": 200.0}


def test_a_rest_of_rounding_is_no_duty_and_excludes_nothing(law):
    # 70 cents on each of 3 kg is 15% of 14: the top-up has nothing to add.
    rules = law(
        HEAD
        + """
measures:
  - {id: mfn, rate: 70 cents/kg}
  - {id: top, rate: {top_up_to: 15%}, excludes: other}
  - {id: other, rate: 10%}
"""
    )
    assert owed(rules, value=14, quantity=3, unit="kg") == {"mfn": 2.1, "top": 0.0, "other": 1.4}


@pytest.mark.parametrize(
    "call",
    [
        lambda rules: tg.assess(rules, {"product": "87"}),
        lambda rules: tg.assess(5, tg.Entry(product="87", origin="JPN", value=1)),
        lambda rules: tg.assess(rules, tg.Entry(product="87", origin="JPN", value=1), as_of=20250702),
        lambda rules: tg.Entry(product=None, origin="JPN", value=1),
        lambda rules: tg.Entry(product="87", origin=None, value=1),
        lambda rules: tg.Entry(product="87", origin="JPN", value="much"),
        lambda rules: tg.Entry(product="87", origin="JPN", value=1, content=None),
        lambda rules: tg.Entry(product="87", origin="JPN", value=1, declares=None),
        lambda rules: tg.Entry(product="87", origin="JPN", value=1, program=["FTA"]),
        lambda rules: tg.propagate("korea-us-2025", rules, pass_through="x"),
        lambda rules: tg.compile("korea-us-2025", rules, as_of=DAY).excess_prices(rates=["a"]),
    ],
)
def test_what_is_not_of_the_right_kind_is_refused_as_an_error_of_ours(law, call):
    with pytest.raises(tg.TariffGraphError):
        call(law(STACK.replace("mfn, rate: 4%", "mfn, rate: [{rate: 4%}]")))


def test_a_day_may_be_a_datetime_and_an_entry_a_key():
    import copy
    import datetime
    import pickle

    entry = tg.Entry(product="8703.23", origin="JPN", value=1000, content={"steel": 0.1})
    assert {entry: 1}[pickle.loads(pickle.dumps(copy.deepcopy(entry)))] == 1
    assert tg.assess("us-2025", entry, as_of=datetime.datetime(2025, 7, 2, 12)).total == 275.0


@pytest.mark.parametrize(("day", "told"), [("2017-12-31", 1), ("2018-01-01", 0), ("2026-08-22", 0), ("2026-08-23", 1)])
def test_a_day_on_which_a_rule_set_is_not_complete_is_told(day, told):
    duty = tg.assess("us-2025", tg.Entry(product="8703.23", origin="JPN", value=1), as_of=day)
    assert [one.check for one in duty.findings] == ["not-complete"] * told
    assert all("complete for entries from 2018-01-01 to 2026-08-22" in str(one) for one in duty.findings)
