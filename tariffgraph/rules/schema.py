"""The shape of rule set files: which keys there are and what they hold; the JSON Schema for editors comes from it.

Values are typed here (dates, fractions, products, rates); whether a name is known is asked later, over all the rule
sets together (:mod:`.checks`). Every problem is put in our words where it arises, with the keys that would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from ..codes import CodeProblem, parse_date, parse_identifier, parse_number, parse_product
from ..errors import Finding, RulesError, nearest, suggestion, visible
from .measure import Products, Reach
from .rate import CUSTOMS_VALUE, AdValorem, Base, Compound, Ends, QuotaRate, Rate, ScheduleRate, TopUpTo, VariedRate
from .rate_text import parse_fraction, parse_rate_text
from .rule_set import ListLine
from .yaml_text import MOST_PROBLEMS, Place, place_of

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler, ModelWrapValidatorHandler

    from .origin_rule import Level, Method

__all__ = [
    "AddKeys",
    "BaseRowKeys",
    "ConditionKeys",
    "ContentKindKeys",
    "CreditKeys",
    "MeasureKeys",
    "OverlayKeys",
    "PartKeys",
    "ProgramKeys",
    "RateRowKeys",
    "RelationKeys",
    "RuleSetKeys",
    "SetKeys",
    "rules_json_schema",
    "validate",
]

#: keys that a message lists, rather than counts
MOST_KEYS_LISTED = 20
#: groups, or regions, of one file
MOST_PLACES = 1000
#: unknown keys of one table that are named one by one
MOST_UNKNOWN_KEYS = 100

Keys = TypeVar("Keys", bound="KeysOfTable")
Parsed = TypeVar("Parsed")


# --- problems in our words ------------------------------------------------------------------------------


#: problems found by the running `validate`; after MOST_PROBLEMS the rest is passed over unread
_found: ContextVar[list[int]] = ContextVar("_found", default=[0])  # noqa: B039


def _enough() -> bool:
    return _found.get()[0] >= MOST_PROBLEMS


def _problem(message: str, remedy: str = "", *, at_key: bool = False, check: str = "value") -> PydanticCustomError:
    _found.get()[0] += 1
    context = {"message": message, "remedy": remedy, "at_key": at_key, "check": check}
    return PydanticCustomError("problem", "{message}", context)


def _error(problem: PydanticCustomError, *loc: str | int) -> InitErrorDetails:
    return InitErrorDetails(type=problem, loc=loc, input=None)


def _several(title: str, errors: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data(title, errors)


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return f"'{visible(value)}'" if value else "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence):
        return "a list"
    return f"'{visible(str(value))}'"


def _in_our_words(error: Any, keys: type[KeysOfTable]) -> PydanticCustomError:
    """Return one error of pydantic's as a problem of ours, for the table that ``keys`` describes."""
    kind, loc = error["type"], error["loc"]
    if kind == "problem":
        return PydanticCustomError("problem", "{message}", error["ctx"])
    if kind == "extra_forbidden":
        name = str(loc[-1])
        return _problem(
            f"unknown key '{visible(name)}'",
            _known_keys(name, keys),
            at_key=True,
            check="unknown-key",
        )
    if kind == "missing":
        return _problem(f"'{loc[-1]}' is missing", f"Write {loc[-1]}: ...", check="missing")
    wanted = {"list_type": "a list", "dict_type": "a mapping", "string_type": "text"}.get(kind, "")
    if wanted:
        return _problem(f"{wanted} is expected here, not {_kind_of(error['input'])}", f"Write {wanted}.")
    return _problem(str(error["msg"]))


def _known_keys(name: str, keys: type[KeysOfTable]) -> str:
    """Return the remedy for an unknown key: the nearest one, or those that there are when they are few."""
    known = keys.known_keys()
    if nearest(name, known) is None and len(known) <= MOST_KEYS_LISTED:
        return f"Known keys: {', '.join(known)}."
    return suggestion(name, known, "keys")


