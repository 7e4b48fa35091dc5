"""langchain-community's `FileChatMessageHistory`, unmodified: one JSON file a session.

A store: each message goes to `add_message`, `messages` is what it remembers. Content stays in
Anthropic's shapes, as LangChain's own Anthropic client keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_community.chat_message_histories import FileChatMessageHistory
from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, HumanMessage

from harness.protocol import Message


class HistoryStore:
    """One session, whichever of the library's histories keeps it."""

    def __init__(self, history: BaseChatMessageHistory) -> None:
        self._history = history

    def append(self, message: Message) -> None:
        """Add it; the library says nothing about when it is durable."""
        content: Any = message.content
        said = HumanMessage(content) if message.role == "user" else AIMessage(content)
        self._history.add_message(said)

    def load(self) -> Sequence[Message]:
        """What the history says, in order."""
        return [
            Message("user" if said.type == "human" else "assistant", said.content)
            for said in self._history.messages
        ]

    def close(self) -> None:
        """Nothing is held open."""


class LangchainFile:
    """The target."""

    name = "langchain_file"

    def open_store(self, home: Path, session_id: str) -> HistoryStore:
        """The session's own file in the home."""
        return HistoryStore(FileChatMessageHistory(str(home / f"{session_id}.json")))
