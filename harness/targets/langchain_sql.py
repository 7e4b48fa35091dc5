"""langchain-community's `SQLChatMessageHistory`, unmodified, on SQLite with SQLAlchemy's defaults.

A store as `langchain_file` is one; each message is committed in a transaction of its own.
"""

from __future__ import annotations

from pathlib import Path

from langchain_community.chat_message_histories import SQLChatMessageHistory

from harness.targets.langchain_file import HistoryStore


class SqlStore(HistoryStore):
    """One session's rows."""

    def __init__(self, history: SQLChatMessageHistory) -> None:
        super().__init__(history)
        self._engine = history.engine

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


class LangchainSql:
    """The target."""

    name = "langchain_sql"

    def open_store(self, home: Path, session_id: str) -> SqlStore:
        """A database in the home."""
        url = f"sqlite:///{home / 'history.db'}"
        return SqlStore(SQLChatMessageHistory(session_id, connection=url))