def _each(value: object, parse: Callable[[Any], Parsed], *, single: bool = True) -> list[Parsed]:
    """Return every item of the list parsed; ``single``: one value stands for a list of one."""
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        parsed: list[Parsed] = []
        errors: list[InitErrorDetails] = []
        for at, item in enumerate(items):
            if _enough():
                break
            try:
                parsed.append(parse(item))
            except PydanticCustomError as problem:
                errors.append(_error(problem, at))
            except ValidationError as problem:
                errors += [
                    _error(PydanticCustomError("problem", "{message}", one["ctx"]), at, *one["loc"])
                    for one in problem.errors(include_url=False, include_input=False)
                ]
        if errors:
            raise _several("list", errors)
        return parsed
    if not single:
        raise _problem(f"a list is expected here, not {_kind_of(value)}", "Write a list, as in [8703.23, 8704].")
    return [parse(value)]


# --- values -------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _problem(f"text is expected here, not {_kind_of(value)}")


def _identifier(value: object) -> str:
    try:
        name = parse_identifier(_text(value))
    except CodeProblem as problem:
        raise _problem(problem.message, problem.remedy) from None
    return name


def _measure_name(value: object) -> str:
    name = _identifier(value)
    for mark in "@=;":
        if mark in name:
            raise _problem(
                f"'{visible(name)}' holds '{mark}', which --set and tables read in their own way", "Take it out."
            )
    return name


def _declaration(value: object) -> str:
    name = _identifier(value)
    if ";" in name:
        raise _problem(f"'{visible(name)}' holds ';', which separates declarations", "Write them as a list.")
    return name


def _date(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return parse_date(_text(value))
    except CodeProblem as problem:
        raise _problem(problem.message, problem.remedy, check="date") from None


def _number(value: object) -> float | None:
    """Return a Python number as a fraction of any size; None for anything else."""
    if isinstance(value, (str, bytes, bool, Mapping, list, tuple)) or not hasattr(value, "__float__"):
        return None
    number = float(value)
    if not math.isfinite(number):
        raise _problem(f"{number} is not a finite number")
    if number < 0:
        raise _problem(f"{number!r} is below 0", "A rate is 0 or more.")
    return number


def _fraction(value: object) -> float:
    number = _number(value)
    if number is not None:
        return number
    try:
        return parse_fraction(_text(value))
    except CodeProblem as problem:
        raise _problem(problem.message, problem.remedy, check="rate") from None


def _part_of_one(value: object) -> float:
    fraction = _fraction(value)
    if fraction > 1:
        raise _problem(f"{_kind_of(value)} is above 1", "Write a part of the value, from 0% to 100%.")
    return fraction


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise _problem(f"{_kind_of(value)} is neither true nor false", "Write true or false.")


def _product(value: object) -> str:
    try:
        return parse_product(_text(value))
    except CodeProblem as problem:
        raise _problem(problem.message, problem.remedy, check="product") from None


def _names(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_each(value, _identifier)))


def _measure_names(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_each(value, _measure_name)))


def _declarations(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_each(value, _declaration)))


def _list_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, Mapping) or list(value) != ["list"]:
        found = (
            f"the keys {', '.join(visible(str(key)) for key in value)}"
            if isinstance(value, Mapping)
            else _kind_of(value)
        )
        raise _problem(f"a product or a list is expected here, not {found}", "Write 8703.23 or {list: NAME}.")
    return _names(value["list"])


def _products(value: object) -> Products:
    if isinstance(value, Products):
        return value

    def one(item: object) -> tuple[str, tuple[str, ...]]:
        if isinstance(item, Mapping):
            return "", _list_names(item)
        return _product(item), ()

    parsed = _each(value, one)
    return Products(
        tuple(dict.fromkeys(product for product, _ in parsed if product)),
        tuple(dict.fromkeys(name for _, names in parsed for name in names)),
    )


def _form(value: Mapping[Any, Any], forms: Mapping[str, type[KeysOfTable]], what: str, write: str) -> KeysOfTable:
    """Return the mapping read as the form that its telling key names (``top_up_to``, ``content`` ...)."""
    for key, keys in forms.items():
        if key in value:
            return keys.model_validate(value)
    name = str(next(iter(value), ""))
    raise _several(
        what,
        [
            _error(
                _problem(
                    f"unknown key '{visible(name)}'" if name else f"an empty mapping is no {what}",
                    suggestion(name, list(forms), "keys") if name else write,
                    at_key=True,
                    check="unknown-key",
                ),
                *([name] if name else []),
            )
        ],
    )


