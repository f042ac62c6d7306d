"""tariffgraph follows tariffs through supply chains.

A production graph and the law of a day give, for every final good that crosses a border, the effective tariff
incidence: what the last border charges, what arrives embedded from upstream, and in all. The public names below
are loaded when first used; importing the package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from . import indicators
    from .customs.duty import Duty, assess
    from .customs.entry import Entry
    from .errors import (
        DatasetError,
        EntryError,
        Finding,
        GraphError,
        NotProductiveError,
        OutputError,
        RulesError,
        TariffGraphError,
        TooLargeError,
        UnknownNameError,
    )
    from .graph.networkx import from_networkx, to_networkx
    from .graph.production_graph import ProductionGraph
    from .graph.read import from_frames, read_graph
    from .graph.write import write_graph
    from .incidence.incidence import Incidence
    from .problem import Problem, compile  # noqa: A004
    from .propagation import propagate
    from .rules.read import read_rules
    from .rules.rule_set import RuleSet
    from .rules.rules import Rules
    from .scenarios.comparison import compare
    from .scenarios.sweep import sweep
    from .scenarios.timeline import Timeline, timeline

_HOME = {
    "DatasetError": "errors",
    "Duty": "customs.duty",
    "Entry": "customs.entry",
    "EntryError": "errors",
    "Finding": "errors",
    "GraphError": "errors",
    "Incidence": "incidence.incidence",
    "NotProductiveError": "errors",
    "OutputError": "errors",
    "Problem": "problem",
    "ProductionGraph": "graph.production_graph",
    "RuleSet": "rules.rule_set",
    "Rules": "rules.rules",
    "RulesError": "errors",
    "TariffGraphError": "errors",
    "Timeline": "scenarios.timeline",
    "TooLargeError": "errors",
    "UnknownNameError": "errors",
    "assess": "customs.duty",
    "compare": "scenarios.comparison",
    "compile": "problem",
    "from_frames": "graph.read",
    "from_networkx": "graph.networkx",
    "indicators": "indicators",
    "propagate": "propagation",
    "read_graph": "graph.read",
    "read_rules": "rules.read",
    "sweep": "scenarios.sweep",
    "timeline": "scenarios.timeline",
    "to_networkx": "graph.networkx",
    "write_graph": "graph.write",
}

__all__ = [
    "DatasetError",
    "Duty",
    "Entry",
    "EntryError",
    "Finding",
    "GraphError",
    "Incidence",
    "NotProductiveError",
    "OutputError",
    "Problem",
    "ProductionGraph",
    "RuleSet",
    "Rules",
    "RulesError",
    "TariffGraphError",
    "Timeline",
    "TooLargeError",
    "UnknownNameError",
    "__version__",
    "assess",
    "compare",
    "compile",
    "from_frames",
    "from_networkx",
    "indicators",
    "propagate",
    "read_graph",
    "read_rules",
    "sweep",
    "timeline",
    "to_networkx",
    "write_graph",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = import_module(f".{_HOME[name]}", __name__)
    value = home if name == _HOME[name] else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
