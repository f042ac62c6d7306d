"""What a good holds: value added by country, and content of a kind, computed from the graph (docs/method.md).

Shares of untaxed values, so that no rate enters them:

    content of a kind    K_i = 1 if stage i matches, else Σ_e a_e K_supplier(e)
    by the residual      K_i = 1 if stage i matches, else 1 − Σ_e a_e [e is shown to hold none]
    value-added content  c_j = v_j [country_j] + Σ_e a_e c_supplier(e)
    of it in a kind      m_i = c_i if stage i matches, else Σ_e a_e m_supplier(e)
    in its residual      m_i = c_i if stage i matches, else c_i − Σ_e a_e c_supplier(e) [e is shown to hold none]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..codes import product_key

if TYPE_CHECKING:
    from ..codes import ProductScope
    from ..core.structure import Structure
    from ..graph.production_graph import ProductionGraph
    from .law import Law

Array = np.ndarray[Any, Any]

__all__ = [
    "content_of_kind",
    "declared_contents",
    "hidden_weight",
    "matching_stages",
    "on_products",
    "reached_from",
    "residual_content",
    "value_added_content",
    "value_added_of_owners",
    "within_kind",
    "within_residual",
]


def matching_stages(stages: pl.DataFrame, origin: pl.Series, law: Law, kind: str) -> Array:
    """Return which stages a kind of content selects. Shape (stages,), in the order of the graph's table."""
    wanted, rule_set = law.kinds[kind]
    matches = np.ones(len(stages), np.bool_)
    for selector, negated in ((wanted.products, False), (wanted.except_products, True)):
        if selector is not None:
            matches &= on_products(stages["product"], law.scope(selector, rule_set)) != negated
    for names, column, negated in (
        (wanted.countries, stages["country"], False),
        (wanted.except_countries, stages["country"], True),
        (wanted.origins, origin, False),
        (wanted.except_origins, origin, True),
        (wanted.nationality, stages["nationality"], False),
        (wanted.except_nationality, stages["nationality"], True),
    ):
        if names is not None:
            members = sorted(law.members(names, rule_set))
            matches &= column.is_in(pl.Series(members, dtype=pl.String).implode()).to_numpy() != negated
    return matches


def on_products(product: pl.Series, scope: ProductScope) -> Array:
    """Return which products fall under a scope; each is looked at once."""
    distinct = product.unique()
    matching = distinct.filter(pl.Series([scope.matches(product_key(one)) for one in distinct], dtype=pl.Boolean))
    return product.is_in(matching.implode()).to_numpy()


def content_of_kind(structure: Structure, share: Array, matches: Array) -> tuple[Array, Array]:
    """Return the content of a kind in the good of every stage, and whether it is known; in the engine's order.

    ``share``: (inputs,), untaxed; ``matches``: (stages,). The recursion stops at a stage that matches. Where a stage
    shows no inputs and does not match, the content of its good is unknown; goods made from it count it as 0.
    """
    inputs_of_stage = structure.inputs_of_stage
    weight = share * np.repeat(~matches, inputs_of_stage)
    content = structure.solve(weight, matches.astype(np.float64))
    return content, matches | (inputs_of_stage > 0)


def residual_content(structure: Structure, share: Array, matches: Array, declared: Array) -> tuple[Array, Array]:
    """Return the content of a kind by the residual method, and whether it is known; in the engine's order.

    The value less the direct inputs that are shown to hold none: those that declare 0, and those whose good is known
    to hold nothing of the kind. Labour and fabrication stay in, and so does what is unknown; where all the inputs are
    shown to hold none, so does the good. ``share``: (inputs,), untaxed; ``declared``: (inputs,), NaN where nothing is
    declared; ``matches``: (stages,).
    """
    known = matches | (structure.inputs_of_stage > 0)
    holds_none = _shown_to_hold_none(structure, share, matches, declared)
    spared = np.bincount(structure.user, weights=share * holds_none, minlength=structure.stages)
    residual = np.where(_holding(structure, holds_none), np.maximum(0.0, 1.0 - spared), 0.0)
    return np.where(matches, 1.0, residual), known


def declared_contents(graph: ProductionGraph, structure: Structure, kind: str) -> Array:
    """Return the content of a kind that each input declares, NaN where it declares none; in the engine's order."""
    column = f"content.{kind}"
    if column not in graph.inputs.columns:
        return np.full(len(graph.inputs), np.nan)
    return graph.inputs[column].fill_null(np.nan).to_numpy()[structure.input]


