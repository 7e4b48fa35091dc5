"""Breaks S3: what is said first after a recovery stays in memory until the turn after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Row


class Hesitant(Conversation):
    """Trusts a recovered log only once it has seen a whole turn go by."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.hesitates = bool(self.log.rows)
        self.unwritten: list[Row] = []

    def send(self, message_id: str, text: str) -> str:
        """Write down what the turn before left unwritten, and answer."""
        if self.unwritten:
            self.hesitates = False
            for row in self.unwritten:
                self.log.append(row)
                self.log.rows.pop()
            self.unwritten = []
        return super().send(message_id, text)

    def remember(self, row: Row) -> None:
        """Add a message to the log, or to what will be written later."""
        if self.hesitates:
            self.log.rows.append(row)
            self.unwritten.append(row)
        else:
            super().remember(row)


class Broken(Honest):
    """The target."""

    name = "s3_keeps_the_next_turn_to_itself"
    session = Hesitant