def _rate(value: object) -> Rate:
    if isinstance(value, (AdValorem, Compound, Ends, QuotaRate, TopUpTo, ScheduleRate, VariedRate)):
        return value
    if isinstance(value, Mapping):
        forms: dict[str, type[KeysOfTable]] = {
            "top_up_to": TopUpToKeys,
            "schedule": ScheduleRateKeys,
            "quota": QuotaRateKeys,
        }
        form = _form(value, forms, "rate", "Write 25%.")
        if isinstance(form, TopUpToKeys):
            return TopUpTo(form.top_up_to)
        if isinstance(form, QuotaRateKeys):
            return QuotaRate(form.quota.name, form.in_quota, form.over_quota, form.quota.quantity, form.quota.unit)
        assert isinstance(form, ScheduleRateKeys)  # noqa: S101
        return ScheduleRate(form.schedule, form.column)
    if isinstance(value, (list, tuple)):
        raise _problem("a rate is expected here, not a list", "Write 25%, free, ends or {top_up_to: 15%}.")
    number = _number(value)
    if number is not None:
        return AdValorem(number)
    try:
        return parse_rate_text(_text(value))
    except CodeProblem as problem:
        raise _problem(problem.message, problem.remedy, check="rate") from None


def _duty(value: object) -> AdValorem | Compound:
    rate = _rate(value)
    if isinstance(rate, (AdValorem, Compound)):
        return rate
    raise _problem(f"{_kind_of(value)} is no duty", "Write a rate, as in 25%, free or 4.4 cents/kg.", check="rate")


def _over_quota(value: object) -> AdValorem | Compound | None:
    return None if value is None or value == "refused" else _duty(value)


def _quantity(value: object) -> float:
    number = _number(value)
    if number is None:
        try:
            number = parse_number(_text(value))
        except CodeProblem as problem:
            raise _problem(problem.message, problem.remedy, check="quota") from None
    if number > 0 and math.isfinite(number):
        return number
    raise _problem(f"{_kind_of(value)} is no quantity", "Write a number above 0.", check="quota")


def _reach(value: object) -> Reach:
    if isinstance(value, Reach):
        return value
    if isinstance(value, Mapping):
        keys = ReachKeys.model_validate(value)
        return Reach(keys.all, keys.in_)
    return Reach(_identifier(value))


def _base(value: object) -> Base:
    if isinstance(value, Base):
        return value
    if isinstance(value, Mapping):
        form = _form(
            value,
            {"content": ContentBaseKeys, "without": WithoutBaseKeys},
            "base",
            "Write customs-value or {content: KIND}.",
        )
        if isinstance(form, ContentBaseKeys):
            return Base("content", form.content, form.unknown)
        assert isinstance(form, WithoutBaseKeys)  # noqa: S101
        return Base("without", form.without, at_most=form.at_most)
    if value == "customs-value":
        return CUSTOMS_VALUE
    raise _problem(
        f"{_kind_of(value)} is not a base", "Write customs-value, {content: KIND} or {without: KIND}.", check="base"
    )


def _word(what: str, *known: str) -> Any:
    """Return the type of a text that is one of a few words."""

    def parse(value: object) -> str:
        if value in known:
            return str(value)
        raise _problem(f"{_kind_of(value)} is no {what}", suggestion(str(value), known, "words"))

    return Annotated[str, PlainValidator(parse), WithJsonSchema({"enum": list(known)})]


def _list_line(value: object) -> ListLine:
    if isinstance(value, ListLine):
        return value
    if isinstance(value, Mapping):
        keys = ListLineKeys.model_validate(value)
        return ListLine(keys.product, keys.from_, keys.until, keys.published or keys.from_)
    return ListLine(_product(value))


def _list_lines(value: object) -> tuple[ListLine, ...]:
    return () if value in ("", None) else tuple(_each(value, _list_line))


def _codes(value: object) -> tuple[str, ...]:
    return tuple(_each(value, _product))


def _columns(value: object) -> str:
    name = _identifier(value)
    return name.casefold() if name.casefold() in {"general", "column 2"} else name


def _one_row(key: str) -> Callable[[object], object]:
    def as_rows(value: object) -> object:
        if isinstance(value, Mapping) and key in value:
            raise _problem("one row stands here without its list", f"Write {key}: [{{{key}: ...}}].")
        return list(value) if isinstance(value, (list, tuple)) else [{key: value}]

    return as_rows


def _empty(kind: type[Any]) -> Callable[[object], object]:
    def or_nothing(value: object) -> object:
        return kind() if value in ("", None) else list(value) if isinstance(value, tuple) else value

    return or_nothing


