"""`tariffgraph datasets`: what is bundled, where it comes from, and copies of it."""

from __future__ import annotations

import json

import pytest
from cli.small_graph import contents

from tariffgraph.bundled import bundled_graph, bundled_graphs, bundled_rule_sets, bundled_rules


def test_the_list_names_everything_bundled_with_kind_and_title(run):
    listed = json.loads(run("datasets", "--format", "json").out)["datasets"]
    assert {one["name"] for one in listed} == {*bundled_graphs(), *bundled_rule_sets()}
    kinds = {one["name"]: one["kind"] for one in listed}
    assert (kinds["korea-us-2025"], kinds["us-2025"], kinds["japan-30"]) == ("graph", "rules", "overlay")
    assert all(one["title"] for one in listed)
    assert run("datasets").out.splitlines()[0].split() == ["name", "kind", "title"]


@pytest.mark.parametrize("name", [*bundled_graphs(), *bundled_rule_sets()])
def test_every_data_set_can_be_shown_and_copied(folder, run, name):
    shown = run("datasets", "show", name)
    assert (shown.status, shown.err) == (0, "")
    assert shown.out
    ran = run("datasets", "copy", name, "mine")
    alone = name not in bundled_graphs() and bundled_rules(name).is_file()
    mine = f"mine/{name}.yaml" if alone else "mine"
    assert (ran.status, ran.out, ran.err) == (0, "", f"tariffgraph: copied {name} to {mine}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["cars", "kr.yaml", "mine", "us.yaml"]


def test_a_copy_of_a_graph_is_the_same_graph(folder, run):
    run("datasets", "copy", "korea-us-2025", "mine")
    assert contents(folder / "mine") == contents(bundled_graph("korea-us-2025"))
    original, copy = (
        json.loads(run("propagate", graph, "--format", "json").out) for graph in ("korea-us-2025", "mine")
    )
    assert original == copy


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["show", "korea-us-2052"],
            "tariffgraph: 'korea-us-2052' is not a bundled data set. Did you mean 'korea-us-2025'?",
        ),
        (["show", "../../x"], "tariffgraph: '../../x' is not a bundled data set."),
        (["copy", "/etc", "mine"], "tariffgraph: '/etc' is not a bundled data set."),
        (
            ["copy", "korea-us-2025", "cars"],
            "tariffgraph: cars: is there already. Name a folder that does not exist yet.",
        ),
        (["copy", "korea-us-2025", "no/mine"], "tariffgraph: no/mine: the folder it would stand in does not exist."),
    ],
)
def test_what_cannot_be_shown_or_copied(folder, run, arguments, said):
    before = contents(folder)
    ran = run("datasets", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith(said)
    assert contents(folder) == before


def test_a_copy_that_fails_leaves_nothing(folder, run, monkeypatch):
    import shutil

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    before = contents(folder)
    ran = run("datasets", "copy", "japan-30", "mine")
    assert (ran.status, ran.out, ran.err) == (1, "", "tariffgraph: No space left on device\n")
    assert contents(folder) == before
