"""What is owed at one crossing: facts → measures and rows that hold → relations in order → duty (RULES §§1–3).

``assess_facts`` is the law's one implementation. ``assess`` applies it to an entry; a graph applies it to each class
of crossings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from ..codes import CodeProblem, parse_country, parse_date
from ..errors import EntryError, Finding, TariffGraphError, UnknownNameError, nearest, suggestion, visible
from ..provenance import provenance
from ..rules.rate import CUSTOMS_VALUE, AdValorem, Compound, Ends, ScheduleRate, TopUpTo
from ..rules.rules import as_rules
from .entry import Entry, parse_column_1
from .facts import Facts
from .law import Law
from .part import part_of
from .quantity import ad_valorem_equivalent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..rules.measure import Measure
    from ..rules.rate import Rate
    from .law import ImporterLaw, MeasureInForce, RelationInForce
    from .part import Part

__all__ = ["Duty", "Line", "assess", "assess_facts", "claiming_and_not", "draw_up"]


@dataclass(frozen=True, slots=True)
class Line:
    """What one measure charges on one crossing.

    ``base``: share of the customs value charged; ``rate``: on that base; ``duty``: base · rate, of the customs value.
    ``status``: charged, free, covered, excluded, replaced or not-applicable, and ``reason`` why.
    ``coarse``: the product has too few digits to tell whether the measure applies.
    """

    number: int
    base: float
    rate: float
    duty: float
    status: str
    reason: str
    coarse: bool = False
    source: str = ""


def assess_facts(law: Law, importer: ImporterLaw, facts: Facts) -> list[Line]:
    """Return a line for every measure of the importer, in walking order. Raises CodeProblem when a fact is lacking.

    duty = rate × base share, per unit of customs value. Each measure acts on those after it only once its own duty is
    known: one that is excluded or replaced does nothing (RULES §3).
    """
    lines: list[Line] = []
    removed: dict[int, tuple[str, str]] = {}
    covered: dict[int, list[tuple[Part, str]]] = {}
    column_1 = _ColumnOne(importer.column_1)
    for one in importer.measures:
        line, part = _line_of(law, importer, one, facts, removed, covered, column_1)
        lines.append(line)
        if part is None:
            continue
        column_1.add(one.number, line.duty)
        for relation in importer.relations.get(one.number, ()):
            if relation.test.failure(facts) is None:
                _act(one.measure, relation, line, part, facts, removed, covered, column_1)
    return lines


class _ColumnOne:
    """The column-1 rate owed: what the column-1 measures, and what replaces them, charge on the customs value."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self.numbers = set(numbers)
        self.stated = False
        self._duties: dict[int, float] = {}

    def add(self, number: int, duty: float) -> None:
        self._duties[number] = duty

    @property
    def owed(self) -> float:
        return math.fsum(duty for number, duty in self._duties.items() if number in self.numbers)


