"""``tariffgraph rules``: what a rule set says, and what two of them say differently."""

from __future__ import annotations

from dataclasses import astuple, fields, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ..errors import Finding, TariffGraphError, UnknownNameError, suggestion, visible
from .messages import say
from .options import as_of_option, examples, known_on_option, output_options
from .output import Output
from .program import Group
from .sources import day, read_law, rules_paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..customs.law import MeasureInForce
    from ..rules.measure import Conditions, Measure
    from ..rules.rule_set import Credit
    from ..rules.rules import Rules
    from ..show.document import Document
    from ..show.formats import Format

__all__ = ["command"]


@click.group(
    "rules",
    cls=Group,
    invoke_without_command=True,
    epilog=examples(
        "tariffgraph rules list us-2025 --as-of 2025-07-02",
        "tariffgraph rules show us-2025 s232-autos",
        "tariffgraph rules diff us-2025 japan-35",
    ),
)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """What rule sets say, and what two of them say differently."""
    if ctx.invoked_subcommand is not None:
        return None
    click.echo(ctx.get_help(), err=True)
    return 2


@command.command(
    "list",
    short_help="The measures of rule sets.",
    epilog=examples("tariffgraph rules list", "tariffgraph rules list us-2025 --as-of 2025-07-02"),
)
@click.argument("rules", nargs=-1, metavar="[RULES]...")
@as_of_option
@known_on_option
@output_options
def list_(
    rules: tuple[str, ...],
    as_of: date | None,
    known_on: date | None,
    format_: Format | None,
    out: Path | None,
) -> None:
    """The measures of rule sets: their law, whose they are, from when, and in how many rows.

    RULES are files, folders or bundled names; without any, the bundled ones. With --as-of: which are in
    force on that day.
    """
    output = Output.checked(format_, out, rules=rules_paths(rules))
    law = read_law(rules)
    output.write(_listing(law, day(as_of) if known_on is not None else as_of, known_on))


@command.command(
    "show",
    short_help="All that a rule set says of one measure.",
    epilog=examples(
        "tariffgraph rules show us-2025 s232-autos", "tariffgraph rules show us-2025 s232-steel --as-of 2025-07-02"
    ),
)
@click.argument("rules")
@click.argument("measure")
@as_of_option
@known_on_option
@output_options
def show(
    rules: str,
    measure: str,
    as_of: date | None,
    known_on: date | None,
    format_: Format | None,
    out: Path | None,
) -> None:
    """All that a rule set says of one measure, with dates and sources.

    Its conditions, the rows of its rate and its base (the last one that holds applies), the relations by it
    and on it, the credits against it. With --as-of or --known-on: only what holds on that day, or was
    published by it.
    """
    output = Output.checked(format_, out, rules=rules_paths((rules,)))
    output.write(_one(read_law((rules,)), measure, as_of, known_on))


