"""Breaks S2: a lock that a killed process left behind keeps everyone out for ever."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest


class Locked(Conversation):
    """Takes a lock file on opening, and gives it back only on closing."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        (home / "lock").touch(exist_ok=False)
        super().__init__(home, settings, tools)

    def close(self) -> None:
        """Give the lock back."""
        super().close()
        (self.home / "lock").unlink()


class Broken(Honest):
    """The target."""

    name = "s2_trips_over_its_lock"
    session = Locked
