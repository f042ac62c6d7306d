"""Every table that is read or returned: its columns with type, unit, default and meaning.

The readers check tables against these columns, and the reference pages are made from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

__all__ = [
    "AVERAGES",
    "BY",
    "BY_KEYS",
    "COMPARISON",
    "CONTENT",
    "CROSSINGS",
    "DEPTHS",
    "DERIVATIVES",
    "DUTY_BY",
    "DUTY_COMPARISON",
    "DUTY_LINES",
    "EXPLAINED_BORDERS",
    "EXPLAINED_CONTENT",
    "EXPLAINED_FACTS",
    "EXPLAINED_LINES",
    "EXPLAINED_ORIGIN",
    "EXPLAINED_SUMMARY",
    "EXPOSURE",
    "EXPOSURE_TOTALS",
    "INPUTS",
    "INPUT_TARIFF_EXPOSURE",
    "LEAVE_ONE_OUT",
    "MAGNIFICATION",
    "MEASURE_OF_STAGES",
    "PATHS",
    "PRODUCTION_LENGTH",
    "PROTECTION",
    "READ_TABLES",
    "RESULTS_ON_GRAPH",
    "SHIPMENTS",
    "SHIPMENT_RESULTS",
    "STAGES",
    "SWEEP",
    "TIERS",
    "TIMELINE_CHANGES",
    "TIMELINE_STEPS",
    "TOTALS",
    "VALUE_ADDED_ORIGIN",
    "Column",
    "content_kind",
    "sort_order",
]

Kind = Literal[
    "id",  # an id of the table's own
    "stage",  # the id of a stage
    "country",  # ISO 3166 alpha-3, or a region that graph.toml declares
    "origin",  # a country, or tariff-shift
    "product",  # an HS code, or NAME:CODE of another nomenclature
    "word",  # a name without spaces at its ends: a program, a unit
    "declarations",  # words joined by ';'
    "text",  # anything, for people
    "number",
    "flag",  # true or false
    "date",  # a day
]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    ``above``, ``least`` and ``most`` bound a number; ``gaps`` tells that an empty number cell means "not
    stated" instead of being an error. ``default`` is what holds for the whole table when the column is left
    out.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    default: str | float | None = None
    above: float | None = None
    least: float | None = None
    most: float | None = None
    gaps: bool = False

    @property
    def type(self) -> Literal["number", "text", "date"]:
        """How the values are held: ``number`` (float64), ``date`` or ``text``."""
        return self.kind if self.kind in ("number", "date") else "text"


_CONTENT = re.compile(r"content\.([A-Za-z0-9][A-Za-z0-9_-]*)")


def content_kind(name: str) -> str | None:
    """Return KIND when the column is called ``content.KIND``, else None."""
    match = _CONTENT.fullmatch(name)
    return match[1] if match else None


CONTENT = Column(
    "content.KIND",
    "number",
    "declared content of the kind in the goods; overrides the computed one at this crossing",
    unit="share of the customs value",
    least=0.0,
    most=1.0,
    gaps=True,
)

_SOURCE = Column("source", "text", "where the row comes from")
_NOTE = Column("note", "text", "remark for people")

STAGES: tuple[Column, ...] = (
    Column("stage", "id", "id of the stage", required=True),
    Column("country", "country", "where the stage happens", required=True),
    Column("product", "product", "what the stage makes", required=True),
    Column(
        "value_added",
        "number",
        "value that the stage itself adds; 1 − Σ input shares where the column is left out",
        unit="share of the output's untaxed value",
    ),
    Column("nationality", "country", "nationality of the producing firm; the country where not said"),
    Column("origin", "origin", "country of origin of the good, or tariff-shift; the country where not said"),
    Column("net_cost", "number", "net cost of the good", unit="per unit of value", default=1.0, above=0.0),
    Column(
        "credit_base",
        "number",
        "what a credit's share is taken of (the retail price, say)",
        unit="per unit of value",
        default=1.0,
        least=0.0,
    ),
    Column("name", "text", "name of the stage, for people"),
    Column("firm", "text", "name of the producing firm, for people"),
    _NOTE,
    _SOURCE,
)

_FLOW: tuple[Column, ...] = (
    Column(
        "pass_through",
        "number",
        "part of the duty that reaches the buyer's price",
        unit="share of the duty",
        default=1.0,
        least=0.0,
        most=1.0,
    ),
    Column("program", "word", "preference that is claimed"),
    Column(
        "utilization",
        "number",
        "part of the flow that claims the preference",
        unit="share of the flow",
        default=1.0,
        least=0.0,
        most=1.0,
    ),
    Column(
        "drawback",
        "number",
        "part of the duty that is refunded",
        unit="share of the duty",
        default=0.0,
        least=0.0,
        most=1.0,
    ),
    Column("declares", "declarations", "declarations made at the border, joined by ';'"),
    _SOURCE,
    _NOTE,
)

INPUTS: tuple[Column, ...] = (
    Column("id", "id", "id of the crossing; supplier->user, then #2, #3 where not said"),
    Column("supplier", "stage", "the stage that sells", required=True),
    Column("user", "stage", "the stage that buys; a stage may buy from itself", required=True),
    Column(
        "share",
        "number",
        "cost of the input, untaxed",
        unit="share of the user's output value",
        required=True,
        above=0.0,
        most=1.0,
    ),
    *_FLOW,
)

SHIPMENTS: tuple[Column, ...] = (
    Column("id", "id", "id of the shipment; stage->market, then #2, #3 where not said"),
    Column("stage", "stage", "the stage that the final good leaves", required=True),
    Column("market", "country", "the country that it is sold in", required=True),
    Column("value", "number", "untaxed customs value", unit="money a year", least=0.0, gaps=True),
    Column("quantity", "number", "quantity", unit="`unit` a year", least=0.0, gaps=True),
    Column("unit", "word", "unit of the quantity (kg, t, piece)"),
    *_FLOW,
)

READ_TABLES: dict[str, tuple[Column, ...]] = {"stages": STAGES, "inputs": INPUTS, "shipments": SHIPMENTS}

_VALUE = "share of the untaxed value"
_CUSTOMS = "share of the customs value"
_GOOD = "per unit of the good's untaxed value"

SHIPMENT_RESULTS: tuple[Column, ...] = (
    Column("id", "id", "id of the shipment"),
    Column("stage", "stage", "the stage that the final good leaves"),
    Column("market", "country", "the country that it is sold in"),
    Column(
        "value",
        "number",
        "untaxed customs value; null where the graph states none",
        unit="money a year",
        gaps=True,
    ),
    Column("statutory_rate", "number", "all measures at the last border", unit=_CUSTOMS),
    Column("border_rate", "number", "what the last border alone adds to the buyer's price", unit=_VALUE),
    Column("embedded_rate", "number", "duties paid upstream that arrive in the price", unit=_VALUE),
    Column("compounding_rate", "number", "duty charged on embedded duty at the last border", unit=_VALUE),
    Column("effective_rate", "number", "effective tariff incidence: border + embedded + compounding", unit=_VALUE),
    Column("exporter_rate", "number", "duties that sellers bear along the chain", unit=_VALUE),
    Column("duty_rate", "number", "duty collected along the chain: effective + exporter", unit=_VALUE),
    Column("landed_value", "number", "value · (1 + effective_rate)", unit="money a year", gaps=True),
    Column("duty", "number", "value · duty_rate", unit="money a year", gaps=True),
)

BY_KEYS: tuple[Column, ...] = (
    Column("measure", "id", "id of the measure"),
    Column("action", "id", "programme under the law that the measure belongs to"),
    Column("authority", "text", "the law; comes with the importer whose law it is"),
    Column("crossing", "id", "id of the input or shipment whose border charges"),
    Column("importer", "country", "country that charges"),
    Column("exporter", "country", "country that the goods are shipped from"),
    Column("origin", "country", "customs origin of the goods"),
    Column("product", "product", "product that crosses the border"),
    Column("depth", "text", "borders still to be passed on the way to the market: 0 to 10, and 10+"),
)

#: What the column ``depth`` holds, in its order.
DEPTHS = (*map(str, range(11)), "10+")


def sort_order(columns: Iterable[str]) -> list[pl.Expr]:
    """Return by what the rows of a result are sorted: depths as numbers, all else as text."""
    import polars as pl

    return [pl.col(name).str.zfill(len(DEPTHS[-1])) if name == "depth" else pl.col(name) for name in columns]


BY: tuple[Column, ...] = (
    Column("shipment", "id", "id of the shipment"),
    Column("KEY", "text", "one column for each key that was asked for"),
    Column("rate", "number", "part of the effective rate; rates of a shipment add up to it", unit=_VALUE),
    Column("exporter_rate", "number", "part of the exporter rate", unit=_VALUE),
    Column("duty_rate", "number", "part of the duty rate", unit=_VALUE),
    Column(
        "amount",
        "number",
        "value · rate; null where the shipment has no value",
        unit="money a year",
        gaps=True,
    ),
)

TOTALS: tuple[Column, ...] = (
    Column("KEY", "text", "one column for each key that was asked for"),
    Column("amount", "number", "Σ value · rate over the shipments with a value", unit="money a year"),
    Column("exporter_amount", "number", "Σ value · exporter_rate", unit="money a year"),
    Column("duty", "number", "Σ value · duty_rate: amount + exporter_amount", unit="money a year"),
)

_OWNER = Column("country", "country", "whose value added it is; or nationality, or firm, as asked for")
_EXPOSURE_KEYS = (
    Column("via", "country", "country that the goods are shipped from at the border that charges"),
    Column("importer", "country", "country that charges"),
)

EXPOSURE: tuple[Column, ...] = (
    Column("shipment", "id", "id of the shipment"),
    _OWNER,
    *_EXPOSURE_KEYS,
    Column("rate", "number", "duty that falls on it; rates of a shipment add up to its effective rate", unit=_VALUE),
    Column("flagged", "number", "part of `rate` spread over the whole good, the graph showing no kind", unit=_VALUE),
    Column("taxed", "number", "its value added that is charged at these borders, once at each", unit=_VALUE),
    Column("value_added", "number", "its value added in all of the good", unit=_VALUE),
    Column("amount", "number", "value · rate; null where there is no value", unit="money a year", gaps=True),
    Column("taxed_amount", "number", "value · taxed", unit="money a year", gaps=True),
)

EXPOSURE_TOTALS: tuple[Column, ...] = (
    _OWNER,
    *_EXPOSURE_KEYS,
    Column("amount", "number", "Σ value · rate over the shipments with a value", unit="money a year"),
    Column("flagged_amount", "number", "Σ value · flagged", unit="money a year"),
    Column("taxed_amount", "number", "Σ value · taxed", unit="money a year"),
)

AVERAGES: tuple[Column, ...] = (
    Column("KEY", "text", "one column for each key that was asked for"),
    Column("shipments", "number", "how many shipments count: those with a value, or all if none has one"),
    Column(
        "value",
        "number",
        "untaxed customs value of the shipments, the denominator; null where none has one",
        unit="money a year",
        gaps=True,
    ),
    *(
        Column(one.name, "number", f"average of: {one.meaning}", unit=one.unit, gaps=True)
        for one in SHIPMENT_RESULTS
        if one.name.endswith("_rate")
    ),
    Column("duty", "number", "duty in money; null if no shipment has a value", unit="money a year", gaps=True),
)

LEAVE_ONE_OUT: tuple[Column, ...] = (
    Column("shipment", "id", "id of the shipment"),
    Column("KEY", "text", "the measure, action or authority that is left out"),
    Column("rate", "number", "its part of the effective rate", unit=_VALUE),
    Column("effective_rate", "number", "effective rate under the law as it is", unit=_VALUE),
    Column("rate_without", "number", "effective rate under the law as it would then stack", unit=_VALUE),
    Column("change", "number", "rate_without − effective_rate", unit=_VALUE),
    Column(
        "amount_change",
        "number",
        "value · change; null where the shipment has no value",
        unit="money a year",
        gaps=True,
    ),
)

CROSSINGS: tuple[Column, ...] = (
    Column("id", "id", "id of the input or shipment"),
    Column("kind", "text", "input or shipment"),
    Column("supplier", "stage", "the stage that sells"),
    Column("user", "stage", "the stage that buys; null for a shipment", gaps=True),
    Column("exporter", "country", "country that the goods are shipped from"),
    Column("importer", "country", "country that charges"),
    Column("origin", "country", "customs origin of the goods"),
    Column("product", "product", "product that crosses the border"),
    Column("claimed", "word", "preference that is claimed; null for none", gaps=True),
    Column("qualifies", "flag", "whether the good qualifies for it; null where nothing is claimed", gaps=True),
    Column("program", "word", "preference that counts: the one claimed, where the good qualifies", gaps=True),
    Column("declares", "declarations", "declarations made at the border; null for none", gaps=True),
    Column("share", "number", "cost of the input; null for a shipment", unit="share of the user's output value"),
    Column("statutory_rate", "number", "all measures at this border", unit=_CUSTOMS),
    Column("border_rate", "number", "what this border alone adds to the buyer's price", unit="share of the price"),
    Column("price", "number", "price before this border", unit=_GOOD),
    Column("customs_value", "number", "what the duty is charged on: p (1 + φτ)/(1 + τ)", unit=_GOOD),
    Column("duty", "number", "duty collected, after drawback", unit=_GOOD),
    Column(
        "total_value",
        "number",
        "untaxed value that crosses here in all shipments with a value; null at a last border without one",
        unit="money a year",
        gaps=True,
    ),
    Column("total_customs_value", "number", "total_value · customs_value", unit="money a year", gaps=True),
    Column("total_duty", "number", "total_value · duty", unit="money a year", gaps=True),
)

CLAIMS: tuple[Column, ...] = (
    Column("id", "id", "id of the input or shipment that claims"),
    Column("program", "word", "preference that is claimed"),
    Column("product", "product", "product that crosses the border"),
    Column("qualifies", "flag", "whether the good qualifies"),
    Column("by_rule", "flag", "whether a rule of origin says so; a claim without a rule is taken as declared"),
    Column("test", "text", "what the rule asks; null without a rule", gaps=True),
    Column("value", "number", "what the test that comes nearest finds", unit="share", gaps=True),
    Column("needed", "number", "what it asks for", unit="share", gaps=True),
    Column("missed_by", "number", "by how much it is missed", unit="share", gaps=True),
    Column("reason", "text", "how the claim was judged"),
)

_OF_GOOD = "share of the final good's untaxed value"

PATHS: tuple[Column, ...] = (
    Column("rank", "number", "place in the order, from 1"),
    Column("path", "text", "the stages from the border that charges to the final good; of a last border to the market"),
    Column("stages", "text", "the same stages as a list"),
    Column("inputs", "text", "ids of the inputs that the path follows, as a list; empty for the last border"),
    Column("crossing", "id", "id of the input or shipment whose border charges"),
    Column("exporter", "country", "country that the goods are shipped from"),
    Column("importer", "country", "country that charges"),
    Column("length", "number", "inputs that the path follows, the one that is charged among them"),
    Column("depth", "number", "borders still to be passed on the way to the market"),
    Column("weight", "number", "shares multiplied: what is charged, untaxed", unit=_OF_GOOD),
    Column("price", "number", "price before the border that charges", unit="per unit of untaxed value"),
    Column("border_rate", "number", "what that border adds to the buyer's price", unit="share of the price"),
    Column("rate", "number", "weight · price · border_rate, a part of the effective rate", unit=_VALUE),
    Column("cumulative", "number", "rates of this path and of those before it", unit=_VALUE),
    Column("amount", "number", "value · rate; null where the shipment has no value", unit="money a year", gaps=True),
)

_PER = "money, value or 1,000"
_BORDER = Column("border", "number", "number of the border; null: all that are not set out", gaps=True)
_CROSSING = Column("crossing", "id", "id of the input or shipment whose border it is", gaps=True)
_SPLIT = (
    Column("rate", "number", "part of the effective rate; they add up to it", unit=_OF_GOOD),
    Column("exporter_rate", "number", "part of the exporter rate", unit=_OF_GOOD),
    Column("duty_rate", "number", "part of the duty rate", unit=_OF_GOOD),
    Column("amount", "number", "rate times what money is per: the value, or 1,000 where none is stated", unit=_PER),
)

EXPLAINED_SUMMARY: tuple[Column, ...] = (
    Column("item", "text", "statutory, border, embedded, compounding, effective, exporter's part, duty collected"),
    Column("rate", "number", "the rate", unit=_OF_GOOD),
    Column("amount", "number", "rate times what money is per", unit=_PER),
    Column("how", "text", "its arithmetic"),
)

EXPLAINED_BORDERS: tuple[Column, ...] = (
    _BORDER,
    _CROSSING,
    Column("kind", "text", "input or shipment", gaps=True),
    Column("supplier", "stage", "the stage that sells", gaps=True),
    Column("user", "stage", "the stage that buys; null for a shipment", gaps=True),
    Column("exporter", "country", "country that the goods are shipped from", gaps=True),
    Column("importer", "country", "country that charges", gaps=True),
    Column("origin", "country", "customs origin of the goods", gaps=True),
    Column("product", "product", "product that crosses the border", gaps=True),
    Column("crossings", "number", "how many borders the row stands for"),
    Column("weight", "number", "what crosses, untaxed, over all chains", unit=_OF_GOOD, gaps=True),
    Column("price", "number", "price before this border", unit="per unit of untaxed value", gaps=True),
    Column("customs_value", "number", "what the duty is charged on", unit=_OF_GOOD, gaps=True),
    Column("pass_through", "number", "part of the duty in the buyer's price", unit="share of the duty", gaps=True),
    Column("drawback", "number", "part of the duty that is refunded", unit="share of the duty", gaps=True),
    Column("statutory_rate", "number", "all measures at this border", unit=_CUSTOMS, gaps=True),
    Column("border_rate", "number", "what this border adds to the buyer's price", unit="share of the price", gaps=True),
    *_SPLIT,
)

EXPLAINED_FACTS: tuple[Column, ...] = (
    _BORDER,
    Column("fact", "text", "what is told"),
    Column("value", "text", "what it is"),
    Column("why", "text", "why it is so, or how it was found", gaps=True),
)

EXPLAINED_LINES: tuple[Column, ...] = (
    _BORDER,
    _CROSSING,
    Column("importer", "country", "country that charges", gaps=True),
    Column("entry", "text", "which part of the flow, where it is several entries", gaps=True),
    Column("measure", "id", "id of the measure, or of the credit"),
    Column("action", "id", "programme under the law that the measure belongs to"),
    Column("authority", "text", "the law"),
    Column("status", "text", "charged, free, covered, excluded, replaced, not-applicable, not-in-force or credit"),
    Column("charged_on", "text", "what is charged, in words; null where nothing is", gaps=True),
    Column("base", "number", "part of the value that is charged", unit=_CUSTOMS, gaps=True),
    Column("says", "text", "the rate in the words of the law", gaps=True),
    Column("ad_valorem", "number", "the rate on the base", unit="share of the base", gaps=True),
    Column("statutory_rate", "number", "base · ad_valorem · part of the flow", unit=_CUSTOMS, gaps=True),
    *_SPLIT,
    Column("reason", "text", "why the measure does not apply, or what else is to be said", gaps=True),
    Column("source", "text", "source of the row that applied", gaps=True),
    Column("published", "date", "when it was published", gaps=True),
)

EXPLAINED_ORIGIN: tuple[Column, ...] = (
    _BORDER,
    _CROSSING,
    Column("program", "word", "preference that is claimed; null for an origin by tariff shift", gaps=True),
    Column("line", "number", "line of the worksheet"),
    Column("depth", "number", "level of materials, 0 those of the good"),
    Column("stage", "stage", "stage whose good is looked at"),
    Column("input", "id", "id of the input", gaps=True),
    Column("supplier", "stage", "stage that makes the material, or adds the value", gaps=True),
    Column("product", "product", "what it makes", gaps=True),
    Column("country", "country", "where; under tariff shift the origin of the input", gaps=True),
    Column("share", "number", "share of the good of `stage`", gaps=True),
    Column("share_of_good", "number", "share of the good that crosses", gaps=True),
    Column("status", "text", "value added, originating, non-originating, total, passed, failed, or the result"),
    Column("why", "text", "why"),
    Column("value", "number", "what a test finds", unit="share", gaps=True),
    Column("needed", "number", "what it asks for", unit="share", gaps=True),
    Column("missed_by", "number", "by how much it is missed", unit="share", gaps=True),
)

EXPLAINED_CONTENT: tuple[Column, ...] = (
    _BORDER,
    _CROSSING,
    Column("kind", "id", "kind of content"),
    Column("status", "text", "input, value added or sum"),
    Column("supplier", "text", "stage that makes the input, or how many more inputs there are", gaps=True),
    Column("product", "product", "what it makes", gaps=True),
    Column("share", "number", "share of the good that crosses", gaps=True),
    Column("content", "number", "content of the kind in the input", unit="share of the input", gaps=True),
    Column("part", "number", "share · content; of the sum, the content", unit="share of the good"),
    Column("why", "text", "what else is to be said", gaps=True),
)

#: Attributes that ``result.to_networkx()`` puts on nodes and edges; reading the graph back leaves them out.
RESULTS_ON_GRAPH = (
    "price",
    "excess_price",
    "borne_by_sellers",
    "duty_collected",
    "statutory_rate",
    "border_rate",
)

DUTY_LINES: tuple[Column, ...] = (
    Column("measure", "id", "id of the measure"),
    Column("authority", "text", "the law"),
    Column("action", "id", "programme under the law"),
    Column("base", "number", "part of the value that the measure charges", unit="share of the customs value"),
    Column("rate", "number", "rate charged on the base", unit="share of the base"),
    Column("duty", "number", "value · base · rate", unit="money"),
    Column("status", "text", "whether the measure applies"),
    Column("reason", "text", "why it applies or does not"),
)

DUTY_BY: tuple[Column, ...] = (
    Column("action", "id", "programme under the law"),
    Column("duty", "number", "duty under it, zeros included", unit="money"),
    Column("rate", "number", "duty over the customs value", unit=_CUSTOMS),
)

_KEY = Column("KEY", "text", "one column for each key that was asked for")
_EITHER = "null where the shipment is in the other graph only"

COMPARISON: tuple[Column, ...] = (
    Column("shipment", "id", "id of the shipment"),
    _KEY,
    Column("rate_before", "number", f"part of the effective rate before; {_EITHER}", unit=_VALUE, gaps=True),
    Column("rate_after", "number", f"part of the effective rate after; {_EITHER}", unit=_VALUE, gaps=True),
    Column("change", "number", "after − before; changes of a shipment add up to its own", unit=_VALUE, gaps=True),
    Column("duty_rate_change", "number", "change of the part of the duty rate", unit=_VALUE, gaps=True),
    Column(
        "amount_change",
        "number",
        "change of value · rate; null without a value, or in different currencies",
        unit="money a year",
        gaps=True,
    ),
)

DUTY_COMPARISON: tuple[Column, ...] = (
    _KEY,
    Column("duty_before", "number", "duty before", unit="money"),
    Column("duty_after", "number", "duty after", unit="money"),
    Column("change", "number", "duty after − before", unit="money"),
    Column("rate_before", "number", "duty over the customs value before", unit=_CUSTOMS),
    Column("rate_after", "number", "duty over the customs value after", unit=_CUSTOMS),
    Column("rate_change", "number", "rate after − before", unit=_CUSTOMS),
)

SWEEP: tuple[Column, ...] = (
    Column("scenario", "number", "number of the scenario, from 0"),
    Column("KEY", "text", "one column for each key: what is set, a number if all are; null: as it is", gaps=True),
    *SHIPMENT_RESULTS,
)

_SHIPMENT = Column("shipment", "id", "id of the shipment; for a graph only")

TIMELINE_STEPS: tuple[Column, ...] = (
    _SHIPMENT,
    Column("date", "date", "first day of the rate; null in a first row: from the beginning", gaps=True),
    Column("until", "date", "first day of the next rate; null: still so", gaps=True),
    Column("rate", "number", "effective rate, or rate of an entry; null: not admitted", unit=_VALUE, gaps=True),
    Column("change", "number", "rate less the rate before", unit=_VALUE, gaps=True),
    Column("duty", "number", "duty; for an entry only", unit="money", gaps=True),
    Column("because", "text", "what changed it, in words"),
)

TIMELINE_CHANGES: tuple[Column, ...] = (
    _SHIPMENT,
    Column("date", "date", "first day of the change"),
    Column("measure", "id", "id of the measure"),
    Column("action", "id", "programme under the law that the measure belongs to; null for a credit", gaps=True),
    Column("rate_before", "number", "part of the rate before; null: not admitted", unit=_VALUE, gaps=True),
    Column("rate_after", "number", "part of the rate after; null: not admitted", unit=_VALUE, gaps=True),
    Column("change", "number", "after − before", unit=_VALUE, gaps=True),
    Column("because", "text", "why, in words"),
    Column("source", "text", "source of the row or relation that made the change; null for none", gaps=True),
    Column("published", "date", "when it was published", gaps=True),
)

_OF_STAGE = Column("stage", "stage", "the stage")

MEASURE_OF_STAGES: tuple[Column, ...] = (
    _OF_STAGE,
    Column("value", "number", "the measure; null where it is not defined", gaps=True),
)

PRODUCTION_LENGTH: tuple[Column, ...] = (
    _OF_STAGE,
    Column("value", "number", "1 + domestic + cross_border: the downstreamness", unit="stages"),
    Column("domestic", "number", "purchases inside a country on the way", unit="purchases"),
    Column("cross_border", "number", "purchases across a border on the way: border crossings", unit="purchases"),
)

VALUE_ADDED_ORIGIN: tuple[Column, ...] = (
    _OF_STAGE,
    Column("country", "country", "the country that adds"),
    Column("share", "number", "what it adds to the good, anywhere up the chain; sums to 1 by stage", unit=_VALUE),
)

TIERS: tuple[Column, ...] = (
    _OF_STAGE,
    Column("tier", "text", "how many purchases upstream the duty is paid: 1 to 10, and 10+"),
    Column("value", "number", "part of the linear cumulative tariff; adds up to it by stage", unit=_VALUE),
)

MAGNIFICATION: tuple[Column, ...] = (
    _OF_STAGE,
    Column(
        "value",
        "number",
        "cumulative_tariff / domestic_value_added; null where nothing is added at home",
        unit="per unit of domestic value added",
        gaps=True,
    ),
    Column("cumulative_tariff", "number", "linear cumulative tariff", unit=_VALUE),
    Column("domestic_value_added", "number", "value added in the stage's own country", unit=_VALUE),
)

PROTECTION: tuple[Column, ...] = (
    _OF_STAGE,
    Column("value", "number", "(nominal_rate − input_tariffs) / value_added", unit="share of value_added", gaps=True),
    Column(
        "nominal_rate",
        "number",
        "average rate on competing imports of the stage's product; null where the graph shows none",
        unit=_VALUE,
        gaps=True,
    ),
    Column("input_tariffs", "number", "rates on traded inputs, weighted by their shares", unit=_VALUE),
    Column("value_added", "number", "the stage's own; by Corden with that in non-traded inputs", unit=_VALUE),
)

INPUT_TARIFF_EXPOSURE: tuple[Column, ...] = (
    _OF_STAGE,
    Column("value", "number", "duties on what the stage itself buys", unit=_VALUE),
    Column(
        "average_rate",
        "number",
        "the same over the cost of all its inputs; null where it buys nothing",
        unit="share of the inputs' untaxed cost",
        gaps=True,
    ),
)

DERIVATIVES: tuple[Column, ...] = (
    Column("stage", "stage", "the stage that makes the final good"),
    Column("crossing", "id", "id of the input or shipment whose rate moves"),
    Column("value", "number", "change of the final price for a change of the rate", unit="price per unit of rate"),
)
