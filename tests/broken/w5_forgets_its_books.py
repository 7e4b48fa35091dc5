"""Breaks W5: what it was billed before a restart is in no book any more."""

from __future__ import annotations

from tests.broken.bookkeeper import Bookkeeping
from tests.broken.honest import Honest, Row


class Careless(Bookkeeping):
    """Keeps the bills in memory."""

    def book(self, bill: Row) -> None:
        """Remember a bill for as long as the process lives."""
        self.books.rows.append(bill)


class Broken(Honest):
    """The target."""

    name = "w5_forgets_its_books"
    session = Careless
