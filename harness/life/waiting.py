"""Waiting in virtual time: loops, `threading` and `time.sleep`, without lying to real work.

Time jumps to a sleeper's deadline only when nothing real is under way (no executor job, no foreign
descriptor on the loop, no thread that is neither asleep nor idle), and the earliest sleeper goes
first. Otherwise real time is given and virtual time stands still (else a `wait_for` around real
work would time out falsely). What is merely idle, a kept-alive connection or a thread that blocks
for ever, gets a short grace, then time goes on.
"""

from __future__ import annotations

import contextlib
import math
import select
import selectors
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from harness.life import clock
from harness.life.clock import HAND, Hand

SLICE_S = 0.002
GRACE_S = 1.0
SETTLE_S = 0.01
"""Real time that a thread which blocks for ever gets to show that it was just woken."""
_OWN_DESCRIPTORS = 1  # the loop's self-pipe
_NEVER = 2**63
_IDLE_THREADS = ("ThreadPoolExecutor", "asyncio_")

_RealSelector = selectors.DefaultSelector


class _Sleepers:
    """Who waits until when, and how many executor jobs are running."""

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.jobs = 0
        self.lock = threading.Lock()
        self._deadlines: dict[int, int] = {}

    def wait(
        self,
        deadline_ns: int,
        look: Callable[[float], Any],
        foreign: Callable[[], bool] = lambda: False,
    ) -> Any:
        """What `look(real seconds)` finds, or its last empty answer once virtual time is there."""
        me = threading.get_ident()
        with self.lock:
            self._deadlines[me] = deadline_ns
        waited = 0.0
        try:
            while not (ready := look(0)) and self.hand.monotonic_ns() < deadline_ns:
                if self._my_turn(me, waited, foreign()):
                    self.hand.sleep_ns(deadline_ns - self.hand.monotonic_ns())
                    return look(0)
                if ready := look(SLICE_S):
                    return ready
                waited += SLICE_S
            return ready
        finally:
            with self.lock:
                del self._deadlines[me]

    def _my_turn(self, me: int, waited: float, foreign: bool) -> bool:
        if threading.active_count() == 1:
            return not foreign or waited >= GRACE_S
        with self.lock:
            mine = self._deadlines[me]
            if self.jobs or any(other < mine for other in self._deadlines.values()):
                return False
            others = [
                self._deadlines.get(thread.ident or 0)
                for thread in threading.enumerate()
                if not thread.name.startswith(_IDLE_THREADS)
            ]
        if foreign or None in others:
            return waited >= GRACE_S
        return _NEVER not in others or waited >= SETTLE_S

    @contextlib.contextmanager
    def idle(self) -> Iterator[None]:
        """While this thread waits for ever: it is nobody that time must wait for."""
        me = threading.get_ident()
        with self.lock:
            self._deadlines[me] = _NEVER
        try:
            yield
        finally:
            with self.lock:
                del self._deadlines[me]

    def began(self) -> None:
        """An executor job was handed in."""
        with self.lock:
            self.jobs += 1

    def ended(self, _future: object) -> None:
        """It is done."""
        with self.lock:
            self.jobs -= 1


SLEEPERS = _Sleepers(HAND)


def _deadline_ns(seconds: float) -> int:
    return HAND.monotonic_ns() + max(1, math.ceil(min(seconds, threading.TIMEOUT_MAX) * 1e9))


class VirtualSelector(_RealSelector):
    """A selector whose timeout is virtual."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; or nothing, and time has passed by `timeout` seconds."""
        look: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]] = super().select
        if timeout is None or timeout <= 0:
            return look(timeout)
        ready: list[tuple[selectors.SelectorKey, int]] = SLEEPERS.wait(
            _deadline_ns(timeout), look, lambda: len(self.get_map()) > _OWN_DESCRIPTORS
        )
        return ready


def install() -> None:
    """Make event loops, `threading` waits and sleeps virtual, once, after `clock.install`."""
    selectors.DefaultSelector = VirtualSelector  # type: ignore[misc]
    submit = ThreadPoolExecutor.submit
    wait = threading.Condition.wait

    def counted_submit(self: ThreadPoolExecutor, *args: Any, **kwargs: Any) -> Future[Any]:
        SLEEPERS.began()
        try:
            future = submit(self, *args, **kwargs)
        except BaseException:
            SLEEPERS.ended(None)
            raise
        future.add_done_callback(SLEEPERS.ended)
        return future

    def virtual_wait(self: threading.Condition, timeout: float | None = None) -> bool:
        if timeout is None:
            with SLEEPERS.idle():
                return wait(self)
        if timeout <= 0:
            return wait(self, timeout)
        return bool(SLEEPERS.wait(_deadline_ns(timeout), lambda slice_s: wait(self, slice_s)))

    clock.replace("sleep", _sleep)
    ThreadPoolExecutor.submit = counted_submit  # type: ignore[method-assign, assignment]
    threading.Condition.wait = virtual_wait  # type: ignore[method-assign]


def _sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    if threading.active_count() == 1:
        HAND.sleep(seconds)
    else:
        SLEEPERS.wait(_deadline_ns(seconds), _give_time)


def _give_time(real_s: float) -> None:
    # Not a sleep: those of the target may be trapped, and be over at once.
    select.select((), (), (), real_s)
