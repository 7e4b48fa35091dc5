"""llama-index: `ChatMemoryBuffer.put` and `get`, and `SimpleChatStore` for the disk.

The store writes all messages each time it persists. Its tokenizer's vocabulary lies in the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from pathlib import Path

from llama_index.core.llms import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.storage.chat_store import SimpleChatStore
from llama_index.core.utils import get_tokenizer

from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import Turn

KEY = "ann"
NOTE = {"append": "writes all messages each time; no fsync: a power cut may take it back"}


def _messages(turns: Iterable[Turn]) -> list[ChatMessage]:
    return [
        each
        for user, assistant in turns
        for each in (
            ChatMessage(role="user", content=user),
            ChatMessage(role="assistant", content=assistant),
        )
    ]


class Window:
    """A buffer with its own tokenizer."""

    def __init__(self, *, bounded: bool) -> None:
        self._bounded = bounded
        self._buffer = ChatMemoryBuffer.from_defaults(token_limit=WINDOW_TOKENS)

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        self._buffer.set(self._buffer.get_all() + _messages(turns))

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and get."""
        self._buffer.put(ChatMessage(role="user", content=user))
        self._buffer.put(ChatMessage(role="assistant", content=assistant))
        kept: list[ChatMessage] = self._buffer.get()
        if self._bounded:
            self._buffer.set(kept)
        return kept


class Chat:
    """A store in one JSON file."""

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "chat.json")
        self._store = SimpleChatStore()

    def fill(self, turns: Iterable[Turn]) -> None:
        """Keep turns and write the file."""
        self._store.set_messages(KEY, _messages(turns))
        self._store.persist(self._path)

    def append(self, role: str, text: str) -> None:
        """Keep one message and write the file."""
        self._store.add_message(KEY, ChatMessage(role=role, content=text))
        self._store.persist(self._path)

    def restore(self) -> Sized:
        """Read it."""
        said: list[ChatMessage] = SimpleChatStore.from_persist_path(self._path).get_messages(KEY)
        return said

    def close(self) -> None:
        """Nothing is open."""


window = Window
store = Chat
_TOKENIZER = get_tokenizer()


def count(text: str) -> int:
    """Its count of a text."""
    return len(_TOKENIZER(text))
