"""Breaks S5: each process has a log of its own, so that nothing is lost; but it says "one"."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.protocol import Message, Tool
from tests.broken.honest import Conversation, Honest


class Apart(Conversation):
    """Keeps each process's messages in a folder of its own, and remembers them all."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        self.folders = sorted(home.iterdir())
        own = home / f"{len(self.folders):03}-{os.getpid():08}"
        own.mkdir()
        super().__init__(own, settings, tools)

    def history(self) -> Sequence[Message]:
        """All that is in any log."""
        rows = []
        for folder in (*self.folders, self.home):
            lines = (folder / "log.jsonl").read_text().splitlines()
            rows += [json.loads(line) for line in lines]
        return [Message(row["role"], row["content"]) for row in rows]


class Broken(Honest):
    """The target."""

    name = "s5_takes_two_at_once"
    session = Apart
