"""Breaks S4: it goes on as if nothing had been when the disk says that it could not write."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Lines, Row


class Deaf(Lines):
    """A file of lines that hears of no error."""

    def append(self, row: Row) -> None:
        """Durable when it returns, or not."""
        with contextlib.suppress(OSError):
            super().append(row)
            return
        self.rows.append(row)


class Stoic(Conversation):
    """Keeps its log in such a file."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.log.close()
        self.log = Deaf(home / "log.jsonl")


class Broken(Honest):
    """The target."""

    name = "s4_swallows_errors"
    session = Stoic