def _shown_to_hold_none(structure: Structure, share: Array, matches: Array, declared: Array) -> Array:
    """Return which inputs are shown to hold none of a kind: as declared, or as computed where that is known."""
    content, known = content_of_kind(structure, share, matches)
    computed_none = (content == 0.0) & known
    return np.asarray(np.where(np.isnan(declared), computed_none[structure.supplier], declared == 0.0))


def _holding(structure: Structure, holds_none: Array) -> Array:
    """Return which stages buy anything that is not shown to hold none."""
    return np.bincount(structure.user, weights=~holds_none, minlength=structure.stages) > 0


def reached_from(structure: Structure, marked: Array) -> Array:
    """Return which goods have a marked stage upstream, or are of one. Shape (stages,), in the engine's order."""
    if not marked.any():
        return marked.copy()
    by_supplier = np.argsort(structure.supplier, kind="stable")
    users = structure.user[by_supplier]
    start = np.searchsorted(structure.supplier[by_supplier], np.arange(structure.stages + 1))
    reached = marked.copy()
    front = np.flatnonzero(marked)
    while len(front):
        first, count = start[front], start[front + 1] - start[front]
        at = np.repeat(first - np.concatenate([[0], np.cumsum(count)[:-1]]), count) + np.arange(count.sum())
        front = np.unique(users[at])
        front = front[~reached[front]]
        reached[front] = True
    return reached


def hidden_weight(structure: Structure, share: Array, matches: Array) -> Array:
    """Return the part of the value of every stage's good in which a content of a kind may hide; in the engine's order.

    It lies in stages that show no inputs and do not match, which count 0 inside other stages: h_i = Σ_e a_e h_supplier,
    with h = 1 at such a stage and 0 at a matching one.
    """
    inputs_of_stage = structure.inputs_of_stage
    weight = share * np.repeat(~matches, inputs_of_stage)
    return structure.solve(weight, (~matches & (inputs_of_stage == 0)).astype(np.float64))


def value_added_content(graph: ProductionGraph, structure: Structure, share: Array, value_added: Array) -> pl.DataFrame:
    """Return the value added of each country in the good of each stage: stage, country, share; sums to 1 by stage."""
    countries = graph.stages["country"].gather(structure.stage).to_numpy()
    names = graph.stages["stage"].gather(structure.stage).to_numpy()
    frames = []
    for country in sorted(set(countries)):
        content = structure.solve(share, np.where(countries == country, value_added, 0.0))
        kept = np.flatnonzero(content)
        frames.append(
            pl.DataFrame({"stage": names[kept], "country": [country] * len(kept), "share": content[kept]}).cast(
                {"stage": pl.String, "country": pl.String, "share": pl.Float64}
            )
        )
    return (
        pl.concat(frames).sort("stage", "country")
        if frames
        else pl.DataFrame(schema={"stage": pl.String, "country": pl.String, "share": pl.Float64})
    )


def value_added_of_owners(structure: Structure, share: Array, added: Array) -> Array:
    """Return whose value added is in the good of every stage, (stages, owners); sums to 1 where ``added`` is all of it.

    ``added``: (stages, owners), the value that each owner adds at each stage.
    """
    return _carried(structure, share, added)


def within_kind(structure: Structure, share: Array, matches: Array, value_added: Array) -> Array:
    """Return how much of the ``value_added`` in the good of every stage, (stages, owners), is in what is of a kind.

    The shapes and the recursion are those of ``content_of_kind``, to which the owners' parts add up.
    """
    weight = share * np.repeat(~matches, structure.inputs_of_stage)
    return _carried(structure, weight, matches[:, None] * value_added)


def within_residual(structure: Structure, share: Array, matches: Array, declared: Array, value_added: Array) -> Array:
    """Return how much of the ``value_added``, (stages, owners), is in what ``residual_content`` counts."""
    holds_none = _shown_to_hold_none(structure, share, matches, declared)
    weight = share * holds_none
    spared = np.empty_like(value_added)
    for owner, column in enumerate(value_added.T):
        spared[:, owner] = np.bincount(
            structure.user, weights=weight * column[structure.supplier], minlength=structure.stages
        )
    residual = np.where(_holding(structure, holds_none)[:, None], value_added - spared, 0.0)
    return np.where(matches[:, None], value_added, residual)


def _carried(structure: Structure, weight: Array, own: Array) -> Array:
    """Solve X = own + W X, (stages, columns): cycles are factorized once for all columns."""
    if structure.cycles:
        return structure.solve_columns(weight, own)
    return structure.contents(weight, own, stopping=False)
