"""Breaks W1: after a crash it asks the model on with a tool call that has no result."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest, Row


class Hasty(Conversation):
    """Answers only the calls that it was made in this process."""

    asked = False

    def ask(self) -> list[Row]:
        """Ask, and know that a call to come was made to this process."""
        self.asked = True
        return super().ask()

    def answer_calls(self, said: Row) -> None:
        """Skip what an earlier process was asked for."""
        if self.asked:
            super().answer_calls(said)


class Broken(Honest):
    """The target."""

    name = "w1_leaves_calls_open"
    session = Hasty
