"""Looking through all sessions of all users, or of one: the same as reading every record.

Lines that cannot hold the words that are looked for are passed over unread, which is most of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.lifecycle.memory.blocks import as_blocks
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.sessions.registry import USER_NAME, session_folders, user_of
from harness.lifecycle.storage.record import Record, scan
from harness.lifecycle.storage.segments import Segments

LOG_NAME = "turns.jsonl"


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


def search(root: str | Path, query: Query) -> Iterator[Found]:
    """All records under a registry's root that fit, by user, session and age.

    Sessions may be written to meanwhile; a record counts once it is whole.
    """
    for folder in _users(Path(root), query.user_id):
        user_id = user_of(folder)
        for number in session_folders(folder):
            files = Segments(folder / folder_name(number) / LOG_NAME)
            files.look()
            for record in _records(files.read(), query.text):
                if query.fits(record):
                    yield Found(user_id, number, record)


def texts(record: Record) -> Iterator[str]:
    """The texts of a record."""
    for block in as_blocks(record.content):
        if isinstance(block.get("text"), str):
            yield block["text"]


def _users(root: Path, user_id: str | None) -> list[Path]:
    folders = sorted(root.iterdir()) if root.is_dir() else []
    if user_id is not None:
        folders = [root / folder_name(user_id)]
    return [folder for folder in folders if (folder / USER_NAME).exists()]


def _records(data: bytes, text: str | None) -> Iterator[Record]:
    if text is None:
        yield from scan(data).records
        return
    needle = json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
    offset = 0
    for line in data.split(b"\n"):
        if needle in line:
            yield from scan(line, base=offset).records
        offset += len(line) + 1