def _few_places(value: object) -> object:
    if isinstance(value, Mapping) and len(value) > MOST_PLACES:
        raise _problem(f"{len(value):,} names stand here, more than {MOST_PLACES:,}", "Keep those in use.")
    return value


# --- types: how a value is read, and what the JSON Schema says of it --------------------------------------


class _Or:
    """Adds a form to the JSON Schema of a type: one value where a list is read, for example."""

    def __init__(self, **schema: Any) -> None:
        self.schema = schema

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [self.schema, handler(core_schema)]}


_NAMES_JSON = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_CODE_JSON = {"type": ["string", "number"], "description": "HS code, or a code of another nomenclature with its prefix"}
_FRACTION_JSON = {"type": ["string", "number"], "description": "25% or 0.25"}
_DATE_JSON = {"type": "string", "format": "date"}
_LIST_JSON = {
    "type": "object",
    "properties": {"list": _NAMES_JSON},
    "required": ["list"],
    "additionalProperties": False,
}
_PRODUCTS_JSON = {
    "anyOf": [_CODE_JSON, _LIST_JSON, {"type": "array", "items": {"anyOf": [_CODE_JSON, _LIST_JSON]}}],
    "description": "HS prefixes, {list: NAME}, or a list of both",
}
_DUTY_JSON = {"type": ["string", "number"], "description": "25%, 0.25, free, 4.4 cents/kg; over a quota: refused"}
_RATE_JSON = {
    "anyOf": [
        {"type": ["string", "number"], "description": "25%, 0.25, free, ends, 4.4 cents/kg, 2.5% + 4.4 cents/kg"},
        {
            "type": "object",
            "properties": {"top_up_to": _FRACTION_JSON},
            "required": ["top_up_to"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"schedule": {"type": "string"}, "column": {"type": "string"}},
            "required": ["schedule"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "quota": {
                    "anyOf": [
                        {"type": "string"},
                        {
                            "type": "object",
                            "properties": {
                                "name": {"type": "string"},
                                "quantity": {"type": ["string", "number"]},
                                "unit": {"type": "string"},
                            },
                            "required": ["name"],
                            "additionalProperties": False,
                        },
                    ]
                },
                "in_quota": _DUTY_JSON,
                "over_quota": _DUTY_JSON,
            },
            "required": ["quota", "in_quota"],
            "additionalProperties": False,
        },
    ]
}
_BASE_JSON = {
    "anyOf": [
        {"const": "customs-value"},
        {
            "type": "object",
            "properties": {"content": {"type": "string"}, "unknown": {"enum": ["full", "zero"]}},
            "required": ["content"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"without": {"type": "string"}, "at_most": _FRACTION_JSON},
            "required": ["without"],
            "additionalProperties": False,
        },
    ]
}
_REACH_JSON = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"all": {"type": "string"}, "in": {"type": "string"}},
            "required": ["all", "in"],
            "additionalProperties": False,
        },
    ],
    "description": "a kind that some stage upstream is of, or {all: KIND, in: KIND2}",
}
_LINE_JSON = {
    "anyOf": [
        _CODE_JSON,
        {
            "type": "object",
            "properties": {
                "product": _CODE_JSON,
                "from": _DATE_JSON,
                "until": _DATE_JSON,
                "published": _DATE_JSON,
                "source": {"type": "string"},
                "note": {"type": "string"},
            },
            "required": ["product"],
            "additionalProperties": False,
        },
    ]
}

