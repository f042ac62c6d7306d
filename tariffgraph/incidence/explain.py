"""Explain: one shipment's effective rate as a customs broker would set it out, border by border, line by line.

Everything adds up: the lines of a border to what it adds to the price (docs/method.md, Attribution), the borders to the
effective rate. A line carries  L_jf a_e · p_i φ (1 − d) · w · base · rate  of it, w the part of the flow that its entry
is (where a preference is claimed, or a quota filled, in part).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import CodeProblem
from ..customs.classes import lines_of_key
from ..customs.preference import WORKSHEET_COLUMNS
from ..errors import Finding, TariffGraphError
from ..frozen import FrozenFrame, FrozenRecord
from ..rules.rate import AdValorem, ScheduleRate
from ..rules.wording import base_words, citation, rate_words
from .paths import Paths, find_paths
from .sums import added_up
from .worksheets import Worksheets

if TYPE_CHECKING:
    from ..customs.assess import Line
    from ..rules.rate import Rate
    from .incidence import Incidence

Array = np.ndarray[Any, Any]

__all__ = ["Explanation", "explain"]

#: What money is per where the graph states no value.
PER_WITHOUT_VALUE = 1000.0

SPLIT = ("rate", "exporter_rate", "duty_rate")

_SUMMARY: dict[str, Any] = {"item": pl.String, "rate": pl.Float64, "amount": pl.Float64, "how": pl.String}
_BORDERS: dict[str, Any] = {
    "border": pl.Int64,
    "crossing": pl.String,
    "kind": pl.String,
    "supplier": pl.String,
    "user": pl.String,
    "exporter": pl.String,
    "importer": pl.String,
    "origin": pl.String,
    "product": pl.String,
    "crossings": pl.Int64,
    "weight": pl.Float64,
    "price": pl.Float64,
    "customs_value": pl.Float64,
    "pass_through": pl.Float64,
    "drawback": pl.Float64,
    "statutory_rate": pl.Float64,
    "border_rate": pl.Float64,
    "rate": pl.Float64,
    "exporter_rate": pl.Float64,
    "duty_rate": pl.Float64,
    "amount": pl.Float64,
}
_LINES: dict[str, Any] = {
    "border": pl.Int64,
    "crossing": pl.String,
    "importer": pl.String,
    "entry": pl.String,
    "measure": pl.String,
    "action": pl.String,
    "authority": pl.String,
    "status": pl.String,
    "charged_on": pl.String,
    "base": pl.Float64,
    "says": pl.String,
    "ad_valorem": pl.Float64,
    "statutory_rate": pl.Float64,
    "rate": pl.Float64,
    "exporter_rate": pl.Float64,
    "duty_rate": pl.Float64,
    "amount": pl.Float64,
    "reason": pl.String,
    "source": pl.String,
    "published": pl.Date,
}
_FACTS: dict[str, Any] = {"border": pl.Int64, "fact": pl.String, "value": pl.String, "why": pl.String}
_ORIGIN: dict[str, Any] = {
    "border": pl.Int64,
    "crossing": pl.String,
    "program": pl.String,
    "line": pl.Int64,
    **{"input" if name == "crossing" else name: kind for name, kind in WORKSHEET_COLUMNS.items()},
}
_CONTENT: dict[str, Any] = {
    "border": pl.Int64,
    "crossing": pl.String,
    "kind": pl.String,
    "status": pl.String,
    "supplier": pl.String,
    "product": pl.String,
    "share": pl.Float64,
    "content": pl.Float64,
    "part": pl.Float64,
    "why": pl.String,
}


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a shipment carries its effective rate; printed, it is a worksheet.

    ``summary``: the rates, with their arithmetic. ``borders``: one row a border on the way, the last border first, then
    by what they add; the last row, without a number, is all borders that are not shown. ``lines``: one row a measure
    and border: what it charges, or why it does not; ``rate`` sums to the effective rate. ``facts``, ``origin``,
    ``content``: what the law was asked at each border, and how it was worked out. ``paths``: the chains along which the
    duties come. ``value`` is None where the graph states none; amounts of money are ``per`` so much untaxed value.
    """

    shipment: str
    stage: str
    market: str
    product: str
    name: str | None
    value: float | None
    per: float
    paths: Paths
    summary: FrozenFrame = FrozenFrame()  # noqa: RUF009 - descriptors, not defaults
    borders: FrozenFrame = FrozenFrame()  # noqa: RUF009
    facts: FrozenFrame = FrozenFrame()  # noqa: RUF009
    lines: FrozenFrame = FrozenFrame()  # noqa: RUF009
    origin: FrozenFrame = FrozenFrame()  # noqa: RUF009
    content: FrozenFrame = FrozenFrame()  # noqa: RUF009
    meta: FrozenRecord = FrozenRecord()  # noqa: RUF009

    def __str__(self) -> str:
        from ..show.explanation import explanation_sheets
        from ..show.table import text

        return "\n".join(text(sheet) for sheet in explanation_sheets(self))

    def __repr__(self) -> str:
        return f"Explanation('{self.shipment}', effective rate {self.paths.total:.6g})"


