"""Looking through all sessions of all users, or of one: the same as reading every record.

Lines that cannot hold the words that are looked for are passed over unread, which is most of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.lifecycle.memory.blocks import as_blocks
from harness.lifecycle.storage.record import Record, scan
from harness.lifecycle.storage.store import UserStore
from harness.lifecycle.stores.jsonl import JsonlStore


@dataclass(frozen=True)
class Found:
    """One record, and whose it is."""

    user_id: str
    session_id: str
    record: Record


@dataclass(frozen=True)
class Query:
    """What is looked for; what is None does not matter.

    `text` stands, letter for letter, in the record's text or in one of its text blocks; `since_ns`
    is the first moment that counts, `until_ns` the first that does not, nanoseconds since 1970.
    """

    text: str | None = None
    role: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    user_id: str | None = None

    def fits(self, record: Record) -> bool:
        """Whether a record is one of those looked for, whoever's it is."""
        return (
            (self.role is None or record.role == self.role)
            and (self.since_ns is None or record.at_ns >= self.since_ns)
            and (self.until_ns is None or record.at_ns < self.until_ns)
            and (self.text is None or any(self.text in each for each in texts(record)))
        )


def search(where: str | Path | UserStore, query: Query) -> Iterator[Found]:
    """All records of a registry's root or store that fit, by user, session and age.

    Sessions may be written to meanwhile; a record counts once it is whole.
    """
    store = where if isinstance(where, UserStore) else JsonlStore(where)
    needle = b"" if query.text is None else _needle(query.text)
    for each in store.lines(query.user_id):
        if needle in each.line:
            for record in scan(each.line, base=each.offset).records:
                if query.fits(record):
                    yield Found(each.user_id, each.session_id, record)


def texts(record: Record) -> Iterator[str]:
    """The texts of a record."""
    for block in as_blocks(record.content):
        if isinstance(block.get("text"), str):
            yield block["text"]


def _needle(text: str) -> bytes:
    """The text as a line of the log has it."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
