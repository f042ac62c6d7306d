"""From the typed tables of a file to the public rule set: defaults filled in, places remembered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..frozen import FrozenMapping
from .measure import Conditions, Measure, Row
from .relation import Relation
from .rule_set import ContentKind, Program

if TYPE_CHECKING:
    from datetime import date

    from .rate import Base, Rate
    from .schema import (
        BaseRowKeys,
        ConditionKeys,
        ContentKindKeys,
        KeysOfTable,
        MeasureKeys,
        OriginTestKeys,
        ProgramKeys,
        RateRowKeys,
        RelationByKeys,
        RelationKeys,
    )

__all__ = ["conditions_of", "content_kind_of", "measure_of", "place_text", "program_of", "relation_of"]


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


def program_of(name: str, keys: ProgramKeys, tree: object, file: str) -> Program:
    """Return the programme; ``tree`` is its table as written, whose rules of origin are kept."""
    declared = list(keys.declared)
    for rule in keys.origin:
        declared += _declared(rule)
    origin = tree.get("origin") if isinstance(tree, Mapping) else ()
    return Program(
        name=name,
        partners=keys.partners,
        symbol=keys.symbol,
        declared=tuple(dict.fromkeys(declared)),
        origin=tuple(_frozen(rule) for rule in origin or ()),
        source=keys.source,
        where=place_text(keys, file),
    )


def _declared(test: OriginTestKeys) -> list[str]:
    names = list(test.declared or ())
    for inner in (*test.any, *test.all):
        names += _declared(inner)
    return names


def _frozen(value: Any) -> object:
    if isinstance(value, Mapping):
        return FrozenMapping({str(key): _frozen(inner) for key, inner in value.items()})
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(inner) for inner in value)
    return str(value)
