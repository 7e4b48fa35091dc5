"""Durations: what people write is exact, and comes back as short as it can."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scenario.units import format_duration, format_jump, parse_duration, parse_jump


@given(st.integers(0, 2**62))
def test_what_is_formatted_is_parsed_back_exactly(duration_ns: int) -> None:
    assert parse_duration(format_duration(duration_ns)) == duration_ns


@pytest.mark.parametrize(
    ("text", "ns"),
    [("90s", 90 * 10**9), ("1.5h", 5_400 * 10**9), ("800ms", 8 * 10**8), ("2d", 172_800 * 10**9)],
)
def test_durations_read_as_people_write_them(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


def test_a_timedelta_is_exact_to_the_microsecond() -> None:
    assert parse_duration(timedelta(days=1, microseconds=1)) == 86_400_000_001_000


@pytest.mark.parametrize("value", ["5x", "", "h", "-3s", 5, None, "3 m"])
def test_anything_else_is_refused_with_examples(value: object) -> None:
    with pytest.raises(ValueError, match="90s, 3m, 5h or 2d"):
        parse_duration(value)


@given(st.integers(-(2**62), 2**62))
def test_a_jump_that_is_formatted_is_parsed_back_exactly(jump_ns: int) -> None:
    assert parse_jump(format_jump(jump_ns)) == jump_ns


@pytest.mark.parametrize(("text", "seconds"), [("-2h", -7200), ("+90s", 90), ("30m", 1800)])
def test_a_jump_goes_forward_or_with_a_minus_back(text: str, seconds: int) -> None:
    assert parse_jump(text) == seconds * 10**9


def test_a_jump_has_one_sign() -> None:
    with pytest.raises(ValueError, match="90s, 3m, 5h or 2d"):
        parse_jump("--2h")
