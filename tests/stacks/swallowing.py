"""A target that acknowledges whatever its disk says: errors are logged, and that is all."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Row


class Careless(Conversation):
    """Goes on when a message could not be written."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.troubles = 0

    def remember(self, row: Row) -> None:
        """Write it, or at least keep it in mind."""
        size = os.fstat(self.log.file).st_size
        try:
            self.log.append(row)
        except OSError:
            self.troubles += 1
            os.ftruncate(self.log.file, size)
            self.log.rows.append(row)


class Swallowing(Honest):
    """The target."""

    name = "swallowing"
    session = Careless
