"""Breaks S1: what it acknowledged is only in memory until the session is closed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Row


class Lazy(Conversation):
    """Writes the log when it is told to close."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.unwritten: list[Row] = []

    def remember(self, row: Row) -> None:
        """Keep the message in memory."""
        self.log.rows.append(row)
        self.unwritten.append(row)

    def close(self) -> None:
        """Write everything, at last."""
        for row in self.unwritten:
            self.log.append(row)
        super().close()


class Broken(Honest):
    """The target."""

    name = "s1_writes_at_close"
    session = Lazy