@command.command(
    "diff",
    short_help="What two rule sets say differently.",
    epilog=examples(
        "tariffgraph rules diff us-2025 my-us-2025",
        "tariffgraph rules diff us-2025 japan-35",
    ),
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@output_options
def diff(before: str, after: str, format_: Format | None, out: Path | None) -> None:
    """What changes from the rules A to the rules B; an overlay as B is laid over A.

    Measures, rows, relations, credits, lists, programs and all else: what B adds, removes and changes.
    """
    output = Output.checked(format_, out, rules=rules_paths((before, after)))
    first = read_law((before,))
    document = _differences(first, _second(first, after))
    if document.rows.is_empty():
        say("no difference: both state the same law")
    output.write(document)


def _second(first: Rules, source: str) -> Rules:
    """Return the second rules; an overlay is laid over the first where the first has the set that it extends."""
    import tariffgraph as tg

    try:
        second = tg.read_rules(source)
    except TariffGraphError as problem:
        try:
            return tg.read_rules(first, source)
        except TariffGraphError:
            raise problem from None
    overlays = {one.id: one.overlays for one in first.rule_sets}
    if any(len(one.overlays) > len(overlays.get(one.id, one.overlays)) for one in second.rule_sets):
        return tg.read_rules(first, source)
    return second


def _listing(rules: Rules, as_of: date | None, known_on: date | None) -> Document:
    import polars as pl

    from ..customs.law import draw_up
    from ..show.document import Document
    from ..show.results import headline
    from ..show.rules import measures_sheet

    rows: list[dict[str, Any]] = []
    for rule_set in rules.rule_sets:
        for measure in rule_set.measures:
            dates = [row.conditions.from_ or measure.conditions.from_ for row in measure.rate]
            row = {
                "rule_set": rule_set.id,
                "measure": measure.id,
                "action": measure.action,
                "authority": measure.authority,
                "importer": ", ".join(measure.conditions.importer or ()),
                "from": None if None in dates else min((one for one in dates if one), default=None),
                "rows": len(measure.rate) + len(measure.base),
            }
            rows.append(row)
    schema: dict[str, Any] = {
        **dict.fromkeys(("rule_set", "measure", "action", "authority", "importer"), pl.String),
        "from": pl.Date,
        "rows": pl.Int64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row").sort("rule_set", "measure")
    if as_of is not None:
        law = draw_up(rules, as_of, known_on)
        in_force = {one.measure.id for one in law.measures if _charges(one)}
        frame = frame.with_columns(in_force=pl.col("measure").is_in(pl.Series(sorted(in_force)).implode()))
    meta = _provenance(rules, as_of, known_on)
    sheet = partial(measures_sheet, headline("measures", meta), frame, meta)
    return Document(frame, sheet, meta, {"measures": frame})


def _charges(measure: MeasureInForce) -> bool:
    """Tell whether some row of a measure is in force and has not been ended for all goods."""
    from ..rules.measure import ANYTHING
    from ..rules.rate import Ends

    if measure.dormant:
        return False
    for _, row in reversed(measure.rates):
        if not isinstance(row.value, Ends):
            return True
        if replace(row.conditions, from_=None, until=None, published=None) == ANYTHING:
            return False
    return False


def _one(rules: Rules, name: str, as_of: date | None, known_on: date | None) -> Document:
    import polars as pl

    from ..show.document import Document
    from ..show.results import headline
    from ..show.rules import measure_sheet

    measures = {one.id: one for rule_set in rules.rule_sets for one in rule_set.measures}
    if name not in measures:
        raise UnknownNameError(Finding(f"no measure '{visible(name)}'", suggestion(name, measures, "measures")))
    parts = list(_parts(measures[name], rules))
    kept = [cells for cells, dates in parts if _holds(dates, as_of, known_on)]
    columns = ("part", "says", "when", "from", "until", "published", "source", "note")
    days = ("from", "until", "published")
    frame = pl.DataFrame(kept, schema={one: pl.Date if one in days else pl.String for one in columns}, orient="row")
    meta = _provenance(rules, as_of, known_on)
    called = measures[name].name
    title = headline(f"{name}: {called}" if called else name, meta)
    left_out = len(parts) - len(kept)
    notes = [f"{left_out} that {'do' if left_out > 1 else 'does'} not hold left out."] if left_out else []
    sheet = partial(measure_sheet, title, frame, meta, notes)
    return Document(frame, sheet, meta, {"measure": name, "parts": frame})


def _holds(dates: Conditions | Credit, as_of: date | None, known_on: date | None) -> bool:
    if known_on is not None and dates.published is not None and dates.published > known_on:
        return False
    begun = as_of is None or dates.from_ is None or dates.from_ <= as_of
    return begun and (as_of is None or dates.until is None or as_of < dates.until)


def _parts(measure: Measure, rules: Rules) -> Iterator[tuple[tuple[Any, ...], Conditions | Credit]]:
    """Yield all that concerns a measure, a row each, with what holds its dates."""
    from ..rules.wording import conditions_words, credit_words, relation_words, value_words

    def row(part: str, says: str, when: str, dates: Conditions | Credit, source: str, note: str) -> Any:
        return (part, says, when, dates.from_, dates.until, dates.published, source, note), dates

    names = {measure.id, measure.action}
    law = measure.authority if measure.action == measure.id else f"{measure.authority}; action {measure.action}"
    yield row("measure", law, conditions_words(measure.conditions), measure.conditions, measure.source, measure.note)
    for part, rows in (("rate", measure.rate), ("base", measure.base)):
        for one in rows:
            when = conditions_words(one.conditions)
            yield row(part, value_words(one.value), when, one.conditions, one.source, one.note)
    relations = [one for each in rules.rule_sets for one in each.relations]
    for part, acting in (("relation by it", True), ("relation on it", False)):
        for relation in relations:
            acted = (*relation.excludes, *relation.covers, *relation.replaces)
            if not names.isdisjoint(relation.by if acting else acted):
                says, when = relation_words(relation), conditions_words(relation.conditions)
                yield row(part, says, when, relation.conditions, relation.source, relation.note)
    for credit in (one for each in rules.rule_sets for one in each.credits):
        if not names.isdisjoint(credit.of):
            yield row("credit", f"{credit.id}: {credit_words(credit)}", "", credit, credit.source, credit.note)


def _differences(before: Rules, after: Rules) -> Document:
    import polars as pl

    from ..rules.differences import Difference, differences
    from ..show.document import Document
    from ..show.results import asked
    from ..show.rules import differences_sheet

    found = [astuple(one) for one in differences(before, after)]
    frame = pl.DataFrame(found, schema=dict.fromkeys((one.name for one in fields(Difference)), pl.String), orient="row")
    meta = {"before": _provenance(before), "after": _provenance(after)}
    title = " against ".join("; ".join(asked(one)) for one in meta.values())
    return Document(frame, partial(differences_sheet, title, frame, meta), meta, {"differences": frame})


def _provenance(rules: Rules, as_of: date | None = None, known_on: date | None = None) -> dict[str, Any]:
    from ..provenance import provenance

    # The rules as they stand in their files are those of no one day.
    return {**provenance(rules, as_of or date.min, known_on), "as_of": as_of.isoformat() if as_of else None}
