"""Disk errors: those that the script asks for, at the next operation of a kind in a turn, and one
that is asked for by the number of an operation in the whole run."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from harness.scenario.faults import Disk, Fault
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Fail, Go, Short, Slow

DISK_ERRORS = ("ENOSPC", "EIO")
"""Those that reach the target; a slow or a short operation has done its work."""
SLOW_NS = 5_000_000_000
"""What a slow disk takes for one operation, in virtual time."""


@dataclass(frozen=True)
class Failure:
    """A scripted error of a disk operation that has not happened yet."""

    fault: int
    turn: int
    on: str
    error: str


@dataclass
class DiskError:
    """ENOSPC or EIO at operation `number` of the run (from 0), whatever it is.

    `EIO` happens once. With `ENOSPC` the disk stays full for whatever needs room until the call to
    the target is over; then there is space again. `life` is the one that met it.
    """

    number: int
    error: str
    life: int | None = None
    over: bool = False

    def hits(self, done: int, operation: Operation) -> bool:
        """Whether this operation fails, of which there were `done` before."""
        if self.over or done < self.number:
            return False
        if done == self.number:
            return True
        needs_room = operation.kind in _NEED_ROOM or operation.call == "fallocate"
        return self.error == "ENOSPC" and needs_room


_NEED_ROOM = frozenset({"create", "write", "mkdir", "link", "symlink"})
"""To cut a file, or to make a hole, needs none."""


def scripted_failures(faults: tuple[Fault, ...]) -> list[Failure]:
    """The disk errors among the faults, in the order of the script."""
    return [
        Failure(index, fault.what.turn, fault.what.on, fault.what.error)
        for index, fault in enumerate(faults)
        if isinstance(fault.what, Disk)
    ]


def failing(error: str, operation: Operation) -> Decision:
    """What becomes of an operation that is to meet this error."""
    if error == "slow":
        return Slow(SLOW_NS)
    if error == "short":
        return Short(max(1, len(operation.data) // 2)) if operation.data else Go()
    return Fail(getattr(errno, error))
