"""Strands: `SlidingWindowConversationManager`, which counts messages and not tokens.

It trims the agent's list in place, so where the whole history is kept, the caller keeps it beside.
`FileSessionManager` writes a file for each message, atomically and without an fsync.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from strands.agent.conversation_manager import SlidingWindowConversationManager
from strands.session.file_session_manager import FileSessionManager
from strands.types.session import SessionAgent, SessionMessage

from harness.bench.talk import Turn

NOTE = {
    "window": "counts messages (40, its default), not tokens",
    "append": "no fsync: a power cut may take it back",
}


def _message(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"text": text}]}


class Window:
    """An agent's list of messages and its manager; of an agent no more is needed."""

    def __init__(self, *, bounded: bool) -> None:
        self._kept: list[dict[str, Any]] | None = None if bounded else []
        self._agent = SimpleNamespace(messages=[])
        self._manager = SlidingWindowConversationManager()

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self.turn(user, assistant)

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and slide."""
        messages: list[dict[str, Any]] = self._agent.messages
        said = [_message("user", user), _message("assistant", assistant)]
        if self._kept is not None:
            self._kept += said
        messages += said
        self._manager.apply_management(self._agent)
        return messages


class Session:
    """A folder with a file for each message."""

    def __init__(self, folder: Path) -> None:
        self._files = FileSessionManager(session_id="ann", storage_dir=str(folder / "strands"))
        agent = SessionAgent(agent_id="agent", state={}, conversation_manager_state={})
        self._files.create_agent("ann", agent)
        self._next = 0

    def fill(self, turns: Iterable[Turn]) -> None:
        """Store turns one by one: there is no other way."""
        for user, assistant in turns:
            self.append("user", user)
            self.append("assistant", assistant)

    def append(self, role: str, text: str) -> None:
        """A file."""
        message = SessionMessage.from_message(_message(role, text), self._next)
        self._files.create_message("ann", "agent", message)
        self._next += 1

    def restore(self) -> Sized:
        """All messages."""
        said: list[SessionMessage] = self._files.list_messages("ann", "agent")
        return said

    def close(self) -> None:
        """Nothing is open."""


window = Window
store = Session
