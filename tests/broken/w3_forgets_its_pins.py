"""Breaks W3: it trims what it was told to keep."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest, Row

MESSAGES_KEPT = 3


class Forgetful(Conversation):
    """Sends the newest few messages, whatever was pinned."""

    def request(self) -> Row:
        """All else as it is."""
        request = super().request()
        return {**request, "messages": request["messages"][-MESSAGES_KEPT:]}


class Broken(Honest):
    """The target."""

    name = "w3_forgets_its_pins"
    session = Forgetful
