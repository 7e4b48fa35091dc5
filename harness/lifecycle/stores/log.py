"""The turn log over a database's rows: the same promises as the JSONL log.

A database has no torn tail: a row is there whole or not at all. So what is broken is damage and
stays reported, also at the end, and a number that is missing is a lost record, also the last one.
A row whose write was not acknowledged is not read, and its place is written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from harness.lifecycle.errors import LogVersionError, MessageRefused
from harness.lifecycle.memory.tokens import Content
from harness.lifecycle.storage.codec import SCHEMA_VERSION, wall_clock_ns
from harness.lifecycle.storage.durable import seal, unseal
from harness.lifecycle.storage.record import Damage, Record, check_shape, counted, own_id, tell
from harness.lifecycle.stores.shelf import Row, Shelf


class StoredLog:
    """One session's log on a shelf. A record's `offset` is its sequence, `head` counts records."""

    def __init__(self, shelf: Shelf, *, now: Callable[[], int] | None = None) -> None:
        self.damage: list[Damage] = []
        self.head = 0
        self._shelf = shelf
        self._now = now or wall_clock_ns
        self._next: int | None = None
        self._last_at = 0

    def append(
        self,
        role: str,
        content: Content,
        *,
        record_id: str | None = None,
        tokens: int | None = None,
        **meta: Any,
    ) -> Record:
        """Add one record and return it, durable; see `ConversationCodec.append`.

        StoreUnavailable (an OSError) means not acknowledged, even where the database has it: the
        next append takes its place. SessionBusy where another writer has taken over.
        """
        if not isinstance(role, str) or not role:
            raise MessageRefused(f"expected a role such as 'user' or 'assistant', got {role!r}")
        if self._next is None:
            self.settle()
        sequence = self._next or 0
        self._last_at = at_ns = max(self._last_at, int(self._now()))
        record = Record(
            role=role,
            content=content,
            id=record_id or own_id(sequence),
            sequence=sequence,
            at_ns=at_ns,
            tokens=counted(content, tokens),
            meta=meta,
            offset=sequence,
        )
        line = seal(record.as_json(SCHEMA_VERSION))
        self._shelf.write(sequence, _key(record.id), line)
        self._next = sequence + 1
        return record

    def append_soon(self, role: str, content: Content, **meta: Any) -> Record:
        """The same as `append`: here nothing is gained by waiting."""
        return self.append(role, content, **meta)

    def read_all(self) -> list[Record]:
        """Every whole record, oldest first. Damage is listed and logged, never raised.

        LogVersionError where a newer release wrote the log.
        """
        return self._read(0, self._end())

    def verify(self) -> list[Damage]:
        """Read everything and say what is broken; an empty list means a whole log."""
        self.read_all()
        return list(self.damage)

    def settle(self, *, tail: tuple[int, int] | None = None) -> list[Record]:
        """Find out where to go on, and read the log.

        With `tail`, only from that record on; where it is not there, or anything after it is
        broken, all is read. What can be read here is durable: claiming the session saw to it.
        """
        end = self._shelf.length()
        records = [] if tail is None else self._read_tail(tail[1], end)
        self.head = tail[1] if tail is not None and records else 0
        if not records:
            records = self._read(0, end)
        self._next = end
        self._last_at = records[-1].at_ns if records else 0
        return records

    def read_head(self) -> list[Record]:
        """What `settle` left unread. Damage is told as by `read_all`."""
        records, damage, _ = read_rows(self._shelf.rows(0, self.head), 0, self.head)
        self.damage = damage + self.damage
        tell(self._shelf.name, damage)
        return records

    def head_holds(self, record_id: str) -> bool:
        """Whether a record of that id may be in what `settle` left unread; reads no record."""
        if not self.head:
            return False
        return self._shelf.holds(_key(record_id), self.head)

    def read_from(self, record_id: str, until: Callable[[Record], bool]) -> list[Record]:
        """That record of the unread head and those up to the first that is `until`.

        Empty where there is none. A record that is there costs a read of the head: rare, as only
        a message sent again long after it was answered asks for it.
        """
        if not self.head_holds(record_id):
            return []
        found: list[Record] = []
        for record in self.read_head():
            if found and until(record):
                break
            if found or record.id == record_id:
                found.append(record)
        return found

    def close(self) -> None:
        """Nothing to let go of: the shelf is its holder's to release."""

    def _end(self) -> int:
        return self._shelf.length() if self._next is None else self._next

    def _read_tail(self, start: int, end: int) -> list[Record]:
        records, damage, newest = read_rows(self._shelf.rows(start, end), start, end)
        if damage or newest > SCHEMA_VERSION:
            return []
        self.damage = []
        return records

    def _read(self, start: int, end: int) -> list[Record]:
        records, self.damage, newest = read_rows(self._shelf.rows(start, end), start, end)
        if newest > SCHEMA_VERSION:
            raise LogVersionError(
                f"{self._shelf.name}: written with schema version {newest}, this release reads up "
                f"to {SCHEMA_VERSION}; upgrade it, the log is left as it is"
            )
        tell(self._shelf.name, self.damage)
        return records


def read_rows(rows: Iterable[Row], start: int, end: int) -> tuple[list[Record], list[Damage], int]:
    """The whole records, the damage and the newest schema version of rows `start` to `end`."""
    records: list[Record] = []
    damage: list[Damage] = []
    newest = 0
    expected = start
    for sequence, line in rows:
        if sequence > expected:
            damage.append(_missing(expected, sequence))
        expected = sequence + 1
        try:
            value = unseal(line)
            newest = max(newest, int(value.pop("v")))
            check_shape(value)
            if value["sequence"] != sequence:
                raise ValueError(f"record {value['sequence']} stands in the row of {sequence}")
            records.append(Record(**value, offset=sequence))
        except (ValueError, KeyError, TypeError) as error:
            damage.append(Damage(sequence + 1, str(error), sequence, len(line)))
    if expected < end:
        damage.append(_missing(expected, end))
    return records, damage, newest


def _key(record_id: str) -> bytes:
    return hashlib.blake2b(record_id.encode("utf-8", "replace"), digest_size=16).digest()


def _missing(first: int, found: int) -> Damage:
    return Damage(
        first + 1, f"expected record {first}, got record {found}: records are missing", first, 0
    )
