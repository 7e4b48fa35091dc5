"""Haystack: `SlidingWindowCompactor` with `ApproximateTokenCounter`.

Called as its own hook calls it: once the count reaches the window, down to four sevenths of it,
which is what the hook's defaults (from 0.7 of a context window to 0.4) come to. Its messages go to
dicts and back; where they are stored is the caller's affair, here one JSON file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sized
from pathlib import Path

from haystack.dataclasses import ChatMessage
from haystack.hooks.compaction import SlidingWindowCompactor
from haystack.token_counters import ApproximateTokenCounter

from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import Turn

TARGET = WINDOW_TOKENS * 4 // 7


def _messages(turns: Iterable[Turn]) -> list[ChatMessage]:
    return [
        each
        for user, assistant in turns
        for each in (ChatMessage.from_user(user), ChatMessage.from_assistant(assistant))
    ]


class Window:
    """A history in a list."""

    def __init__(self, *, bounded: bool) -> None:
        self._bounded = bounded
        self._history: list[ChatMessage] = []
        self._compactor = SlidingWindowCompactor()
        self._counter = ApproximateTokenCounter()

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        self._history += _messages(turns)

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and, over the window, compact."""
        self._history += _messages([(user, assistant)])
        if self._counter.count(self._history) < WINDOW_TOKENS:
            return self._history
        kept = self._compactor.compact(
            messages=self._history, target_tokens=TARGET, token_counter=self._counter
        )
        if kept is None:
            return self._history
        if self._bounded:
            self._history = list(kept)
        return list(kept)


class Messages:
    """All messages in one JSON file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "messages.json"

    def fill(self, turns: Iterable[Turn]) -> None:
        """Write the file."""
        said = [each.to_dict() for each in _messages(turns)]
        self._path.write_text(json.dumps(said), encoding="utf-8")

    def restore(self) -> Sized:
        """Read it."""
        stored = json.loads(self._path.read_text(encoding="utf-8"))
        return [ChatMessage.from_dict(each) for each in stored]

    def close(self) -> None:
        """Nothing is open."""


window = Window
store = Messages
_COUNTER = ApproximateTokenCounter()


def count(text: str) -> int:
    """Its count of one user message."""
    return int(_COUNTER.count([ChatMessage.from_user(text)]))
