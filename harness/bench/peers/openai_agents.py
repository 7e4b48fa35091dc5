"""OpenAI Agents: `SQLiteSession`, in memory for the window and in a file for the disk.

It counts items and not tokens: `get_items(limit)` gives the newest. As a window it holds as many as
6,000 tokens of these turns are. Its calls are coroutines; one loop runs them all.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable, Sized
from pathlib import Path
from typing import Any

from agents import SQLiteSession

from harness.bench.peers.shelf import say_role
from harness.bench.talk import Turn

LIMIT = 40
BULK = 5_000
NOTE = {"window": "counts items (40), not tokens", "restore": "reads all items, then the newest 40"}


def _items(turns: Iterable[Turn]) -> list[Any]:
    return [
        each
        for user, assistant in turns
        for each in (say_role("user", user), say_role("assistant", assistant))
    ]


class Session:
    """A session and the loop that it is used from."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._session = SQLiteSession("ann", path)

    def fill(self, turns: Iterable[Turn]) -> None:
        """Add turns in bulk."""
        items = _items(turns)
        for at in range(0, len(items), BULK):
            self._loop.run_until_complete(self._session.add_items(items[at : at + BULK]))

    def append(self, role: str, text: str) -> None:
        """Add one message."""
        self._loop.run_until_complete(self._session.add_items([say_role(role, text)]))

    def say(self, user: str, assistant: str) -> None:
        """Add one turn."""
        self._loop.run_until_complete(self._session.add_items(_items([(user, assistant)])))

    def restore(self) -> Sized:
        """All items, by a new session."""
        return self._read(None)

    def tail(self) -> Sized:
        """The newest items, by a new session."""
        return self._read(LIMIT)

    def newest(self) -> Sized:
        """The newest items, by this one."""
        items: list[Any] = self._loop.run_until_complete(self._session.get_items(LIMIT))
        return items

    def _read(self, limit: int | None) -> Sized:
        session = SQLiteSession("ann", self._path)
        items: list[Any] = self._loop.run_until_complete(session.get_items(limit))
        session.close()
        return items

    def close(self) -> None:
        """Close session, threads and loop."""
        self._session.close()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


class Window:
    """A session in memory; the bounded workload is the same, as nothing can be thrown away."""

    def __init__(self, *, bounded: bool) -> None:
        self._session = Session()
        # A window is dropped, not closed; the session's thread and loop want to be.
        weakref.finalize(self, self._session.close)

    def fill(self, turns: Iterable[Turn]) -> None:
        """Add turns in bulk."""
        self._session.fill(turns)

    def turn(self, user: str, assistant: str) -> Sized:
        """Add and get."""
        self._session.say(user, assistant)
        return self._session.newest()


def store(folder: Path) -> Session:
    """A session in a file."""
    return Session(folder / "session.db")


window = Window
