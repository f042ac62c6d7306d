"""Parts of a value, worked by hand (docs/rules.md, Relations)."""

import pytest

from tariffgraph.customs.part import NOTHING, WHOLE, Part, part_of
from tariffgraph.rules.rate import Base

STEEL = Part(False, {"steel": 0.3})
ALUMINUM = Part(False, {"aluminum": 0.2})
BUT_US = Part(True, {"us": 0.4})


@pytest.mark.parametrize(
    ("own", "covers", "share"),
    [
        (WHOLE, [], 1.0),
        (WHOLE, [STEEL], 0.7),
        (WHOLE, [STEEL, STEEL], 0.7),  # the same kind counts once
        (WHOLE, [STEEL, ALUMINUM], 0.5),  # kinds are disjoint and add up
        (WHOLE, [WHOLE], 0.0),  # a full base covers all
        (STEEL, [WHOLE], 0.0),
        (STEEL, [ALUMINUM], 0.3),  # a content loses only a cover of its kind
        (STEEL, [STEEL], 0.0),
        (BUT_US, [STEEL], 0.3),  # value − us − steel
        (BUT_US, [BUT_US], 0.0),
        (WHOLE, [BUT_US], 0.4),  # what the cover leaves out
        (WHOLE, [BUT_US, Part(False, {"us": 0.4})], 0.0),
        (STEEL, [BUT_US], 0.0),
        (WHOLE, [Part(False, {"steel": 0.8}), Part(False, {"aluminum": 0.5})], 0.0),  # never below 0
        (NOTHING, [STEEL], 0.0),
        (WHOLE, [NOTHING], 1.0),
    ],
)
def test_what_is_left_of_a_part(own, covers, share):
    left = own
    for cover in covers:
        left = left.less(cover)
    assert left.share == pytest.approx(share, abs=1e-15)


def test_covers_in_any_order_leave_the_same():
    parts = [STEEL, BUT_US, ALUMINUM, Part(True, {"us": 0.4, "steel": 0.3})]
    for own in (WHOLE, *parts):
        for a in parts:
            for b in parts:
                assert own.less(a).less(b).share == pytest.approx(own.less(b).less(a).share, abs=1e-15)


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (STEEL, ALUMINUM, 0.5),
        (STEEL, Part(False, {"steel": 0.1}), 0.3),  # the same kind counts once
        (WHOLE, STEEL, 1.0),
        (BUT_US, STEEL, 0.6),  # what is not of the US holds all other kinds
        (BUT_US, Part(False, {"us": 0.1}), 0.7),
        (BUT_US, Part(True, {"us": 0.3}), 0.7),
        (BUT_US, Part(True, {"steel": 0.3}), 1.0),
        (NOTHING, STEEL, 0.3),
        (NOTHING, NOTHING, 0.0),
    ],
)
def test_what_is_in_one_part_or_in_another(one, other, share):
    assert one.joined(other).share == pytest.approx(share, abs=1e-15)
    assert other.joined(one).share == pytest.approx(share, abs=1e-15)


@pytest.mark.parametrize(
    ("base", "content", "share"),
    [
        (Base(), {}, 1.0),
        (Base("content", "steel"), {"steel": 0.3}, 0.3),
        (Base("content", "steel"), {"steel": 0.0}, 0.0),  # a declared 0 is known
        (Base("content", "steel"), {}, 1.0),
        (Base("content", "steel", unknown="zero"), {}, 0.0),
        (Base("without", "us"), {"us": 0.27}, 0.73),
        (Base("without", "us"), {}, 1.0),
        (Base("without", "us", at_most=0.4), {"us": 0.6}, 0.6),
        (Base("without", "us", at_most=0.4), {"us": 0.3}, 0.7),
    ],
)
def test_the_part_that_a_base_names(base, content, share):
    assert part_of(base, content).share == pytest.approx(share, abs=1e-15)
