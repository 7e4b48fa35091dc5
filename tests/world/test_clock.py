"""The shared page: whole nanoseconds, forwards only, a deadline beside them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.world.clock import ORIGIN_NS, VirtualClock

START = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)


def test_time_starts_where_the_scenario_says_and_moves_by_whole_nanoseconds() -> None:
    clock = VirtualClock(START)
    assert clock.elapsed_ns == 0
    assert clock.now_ns == int(START.timestamp()) * 10**9 + 250_000_000
    clock.advance(5 * 3600 * 10**9 + 1)
    assert clock.elapsed_ns == 18_000_000_000_001
    clock.close()


def test_time_does_not_run_backwards() -> None:
    clock = VirtualClock(START)
    with pytest.raises(ValueError, match="does not run backwards"):
        clock.advance(-1)
    clock.close()


def test_a_deadline_is_set_and_taken_away() -> None:
    clock = VirtualClock(START)
    assert clock.deadline_ns is None
    clock.deadline_ns = 10
    assert clock.deadline_ns == 10
    clock.deadline_ns = None
    assert clock.deadline_ns is None
    clock.close()


def test_it_begins_anew_while_the_page_goes_on() -> None:
    clock = VirtualClock(START)
    clock.advance(7)
    clock.deadline_ns = 9
    clock.begin_at(3)
    assert (clock.elapsed_ns, clock.deadline_ns) == (3, None)
    assert clock.origin_ns == ORIGIN_NS + 4
    clock.advance(5)
    assert clock.elapsed_ns == 8
    clock.close()
