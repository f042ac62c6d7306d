"""From the typed tables of a file to the public rule set: defaults filled in, places remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..frozen import FrozenMapping
from .measure import Conditions, Measure, Row
from .origin_rule import OriginRule, OriginTest, RegionalValueContent
from .relation import Relation
from .rule_set import ContentKind, Credit, Program

if TYPE_CHECKING:
    from datetime import date

    from .rate import Base, Rate
    from .schema import (
        BaseRowKeys,
        ConditionKeys,
        ContentKindKeys,
        CreditKeys,
        KeysOfTable,
        MeasureKeys,
        OriginRuleKeys,
        OriginTestKeys,
        ProgramKeys,
        RateRowKeys,
        RelationByKeys,
        RelationKeys,
    )

__all__ = ["conditions_of", "content_kind_of", "credit_of", "measure_of", "place_text", "program_of", "relation_of"]


def place_text(keys: KeysOfTable, file: str, default: str = "") -> str:
    """Return where the table stands, as FILE:LINE:COLUMN."""
    return default if keys.place is None else f"{file}:{keys.place[0]}:{keys.place[1]}"


def conditions_of(
    keys: ConditionKeys, published: date | None = None, importer: tuple[str, ...] | None = None
) -> Conditions:
    """Return the conditions; ``published`` and ``importer`` are the parent's, where the table states none."""
    content = keys.content or {}
    return Conditions(
        products=keys.products,
        except_products=keys.except_products,
        origins=keys.origins,
        except_origins=keys.except_origins,
        exporters=keys.exporters,
        nationality=keys.nationality,
        importer=keys.importer or importer,
        used_in=keys.used_in,
        program=keys.program,
        declares=keys.declares or (),
        content=FrozenMapping({kind: content[kind].at_least for kind in sorted(content)}),
        reach=keys.reach,
        from_=keys.from_,
        until=keys.until,
        published=keys.published or keys.from_ or published,
    )


def measure_of(keys: MeasureKeys, file: str, importer: tuple[str, ...]) -> tuple[Measure, list[Relation]]:
    """Return the measure and the relations written inside it; ``importer`` is the rule set's."""
    where = place_text(keys, file)
    conditions = conditions_of(keys, importer=importer)
    action = keys.action or keys.id

    def rate_row(row: RateRowKeys) -> Row[Rate]:
        return Row(
            row.rate, conditions_of(row, conditions.published), row.source, row.note, place_text(row, file, where)
        )

    def base_row(row: BaseRowKeys) -> Row[Base]:
        return Row(
            row.base, conditions_of(row, conditions.published), row.source, row.note, place_text(row, file, where)
        )

    measure = Measure(
        id=keys.id,
        authority=keys.authority or action,
        action=action,
        conditions=conditions,
        rate=tuple(rate_row(row) for row in keys.rate),
        base=tuple(base_row(row) for row in keys.base),
        name=keys.name,
        source=keys.source,
        note=keys.note,
        where=where,
    )
    relations = [
        relation_of(relation, file, by=(keys.id,), published=conditions.published, where=where)
        for relation in keys.relations
    ]
    if keys.excludes or keys.covers or keys.replaces:
        own = Relation(
            by=(keys.id,),
            excludes=keys.excludes,
            covers=keys.covers,
            replaces=keys.replaces,
            part=keys.part,
            even_if_free=keys.even_if_free,
            # The measure's own conditions hold already whenever its relation is asked for.
            conditions=Conditions(published=conditions.published),
            source=keys.source,
            where=where,
        )
        relations.insert(0, own)
    return measure, relations


def relation_of(
    keys: RelationKeys, file: str, by: tuple[str, ...], published: date | None = None, where: str = ""
) -> Relation:
    """Return the relation that the measures ``by`` have to others."""
    return Relation(
        by=by,
        excludes=keys.excludes,
        covers=keys.covers,
        replaces=keys.replaces,
        part=keys.part,
        even_if_free=keys.even_if_free,
        conditions=conditions_of(keys, published),
        source=keys.source,
        note=keys.note,
        where=place_text(keys, file, where),
    )


def relation_by_of(keys: RelationByKeys, file: str) -> Relation:
    """Return a relation of the rule set."""
    return relation_of(keys, file, keys.by)


def content_kind_of(keys: ContentKindKeys) -> ContentKind:
    """Return the kind of content."""
    return ContentKind(**{name: getattr(keys, name) for name in type(keys).model_fields})


def program_of(name: str, keys: ProgramKeys, file: str) -> Program:
    """Return the programme."""
    origin = tuple(_origin_rule_of(rule, file) for rule in keys.origin)
    declared = [one for rule in origin for one in _declared(rule.test)]
    return Program(
        name=name,
        partners=keys.partners,
        symbol=keys.symbol,
        declared=tuple(dict.fromkeys((*keys.declared, *declared))),
        origin=origin,
        source=keys.source,
        where=place_text(keys, file),
    )


def _origin_rule_of(keys: OriginRuleKeys, file: str) -> OriginRule:
    return OriginRule(
        test=_origin_test_of(keys),
        products=keys.products,
        except_products=keys.except_products,
        from_=keys.from_,
        until=keys.until,
        published=keys.published or keys.from_,
        source=keys.source,
        note=keys.note,
        where=place_text(keys, file),
    )


def _origin_test_of(keys: OriginTestKeys) -> OriginTest:
    content = keys.regional_value_content
    return OriginTest(
        change_of=keys.change_of,
        tolerance=keys.tolerance or 0.0,
        regional_value_content=None if content is None else RegionalValueContent(content.method, content.at_least),
        declared=keys.declared or (),
        any=tuple(map(_origin_test_of, keys.any)),
        all=tuple(map(_origin_test_of, keys.all)),
    )


def _declared(test: OriginTest) -> tuple[str, ...]:
    return test.declared + tuple(name for inner in (*test.any, *test.all) for name in _declared(inner))


def credit_of(keys: CreditKeys, file: str) -> Credit:
    """Return a row of credits."""
    return Credit(
        id=keys.id,
        share=keys.share,
        of=keys.of,
        products=keys.at.products,
        except_products=keys.at.except_products,
        importer=keys.at.importer,
        nationality=keys.at.nationality,
        from_=keys.from_,
        until=keys.until,
        published=keys.published or keys.from_,
        source=keys.source,
        note=keys.note,
        where=place_text(keys, file),
    )