Text = Annotated[str, PlainValidator(_text), WithJsonSchema({"type": "string"})]
Name = Annotated[str, PlainValidator(_identifier), WithJsonSchema({"type": "string", "minLength": 1})]
MeasureName = Annotated[str, PlainValidator(_measure_name), WithJsonSchema({"type": "string", "minLength": 1})]
Names = Annotated[tuple[str, ...], PlainValidator(_names), WithJsonSchema(_NAMES_JSON)]
MeasureNames = Annotated[tuple[str, ...], PlainValidator(_measure_names), WithJsonSchema(_NAMES_JSON)]
Declarations = Annotated[tuple[str, ...], PlainValidator(_declarations), WithJsonSchema(_NAMES_JSON)]
Date = Annotated[date, PlainValidator(_date), WithJsonSchema(_DATE_JSON)]
Fraction = Annotated[float, PlainValidator(_fraction), WithJsonSchema(_FRACTION_JSON)]
PartOfOne = Annotated[float, PlainValidator(_part_of_one), WithJsonSchema(_FRACTION_JSON)]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
Code = Annotated[str, PlainValidator(_product), WithJsonSchema(_CODE_JSON)]
Codes = Annotated[tuple[str, ...], PlainValidator(_codes), WithJsonSchema({"type": "array", "items": _CODE_JSON})]
Scope = Annotated[Products, PlainValidator(_products), WithJsonSchema(_PRODUCTS_JSON)]
RateValue = Annotated[Rate, PlainValidator(_rate), WithJsonSchema(_RATE_JSON)]
BaseValue = Annotated[Base, PlainValidator(_base), WithJsonSchema(_BASE_JSON)]
Duty = Annotated[AdValorem | Compound, PlainValidator(_duty), WithJsonSchema(_DUTY_JSON)]
OverQuota = Annotated[AdValorem | Compound | None, PlainValidator(_over_quota), WithJsonSchema(_DUTY_JSON)]
Quantity = Annotated[float, PlainValidator(_quantity), WithJsonSchema({"type": ["string", "number"]})]
ReachValue = Annotated[Reach, PlainValidator(_reach), WithJsonSchema(_REACH_JSON)]
if TYPE_CHECKING:
    ContentMethod: TypeAlias = Literal["recursive", "residual"]
    OriginLevel: TypeAlias = Level
    OriginMethod: TypeAlias = Method
    Unknown: TypeAlias = Literal["full", "zero"]
else:
    ContentMethod = _word("method of content", "recursive", "residual")
    OriginLevel = _word("level of the Harmonized System", "chapter", "heading", "subheading")
    OriginMethod = _word("method of regional value content", "build-down", "build-up", "net-cost")
    Unknown = _word("way to charge an unknown content", "full", "zero")
Column = Annotated[str, PlainValidator(_columns), WithJsonSchema({"type": "string"})]
if TYPE_CHECKING:
    ListLines: TypeAlias = tuple[ListLine, ...]
else:  # pydantic need not look into the dataclass
    ListLines = Annotated[Any, PlainValidator(_list_lines), WithJsonSchema({"type": "array", "items": _LINE_JSON})]


# --- tables -------------------------------------------------------------------------------------------


class KeysOfTable(BaseModel):
    """A YAML mapping with known keys. ``place`` is where it begins (None for what Python gave)."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    _place: Place | None = PrivateAttr(default=None)

    @property
    def place(self) -> Place | None:
        """Where the table begins in its file."""
        return self._place

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys as written in files."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return what is wrong between keys that are each right: (key, problem)."""
        return []

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: Any, handler: ModelWrapValidatorHandler[Keys]) -> Keys:
        if _enough():
            unread: Keys = _unread(cls)
            return unread
        if not isinstance(value, Mapping):
            keys = ", ".join(cls.known_keys()[:3])
            raise _problem(f"a mapping is expected here, not {_kind_of(value)}", f"Write its keys ({keys} ...).")
        if len(value) > len(cls.model_fields) + MOST_UNKNOWN_KEYS:
            names = cls.known_keys()
            unknown = [visible(str(key)) for key in value if key not in names]
            raise _problem(
                f"{len(unknown):,} unknown keys, from '{unknown[0]}' to '{unknown[-1]}'",
                _known_keys("", cls),
                check="unknown-key",
            )
        try:
            table = handler(value if isinstance(value, dict) else dict(value))
        except ValidationError as error:
            raise _several(
                cls.__name__,
                [
                    _error(_in_our_words(one, cls), *one["loc"])
                    for one in error.errors(include_url=False)[:MOST_PROBLEMS]
                ],
            ) from None
        table._place = getattr(value, "place", None)
        problems = table.problems()
        if problems:
            raise _several(cls.__name__, [_error(problem, key) for key, problem in problems])
        return table


@cache
def _unread(keys: type[KeysOfTable]) -> Any:
    """Return what stands for a table that is passed over; nobody sees it, for problems were found before."""
    return keys.model_construct()


class TopUpToKeys(KeysOfTable):
    """``{top_up_to: 15%}``."""

    top_up_to: Fraction


class ScheduleRateKeys(KeysOfTable):
    """``{schedule: NAME}``, and the column where it is always the same one."""

    schedule: Name
    column: Column = ""


