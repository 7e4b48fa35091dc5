"""Virtual time: whole nanoseconds in a page that the runner and the life share.

The runner owns the page; whoever waits moves the hand forward (the target's sleeps do it from
within its own process, see `harness.life.clock`). The hand starts at one second, so that a stack
which subtracts a little from "now" never sees a negative time. A second cell is the deadline: a
life that would sleep past it reports that instead (a bound on virtual hours). A third says by how
much the machine's wall clock is wrong: the life's calendar shows it, the world's does not.

A life that begins anew (`begin_at`) sees its wall clock put back and its monotonic one go on, as
a process does whose machine's date is set.
"""

from __future__ import annotations

import copy
import mmap
import os
import struct
from datetime import datetime

PAGE_BYTES = 4096
ORIGIN_NS = 1_000_000_000
_CELL = struct.Struct("<q")
_DEADLINE = 8
_WRONG_BY = 16
_NEVER = 2**63 - 1


class VirtualClock:
    """The runner's end of the page. `elapsed_ns` counts from the scenario's start."""

    def __init__(self, start: datetime) -> None:
        self.epoch_ns = int(start.timestamp()) * 1_000_000_000 + start.microsecond * 1_000
        self.descriptor = os.memfd_create("virtual-clock", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, PAGE_BYTES)
        self._page = mmap.mmap(self.descriptor, PAGE_BYTES)
        self.origin_ns = ORIGIN_NS
        """What the page holds when no time has elapsed."""
        self._set(0, ORIGIN_NS)
        self.deadline_ns = None

    @property
    def elapsed_ns(self) -> int:
        """Virtual nanoseconds since the start."""
        return self._get(0) - self.origin_ns

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since 1970, as the world has it."""
        return self.epoch_ns + self.elapsed_ns

    def elapsed_at(self, page_ns: int) -> int:
        """The elapsed time that it was when the page said this."""
        return page_ns - self.origin_ns

    def advance(self, duration_ns: int) -> None:
        """Let time pass; a negative duration is a ValueError."""
        if duration_ns < 0:
            raise ValueError(f"time does not run backwards here: {duration_ns} ns")
        self._set(0, self._get(0) + duration_ns)

    def begin_at(self, elapsed_ns: int) -> None:
        """So much time has elapsed now; the page goes on, what it counts from is moved."""
        self.origin_ns = self._get(0) - elapsed_ns
        self.deadline_ns = None
        self._set(_WRONG_BY, 0)

    def set_wall(self, jump_ns: int) -> None:
        """Set the machine's wall clock forward, or back; no time passes, nobody else notices."""
        self._set(_WRONG_BY, self._get(_WRONG_BY) + jump_ns)

    @property
    def deadline_ns(self) -> int | None:
        """The elapsed time past which a life may not sleep."""
        cell = self._get(_DEADLINE)
        return None if cell == _NEVER else cell - self.origin_ns

    @deadline_ns.setter
    def deadline_ns(self, elapsed_ns: int | None) -> None:
        self._set(_DEADLINE, _NEVER if elapsed_ns is None else elapsed_ns + self.origin_ns)

    def copy(self) -> VirtualClock:
        """Another one that shows the same, on a page of its own."""
        other = copy.copy(self)
        other.descriptor = os.memfd_create("virtual-clock", os.MFD_CLOEXEC)
        os.ftruncate(other.descriptor, PAGE_BYTES)
        other._page = mmap.mmap(other.descriptor, PAGE_BYTES)
        other._page[:] = self._page[:]
        return other

    def close(self) -> None:
        """Give the page back."""
        self._page.close()
        os.close(self.descriptor)

    def _get(self, offset: int) -> int:
        value: int = _CELL.unpack_from(self._page, offset)[0]
        return value

    def _set(self, offset: int, value: int) -> None:
        _CELL.pack_into(self._page, offset, value)
