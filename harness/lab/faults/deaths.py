"""Deaths that the script asks for: where each waits to happen.

A death at a boundary means: that crossing was about to take effect and does not. A death in a disk
operation means that the operation never reached the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

from harness.scenario.faults import COUNTED, OPERATION, Crash, Fault, ToolFault
from harness.world.disk.choices import Tier
from harness.world.syscalls.operations import Operation

_TOOL_BOUNDARY = {"before": "tool.called", "during": "tool.halfway", "after_effect": "tool.done"}


@dataclass(frozen=True)
class Death:
    """A scripted death that has not happened yet.

    `at` is a boundary, or a disk operation as `write checkpoint` (then `call` counts its matches
    in the turn); at a boundary of a tool `call` is the n-th call, None for any.
    """

    fault: int
    turn: int
    at: str
    call: int | None
    tier: Tier = "kill"
    state: int | None = None
    torn: int | None = None
    operations: int | None = None
    """How many disk operations are left of those done, where not all; known when it happens."""

    @property
    def stored(self) -> bool:
        """Whether it falls where something has been stored, see `stored.py`."""
        return self.at.endswith(".stored")


def needs_recorder(faults: tuple[Fault, ...]) -> bool:
    """Whether a fault can only be done by somebody who sees the disk operations."""
    return any(fault.of_the_disk for fault in faults)


def scripted_deaths(faults: tuple[Fault, ...]) -> list[Death]:
    """The deaths among the faults, in the order of the script."""
    deaths = []
    for index, fault in enumerate(faults):
        what = fault.what
        if isinstance(what, Crash):
            at, number = _place(what.at)
            deaths.append(Death(index, what.turn, at, number, what.disk, what.state, what.torn))
        elif isinstance(what, ToolFault):
            deaths.append(Death(index, what.turn, _TOOL_BOUNDARY[what.crash], what.call))
    return deaths


def _place(at: str) -> tuple[str, int | None]:
    """A boundary or an operation, and the how-manieth of the turn; None for any."""
    if (operation := OPERATION.fullmatch(at)) is not None:
        return f"{operation[1]} {operation[2]}", int(operation[3] or 1)
    counted = COUNTED.fullmatch(at)
    if counted is None or counted[2] is None:
        return at, None
    return counted[1], int(counted[2])


def fits(path: str, pattern: str) -> bool:
    """Whether a file's name, or its path in the home, begins as the pattern says."""
    name = path.rpartition("/")[2]
    return any(fnmatch(one, form) for one in (name, path) for form in (pattern, f"{pattern}*"))


def torn_at(death: Death, operation: Operation) -> int | None:
    """How many bytes of the write in which it dies are done; None where none are."""
    size = len(operation.data)
    if death.torn is None or not size:
        return None
    part = death.torn if death.torn > 0 else size + death.torn
    return max(1, min(part, size))