def _line_of(
    law: Law,
    importer: ImporterLaw,
    one: MeasureInForce,
    facts: Facts,
    removed: Mapping[int, tuple[str, str]],
    covered: Mapping[int, list[tuple[Part, str]]],
    column_1: _ColumnOne,
) -> tuple[Line, Part | None]:
    """Return the measure's line, and the part of the value that it stands on (None where it does not apply)."""

    def silent(status: str, reason: str, *, coarse: bool = False) -> tuple[Line, None]:
        return Line(one.number, 0.0, 0.0, 0.0, status, reason, coarse, one.measure.source), None

    stated = facts.column_1 if one.number in importer.column_1 else {}
    if facts.exporter in importer.exempt[one.number]:
        return silent("not-applicable", f"{facts.exporter} and {facts.importer} belong to one customs territory")
    if one.dormant and not (stated and law.holds(one.measure.conditions)):
        return silent("not-applicable", one.dormant)
    failure = one.test.failure(facts)
    if failure is not None and not failure.coarse:
        return silent("not-applicable", failure.reason)
    if failure is not None and one.number in removed:
        return silent(*removed[one.number])
    if failure is not None:
        return silent("not-applicable", failure.reason, coarse=True)

    rate: Rate | None = None
    source = one.measure.source
    why_not = "no row of it holds"
    if stated:
        if column_1.stated:
            return silent("not-applicable", "the entry states the column-1 rate, and another measure charges it")
        column_1.stated = True
        rate = stated["special"] if facts.program is not None and "special" in stated else stated["general"]
    else:
        coarse = False
        for test, row in reversed(one.rates):
            failure = test.failure(facts)
            if failure is None:
                rate, source = row.value, row.source or source
                break
            coarse |= failure.coarse
            why_not = failure.reason
        if coarse and one.number not in removed:
            return silent("not-applicable", why_not, coarse=True)
        if rate is None:
            return silent("not-applicable", why_not)
        if isinstance(rate, Ends):
            return silent("not-applicable", f"it no longer applies ({source})" if source else "it no longer applies")
    if one.number in removed:
        return silent(*removed[one.number])

    base = CUSTOMS_VALUE
    for test, row_of_base in reversed(one.bases):
        failure = test.failure(facts)
        if failure is None:
            base = row_of_base.value
            break
        if failure.coarse:
            return silent("not-applicable", failure.reason, coarse=True)
    part = own = part_of(base, facts.content)
    takers = covered.get(one.number, [])
    for cover, _ in takers:
        part = part.less(cover)
    share = part.share
    charged = _ad_valorem(law, one, rate, facts, column_1)
    duty = charged * share
    status = "charged" if duty else "covered" if charged and own.share > share else "free"
    by = ", ".join(dict.fromkeys(name for _, name in takers))
    reason = f"{own.share - share:.12g} of the value is covered by {by}" if own.share > share else ""
    if not reason and base.form != "customs-value" and base.kind not in facts.content:
        full = base.form == "without" or base.unknown == "full"
        reason = (
            f"the content of {base.kind} is unknown: {'the whole value is charged' if full else 'nothing is charged'}"
        )
    return Line(one.number, share, charged, duty, status, reason, False, source), part


def _ad_valorem(law: Law, one: MeasureInForce, rate: Rate, facts: Facts, column_1: _ColumnOne) -> float:
    """Return the rate as a share of the base."""
    if isinstance(rate, ScheduleRate):
        program = law.programs.get(facts.program) if facts.program is not None else None
        symbol = program.symbol if program is not None else ""
        rate = law.schedule(rate.schedule, one.rule_set).rate(facts.product, symbol, rate.column)
    if isinstance(rate, AdValorem):
        return rate.share
    if isinstance(rate, Compound):
        return ad_valorem_equivalent(rate, facts)
    if isinstance(rate, TopUpTo):
        return max(0.0, rate.total - column_1.owed)
    raise AssertionError(rate)


def _act(
    by: Measure,
    relation: RelationInForce,
    line: Line,
    part: Part,
    facts: Facts,
    removed: dict[int, tuple[str, str]],
    covered: dict[int, list[tuple[Part, str]]],
    column_1: _ColumnOne,
) -> None:
    """Let a measure that applies exclude, cover or replace the ones after it."""
    cited = f" ({relation.source})" if relation.source else ""
    if relation.form == "replaces":
        for target in relation.targets:
            removed.setdefault(target, ("replaced", f"replaced by {by.id}{cited}"))
            if target in column_1.numbers:
                column_1.numbers.add(line.number)
    elif not (line.duty > 0 or relation.even_if_free):
        return
    elif relation.form == "excludes":
        for target in relation.targets:
            removed.setdefault(target, ("excluded", f"excluded by {by.id}{cited}"))
    else:
        cover = part if relation.part is None else part_of(relation.part, facts.content)
        for target in relation.targets:
            covered.setdefault(target, []).append((cover, by.id + cited))


# --- entries ------------------------------------------------------------------------------------------

_LINES = {
    "measure": pl.String,
    "authority": pl.String,
    "action": pl.String,
    "base": pl.Float64,
    "rate": pl.Float64,
    "duty": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True, eq=False)
