"""An explanation as a worksheet: the rates, each border with its facts and measures, how they were found, the paths.

What is shown adds up: rates to a ten-thousandth of a percent and money to the cent are rounded so that the parts of a
sum give the sum that is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from .columns import Columns, once, texts
from .numbers import adding_up, money
from .results import footer, headline
from .table import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..incidence.explain import Explanation
    from .table import Sheet

__all__ = ["explanation_sheets"]

CENTS = 2
#: Decimals of a fraction that is shown as a percentage with four of them.
RATE_DECIMALS = 6
SILENT = ("excluded", "replaced", "not-applicable", "not-in-force")
_IS_MATERIAL = pl.col("status").is_in(["originating", "non-originating", "own purchase", "of its own heading"])
#: Materials that a worksheet of origin lists one by one; the others are one line.
LISTED = 20


def explanation_sheets(explanation: Explanation, subject: str = "") -> list[Sheet]:
    """Return the worksheet, a table after the other. ``subject``: what the graph is called."""
    return list(_Worksheet(explanation).sheets(subject))


@dataclass(frozen=True, slots=True)
class _Rounded:
    """Rates, or money, as they are shown: of the summary by item, of borders and of lines in their order.

    ``sellers``: the exporter's part by border.
    """

    summary: dict[str, float]
    borders: list[float]
    sellers: list[float]
    lines: list[float]


class _Worksheet:
    """The tables of an explanation, in the order in which they are read."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.meta = explanation.meta
        self.borders = explanation.borders
        self.lines = explanation.lines.with_row_index("at")
        self.rates = _rounded(explanation, 1.0, RATE_DECIMALS)
        self.money = _rounded(explanation, explanation.per, CENTS)
        currency = (self.meta.get("graph") or {}).get("currency") or ""
        self.amount = f"amount, {currency}" if currency else "amount"
        self.currency = f" {currency}" if currency else ""

    def sheets(self, subject: str) -> Iterator[Sheet]:
        """Yield the tables."""
        yield self._summary(subject)
        yield self._overview()
        numbered = self.borders.filter(pl.col("border").is_not_null())
        owing = numbered.filter((pl.col("statutory_rate") != 0) | (pl.col("kind") == "shipment"))
        for border in owing.iter_rows(named=True):
            yield self._facts(border)
            yield self._charges(border)
            yield from self._silent(border)
            yield from self._contents(border["border"])
            yield from self._origins(border["border"])
        free = numbered.filter((pl.col("statutory_rate") == 0) & (pl.col("kind") != "shipment"))
        if free.height:
            yield self._nothing_owed(free)
            for border in free.iter_rows(named=True):
                yield from self._origins(border["border"])
        yield from self._not_in_force()
        yield self._paths()

    # --- the whole ------------------------------------------------------------------------------------

    def _summary(self, subject: str) -> Sheet:
        one = self.explanation
        good = f"{one.name} ({one.product})" if one.name else one.product
        where = f"; {subject}" if subject else ""
        title = headline(f"{one.shipment}: {good} to {one.market}{where}", self.meta)
        rows = one.summary
        if not rows.filter(pl.col("item") == "exporter's part")["rate"].item():
            rows = rows.filter(~pl.col("item").is_in(["exporter's part", "duty collected"]))
        table = Columns(rows.height)
        table.add(Column("", "left"), [f"{item} rate" if " " not in item else item for item in rows["item"]])
        table.add(Column("rate", strong=True), [_percent(self.rates.summary[item]) for item in rows["item"]])
        shown = [self.money.summary.get(item) if item != "statutory" else None for item in rows["item"]]
        table.add(
            Column(self.amount),
            [cell if known is not None else "" for known, cell in zip(shown, money(shown, CENTS), strict=True)],
        )
        table.add(Column("arithmetic", "left"), texts(rows["how"]))
        known = f"The untaxed customs value is {one.per:,.2f}{self.currency} a year."
        unknown = f"No value is stated: money is per {one.per:,.2f}{self.currency} of untaxed customs value."
        return table.sheet(
            title,
            [
                unknown if one.value is None else known,
                "Rates are shares of it; the statutory rate and 'of value' are of the customs value at a border.",
                "Rates are rounded to 0.0001% and money to the cent, so that the parts shown add to their sums.",
            ],
        )

    def _overview(self) -> Sheet:
        borders = self.borders
        table = Columns(borders.height, below=1)
        table.add(Column(""), [str(one) if one is not None else "" for one in borders["border"]])
        names = [_place(border) for border in borders.iter_rows(named=True)]
        table.add(Column("border", "left"), names, ["effective"])
        table.add(Column("importer", "left"), texts(borders["importer"]))
        table.add(Column("goods", "left", optional=True), texts(borders["product"]))
        how = [
            "" if border["border"] is None else
            f"{border['weight']:.6g} x {border['price']:.8g} x {_share(border['border_rate'])}"
            for border in borders.iter_rows(named=True)
        ]  # fmt: skip
        table.add(Column("in the good x price x border rate", "left"), how)
        table.add(
            Column("effective", strong=True),
            list(map(_percent, self.rates.borders)),
            [_percent(self.rates.summary["effective"])],
        )
        shown = money([*self.money.borders, self.money.summary["effective"]], CENTS)
        table.add(Column(self.amount), shown[:-1], shown[-1:])
        if any(borders["exporter_rate"]):
            cells = list(map(_percent, self.rates.sellers))
            table.add(Column("exporter's part"), cells, [_percent(self.rates.summary["exporter's part"])])
        return table.sheet("Borders on the way, the last one first, then those that add most", [])

    # --- one border -----------------------------------------------------------------------------------

    def _facts(self, border: dict[str, Any]) -> Sheet:
        facts = self.explanation.facts.filter(pl.col("border") == border["border"])
        table = Columns(facts.height)
        table.add(Column("fact", "left"), texts(facts["fact"]))
        table.add(Column("is", "left", strong=True), texts(facts["value"]))
        table.add(Column("because", "left"), texts(facts["why"]))
        return table.sheet(f"Border {border['border']}: {_place(border)}", [])

    def _charges(self, border: dict[str, Any]) -> Sheet:
        """Return the measures that apply at a border, and what they add up to."""
        lines = self._of(border).filter(~pl.col("status").is_in(SILENT))
        at = lines["at"].to_list()
        table = Columns(lines.height, below=1)
        if lines["entry"].null_count() < lines.height:
            table.add(Column("entry", "left"), once(texts(lines["entry"])))
        table.add(Column("measure", "left"), texts(lines["measure"]), ["in all"])
        table.add(Column("law", "left", optional=True), texts(lines["authority"]))
        table.add(Column("base"), [_share(one) for one in lines["base"]])
        table.add(Column("rate"), [_share(one) for one in lines["ad_valorem"]])
        rates = adding_up(lines["statutory_rate"].to_list(), border["statutory_rate"], RATE_DECIMALS)
        table.add(Column("of value"), list(map(_percent, rates)), [_percent(border["statutory_rate"])])
        place = self.borders["border"].to_list().index(border["border"])
        effective = [self.rates.lines[one] for one in at]
        table.add(
            Column("effective", strong=True), list(map(_percent, effective)), [_percent(self.rates.borders[place])]
        )
        shown = money([*(self.money.lines[one] for one in at), self.money.borders[place]], CENTS)
        table.add(Column(self.amount), shown[:-1], shown[-1:])
        if border["exporter_rate"]:
            total = self.money.sellers[place]
            parts = adding_up([rate * self.explanation.per for rate in lines["exporter_rate"]], total, CENTS)
            shown = money([*parts, total], CENTS)
            table.add(Column("exporter's part"), shown[:-1], shown[-1:])
        table.add(Column("under", "left"), [_cited(line) for line in lines.iter_rows(named=True)])
        return table.sheet(f"Border {border['border']}: what applies", [])

    def _silent(self, border: dict[str, Any]) -> Iterator[Sheet]:
        lines = self._of(border).filter(pl.col("status").is_in(SILENT[:-1]))
        if lines.is_empty():
            return
        table = Columns(lines.height)
        if lines["entry"].null_count() < lines.height:
            table.add(Column("entry", "left"), once(texts(lines["entry"])))
        table.add(Column("measure", "left"), texts(lines["measure"]))
        table.add(Column("law", "left", optional=True), texts(lines["authority"]))
        table.add(Column("why not", "left"), texts(lines["reason"]))
        yield table.sheet(f"Border {border['border']}: in force, and does not apply", [])

    def _of(self, border: dict[str, Any]) -> pl.DataFrame:
        return self.lines.filter(pl.col("border") == border["border"])

    def _contents(self, border: int) -> Iterator[Sheet]:
        of_border = self.explanation.content.filter(pl.col("border") == border)
        for (kind,), lines in of_border.group_by("kind", maintain_order=True):
            inputs, total = lines.head(-1), lines.tail(1)
            table = Columns(inputs.height, below=1)
            table.add(
                Column("input", "left"),
                [one or status for one, status in inputs.select("supplier", "status").iter_rows()],
                ["content"],
            )
            table.add(Column("product", "left"), texts(inputs["product"]))
            table.add(Column("share"), [_number(one) for one in inputs["share"]])
            table.add(Column("content"), [_number(one) for one in inputs["content"]])
            table.add(
                Column("share x content", strong=True),
                [_number(one) for one in inputs["part"]],
                [_number(total["part"].item())],
            )
            table.add(Column("because", "left"), texts(inputs["why"]), texts(total["why"]))
            yield table.sheet(f"Border {border}: content of {kind}", [])

    def _origins(self, border: int) -> Iterator[Sheet]:
        of_border = self.explanation.origin.filter(pl.col("border") == border)
        for (program,), rows in of_border.group_by("program", maintain_order=True):
            if rows.filter(_IS_MATERIAL).is_empty():
                continue  # the facts say all
            lines, left_out = _shortened(rows)
            table = Columns(lines.height)
            names = [_material(line) for line in lines.iter_rows(named=True)]
            table.add(Column("line"), texts(lines["line"]))
            table.add(Column("of the good", "left"), names)
            table.add(Column("made in", "left"), texts(lines["country"]))
            table.add(Column("share"), [_number(one) for one in lines["share"]])
            table.add(Column("is", "left", strong=True), texts(lines["status"]))
            table.add(Column("because", "left"), texts(lines["why"]))
            what = f"origin under {program}" if program else "origin by tariff shift"
            yield table.sheet(f"Border {border}: {what}", left_out)

    # --- the rest -------------------------------------------------------------------------------------

    def _nothing_owed(self, free: pl.DataFrame) -> Sheet:
        table = Columns(free.height)
        table.add(Column(""), texts(free["border"]))
        table.add(Column("border", "left"), [_place(border) for border in free.iter_rows(named=True)])
        for name, column in (("importer", "importer"), ("goods", "product"), ("origin", "origin")):
            table.add(Column(name, "left"), texts(free[column]))
        table.add(Column("because", "left"), [self._free(border) for border in free.iter_rows(named=True)])
        return table.sheet("Borders where nothing is owed", [])

    def _free(self, border: dict[str, Any]) -> str:
        lines = self._of(border).filter(~pl.col("status").is_in(SILENT))
        facts = self.explanation.facts.filter(pl.col("border") == border["border"])
        claims = facts.filter(pl.col("fact") == "preference claimed").select("value", "why").iter_rows()
        said = []
        for line in lines.iter_rows(named=True):
            cited = _cited(line)
            said.append(f"{line['measure']} is {line['status']}" + (f" ({cited})" if cited else ""))
        uncovered = facts.filter(pl.col("fact") == "law")["why"].to_list()
        return "; ".join(
            [*said, *(f"claims {value} ({why})" for value, why in claims), *uncovered] or ["no measure applies"]
        )

    def _not_in_force(self) -> Iterator[Sheet]:
        lines = self.lines.filter(pl.col("status") == "not-in-force").unique(
            ["importer", "measure"], maintain_order=True
        )
        if lines.is_empty():
            return
        groups = (
            lines.group_by("importer", "reason", maintain_order=True)
            .agg(pl.col("measure").unique().sort())
            .sort("importer", "reason")
        )
        table = Columns(groups.height)
        table.add(Column("importer", "left"), once(texts(groups["importer"])))
        table.add(Column("is", "left"), texts(groups["reason"]))
        table.add(Column("measures", "left"), [", ".join(names) for names in groups["measure"]])
        yield table.sheet(f"Not in force for entries of {self.meta['as_of']}", [])

    def _paths(self) -> Sheet:
        paths = self.explanation.paths
        frame, per = paths.frame, self.explanation.per
        left = abs(paths.remainder) > 0.0
        table = Columns(frame.height, below=2 if left else 1)
        carried = [*frame["rate"], paths.remainder]
        rates = adding_up(carried, self.rates.summary["effective"], RATE_DECIMALS)
        amounts = adding_up([rate * per for rate in carried], self.money.summary["effective"], CENTS)
        others = [f"all other paths, none above {_share(paths.next_at_most)}"] if left else []
        table.add(Column(""), texts(frame["rank"]))
        table.add(Column("path", "left"), texts(frame["path"]), [*others, "effective"])
        table.add(Column("importer", "left"), texts(frame["importer"]))
        how = [
            f"{weight:.6g} x {price:.8g} x {_share(rate)}"
            for weight, price, rate in frame.select("weight", "price", "border_rate").iter_rows()
        ]
        table.add(Column("shares x price x border rate", "left"), how)
        below = 0 if left else 1
        table.add(
            Column("effective", strong=True),
            list(map(_percent, rates[:-1])),
            list(map(_percent, [rates[-1], self.rates.summary["effective"]]))[below:],
        )
        shown = money([*amounts, self.money.summary["effective"]], CENTS)
        table.add(Column(self.amount), shown[:-2], shown[-2:][below:])
        return table.sheet("Paths along which the duties come, the largest first", [footer(self.meta)])


