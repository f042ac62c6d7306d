"""A group that differs in numbers only owes, entry by entry, the same bits as each entry alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from customs.graphs import AS_OF, graph_of, rules_of

import tariffgraph as tg
from tariffgraph.customs import crossings
from tariffgraph.customs.assess import assess_facts, assess_group
from tariffgraph.customs.classes import lines_of_key
from tariffgraph.customs.facts import Facts
from tariffgraph.customs.law import draw_up
from tariffgraph.errors import GraphError

RULES = """
column_1: mfn
content: {steel: {products: [72]}, aluminum: {products: [76]}, us: {countries: [USA]}}
measures:
  - {id: mfn, rate: 2.5% + 4.4 cents/kg}
  - {id: steel, base: {content: steel}, rate: 50%, covers: baseline}
  - {id: aluminum, base: {content: aluminum, unknown: zero}, rate: 25%}
  - {id: baseline, base: [{content: {us: {at_least: 20%}}, base: {without: us, at_most: 40%}}], rate: 10%}
  - {id: deal, rate: {top_up_to: 15%}}
  - {id: fee, rate: 1%, content: {steel: {at_least: 30%}}}
relations:
  - {by: aluminum, covers: [baseline, deal], part: {content: aluminum}}
  - {by: steel, excludes: fee, content: {us: {at_least: 10%}}}
"""


def test_a_group_owes_what_its_entries_owe_alone(tmp_path):
    law = draw_up(rules_of(tmp_path, RULES), AS_OF, None)
    importer = law.importer("USA")
    rng = np.random.default_rng(7)
    size = 200
    edges = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 1.0])
    content = {kind: np.where(rng.random(size) < 0.4, rng.choice(edges, size), rng.random(size)) for kind in law.kinds}
    value, quantity = rng.uniform(1, 100, size), rng.uniform(0, 900, size)
    group = Facts("8418.10", "KOR", "KOR", "USA", content=content, value=value, quantity=quantity, unit="kg")
    seen = np.zeros(size, np.int64)
    for members, lines in assess_group(law, importer, group, size):
        seen[members] += 1
        for place, member in enumerate(members):
            alone = replace(
                group,
                content={kind: float(shares[member]) for kind, shares in content.items()},
                value=float(value[member]),
                quantity=float(quantity[member]),
            )
            expected = {line.number: (line.base, line.rate, line.duty) for line in assess_facts(law, importer, alone)}
            for line in lines:
                found = tuple(
                    float(np.broadcast_to(one, len(members))[place]) for one in (line.base, line.rate, line.duty)
                )
                assert found == expected[line.number]
    assert (seen == 1).all()
    assert len(assess_group(law, importer, group, size)) < 40  # walks follow what the law decides, not the numbers


def test_the_whole_answer_of_the_law_adds_up_to_what_each_class_owes_before_credits():
    problem = tg.compile("korea-us-2025", as_of="2025-07-02")
    classes = problem.classes
    credited = set(problem.borders.credited["class"])
    for class_, key in enumerate(problem.borders.parents.tolist()):
        entries = lines_of_key(problem.assessed, key)
        assert sum(weight for weight, _ in entries) == pytest.approx(1.0 if entries else 0.0)
        owed = sum(weight * line.duty for weight, lines in entries for line in lines)
        if class_ not in credited:
            assert owed == pytest.approx(classes.statutory[class_], abs=1e-15)
        for _, lines in entries:
            for line in lines:
                assert (line.part is None) == (line.status in {"not-applicable", "excluded", "replaced"})
                assert line.part is None or line.part.share == line.base


def test_products_that_the_law_cannot_tell_apart_are_asked_for_together_and_owe_the_same_bits(monkeypatch):
    rules = tg.read_rules("us-2025")
    lines = next(one for each in rules.rule_sets for one in each.schedules.values()).lines
    products = sorted({line.product for line in lines if "/" not in line.general})[::9]
    goods = [
        (f"{country}{number}", country, product)
        for country in ("KOR", "JPN", "MEX", "CHN", "BRA")
        for number, product in enumerate(products)
    ]
    graph = graph_of(goods, [], [(name,) for name, *_ in goods])

    def compiled(groups_a_product):
        monkeypatch.setattr(crossings, "GROUPS_A_PRODUCT", groups_a_product)
        return tg.compile(graph, rules, as_of="2025-11-20")

    together, apart = compiled(0), compiled(len(goods))
    assert apart.borders.keys["group"].n_unique() == len(goods)
    assert together.borders.keys["group"].n_unique() < 0.6 * len(goods)
    assert together.borders.keys.drop("group").equals(apart.borders.keys.drop("group"))
    assert (together.rates == apart.rates).all()
    assert all((one == other).all() for one, other in zip(together.classes.lines, apart.classes.lines, strict=True))
    assert together.findings == apart.findings


def test_a_product_that_is_not_listed_is_named_whatever_it_is_asked_for_with(tmp_path):
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "mfn.csv").write_text("product,general\n8703,2.5%\n", encoding="utf-8")
    rules = rules_of(tmp_path, "measures: [{id: base, rate: {schedule: mfn}}]\n")
    goods = [(f"{country}{at}", country, product) for country in ("KOR", "JPN", "MEX")
             for at, product in enumerate(("8703.23", "8703.24", "9401", "9403"))]  # fmt: skip
    with pytest.raises(GraphError) as caught:
        tg.compile(graph_of(goods, [], [(name,) for name, *_ in goods]), rules, as_of=AS_OF)
    assert [finding.message for finding in caught.value.findings] == [
        f"product {product} is not listed in the schedule mfn (at 'JPN{at}->USA', 'KOR{at}->USA', 'MEX{at}->USA')"
        for at, product in ((2, "9401"), (3, "9403"))
    ]
