"""Breaks T1: told when to ask again, it asks at once."""

from __future__ import annotations

import anthropic

from tests.broken.honest import Conversation, Honest, Row


class Impatient(Conversation):
    """Has its own idea of when to try again."""

    def ask(self) -> list[Row]:
        """Ask, and ask again."""
        self.client.max_retries = 0
        try:
            return super().ask()
        except anthropic.APIStatusError:
            return super().ask()


class Broken(Honest):
    """The target."""

    name = "t1_cannot_wait"
    session = Impatient
