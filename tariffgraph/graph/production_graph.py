"""ProductionGraph: what is produced where, out of what, and which final goods cross which border. Immutable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import polars as pl

    from ..errors import Finding

__all__ = ["ProductionGraph"]


@dataclass(frozen=True, slots=True, eq=False)
class ProductionGraph:
    """Stages, inputs and shipments as checked frames in canonical order (SPEC §1), and what ``graph.toml`` says.

    The three frames hold every column of ``tables.STAGES``, ``tables.INPUTS`` and ``tables.SHIPMENTS`` with the
    defaults filled in, plus the ``content.KIND`` columns that the tables brought. ``value_added`` is 1 − Σ shares.
    """

    stages: pl.DataFrame
    inputs: pl.DataFrame
    shipments: pl.DataFrame
    title: str = ""
    year: int | None = None
    currency: str = ""
    notes: str = ""
    sources: tuple[str, ...] = ()
    regions: Mapping[str, str] = field(default_factory=dict)
    default_rules: tuple[str, ...] = ()
    default_as_of: date | None = None
    negative_value_added: bool = False
    negative_final_demand: bool = False
    findings: tuple[Finding, ...] = ()
    hash: str = ""
