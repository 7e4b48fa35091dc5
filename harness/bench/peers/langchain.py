"""LangChain: `trim_messages` with the approximate counter, as its guide on short-term memory has
it.

It has no store of its own in its core; `messages_to_dict` and `messages_from_dict` are what its
file history is made of, one JSON file that is rewritten at each turn, so only reading is measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sized
from pathlib import Path

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    messages_from_dict,
    messages_to_dict,
    trim_messages,
)
from langchain_core.messages.utils import count_tokens_approximately

from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import Turn


class Window:
    """A history in a list."""

    def __init__(self, *, bounded: bool) -> None:
        self._bounded = bounded
        self._history: list[BaseMessage] = []

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self._history += [HumanMessage(user), AIMessage(assistant)]

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and trim."""
        self._history += [HumanMessage(user), AIMessage(assistant)]
        kept: list[BaseMessage] = trim_messages(
            self._history,
            max_tokens=WINDOW_TOKENS,
            strategy="last",
            token_counter=count_tokens_approximately,
            start_on="human",
            include_system=True,
        )
        if self._bounded:
            self._history = list(kept)
        return kept


class Messages:
    """All messages in one JSON file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "messages.json"

    def fill(self, turns: Iterable[Turn]) -> None:
        """Write the file."""
        said = [each for u, a in turns for each in (HumanMessage(u), AIMessage(a))]
        self._path.write_text(json.dumps(messages_to_dict(said)), encoding="utf-8")

    def restore(self) -> Sized:
        """Read it."""
        said: list[BaseMessage] = messages_from_dict(
            json.loads(self._path.read_text(encoding="utf-8"))
        )
        return said

    def close(self) -> None:
        """Nothing is open."""


window = Window
store = Messages


def count(text: str) -> int:
    """Its count of one user message."""
    return int(count_tokens_approximately([HumanMessage(text)]))
