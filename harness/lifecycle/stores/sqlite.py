"""Sessions in one SQLite file, for one machine; nothing to install.

`journal_mode=WAL` lets readers and other sessions go on while one commits. `synchronous=FULL`,
because in WAL mode NORMAL (which many recommend) does not fsync at a commit but at a checkpoint: a
power cut then takes acknowledged turns with it. FULL fsyncs the log at every commit. Outside WAL
mode even FULL may lose the last commit (the journal's name is unlinked without syncing its folder);
the file is therefore refused where it cannot be put into WAL mode.

A commit that a dead process left may be in the page cache alone: `claim` copies the log into the
file, fsynced, before it is believed. What is damaged at rest in SQLite's own log is lost from there
on, and SQLite says nothing of it (sqlite.org/walformat.html, "Recovery"): JSONL files tell.

A statement that overwrites much keeps what it overwrites in a temporary file of the machine's
(sqlite.org/tempfiles.html, "Statement Journal Files"), which is no place for a conversation:
`temp_store=MEMORY` keeps it in memory.

One writer a session is a lock of the kernel's (`flock`), in a folder beside the file, as for JSONL
files; not for network file systems.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.lifecycle.errors import NotDurable
from harness.lifecycle.sessions.lock import SessionLock
from harness.lifecycle.sessions.naming import folder_name, full_name, session_key
from harness.lifecycle.storage.durable import create_directory, sync_directory
from harness.lifecycle.storage.store import Held, StoredLine
from harness.lifecycle.stores.shelf import Row, overtaken, unavailable
from harness.lifecycle.stores.users import (
    SessionRow,
    held_on,
    key_range,
    own_sessions,
    user_lines,
)

_WAIT_S = 30.0
_PRIMARY = 0xFF
"""The bits of an extended error code that say of what kind it is."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TABLES = (
    "CREATE TABLE IF NOT EXISTS sessions (session TEXT PRIMARY KEY, session_id TEXT NOT NULL,"
    " writer INTEGER NOT NULL, length INTEGER NOT NULL, checkpoint BLOB, previous BLOB)",
    "CREATE TABLE IF NOT EXISTS records (session TEXT NOT NULL, sequence INTEGER NOT NULL,"
    " record_key BLOB NOT NULL, line BLOB NOT NULL, PRIMARY KEY (session, sequence)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS record_keys ON records (session, record_key)",
)
_CLAIM = (
    "INSERT INTO sessions VALUES (?, ?, 1, 0, NULL, NULL)"
    " ON CONFLICT (session) DO UPDATE SET writer = writer + 1 RETURNING writer"
)
_ROWS = (
    "SELECT sequence, line FROM records"
    " WHERE session = ? AND sequence >= ? AND sequence < ? ORDER BY sequence"
)
_SESSIONS = (
    "SELECT session, session_id, length FROM sessions"
    " WHERE session >= ? AND session < ? ORDER BY session"
)
_WRITE = (
    "INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (session, sequence)"
    " DO UPDATE SET record_key = excluded.record_key, line = excluded.line"
)


