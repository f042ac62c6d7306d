"""``pytest benchmarks [--size full]``: every phase timed by pytest-benchmark, what is timed being checked first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import cases


def pytest_addoption(parser: pytest.Parser) -> None:
    help_ = "small: the same shapes at a size that takes seconds in all; full: those of the tables in README.md"
    parser.addoption("--size", choices=["small", "full"], default="small", help=help_)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("size") == "small":
        for item in items:
            item.add_marker(pytest.mark.benchmark(max_time=0.1, min_rounds=2))


@pytest.fixture(scope="session")
def registry(request: pytest.FixtureRequest) -> dict:
    return cases.CASES if request.config.getoption("size") == "full" else cases.SMALL


@pytest.fixture
def case(request: pytest.FixtureRequest, registry: dict) -> cases.Case:
    """The case that the test names."""
    if request.param == "WIOD 2011" and not cases.DATA.exists():
        pytest.skip("the World Input–Output Table is not part of the project: ../shared/data/wiod-2011 is absent")
    return registry[request.param]()


@pytest.fixture
def ready(case: cases.Case, monkeypatch: pytest.MonkeyPatch) -> cases.Ready:
    """The same as the kernels take it; they are compiled at every size."""
    monkeypatch.setenv("TARIFFGRAPH_JIT", "1")
    monkeypatch.setenv("TARIFFGRAPH_KEEP", "0")
    return cases.ready(case)
