"""The turn log: JSON Lines, one sealed record a line, append-only.

Acknowledged means fsynced: when `append` returns, the record outlives a power cut. Any byte prefix
of the file loads. What is broken at the end was never acknowledged: it is cut, reported, and
cleared away before the next append. What is broken in the middle is reported by its line and costs
nothing but itself. A record that was read but perhaps never reached the disk (its writer died
before the fsync, or the fsync failed) is written again before it is believed: see `settle`.

The log knows roles and contents, ids and times; it does not know what a turn or a token is.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.lifecycle.errors import LogVersionError, MessageRefused
from harness.lifecycle.memory.tokens import Content, count_content
from harness.lifecycle.storage.durable import create_directory, seal, sync_directory, write_all
from harness.lifecycle.storage.record import Damage, Record, Scan, scan

SCHEMA_VERSION = 1
_LOG = logging.getLogger("harness.lifecycle")


def wall_clock_ns() -> int:
    """Nanoseconds since 1970; the clock is looked up at each call."""
    return time.time_ns()  # noqa: TID251 - the one default; callers pass `now` to replace it


class ConversationCodec:
    """One conversation's log at `path`.

    `now` gives nanoseconds since 1970. `damage` lists what the last read found broken.
    """

    def __init__(self, path: str | Path, *, now: Callable[[], int] | None = None) -> None:
        self.path = Path(path)
        self.damage: list[Damage] = []
        self._now = now or wall_clock_ns
        self.head = 0
        self._descriptor: int | None = None
        self._end = 0
        self._next = 0
        self._dirty = False
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
        """Add one record and return it, durable. `tokens` is counted where it is not given.

        MessageRefused, with nothing written, where the content cannot be stored. An OSError (disk
        full, I/O error) means not acknowledged: the same record may be appended again.
        """
        if not isinstance(role, str) or not role:
            raise MessageRefused(f"expected a role such as 'user' or 'assistant', got {role!r}")
        sequence = self._settled()
        self._last_at = at_ns = max(self._last_at, int(self._now()))
        record = Record(
            role=role,
            content=content,
            id=record_id or f"r{sequence:08d}",
            sequence=sequence,
            at_ns=at_ns,
            tokens=count_content(content) if tokens is None else tokens,
            meta=meta,
            offset=self._end,
        )
        line = seal(record.as_json(SCHEMA_VERSION)) + b"\n"
        self._write(line)
        self._end += len(line)
        self._next += 1
        return record

    def read_all(self) -> list[Record]:
        """Every whole record, oldest first. Damage is listed and logged, never raised.

        LogVersionError where a newer release wrote the log.
        """
        return self._read().records

    def verify(self) -> list[Damage]:
        """Read everything and say what is broken; an empty list means a whole log."""
        self._read()
        return list(self.damage)

    def settle(self, *, tail: tuple[int, int] | None = None) -> list[Record]:
        """Open for writing: clear a torn tail away, make all that is there durable, read it.

        With `tail` (the byte offset and the sequence of a record) only what begins there is read;
        where that is not a whole record, or anything after it is broken, all is. `head` says how
        many bytes were left unread.
        """
        self.close()
        create_directory(self.path.parent)
        found = None if tail is None else self._read_tail(*tail)
        self.head = 0 if found is None or tail is None else tail[0]
        if found is None:
            found = self._read()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = descriptor = os.open(self.path, flags, 0o600)
        try:
            if found.size > found.good_end:
                os.ftruncate(descriptor, found.good_end)
            if found.last_line is not None:
                # A page whose fsync failed counts as clean: only writing it again makes the next
                # fsync carry it to the disk.
                os.lseek(descriptor, found.last_offset, os.SEEK_SET)
                write_all(descriptor, found.last_line + b"\n")
            os.fsync(descriptor)
            sync_directory(self.path.parent)
        except OSError:
            self.close()
            raise
        self._end = found.end
        self._next = found.next_sequence
        self._last_at = found.records[-1].at_ns if found.records else 0
        return found.records

    def read_head(self) -> list[Record]:
        """What `settle` left unread."""
        with self.path.open("rb") as stream:
            return scan(stream.read(self.head)).records

    def head_holds(self, record_id: str) -> bool:
        """Whether a record of that id may be in what `settle` left unread; reads no record."""
        if not self.head:
            return False
        needle = b'"id":' + json.dumps(record_id, ensure_ascii=False).encode("utf-8", "replace")
        with (
            self.path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as data,
        ):
            return data.find(needle, 0, self.head) >= 0

    def close(self) -> None:
        """Let go of the file. What was acknowledged does not depend on it."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            self._dirty = False
            os.close(descriptor)

    def __enter__(self) -> ConversationCodec:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settled(self) -> int:
        if self._descriptor is None:
            self.settle()
        return self._next

    def _write(self, line: bytes) -> None:
        descriptor = self._descriptor
        assert descriptor is not None
        try:
            if self._dirty:
                os.ftruncate(descriptor, self._end)
            self._dirty = True
            os.lseek(descriptor, self._end, os.SEEK_SET)
            write_all(descriptor, line)
            os.fsync(descriptor)
            self._dirty = False
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, self._end)
            raise

    def _read_tail(self, offset: int, sequence: int) -> Scan | None:
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(0, offset - 1))
                data = stream.read()
        except FileNotFoundError:
            return None
        if offset:
            if not data.startswith(b"\n"):
                return None
            data = data[1:]
        found = scan(data, base=offset, first=sequence)
        if found.damage or not found.records or found.newest_version > SCHEMA_VERSION:
            return None
        self.damage = []
        return found

    def _read(self) -> Scan:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        found = scan(data)
        self.damage = found.damage
        if found.newest_version > SCHEMA_VERSION:
            raise LogVersionError(
                f"{self.path}: written with schema version {found.newest_version}, this release "
                f"reads up to {SCHEMA_VERSION}; upgrade it, the log is left as it is"
            )
        if found.damage:
            _LOG.warning(
                "%s: %s",
                self.path,
                "; ".join(f"line {each.line}: {each.reason}" for each in found.damage[:5]),
            )
        return found
