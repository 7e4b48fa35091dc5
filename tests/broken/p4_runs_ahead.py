"""Breaks P4: its checkpoint stands for a turn before the log does."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest


class Eager(Conversation):
    """Counts the turn that it is about to answer."""

    ahead = 0

    def send(self, message_id: str, text: str) -> str:
        """Save first, answer then."""
        self.ahead = 1
        self.save_checkpoint()
        return super().send(message_id, text)

    def completed(self) -> int:
        """How many turns are complete, or nearly."""
        return super().completed() + self.ahead


class Broken(Honest):
    """The target."""

    name = "p4_runs_ahead"
    session = Eager
