"""The duty of one entry, line by line, without a graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ..codes import CodeProblem, parse_country
from ..errors import EntryError, Finding, UnknownNameError, nearest, suggestion, visible
from ..frozen import FrozenFrame, FrozenRecord
from ..provenance import provenance
from ..rules.rules import as_rules
from .assess import assess_facts, claiming_and_not
from .entry import Entry, parse_column_1
from .facts import Facts
from .law import draw_up

if TYPE_CHECKING:
    from datetime import date

    from .assess import Line
    from .law import Law

__all__ = ["Duty", "assess", "facts_of"]

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
    lines: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    meta: FrozenRecord = FrozenRecord()  # noqa: RUF009
    findings: tuple[Finding, ...] = ()

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
    that claims it and 1 − u times the duty of the one that does not.

    ``rules``: from ``read_rules``, or what it takes. ``as_of``: day of entry (default today); ``known_on``: what was
    published later does not exist. Raises EntryError when facts are lacking or unknown to the rules.
    """
    if not isinstance(entry, Entry):
        raise EntryError(
            Finding(f"{type(entry).__name__} is not an Entry", "Give tariffgraph.Entry(product=..., ...).")
        )
    book = as_rules(rules)
    law = draw_up(book, as_of, known_on)
    facts, findings = facts_of(law, entry)
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
                f"{reason} ({law.measures[line.number].measure.id})",
                "Give it with more digits.",
                check="coarse-product",
                measure=law.measures[line.number].measure.id,
            )
            for line in coarse
            for reason in line.coarse
        )
    refused = [line for _, lines in assessed for line in lines if line.refused]
    if refused:
        raise EntryError(
            Finding(
                f"the quota '{visible(line.quota)}' is filled, and beyond it nothing is admitted"
                + (f" ({line.rate_row.source})" if line.rate_row is not None and line.rate_row.source else ""),
                "Enter the goods in the next period, or leave the declaration 'quota-filled' out.",
                check="quota",
                measure=law.measures[line.number].measure.id,
            )
            for line in {line.number: line for line in refused}.values()
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
        findings=(*law.rules.findings, *law.findings, *findings),
    )


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


def facts_of(law: Law, entry: Entry) -> tuple[Facts, list[Finding]]:
    """Return the facts of an entry under a law, and what is surprising in them. Raises EntryError."""
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
    if column_1 and importer and not law.importer(importer).base_duties:
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