class SqliteStore:
    """Sessions in the SQLite file at `path`, made 0600 where it is missing."""

    def __init__(self, path: str | Path, *, user_id: str | None = None) -> None:
        self.path = Path(path)
        self.user_id = user_id

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; see `Store.open`."""
        key, name = session_key(self.user_id, session_id), full_name(self.user_id, session_id)
        lock = SessionLock(self.path.with_name(self.path.name + ".locks") / key)
        try:
            shelf = _SqliteShelf(self.path, key, name, lock)
        except BaseException:
            lock.release()
            raise
        return held_on(shelf, name, now)

    def of(self, user_id: str) -> SqliteStore:
        """The same store for this user's sessions alone."""
        folder_name(user_id)
        return SqliteStore(self.path, user_id=user_id)

    def session_ids(self) -> list[str]:
        """The sessions here, this user's or nobody's; see `UserStore.session_ids`."""
        with self._reading() as database:
            return own_sessions(self.user_id, _sessions(database, self.user_id))

    def lines(self, user_id: str | None = None) -> Iterator[StoredLine]:
        """All users' lines, or one user's; see `UserStore.lines`."""
        with self._reading() as database:
            for row in _sessions(database, user_id):
                rows = database.execute(_ROWS, (row.key, 0, row.length)).fetchall()
                yield from user_lines(row, rows)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The database as it is now; an empty one where there is none yet."""
        where = self.path if self.path.exists() else ":memory:"
        with _told(str(self.path)):
            database = sqlite3.connect(where, timeout=_WAIT_S, isolation_level=None)
        try:
            with _told(str(self.path)):
                yield database
        finally:
            database.close()


class _SqliteShelf:
    def __init__(self, path: Path, key: str, session_id: str, lock: SessionLock) -> None:
        self.name = f"{path}: session {session_id!r}"
        self._key = key
        self._lock = lock
        _create(path)
        with _told(self.name):
            self._database = sqlite3.connect(
                path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with _told(self.name):
                self._prepare()
                self._writer = self._claim(session_id)
        except BaseException:
            self._database.close()
            raise

    def length(self) -> int:
        """How many records were acknowledged."""
        found = self._select("SELECT length FROM sessions WHERE session = ?", self._key)
        return int(found[0][0])

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """The rows of `start` <= sequence < `stop`, in order."""
        return self._select(_ROWS, self._key, start, stop)

    def holds(self, record_key: bytes, before: int) -> bool:
        """Whether a record of that key has a sequence below `before`."""
        sql = "SELECT 1 FROM records WHERE session = ? AND record_key = ? AND sequence < ? LIMIT 1"
        return bool(self._select(sql, self._key, record_key, before))

    def write(self, sequence: int, record_key: bytes, line: bytes) -> None:
        """Put one row in, durable when it returns."""
        with self._changing() as database:
            self._still_mine(
                database.execute(
                    "UPDATE sessions SET length = ? WHERE session = ? AND writer = ?",
                    (sequence + 1, self._key, self._writer),
                )
            )
            database.execute(_WRITE, (self._key, sequence, record_key, line))

    def put_checkpoint(self, data: bytes) -> None:
        """Replace the newest checkpoint, and keep the one it replaces."""
        with self._changing() as database:
            self._still_mine(
                database.execute(
                    "UPDATE sessions SET previous = checkpoint, checkpoint = ?"
                    " WHERE session = ? AND writer = ?",
                    (data, self._key, self._writer),
                )
            )

    def checkpoints(self) -> Sequence[bytes]:
        """The newest checkpoint and the one before."""
        sql = "SELECT checkpoint, previous FROM sessions WHERE session = ?"
        return [bytes(each) for each in self._select(sql, self._key)[0] if each is not None]

    def release(self) -> None:
        """Let the next writer in."""
        self._database.close()
        self._lock.release()

    def _prepare(self) -> None:
        (mode,) = self._database.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode != "wal":
            raise NotDurable(
                f"{self.name}: expected journal_mode 'wal', got {mode!r}, in which a power cut may "
                "lose acknowledged turns: put the file on a disk of this machine, not on a network"
            )
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("PRAGMA temp_store=MEMORY")
        for table in _TABLES:
            self._database.execute(table)

    def _claim(self, session_id: str) -> int:
        with self._changing() as database:
            (writer,) = database.execute(_CLAIM, (self._key, session_id)).fetchone()
        self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return int(writer)

    def _select(self, sql: str, *values: object) -> list[tuple[int, bytes]]:
        with _told(self.name):
            return self._database.execute(sql, values).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with _told(self.name):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise

    def _still_mine(self, changed: sqlite3.Cursor) -> None:
        if changed.rowcount != 1:
            raise overtaken(self.name)


def _sessions(database: sqlite3.Connection, user_id: str | None) -> list[SessionRow]:
    """The sessions whose keys may be this user's, or all, as far as the tables are there."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sessions'").fetchone():
        return []
    return [SessionRow(*row) for row in database.execute(_SESSIONS, key_range(user_id))]


def _create(path: Path) -> None:
    """The file with its name durable, and nobody else's to read; SQLite's own would be 0644."""
    create_directory(path.parent)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_directory(path.parent)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """SQLite's errors as the stack's."""
    try:
        yield
    except sqlite3.Error as error:
        told = f"{name}: SQLite"
        if (getattr(error, "sqlite_errorcode", 0) & _PRIMARY) in _DAMAGED:
            raise unavailable(told, error, "the file must be brought back from a copy") from error
        raise unavailable(told, error) from error
