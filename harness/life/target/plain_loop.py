"""The plain loop around a store: what a stack does at the least, so that a store can be judged.

It keeps nothing itself: before every message it loads what the store remembers, and the tail of
that says what comes next. A question is put to the model, calls without results are run, an answer
ends the turn; so a message that is sent again after a crash goes on where its turn stopped. Each
append that returned is told to the runner, in the same order as everything else that crosses.

It refuses nothing and is held to nothing: calls left open by a turn that was given up are closed
with an error, and a conversation too long for the model is sent in part (see `fitting`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.life.target.asking import Ask, TooLong
from harness.life.target.fitting import asks, halved, text_of
from harness.protocol import Message, Tool

STEPS_MAX = 100
"""Model calls in one turn."""
_MAX_TOKENS = 8_192
_INTERRUPTED = "this call was interrupted, and its result is not known"
Settle = Callable[[Any], Any]
Told = Callable[[Message], None]


class PlainLoop:
    """A session over a store. `settle` runs what is awaitable, `told` hears of each append."""

    def __init__(
        self,
        store: Any,
        settings: Mapping[str, Any],
        tools: Mapping[str, Tool],
        *,
        ask: Ask,
        settle: Settle,
        told: Told,
    ) -> None:
        self._store = store
        self._tools = tools
        self._ask = ask
        self._settle = settle
        self._told = told
        self._frame = _frame(settings, tools)

    def send(self, message_id: str, text: str) -> str:
        """Answer one message, or finish the turn that it began before a crash."""
        messages = list(self.history())
        if not _in_flight(messages, text):
            self._append(messages, _question(messages, text))
        for _ in range(STEPS_MAX):
            last = messages[-1]
            if calls := _calls(last):
                self._append(messages, Message("user", [self._run(call) for call in calls]))
            elif last.role == "assistant":
                return text_of(last)
            else:
                said = self._within_the_window(messages)
                if not said:
                    return ""
                self._append(messages, Message("assistant", said))
        raise RuntimeError(f"more than {STEPS_MAX} steps for one user message")

    def history(self) -> Sequence[Message]:
        """What the store remembers."""
        return list(self._settle(self._store.load()))

    def close(self) -> Any:
        """Close the store."""
        return self._store.close()

    def _append(self, messages: list[Message], message: Message) -> None:
        self._settle(self._store.append(message))
        self._told(message)
        messages.append(message)

    def _within_the_window(self, messages: Sequence[Message]) -> str | list[dict[str, object]]:
        """The model's content, of as much of the conversation as it takes."""
        kept = messages
        while True:
            sent = [{"role": message.role, "content": message.content} for message in kept]
            try:
                return _plain(self._ask({**self._frame, "messages": sent}))
            except TooLong:
                shorter = halved(kept)
                if shorter is None:
                    raise
                kept = shorter

    def _run(self, call: Mapping[str, Any]) -> dict[str, object]:
        result = self._tools[call["name"]](call["input"], call_id=call["id"])
        return {"type": "tool_result", "tool_use_id": call["id"], "content": json.dumps(result)}


def _frame(settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> dict[str, Any]:
    """What every request says beside its messages."""
    frame: dict[str, Any] = {
        "model": settings["model"],
        "max_tokens": settings.get("max_tokens", _MAX_TOKENS),
    }
    if "system" in settings:
        frame["system"] = settings["system"]
    if tools:
        frame["tools"] = [
            {
                "name": tool.name,
                "description": tool.description,
                "input_schema": dict(tool.input_schema),
            }
            for tool in tools.values()
        ]
    return frame


def _in_flight(messages: Sequence[Message], text: str) -> bool:
    """Whether the last turn is this message's, and has no answer yet."""
    asked = next((message for message in reversed(messages) if asks(message)), None)
    if asked is None or text_of(asked) != text:
        return False
    return messages[-1].role == "user" or bool(_calls(messages[-1]))


def _question(messages: Sequence[Message], text: str) -> Message:
    """The user's message; calls that stand open before it get a result, as the API wants it."""
    left = _calls(messages[-1]) if messages else ()
    if not left:
        return Message("user", text)
    closed: list[dict[str, object]] = [
        {
            "type": "tool_result",
            "tool_use_id": call["id"],
            "content": _INTERRUPTED,
            "is_error": True,
        }
        for call in left
    ]
    return Message("user", [*closed, {"type": "text", "text": text}])


def _calls(message: Message) -> Sequence[dict[str, Any]]:
    if message.role != "assistant" or isinstance(message.content, str):
        return ()
    return [block for block in message.content if block.get("type") == "tool_use"]


def _plain(content: Sequence[dict[str, object]]) -> str | list[dict[str, object]]:
    """What is kept of an answer: text alone as text, which every store can hold.

    Thinking is not: it is bound to the very request that it answered, which may be sent in part.
    """
    kept = [block for block in content if not str(block["type"]).endswith("thinking")]
    if len(kept) == 1 and kept[0]["type"] == "text":
        return str(kept[0]["text"])
    return kept
