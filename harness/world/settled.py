"""Several threads: whose call is taken next, and when an operation that was let go is over.

Threads race, and a case is to play the same every time. So a thread in the background is served
when all others of its process sleep or wait: what it writes is written as late as it can be, as on
a machine where it never gets a turn before.

A trapped call that is let go takes effect at some moment after that, and nobody hears of it. The
next call of the same thread proves that it did. Before the call of another thread is understood,
the effect must be there to be seen: else two appends would be given the same place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from harness.world.syscalls.operations import Operation

RUNS_ON_S = 0.5
"""A thread that does not come to rest for so long is not waited for."""
PATIENCE_S = 0.5
"""An operation that fails after all, unforeseen, has no effect to wait for."""


def at_rest(process: int, thread: int) -> bool:
    """Whether every other thread of a process slept at some moment between two looks."""
    before = _asleep(process, thread)
    return before is not None and before == _asleep(process, thread)


def _asleep(process: int, thread: int) -> Mapping[str, str] | None:
    """How often each other thread has run; None where one does now."""
    folder, runs = f"/proc/{process}/task", {}
    try:
        for name in os.listdir(folder):
            if name == str(thread):
                continue
            runs[name] = _read(f"{folder}/{name}/schedstat")
            if _read(f"{folder}/{name}/stat").rpartition(")")[2].split()[0] != "S":
                return None
    except (FileNotFoundError, ProcessLookupError):
        # It has come or gone meanwhile; look again.
        return None if os.path.exists(folder) else {}
    return runs


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


class Pending:
    """The last operation of each thread of a life, while it may be under way."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._by_thread: dict[int, Operation] = {}

    def let_go(self, operation: Operation) -> None:
        """It takes effect from now on."""
        self._by_thread[operation.thread] = operation

    def settle(self, thread: int) -> None:
        """This thread makes its next call; wait for what the others have begun."""
        self._by_thread.pop(thread, None)
        if not self._by_thread:
            return
        deadline = time.monotonic() + PATIENCE_S
        for operation in self._by_thread.values():
            while not seen(operation, self._home) and time.monotonic() < deadline:
                os.sched_yield()
        self._by_thread.clear()


def seen(operation: Operation, home: str) -> bool:
    """Whether its effect can be seen; True for one that shows none."""
    path = os.path.join(home, operation.path or "")
    if operation.path is None:
        return True
    if operation.kind in ("create", "symlink", "mkdir"):
        return os.path.lexists(path)
    if operation.kind in ("unlink", "rmdir"):
        return not os.path.lexists(path)
    if operation.kind == "link":
        return os.path.lexists(os.path.join(home, operation.to or ""))
    if operation.kind == "rename":
        # Two that change places look the same before and after.
        return operation.exchange or not os.path.lexists(path)
    if operation.kind in ("write", "truncate"):
        return _holds(path, operation)
    return True


def _holds(path: str, operation: Operation) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        # It has lost its name since, which came after.
        return True
    try:
        if operation.kind == "truncate":
            return os.fstat(file).st_size == operation.size
        return os.pread(file, len(operation.data), operation.offset) == operation.data
    finally:
        os.close(file)
