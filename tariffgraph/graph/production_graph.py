"""ProductionGraph: what is produced where, out of what, and which final goods go to which market. Immutable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Finding, GraphError, UnknownNameError, suggestion, visible
from ..frozen import FrozenArray, FrozenFrame, FrozenMapping

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from datetime import date
    from pathlib import Path

    import networkx as nx

__all__ = ["ProductionGraph"]


@dataclass(frozen=True, eq=False, repr=False)
class ProductionGraph:
    """Stages, inputs and shipments as checked frames in canonical order, and what ``graph.toml`` says.

    Made by ``read_graph``, ``from_frames`` and ``from_networkx``. The three frames hold every column of
    ``tables.STAGES``, ``tables.INPUTS`` and ``tables.SHIPMENTS`` with the defaults filled in, plus the
    ``content.KIND`` columns that the tables brought. ``value_added`` is 1 − Σ shares. ``supplier`` and
    ``user``: (inputs,), and ``seller``: (shipments,), rows of ``stages``, so that nobody looks the names up
    again. ``hash`` is the same for graphs that hold the same, whatever the order of rows and the format of
    the files.
    """

    stages: FrozenFrame = FrozenFrame()  # noqa: RUF009 - a descriptor, not a default
    inputs: FrozenFrame = FrozenFrame()  # noqa: RUF009
    shipments: FrozenFrame = FrozenFrame()  # noqa: RUF009
    supplier: FrozenArray = FrozenArray()  # noqa: RUF009
    user: FrozenArray = FrozenArray()  # noqa: RUF009
    seller: FrozenArray = FrozenArray()  # noqa: RUF009
    title: str = ""
    year: int | None = None
    currency: str = ""
    notes: str = ""
    sources: tuple[str, ...] = ()
    regions: Mapping[str, str] = FrozenMapping()
    default_rules: tuple[str, ...] = ()
    default_as_of: date | None = None
    negative_value_added: bool = False
    negative_final_demand: bool = False
    findings: tuple[Finding, ...] = ()
    hash: str = ""

    def replace(
        self, *, stages: object = None, inputs: object = None, shipments: object = None, **settings: Any
    ) -> ProductionGraph:
        """Graph with other tables or settings, checked like any other.

        Tables are what ``from_frames`` takes, settings its keywords. Tables of a graph have their defaults
        filled in: a stage that moves to another country keeps ``nationality`` and ``origin`` unless these
        are changed or dropped too. With new inputs and the old stages, value added is again what the shares
        leave. Raises GraphError with all problems.
        """
        from .read import from_frames

        known = {
            "title": self.title,
            "year": self.year,
            "currency": self.currency,
            "notes": self.notes,
            "sources": self.sources,
            "regions": self.regions,
            "rules": self.default_rules,
            "as_of": self.default_as_of,
            "negative_value_added": self.negative_value_added,
            "negative_final_demand": self.negative_final_demand,
        }
        for name in settings:
            if name not in known:
                raise GraphError(Finding("is not a setting of a graph", suggestion(name, known), field=visible(name)))
        if stages is None:
            stages = self.stages if inputs is None else self.stages.drop("value_added")
        return from_frames(
            stages,
            self.inputs if inputs is None else inputs,
            self.shipments if shipments is None else shipments,
            **(known | settings),
        )

    def subgraph(self, names: str | Iterable[str]) -> ProductionGraph:
        """Graph of the named stages and shipments and of everything upstream of them.

        Of a named stage all shipments stay; of the stages upstream none does, unless it is named itself.
        Ids and settings are kept. Raises UnknownNameError.
        """
        import polars as pl

        wanted = [names] if isinstance(names, str) else list(names)
        stage_ids, shipment_ids = set(self.stages["stage"]), set(self.shipments["id"])
        unknown = [name for name in wanted if name not in stage_ids and name not in shipment_ids]
        if unknown:
            raise UnknownNameError(
                Finding(
                    f"'{visible(name)}' is neither a stage nor a shipment of the graph",
                    suggestion(name, stage_ids | shipment_ids),
                )
                for name in unknown
            )
        named = [name for name in wanted if name in stage_ids]
        shipments = self.shipments.filter(pl.col("stage").is_in(named) | pl.col("id").is_in(wanted))
        kept = pl.DataFrame({"stage": [*named, *shipments["stage"]]}, schema={"stage": pl.String}).unique()
        found = kept
        while found.height:
            suppliers = self.inputs.join(found, left_on="user", right_on="stage", how="semi")
            found = suppliers.select(stage="supplier").unique().join(kept, on="stage", how="anti")
            kept = pl.concat([kept, found])
        return self.replace(
            stages=self.stages.join(kept, on="stage", how="semi"),
            inputs=self.inputs.join(kept, left_on="user", right_on="stage", how="semi"),
            shipments=shipments,
        )

    def write(self, folder: str | os.PathLike[str], format: Literal["csv", "parquet"] = "csv") -> Path:  # noqa: A002
        """Folder with the tables, which read back as the same graph; see ``write_graph``."""
        from .write import write_graph

        return write_graph(self, folder, format)

    def to_networkx(self) -> nx.MultiDiGraph:
        """Graph of networkx with stages as nodes and inputs as edges; see ``graph.networkx``."""
        from .networkx import to_networkx

        return to_networkx(self)

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{count:,} {noun if count != 1 else noun[:-1]}"
            for count, noun in (
                (self.stages.height, "stages"),
                (self.inputs.height, "inputs"),
                (self.shipments.height, "shipments"),
            )
        )
        title = f"'{visible(self.title)}': " if self.title else ""
        return f"<ProductionGraph {title}{counts}; hash {self.hash[:12]}>"