class QuotaKeys(KeysOfTable):
    """``{name: kr-steel, quantity: 2680000, unit: t}``."""

    name: Name
    quantity: Quantity | None = None
    unit: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a quantity of nothing, and a unit of no quantity."""
        if self.quantity is not None and not self.unit:
            return [("quantity", _problem("the quantity has no unit", "Write unit: t, kg or number."))]
        if self.quantity is None and self.unit:
            return [("unit", _problem("the unit has no quantity", "Write quantity, or leave the unit out."))]
        return []


class QuotaRateKeys(KeysOfTable):
    """``{quota: {name: kr-steel, ...}, in_quota: 0%, over_quota: 25%}``."""

    quota: Annotated[QuotaKeys, BeforeValidator(lambda value: {"name": value} if isinstance(value, str) else value)]
    in_quota: Duty
    over_quota: OverQuota = None


class ReachKeys(KeysOfTable):
    """``{all: KIND, in: KIND2}``."""

    all: Name
    in_: Name = Field(alias="in")


class ContentBaseKeys(KeysOfTable):
    """``{content: KIND, unknown: full}``."""

    content: Name
    unknown: Unknown = "full"


class WithoutBaseKeys(KeysOfTable):
    """``{without: KIND, at_most: 40%}``."""

    without: Name
    at_most: PartOfOne | None = None


class ListLineKeys(KeysOfTable):
    """A line of a product list with its dates."""

    product: Code
    from_: Date | None = Field(None, alias="from")
    until: Date | None = None
    published: Date | None = None
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a line that ends before it begins."""
        return _dates_in_order(self.from_, self.until)


class ThresholdKeys(KeysOfTable):
    """``{at_least: 20%}``: the only threshold, inclusive."""

    at_least: PartOfOne


def _dates_in_order(from_: date | None, until: date | None) -> list[tuple[str, PydanticCustomError]]:
    if from_ is None or until is None or from_ <= until:
        return []
    return [("until", _problem(f"{until} lies before from, {from_}", "Put the earlier day in 'from'.", check="dates"))]


class ConditionKeys(KeysOfTable):
    """The conditions: the same keys on measures, rows and relations."""

    #: whether an empty list is read, as taking the condition away
    may_be_empty: ClassVar[bool] = False

    products: Scope | None = None
    except_products: Scope | None = None
    origins: Names | None = None
    except_origins: Names | None = None
    exporters: Names | None = None
    nationality: Names | None = None
    importer: Names | None = None
    used_in: Scope | None = None
    program: Names | None = None
    declares: Declarations | None = None
    content: dict[str, ThresholdKeys] | None = None
    reach: ReachValue | None = None
    from_: Date | None = Field(None, alias="from")
    until: Date | None = None
    published: Date | None = None

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return dates out of order and conditions that are empty."""
        found = _dates_in_order(self.from_, self.until)
        if not self.may_be_empty:
            for name in self.model_fields_set & _CONDITIONS:
                if getattr(self, name) in ((), {}, Products()):
                    problem = _problem("the list is empty", "Leave the key out where there is no such condition.")
                    found.append((name, problem))
        return found


_CONDITIONS = frozenset(ConditionKeys.model_fields) - {"from_", "until", "published"}


class RateRowKeys(ConditionKeys):
    """A row of ``rate``."""

    rate: RateValue
    source: Text = ""
    note: Text = ""


class BaseRowKeys(ConditionKeys):
    """A row of ``base``."""

    base: BaseValue
    source: Text = ""
    note: Text = ""


RateRows = Annotated[list[RateRowKeys], BeforeValidator(_one_row("rate")), _Or(**_RATE_JSON)]
BaseRows = Annotated[list[BaseRowKeys], BeforeValidator(_one_row("base")), _Or(**_BASE_JSON)]


class RelationKeys(ConditionKeys):
    """A relation written inside a measure."""

    excludes: MeasureNames = ()
    covers: MeasureNames = ()
    replaces: MeasureNames = ()
    part: BaseValue | None = None
    even_if_free: Flag = False
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a relation that does nothing, and a part of nothing."""
        found = super().problems()
        if not (self.excludes or self.covers or self.replaces):
            found.append(
                (
                    "excludes",
                    _problem("the relation does nothing", "Write excludes, covers or replaces.", check="missing"),
                )
            )
        return found + _part_without_covers(self.part, self.covers)


