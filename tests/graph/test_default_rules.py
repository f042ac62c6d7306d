"""The rules that a graph names: bundled ones, or its own in its folder, wherever the program is started."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from graph.small_graphs import write_folder

import tariffgraph as tg
from tariffgraph.errors import GraphError, OutputError
from tariffgraph.graph.networkx import from_networkx
from tariffgraph.graph.read import read_graph

if TYPE_CHECKING:
    from pathlib import Path

# A tenth on everything that enters the United States: the car costs 0.1 more there.
US = """\
ruleset: us
importer: USA
measures:
  - {id: all-goods, authority: A, rate: 10%}
"""
OWN = 'rules = ["us.yaml"]\nas_of = 2025-07-02\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_folder(tmp_path / "g", toml=OWN, rules=US)


def effective_rate(graph: object) -> float:
    return float(tg.propagate(graph).shipments["effective_rate"][0])  # type: ignore[arg-type]


def test_a_file_beside_graph_toml_is_read_from_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = read_graph("g")
    assert graph.default_rules == (str(folder / "us.yaml"),)
    (folder.parent / "us.yaml").write_text("no rules")
    (folder.parent / "elsewhere").mkdir()
    monkeypatch.chdir(folder.parent / "elsewhere")
    assert effective_rate(graph) == effective_rate("../g") == pytest.approx(0.1, abs=1e-15)
    assert effective_rate(graph.replace(title="x")) == effective_rate(from_networkx(graph.to_networkx()))


def test_a_folder_of_rules_may_lie_in_the_graphs_folder(folder: Path) -> None:
    (folder / "law").mkdir()
    (folder / "us.yaml").rename(folder / "law" / "us.yaml")
    (folder / "graph.toml").write_text(OWN.replace("us.yaml", "law"))
    assert effective_rate("g") == pytest.approx(0.1, abs=1e-15)


def test_nothing_in_the_working_folder_or_the_graphs_takes_the_place_of_a_bundled_name(folder: Path) -> None:
    (folder / "graph.toml").write_text(OWN.replace("us.yaml", "us-2025"))
    bundled = effective_rate("g")
    for place in (folder, folder.parent):
        (place / "us-2025").mkdir()
        (place / "us-2025" / "us.yaml").write_text(US)
    graph = read_graph("g")
    assert graph.default_rules == ("us-2025",)
    assert effective_rate(graph) == bundled != pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("entry", ["", "link.yaml", "pipe", "/dev/zero", "C:\\\\x", "law/../../us.yaml", "a\\u0000b"])
def test_what_is_no_rule_set_of_the_folder_is_never_opened(entry: str, folder: Path) -> None:
    (folder / "law").mkdir()
    (folder.parent / "us.yaml").write_text(US)
    (folder / "link.yaml").symlink_to(folder.parent / "us.yaml")
    os.mkfifo(folder / "pipe")
    (folder / "graph.toml").write_text(f'\nrules = ["{entry}"]\n')
    with pytest.raises(GraphError, match=r"^g/graph\.toml:2, rules: "):
        read_graph("g")


def test_wrong_rules_are_told_with_the_other_problems(folder: Path) -> None:
    (folder / "graph.toml").write_text('as_of = "x"\nrules = "us.yml"\n')
    (folder / "stages.csv").write_text("")
    with pytest.raises(GraphError) as caught:
        read_graph("g")
    places = [(finding.file, finding.line, finding.field) for finding in caught.value.findings]
    assert places == [("g/graph.toml", 1, "as_of"), ("g/graph.toml", 2, "rules"), ("g/stages.csv", None, "")]


def test_a_written_graph_keeps_bundled_names_and_the_rules_of_its_folder(folder: Path) -> None:
    (folder / "graph.toml").write_text(OWN.replace('"us.yaml"', '"us-2025", "us.yaml"'))
    graph = read_graph("g")
    graph.replace(title="Cars").write("g")
    assert (folder / "graph.toml").read_text() == (
        'title = "Cars"\nrules = ["us-2025", "us.yaml"]\nas_of = 2025-07-02\n'
    )
    with pytest.raises(OutputError) as caught:
        graph.write("h")
    assert str(caught.value) == (
        f"h, rules: the graph's rules '{folder}/us.yaml' do not lie in the folder. Put a copy there and name it: "
        "graph.replace(rules=[...]), or leave them out: graph.replace(rules=())."
    )
    assert not (folder.parent / "h").exists()
    (folder.parent / "h").mkdir()
    (folder.parent / "h" / "us.yaml").write_text(US)
    graph.replace(rules=["h/us.yaml"]).write("h")
    assert effective_rate("h") == pytest.approx(0.1, abs=1e-15)
    assert read_graph(graph.replace(rules=()).write("i")).default_rules == ()
