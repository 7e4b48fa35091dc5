"""Breaks W5: a reply that died with its process, or that the client asked for again, never was."""

from __future__ import annotations

from tests.broken.bookkeeper import Bookkeeping
from tests.broken.honest import Honest, Row


class Optimist(Bookkeeping):
    """Counts what came back."""

    def attempt(self) -> None:
        """Leave it for later."""

    def book(self, bill: Row) -> None:
        """One bill, one attempt."""
        super().book({**bill, "attempts": 1})


class Broken(Honest):
    """The target."""

    name = "w5_forgets_what_was_lost"
    session = Optimist
