"""Breaks T1: where the wall clock was set back, it waits until the clock has caught up."""

from __future__ import annotations

import time

from tests.broken.honest import Conversation, Honest, Row


class Punctual(Conversation):
    """Lets no message be older than the one before it."""

    newest = 0.0

    def remember(self, row: Row) -> None:
        """Add a message at a time of its own."""
        time.sleep(max(0.0, self.newest - time.time()))
        self.newest = time.time()
        super().remember(row)


class Broken(Honest):
    """The target."""

    name = "t1_waits_for_the_clock"
    session = Punctual
