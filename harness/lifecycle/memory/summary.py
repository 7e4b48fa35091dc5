"""Folding what leaves the window into one message, by a hook that the caller brings.

The hook gets the summary so far and the messages that leave now, each once in its life, and returns
the new summary. It is text in a user message at the very front (the API takes no system role inside
messages). Where the hook raises or says nothing, the messages are dropped without it, and the
summary so far stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.lifecycle.errors import OversizeMessage
from harness.lifecycle.memory.shorten import shorten_text
from harness.lifecycle.memory.tokens import TokenCounter

if TYPE_CHECKING:
    from harness.lifecycle.turns.reply import Usage


@dataclass(frozen=True)
class Summary:
    """What a hook that asked a model gives back: the summary, and what asking was billed."""

    text: str
    usage: Usage


Summarizer = Callable[[str | None, Sequence[dict[str, Any]]], str | Summary | None]
"""(the summary so far, messages that leave now) -> the summary of both; None: drop them plainly.

A hook that is billed for it says so with a `Summary`: then it is in the session's books.
"""

SUMMARY_SHARE = 0.1
"""The most of a window that a summary may take."""
_TITLE = "[Summary of the conversation before this point]\n"
_TOKENS_MIN = 24
_LOG = logging.getLogger("harness.lifecycle")


def folded(
    hook: Summarizer,
    before: str | None,
    messages: Sequence[dict[str, Any]],
    *,
    tokens_max: int,
    counter: TokenCounter,
) -> str | None:
    """The new summary in at most `tokens_max` by `counter`; None where there is none."""
    if tokens_max < _TOKENS_MIN:
        return None
    try:
        answer = hook(before, messages)
    except Exception as error:  # noqa: BLE001 - a hook may raise anything; the turn goes on
        _LOG.warning(
            "the summary hook raised %s: %s; %d messages are dropped without a summary",
            type(error).__name__,
            error,
            len(messages),
        )
        return None
    text = answer.text if isinstance(answer, Summary) else answer
    if text is None or not text.strip():
        return None
    clean = text.encode("utf-8", "replace").decode("utf-8")
    try:
        return shorten_text(clean, tokens_max - counter(_TITLE), counter)
    except OversizeMessage:
        return None


def summary_content(text: str) -> str:
    """The summary as the model is shown it."""
    return _TITLE + text
