"""Virtual time inside a life: every clock of the process reads the shared page.

What agrees: `time.time/monotonic/perf_counter` and their `_ns` twins, `time.sleep`, names bound
early (`from time import sleep`), `threading` waits with a timeout, the event loop (see
`harness.life.waiting`), and, where time-machine can be imported, `datetime.now`, `gmtime`,
`localtime`, `strftime` and `uuid1` too. What stays real: waits in C with a timeout of their own
(`Lock.acquire(timeout=…)`, `select.select`), `process_time`, and `subprocess`, whose children live
in real time.

Put in once, in the warm server; each life then points it at its own page (`Hand.use`).
"""

from __future__ import annotations

import contextlib
import importlib
import math
import mmap
import struct
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Container
from typing import Any

REAL = {
    name: getattr(time, name)
    for name in (
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "sleep",
    )
}
"""The clocks of the machine. Where time-machine is at work, `time` and `time_ns` here are virtual
all the same (it turns the functions themselves); the others are real."""

_CELL = struct.Struct("<q")
_DEADLINE = 8
_WRONG_BY = 16
_REAL_TIME_ROOMS = ("time", "subprocess", __name__)


class Hand:
    """The hand of the clock: reads and moves the page that the runner shares."""

    def __init__(self) -> None:
        self._page: Any = bytearray(
            _CELL.pack(1_000_000_000) + _CELL.pack(2**63 - 1) + _CELL.pack(0)
        )
        self._offset_ns: int = REAL["time_ns"]() - 1_000_000_000
        self._lock = threading.Lock()
        self.overdue: Callable[[], None] = lambda: None

    def use(self, descriptor: int, epoch_ns: int, origin_ns: int) -> None:
        """Read this page from now on; `epoch_ns` is the wall time at `origin_ns`."""
        self._page = mmap.mmap(descriptor, 4096)
        self.turn(epoch_ns, origin_ns)

    def turn(self, epoch_ns: int, origin_ns: int) -> None:
        """Let the wall show another time; the clock that never goes back stays where it is."""
        self._offset_ns = epoch_ns - origin_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never goes back."""
        value: int = _CELL.unpack_from(self._page, 0)[0]
        return value

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, by a clock that may have been set wrong."""
        wrong_by: int = _CELL.unpack_from(self._page, _WRONG_BY)[0]
        return self.monotonic_ns() + self._offset_ns + wrong_by

    def sleep_ns(self, duration_ns: int) -> None:
        """Let time pass. Past the deadline `overdue` is called, which does not come back."""
        with self._lock:
            then = self.monotonic_ns() + max(0, duration_ns)
            if then > _CELL.unpack_from(self._page, _DEADLINE)[0]:
                self.overdue()
            _CELL.pack_into(self._page, 0, then)

    async def asleep_ns(self, duration_ns: int) -> None:
        """Let time pass on the running event loop."""
        import asyncio

        if duration_ns > 0:
            await asyncio.sleep(duration_ns / 1e9)

    def sleep(self, seconds: float) -> None:
        """What `time.sleep` becomes."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.sleep_ns(math.ceil(seconds * 1e9))


class Waiter:
    """The hand as a client waits by it; `blocked` hears where an event loop stands still so long.

    A client that does not know of the loop it is called on holds up everybody who is on it.
    """

    def __init__(self, hand: Hand, blocked: Callable[[int], None]) -> None:
        self._hand = hand
        self._blocked = blocked

    def sleep_ns(self, duration_ns: int) -> None:
        """Wait, and nobody else on this thread gets on."""
        import asyncio

        if duration_ns > 0 and asyncio._get_running_loop() is not None:
            self._blocked(duration_ns)
        self._hand.sleep_ns(duration_ns)

    async def asleep_ns(self, duration_ns: int) -> None:
        """Wait, and let others get on."""
        await self._hand.asleep_ns(duration_ns)


HAND = Hand()
_FOUND: list[tuple[types.ModuleType, str, str]] = []


def _faces(hand: Hand) -> dict[str, Callable[..., Any]]:
    return {
        "time": lambda: hand.wall_ns() / 1e9,
        "time_ns": hand.wall_ns,
        "monotonic": lambda: hand.monotonic_ns() / 1e9,
        "monotonic_ns": hand.monotonic_ns,
        "perf_counter": lambda: hand.monotonic_ns() / 1e9,
        "perf_counter_ns": hand.monotonic_ns,
        "sleep": hand.sleep,
    }


def install(hand: Hand = HAND) -> bool:
    """Put virtual time into this process, once, after everything that will be used is imported.

    False where time-machine is not there, and the calendar (`datetime.now`, …) stays real.
    """
    real_time = types.SimpleNamespace(**{**vars(time), **REAL})
    faces = _faces(hand)
    if whole := _install_calendar(hand):
        # time-machine has changed these two from within, early-bound names included.
        del faces["time"], faces["time_ns"]
    _FOUND.extend(_early_bound(faces))
    for name, face in faces.items():
        replace(name, face)
    subprocess.time = real_time  # type: ignore[attr-defined]
    return whole


def import_ahead() -> None:
    """Import what `install` needs: it takes longer than the installing."""
    with contextlib.suppress(ImportError):
        importlib.import_module("time_machine")


def replace(name: str, face: Callable[..., Any]) -> None:
    """Let `time.NAME`, and every copy of it bound before `install`, be this."""
    for module, alias, key in _FOUND:
        if key == name:
            setattr(module, alias, face)
    setattr(time, name, face)


def _early_bound(names: Container[str]) -> list[tuple[types.ModuleType, str, str]]:
    keys = {id(function): name for name, function in REAL.items() if name in names}
    found = []
    for module in list(sys.modules.values()):
        if not isinstance(module, types.ModuleType) or module.__name__ in _REAL_TIME_ROOMS:
            continue
        for name, value in list(vars(module).items()):
            if id(value) in keys:
                found.append((module, name, keys[id(value)]))
    return found


def _install_calendar(hand: Hand) -> bool:
    """Let time-machine turn the C level; False where this interpreter does not have it."""
    try:
        import time_machine
    except ImportError:
        return False

    class Follower(time_machine.Traveller):
        """Reads the page whenever the calendar is asked."""

        def time_ns(self) -> int:
            return hand.wall_ns()

    # It must come before any name in `time` is replaced: it patches the functions it finds there.
    time_machine.travel(hand.wall_ns() // 1_000_000_000, tick=False).start()
    time_machine.traveller_stack[-1] = Follower(0, None, tick=False)
    return True
