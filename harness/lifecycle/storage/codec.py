"""The turn log: JSON Lines, one sealed record a line, append-only.

Acknowledged means fsynced: when `append` returns, the record outlives a power cut. Any byte prefix
of the file loads. What is broken at the end was never acknowledged: it is cut, reported, and
cleared away before the next append. What is broken in the middle is reported by its line and costs
nothing but itself. A record that was read but perhaps never reached the disk (its writer died
before the fsync, or the fsync failed) is written again before it is believed: see `settle`.

A file that has grown large is finished and a new one begun (see `segments.py`); an id older than
what was read is found through an index (see `ids.py`). With a `batch` several records share one
fsync, and a power cut may cost that many of the newest.

The log knows roles and contents, ids and times; it does not know what a turn or a token is.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.lifecycle.errors import LogVersionError, MessageRefused, StoreUnavailable
from harness.lifecycle.memory.tokens import Content
from harness.lifecycle.storage.durable import create_directory, seal, sync_directory, write_all
from harness.lifecycle.storage.ids import IdIndex, fingerprint
from harness.lifecycle.storage.record import Damage, Record, Scan, counted, own_id, scan, tell
from harness.lifecycle.storage.segments import Segments

SCHEMA_VERSION = 1
ROTATE_BYTES = 64 * 1024 * 1024
UNINDEXED_BYTES_MAX = 256 * 1024
"""So much of the log is searched rather than indexed."""
INDEX_EVERY_BYTES = 1024 * 1024
_READ_BYTES = 64 * 1024
_LOG = logging.getLogger("harness.lifecycle")


def wall_clock_ns() -> int:
    """Nanoseconds since 1970; the clock is looked up at each call."""
    return time.time_ns()  # noqa: TID251 - the one default; callers pass `now` to replace it


class ConversationCodec:
    """One conversation's log at `path`.

    `now` gives nanoseconds since 1970. `damage` lists what the last read found broken. A file of
    `rotate_bytes` is finished before the next record. `batch` records share one fsync.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        now: Callable[[], int] | None = None,
        rotate_bytes: int = ROTATE_BYTES,
        batch: int = 1,
    ) -> None:
        if batch < 1 or rotate_bytes < 1:
            raise ValueError(
                f"expected a batch and a size of at least 1, got {batch} and {rotate_bytes}"
            )
        self.path = Path(path)
        self.damage: list[Damage] = []
        self.head = 0
        self._now = now or wall_clock_ns
        self._files = Segments(self.path)
        self._ids = IdIndex(self.path.with_name(self.path.name + ".ids"))
        self._ids_known = False
        self._rotate_bytes = rotate_bytes
        self._batch = batch
        self._unsynced: list[bytes] = []
        self._unsynced_bytes = 0
        self._descriptor: int | None = None
        self._end = 0
        self._next = 0
        self._dirty = False
        self._last_at = 0
        self._retired = False

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
        sync = len(self._unsynced) + 1 >= self._batch
        return self._add(role, content, record_id, tokens, meta, sync=sync)

    def append_soon(self, role: str, content: Content, **meta: Any) -> Record:
        """Add a record that the next durable one takes to the disk with it.

        The end of the process does not lose it; a power cut may.
        """
        return self._add(role, content, None, None, meta, sync=False)

    def _add(
        self,
        role: str,
        content: Content,
        record_id: str | None,
        tokens: int | None,
        meta: dict[str, Any],
        *,
        sync: bool,
    ) -> Record:
        if not isinstance(role, str) or not role:
            raise MessageRefused(f"expected a role such as 'user' or 'assistant', got {role!r}")
        sequence = self._settled()
        if self._end - self._files.base >= self._rotate_bytes:
            self._rotate()
        self._last_at = at_ns = max(self._last_at, int(self._now()))
        record = Record(
            role=role,
            content=content,
            id=record_id or own_id(sequence),
            sequence=sequence,
            at_ns=at_ns,
            tokens=counted(content, tokens),
            meta=meta,
            offset=self._end,
        )
        line = seal(record.as_json(SCHEMA_VERSION)) + b"\n"
        self._write(line, sync=sync)
        self._end += len(line)
        self._next += 1
        if self._end - self._ids.covered > INDEX_EVERY_BYTES:
            self._keep_ids()
        return record

    def flush(self) -> None:
        """Make what is left of a batch durable."""
        if self._unsynced and self._descriptor is not None:
            self._write(b"", sync=True)

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
        if self._retired:
            raise StoreUnavailable(f"{self.path}: it was closed; open the conversation again")
        create_directory(self.path.parent)
        self._files.look()
        self._ids_known = False
        found = None if tail is None else self._read_tail(*tail)
        self.head = 0 if found is None or tail is None else tail[0]
        if found is None:
            found = self._read()
        while found.good_end < self._files.base or found.last_offset < self._files.base < found.end:
            self._files.reopen()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = descriptor = os.open(self.path, flags, 0o600)
        try:
            base = self._files.base
            if found.size > found.good_end:
                os.ftruncate(descriptor, found.good_end - base)
            if found.last_line is not None and found.last_offset >= base:
                # A page whose fsync failed counts as clean: only writing it again makes the next
                # fsync carry it to the disk.
                os.lseek(descriptor, found.last_offset - base, os.SEEK_SET)
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
        """What `settle` left unread. Damage is told as by `read_all`."""
        found = scan(self._files.read(0, self.head))
        self.damage = found.damage + self.damage
        tell(self.path, found.damage)
        return found.records

    def head_holds(self, record_id: str) -> bool:
        """Whether a record of that id is in what `settle` left unread."""
        return self._find(record_id) is not None

    def read_from(self, record_id: str, until: Callable[[Record], bool]) -> list[Record]:
        """From what `settle` left unread: the record of that id, and those after it up to the first
        that is `until`. Empty where there is none; the cost does not grow with the log."""
        offset = self._find(record_id)
        size, found = _READ_BYTES, []
        while offset is not None:
            data = self._files.read(offset, min(self.head, offset + size))
            whole = data[: data.rfind(b"\n") + 1]
            found = scan(whole, base=offset).records
            ends = [place for place, record in enumerate(found) if place and until(record)]
            if ends:
                return found[: ends[0]]
            if offset + size >= self.head:
                break
            size *= 4
        return found

    def close(self) -> None:
        """Let go of the file. What was acknowledged does not depend on it, but for a batch."""
        if self._descriptor is not None:
            try:
                if self._batch > 1:
                    self.flush()
            finally:
                descriptor, self._descriptor = self._descriptor, None
                self._dirty = False
                self._unsynced, self._unsynced_bytes = [], 0
                os.close(descriptor)

    def retire(self) -> None:
        """Let go for good: another writer may have the session, so nothing is written any more."""
        self._retired = True
        self.close()

    def __enter__(self) -> ConversationCodec:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _settled(self) -> int:
        if self._descriptor is None:
            self.settle()
        return self._next

    def _write(self, line: bytes, *, sync: bool) -> None:
        """Add a line; after a failure, what the batch holds is written again before it."""
        descriptor = self._descriptor
        assert descriptor is not None
        end = self._end - self._files.base
        synced = end - self._unsynced_bytes
        try:
            data = line
            if self._dirty:
                os.ftruncate(descriptor, synced)
                data, end = b"".join([*self._unsynced, line]), synced
            self._dirty = True
            os.lseek(descriptor, end, os.SEEK_SET)
            write_all(descriptor, data)
            if sync:
                os.fsync(descriptor)
                self._unsynced, self._unsynced_bytes = [], 0
            else:
                self._unsynced.append(line)
                self._unsynced_bytes += len(line)
            self._dirty = False
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, synced)
            raise

    def _rotate(self) -> None:
        """Finish the file; on any failure the next append starts from what is on the disk."""
        self.flush()
        end, following, last_at = self._end, self._next, self._last_at
        self.close()
        self._files.rotate()
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)
        try:
            sync_directory(self.path.parent)
        except OSError:
            self.close()
            raise
        self._end, self._next, self._last_at = end, following, last_at

    def _find(self, record_id: str) -> int | None:
        """The offset of the newest record of that id in what `settle` left unread."""
        if not self.head:
            return None
        try:
            self._know_ids()
            if self.head - self._ids.covered > UNINDEXED_BYTES_MAX:
                self._index(self.head)
            place = self._search(record_id, min(self._ids.covered, self.head))
            if place is None:
                place = self._ids.find(record_id)
        except (OSError, ValueError) as error:
            _LOG.warning("%s: %s; all of the log is searched instead", self._ids.path, error)
            self._ids.covered, self._ids_known = 0, False
            with suppress(OSError):
                self._ids.path.unlink()
            return self._search(record_id, 0)
        if place is None or place >= self.head:
            return None
        first = self._files.read(place, min(self.head, place + _READ_BYTES)).split(b"\n")[0]
        return place if _needle(record_id) in first else self._search(record_id, place)

    def _know_ids(self) -> None:
        if self._ids_known:
            return
        self._ids.load()
        covered = self._ids.covered
        last = self._files.read(max(0, covered - 256), covered)
        if covered > self._end or (covered and fingerprint(last) != self._ids.print):
            self._ids.path.unlink(missing_ok=True)
            self._ids.load()
        self._ids_known = True

    def _index(self, end: int) -> None:
        """Take the ids up to a record's end into the index, but for those the log itself gave."""
        data = self._files.read(self._ids.covered, end)
        found = scan(data, base=self._ids.covered).records
        named = {each.id: each.offset for each in found if each.id != own_id(each.sequence)}
        self._ids.add(named, covered=end, known=fingerprint(data))

    def _keep_ids(self) -> None:
        """Index now and then, so that a restart finds little left to do; it may fail unseen."""
        with suppress(OSError, ValueError):
            self._know_ids()
            self._index(self._end)

    def _search(self, record_id: str, start: int) -> int | None:
        """Look for the id through the bytes from `start` on, the newest first."""
        data = self._files.read(start, self.head)
        at = len(data)
        while (at := data.rfind(_needle(record_id), 0, at)) >= 0:
            begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
            # A content block may have an id as well.
            if any(each.id == record_id for each in scan(data[begin : max(at, end)]).records):
                return start + begin
        return None

    def _read_tail(self, offset: int, sequence: int) -> Scan | None:
        data = self._files.read(max(0, offset - 1))
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
        self._files.look()
        found = scan(self._files.read())
        self.damage = found.damage
        if found.newest_version > SCHEMA_VERSION:
            raise LogVersionError(
                f"{self.path}: written with schema version {found.newest_version}, this release "
                f"reads up to {SCHEMA_VERSION}; upgrade it, the log is left as it is"
            )
        tell(self.path, found.damage)
        return found


def _needle(record_id: str) -> bytes:
    """An id as a record's line has it."""
    return b'"id":' + json.dumps(record_id, ensure_ascii=False).encode("utf-8", "replace")
