"""`tariffgraph check`: what is in order and what is surprising on stdout, problems on stderr."""

from __future__ import annotations

import shutil


def test_graphs_and_rules_in_order(folder, run):
    ran = run("check", "cars", "us.yaml", "kr.yaml")
    assert (ran.status, ran.out, ran.err) == (
        0,
        "ok us: 2 measures, 0 relations\nok kr: 1 measure, 0 relations\nok cars: 3 stages, 2 inputs, 2 shipments\n",
        "",
    )


def test_a_graph_without_rules_is_checked_by_itself(folder, run):
    assert run("check", "cars").out == "ok cars: 3 stages, 2 inputs, 2 shipments\n"


def test_surprises_are_all_shown(folder, run):
    text = (folder / "us.yaml").read_text()
    more = "".join(
        f"  - {{id: m{n}, authority: A, products: [{n}], rate: 5%, from: 2025-01-01}}\n" for n in range(10, 15)
    )
    (folder / "us.yaml").write_text(text + more)
    ran = run("check", "cars", "us.yaml", "kr.yaml")
    assert ran.status == 0
    warned = [line for line in ran.out.splitlines() if line.startswith("warning: ")]
    assert [f"m{n}" in line for n, line in zip(range(10, 15), warned, strict=True)] == [True] * 5


def test_every_source_is_checked_even_after_one_has_failed(folder, run):
    (folder / "us.yaml").write_text("ruleset: us\nimporter: USA\nmeasures:\n  - {id: m, authority: A, rat: 5%}\n")
    inputs = folder / "cars" / "inputs.csv"
    inputs.write_text(inputs.read_text().replace("KR.CAR", "KR.CARS"))
    ran = run("check", "cars", "us.yaml", "korea-us-2025")
    assert ran.status == 1
    assert "'rat'" in ran.err
    assert "KR.CARS" in ran.err
    assert ran.out.startswith("ok korea-us-2025: ")


def test_a_cycle_that_feeds_on_more_than_it_makes(folder, run):
    (folder / "cars" / "stages.csv").write_text("stage,country,product\nA,KOR,87\nB,KOR,87\n")
    (folder / "cars" / "shipments.csv").write_text("stage,market\nA,USA\n")
    (folder / "cars" / "inputs.csv").write_text("supplier,user,share\nA,B,1\nB,A,1\n")
    ran = run("check", "cars")
    assert (ran.status, ran.out) == (1, "")
    assert "A" in ran.err
    assert "Traceback" not in ran.err


def test_a_source_that_is_neither(folder, run):
    ran = run("check", "korea-us-2052", "../../x")
    assert (ran.status, ran.out) == (1, "")
    assert "Traceback" not in ran.err


def test_graphs_and_rules_are_offered_for_a_name_that_is_neither(folder, run):
    ran = run("check", "korea-us-2024", "us-2024", "nope", "us.yaml", "cars")
    assert (ran.status, ran.out.splitlines()[0]) == (1, "ok us: 2 measures, 0 relations")
    near, rules, neither = ran.err.splitlines()
    what = "is neither a file or folder nor a bundled graph or rule set."
    assert near == f"tariffgraph: 'korea-us-2024' {what} Did you mean 'korea-us-2025'?"
    assert rules == f"tariffgraph: 'us-2024' {what} Did you mean 'us-2025'?"
    assert neither.startswith(f"tariffgraph: 'nope' {what} ")
    assert neither.endswith(" graphs and rule sets are known, from 'chip-content-25' to 'usmca-ended'.")


def test_rules_are_no_graph_and_a_graph_no_rules(folder, run):
    assert run("propagate", "us-2025").err == (
        "tariffgraph: the bundled 'us-2025' is a rule set, not a production graph. Give it as rules, beside a graph.\n"
    )
    assert run("propagate", "cars", "--rules", "korea-us-2025").err == (
        "tariffgraph: the bundled 'korea-us-2025' is a production graph, not a rule set. Give it as the graph.\n"
    )


def test_a_name_longer_than_any_file_is_a_name_like_others(folder, run):
    for arguments in (["check"], ["propagate"], ["propagate", "cars", "--rules"]):
        ran = run(*arguments, "a" * 5000)
        assert (ran.status, ran.out) == (1, "")
        assert "is neither a file or folder nor a bundled " in ran.err


def test_two_graphs_with_the_same_problem_are_told_apart(folder, run):
    shutil.copytree("cars", "vans")
    for name in ("cars", "vans"):
        (folder / name / "shipments.csv").write_text("stage,market\nKR.CAR,UK\n")
    said = "shipments.csv:2, market: 'UK' is not a country. Did you mean GBR?\n"
    assert run("check", "cars", "vans/").err == f"tariffgraph: cars/{said}tariffgraph: vans/{said}"


def test_a_graph_may_hold_its_own_rules(folder, run):
    (folder / "us.yaml").rename(folder / "cars" / "us.yaml")
    (folder / "cars" / "graph.toml").write_text('rules = "us.yaml"\nas_of = 2025-07-02\n')
    assert run("check", "cars").out.startswith("ok cars: ")
    rates = run("propagate", "cars", "--format", "csv").out
    assert rates == run("propagate", "cars", "--rules", "cars/us.yaml", "--format", "csv").out
    (folder / "cars" / "us.yaml").unlink()
    ran = run("check", "cars")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("tariffgraph: cars/graph.toml:1, rules: 'us.yaml' is neither a bundled rule set nor")


def test_a_very_long_name_is_no_graph(run):
    for command in ("check", "propagate"):
        ran = run(command, "a" * 5000)
        assert (ran.status, ran.out) == (1, "")
        assert "is neither a file or folder nor a bundled" in ran.err


def test_the_bundled_data_is_in_order(run):
    ran = run("check", "korea-us-2025")
    assert ran.status == 0
    assert ran.out.startswith("ok korea-us-2025: ")
