"""Breaks S6: keeps an index of all sessions next to its own directory."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Indexed(Conversation):
    """Notes every answered turn in a file that it shares with other sessions."""

    def send(self, message_id: str, text: str) -> str:
        """Answer, then write the index."""
        said = super().send(message_id, text)
        with (self.home.parent / "index.txt").open("a", encoding="utf-8") as index:
            index.write(f"{message_id}\n")
        return said


class Broken(Honest):
    """The target."""

    name = "s6_writes_beside_its_home"
    session = Indexed