def _rounded(explanation: Explanation, scale: float, decimals: int) -> _Rounded:
    """Round what adds up from the top down: the effective rate, the borders, and the lines of each.

    The effective rate and the duty collected are rounded as in every other table; the exporter's part is the rest.
    """
    summary = {item: rate * scale for item, rate in explanation.summary.select("item", "rate").iter_rows()}
    borders = [rate * scale for rate in explanation.borders["rate"]]
    kinds = explanation.borders["kind"].to_list()
    leaves = int(kinds[:1] == ["shipment"])
    collected, effective = (
        adding_up([summary[item]], summary[item], decimals)[0] for item in ("duty collected", "effective")
    )
    sellers = round(collected - effective, decimals)
    last, embedded = adding_up([summary["border"] + summary["compounding"], summary["embedded"]], effective, decimals)
    border, compounding = adding_up([summary["border"], summary["compounding"]], last, decimals)
    summary |= {"border": border, "embedded": embedded, "compounding": compounding, "effective": effective,
                "exporter's part": sellers, "duty collected": collected}  # fmt: skip
    shown = [last] * leaves + adding_up(borders[leaves:], embedded, decimals)
    numbers = explanation.lines["border"].to_list()
    lines = [rate * scale for rate in explanation.lines["rate"]]
    for border, rounded in zip(explanation.borders["border"], shown, strict=True):
        at = [one for one, number in enumerate(numbers) if number == border]
        for one, part in zip(at, adding_up([lines[one] for one in at], rounded, decimals), strict=True):
            lines[one] = part
    sellers_of_border = adding_up([rate * scale for rate in explanation.borders["exporter_rate"]], sellers, decimals)
    return _Rounded(summary, shown, sellers_of_border, lines)


