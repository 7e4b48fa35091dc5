"""The honest stack with books: what it asked and what the API billed, a line each, beside the log.

That it asks is written down before it asks: so a reply that dies with its process is an attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool, Usage
from tests.broken.honest import Conversation, Honest, Lines, Row


class Bookkeeping(Conversation):
    """Writes down each attempt before it is made, and each bill before it uses the reply."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.books = Lines(home / "books.jsonl")

    def ask(self) -> list[Row]:
        """One model call, and its bill."""
        self.attempt()
        raw = self.client.messages.with_raw_response.create(**self.request())
        for _ in range(raw.retries_taken):
            self.attempt()
        reply = raw.parse()
        self.book(reply.usage.model_dump(exclude_none=True))
        return [block.model_dump(exclude_none=True) for block in reply.content]

    def attempt(self) -> None:
        """Write down that it asks."""
        self.books.append({"attempts": 1})

    def book(self, bill: Row) -> None:
        """Write down a bill."""
        self.books.append(bill)

    def usage(self) -> Usage:
        """The sum of all bills."""
        keys = ("input_tokens", "output_tokens")
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        rows = self.books.rows
        return Usage(
            *(sum(row.get(key, 0) for row in rows) for key in (*keys, *cached, "attempts"))
        )


class Bookkeeper(Honest):
    """The target: breaks no promise."""

    name = "bookkeeper"
    session = Bookkeeping