def explain(result: Incidence, row: int, *, borders: int = 20, paths: int = 10, levels: int = 0) -> Explanation:
    """Explain the shipment in ``row`` of the graph's table.

    ``borders``: how many borders upstream are set out, those that add most; ``paths``: how many paths are listed;
    ``levels``: how many levels of materials the worksheets of origin open up. Raises TariffGraphError for a number that
    is none.
    """
    for name, number in (("borders", borders), ("paths", paths), ("levels", levels)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            finding = Finding(f"{number!r} is no number of {name}", "Write a whole number, 0 or more.", field=name)
            raise TariffGraphError(finding)
    return _Explaining(result, row).explanation(borders, paths, levels)


@dataclass(frozen=True, slots=True)
class _Border:
    """A border on the way to the market. ``facts``: its row in ``classes.crossings``; ``number`` counts from 1.

    ``weight``: what crosses it, untaxed, per unit of the final good; ``price`` before it.
    """

    number: int
    facts: dict[str, Any]
    weight: float
    price: float


class _Explaining:
    """The steps from a solved problem to the explanation of one shipment."""

    def __init__(self, result: Incidence, row: int) -> None:
        self.result, self.row = result, row
        self.problem, self.solution = result.problem, result.solution
        graph = self.problem.graph
        self.shipment = graph.shipments.row(row, named=True)
        self.stage = int(self.problem.shipments.stage[row])
        self.value: float | None = self.shipment["value"]
        self.per = PER_WITHOUT_VALUE if self.value is None else self.value
        self.rates = result.shipments.filter(pl.col("id") == self.shipment["id"]).row(0, named=True)

    def explanation(self, borders: int, paths: int, levels: int) -> Explanation:
        shown, rest = self._borders(borders)
        lines = {border.number: self._lines(border) for border in shown}
        sheets = Worksheets(self.problem)
        made = self.problem.graph.stages.filter(pl.col("stage") == self.shipment["stage"]).row(0, named=True)
        kinds = {border.number: _kinds(lines[border.number]) for border in shown}
        return Explanation(
            shipment=self.shipment["id"],
            stage=self.shipment["stage"],
            market=self.shipment["market"],
            product=made["product"],
            name=made.get("name"),
            value=self.value,
            per=self.per,
            paths=find_paths(self.problem, self.solution, self.row, top=paths),
            summary=self._summary(lines, shown, rest),
            borders=self._borders_frame(shown, rest),
            facts=_frame(
                [
                    {"border": border.number, **fact}
                    for border in shown
                    for fact in (
                        *sheets.facts(border.facts, kinds[border.number]),
                        *self._values(border),
                    )
                ],
                _FACTS,
            ),
            lines=self._lines_frame([line for each in lines.values() for line in each], rest),
            origin=_frame(
                [
                    {"border": border.number, "crossing": border.facts["id"], **line}
                    for border in shown
                    for line in sheets.origin(border.facts, levels)
                ],
                _ORIGIN,
            ),
            content=_frame(
                [
                    {"border": border.number, "crossing": border.facts["id"], **line}
                    for border in shown
                    for kind in kinds[border.number]
                    for line in sheets.content(border.facts, kind)
                ],
                _CONTENT,
            ),
            meta=self.result.meta,
        )

    # --- borders --------------------------------------------------------------------------------------

    def _borders(self, most: int) -> tuple[list[_Border], _Rest]:
        """Return the last border and the ``most`` upstream that add most, and the others together."""
        problem = self.problem
        at = np.flatnonzero(problem.class_of_input < len(problem.rates))
        weight = problem.requirements(self.stage)[problem.structure.user[at]] * problem.share[at]
        at, weight = at[weight != 0.0], weight[weight != 0.0]
        class_ = problem.class_of_input[at].astype(np.int64)
        price = 1.0 + self.solution.excess[problem.structure.supplier[at]]
        added = weight * price * problem.rates[class_]
        owed = weight * price * problem.classes.tau[class_]
        row = problem.structure.input[at]
        order = np.lexsort((row, -owed, -added))
        first, others = order[:most], order[most:]
        crossings = problem.classes.crossings
        chosen = crossings.filter((pl.col("kind") == "input") & pl.col("row").is_in(row[first].tolist()))
        by_row = {one["row"]: one for one in chosen.iter_rows(named=True)}
        shown = []
        if problem.shipments.class_[self.row] >= 0:
            facts = crossings.filter((pl.col("kind") == "shipment") & (pl.col("row") == self.row)).row(0, named=True)
            shown.append(_Border(1, facts, 1.0, 1.0 + float(self.solution.excess[self.stage])))
        for one in first.tolist():
            shown.append(_Border(len(shown) + 1, by_row[int(row[one])], float(weight[one]), float(price[one])))
        size = len(problem.rates)
        return shown, _Rest(len(others), added_up(class_[others], (weight * price)[others], size))

    def _borders_frame(self, shown: list[_Border], rest: _Rest) -> pl.DataFrame:
        classes = self.problem.classes
        rows = []
        for border in shown:
            class_ = border.facts["class"]
            tau, phi = float(classes.tau[class_]), float(classes.pass_through[class_])
            untaxed = border.weight * border.price
            parts = _parts(untaxed, tau, phi)
            rows.append(
                {
                    **{name: border.facts[name] for name in _BORDERS if name in border.facts},
                    "border": border.number,
                    "crossing": border.facts["id"],
                    "crossings": 1,
                    "weight": border.weight,
                    "price": border.price,
                    "customs_value": untaxed * (1.0 + phi * tau) / (1.0 + tau),
                    "statutory_rate": float(classes.statutory[class_]),
                    "border_rate": phi * tau,
                    **dict(zip(SPLIT, (part * tau for part in parts), strict=True)),
                }
            )
        if rest.crossings:
            parts = _parts(rest.value_of_class, classes.tau, classes.pass_through)
            sums = [math.fsum((part * classes.tau).tolist()) for part in parts]
            rows.append({"crossings": rest.crossings, **dict(zip(SPLIT, sums, strict=True))})
        return self._with_amounts(_frame(rows, _BORDERS))

    def _with_amounts(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(amount=self.per * pl.col("rate"))

    # --- lines ----------------------------------------------------------------------------------------

    def _lines(self, border: _Border) -> list[dict[str, Any]]:
        """Return a row for each measure of the importer, those that do not apply among them, and for each credit."""
        classes, law = self.problem.classes, self.problem.law
        class_ = border.facts["class"]
        entries = lines_of_key(self.problem.assessed, border.facts["key"])
        rows = []
        claiming = border.facts["utilization"] if border.facts["program"] is not None else 0.0
        begins = 0.0
        for number, (weight, lines) in enumerate(entries, start=1):
            entry = None
            if len(entries) > 1:
                claims = f", claiming {border.facts['program']}" if begins < claiming - 1e-12 else ""
                entry = f"entry {number} of {len(entries)}: {weight:.6g} of the flow{claims}"
            begins += weight
            rows += [
                {"entry": entry, "statutory_rate": weight * line.duty, **self._said(line, border)} for line in lines
            ]
        of_class, charge, rate = classes.lines
        here = np.flatnonzero((of_class == class_) & (charge >= len(law.measures)))
        rows += [self._credit(int(charge[at]), float(rate[at]), rows, border) for at in here.tolist()]
        relief, tau, phi = (float(one[class_]) for one in (classes.relief, classes.tau, classes.pass_through))
        parts = [relief * part for part in _parts(border.weight * border.price, tau, phi)]
        common = {"border": border.number, "crossing": border.facts["id"], "importer": border.facts["importer"]}
        return [
            {
                **common,
                **row,
                **dict(zip(SPLIT, (part * row["statutory_rate"] for part in parts), strict=True)),
            }
            for row in rows
        ]

    def _said(self, line: Line, border: _Border) -> dict[str, Any]:
        """Return what one line of the law says, in words and numbers."""
        law = self.problem.law
        in_force = law.measures[line.number]
        measure = in_force.measure
        row = line.rate_row
        source, published = citation(measure, row)
        base = line.base_row.value if line.base_row is not None else None
        dormant = line.status == "not-applicable" and in_force.dormant and line.reason == in_force.dormant
        return {
            "measure": measure.id,
            "action": measure.action,
            "authority": measure.authority,
            "status": "not-in-force" if dormant else line.status,
            "charged_on": None if line.part is None else base_words(base) if base is not None else "customs value",
            "base": line.base,
            "says": row and self._rate_said(line, row.value, border.facts["product"]),
            "ad_valorem": line.rate,
            "reason": line.reason or None,
            "source": source,
            "published": published,
            "line": line,
        }

    def _rate_said(self, line: Line, rate: Rate, product: str) -> str:
        """Return a rate in the words of the law; what a schedule says, and its general rate where that differs."""
        law = self.problem.law
        words = rate_words(rate)
        if not isinstance(rate, ScheduleRate) or line.part is None:
            return words
        charged = AdValorem(float(line.rate))
        words += f": {rate_words(charged)}"
        if rate.column:
            return words
        schedule = law.schedule(rate.schedule, law.measures[line.number].rule_set)
        try:
            general = schedule.rate(product, "", "")
        except CodeProblem:  # the schedule has a special rate and no general one
            return words
        return words if general == charged else f"{words} (general {rate_words(general)})"

    def _credit(self, number: int, rate: float, rows: list[dict[str, Any]], border: _Border) -> dict[str, Any]:
        """Return the row of a credit: a negative line beside the line that it pays."""
        law = self.problem.law
        charge = self.problem.classes.charges[number]
        place, paid = next(
            (place, measure)
            for place, one in enumerate(law.credits)
            for measure, line in one.numbers.items()
            if line == number
        )
        credit, name, user = law.credits[place].credit, law.measures[paid].measure.id, border.facts["user"]
        charged = math.fsum(row["statutory_rate"] for row in rows if row["measure"] == name)
        share = -rate / charged if charged else 0.0
        duties = self._duties_credited(user, place)
        base = self.problem.graph.stages.filter(pl.col("stage") == user)["credit_base"].item()
        worth = f"{credit.share:.6g} x {base:.6g}"
        worked = f"{worth} / {duties:.6g}" if share < 1.0 else f"{worth} is enough for all of it"
        return {
            "entry": None,
            "measure": charge.measure,
            "action": charge.action,
            "authority": charge.authority,
            "status": "credit",
            "charged_on": f"duty of {name}",
            "base": charged,
            "says": f"{100 * credit.share:.12g}% of the credit base",
            "ad_valorem": -share,
            "statutory_rate": rate,
            "reason": f"pays {share:.6g} of the {duties:.6g} owed on the untaxed inputs of {user} ({worked})",
            "source": credit.source or None,
            "published": credit.published or credit.from_,
            "line": None,
        }

    def _duties_credited(self, user: str, place: int) -> float:
        """Return D_j of docs/method.md, Credits: what a stage owes, on untaxed values, that a credit is set against."""
        classes = self.problem.classes
        into = classes.crossings.filter(pl.col("user") == user).select("class", "share")
        credited = [number for number, credit in classes.borders.earning[user].items() if credit == place]
        of_class, charge, rate = classes.lines
        counts = np.isin(charge, credited)
        owed = added_up(of_class[counts], rate[counts], len(classes.relief)) * classes.relief
        return math.fsum(share * float(owed[class_]) for class_, share in into.iter_rows())

    def _lines_frame(self, lines: list[dict[str, Any]], rest: _Rest) -> pl.DataFrame:
        return self._with_amounts(_frame([*lines, *self._rest_lines(rest)], _LINES))

    def _rest_lines(self, rest: _Rest) -> list[dict[str, Any]]:
        """Return a row for each measure that charges at the borders that are not shown."""
        classes = self.problem.classes
        if not rest.crossings:
            return []
        class_, charge, t = classes.lines
        parts = _parts(rest.value_of_class, classes.tau, classes.pass_through)
        size = len(classes.charges)
        sums = [added_up(charge, (part * classes.relief)[class_] * t, size) for part in parts]
        return [
            {
                "measure": one.measure,
                "action": one.action,
                "authority": one.authority,
                "status": "charged" if sums[2][one.number] > 0 else "credit",
                "reason": f"at {rest.crossings} more border{'' if rest.crossings == 1 else 's'}",
                **dict(zip(SPLIT, (float(part[one.number]) for part in sums), strict=True)),
            }
            for one in classes.charges
            if any(part[one.number] for part in sums)
        ]

    # --- words ----------------------------------------------------------------------------------------

    def _values(self, border: _Border) -> list[dict[str, Any]]:
        """Return what crosses the border, and the customs value, with their arithmetic."""
        classes = self.problem.classes
        class_ = border.facts["class"]
        tau, phi = float(classes.tau[class_]), float(classes.pass_through[class_])
        found = []
        if border.facts["kind"] == "input":
            share, user = border.facts["share"], border.facts["user"]
            taken = border.weight / share
            why = f"{share:.6g} of {user}"
            if user != self.shipment["stage"] or abs(taken - 1.0) > 1e-9:
                why += f", of which the good takes in {taken:.6g}"
            found.append({"fact": "value in the good", "value": f"{border.weight:.6g}", "why": why})
        embedded = border.price - 1.0
        why = f"1 + {embedded:.6g} of duty paid upstream" if embedded else "no duty was paid upstream"
        found.append({"fact": "price before the border", "value": f"{border.price:.8g}", "why": why})
        reached = border.weight * border.price * (1.0 + phi * tau) / (1.0 + tau)
        how = f"{_cents(self.per)} x {border.weight:.6g} x {border.price:.8g}"
        if phi < 1.0 and tau:
            how += f" x (1 + {phi * tau:.6g}) / (1 + {tau:.6g}), less what the exporter gives up"
        found.append({"fact": "customs value", "value": _cents(self.per * reached), "why": how})
        return found

    def _summary(self, lines: dict[int, list[dict[str, Any]]], shown: list[_Border], rest: _Rest) -> pl.DataFrame:
        rates = self.rates
        crosses = self.problem.shipments.class_[self.row] >= 0
        last = [row for row in lines[1] if row["statutory_rate"]] if crosses else []
        terms = " + ".join(f"{row['statutory_rate']:.6g} ({row['measure']})" for row in last)
        upstream = _numbers(len(shown), rest.crossings, first=1 + int(crosses))
        x, border = rates["embedded_rate"], rates["border_rate"]
        relief = ""
        if crosses:
            class_ = int(self.problem.shipments.class_[self.row])
            phi, kept = (float(one[class_]) for one in (self.problem.classes.pass_through, self.problem.classes.relief))
            relief = f"{rates['statutory_rate']:.6g}"
            relief += f" x (1 - {1 - kept:.6g}) drawback" if kept < 1 else ""
            relief += f" x {phi:.6g} pass-through" if phi < 1 else ""
        none = "no border: the good stays in its country"
        rows = [
            ("statutory", rates["statutory_rate"], terms.replace("+ -", "- ") or ("no duty" if crosses else none)),
            ("border", border, relief or none),
            ("embedded", x, f"added by {upstream}" if upstream else "nothing crosses a border upstream"),
            ("compounding", rates["compounding_rate"], f"{x:.6g} x {border:.6g}: duty on the embedded duty"),
            ("effective", rates["effective_rate"], f"(1 + {x:.6g}) x (1 + {border:.6g}) - 1"),
            ("exporter's part", rates["exporter_rate"], "what sellers bear along the chain"),
            ("duty collected", rates["duty_rate"], "effective + exporter's part"),
        ]
        frame = [{"item": item, "rate": rate, "how": how} for item, rate, how in rows]
        return self._with_amounts(_frame(frame, _SUMMARY))


@dataclass(frozen=True, slots=True)
class _Rest:
    """The borders that are not set out: how many, and by class what crosses them at its price, per unit of the good."""

    crossings: int
    value_of_class: Array


def _numbers(shown: int, others: int, first: int) -> str:
    """Return which borders are meant, from ``first`` to ``shown`` and ``others`` without a number; "" for none."""
    numbered = {-1: "", 0: f"border {first}", 1: f"borders {first} and {shown}"}.get(
        max(-1, shown - first), f"borders {first} to {shown}"
    )
    return " and ".join(part for part in (numbered, f"{others} more" if others else "") if part)


def _cents(amount: float) -> str:
    """Return money to the cent; half a cent is one, whatever floats make of it."""
    return f"{math.floor(amount * 100 * (1 + 4e-15) + 0.5) / 100:,.2f}"


def _parts(value: Any, tau: Any, phi: Any) -> tuple[Any, Any, Any]:
    """Return by how much a unit of τ raises the buyer's price, lowers what the seller keeps, and is collected."""
    return value * phi, value * (1.0 - phi) / (1.0 + tau), value * (1.0 + phi * tau) / (1.0 + tau)


def _kinds(lines: list[dict[str, Any]]) -> list[str]:
    """Return the kinds of content that the law looked at in these lines."""
    kinds: set[str] = set()
    for line in (row["line"] for row in lines if row["line"] is not None):
        for row in (line.rate_row, line.base_row):
            if row is not None:
                kinds.update(row.conditions.content)
        if line.base_row is not None and line.base_row.value.kind:
            kinds.add(line.base_row.value.kind)
        if line.part is not None:
            kinds.update(line.part.amounts)
        if line.reason.startswith("the content of "):
            kinds.add(line.reason.removeprefix("the content of ").split(" ")[0])
    return sorted(kinds)


def _frame(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
