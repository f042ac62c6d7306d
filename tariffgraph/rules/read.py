"""The door to rule sets: what was read before is recalled, all else goes to the reader (:mod:`.reader`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import RulesError
from .recall import recalled_set
from .rule_set import RuleSet
from .rules import Rules, combine

if TYPE_CHECKING:
    import os

__all__ = ["read_rules"]


def read_rules(*sources: str | os.PathLike[str] | Rules | RuleSet) -> Rules:
    """Return the rule sets of all the sources side by side, overlays laid over the sets that they extend.

    A source is a file, a folder or the name of a bundled rule set or overlay; rules that were read before may stand
    among them. An overlay extends the set of that name among the sources, else a neighbour of its file, else the
    bundled one; overlays are applied in the order given. Raises DatasetError for what cannot be opened and
    RulesError with every problem of what can.
    """
    rules = _recalled(sources)
    if rules is None:
        from .reader import Reader

        rules = Reader().read(sources)
    earlier = [finding for source in sources if isinstance(source, Rules) for finding in source.findings]
    return replace(rules, findings=tuple(dict.fromkeys((*earlier, *rules.findings))))


def _recalled(sources: tuple[str | os.PathLike[str] | Rules | RuleSet, ...]) -> Rules | None:
    """Return the rules without reading a file as text; None where one has to be, or there is a problem to tell."""
    rule_sets: list[RuleSet] = []
    places: dict[tuple[str, str], str] = {}
    for source in sources:
        if isinstance(source, Rules):
            rule_sets += source.rule_sets
        elif isinstance(source, RuleSet):
            rule_sets.append(source)
        else:
            found = recalled_set(source)
            if found is None:
                return None
            rule_sets.append(found[0])
            places.update(found[1])
    try:
        return combine(rule_sets, places)
    except RulesError:
        return None
