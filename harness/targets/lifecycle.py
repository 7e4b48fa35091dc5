"""The reference target: `harness.lifecycle.Conversation` in the protocol's shapes, nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anthropic

from harness.lifecycle import Conversation
from harness.protocol import Checkpoint, Message, Tool, Usage

_SETTINGS = ("window_tokens", "checkpoint_every", "max_tokens", "system", "model")


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
        return LifecycleSession(
            Conversation.open(home, session_id, client=client, tools=tools, **known)
        )
