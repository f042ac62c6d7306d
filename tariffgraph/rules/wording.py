"""The parts of a rule set in words: what a row charges, on which base, and when it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .rate import AdValorem, Compound, Ends, QuotaRate, ScheduleRate, TopUpTo, VariedRate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from .measure import Conditions, Measure, Products, Row
    from .origin_rule import OriginRule, OriginTest
    from .rate import Base, Rate
    from .relation import Relation
    from .rule_set import ContentKind, Credit, Program

__all__ = [
    "base_words",
    "citation",
    "conditions_words",
    "credit_words",
    "kind_words",
    "products_words",
    "program_words",
    "rate_words",
    "relation_words",
    "value_words",
]


def value_words(value: Rate | Base) -> str:
    """Return what a row holds, a rate or a base, in words."""
    if isinstance(value, AdValorem | Compound | Ends | QuotaRate | ScheduleRate | TopUpTo | VariedRate):
        return rate_words(value)
    return base_words(value)


def citation(measure: Measure, row: Row[Any] | None) -> tuple[str | None, date | None]:
    """Return the source of a row, or else of its measure, and when it was published; nothing without a row."""
    if row is None:
        return None, None
    days = (row.conditions.published, row.conditions.from_, measure.conditions.published, measure.conditions.from_)
    return row.source or measure.source or None, next((day for day in days if day is not None), None)


def rate_words(rate: Rate) -> str:
    """Return a rate in words."""
    match rate:
        case AdValorem(share):
            return _percent(share) if share else "free"
        case Compound(share, specific):
            terms = [_percent(share)] if share else []
            return " + ".join([*terms, *(f"{one.amount:.12g}/{one.unit}" for one in specific)])
        case Ends():
            return "ends"
        case TopUpTo(total):
            return f"tops column 1 up to {_percent(total)}"
        case ScheduleRate(schedule, column):
            return f"schedule {schedule}" + (f", {column}" if column else "")
        case QuotaRate(name, in_quota, over_quota, quantity, unit):
            size = f" of {quantity:,.12g} {unit} a year" if quantity is not None else ""
            beyond = "refused" if over_quota is None else rate_words(over_quota)
            return f"quota {name}{size}: {rate_words(in_quota)} within, {beyond} beyond"
        case VariedRate(name):
            return f"varied ({name})"


def base_words(base: Base) -> str:
    """Return a base in words."""
    if base.form == "content":
        return f"content of {base.kind} ({'all' if base.unknown == 'full' else 'nothing'} where unknown)"
    if base.form == "without":
        limit = f" (at most {_percent(base.at_most)} off)" if base.at_most is not None else ""
        return f"value without {base.kind}{limit}"
    return "customs value"


def conditions_words(conditions: Conditions) -> str:
    """Return in words when something holds, without dates; "" for always."""
    parts = [
        f"{name} {products_words(products)}"
        for name, products in (
            ("products", conditions.products),
            ("except products", conditions.except_products),
            ("used in", conditions.used_in),
        )
        if products is not None
    ]
    parts += _countries(
        ("origin", conditions.origins),
        ("except origin", conditions.except_origins),
        ("exporter", conditions.exporters),
        ("nationality", conditions.nationality),
        ("importer", conditions.importer),
    )
    if conditions.program is not None:
        parts.append(f"program {_listed(conditions.program)}")
    if conditions.declares:
        parts.append(f"declared {' and '.join(conditions.declares)}")
    parts += [f"content of {kind} at least {_percent(share)}" for kind, share in sorted(conditions.content.items())]
    if conditions.reach is not None:
        inside = f", all of it {conditions.reach.inside}" if conditions.reach.inside else ""
        parts.append(f"{'some' if not inside else 'no other'} {conditions.reach.kind} upstream{inside}")
    return "; ".join(parts)


def products_words(products: Products) -> str:
    """Return a scope of products in words."""
    lists = [f"{'list' if len(products.lists) == 1 else 'lists'} {_listed(products.lists)}"] if products.lists else []
    return " and ".join([*lists, *([_listed(products.prefixes)] if products.prefixes else [])]) or "none"


def relation_words(relation: Relation) -> str:
    """Return in words what a relation does to which measures."""
    done = [
        f"{form} {_listed(names)}"
        for form, names in (
            ("excludes", relation.excludes),
            ("covers", relation.covers),
            ("replaces", relation.replaces),
        )
        if names
    ]
    part = f" with its {base_words(relation.part)}" if relation.part is not None else ""
    free = ", even if free" if relation.even_if_free else ""
    return f"{_listed(relation.by)}: {'; '.join(done)}{part}{free}"


def credit_words(credit: Credit) -> str:
    """Return a credit in words: how much, against what, for whom."""
    at = [f"{name} {products_words(one)}" for name, one in _scopes(credit) if one is not None]
    at += _countries(("importer", credit.importer), ("nationality", credit.nationality))
    where = f" at {'; '.join(at)}" if at else ""
    return f"{_percent(credit.share)} of the credit base against {_listed(credit.of)}{where}"


def kind_words(kind: ContentKind) -> str:
    """Return in words which stages a kind of content selects."""
    parts = [f"{name} {products_words(one)}" for name, one in _scopes(kind) if one is not None]
    parts += _countries(
        ("made in", kind.countries),
        ("except made in", kind.except_countries),
        ("origin", kind.origins),
        ("except origin", kind.except_origins),
        ("nationality", kind.nationality),
        ("except nationality", kind.except_nationality),
    )
    return "; ".join([*parts, *(["residual"] if kind.method == "residual" else [])])


def program_words(program: Program) -> list[tuple[str, str]]:
    """Return a programme in words, a line each: its partners and symbol, and each rule of origin with its dates."""
    symbol = f", symbol {program.symbol}" if program.symbol else ""
    lines = [("partners", _listed(program.partners) + symbol)]
    for rule in program.origin:
        goods = [f"{name} {products_words(one)}" for name, one in _scopes(rule) if one is not None]
        head = "; ".join(["rule of origin", *goods, *_span(rule.from_, rule.until)])
        lines.append((head, _test_words(rule.test)))
    return lines


def _scopes(one: Credit | ContentKind | OriginRule) -> tuple[tuple[str, Products | None], ...]:
    return ("products", one.products), ("except products", one.except_products)


def _span(from_: date | None, until: date | None) -> list[str]:
    return [f"{name} {day}" for name, day in (("from", from_), ("until", until)) if day is not None]


def _test_words(test: OriginTest) -> str:
    parts = []
    if test.change_of is not None:
        tolerance = f" (but {_percent(test.tolerance)} of the value)" if test.tolerance else ""
        parts.append(f"change of {test.change_of}{tolerance}")
    if test.regional_value_content is not None:
        content = test.regional_value_content
        parts.append(f"regional value content {_percent(content.at_least)} by {content.method}")
    if test.declared:
        parts.append(f"declared {' and '.join(test.declared)}")
    if test.any:
        parts.append("any of (" + "; ".join(map(_test_words, test.any)) + ")")
    if test.all:
        parts.append("all of (" + "; ".join(map(_test_words, test.all)) + ")")
    return " and ".join(parts)


def _countries(*conditions: tuple[str, tuple[str, ...] | None]) -> list[str]:
    return [f"{name} {_listed(names)}" for name, names in conditions if names is not None]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _percent(share: float) -> str:
    return f"{100 * share:.12g}%"