class Duty:
    """What an entry owes.

    ``total``: money; ``rate``: total over the value; ``lines``: one row a measure with ``base`` (share of the value),
    ``rate`` on that base, ``duty`` in money, ``status`` and ``reason``; ``by("action")`` sums it up.
    """

    entry: Entry
    total: float
    rate: float
    lines: pl.DataFrame
    meta: Mapping[str, Any]
    findings: tuple[Finding, ...] = field(default=())

    def by(self, key: str) -> pl.DataFrame:
        """Return duty (money) and rate (of the value) by ``action``, ``authority`` or ``measure``, zeros included."""
        known = ("action", "authority", "measure")
        if key not in known:
            raise UnknownNameError(
                Finding(f"'{visible(str(key))}' is no key of a duty", suggestion(str(key), known, "keys"))
            )
        sums: dict[str, list[float]] = {}
        for name, duty in self.lines.select(key, "duty").iter_rows():
            sums.setdefault(name, []).append(duty)
        names = sorted(sums)
        duties = [math.fsum(sums[name]) for name in names]
        rates = [duty / self.entry.value if self.entry.value else 0.0 for duty in duties]
        return pl.DataFrame(
            {key: names, "duty": duties, "rate": rates},
            schema={key: pl.String, "duty": pl.Float64, "rate": pl.Float64},
        )

    def __repr__(self) -> str:
        return f"Duty(total={self.total!r}, rate={self.rate!r})"


def assess(rules: Any, entry: Entry, *, as_of: date | str | None = None, known_on: date | str | None = None) -> Duty:
    """Duty of one entry under the rules of a day.

    Σ rate · base · value over the measures that apply; with a program utilized in part u, u times the duty of the entry
    that claims it and 1 − u times the duty of the one that does not (RULES §5).

    ``rules``: from ``read_rules``, or what it takes. ``as_of``: day of entry (default today); ``known_on``: what was
    published later does not exist. Raises EntryError when facts are lacking or unknown to the rules.
    """
    book = as_rules(rules)
    law = draw_up(book, as_of, known_on)
    facts, findings = _facts(law, entry)
    importer = law.importer(facts.importer)
    try:
        assessed = [
            (weight, assess_facts(law, importer, each)) for weight, each in claiming_and_not(facts, entry.utilization)
        ]
    except CodeProblem as problem:
        raise EntryError(Finding(problem.message, problem.remedy, check="facts")) from None
    coarse = [line for _, lines in assessed for line in lines if line.coarse]
    if coarse:
        raise EntryError(
            Finding(
                f"{line.reason} ({law.measures[line.number].measure.id})",
                "Give the product with more digits.",
                field="product",
                check="coarse-product",
                measure=law.measures[line.number].measure.id,
            )
            for line in coarse
        )
    if not importer.measures:
        findings.append(
            Finding(
                f"no measure of the rules is charged by {facts.importer}: the entry owes nothing",
                "Load the rule set of that importer.",
                severity="warning",
                check="importer-not-covered",
            )
        )
    rows = [
        _merged(law, entry, [(weight, lines[at]) for weight, lines in assessed]) for at in range(len(importer.measures))
    ]
    rows.sort(key=lambda row: row["measure"])
    total = math.fsum(row["duty"] for row in rows)
    return Duty(
        entry=entry,
        total=total,
        rate=total / entry.value if entry.value else 0.0,
        lines=pl.DataFrame(rows, schema=_LINES, orient="row"),
        meta=provenance(book, law.as_of, law.known_on),
        findings=tuple(findings),
    )


def claiming_and_not(facts: Facts, utilization: float) -> list[tuple[float, Facts]]:
    """Return the entries that a crossing is made of, with their weights: the part that claims, and the rest."""
    if facts.program is None or utilization == 1.0:
        return [(1.0, facts)]
    without = replace(facts, program=None)
    return [(utilization, facts), (1.0 - utilization, without)] if utilization else [(1.0, without)]


def draw_up(rules: Any, as_of: date | str | None, known_on: date | str | None) -> Law:
    """Return the law of a day; ``as_of`` defaults to today. Dates may be text (YYYY-MM-DD)."""
    return Law(rules, _day(as_of, "as_of") or date.today(), _day(known_on, "known_on"))


def _day(day: date | str | None, name: str) -> date | None:
    if isinstance(day, str):
        try:
            return parse_date(day)
        except CodeProblem as problem:
            raise TariffGraphError(Finding(problem.message, problem.remedy, field=name)) from None
    return day


