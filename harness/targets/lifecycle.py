"""The reference target: `harness.lifecycle.Conversation` in the protocol's shapes.

A scenario may ask one thing more of it: `options: {summarize: true}` folds what leaves the window
into a summary, in the model's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anthropic

from harness.lifecycle import Conversation
from harness.protocol import Checkpoint, Message, Tool, Usage

SUMMARY_TOKENS = 400
_SETTINGS = ("window_tokens", "checkpoint_every", "max_tokens", "system", "model")


def _summarize(
    client: Any, model: Any, before: str | None, messages: Sequence[Mapping[str, Any]]
) -> str:
    """What leaves the window, in the model's words; asked for in a request of its own."""
    said = "\n".join(f"{message['role']}: {_words(message['content'])}" for message in messages)
    reply = client.messages.create(
        model=model,
        max_tokens=SUMMARY_TOKENS,
        system="Summarise the conversation so far in a few sentences. Keep names and numbers.",
        messages=[{"role": "user", "content": f"{before or ''}\n\n{said}".strip()}],
    )
    return "".join(block.text for block in reply.content if block.type == "text")


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text") or block.get("content") or "") for block in content)


class LifecycleSession:
    """One conversation of the reference stack."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def send(self, message_id: str, text: str) -> str:
        """Answer one message; durable when it returns."""
        return self._conversation.send(message_id, text)

    def send_pinned(self, message_id: str, text: str) -> str:
        """The same, and the message stays in every request."""
        return self._conversation.send(message_id, text, pin=True)

    def history(self) -> Sequence[Message]:
        """All that is remembered."""
        return [Message(said.role, said.content) for said in self._conversation.history()]

    def window(self) -> Sequence[Message]:
        """What the next request would carry."""
        return [Message(said.role, said.content) for said in self._conversation.window()]

    def checkpoint(self) -> Checkpoint | None:
        """The newest coarse checkpoint."""
        saved = self._conversation.checkpoint()
        if saved is None:
            return None
        return Checkpoint(saved.turn_number, saved.tool_state, saved.last_assistant_message)

    def usage(self) -> Usage:
        """The stack's own books."""
        books = self._conversation.usage()
        return Usage(
            books.input_tokens,
            books.output_tokens,
            books.cache_read_tokens,
            books.cache_write_tokens,
            books.attempts,
        )

    def resume(self) -> str | None:
        """Finish what a crash interrupted."""
        return self._conversation.resume()

    def close(self) -> None:
        """Let go of the files."""
        self._conversation.close()


class Lifecycle:
    """The target."""

    name = "lifecycle"
    private_modes = True
    writers = "one"
    acknowledges = "turn"

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> LifecycleSession:
        """Open the session, with the SDK's client as the environment makes it."""
        known: dict[str, Any] = {key: settings[key] for key in _SETTINGS if key in settings}
        client = anthropic.Anthropic()
        options: Any = settings.get("options") or {}
        if options.get("summarize"):
            known["summarize"] = partial(_summarize, client, settings["model"])
        return LifecycleSession(
            Conversation.open(home, session_id, client=client, tools=tools, **known)
        )
