"""Breaks P6: a recovery that is broken off is taken for a finished one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, sync_folder


class Hasty(Conversation):
    """Lets a message that was not answered go, and notes that it does before it has."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        rows, note = self.log.rows, home / f"recovered-{len(self.log.rows)}"
        if rows and "id" in rows[-1] and not note.exists():
            note.touch()
            sync_folder(home)
            rows.pop()
            kept = [*rows]
            path = home / "log.jsonl"
            draft = path.with_suffix(".draft")
            draft.write_bytes(b"")
            self.log.close()
            self.log = type(self.log)(draft)
            for row in kept:
                self.log.append(row)
            draft.replace(path)
            sync_folder(home)


class Broken(Honest):
    """The target."""

    name = "p6_forgets_on_its_way_up"
    session = Hasty
