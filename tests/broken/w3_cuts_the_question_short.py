"""Breaks W3: it trims the newest message although there is room for all of it."""

from __future__ import annotations

from tests.broken.honest import Conversation, Honest, Row

SHOWN_CHARACTERS = 300


class Hurried(Conversation):
    """Sends the beginning of what the user has just said."""

    def request(self) -> Row:
        """The newest message cut short, all else as it is."""
        request = super().request()
        *before, last = request["messages"]
        if isinstance(last["content"], str):
            last = {**last, "content": last["content"][:SHOWN_CHARACTERS]}
        return {**request, "messages": [*before, last]}


class Broken(Honest):
    """The target."""

    name = "w3_cuts_the_question_short"
    session = Hurried