def _part_without_covers(part: Base | None, covers: tuple[str, ...]) -> list[tuple[str, PydanticCustomError]]:
    if part is None or covers:
        return []
    return [("part", _problem("'part' says what 'covers' covers, and there is no 'covers'", "Write covers."))]


class RelationByKeys(RelationKeys):
    """A relation of the rule set: ``by`` names the measures that do it."""

    by: MeasureNames

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a relation by nobody."""
        empty = [("by", _problem("the list is empty", "Name the measures that do it."))] if not self.by else []
        return super().problems() + empty


Maybe = BeforeValidator(_empty(list))
MaybeTable = BeforeValidator(_empty(dict))
FewPlaces = BeforeValidator(_few_places)


class MeasureKeys(ConditionKeys):
    """A measure."""

    id: MeasureName
    name: Text = ""
    authority: Text = ""
    action: MeasureName | None = None
    rate: RateRows
    base: BaseRows = []
    excludes: MeasureNames = ()
    covers: MeasureNames = ()
    replaces: MeasureNames = ()
    part: BaseValue | None = None
    even_if_free: Flag = False
    relations: Annotated[list[RelationKeys], Maybe] = []
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a part of nothing, and ``even_if_free`` where nothing is excluded or covered."""
        found = super().problems() + _part_without_covers(self.part, self.covers)
        if not self.rate:
            found.append(("rate", _problem("the measure has no rate row", "Write rate: 25% or rows.", check="missing")))
        return found


class ContentKindKeys(KeysOfTable):
    """A kind of content: which stages it selects."""

    products: Scope | None = None
    except_products: Scope | None = None
    countries: Names | None = None
    except_countries: Names | None = None
    origins: Names | None = None
    except_origins: Names | None = None
    nationality: Names | None = None
    except_nationality: Names | None = None
    method: ContentMethod = "recursive"

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a kind that selects every stage."""
        if any(getattr(self, name) for name in type(self).model_fields if name != "method"):
            return []
        return [
            (
                "products",
                _problem("the kind has no condition and would select every stage", "Write products or countries."),
            )
        ]


class RegionalValueContentKeys(KeysOfTable):
    """``{method: build-up, at_least: 35%}``."""

    method: OriginMethod
    at_least: PartOfOne


class OriginTestKeys(KeysOfTable):
    """A test of preferential origin, or several joined by ``any`` or ``all``."""

    change_of: OriginLevel | None = None
    tolerance: PartOfOne | None = None
    regional_value_content: RegionalValueContentKeys | None = None
    declared: Declarations | None = None
    any: Annotated[list[OriginTestKeys], Maybe] = []
    all: Annotated[list[OriginTestKeys], Maybe] = []

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a rule that tests nothing."""
        if self.change_of or self.regional_value_content or self.declared or self.any or self.all:
            return []
        return [
            (
                "any",
                _problem(
                    "nothing is tested",
                    "Write change_of, regional_value_content, declared, any or all.",
                    check="missing",
                ),
            )
        ]


class OriginRuleKeys(OriginTestKeys):
    """The rule of origin of some products."""

    products: Scope | None = None
    except_products: Scope | None = None
    from_: Date | None = Field(None, alias="from")
    until: Date | None = None
    published: Date | None = None
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a rule that tests nothing, and dates out of order."""
        return super().problems() + _dates_in_order(self.from_, self.until)


class ProgramKeys(KeysOfTable):
    """A preference programme."""

    partners: Names = ()
    symbol: Text = ""
    declared: Declarations = ()
    origin: Annotated[list[OriginRuleKeys], Maybe] = []
    title: Text = ""
    source: Text = ""
    note: Text = ""


class CreditPlaceKeys(KeysOfTable):
    """Where a credit is earned: the products and the country of a stage, and whose it is."""

    products: Scope | None = None
    except_products: Scope | None = None
    importer: Names | None = None
    nationality: Names | None = None


class CreditKeys(KeysOfTable):
    """A row of credits."""

    id: MeasureName
    at: CreditPlaceKeys = CreditPlaceKeys()
    share: Fraction
    of: MeasureNames
    from_: Date | None = Field(None, alias="from")
    until: Date | None = None
    published: Date | None = None
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return dates out of order, and a credit of nothing."""
        empty = [] if self.of else [("of", _problem("the list is empty", "Name the measures whose duty is credited."))]
        return empty + _dates_in_order(self.from_, self.until)


