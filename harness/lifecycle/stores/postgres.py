"""Sessions in PostgreSQL, for many machines; needs the extra `postgres` (psycopg).

Acknowledged means committed with `synchronous_commit` on (it is switched on where the server's
default is off); a server with `fsync=off` is refused, unless `accept_loss` says that it may forget.
One statement a record, so a row and the session's length change together or not at all.

One writer a session is an advisory lock of the connection: a dead writer's is free when the server
sees its socket close (at once for a killed process; when TCP keep-alive gives up for a lost
machine). It needs a connection of its own: not through a pooler in transaction mode. A lost
connection is made again by the next call, and goes on only if no other writer was there meanwhile.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from harness.lifecycle.errors import NotDurable, StoreUnavailable
from harness.lifecycle.sessions.naming import folder_name, full_name, session_key
from harness.lifecycle.storage.store import Held, StoredLine
from harness.lifecycle.stores.shelf import Row, busy, overtaken, unavailable
from harness.lifecycle.stores.users import (
    SessionRow,
    held_on,
    key_range,
    own_sessions,
    user_lines,
)

if TYPE_CHECKING:
    import psycopg

_Result = TypeVar("_Result")
_LOG = logging.getLogger("harness.lifecycle")
_TABLES = """
    CREATE TABLE IF NOT EXISTS conversation_sessions (
        session text PRIMARY KEY, session_id bytea NOT NULL, writer bigint NOT NULL,
        length bigint NOT NULL, checkpoint bytea, previous bytea);
    CREATE TABLE IF NOT EXISTS conversation_records (
        session text NOT NULL, sequence bigint NOT NULL, record_key bytea NOT NULL,
        line bytea NOT NULL, PRIMARY KEY (session, sequence));
    CREATE INDEX IF NOT EXISTS conversation_record_ids
        ON conversation_records (session, record_key);
    CREATE INDEX IF NOT EXISTS conversation_session_users
        ON conversation_sessions (session COLLATE "C");
"""
_CLAIM = """
    INSERT INTO conversation_sessions VALUES (%s, %s, 1, 0)
    ON CONFLICT (session) DO UPDATE SET writer = conversation_sessions.writer + 1
    RETURNING writer
"""
_WRITE = """
    WITH mine AS (
        UPDATE conversation_sessions SET length = %(sequence)s::bigint + 1
        WHERE session = %(session)s AND writer = %(writer)s RETURNING session)
    INSERT INTO conversation_records
    SELECT session, %(sequence)s::bigint, %(record_key)s::bytea, %(line)s::bytea FROM mine
    ON CONFLICT (session, sequence)
    DO UPDATE SET record_key = excluded.record_key, line = excluded.line
"""
_ROWS = """
    SELECT sequence, line FROM conversation_records
    WHERE session = %s AND sequence >= %s AND sequence < %s ORDER BY sequence
"""
_SESSIONS = """
    SELECT session, session_id, length FROM conversation_sessions
    WHERE session COLLATE "C" >= %s AND session COLLATE "C" < %s ORDER BY session COLLATE "C"
"""


class PostgresStore:
    """Sessions in the database that `conninfo` names, a URI or libpq's `key=value` words.

    The tables are made where they are missing, in the schema that the connection's `search_path`
    puts first.
    """

    def __init__(
        self, conninfo: str, *, accept_loss: bool = False, user_id: str | None = None
    ) -> None:
        self._conninfo = conninfo
        self._accept_loss = accept_loss
        self.user_id = user_id

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; see `Store.open`."""
        key, name = session_key(self.user_id, session_id), full_name(self.user_id, session_id)
        shelf = _PostgresShelf(self._conninfo, key, name, accept_loss=self._accept_loss)
        return held_on(shelf, name, now)

    def of(self, user_id: str) -> PostgresStore:
        """The same store for this user's sessions alone."""
        folder_name(user_id)
        return PostgresStore(self._conninfo, accept_loss=self._accept_loss, user_id=user_id)

    def session_ids(self) -> list[str]:
        """The sessions here, this user's or nobody's; see `UserStore.session_ids`."""
        with self._reading() as connection:
            return own_sessions(self.user_id, _sessions(connection, self.user_id))

    def lines(self, user_id: str | None = None) -> Iterator[StoredLine]:
        """All users' lines, or one user's; see `UserStore.lines`."""
        with self._reading() as connection:
            for row in _sessions(connection, user_id):
                found = connection.execute(_ROWS.encode(), (row.key, 0, row.length)).fetchall()
                yield from user_lines(row, found)

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection]:
        driver = _driver()
        try:
            with driver.connect(self._conninfo, autocommit=True) as connection:
                yield connection
        except driver.Error as error:
            raise unavailable("PostgreSQL", error) from error


