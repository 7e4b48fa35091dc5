"""What is measured: groups, workloads, sizes, and how long a run may take. Plain data.

`full` keeps the whole history and gives all of it to the trimmer at each turn; `bounded` throws
away what was trimmed, so that the trimmer sees a window and one turn. Which of the two a caller has
decides the result by orders of magnitude, so both are always shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

OURS: Final = "harness"
GROUPS: Final = {
    "window": "us/turn",
    "count": "% off",
    "restore": "ms",
    "append": "us/message",
    "cost": "usd",
    "sim": "a second",
}
"""Each group and the unit of its medians; a row says its own where it differs."""
SIZES: Final = (100, 1_000, 10_000, 100_000)
WORKLOADS: Final = ("full", "bounded")
WINDOW_TOKENS: Final = 6_000
CAP_S: Final = 2.5
"""The longest that one run may measure; what would take longer is not begun."""
FILL_CAP_S: Final = 15.0
"""The longest that one run may take to be given its history."""
SETTLE_CAP_S: Final = 2.0
"""The longest that a bounded window may be talked to before it is measured as it is."""


@dataclass(frozen=True)
class Case:
    """One run: a subject under a workload at a size."""

    group: str
    subject: str
    workload: str
    size: int

    def __str__(self) -> str:
        return f"{self.subject}-{self.workload}-{self.size}".replace(" ", "_")


class UnknownGroup(ValueError):
    """A group that is not there."""


def chosen(names: list[str]) -> list[str]:
    """The groups meant, in their own order; none named means all."""
    for name in names:
        if name not in GROUPS:
            raise UnknownGroup(f"unknown group {name!r}: expected one of {', '.join(GROUPS)}")
    return [group for group in GROUPS if not names or group in names]


def room_of(group: str) -> Path:
    """The pytest module of a group."""
    return Path(str(files("harness.bench.groups") / f"{group}.py"))