class PartKeys(KeysOfTable):
    """A further file of a rule set's folder, or what an overlay adds."""

    groups: Annotated[dict[str, Names], MaybeTable, FewPlaces] = {}
    regions: Annotated[dict[str, Text], MaybeTable, FewPlaces] = {}
    content: Annotated[dict[str, ContentKindKeys], MaybeTable] = {}
    programs: Annotated[dict[str, ProgramKeys], MaybeTable] = {}
    programs_elsewhere: Annotated[
        list[Name], BeforeValidator(lambda value: _each(value, _identifier) if value else [])
    ] = []
    lists: Annotated[dict[str, ListLines], MaybeTable] = {}
    measures: Annotated[list[MeasureKeys], Maybe] = []
    relations: Annotated[list[RelationByKeys], Maybe] = []
    credits: Annotated[list[CreditKeys], Maybe] = []
    title: Text = ""
    source: Text = ""
    note: Text = ""


class RuleSetKeys(PartKeys):
    """The file of a rule set, or the one file of its folder that carries ``ruleset``."""

    ruleset: Name
    importer: Names = ()
    column_1: Text = ""
    complete_from: Date | None = None
    complete_until: Date | None = None

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return bounds between which there is no day."""
        from_, until = self.complete_from, self.complete_until
        if from_ is None or until is None or from_ < until:
            return []
        message = f"{until} is not after complete_from, {from_}"
        problem = _problem(message, "Write the first day that is no longer covered.", check="dates")
        return [("complete_until", problem)]


class SetKeys(ConditionKeys):
    """A change of a measure: a row is appended, or conditions are replaced (an empty one is taken away)."""

    may_be_empty = True

    measure: Name
    rate: RateValue | None = None
    base: BaseValue | None = None
    source: Text = ""
    note: Text = ""

    def problems(self) -> list[tuple[str, PydanticCustomError]]:
        """Return a change of nothing."""
        found = super().problems()
        if not self.model_fields_set - {"measure", "source", "note"}:
            found.append(
                ("measure", _problem("nothing is set", "Write a rate, a base or a condition.", check="missing"))
            )
        return found


AddKeys = Annotated[
    PartKeys,
    BeforeValidator(lambda value: {"measures": value} if isinstance(value, (list, tuple)) else value or {}),
]


class OverlayKeys(KeysOfTable):
    """A file that changes a rule set."""

    extends: Name
    title: Text = ""
    add: AddKeys = PartKeys()
    remove: MeasureNames = ()
    set: Annotated[list[SetKeys], Maybe] = []
    extend_lists: Annotated[dict[str, ListLines], MaybeTable] = {}
    remove_lists: Annotated[dict[str, Codes], MaybeTable] = {}
    source: Text = ""
    note: Text = ""


def validate(keys: type[Keys], tree: object, file: str = "") -> Keys:
    """Return ``tree`` typed as ``keys``; raise RulesError with every problem and its place in ``file``."""
    _found.set([0])
    try:
        return keys.model_validate(tree)
    except ValidationError as error:
        raise RulesError(
            [_finding(one, tree, file) for one in error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]]
        ) from None


def _finding(error: Any, tree: object, file: str) -> Finding:
    loc, context = error["loc"], error["ctx"]
    place, steps = place_of(tree, loc, key=context["at_key"])
    field = next((str(step) for step in reversed(loc) if isinstance(step, str)), "")
    if place is None:
        field = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc).lstrip(".")
    measure = ""
    if isinstance(tree, Mapping) and len(steps) > 1 and steps[0] == "measures":
        entry = tree["measures"][steps[1]]
        measure = str(entry.get("id", "")) if isinstance(entry, Mapping) else ""
    return Finding(
        context["message"],
        context["remedy"],
        check=context["check"],
        file=file,
        line=place[0] if place else None,
        column=place[1] if place else None,
        field=visible(field),
        measure=measure,
    )


def rules_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of rule set files, overlays and the further files of a folder, for editors."""
    schema = TypeAdapter(RuleSetKeys | OverlayKeys | PartKeys).json_schema(by_alias=True)
    add = schema["$defs"]["OverlayKeys"]["properties"]["add"]
    measures = schema["$defs"]["PartKeys"]["properties"]["measures"]
    schema["$defs"]["OverlayKeys"]["properties"]["add"] = {"anyOf": [add, measures]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tariffgraph rule set", **schema}
