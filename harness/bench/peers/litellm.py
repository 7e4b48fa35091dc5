"""litellm: `trim_messages(messages, model, max_tokens)`, as its guide on trimming has it.

Its table of models comes from the package and not from the network.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sized
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from litellm import token_counter
from litellm.utils import trim_messages

from harness.bench.peers.shelf import say_role
from harness.bench.plan import WINDOW_TOKENS
from harness.bench.talk import Turn

MODEL = "claude-sonnet-4-5"


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
        """Push and trim."""
        self._history += [say_role("user", user), say_role("assistant", assistant)]
        kept: list[dict[str, Any]] = trim_messages(
            self._history, model=MODEL, max_tokens=WINDOW_TOKENS
        )
        if self._bounded:
            self._history = kept
        return kept


window = Window


def count(text: str) -> int:
    """Its count of a text."""
    return int(token_counter(model=MODEL, text=text))
