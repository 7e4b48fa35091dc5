"""How a command ends early: what to say, and the exit code."""

from __future__ import annotations

from pathlib import Path

from harness.report import replay

INTERRUPTED, INVALID, USAGE, NOTHING = 2, 3, 4, 5

SHELF = Path(replay.SHELF)
"""Where scenarios are looked for when no path is given."""


class Stop(Exception):
    """Say this on stderr and leave with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
