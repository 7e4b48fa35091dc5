"""Breaks P2: a call that may be repeated is given up after a crash as if it must not be."""

from __future__ import annotations

from tests.broken.honest import UNKNOWN, Conversation, Honest, Row


class Timid(Conversation):
    """Treats every contract as at_most_once."""

    def use(self, call: Row) -> str:
        """Run the tool only if nothing is known of the call."""
        if {"call_id": call["id"]} in self.journal.rows:
            return UNKNOWN
        return super().use(call)


class Broken(Honest):
    """The target."""

    name = "p2_never_books"
    session = Timid
