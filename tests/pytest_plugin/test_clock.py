"""Virtual time for one test."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pytest_plugin.clock import START, VirtualClock, virtual_time
from harness.scenario.units import format_duration

HOUR_NS = 3_600_000_000_000
early_sleep, early_time, real_monotonic = time.sleep, time.time, time.monotonic


def test_all_clocks_start_together_and_go_on_together() -> None:
    with virtual_time() as clock:
        before = time.monotonic()
        clock.advance("5h")
        assert time.monotonic() - before == 18_000
        assert datetime.now(UTC) == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
        assert time.time_ns() == clock.now_ns
        assert early_time() == time.time()
        assert time.strftime("%H:%M", time.gmtime()) == "14:00"
        assert clock.elapsed_ns == 5 * HOUR_NS


def test_sleeping_costs_nothing() -> None:
    began = real_monotonic()
    with virtual_time() as clock:
        time.sleep(3_600)
        assert clock.elapsed_ns == HOUR_NS
    assert real_monotonic() - began < 60


def test_the_timers_of_an_event_loop_fire_in_their_order() -> None:
    heard: list[tuple[str, float]] = []

    async def wait(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        heard.append((name, asyncio.get_running_loop().time()))

    async def both() -> None:
        await asyncio.gather(wait("late", 7_200), wait("early", 3_600))

    with virtual_time() as clock:
        asyncio.run(both())
        assert 2 * HOUR_NS <= clock.elapsed_ns < 2 * HOUR_NS + 1_000_000
    assert [name for name, _ in heard] == ["early", "late"]


def test_a_timeout_around_real_work_is_not_false() -> None:
    async def work() -> int:
        with ThreadPoolExecutor(1) as pool:
            job = asyncio.get_running_loop().run_in_executor(pool, sum, range(200_000))
            return await asyncio.wait_for(job, timeout=1)

    with virtual_time():
        assert asyncio.run(work()) == sum(range(200_000))


def test_after_it_time_is_real_again() -> None:
    with virtual_time():
        pass
    assert time.sleep is early_sleep
    assert time.monotonic is real_monotonic
    assert abs(time.time() - START.timestamp()) > 1


@pytest.mark.parametrize("wrong", ["soon", -1, timedelta(seconds=-1)])
def test_time_does_not_go_back_nor_by_unknown_words(wrong: str | int | timedelta) -> None:
    clock = VirtualClock(START)
    with pytest.raises(ValueError, match=r"expected time to go on|a duration such as"):
        clock.advance(wrong)


def test_a_negative_sleep_is_refused_as_the_real_one_does() -> None:
    with virtual_time(), pytest.raises(ValueError, match="must be non-negative"):
        time.sleep(-1)


@given(st.lists(st.integers(0, 10**18), max_size=20))
def test_not_a_nanosecond_is_lost(durations: list[int]) -> None:
    """Law: however time is said, the clock shows the exact sum."""
    clock = VirtualClock(START)
    for index, duration_ns in enumerate(durations):
        clock.advance(duration_ns if index % 2 else format_duration(duration_ns))
    assert clock.elapsed_ns == sum(durations)


def test_a_door_waits_on_it() -> None:
    with virtual_time() as clock:
        clock.sleep_ns(HOUR_NS)
        asyncio.run(clock.asleep_ns(HOUR_NS))
        assert 2 * HOUR_NS <= clock.elapsed_ns < 2 * HOUR_NS + 1_000_000
