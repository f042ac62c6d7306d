"""Production graphs from and to networkx: the one place that speaks of nodes and edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import Finding, GraphError, nearest, visible
from ..tables import READ_TABLES, RESULTS_ON_GRAPH
from .build import build_graph
from .read import as_frame, frame_found
from .settings import KEYS, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    import networkx as nx
    import polars as pl

    from .production_graph import ProductionGraph

__all__ = ["from_networkx", "to_networkx"]


def from_networkx(graph: nx.MultiDiGraph | nx.DiGraph) -> ProductionGraph:
    """Production graph in a networkx graph: nodes are stages, edges supplier → user are inputs.

    The attributes of nodes and edges are the columns of the tables (an attribute that a node or an edge
    lacks takes its default), ``graph.graph["shipments"]`` is a list of shipments as mappings, and the other
    entries of ``graph.graph`` that ``graph.toml`` knows are the settings. Raises GraphError with all
    problems.
    """
    import networkx as nx

    if not isinstance(graph, nx.DiGraph):
        what = "an undirected graph" if isinstance(graph, nx.Graph) else f"a {type(graph).__name__}"
        message = f"{what} does not say who supplies whom"
        raise GraphError(Finding(message, "Give a networkx.MultiDiGraph with edges from supplier to user."))
    for key in graph.graph:
        near = nearest(str(key), [*KEYS, "shipments"])
        if near is not None and key != near:
            message = f"'{visible(str(key))}' is not an attribute of a graph"
            raise GraphError(Finding(message, f"Did you mean '{near}'?", field=visible(str(key))))
    settings = settings_from({key: graph.graph[key] for key in KEYS if key in graph.graph}, lambda _: {})
    nodes = [{"stage": str(node), **_facts(attributes)} for node, attributes in graph.nodes(data=True)]
    edges = [
        {"supplier": str(supplier), "user": str(user), **_facts(attributes)}
        for supplier, user, attributes in graph.edges(data=True)
    ]
    shipments = list(graph.graph.get("shipments", ()))

    def node(row: int) -> Mapping[str, Any]:
        return {"file": f"node '{visible(nodes[row]['stage'])}'"}

    def edge(row: int) -> Mapping[str, Any]:
        return {"file": f"edge '{visible(edges[row]['supplier'])}' -> '{visible(edges[row]['user'])}'"}

    def shipment(row: int) -> Mapping[str, Any]:
        return {"file": f"shipments, row {row + 1}"}

    rows = {"stages": nodes, "inputs": edges, "shipments": shipments}
    places = {"stages": node, "inputs": edge, "shipments": shipment}
    tables = {
        name: frame_found(as_frame(rows[name], name), name, places[name], gaps_are_defaults=True)
        for name in READ_TABLES
    }
    return build_graph(tables, settings)


def to_networkx(graph: ProductionGraph) -> nx.MultiDiGraph:
    """Graph of networkx with stages as nodes and inputs as edges supplier → user, keyed by their ids.

    Attributes are the columns that hold something; shipments and settings are in its ``graph`` attribute,
    so that :func:`from_networkx` gives the same production graph back.
    """
    import networkx as nx

    converted = nx.MultiDiGraph()
    for key, value in (
        *((key, getattr(graph, key)) for key in ("title", "year", "currency", "notes")),
        ("sources", list(graph.sources)),
        ("regions", dict(graph.regions)),
        ("rules", list(graph.default_rules)),
        ("as_of", graph.default_as_of),
        ("negative_value_added", graph.negative_value_added),
        ("negative_final_demand", graph.negative_final_demand),
    ):
        if value:
            converted.graph[key] = value
    converted.graph["shipments"] = _rows(graph.shipments)
    for row in _rows(graph.stages):
        converted.add_node(row.pop("stage"), **row)
    for row in _rows(graph.inputs):
        converted.add_edge(row.pop("supplier"), row.pop("user"), key=row["id"], **row)
    return converted


def _facts(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes less those that a result puts there."""
    return {name: value for name, value in attributes.items() if name not in RESULTS_ON_GRAPH}


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if value is not None} for row in frame.iter_rows(named=True)]
