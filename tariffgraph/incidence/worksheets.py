"""The facts of a border and how they were worked out: origin, content, claims, as a customs worksheet has them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key
from ..customs.content import content_of_kind, hidden_weight, matching_stages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..problem import Problem

Array = np.ndarray[Any, Any]

__all__ = ["Worksheets"]

#: Inputs that a worksheet of content lists one by one; the others are one line.
LISTED = 12
TARIFF_SHIFT = "tariff-shift"
HEADING = 4
HALF = 0.5
DECIMALS = 12


class Worksheets:
    """Works out, for the borders of a problem, the facts that the law was asked."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        graph = problem.graph
        self.stages = graph.stages.with_columns(customs_origin=problem.borders.origin)
        self.content_of = cache(self._content_of)
        self.stage = cache(self._stage)

    def _stage(self, name: str) -> dict[str, Any]:
        return self.stages.filter(pl.col("stage") == name).row(0, named=True)

    # --- facts ----------------------------------------------------------------------------------------

    def facts(self, crossing: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[dict[str, str | None]]:
        """Yield the facts of a border in words, each with why it is so."""

        def fact(name: str, value: str, why: str | None = None) -> dict[str, str | None]:
            return {"fact": name, "value": value, "why": why}

        made = self._stage(crossing["supplier"])
        yield fact("goods", crossing["product"], made.get("name"))
        yield fact("seller", crossing["supplier"], made.get("firm"))
        if crossing["user"] is not None:
            buyer = self._stage(crossing["user"])
            yield fact("buyer", crossing["user"], buyer.get("name"))
        yield fact("exporter", crossing["exporter"], "where the seller makes them")
        yield fact("importer", crossing["importer"], "where the buyer uses them" if crossing["user"] else "the market")
        yield fact("origin", crossing["origin"], self._origin_because(made))
        if crossing["nationality"] != crossing["exporter"]:
            yield fact("nationality", crossing["nationality"], "of the producing firm")
        if crossing["used_in"] is not None:
            yield fact("used in", crossing["used_in"], "what the buyer makes")
        if crossing["claimed"] is not None:
            yield fact("preference claimed", *self._claim(crossing))
        if crossing["declares"]:
            yield fact("declares", crossing["declares"].replace(";", ", "))
        for kind in kinds:
            yield fact(f"content of {kind}", *self._content_fact(crossing, kind))
        if crossing["quantity"] is not None:
            yield fact("quantity", f"{crossing['quantity']:,.12g} {crossing['unit']}")
        if crossing["pass_through"] != 1.0:
            yield fact("pass-through", f"{crossing['pass_through']:.6g}", "part of the duty in the buyer's price")
        if crossing["drawback"]:
            yield fact("drawback", f"{crossing['drawback']:.6g}", "part of the duty that is refunded")
        if not self.problem.law.importer(crossing["importer"]).measures:
            yield fact("law", "none", f"no loaded rule set covers imports into {crossing['importer']}")

    def _origin_because(self, made: Mapping[str, Any]) -> str:
        if made["origin"] != TARIFF_SHIFT:
            return "where they are made" if made["origin"] == made["country"] else "declared for the stage"
        lines = list(self._tariff_shift(made))
        return str(lines[-1]["why"]) if lines else "tariff shift: no inputs of its own heading from elsewhere"

    def _claim(self, crossing: Mapping[str, Any]) -> tuple[str, str]:
        judged = self.problem.classes.claims.filter(
            (pl.col("kind") == crossing["kind"]) & (pl.col("row") == crossing["row"])
        )
        if judged.is_empty():
            return f"{crossing['claimed']}: not granted", "no loaded rule set knows the program"
        verdict = judged.row(0, named=True)
        granted = "qualifies" if verdict["by_rule"] else "taken as declared"
        part = f", for {crossing['utilization']:.6g} of the flow" if crossing["utilization"] != 1.0 else ""
        text = f"{crossing['claimed']}: {granted if verdict['qualifies'] else 'does not qualify'}{part}"
        return text, verdict["reason"]

    # --- content --------------------------------------------------------------------------------------

    def _content_of(self, kind: str) -> tuple[Array, Array, Array, Array]:
        """Return by stage, in the engine's order: content of a kind, whether it is known, what matches, what hides."""
        problem = self.problem
        matches = matching_stages(problem.graph.stages, problem.borders.origin, problem.law, kind)
        matches = matches[problem.structure.stage]
        content, known = content_of_kind(problem.structure, problem.share, matches)
        return content, known, matches, hidden_weight(problem.structure, problem.share, matches)

    def _declared(self, crossing: Mapping[str, Any], kind: str) -> float | None:
        flows = self.problem.graph.inputs if crossing["kind"] == "input" else self.problem.graph.shipments
        column = f"content.{kind}"
        return flows[column][crossing["row"]] if column in flows.columns else None

    def _content_fact(self, crossing: Mapping[str, Any], kind: str) -> tuple[str, str]:
        content = crossing.get(f"content.{kind}")
        if content is None:
            return "unknown", "the stage shows no inputs, and none is declared"
        if self._declared(crossing, kind) is not None:
            return f"{content:.12g}", "declared at this border"
        place = self._place(crossing["supplier"])
        _, _, matches, hidden = self.content_of(kind)
        if matches[place]:
            return f"{content:.12g}", f"the good is itself {kind}"
        why = "worked out below"
        if self.problem.law.kinds[kind][0].method != "residual" and hidden[place]:
            why += f"; {hidden[place]:.6g} of the value lies in stages that show no inputs, and counts as none"
        return f"{content:.12g}", why

    def content(self, crossing: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
        """Yield the worksheet of a computed content: each input's share and content, and the sum."""
        computed = crossing.get(f"content.{kind}")
        place = self._place(crossing["supplier"])
        content, known, matches, _ = self.content_of(kind)
        if computed is None or self._declared(crossing, kind) is not None or matches[place]:
            return
        residual = self.problem.law.kinds[kind][0].method == "residual"
        at = self._inputs(place)
        supplier = self.problem.structure.supplier[at].astype(np.int64)
        share = self.problem.share[at]
        if residual:
            declared = self._declared_by_inputs(kind, at)
            holds_none = np.where(np.isnan(declared), (content[supplier] == 0.0) & known[supplier], declared == 0.0)
            of_input = np.where(holds_none, 0.0, 1.0)
        else:
            of_input = content[supplier]
        part = share * of_input
        order = np.lexsort((self.problem.structure.input[at], -share, -part))
        listed = order[:LISTED]
        for one in listed.tolist():
            stage = self._stage(self.problem.stages[supplier[one]])
            yield {
                "kind": kind,
                "status": "input",
                "supplier": stage["stage"],
                "product": stage["product"],
                "share": float(share[one]),
                "content": float(of_input[one]),
                "part": float(part[one]),
                "why": _input_because(residual, of_input[one], matches[supplier[one]], known[supplier[one]]),
            }
        others = order[LISTED:]
        if len(others):
            yield {
                "kind": kind,
                "status": "input",
                "supplier": f"{len(others)} more inputs",
                "share": float(share[others].sum()),
                "part": float(part[others].sum()),
            }
        if residual:
            own = 1.0 - float(share.sum())
            why = "labour and fabrication stay in"
            yield {"kind": kind, "status": "value added", "share": own, "content": 1.0, "part": own, "why": why}
        why = "the value less what is shown to hold none" if residual else "share times content, added up"
        yield {"kind": kind, "status": "sum", "part": computed, "why": why}

    def _declared_by_inputs(self, kind: str, at: Array) -> Array:
        inputs, column = self.problem.graph.inputs, f"content.{kind}"
        if column not in inputs.columns:
            return np.full(len(at), np.nan)
        return inputs[column].gather(self.problem.structure.input[at]).fill_null(np.nan).to_numpy()

    # --- origin ---------------------------------------------------------------------------------------

    def origin(self, crossing: Mapping[str, Any], levels: int) -> Iterator[dict[str, Any]]:
        """Yield the worksheets of a border's origin: of tariff shift, and of the preference that it claims."""
        made = self._stage(crossing["supplier"])
        if made["origin"] == TARIFF_SHIFT:
            yield from self._tariff_shift(made)
        if crossing["claimed"] in self.problem.law.programs:
            for line in self.problem.worksheet(crossing["id"], levels=levels).iter_rows(named=True):
                yield {**line, "input": line["crossing"], "program": crossing["claimed"]} | {"crossing": crossing["id"]}

    def _tariff_shift(self, made: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the inputs of a good's own heading that are from elsewhere, and what that makes of its origin."""
        heading = product_key(made["product"])[:HEADING]
        at = self._inputs(self._place(made["stage"]))
        total, number = 0.0, 0
        common = {"program": None, "depth": 0, "stage": made["stage"]}
        for one in at.tolist():
            supplier = self._stage(self.problem.stages[int(self.problem.structure.supplier[one])])
            key = product_key(supplier["product"])
            if key[:HEADING] != heading or ":" in key or supplier["customs_origin"] == made["country"]:
                continue
            share = float(self.problem.share[one])
            total, number = total + share, number + 1
            yield {
                **common,
                "line": number,
                "supplier": supplier["stage"],
                "product": supplier["product"],
                "country": supplier["customs_origin"],
                "share": share,
                "share_of_good": share,
                "status": "of its own heading",
                "why": f"origin {supplier['customs_origin']}",
            }
        if made["customs_origin"] != made["country"]:
            so = "half or more: the good has the origin of the largest"
        elif round(total, DECIMALS) < HALF:
            so = "less than half: the good is from where it is made"
        else:
            so = "but a good made in a cycle is from where it is made"
        yield {
            **common,
            "line": number + 1,
            "status": "result",
            "value": total,
            "needed": HALF,
            "why": f"tariff shift: inputs of heading {heading} from elsewhere are {total:.6g} of the value, {so}",
        }

    def _place(self, stage: str) -> int:
        return int(self.problem.places(pl.Series([stage], dtype=pl.String))[0])

    def _inputs(self, place: int) -> Array:
        first = self.problem.structure.first
        return np.arange(int(first[place]), int(first[place + 1]))


def _input_because(residual: bool, content: float, matches: bool, known: bool) -> str | None:
    if residual:
        return "not shown to hold none: stays in" if content else "shown to hold none: taken off"
    if matches:
        return "is of the kind: counts whole"
    return None if known else "shows no inputs: counts as none"
