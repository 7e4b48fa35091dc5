"""What an error of the API means for the conversation.

The SDK has already retried what can be retried (409, 429, 5xx, 529, timeouts). Of the rest, a
prompt that is too long can be cut harder, thinking that no longer fits its prefix can be left out,
and a message that the API will never take is set aside. All else (keys, rights, network, a wrong
setting) says nothing about the message: it stays pending and can be sent again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["overflow", "thinking", "message", "passing"]
_OVERFLOW = re.compile(r"prompt is too long|exceed context limit|maximum context|too many tokens")
_NUMBERS = re.compile(r"(\d+)(?: tokens| \+ \d+)? > (\d+)")
_SETTINGS = re.compile(
    r"(max_tokens|model|system|tools?|tool_choice|thinking|temperature|top_p|top_k|stop_sequences"
    r"|metadata|output_config|betas?|stream)\b"
)


@dataclass(frozen=True)
class Refusal:
    """What it is, in the API's words, and for an overflow the tokens sent and allowed."""

    kind: Kind
    words: str
    sent_tokens: int | None = None
    allowed_tokens: int | None = None


def understand(error: Exception) -> Refusal:
    """Read an exception of the SDK, or of anything else that has its `status_code`."""
    status = getattr(error, "status_code", None)
    words = _words(error)
    if status == 413 or (status == 400 and _OVERFLOW.search(words)):
        numbers = _NUMBERS.search(words)
        if numbers is None:
            return Refusal("overflow", words)
        return Refusal("overflow", words, int(numbers[1]), int(numbers[2]))
    if status != 400:
        return Refusal("passing", words)
    if "thinking" in words and ("signature" in words or "cannot be modified" in words):
        return Refusal("thinking", words)
    return Refusal("passing" if _SETTINGS.match(words) else "message", words)


def retries_before(error: Exception, client: Any) -> int:
    """How often the SDK tried again before it gave up with this error.

    It does not say; its rule is: 408, 409, 429, 5xx and connections without an answer, each as
    often as the client allows.
    """
    allowed = getattr(client, "max_retries", 0)
    status = getattr(error, "status_code", None)
    if status is None:
        return int(allowed) if hasattr(error, "request") else 0
    return int(allowed) if status in (408, 409, 429) or status >= 500 else 0


def _words(error: Exception) -> str:
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        inner = body.get("error")
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            return str(inner["message"])
    return str(error)
