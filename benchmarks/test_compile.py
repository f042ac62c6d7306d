"""A graph becomes a problem: facts, classes, what each owes, and the structure."""

import tables
from checks import about, assert_excess

import tariffgraph as tg


@about("S", "M")
def test_problem(benchmark, case):
    graph, rules = tables.graph_of(case), tg.read_rules(tables.RULES)
    problem = tg.compile(graph, rules, as_of=tables.AS_OF)
    assert_excess(problem, problem.rates, problem.excess_prices())
    benchmark(tg.compile, graph, rules, as_of=tables.AS_OF)
