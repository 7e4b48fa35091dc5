"""Scales and axes are honest: decades whole, zero in sight, nothing cut off."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bench.report.scale import Linear, Log, apart, dollars, seconds

positive = st.lists(st.floats(1e-8, 1e8), min_size=1, max_size=20)


@given(positive)
def test_a_logarithmic_axis_holds_every_value_between_whole_decades(values: list[float]) -> None:
    axis = Log.over(values, 0, 100)
    assert all(-0.01 <= axis.at(value) <= 100.01 for value in values)
    assert axis.at(axis.low) == 0
    assert axis.at(axis.high) == 100
    assert 2 <= len(axis.ticks) <= 10


@given(st.lists(st.integers(-(10**8), 10**8).map(lambda n: n / 100), max_size=20))
def test_a_linear_axis_has_zero_in_it(values: list[float]) -> None:
    axis = Linear.over(values, 10, 110)
    assert all(9.9 <= axis.at(value) <= 110.1 for value in [0.0, *values])
    assert 0.0 in axis.ticks
    assert 2 <= len(axis.ticks) <= 10


def test_a_tenfold_is_the_same_distance_everywhere() -> None:
    axis = Log.over([1, 1000], 0, 300)
    assert [axis.at(value) for value in (1, 10, 100, 1000)] == [0, 100, 200, 300]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_labels_do_not_overlap_and_keep_their_order(places: list[float]) -> None:
    moved = apart(places, 10, 0, 100)
    order = sorted(range(len(places)), key=lambda index: places[index])
    for before, after in pairwise(order):
        assert moved[after] - moved[before] >= 9.98


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert apart([10, 50, 90], 10, 0, 100) == [10, 50, 90]


@pytest.mark.parametrize(
    ("value", "told"),
    [(1.0, "1 s"), (0.25, "250 ms"), (1e-5, "10 us"), (1e-3, "1 ms"), (5e-8, "50 ns")],
)
def test_a_time_is_told_in_its_own_unit(value: float, told: str) -> None:
    assert seconds(value) == told


def test_cents_are_told_only_where_they_matter() -> None:
    assert [dollars(1.5), dollars(368.53)] == ["$1.50", "$369"]
