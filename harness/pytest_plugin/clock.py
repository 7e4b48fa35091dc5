"""Virtual time for one test, put in before it and taken out after it.

What follows the clock: `time.time`, `datetime.now` and the calendar (time-machine, names bound
early included), `time.monotonic`, `time.perf_counter` and `time.sleep` by their full name, and the
timers of event loops that are started under it. What stays real: waits in C or in `threading`, and
names such as `from time import sleep`. A timer fires at once when nothing real is under way; beside
sockets and threads of the test it first gives them a moment, so that it does not time out falsely.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
GRACE_S = 0.25
_ORIGIN_NS = 1_000_000_000
_OWN_DESCRIPTORS = 1  # the loop's self-pipe


class VirtualClock:
    """A clock that only moves when someone waits. All of it in whole nanoseconds."""

    def __init__(self, start: datetime) -> None:
        self._start_ns = int(start.timestamp()) * 1_000_000_000 + start.microsecond * 1_000
        self._elapsed_ns = 0

    @property
    def now_ns(self) -> int:
        """Nanoseconds since 1970."""
        return self._start_ns + self._elapsed_ns

    @property
    def elapsed_ns(self) -> int:
        """Nanoseconds since the test began."""
        return self._elapsed_ns

    def advance(self, duration: str | int | timedelta) -> None:
        """Let time pass: "5h", "90s", a timedelta, or nanoseconds. ValueError for anything else."""
        from harness.scenario.units import parse_duration

        duration_ns = duration if isinstance(duration, int) else parse_duration(duration)
        if duration_ns < 0:
            raise ValueError(f"expected time to go on, got {duration!r}")
        self._elapsed_ns += duration_ns

    def sleep_ns(self, delay_ns: int) -> None:
        """Let `delay_ns` pass; what a door waits with."""
        self.advance(max(0, delay_ns))

    async def asleep_ns(self, delay_ns: int) -> None:
        """The same on the running event loop, in the order of its timers."""
        import asyncio

        await asyncio.sleep(max(0, delay_ns) / 1e9)

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` is."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.advance(math.ceil(seconds * 1e9))

    def monotonic_ns(self) -> int:
        """What `time.monotonic_ns` is; it starts at one second."""
        return _ORIGIN_NS + self._elapsed_ns

    def monotonic(self) -> float:
        """What `time.monotonic` is."""
        return self.monotonic_ns() / 1e9


@contextlib.contextmanager
def virtual_time(start: datetime = START) -> Iterator[VirtualClock]:
    """Virtual time within the block."""
    clock = VirtualClock(start)

    class Follower(time_machine.Traveller):
        """Reads our clock whenever the calendar is asked."""

        def time_ns(self) -> int:
            return clock.now_ns

    with time_machine.travel(start, tick=False), pytest.MonkeyPatch.context() as patch:
        time_machine.traveller_stack[-1] = Follower(0, None, tick=False)
        patch.setattr("time.sleep", clock.sleep)
        for name in ("monotonic", "perf_counter"):
            patch.setattr(f"time.{name}", clock.monotonic)
            patch.setattr(f"time.{name}_ns", clock.monotonic_ns)
        patch.setattr("selectors.DefaultSelector", _selector(clock))
        yield clock


def _selector(clock: VirtualClock) -> type[selectors.BaseSelector]:
    """A selector whose timeouts pass on this clock."""
    others = set(threading.enumerate())

    class VirtualSelector(selectors.DefaultSelector):
        """Looks, gives real work a moment, then lets virtual time pass."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is None or timeout <= 0:
                return super().select(timeout)
            busy = len(self.get_map()) > _OWN_DESCRIPTORS or set(threading.enumerate()) - others
            if ready := super().select(min(timeout, GRACE_S) if busy else 0):
                return ready
            clock.advance(math.ceil(timeout * 1e9))
            return super().select(0)

    return VirtualSelector
