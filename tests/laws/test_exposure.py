"""Exposure is exact and additive: it sums to the effective rate, and every row is the one in fractions."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import engine
from reference import reference as ref
from reference.exposure import exposure
from reference.reference import Graph
from reference.strategies import UNCONDITIONAL, any_graphs, law, rule_sets

KEYS = ("via", "importer", "origin", "product", "crossing", "measure", "action", "authority")
GROUPINGS = [("via", "importer"), *((key,) for key in KEYS), ("measure", "via"), ("crossing", "action"), ()]
COLUMNS = ("rate", "flagged", "taxed")
#: A law that charges parts of every good: kinds that overlap, relief that is capped, covers, a credit.
ON_PARTS = {
    "ruleset": "parts",
    "importer": "all",
    "content": {
        "steel": {"products": ["72", "73"]},
        "us": {"countries": ["USA"]},
        "korean": {"countries": ["KOR"], "method": "residual"},
    },
    "measures": [
        {"id": "all", "rate": "12.5%"},
        {"id": "foreign", "base": {"without": "us", "at_most": "25%"}, "rate": "25%"},
        {"id": "korean", "base": {"content": "korean", "unknown": "zero"}, "rate": "6.25%"},
        {"id": "steel", "base": {"content": "steel"}, "rate": "50%"},
    ],
    "relations": [{"by": "steel", "covers": ["all", "foreign"]}, {"by": "korean", "covers": "all"}],
    "credits": [{"id": "offset", "at": {"products": ["87"]}, "share": "3.125%", "of": ["steel", "all"]}],
}


def rows(frame, *columns):
    """Return rate, flagged and taxed by shipment, owner and keys."""
    return {
        tuple(row[name] for name in columns): tuple(row[name] for name in COLUMNS)
        for row in frame.iter_rows(named=True)
    }


def assert_every_row_is_exact(graph, rules, keys, of="country"):
    result = engine.propagate(graph, rules)
    frame = result.exposure(of, by=keys)
    columns = frame.columns[: frame.columns.index("rate")]
    found = rows(frame, *columns)
    owner = {"country": graph.country, "nationality": graph.nationality}[of]
    exact_keys = ["exporter" if one == "via" else one for one in columns[2:]]
    law_there = ref.law_of(rules)
    expected = exposure(ref.propagate(graph, rules), law_there, owner, *exact_keys)
    bound = 20 * engine.residual_bound(result)
    for line in {*found, *expected}:
        exact = expected.get(line, (ref.ZERO,) * 3)
        for column, is_, should in zip(COLUMNS, found.get(line, (0.0,) * 3), exact, strict=True):
            assert engine.close(is_, should, bound=bound + 1e-13), (line, column, is_, float(should))


@given(graph=any_graphs(), rules=rule_sets(), keys=st.sampled_from(GROUPINGS))
@law(30)
def test_every_row_is_the_exact_one(graph, rules, keys):
    assert_every_row_is_exact(graph, rules, keys)


@given(graph=any_graphs(), keys=st.sampled_from(GROUPINGS))
@law(40)
def test_every_row_is_the_exact_one_where_parts_are_charged(graph, keys):
    assert_every_row_is_exact(graph, ON_PARTS, keys)


@given(graph=any_graphs(), rules=rule_sets(leave_out=UNCONDITIONAL), of=st.sampled_from(("country", "nationality")))
@law(20)
def test_every_row_is_the_exact_one_where_most_measures_charge(graph, rules, of):
    assert_every_row_is_exact(graph, rules, ("via", "importer"), of)


@given(graph=any_graphs(), rules=rule_sets(leave_out=UNCONDITIONAL), keys=st.sampled_from(GROUPINGS))
@law(25)
def test_rates_add_to_the_effective_rate_and_to_those_of_by(graph, rules, keys):
    result = engine.propagate(graph, rules)
    slack = 3 * engine.residual_bound(result) + 1e-14
    frame = result.exposure(by=keys)
    for name, row in engine.shipments(result).items():
        mine = frame.filter(pl.col("shipment") == name)
        assert mine["rate"].sum() == pytest.approx(row["effective_rate"], rel=1e-12, abs=slack)
    if not keys:
        return
    split = result.by(*("exporter" if key == "via" else key for key in keys)).rename({"exporter": "via"}, strict=False)
    columns = [one for one in frame.columns[2:] if one in split.columns and one not in {"rate", "amount"}]
    sums = frame.group_by("shipment", *columns).agg(pl.col("rate").sum())
    both = split.join(sums, on=["shipment", *columns], how="left", suffix="_of_owners")
    assert both["rate_of_owners"].fill_null(0.0).to_list() == pytest.approx(
        both["rate"].to_list(), rel=1e-11, abs=slack
    )


@given(graph=any_graphs(content=False), rules=rule_sets(leave_out=frozenset({"content", "credits"})))
@law(20)
def test_a_duty_on_the_whole_value_falls_as_value_added_content(graph, rules):
    result = engine.propagate(graph, rules)
    content = ref.value_added_content(graph)
    supplier = {row["id"]: row["supplier"] for row in result.crossings.iter_rows(named=True)}
    rate = engine.attribution(result, "crossing")
    slack = 20 * engine.residual_bound(result) + 1e-14
    for row in result.exposure(by="crossing").iter_rows(named=True):
        whole = rate[row["shipment"], row["crossing"]]["rate"]
        share = float(content[supplier[row["crossing"]]][row["country"]])
        assert row["rate"] == pytest.approx(whole * share, rel=1e-11, abs=slack)
        assert row["flagged"] == 0.0


@given(graph=any_graphs(), rules=rule_sets(leave_out=UNCONDITIONAL), keys=st.sampled_from(GROUPINGS))
@law(20)
def test_totals_are_the_rows_of_all_shipments_added_up(graph, rules, keys):
    result = engine.propagate(graph, rules)
    parts = result.exposure(by=keys).drop_nulls("amount")
    value = dict(result.shipments.select("id", "value").iter_rows())
    flagged = pl.Series([value[name] for name in parts["shipment"]], dtype=pl.Float64) * parts["flagged"]
    parts = parts.with_columns(flagged_amount=flagged)
    names = ("amount", "flagged_amount", "taxed_amount")
    found = result.exposure_totals(by=keys)
    columns = found.columns[: found.columns.index("amount")]
    expected = parts.group_by(columns).agg(pl.col(one).sum() for one in names)
    both = found.join(expected, on=columns, how="full", suffix="_expected", coalesce=True).fill_null(0.0)
    for name in names:
        assert both[name].to_list() == pytest.approx(both[f"{name}_expected"].to_list(), rel=1e-11, abs=1e-10)


@given(graph=any_graphs(content=False, shifts=False), rules=rule_sets(leave_out=frozenset({"credits", "residual"})))
@law(15)
def test_splitting_a_stage_into_twins_changes_nothing(graph, rules):
    first = graph.stages[0]["stage"]
    twins = Graph(
        (*graph.stages, {**graph.stages[0], "stage": "twin"}),
        (
            *(row for row in graph.inputs if first not in (row["supplier"], row["user"])),
            *(
                {**row, "id": f"{row['id']}-{number}", "supplier": supplier, "user": user, "share": share}
                for row in graph.inputs
                if first in (row["supplier"], row["user"])
                for number, (supplier, user, share) in enumerate(_twinned(row, first))
            ),
        ),
        graph.shipments,
    )
    one, other = (engine.propagate(each, rules) for each in (graph, twins))
    bound = 20 * (engine.residual_bound(one) + engine.residual_bound(other)) + 1e-13
    columns = ("shipment", "country", "via", "importer")
    before, after = (rows(each.exposure(), *columns) for each in (one, other))
    for line in {*before, *after}:
        nothing = (0.0,) * 3
        assert before.get(line, nothing) == pytest.approx(after.get(line, nothing), rel=1e-11, abs=bound), line


def _twinned(row, first):
    """Yield supplier, user and share of the rows that stand for one where ``first`` is made half by a twin."""
    for user in (first, "twin") if row["user"] == first else (row["user"],):
        if row["supplier"] != first:
            yield row["supplier"], user, row["share"]
        else:
            for supplier in (first, "twin"):
                yield supplier, user, row["share"] / 2


@given(graph=any_graphs())
@law(5)
def test_without_duties_nothing_falls_on_anybody(graph):
    result = engine.propagate(
        graph, {"ruleset": "free", "importer": "all", "measures": [{"id": "free", "rate": "free"}]}
    )
    assert result.exposure().is_empty()
    assert result.exposure_totals().is_empty()
