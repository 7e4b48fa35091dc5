"""The honest stack with books: what the API billed is kept beside the log, a line a reply."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.protocol import Tool, Usage
from tests.broken.honest import Conversation, Honest, Lines, Row


class Bookkeeping(Conversation):
    """Writes down each bill before it uses the reply."""

    def __init__(self, home: Path, settings: Mapping[str, Any], tools: Mapping[str, Tool]) -> None:
        super().__init__(home, settings, tools)
        self.books = Lines(home / "books.jsonl")

    def ask(self) -> list[Row]:
        """One model call, and its bill."""
        reply = self.client.messages.create(**self.request())
        self.book(reply.usage.model_dump(exclude_none=True))
        return [block.model_dump(exclude_none=True) for block in reply.content]

    def book(self, bill: Row) -> None:
        """Write down a bill."""
        self.books.append(bill)

    def usage(self) -> Usage:
        """The sum of all bills."""
        keys = ("input_tokens", "output_tokens")
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        rows = self.books.rows
        return Usage(*(sum(row.get(key, 0) for row in rows) for key in (*keys, *cached)), len(rows))


class Bookkeeper(Honest):
    """The target: breaks no promise."""

    name = "bookkeeper"
    session = Bookkeeping
