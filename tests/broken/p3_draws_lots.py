"""Breaks P3: what it asks after a restart is a matter of chance."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Row


class Fickle(Conversation):
    """Gives every process a name of its own, and tells the model."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.name = f"process-{random.getrandbits(32):08x}"

    def request(self) -> Row:
        """What the model is asked, and by whom."""
        return {**super().request(), "metadata": {"user_id": self.name}}


class Broken(Honest):
    """The target."""

    name = "p3_draws_lots"
    session = Fickle
