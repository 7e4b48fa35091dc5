"""A session in each kind of store: how to open it, in this process or another, and how to harm it.

A place is said in one line (`sqlite:/path`), so that another process can open the same one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from harness.lifecycle import Conversation, Held, Store
from tests.lifecycle.stores.servers import Postgres, Valkey
from tests.lifecycle.stores.writing import Writer, store_at, writing

KINDS = ("jsonl", "sqlite", "postgres", "valkey")
_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """One session in one kind of store; `server` where there is one to kill."""

    kind: str
    where: str
    session_id: str
    server: Postgres | Valkey | None = None

    @property
    def store(self) -> Store:
        """The store, made anew."""
        return store_at(f"{self.kind}:{self.where}")

    def open(self, now: Callable[[], int] = lambda: 5) -> Held:
        """The session, held."""
        return self.store.open(self.session_id, now=now)

    def writer(self, *, free: bool = False) -> AbstractContextManager[Writer]:
        """Another process that writes here."""
        return writing(f"{self.kind}:{self.where}", self.session_id, free=free)

    def talker(self) -> AbstractContextManager[Writer]:
        """Another process that has the conversation here."""
        return writing(f"{self.kind}:{self.where}", self.session_id, talks=True)

    def spoil(self, sequence: int, line: bytes | None) -> None:
        """Put other bytes in a record's place, or take it away."""
        getattr(self, f"_spoil_{self.kind}")(sequence, line)

    def _spoil_jsonl(self, sequence: int, line: bytes | None) -> None:
        path = Path(self.where) / self.session_id / "turns.jsonl"
        lines = path.read_bytes().splitlines()
        lines[sequence : sequence + 1] = [] if line is None else [line]
        path.write_bytes(b"".join(each + b"\n" for each in lines))

    def _spoil_sqlite(self, sequence: int, line: bytes | None) -> None:
        with closing(sqlite3.connect(self.where)) as database, database:
            self._spoil_rows(database, "records", "?", sequence, line)

    def _spoil_postgres(self, sequence: int, line: bytes | None) -> None:
        import psycopg

        with psycopg.connect(self.where) as database:
            self._spoil_rows(database, "conversation_records", "%s", sequence, line)

    def _spoil_rows(
        self, database: Any, table: str, mark: str, sequence: int, line: bytes | None
    ) -> None:
        where = f"WHERE session = {mark} AND sequence = {mark}"
        if line is None:
            database.execute(f"DELETE FROM {table} {where}", (self.session_id, sequence))
        else:
            words = f"UPDATE {table} SET line = {mark} {where}"
            database.execute(words, (line, self.session_id, sequence))

    def _spoil_valkey(self, sequence: int, line: bytes | None) -> None:
        import redis

        with redis.Redis.from_url(self.where) as client:
            key = f"conversation:{{{self.session_id}}}:log"
            if line is None:
                client.hdel(key, str(sequence))
            else:
                client.hset(key, str(sequence), line)


def fresh_session() -> str:
    """An id that no other test uses."""
    return f"session-{next(_numbers)}"


def contents(held: Held) -> list[Any]:
    """What its log holds."""
    return [record.content for record in held.log.read_all()]


def opened(place: Place, client: Any) -> Conversation:
    """A conversation in that place."""
    return Conversation.open(
        "unused", place.session_id, client=client, store=place.store, now=lambda: 5
    )
