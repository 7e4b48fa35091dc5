"""Where in the log a record's id stands, found in one page however long the log is.

A hash table on disk, worked out from the log and never more than that: damaged, missing or of
another log, it is made anew. A page is 255 entries (8 bytes of hash, 8 of offset) behind a
checksum; page 0 says how many pages there are and how many bytes of the log they cover, and is
written last. What is found is the caller's to check against the log. The newest of several records
with one id is the one that is found.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.lifecycle.storage.durable import sync_directory, write_all, write_temporary

_PAGE = 4096
_ENTRY = struct.Struct("<QQ")
_HEADER = struct.Struct("<8sIQQI")
_MAGIC = b"turnids1"
_ROOM = (_PAGE - 8) // _ENTRY.size
_FILL = _ROOM // 2

Page = dict[int, int]


class IdIndex:
    """The index at `path`. `covered` bytes of the log are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.covered = 0
        self.print = 0
        """A checksum of the log's last bytes before `covered`, to know the log by."""
        self._pages = 0
        self._entries = 0

    def load(self) -> None:
        """Read what it covers: nothing, where it is missing or damaged."""
        self.covered = self.print = self._pages = self._entries = 0
        try:
            with self.path.open("rb") as stream:
                page = _unsealed(stream.read(_PAGE))
            magic, pages, entries, covered, known = _HEADER.unpack_from(page)
        except (OSError, ValueError, struct.error):
            return
        if magic == _MAGIC:
            self._pages, self._entries = pages, entries
            self.covered, self.print = covered, known

    def find(self, record_id: str) -> int | None:
        """The offset of the record that may have this id; ValueError where its page is damaged."""
        if not self._pages:
            return None
        key = _key(record_id)
        with self.path.open("rb") as stream:
            stream.seek(_PAGE * (1 + key % self._pages))
            return _read(stream.read(_PAGE)).get(key)

    def add(self, offsets: Mapping[str, int], *, covered: int, known: int) -> None:
        """Take in ids with their offsets, durably; then say that `covered` bytes are in it."""
        new = {_key(record_id): offset for record_id, offset in offsets.items()}
        fits = self._entries + len(new) <= _FILL * self._pages
        if not self._pages or not fits or not self._write_into(new):
            self._rebuild({**self._all(), **new})
        else:
            self._entries += len(new)
        self.covered, self.print = covered, known
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
            write_all(descriptor, self._header())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _header(self) -> bytes:
        values = (_MAGIC, self._pages, self._entries, self.covered, self.print)
        return _sealed(_HEADER.pack(*values))

    def _write_into(self, new: Page) -> bool:
        """Change the pages in place; False where one would overflow."""
        by_page: dict[int, Page] = {}
        for key, offset in new.items():
            by_page.setdefault(key % self._pages, {})[key] = offset
        with self.path.open("r+b") as stream:
            for number, entries in by_page.items():
                stream.seek(_PAGE * (1 + number))
                page = {**_read(stream.read(_PAGE)), **entries}
                if len(page) > _ROOM:
                    return False
                stream.seek(_PAGE * (1 + number))
                stream.write(_written(page))
        return True

    def _all(self) -> Page:
        if not self._pages:
            return {}
        data = self.path.read_bytes()[_PAGE : _PAGE * (1 + self._pages)]
        pages = [data[start : start + _PAGE] for start in range(0, len(data), _PAGE)]
        return {key: offset for page in pages for key, offset in _read(page).items()}

    def _rebuild(self, entries: Page) -> None:
        """Write it anew, twice as large as it must be."""
        pages = max(1, 2 * len(entries) // _FILL)
        while True:
            table: list[Page] = [{} for _ in range(pages)]
            for key, offset in entries.items():
                table[key % pages][key] = offset
            if max(map(len, table)) <= _ROOM:
                break
            pages *= 2
        self._pages, self._entries, self.covered = pages, len(entries), 0
        data = b"".join([self._header(), *map(_written, table)])
        os.replace(write_temporary(self.path, data), self.path)
        sync_directory(self.path.parent)


def fingerprint(data: bytes) -> int:
    """What a log is known by: a checksum of its last bytes."""
    return zlib.crc32(data[-256:])


def _key(record_id: str) -> int:
    data = record_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _sealed(body: bytes) -> bytes:
    body = body.ljust(_PAGE - 4, b"\0")
    return struct.pack("<I", zlib.crc32(body)) + body


def _unsealed(page: bytes) -> bytes:
    body = page[4:]
    if len(page) != _PAGE or zlib.crc32(body) != struct.unpack_from("<I", page)[0]:
        raise ValueError(f"a page of {len(page)} bytes that its checksum does not fit")
    return body


def _written(page: Page) -> bytes:
    entries: Iterable[bytes] = (_ENTRY.pack(key, offset) for key, offset in page.items())
    return _sealed(struct.pack("<I", len(page)) + b"".join(entries))


def _read(page: bytes) -> Page:
    body = _unsealed(page)
    count = struct.unpack_from("<I", body)[0]
    return dict(_ENTRY.iter_unpack(body[4 : 4 + count * _ENTRY.size]))