class _PostgresShelf:
    def __init__(self, conninfo: str, key: str, session_id: str, *, accept_loss: bool) -> None:
        self.name = f"PostgreSQL: session {session_id!r}"
        self._conninfo = conninfo
        self._key = key
        self._accept_loss = accept_loss
        self._connection: psycopg.Connection | None = None
        self._released = False
        self._writer: int | None = None
        values = (self._key, session_id.encode("utf-8"))
        try:
            (writer,) = self._all(_CLAIM, values)[0]
        except BaseException:
            self.release()
            raise
        self._writer = int(writer)

    def length(self) -> int:
        """How many records were acknowledged."""
        sql = "SELECT length FROM conversation_sessions WHERE session = %s"
        return int(self._all(sql, (self._key,))[0][0])

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """The rows of `start` <= sequence < `stop`, in order."""
        return self._all(_ROWS, (self._key, start, stop))

    def holds(self, record_key: bytes, before: int) -> bool:
        """Whether a record of that key has a sequence below `before`."""
        sql = (
            "SELECT 1 FROM conversation_records"
            " WHERE session = %s AND record_key = %s AND sequence < %s LIMIT 1"
        )
        return bool(self._all(sql, (self._key, record_key, before)))

    def write(self, sequence: int, record_key: bytes, line: bytes) -> None:
        """Put one row in, durable when it returns."""
        self._change(
            _WRITE,
            {
                "session": self._key,
                "writer": self._writer,
                "sequence": sequence,
                "record_key": record_key,
                "line": line,
            },
        )

    def put_checkpoint(self, data: bytes) -> None:
        """Replace the newest checkpoint, and keep the one it replaces."""
        self._change(
            "UPDATE conversation_sessions SET previous = checkpoint, checkpoint = %s"
            " WHERE session = %s AND writer = %s",
            (data, self._key, self._writer),
        )

    def checkpoints(self) -> Sequence[bytes]:
        """The newest checkpoint and the one before."""
        sql = "SELECT checkpoint, previous FROM conversation_sessions WHERE session = %s"
        return [each for each in self._all(sql, (self._key,))[0] if each is not None]

    def release(self) -> None:
        """Let the next writer in."""
        self._released = True
        if self._connection is not None:
            # The server may take its time to see a closed socket; the next writer shall not.
            with suppress(_driver().Error):
                self._connection.execute(b"SELECT pg_advisory_unlock_all()")
            self._connection.close()

    def _all(self, sql: str, values: Any) -> list[Any]:
        return self._do(lambda connection: connection.execute(sql.encode(), values).fetchall())

    def _change(self, sql: str, values: Any) -> None:
        if self._do(lambda connection: connection.execute(sql.encode(), values).rowcount) != 1:
            raise overtaken(self.name)

    def _do(self, action: Callable[[psycopg.Connection], _Result]) -> _Result:
        """Do it; once again where the connection had been lost: each of them may be repeated."""
        if self._released:
            raise StoreUnavailable(f"{self.name}: it was closed; open the conversation again")
        driver = _driver()
        old = self._connection
        try:
            try:
                return action(self._connected(driver))
            except driver.OperationalError:
                if old is None or self._connection is not old or not old.closed:
                    raise
                return action(self._connected(driver))
        except driver.Error as error:
            raise unavailable(f"{self.name}: PostgreSQL", error) from error

    def _connected(self, driver: Any) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect(driver)
        return self._connection

    def _connect(self, driver: Any) -> psycopg.Connection:
        connection: psycopg.Connection = driver.connect(self._conninfo, autocommit=True)
        try:
            self._check_durability(connection)
            _create_tables(connection)
            (locked,) = _row(connection, "SELECT pg_try_advisory_lock(%s)", _lock_number(self._key))
            if not locked:
                raise busy(self.name)
            if self._writer is not None:
                sql = "SELECT writer FROM conversation_sessions WHERE session = %s"
                if _row(connection, sql, self._key) != (self._writer,):
                    raise overtaken(self.name)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_durability(self, connection: psycopg.Connection) -> None:
        if _row(connection, "SHOW synchronous_commit") == ("off",):
            connection.execute("SET synchronous_commit TO on")
        if _row(connection, "SHOW fsync") == ("on",):
            return
        if not self._accept_loss:
            raise NotDurable(
                f"{self.name}: expected the server's fsync on, got off: a power cut would lose "
                "acknowledged turns, or the whole database; switch it on, or say accept_loss=True"
            )
        _LOG.warning("%s: fsync is off, acknowledged turns may be lost", self.name)


def _sessions(connection: psycopg.Connection, user_id: str | None) -> list[SessionRow]:
    """The sessions whose keys may be this user's, or all, as far as the tables are there."""
    if _row(connection, "SELECT to_regclass('conversation_sessions')") == (None,):
        return []
    found = connection.execute(_SESSIONS.encode(), key_range(user_id)).fetchall()
    return [SessionRow(key, bytes(name).decode("utf-8"), length) for key, name, length in found]


def _create_tables(connection: psycopg.Connection) -> None:
    if _row(connection, "SELECT to_regclass('conversation_session_users')") != (None,):
        return
    with connection.transaction():
        # CREATE IF NOT EXISTS is not safe against another one at the same moment.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_lock_number("tables"),))
        connection.execute(_TABLES)


def _row(connection: psycopg.Connection, sql: str, *values: object) -> Any:
    return connection.execute(sql.encode(), values or None).fetchone()


def _lock_number(key: str) -> int:
    digest = hashlib.blake2b(b"conversation " + key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ImportError(
            "PostgresStore needs psycopg: install the extra, conversation-crash-lab[postgres]"
        ) from error
    return psycopg
