"""Numbers as people read them."""

import pytest

from tariffgraph.show.numbers import adding_up, money, percentages


@pytest.mark.parametrize(
    ("rates", "shown"),
    [
        ([0.275, 0.0, 1.25], ["27.50%", "0.00%", "125.00%"]),
        ([0.09875, 0.25], ["9.88%", "25.00%"]),
        ([0.00012, 0.25], ["0.012%", "25.000%"]),
        ([0.0000123, 0.25], ["0.0012%", "25.0000%"]),
        ([1e-17, 0.25], ["<0.01%", "25.00%"]),
        ([1e-7, -1e-7, 0.0000123], ["<0.0001%", ">-0.0001%", "0.0012%"]),
        ([-0.05, None, float("nan")], ["-5.00%", "-", "-"]),
        ([-0.0], ["0.00%"]),
        ([], []),
    ],
)
def test_percentages_share_their_decimals_and_nothing_that_is_not_zero_looks_like_zero(rates, shown):
    assert percentages(rates) == shown


@pytest.mark.parametrize(
    ("amounts", "shown"),
    [
        ([10.7, 0.0123, None], ["10.7000", "0.0123", "-"]),
        ([1234567.0, 250.0], ["1,234,567", "250"]),
        ([5000.0, 2.5], ["5,000.00", "2.50"]),
        ([0.0], ["0"]),
    ],
)
def test_money_is_grouped_with_three_digits_for_the_smallest(amounts, shown):
    assert money(amounts) == shown


def test_money_to_the_cent():
    assert money([5000.0, 0.0], decimals=2) == ["5,000.00", "0.00"]


def test_changes_have_their_sign():
    assert percentages([0.05, -0.25, 0.0, None], signed=True) == ["+5.00%", "-25.00%", "0.00%", "-"]
    assert money([1200.0, -3.0, 0.0], decimals=0, signed=True) == ["+1,200", "-3", "0"]


@pytest.mark.parametrize(
    ("parts", "total", "shown"),
    [
        ([1 / 3, 1 / 3, 1 / 3], 1.0, [0.34, 0.33, 0.33]),
        ([0.125, -0.25], -0.125, [0.13, -0.25]),
        ([0.0, 0.005, 0.0], 0.005, [0.0, 0.01, 0.0]),
        ([252.649, 10.596], 263.245, [252.65, 10.6]),
        ([], 0.0, []),
    ],
)
def test_parts_are_rounded_so_that_they_add_to_their_rounded_sum(parts, total, shown):
    assert adding_up(parts, total, 2) == shown
