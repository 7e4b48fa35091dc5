"""Small stores: one writes back all that it has read, the others leave it to SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from harness.protocol import Message


class Rewriting:
    """Reads the file, adds a message, writes the file."""

    name = "rewriting"

    def open_store(self, home: Path, session_id: str) -> Rewriting:
        """One file a session."""
        self._file = home / f"{session_id}.json"
        return self

    def append(self, message: Message) -> None:
        """Nobody else writes meanwhile, it thinks."""
        all_of_them = [vars(one) for one in [*self.load(), message]]
        temporary = self._file.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(all_of_them), encoding="utf-8")
        temporary.rename(self._file)

    def load(self) -> Sequence[Message]:
        """What the file says."""
        if not self._file.exists():
            return []
        return [Message(**said) for said in json.loads(self._file.read_text(encoding="utf-8"))]

    def close(self) -> None:
        """Nothing is held open."""


class Inserting:
    """A row a message; whoever finds the database locked waits for up to five seconds."""

    name = "inserting"

    def open_store(self, home: Path, session_id: str) -> Inserting:
        """One database."""
        self._database = sqlite3.connect(home / "rows.db", isolation_level=None)
        self._database.execute("create table if not exists rows(said text)")
        return self

    def append(self, message: Message) -> None:
        """One transaction."""
        self._database.execute("insert into rows values(?)", (json.dumps(vars(message)),))

    def load(self) -> Sequence[Message]:
        """The rows in order."""
        rows = self._database.execute("select said from rows order by rowid").fetchall()
        return [Message(**json.loads(said)) for (said,) in rows]

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


class Logging(Inserting):
    """The same with a write-ahead log, which SQLite copies into the database as it is closed."""

    name = "logging"

    def open_store(self, home: Path, session_id: str) -> Logging:
        """One database."""
        sqlite3.connect(home / "rows.db").execute("pragma journal_mode=wal").connection.close()
        super().open_store(home, session_id)
        return self
