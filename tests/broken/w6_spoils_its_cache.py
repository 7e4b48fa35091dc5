"""Breaks W6: its prompt begins differently each time, so that no cached prefix is ever read."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Restless(Conversation):
    """Puts a number that changes at the very beginning of the prompt."""

    def system(self) -> str:
        """The system prompt behind a serial number."""
        return f"Message {len(self.log.rows)}. {super().system()}"


class Broken(Honest):
    """The target."""

    name = "w6_spoils_its_cache"
    session = Restless
