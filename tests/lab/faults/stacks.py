"""Stacks of other makes for the tests of the `*.stored` boundaries: rows in a database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool
from tests.broken.honest import Conversation, Honest, Row


class Table:
    """What `Lines` of the honest stack is, as a table of a SQLite database."""

    def __init__(self, database: sqlite3.Connection, name: str) -> None:
        self.database = database
        self.name = name
        database.execute(f"CREATE TABLE IF NOT EXISTS {name} (row TEXT)")
        rows = database.execute(f"SELECT row FROM {name} ORDER BY rowid")
        self.rows: list[Row] = [json.loads(row) for (row,) in rows]

    def append(self, row: Row) -> None:
        """Durable when it returns."""
        self.database.execute(f"INSERT INTO {self.name} VALUES (?)", (json.dumps(row),))
        self.rows.append(row)

    def close(self) -> None:
        """Nothing of its own."""


class InRows(Conversation):
    """The honest stack on a database."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home / "unused", settings, tools)
        self.database = sqlite3.connect(home / "session.db", isolation_level=None)
        self.database.execute("PRAGMA synchronous=FULL")
        self.log = Table(self.database, "log")  # type: ignore[assignment]
        self.journal = Table(self.database, "journal")  # type: ignore[assignment]


class Rows(Honest):
    """The target."""

    name = "rows"
    session = InRows

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, Any],
        tools: Mapping[str, Tool],
    ) -> Conversation:
        """Open the session; the honest stack's own files have a folder beside the database."""
        (home / "unused").mkdir(exist_ok=True)
        return super().open(home, session_id, settings, tools)
