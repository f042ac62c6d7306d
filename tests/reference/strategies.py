"""Random production graphs and random law, in the shapes of ``reference.reference``.

Shares and rates are 64ths by default: exact in binary, so that "charges anything", "exactly met" and the like mean the
same in fractions and in floats. Whatever a strategy draws is legal input; nothing needs to be filtered away.
"""

from __future__ import annotations

import os
from fractions import Fraction
from functools import cache
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from reference.reference import Graph, Row

COUNTRIES = ("CHN", "JPN", "KOR", "MEX", "USA")
PRODUCTS = ("7208.10", "7326.90", "8517.13", "8542.31", "8703.23", "8708.29")
PREFIXES = ("72", "7326", "73", "8517.13", "85", "8703", "8708.29", "87")
DECLARATIONS = ("auto-part", "certified")
PROGRAMS = ("PACT", "UNION")
DATES = ("2025-02-01", "2025-04-01", "2025-06-01", "2025-08-01")
DAYS = (
    "2025-01-15",
    "2025-02-01",
    "2025-03-31",
    "2025-04-01",
    "2025-05-20",
    "2025-06-01",
    "2025-07-02",
    "2025-09-01",
)

EXAMPLES = os.environ.get("TARIFFGRAPH_EXAMPLES")


def law(examples: int = 10) -> settings:
    """Return the settings of a law: the same examples every time, unless TARIFFGRAPH_EXAMPLES asks for more."""
    return settings(
        max_examples=int(EXAMPLES) if EXAMPLES else examples,
        derandomize=EXAMPLES is None,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@cache
def parts_of(denominator: int, least: int = 0, most: int | None = None) -> st.SearchStrategy[Fraction]:
    """Draw a fraction with the denominator given."""
    most = denominator if most is None else most
    return st.integers(least, most).map(lambda numerator: Fraction(numerator, denominator))


QUANTITIES = st.tuples(st.integers(1, 32).map(Fraction), st.just("kg")) | st.tuples(parts_of(64, 1, 4), st.just("t"))


# --- graphs ---------------------------------------------------------------------------------------------


@cache
@st.composite
def crossing_terms(draw: st.DrawFn, *, claims: bool, content: bool) -> Row:
    """Draw what an input and a shipment have in common; most have nothing special."""
    terms: Row = {}
    if draw(st.booleans()):
        terms["pass_through"] = draw(parts_of(4))
    if draw(st.integers(0, 3)) == 0:
        terms["drawback"] = draw(parts_of(4))
    if claims and draw(st.booleans()):
        terms["program"] = draw(st.sampled_from(PROGRAMS))
        terms["utilization"] = draw(st.sampled_from((Fraction(1), Fraction(1, 4), Fraction(1, 2), Fraction(0))))
    if claims and draw(st.integers(0, 2)) == 0:
        facts = (*DECLARATIONS, "non-originating", "quota-filled", "reach:steel")
        terms["declares"] = ";".join(draw(st.lists(st.sampled_from(facts), min_size=1, max_size=2, unique=True)))
    if content and draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from(("steel", "us")))
        terms[f"content.{kind}"] = draw(parts_of(8))
    return terms


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    cyclic: bool = False,
    claims: bool = True,
    content: bool = True,
    shifts: bool = True,
    quantities: bool = True,
    stages: int = 6,
    denominator: int = 64,
    products: tuple[str, ...] = PRODUCTS,
) -> Graph:
    """Draw a graph: domestic and cross-border inputs, some parallel, each with its terms.

    ``shifts``: some origins are found by tariff shift. ``quantities``: some shipments have one, and say ``weighed``.
    The names of the stages are shuffled, so that their order says nothing of who supplies whom. In a cyclic graph any
    stage may buy from any, itself included, and no stage spends more than a quarter on inputs: with duties below
    200% it stays productive.
    """
    count = draw(st.integers(2 if cyclic else 1, stages))
    names = draw(st.permutations([f"S{number}" for number in range(count)]))
    stage_rows, input_rows = [], []
    for at, name in enumerate(names):
        stage: Row = {
            "stage": name,
            "country": draw(st.sampled_from(COUNTRIES)),
            "product": draw(st.sampled_from(products)),
        }
        if draw(st.integers(0, 5)) == 0:
            stage["nationality"] = draw(st.sampled_from(COUNTRIES))
        if draw(st.integers(0, 3)) == 0:
            stage["origin"] = draw(st.sampled_from((*COUNTRIES, *(["tariff-shift"] * 5 if shifts else []))))
        if draw(st.integers(0, 3)) == 0:
            stage["net_cost"] = draw(st.sampled_from((Fraction(1, 2), Fraction(3, 4), Fraction(5, 4))))
            stage["credit_base"] = draw(st.sampled_from((Fraction(1, 2), Fraction(2))))
        stage_rows.append(stage)
        suppliers = names if cyclic else names[:at]
        bought = draw(st.lists(st.sampled_from(suppliers), max_size=4)) if suppliers else []
        if cyclic and at == 0:
            bought = [*bought[:3], names[-1]]
        if cyclic and at == count - 1:
            bought = [*bought[:3], names[0]]
        most = denominator // 16 if cyclic else denominator // max(1, len(bought))
        for supplier in bought:
            input_rows.append(
                {
                    "id": f"e{len(input_rows)}",
                    "supplier": supplier,
                    "user": name,
                    "share": draw(parts_of(denominator, 1, most)),
                    **draw(crossing_terms(claims=claims, content=content)),
                }
            )
    shipment_rows = [
        {
            "id": f"ship{number}",
            "stage": draw(st.sampled_from(names)),
            "market": draw(st.sampled_from(COUNTRIES)),
            "value": draw(st.none() | st.integers(1, 1000).map(Fraction)),
            **draw(crossing_terms(claims=claims, content=content)),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    for row in shipment_rows if quantities else []:
        if draw(st.booleans()):
            row["quantity"], row["unit"] = draw(QUANTITIES)
            if row["value"] is not None:
                row["declares"] = ";".join(filter(None, (row.get("declares"), "weighed")))
    return Graph(tuple(stage_rows), tuple(input_rows), tuple(shipment_rows))


def any_graphs(**kinds: Any) -> st.SearchStrategy[Graph]:
    """Draw an acyclic or a cyclic graph."""
    return st.booleans().flatmap(lambda cyclic: graphs(cyclic=cyclic, **kinds))


def with_own_declarations(graph: Graph) -> Graph:
    """Return the graph with a declaration of its own at every crossing, ``at-<id>``, which a rate can name."""

    def declare(row: Row) -> Row:
        return {**row, "declares": f"at-{row['id']}"}

    return Graph(graph.stages, tuple(map(declare, graph.inputs)), tuple(map(declare, graph.shipments)))


def rates_by_crossing(rates: dict[str, Fraction]) -> dict[str, Any]:
    """Return law that charges each crossing (by id) its own rate, on graphs of ``with_own_declarations``."""
    return {
        "ruleset": "by-crossing",
        "importer": "all",
        "measures": [
            {"id": f"duty-{name}", "authority": "tests", "declares": f"at-{name}", "rate": percent(rate)}
            for name, rate in rates.items()
        ],
    }


@st.composite
def graphs_with_rates(draw: st.DrawFn, **kinds: Any) -> tuple[Graph, dict[str, Fraction]]:
    """Draw a graph and a rate, up to 100%, for every crossing by id."""
    graph = with_own_declarations(draw(any_graphs(claims=False, content=False, **kinds)))
    return graph, {row["id"]: draw(parts_of(64)) for row in (*graph.inputs, *graph.shipments)}


# --- law ------------------------------------------------------------------------------------------------


def percent(value: Fraction) -> str:
    """Write a fraction whose denominator is a power of two as the percentage that it is: 3/64 is 4.6875%."""
    value *= 100
    decimals = value.denominator.bit_length() - 1
    scaled = value * 10**decimals
    assert scaled.denominator == 1
    digits = str(scaled.numerator).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}%" if decimals else f"{digits}%"


@cache
def rates(most: int = 24) -> st.SearchStrategy[str]:
    """Draw an ad valorem rate of at most ``most`` 64ths, or free."""
    return st.just("free") | parts_of(64, 0, most).map(percent)


@cache
@st.composite
def periods(draw: st.DrawFn) -> Row:
    """Draw from, until and published, each or none."""
    period: Row = {}
    if draw(st.integers(0, 2)):
        return period
    days = sorted(draw(st.lists(st.sampled_from(DATES), max_size=2)))
    if days:
        period["from"] = days[0]
    if len(days) == 2:
        period["until"] = days[1]
    if draw(st.integers(0, 3)) == 0:
        period["published"] = draw(st.sampled_from(DATES))
    return period


SCHEDULE = "tariff"
REACHES: tuple[Any, ...] = ("steel", "korean", {"all": "steel", "in": "us"}, {"all": "us", "in": "korean"})

CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "products": st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=3, unique=True)
    | st.just({"list": "watched"})
    | st.just({"list": ["watched", "cars"]}),
    "except_products": st.sampled_from(PREFIXES) | st.just({"list": "cars"}),
    "origins": st.lists(st.sampled_from((*COUNTRIES, "asia")), min_size=1, max_size=2, unique=True),
    "except_origins": st.sampled_from((*COUNTRIES, "asia")),
    "exporters": st.lists(st.sampled_from((*COUNTRIES, "asia")), min_size=1, max_size=2, unique=True),
    "nationality": st.lists(st.sampled_from((*COUNTRIES, "asia")), min_size=1, max_size=2, unique=True),
    "used_in": st.sampled_from(PREFIXES),
    "program": st.sampled_from((*PROGRAMS, list(PROGRAMS))),
    "declares": st.sampled_from((*DECLARATIONS, list(DECLARATIONS))),
    "reach": st.sampled_from(REACHES),
    "content": st.fixed_dictionaries(
        {},
        optional={kind: st.sampled_from(("25%", "0.5")).map(lambda at: {"at_least": at}) for kind in ("steel", "us")},
    ).filter(bool),
}


