"""Breaks W4: it asks the same request over and over, and is billed for each answer."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest, Row


class Doubtful(Conversation):
    """Takes the fifth opinion."""

    def ask(self) -> list[Row]:
        """Ask four times for nothing, then once more."""
        for _ in range(4):
            super().ask()
        return super().ask()


class Broken(Honest):
    """The target."""

    name = "w4_asks_in_circles"
    session = Doubtful
