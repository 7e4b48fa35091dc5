"""Breaks P1: what it loads after a restart has a turn cut out of its middle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest


class Forgetful(Conversation):
    """Keeps the first turn and the newest ones, as a cache of the head and the tail would."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        if len(self.log.rows) > 4:
            del self.log.rows[2:4]


class Broken(Honest):
    """The target."""

    name = "p1_forgets_middle"
    session = Forgetful
