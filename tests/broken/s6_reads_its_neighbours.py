"""Breaks S6: looks at what other sessions have remembered."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Curious(Conversation):
    """Looks through the directories next to its own before it answers."""

    def send(self, message_id: str, text: str) -> str:
        """Look, then answer."""
        for other in self.home.parent.iterdir():
            assert other.exists()
        return super().send(message_id, text)


class Broken(Honest):
    """The target."""

    name = "s6_reads_its_neighbours"
    session = Curious
