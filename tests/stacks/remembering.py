"""Stores as targets: those of the disk's table in the protocol's shapes, and a few of other kinds.

The harness runs its plain loop around each. `Hardened`, `Databased` and `Waiting` keep what they
promise; the others each lack one thing.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.protocol import Message
from tests.stacks.stores import variants


class _Lines:
    """A variant that appends to `turns.jsonl`; a torn last line is cut off when it is opened."""

    variant = ""
    mends = True

    def open_store(self, home: Path, session_id: str) -> _Lines:
        self.home = home
        self.log = home / "turns.jsonl"
        if self.mends and self.log.exists():
            data = self.log.read_bytes()
            if data != (whole := _whole_lines(data)):
                self.log.write_bytes(whole)
        self.kept = variants.open_store(self.variant, home)
        return self

    def append(self, message: Message) -> None:
        size = self.log.stat().st_size if self.log.exists() else 0
        try:
            self.kept.append({"role": message.role, "content": message.content})
        except OSError:
            # What was not told to be durable must not be read as if it were.
            os.truncate(self.log, size)
            raise

    def load(self) -> Sequence[Message]:
        if not self.log.exists():
            return []
        rows = [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]
        return [Message(row["role"], row["content"]) for row in rows]

    def close(self) -> None:
        """The variants hold nothing that must be let go."""


def _whole_lines(data: bytes) -> bytes:
    kept = b""
    for line in data.splitlines(keepends=True):
        try:
            json.loads(line)
        except ValueError:
            break
        if not line.endswith(b"\n"):
            break
        kept += line
    return kept


class Hardened(_Lines):
    """Syncs file and directory: durable when append returns."""

    name = "hardened"
    variant = "hardened"


class Unsynced(_Lines):
    """Never syncs: safe from kills, not from power cuts."""

    name = "unsynced"
    variant = "naive"


class Unmended(_Lines):
    """Syncs, and stumbles over its own torn tail."""

    name = "unmended"
    variant = "hardened"
    mends = False


class ByTheTurn(_Lines):
    """Keeps messages back until the turn has its answer, and says so."""

    name = "by-the-turn"
    variant = "hardened"
    acknowledges = "turn"

    def open_store(self, home: Path, session_id: str) -> ByTheTurn:
        super().open_store(home, session_id)
        self.held: list[Message] = []
        return self

    def append(self, message: Message) -> None:
        self.held.append(message)
        if message.role == "assistant" and isinstance(message.content, str):
            for one in self.held:
                super().append(one)
            self.held = []

    def load(self) -> Sequence[Message]:
        return [*super().load(), *self.held]


class Hasty(ByTheTurn):
    """The same, and claims that each append is durable."""

    name = "hasty"
    acknowledges = "message"


class Forgetful(_Lines):
    """Loses every third message between two others."""

    name = "forgetful"
    variant = "hardened"

    def load(self) -> Sequence[Message]:
        return [message for place, message in enumerate(super().load()) if place != 2]


class Databased:
    """SQLite with WAL and synchronous=FULL."""

    name = "databased"
    synchronous = "FULL"

    def open_store(self, home: Path, session_id: str) -> Databased:
        self.kept = variants.Sqlite(home, "WAL", self.synchronous)
        return self

    def append(self, message: Message) -> None:
        self.kept.append({"role": message.role, "content": message.content})

    def load(self) -> Sequence[Message]:
        rows = self.kept.database.execute("select body from turns order by id")
        told: list[dict[str, Any]] = [json.loads(body) for (body,) in rows]
        return [Message(row["role"], row["content"]) for row in told]

    def close(self) -> None:
        self.kept.database.close()


class Lax(Databased):
    """SQLite with WAL and synchronous=NORMAL: a power cut takes the last commits."""

    name = "lax"
    synchronous = "NORMAL"


class Waiting(Hardened):
    """All of it async, and each append takes its time on the loop."""

    name = "waiting"

    async def open_store(self, home: Path, session_id: str) -> Waiting:  # type: ignore[override]
        super().open_store(home, session_id)
        return self

    async def append(self, message: Message) -> None:  # type: ignore[override]
        await asyncio.sleep(0.01)
        super().append(message)

    async def load(self) -> Sequence[Message]:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().load()

    async def close(self) -> None:  # type: ignore[override]
        """Nothing."""


class Shapeless:
    """Opens on something that is no store."""

    name = "shapeless"

    def open_store(self, home: Path, session_id: str) -> object:
        return object()
