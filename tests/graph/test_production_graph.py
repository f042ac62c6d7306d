"""Graphs made from graphs: replace, subgraph, networkx, pickling, and how a graph shows itself."""

from __future__ import annotations

import math
import pickle
import random
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import polars as pl
import pytest
from graph.small_graphs import INPUTS, SHIPMENTS, STAGES, write_folder

from tariffgraph.errors import GraphError, UnknownNameError
from tariffgraph.graph.checks import sums_of_shares
from tariffgraph.graph.networkx import from_networkx, to_networkx
from tariffgraph.graph.read import read_graph

if TYPE_CHECKING:
    from pathlib import Path

    from tariffgraph.graph.production_graph import ProductionGraph

TWO_CHAINS = {
    "stages": STAGES + "well,CAN,2709\nvan,MEX,8704\n",
    "inputs": INPUTS + "mill,van,0.2\nmill,van,0.1\nwell,car,0.05\nvan,van,0.01\n",
    "shipments": "stage,market,value\ncar,USA,100\ncar,CAN,50\nvan,USA,\nmill,USA,7\n",
    "toml": 'title = "Cars"\nyear = 2025\nas_of = 2025-07-02\nrules = ["us-2025"]\n[regions]\nROW = "rest"\n',
}


@pytest.fixture
def graph(tmp_path: Path) -> ProductionGraph:
    return read_graph(write_folder(tmp_path / "graph", **TWO_CHAINS))


def test_nothing_can_be_changed(graph: ProductionGraph) -> None:
    with pytest.raises(FrozenInstanceError):
        graph.title = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        graph.regions["XYZ"] = "x"  # type: ignore[index]


def test_it_shows_what_it_holds(graph: ProductionGraph) -> None:
    assert repr(graph) == f"<ProductionGraph 'Cars': 5 stages, 6 inputs, 4 shipments; hash {graph.hash[:12]}>"
    one = graph.subgraph("mine")
    assert repr(one.replace(title="")) == f"<ProductionGraph 1 stage, 0 inputs, 0 shipments; hash {one.hash[:12]}>"
    assert "\x1b" not in repr(graph.replace(title="a\tb"))


def test_replace_gives_a_checked_graph_and_leaves_the_old_one(graph: ProductionGraph) -> None:
    before = graph.hash
    cheaper = graph.replace(inputs=graph.inputs.with_columns(pl.col("share") / 2))
    # The van buys (0.2 + 0.1 + 0.01) / 2 = 0.155 now: value added is again what the shares leave.
    assert cheaper.stages.filter(pl.col("stage") == "van")["value_added"].to_list() == pytest.approx([0.845], abs=1e-15)
    assert cheaper.inputs["id"].to_list() == graph.inputs["id"].to_list()
    assert (cheaper.title, cheaper.default_as_of, cheaper.regions) == ("Cars", graph.default_as_of, graph.regions)
    assert graph.replace().hash == graph.hash == before != cheaper.hash
    with pytest.raises(GraphError, match=r"^inputs, row 1, share: 20 is above 1"):
        graph.replace(inputs=graph.inputs.with_columns(share=pl.lit(20.0)))
    with pytest.raises(GraphError, match=r"^titel: is not a setting of a graph\. Did you mean 'title'\?"):
        graph.replace(titel="x")


def test_a_stage_that_moves_is_checked_against_its_value_added(graph: ProductionGraph) -> None:
    stages = graph.stages.with_columns(
        country=pl.when(pl.col("stage") == "van").then(pl.lit("VNM")).otherwise("country")
    )
    moved = graph.replace(stages=stages.drop("nationality", "origin"))
    van = moved.stages.filter(pl.col("stage") == "van").row(0, named=True)
    assert (van["country"], van["origin"], van["value_added"]) == ("VNM", "VNM", 1 - 0.31)


def test_a_subgraph_is_what_lies_upstream(graph: ProductionGraph) -> None:
    of_van = graph.subgraph("van->USA")
    assert of_van.stages["stage"].to_list() == ["mill", "mine", "van"]
    assert of_van.inputs["id"].to_list() == ["mill->van", "mill->van#2", "mine->mill", "van->van"]
    assert of_van.shipments["id"].to_list() == ["van->USA"]
    assert of_van.title == "Cars"
    of_mill = graph.subgraph(["mill"])
    assert of_mill.stages["stage"].to_list() == ["mill", "mine"]
    assert of_mill.shipments["id"].to_list() == ["mill->USA"]
    both = graph.subgraph(["van->USA", "car"])
    assert both.shipments["id"].to_list() == ["car->CAN", "car->USA", "van->USA"]
    assert both.stages.height == 5
    with pytest.raises(UnknownNameError, match=r"'vann' is neither a stage nor a shipment of the graph\. Did you mean"):
        graph.subgraph("vann")


def test_a_graph_can_be_pickled(graph: ProductionGraph) -> None:
    copy = pickle.loads(pickle.dumps(graph))
    assert copy.hash == graph.hash
    assert copy.inputs.equals(graph.inputs)
    assert copy.regions == graph.regions


# --- networkx ------------------------------------------------------------------------------------------


