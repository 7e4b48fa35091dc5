"""langchain-community's `SQLChatMessageHistory`, unmodified, on SQLite with SQLAlchemy's defaults.

A store: each message goes to `add_message`, which commits it. Content stays in Anthropic's shapes,
as LangChain's own Anthropic client keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_community.chat_message_histories import SQLChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage

from harness.protocol import Message


class SqlStore:
    """One session's rows."""

    def __init__(self, history: SQLChatMessageHistory) -> None:
        self._history = history

    def append(self, message: Message) -> None:
        """Add it in a transaction of its own."""
        content: Any = message.content
        said = HumanMessage(content) if message.role == "user" else AIMessage(content)
        self._history.add_message(said)

    def load(self) -> Sequence[Message]:
        """What the rows say, in order."""
        return [
            Message("user" if said.type == "human" else "assistant", said.content)
            for said in self._history.messages
        ]

    def close(self) -> None:
        """Give the connections back."""
        self._history.engine.dispose()


class LangchainSql:
    """The target."""

    name = "langchain_sql"

    def open_store(self, home: Path, session_id: str) -> SqlStore:
        """A database in the home."""
        url = f"sqlite:///{home / 'history.db'}"
        return SqlStore(SQLChatMessageHistory(session_id, connection=url))