#: leaves out all conditions but the dates: then most measures stand at most borders
UNCONDITIONAL = frozenset(CONDITIONS) - {"content"}


@cache
@st.composite
def conditions(draw: st.DrawFn, *, most: int = 2, leave_out: frozenset[str] = frozenset()) -> Row:
    """Draw up to ``most`` conditions and a period."""
    count = draw(st.sampled_from((0, 0, *range(most + 1))))
    keys = draw(st.permutations(sorted(set(CONDITIONS) - leave_out)))[:count]
    return {**{key: draw(CONDITIONS[key]) for key in keys}, **draw(periods())}


BASES: st.SearchStrategy[Any] = st.sampled_from(
    (
        "customs-value",
        {"content": "steel"},
        {"content": "steel", "unknown": "zero"},
        {"content": "korean"},
        {"without": "us"},
        {"without": "us", "at_most": "25%"},
    )
)


def quota_rates(quota: Any, over_quota: st.SearchStrategy[str]) -> st.SearchStrategy[Row]:
    """Draw a rate within a quota and another beyond it."""
    return st.fixed_dictionaries({"quota": st.just(quota), "in_quota": rates(8), "over_quota": over_quota})


@st.composite
def measures(
    draw: st.DrawFn,
    name: str,
    *,
    prefix: str,
    can_top_up: bool,
    leave_out: frozenset[str],
    quotas: list[tuple[Any, Any]],
    favour: str,
) -> Row:
    """Draw a measure with one to three rows, of which the later amend the earlier."""
    forms = {
        "ends": 1,
        "free or ad valorem": 3,
        "top-up": 2 if can_top_up else 0,
        "schedule": 0 if "schedules" in leave_out else 1,
        "quota": 0 if "quotas" in leave_out else 2,
        "specific": 0 if "quantities" in leave_out else 1,
    }
    often = [form for form, times in forms.items() for _ in range(times)]
    measure: Row = {"id": name, **draw(conditions(leave_out=leave_out))}
    if draw(st.booleans()):
        measure["action"] = draw(st.sampled_from((f"{prefix}action-1", f"{prefix}action-2")))
    if draw(st.booleans()):
        measure["authority"] = draw(st.sampled_from(("Act A", "Act B")))
    if draw(st.integers(0, 3)) == 0:
        measure["importer"] = draw(st.sampled_from(("USA", "all", "asia", ["USA", "KOR"])))

    def row() -> Row:
        form = draw(st.sampled_from([*often, *[favour] * (len(often) if favour else 0)]))
        if form == "ends":
            rate: Any = "ends"
        elif form == "top-up":
            rate = {"top_up_to": draw(rates(16).filter(lambda one: one != "free"))}
        elif form == "schedule":
            rate = {"schedule": SCHEDULE, **draw(st.sampled_from(({}, {"column": "column 2"})))}
        elif form == "quota":
            rate = draw(quota_rates(*draw(st.sampled_from(quotas))))
        elif form == "specific":
            rate = f"{draw(rates(8)).replace('free', '0%')} + {draw(st.sampled_from(SPECIFIC))}"
            return {"rate": rate, "declares": "weighed", **draw(periods())}
        else:
            rate = draw(rates())
        return {"rate": rate, **draw(conditions(most=1, leave_out=leave_out))}

    rows = [row() for _ in range(draw(st.integers(1, 3)))]
    measure["rate"] = rows[0]["rate"] if len(rows) == 1 and list(rows[0]) == ["rate"] else rows
    if "content" not in leave_out and draw(st.integers(0, 2)):
        rows = [
            {"base": draw(BASES), **draw(conditions(most=1, leave_out=leave_out))}
            for _ in range(draw(st.integers(1, 2)))
        ]
        measure["base"] = rows[0]["base"] if draw(st.booleans()) else rows
    return measure


