"""The reference stack with its sessions in SQLite, as a target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.lifecycle import SqliteStore, UserStore
from harness.targets.lifecycle import Lifecycle


class InSqlite(Lifecycle):
    """The target."""

    name = "lifecycle_sqlite"

    def store(self, home: Path, options: Mapping[str, Any]) -> UserStore:
        """The one database of this home; its log is SQLite's to rotate."""
        return SqliteStore(home / "sessions.db")
