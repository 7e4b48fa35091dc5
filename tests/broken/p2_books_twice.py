"""Breaks P2: a call that a crash interrupted is made again, whatever the tool's contract says."""

from __future__ import annotations

import json

from tests.broken.honest import Conversation, Honest, Row


class Eager(Conversation):
    """Keeps no journal of its calls."""

    def use(self, call: Row) -> str:
        """Run the tool, and hand the world no key to know the call by."""
        return json.dumps(self.tools[call["name"]](call["input"]))


class Broken(Honest):
    """The target."""

    name = "p2_books_twice"
    session = Eager
