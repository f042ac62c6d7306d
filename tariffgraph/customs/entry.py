"""Entry: the facts of one border crossing, as a declarant would state them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..codes import CodeProblem, parse_product
from ..errors import EntryError, Finding, visible
from ..frozen import FrozenMapping
from ..rules.rate import AdValorem, Compound
from ..rules.rate_text import parse_rate_text

__all__ = ["Entry", "parse_column_1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The facts of one crossing, as an importer declares them.

    ``product``: HS code; ``origin``: country of origin; ``value``: untaxed customs value in money. ``importer``
    defaults to the rule set's, ``exporter`` to the origin; an unknown ``nationality`` meets no condition on it.
    ``program`` is the preference claimed (taken as qualifying), ``utilization`` the part of the value that claims it.
    ``declares``: declarations, a sequence or text separated by ``;``. ``content``: share of the value by kind; an
    absent kind is unknown, a declared 0 is known. ``column_1``: the base rate where the caller knows it better than the
    schedule: a number or text applies as is, ``{"general": ..., "special": ...}`` uses special where one claims.

    Raises EntryError, all problems at once.
    """

    product: str
    origin: str
    value: float
    importer: str | None = None
    exporter: str | None = None
    nationality: str | None = None
    used_in: str | None = None
    program: str | None = None
    utilization: float = 1.0
    declares: tuple[str, ...] | Iterable[str] | str = ()
    content: Mapping[str, float] = FrozenMapping()
    quantity: float | None = None
    unit: str | None = None
    column_1: float | str | Mapping[str, float | str] | None = None

    def __post_init__(self) -> None:
        problems: list[Finding] = []

        def keep(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        def complain(name: str, message: str, remedy: str = "") -> None:
            problems.append(Finding(message, remedy, field=name, check="entry"))

        for name in ("product", "origin", "importer", "exporter", "nationality", "used_in", "program", "unit"):
            value = getattr(self, name)
            if value is None and name not in ("product", "origin"):
                continue
            if not isinstance(value, str):
                complain(name, f"{visible(repr(value))} is not text", "Write it as text, between quotes.")
            elif name in ("product", "used_in"):
                try:
                    keep(name, parse_product(value))
                except CodeProblem as problem:
                    complain(name, problem.message, problem.remedy)
        self._check_number(complain, keep, "value", 0.0, math.inf)
        self._check_number(complain, keep, "utilization", 0.0, 1.0)
        if self.quantity is not None:
            self._check_number(complain, keep, "quantity", 0.0, math.inf)
            if not self.unit:
                complain("unit", "a quantity has no unit", "Say in which unit, as in unit='kg'.")
        declared = self.declares.split(";") if isinstance(self.declares, str) else self.declares
        names = tuple(declared) if isinstance(declared, Iterable) else (declared,)
        if all(isinstance(name, str) for name in names):
            keep("declares", tuple(sorted({name.strip() for name in names if name.strip()})))
        else:
            complain("declares", f"{visible(repr(self.declares))} are no declarations", "Give their names as text.")
        content: dict[str, float] = {}
        if not isinstance(self.content, Mapping):
            complain(
                "content", f"{visible(repr(self.content))} is no mapping", 'Give shares by kind, as {"steel": 0.4}.'
            )
        for kind, share in self.content.items() if isinstance(self.content, Mapping) else ():
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share <= 1.0:
                complain(f"content.{kind}", f"{share!r} is not a share of the value", "Write a number from 0 to 1.")
            else:
                content[str(kind)] = float(share)
        keep("content", FrozenMapping(content))
        if isinstance(self.column_1, Mapping):
            keep("column_1", FrozenMapping(dict(self.column_1)))
        try:
            parse_column_1(self.column_1)
        except CodeProblem as problem:
            complain("column_1", problem.message, problem.remedy)
        if problems:
            raise EntryError(problems)

    def _check_number(self, complain: Any, keep: Any, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            complain(name, f"{visible(repr(value))} is not a number", "Write a number.")
        elif not (math.isfinite(float(value)) and low <= float(value) <= high):
            span = "0 or more" if high == math.inf else f"from {low:g} to {high:g}"
            complain(name, f"{float(value)!r} is out of range", f"Write a number {span}.")
        else:
            keep(name, float(value))


def parse_column_1(
    column_1: float | str | Mapping[str, float | str] | None,
) -> Mapping[str, AdValorem | Compound]:
    """Return the base rates that the caller states: ``{"general": ..., "special": ...}``, empty when none.

    A number or text applies as is, with a program or without. Raises CodeProblem.
    """
    if column_1 is None:
        return {}
    stated = column_1 if isinstance(column_1, Mapping) else {"general": column_1}
    unknown = set(stated) - {"general", "special"}
    if unknown or "general" not in stated:
        raise CodeProblem(
            f"column_1 has the keys {', '.join(sorted(map(str, stated)))}",
            "Give 'general', and 'special' where there is one.",
        )
    rates: dict[str, AdValorem | Compound] = {}
    for column, rate in stated.items():
        if isinstance(rate, bool):
            raise CodeProblem(f"{rate!r} is not a rate", "Write a fraction, as in 0.025, or text, as in '50 cents/kg'.")
        if isinstance(rate, (int, float)):
            if not math.isfinite(rate) or rate < 0:
                raise CodeProblem(f"{rate!r} is not a rate", "Write a fraction of the value, 0 or more.")
            rates[column] = AdValorem(float(rate))
        else:
            parsed = parse_rate_text(str(rate))
            if not isinstance(parsed, (AdValorem, Compound)):
                raise CodeProblem(f"'{visible(str(rate))}' is not a rate of duty", "Write a rate, as in 2.5%.")
            rates[column] = parsed
    return FrozenMapping(rates)
