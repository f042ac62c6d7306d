"""`tariffgraph check`: what is in order and what is surprising on stdout, problems on stderr."""

from __future__ import annotations


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


def test_the_bundled_data_is_in_order(run):
    ran = run("check", "korea-us-2025")
    assert ran.status == 0
    assert ran.out.startswith("ok korea-us-2025: ")