def test_networkx_and_back_is_the_same_graph(graph: ProductionGraph) -> None:
    nodes_and_edges = graph.to_networkx()
    assert isinstance(nodes_and_edges, nx.MultiDiGraph)
    assert nodes_and_edges.number_of_edges("mill", "van") == 2
    assert nodes_and_edges.edges["mill", "car", "mill->car"]["share"] == 0.1
    assert nodes_and_edges.nodes["mine"] == {
        "country": "AUS",
        "product": "2601",
        "value_added": 1.0,
        "nationality": "AUS",
        "origin": "AUS",
        "net_cost": 1.0,
        "credit_base": 1.0,
    }
    other = from_networkx(nodes_and_edges)
    for name in ("stages", "inputs", "shipments"):
        assert getattr(other, name).equals(getattr(graph, name))
    assert (other.hash, other.title, other.default_rules) == (graph.hash, "Cars", ("us-2025",))
    assert other.default_as_of == graph.default_as_of


def test_a_graph_by_hand_in_networkx_takes_the_defaults(tmp_path: Path) -> None:
    by_hand = nx.DiGraph(shipments=[{"stage": "car", "market": "USA", "value": 100}], name="ignored")
    by_hand.add_node("mine", country="AUS", product="2601", net_cost=1)
    by_hand.add_node("mill", country="KOR", product="7208", value_added=0.55)
    by_hand.add_node("car", country="KOR", product="8703.23")
    by_hand.add_edge("mine", "mill", share=0.45, pass_through=1.0)
    by_hand.add_edge("mill", "car", share=0.1)
    assert from_networkx(by_hand).hash == read_graph(write_folder(tmp_path / "graph", shipments=SHIPMENTS)).hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda g: g.edges["mill", "car"].update(share=-1),
            "edge 'mill' -> 'car', share: -1 is not above 0.",
        ),
        (lambda g: g.add_edge("car", "car"), "edge 'car' -> 'car', share: missing value"),
        (lambda g: g.nodes["car"].update(product="702"), "node 'car', product: '702' has 3 digits"),
        (lambda g: g.nodes["car"].update(weight=1), "stages, weight: 'weight' is not a column of stages"),
        (lambda g: g.add_node("new"), "node 'new', country: missing value"),
        (lambda g: g.graph.update(shipment=[]), "shipment: 'shipment' is not an attribute of a graph. Did you mean"),
        (
            lambda g: g.graph.update(shipments=[{"stage": "cra", "market": "USA"}]),
            "shipments, row 1, stage: there is no stage 'cra' in stages. Did you mean 'car'?",
        ),
    ],
)
def test_problems_name_node_and_edge(change: Any, message: str) -> None:
    wrong = nx.DiGraph()
    wrong.add_node("mill", country="KOR", product="7208")
    wrong.add_node("car", country="KOR", product="8703.23")
    wrong.add_edge("mill", "car", share=0.1)
    change(wrong)
    with pytest.raises(GraphError) as caught:
        from_networkx(wrong)
    assert str(caught.value).startswith(message)


def test_an_undirected_graph_is_refused() -> None:
    with pytest.raises(GraphError, match="an undirected graph does not say who supplies whom"):
        from_networkx(nx.Graph())
    with pytest.raises(GraphError, match="a dict does not say who supplies whom"):
        from_networkx({})  # type: ignore[arg-type]


def test_an_empty_graph_goes_through_networkx() -> None:
    assert from_networkx(nx.MultiDiGraph()).stages.height == 0
    assert to_networkx(from_networkx(nx.MultiDiGraph())).number_of_nodes() == 0


def test_sums_of_shares_are_correctly_rounded_in_any_order() -> None:
    generator = random.Random(4)
    for decimals in (3, 17, None):
        shares = [10 ** generator.uniform(-16, 0) for _ in range(400)]  # from far below 2^-92's reach to 1
        if decimals is not None:
            shares = [max(round(one, decimals), 10.0**-decimals) for one in shares]
        user = [generator.randrange(12) for _ in shares]
        user[0] = -1  # an input of a stage that is not there
        expected = [math.fsum(one for one, of in zip(shares, user, strict=True) if of == stage) for stage in range(13)]
        sums = sums_of_shares(13, np.array(user), pl.Series(shares))
        assert sums.tolist() == expected
    assert sums_of_shares(1, np.zeros(2, np.int64), pl.Series([9000.0, 0.1])).tolist() == [9000.1]
    assert math.isnan(sums_of_shares(1, np.zeros(2, np.int64), pl.Series([0.5, None]))[0])


def test_inputs_know_the_rows_of_their_stages(graph: ProductionGraph) -> None:
    assert graph.stages["stage"].gather(graph.supplier).to_list() == graph.inputs["supplier"].to_list()
    assert graph.stages["stage"].gather(graph.user).to_list() == graph.inputs["user"].to_list()
    assert graph.stages["stage"].gather(graph.seller).to_list() == graph.shipments["stage"].to_list()
    with pytest.raises(ValueError, match="read-only"):
        pickle.loads(pickle.dumps(graph)).user[0] = 0
