"""agentfit: `fit(messages, max_tokens=…, model=…)`, as its description has it."""

from __future__ import annotations

from collections.abc import Iterable, Sized
from typing import Any

from agentfit import count as agentfit_count
from agentfit import fit

from harness.bench.peers.shelf import say_role
from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import Turn

MODEL = "claude-sonnet-4-6"


class Window:
    """A history in a list."""

    def __init__(self, *, bounded: bool) -> None:
        self._bounded = bounded
        self._history: list[dict[str, Any]] = []

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self._history += [say_role("user", user), say_role("assistant", assistant)]

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and fit."""
        self._history += [say_role("user", user), say_role("assistant", assistant)]
        kept: list[dict[str, Any]] = fit(
            self._history, max_tokens=WINDOW_TOKENS, model=MODEL, preserve_last_n=2
        ).messages
        if self._bounded:
            self._history = kept
        return kept


window = Window


def count(text: str) -> int:
    """Its count of a text."""
    return int(agentfit_count(text, model=MODEL))
