"""The files of one log, as one run of bytes: finished segments, then the one that is written.

Rotation renames the written file to the next number and begins a new one. The old file was fsynced
before, and its new name is durable before the new file exists: so whatever is lost, no record is in
two files and none is in neither. Offsets count from the first byte of the first segment.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.lifecycle.storage.durable import sync_directory

_DIGITS = 6


class Segments:
    """The log at `path`, whose finished segments are `path` + ".000001" and so on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._finished: list[tuple[int, Path]] = []
        self.base = 0
        """The offset at which the written file begins."""

    def look(self) -> None:
        """See what is there now."""
        numbered: dict[int, str] = {}
        if self.path.parent.is_dir():
            with os.scandir(self.path.parent) as entries:
                for each in entries:
                    if (number := self._number(each.name)) is not None:
                        numbered[number] = each.name
        self._finished, self.base = [], 0
        for _, name in sorted(numbered.items()):
            path = self.path.with_name(name)
            self._finished.append((self.base, path))
            self.base += path.stat().st_size

    def _number(self, name: str) -> int | None:
        """Which segment a file of that name is; None where it is none that rotation makes."""
        stem, dot, number = name.rpartition(".")
        made = stem + dot == self.path.name + "." and len(number) >= _DIGITS
        return int(number) if made and number.isascii() and number.isdigit() else None

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        """The bytes from one offset to another; b"" where there are none."""
        parts = []
        for base, path in [*self._finished, (self.base, self.path)]:
            if end is not None and base >= end:
                break
            try:
                with path.open("rb") as stream:
                    stream.seek(max(0, start - base))
                    most = -1 if end is None else max(0, end - max(start, base))
                    parts.append(stream.read(most))
            except FileNotFoundError:
                continue
        return b"".join(parts)

    def rotate(self) -> None:
        """Finish the written file; the next one has yet to be made."""
        number = len(self._finished) + 1
        if self._finished:
            number = (self._number(self._finished[-1][1].name) or 0) + 1
        size = self.path.stat().st_size
        finished = self.path.with_name(f"{self.path.name}.{number:0{_DIGITS}d}")
        os.rename(self.path, finished)
        sync_directory(self.path.parent)
        self._finished.append((self.base, finished))
        self.base += size

    def reopen(self) -> None:
        """Go on writing in the newest finished file, in the place of what stands after it."""
        base, finished = self._finished.pop()
        os.replace(finished, self.path)
        sync_directory(self.path.parent)
        self.base = base