#: specific duties, by weights that floats hold exactly
SPECIFIC = ("0.015625 USD/kg", "1.5625 cents/kg", "15.625 USD/t")

KINDS = {
    "steel": (
        {"products": ["72", "73"]},
        {"products": ["72", "73"], "except_countries": ["CHN"]},
        {"products": ["72", "8542"], "except_origins": ["asia"]},
    ),
    "us": (
        {"countries": ["USA"]},
        {"origins": ["USA", "MEX"]},
        {"except_countries": ["asia"], "except_nationality": ["KOR"]},
    ),
    "korean": (
        {"nationality": ["KOR"], "except_products": ["85"]},
        {"except_nationality": ["USA", "MEX"], "products": ["85", "87"]},
    ),
}


@cache
def origin_tests(depth: int = 1) -> st.SearchStrategy[Row]:
    """Draw what a good must pass to originate."""
    changes = st.fixed_dictionaries(
        {"change_of": st.sampled_from(("chapter", "heading", "subheading"))},
        optional={"tolerance": parts_of(64, 1, 24).map(percent)},
    )
    contents = st.fixed_dictionaries(
        {
            "method": st.sampled_from(("build-down", "build-up", "net-cost")),
            "at_least": parts_of(64, 4, 60).map(percent),
        }
    ).map(lambda content: {"regional_value_content": content})
    declared = st.sampled_from(({"declared": "certified"}, {"declared": list(DECLARATIONS)}))
    tests = st.one_of(changes, contents, contents, declared, st.builds(lambda a, b: {**a, **b}, changes, contents))
    if not depth:
        return tests
    several = st.lists(origin_tests(depth - 1), min_size=1, max_size=3)
    return st.one_of(tests, several.map(lambda them: {"any": them}), several.map(lambda them: {"all": them}))