def _shortened(rows: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return a worksheet of origin with its largest materials, and what to say of those that are left out."""
    others = rows.filter(_IS_MATERIAL).sort("share_of_good", descending=True, maintain_order=True)[LISTED:]
    if others.is_empty():
        return rows, []
    note = f"{others.height} more materials, {others['share_of_good'].sum():.6g} of the good, are in the totals."
    return rows.filter(~pl.col("line").is_in(others["line"].implode())), [note]


def _place(border: dict[str, Any]) -> str:
    if border["border"] is None:
        count = border["crossings"]
        return f"{count} more border{'' if count == 1 else 's'}"
    return f"{border['supplier']} -> {border['user'] or border['importer']}"


def _material(line: dict[str, Any]) -> str:
    name = f"{line['supplier']} ({line['product']})" if line["supplier"] else ""
    return f"{'  ' * line['depth']}{name}"


def _cited(line: dict[str, Any]) -> str:
    """Return under what a line stands: base and rate in the words of the law, their source, and what else is to say."""
    says, on = line["says"], line["charged_on"]
    base = f"on the {on}" if on not in (None, "customs value") else ""
    plain = says is None or says in ("free", f"{100 * line['ad_valorem']:.12g}%")
    published = f", published {line['published']}" if line["published"] is not None else ""
    source = f"{line['source']}{published}" if line["source"] else published.removeprefix(", ")
    return "; ".join(part for part in (base, "" if plain else says, source, line["reason"] or "") if part)


def _percent(rate: float) -> str:
    return f"{100 * rate:.4f}%"


def _share(rate: float | None) -> str:
    return "" if rate is None else f"{100 * rate:.6g}%"


def _number(one: float | None) -> str:
    return "" if one is None else f"{one:.6g}"
