"""The honest stack behind a lock: a second process is turned away while the first is there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest


class Alone(Conversation):
    """Takes the lock before it reads anything, and keeps it."""

    how = fcntl.LOCK_EX | fcntl.LOCK_NB

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        self.lock = os.open(home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self.lock, self.how)
        super().__init__(home, settings, tools)

    def close(self) -> None:
        """Let go of the lock as well."""
        super().close()
        os.close(self.lock)


class Patient(Alone):
    """Waits for the lock."""

    how = fcntl.LOCK_EX


class Locked(Honest):
    """The target: breaks no promise."""

    name = "locked"
    session = Alone


class Queued(Honest):
    """The same, with a second process that waits."""

    name = "queued"
    session = Patient