@cache
@st.composite
def origin_rules(draw: st.DrawFn) -> Row:
    """Draw a rule of origin for a few products."""
    products = draw(
        st.just({"list": "cars"}) | st.lists(st.sampled_from(PREFIXES), min_size=1, max_size=3, unique=True)
    )
    return {"products": products, **draw(origin_tests()), **draw(periods())}


@cache
@st.composite
def definitions(draw: st.DrawFn, *, leave_out: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Draw what measures refer to: groups, kinds of content, programs with rules of origin, lists, a schedule."""
    kinds = {name: dict(draw(st.sampled_from(variants))) for name, variants in KINDS.items()}
    if "residual" not in leave_out:
        for kind in kinds.values():
            if draw(st.integers(0, 2)) == 0:
                kind["method"] = "residual"
    programs: dict[str, Any] = {}
    for program in PROGRAMS:
        programs[program] = {"partners": list(COUNTRIES), "symbol": program[0]}
        if "origin" not in leave_out and draw(st.integers(0, 2)):
            programs[program]["partners"] = draw(
                st.lists(st.sampled_from((*COUNTRIES, "asia")), min_size=1, max_size=4, unique=True)
            )
            programs[program]["origin"] = draw(st.lists(origin_rules(), max_size=4))
    found: dict[str, Any] = {
        "groups": {"asia": ["CHN", "JPN", "KOR"]},
        "content": kinds,
        "programs": programs,
        "lists": {
            "watched": ["8542.31", {"product": "7208", "from": "2025-04-01", "published": "2025-02-01"}],
            "cars": ["8703", {"product": "8708.29.00", "until": "2025-06-01"}],
        },
    }
    if "schedules" not in leave_out:
        found["schedules"] = {SCHEDULE: draw(schedule_lines())}
    return found


@cache
@st.composite
def schedule_lines(draw: st.DrawFn) -> list[Row]:
    """Draw lines for all that is traded, some of them finer than others, each with its columns."""
    finer = draw(st.lists(st.sampled_from(("7208.10.00", "8517.13", "8703.23")), unique=True))
    return [
        {
            "product": product,
            "general": draw(rates(8)),
            "column 2": draw(rates(32)),
            PROGRAMS[0][0]: draw(st.just("") | rates(4)),
        }
        for product in ("72", "73", "85", "87", *finer)
    ]


@st.composite
def one_credit(draw: st.DrawFn, name: str, measures: list[Row]) -> Row:
    """Draw a credit against one measure or two, or all of one action."""
    names = sorted({one["id"] for one in measures} | {one["action"] for one in measures if "action" in one})
    at = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "products": CONDITIONS["products"],
                "except_products": CONDITIONS["except_products"],
                "importer": st.sampled_from(("USA", "asia", ["KOR", "MEX"])),
                "nationality": CONDITIONS["nationality"],
            },
        )
    )
    return {
        "id": name,
        "at": at or {"importer": "USA"},
        "share": draw(parts_of(64, 1, 16).map(percent)),
        "of": draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)),
        **draw(periods()),
    }


@st.composite
def rule_sets(
    draw: st.DrawFn,
    *,
    name: str = "law",
    prefix: str = "",
    relations: bool = True,
    leave_out: frozenset[str] = frozenset(),
    most: int = 5,
    defined: dict[str, Any] | None = None,
    favour: str = "",
) -> dict[str, Any]:
    """Draw a rule set. Relations go from earlier to later measures of a hidden order, so that there is no circle.

    The base duty ``mfn`` stands somewhere in that order; measures before it may replace it, measures after it may top
    it up. ``leave_out`` names conditions that must not occur (``content`` leaves out bases as well), and parts of the
    language: ``residual``, ``origin`` (rules of preference), ``quotas``, ``quantities`` (specific duties),
    ``schedules``, ``credits``. ``defined``: what several rule sets share, from ``definitions``. ``favour``: a form of
    rate that is to come up often.
    """
    before = [f"{prefix}a{at}" for at in range(draw(st.integers(0, 2)))]
    after = [f"{prefix}m{at}" for at in range(draw(st.integers(1, most - 1)))]
    base: Row = {"id": f"{prefix}mfn", "authority": "Schedule", "rate": [{"rate": draw(rates(8))}]}
    if draw(st.booleans()) and "schedules" not in leave_out:
        base["rate"].append({"rate": {"schedule": SCHEDULE}})
    if draw(st.booleans()) and "program" not in leave_out:
        base["rate"].append({"program": draw(CONDITIONS["program"]), "rate": draw(rates(4))})
    refused = st.just("refused")
    annual = {"name": f"{prefix}annual", **draw(st.sampled_from(QUOTAS))}
    quotas = [
        (annual, rates()),
        (annual, rates()),
        ({"name": f"{prefix}absolute", **draw(st.sampled_from(QUOTAS))}, refused),
        (f"{prefix}declared", refused | rates()),
    ]
    told: Row = {"prefix": prefix, "leave_out": leave_out, "quotas": quotas, "favour": favour}
    drawn = (
        [draw(measures(one, can_top_up=False, **told)) for one in before]
        + [base]
        + [draw(measures(one, can_top_up=True, **told)) for one in after]
    )
    rule_set: dict[str, Any] = {
        "ruleset": name,
        "importer": "all",
        "column_1": base["id"],
        **(draw(definitions(leave_out=leave_out)) if defined is None else defined),
        "measures": draw(st.permutations(drawn)),
    }
    if "credits" not in leave_out:
        ids = draw(st.lists(st.sampled_from((f"{prefix}offset", f"{prefix}rebate")), max_size=3))
        rule_set["credits"] = [draw(one_credit(one, drawn)) for one in ids]
    if relations:
        outside = []
        for _ in range(draw(st.integers(1, 5))):
            relation = draw(one_relation(drawn, leave_out))
            inside = [one for one in drawn if one["id"] == relation["by"]]
            if inside and draw(st.booleans()):
                # Written inside a measure, the measure is the one that does it.
                inside[0].setdefault("relations", []).append({**relation})
                del inside[0]["relations"][-1]["by"]
            else:
                outside.append(relation)
        rule_set["relations"] = outside
    return rule_set


QUOTAS = ({"quantity": "4", "unit": "kg"}, {"quantity": "0.015625", "unit": "t"}, {"quantity": "64", "unit": "kg"})


def neighbours(*names: str, **options: Any) -> st.SearchStrategy[tuple[dict[str, Any], ...]]:
    """Draw rule sets to stand side by side: what they define is the same, their measures have names of their own."""
    leave_out = options.get("leave_out", frozenset())
    return definitions(leave_out=leave_out).flatmap(
        lambda defined: st.tuples(
            *(rule_sets(name=name, prefix=f"{name}-", defined=defined, **options) for name in names)
        )
    )


@st.composite
def one_relation(draw: st.DrawFn, drawn: list[Row], leave_out: frozenset[str]) -> Row:
    """Draw a relation by one or two measures on later ones, these named by id or by action."""
    first = draw(st.integers(0, len(drawn) - 2))
    last = min(first + draw(st.integers(0, 1)), len(drawn) - 2)
    by = [one["id"] for one in drawn[first : last + 1]]
    names = [one["id"] for one in drawn[last + 1 :]]
    earlier_actions = {one.get("action") for one in drawn[: last + 1]}
    names += sorted({one["action"] for one in drawn[last + 1 :] if "action" in one} - earlier_actions)
    verb = draw(st.sampled_from(("excludes", "covers", "replaces")))
    relation: Row = {"by": by if len(by) > 1 or draw(st.booleans()) else by[0]}
    relation[verb] = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    if verb != "replaces" and draw(st.integers(0, 3)) == 0:
        relation["even_if_free"] = True
    if verb == "covers" and "content" not in leave_out and draw(st.integers(0, 3)) == 0:
        relation["part"] = draw(st.sampled_from(({"content": "steel"}, {"without": "us"}, "customs-value")))
    if draw(st.integers(0, 2)) == 0:
        relation.update(draw(conditions(most=1, leave_out=leave_out)))
    return relation


def is_named(declaration: str, rules: dict[str, Any]) -> bool:
    """Tell whether the law names a declaration: an entry may make no other."""
    text = repr([rules.get(key) for key in ("measures", "relations", "programs")])
    if declaration == "quota-filled":
        return "'quota'" in text
    if declaration.startswith("reach:"):
        kind = declaration.removeprefix("reach:")
        return f"'reach': '{kind}'" in text or f"'all': '{kind}'" in text
    return f"'{declaration}'" in text
