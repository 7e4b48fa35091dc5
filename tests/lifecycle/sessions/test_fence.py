"""Never more than k turns in any window, at any alignment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import Fence, RateFenced

SECOND = 1_000_000_000


def admitted(fence: Fence, user_id: str) -> bool:
    try:
        fence.enter(user_id)
    except RateFenced:
        return False
    return True


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 4))
def test_no_window_holds_more_than_k_and_none_is_turned_away_for_nothing(
    gaps: list[int], most: int
) -> None:
    time = 10**6 * SECOND
    clock = [time]
    fence = Fence(most, now=lambda: clock[0])
    let_in: list[int] = []
    for gap in gaps:
        clock[0] += gap * SECOND
        recent = [t for t in let_in if clock[0] - t < 60 * SECOND]
        if admitted(fence, "ada"):
            let_in.append(clock[0])
            assert len(recent) < most
        else:
            assert len(recent) == most


def test_the_refusal_says_how_long_to_wait_and_means_it() -> None:
    clock = [100 * SECOND]
    fence = Fence(1, now=lambda: clock[0])
    fence.enter("ada")
    clock[0] += 20 * SECOND
    with pytest.raises(RateFenced, match=r"40\.0 seconds") as refused:
        fence.enter("ada")
    clock[0] += int(refused.value.retry_after_s * SECOND) - 1
    assert not admitted(fence, "ada")
    clock[0] += 1
    assert admitted(fence, "ada")


def test_one_users_crowd_costs_another_user_nothing() -> None:
    fence = Fence(1, now=lambda: 0)
    assert admitted(fence, "ada")
    assert not admitted(fence, "ada")
    assert admitted(fence, "eve")


def test_a_clock_that_jumps_back_does_not_open_it() -> None:
    clock = [1000 * SECOND]
    fence = Fence(1, now=lambda: clock[0])
    fence.enter("ada")
    clock[0] = 0
    assert not admitted(fence, "ada")


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 4), st.integers(0, 59))
def test_a_fence_that_is_told_what_was_admitted_goes_on_as_the_one_before(
    gaps: list[int], most: int, restart: int
) -> None:
    clock = [10**6 * SECOND]
    always, fence = (Fence(most, now=lambda: clock[0]) for _ in range(2))
    let_in: list[int] = []
    for number, gap in enumerate(gaps):
        clock[0] += gap * SECOND
        if number == restart:
            fence = Fence(most, now=lambda: clock[0])
            fence.restore("ada", let_in)
        expected = admitted(always, "ada")
        assert admitted(fence, "ada") is expected
        if expected:
            let_in.append(clock[0])


def test_what_a_wrong_clock_admitted_in_the_future_is_waited_for_no_longer_than_the_window() -> (
    None
):
    clock = [1000 * SECOND]
    fence = Fence(1, now=lambda: clock[0])
    fence.restore("ada", [10**6 * SECOND])
    assert not admitted(fence, "ada")
    clock[0] += 60 * SECOND
    assert admitted(fence, "ada")


def test_quiet_users_are_forgotten() -> None:
    clock = [0]
    fence = Fence(2, now=lambda: clock[0])
    for number in range(5000):
        clock[0] += SECOND
        fence.enter(f"user {number}")
    assert len(fence._admitted) < 2500


def test_a_fence_that_lets_nobody_in_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1 turn"):
        Fence(0)
