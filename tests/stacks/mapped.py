"""Stores that keep their word and write through a map: no recorder of calls can follow that."""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from harness.protocol import Message


class Mapped:
    """The target: each message is a line, written into the file's map and flushed."""

    name = "mapped"

    def open_store(self, home: Path, session_id: str) -> Mapped:
        self.path = home / "lines"
        return self

    def append(self, message: Message) -> None:
        line = json.dumps([message.role, message.content]).encode() + b"\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            end = len(self._written())
            os.ftruncate(descriptor, end + len(line))
            os.fsync(descriptor)
            with mmap.mmap(descriptor, end + len(line)) as mapped:
                mapped[end:] = line
                mapped.flush()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def load(self) -> Sequence[Message]:
        return [Message(*json.loads(line)) for line in self._written().splitlines()]

    def close(self) -> None:
        """Nothing is held."""

    def _written(self) -> bytes:
        """What lies there without a last line that was never whole."""
        data = self.path.read_bytes() if self.path.exists() else b""
        return data[: data.rfind(b"\n") + 1]


class Remapped(Mapped):
    """It maps the file only to go over what it finds: there is nothing to see until it recovers."""

    name = "remapped"

    def open_store(self, home: Path, session_id: str) -> Mapped:
        super().open_store(home, session_id)
        if found := self._written():
            with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), len(found)) as mapped:
                mapped[:] = found
                mapped.flush()
        return self

    def append(self, message: Message) -> None:
        with open(self.path, "ab") as file:
            file.write(json.dumps([message.role, message.content]).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