def _merged(law: Law, entry: Entry, lines: list[tuple[float, Line]]) -> dict[str, Any]:
    """Return one row for a measure out of its lines for the parts of an entry that do and do not claim."""
    measure = law.measures[lines[0][1].number].measure
    duty = math.fsum(weight * line.duty for weight, line in lines)
    main = (
        max(lines, key=lambda pair: (pair[1].duty > 0, pair[1].status == "free"))[1] if len(lines) > 1 else lines[0][1]
    )
    base = math.fsum(weight * line.base for weight, line in lines)
    return {
        "measure": measure.id,
        "authority": measure.authority,
        "action": measure.action,
        "base": base,
        "rate": duty / base if base and len(lines) > 1 else main.rate,
        "duty": entry.value * duty,
        "status": main.status,
        "reason": main.reason,
    }


def _facts(law: Law, entry: Entry) -> tuple[Facts, list[Finding]]:
    problems: list[Finding] = []
    findings: list[Finding] = []
    regions = {name for each in law.rules.rule_sets for name in each.regions}

    def country(name: str, text: str | None) -> str:
        if text is None:
            return ""
        try:
            return parse_country(text, regions)
        except CodeProblem as problem:
            problems.append(Finding(problem.message, problem.remedy, field=name, check="country"))
            return ""

    origin = country("origin", entry.origin)
    importer = country("importer", entry.importer) or _default_importer(law, entry, problems)
    nationality = country("nationality", entry.nationality) or None
    exporter = country("exporter", entry.exporter) or origin
    for declaration in entry.declares:
        if declaration not in law.declarations:
            problems.append(
                Finding(
                    f"'{visible(declaration)}' is declared, and nothing in the rules asks for it",
                    suggestion(declaration, law.declarations, "declarations"),
                    field="declares",
                    check="unknown-declaration",
                )
            )
    for kind in entry.content:
        if kind not in law.kinds:
            # A fact that no measure asks for does no harm, unless it was meant to be another.
            misspelt = nearest(kind, law.kinds) is not None
            (problems if misspelt else findings).append(
                Finding(
                    f"the content of '{visible(kind)}' is declared, and no rule set knows that kind",
                    suggestion(kind, law.kinds, "kinds"),
                    severity="error" if misspelt else "warning",
                    field=f"content.{visible(kind)}",
                    check="unknown-kind",
                )
            )
    program = entry.program
    if program is not None and program not in law.programs:
        findings.append(
            Finding(
                f"no loaded rule set knows the program '{visible(program)}': it is not claimed",
                suggestion(program, law.programs, "programs"),
                severity="warning",
                field="program",
                check="unknown-program",
            )
        )
        program = None
    if problems:
        raise EntryError(problems)
    column_1 = parse_column_1(entry.column_1)
    if column_1 and importer and not law.importer(importer).column_1:
        findings.append(
            Finding(
                f"the rules name no column-1 measure of {importer}: the rate stated in column_1 is not charged",
                "Name the base duty in the rule set, as in 'column_1: mfn'.",
                severity="warning",
                field="column_1",
                check="no-column-1",
            )
        )
    facts = Facts(
        product=entry.product,
        origin=origin,
        exporter=exporter,
        importer=importer,
        nationality=nationality,
        used_in=entry.used_in,
        program=program,
        declares=frozenset(entry.declares),
        content=entry.content,
        value=entry.value,
        quantity=entry.quantity,
        unit=entry.unit,
        column_1=column_1,
    )
    return facts, findings


def _default_importer(law: Law, entry: Entry, problems: list[Finding]) -> str:
    """Return the importer of the rule sets when they have just one country between them."""
    if entry.importer is not None:
        return ""
    named = {name for each in law.rules.rule_sets for name in each.importer}
    if not named:
        named = {name for one in law.measures for name in one.measure.conditions.importer or ()}
    members = {country for name in named for country in law.members((name,), law.rules.rule_sets[0])}
    if len(members) == 1 and "all" not in members:
        return members.pop()
    problems.append(
        Finding(
            "the entry names no importer, and the rules have " + ("more than one" if members else "none"),
            "Say which country it enters, as in importer='USA'.",
            field="importer",
            check="importer",
        )
    )
    return ""
