"""Disk errors that the script asks for: the next operation of that kind in the turn fails."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from harness.scenario.faults import Disk, Fault
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Fail, Go, Short, Slow

SLOW_NS = 5_000_000_000
"""What a slow disk takes for one operation, in virtual time."""


@dataclass(frozen=True)
class Failure:
    """A scripted error of a disk operation that has not happened yet."""

    fault: int
    turn: int
    on: str
    error: str


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
