"""Breaks P5: a message that is sent again after a crash is taken for a new one."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Deaf(Conversation):
    """Appends the user's text on every sending."""

    def send(self, message_id: str, text: str) -> str:
        """Answer the message under an id of its own for each sending."""
        return super().send(f"{message_id} after {len(self.log.rows)}", text)


class Broken(Honest):
    """The target."""

    name = "p5_hears_twice"
    session = Deaf
