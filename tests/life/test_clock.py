"""The hand of the clock: reads and moves a page that somebody else holds too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from harness.life.clock import Hand, Waiter
from harness.world.clock import ORIGIN_NS, VirtualClock


@pytest.fixture
def shared() -> tuple[Hand, VirtualClock]:
    clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    hand = Hand()
    hand.use(clock.descriptor, clock.epoch_ns, ORIGIN_NS)
    return hand, clock


def test_both_sides_of_the_page_agree(shared: tuple[Hand, VirtualClock]) -> None:
    hand, clock = shared
    hand.sleep_ns(5)
    clock.advance(7)
    assert clock.elapsed_ns == 12
    assert hand.monotonic_ns() == ORIGIN_NS + 12
    assert hand.wall_ns() == clock.now_ns


def test_a_negative_sleep_is_none(shared: tuple[Hand, VirtualClock]) -> None:
    hand, clock = shared
    hand.sleep_ns(-5)
    asyncio.run(hand.asleep_ns(-5))
    assert clock.elapsed_ns == 0
    with pytest.raises(ValueError, match="non-negative"):
        hand.sleep(-1)


def test_seconds_are_rounded_up_to_whole_nanoseconds(shared: tuple[Hand, VirtualClock]) -> None:
    hand, clock = shared
    hand.sleep(1e-10)
    assert clock.elapsed_ns == 1


def test_sleeping_past_the_deadline_says_so(shared: tuple[Hand, VirtualClock]) -> None:
    hand, clock = shared
    called: list[bool] = []
    hand.overdue = lambda: called.append(True)
    clock.deadline_ns = 100
    hand.sleep_ns(100)
    assert not called
    hand.sleep_ns(1)
    assert called


def test_waiting_on_a_running_loop_is_told_and_letting_others_on_is_not(
    shared: tuple[Hand, VirtualClock],
) -> None:
    hand, clock = shared
    held: list[int] = []
    waiter = Waiter(hand, held.append)

    async def on_the_loop() -> None:
        waiter.sleep_ns(7)
        waiter.sleep_ns(0)
        await waiter.asleep_ns(0)
        await asyncio.to_thread(waiter.sleep_ns, 9)

    waiter.sleep_ns(5)
    asyncio.run(on_the_loop())
    assert held == [7]
    assert clock.elapsed_ns == 21
