"""Sessions in Redis or Valkey, for many machines; needs the extra `redis`.

Acknowledged means on the server's disk only with `appendonly yes` and `appendfsync always`: the
default, `everysec`, may lose the last second of acknowledged turns with the power, and without the
append-only file a restart loses far more. An `allkeys-*` eviction policy throws whole sessions
away when memory runs out. A server that says any of this is refused, unless `accept_loss` says that
it may forget; its settings are never changed from here. Where a service hides its settings
(`CONFIG` not allowed), they count as unknown, and are refused alike. The promise is one node's: a
failover to a replica may lose what had not been copied yet.

Every write is one script, so a row and the session's length change together or not at all. One
writer a session: the session names the connection that holds it (the server's run and the client's
number), and it is free when that connection is gone: at once for a killed process, when TCP
keep-alive gives up for a lost machine. No clock decides. `CLIENT LIST` must be allowed, and a proxy
that shares connections must not stand between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from harness.lifecycle.errors import NotDurable, StoreUnavailable
from harness.lifecycle.sessions.naming import folder_name, full_name
from harness.lifecycle.storage.store import Held, StoredLine
from harness.lifecycle.stores.redis_keys import Keys, rows_of, sessions
from harness.lifecycle.stores.shelf import Row, busy, overtaken, unavailable
from harness.lifecycle.stores.users import held_on, own_sessions, user_lines

if TYPE_CHECKING:
    import redis

_Result = TypeVar("_Result")
_LOG = logging.getLogger("harness.lifecycle")
_CLAIM = """
    if (redis.call('HGET', KEYS[1], 'holder') or '') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'holder', ARGV[2], 'session_id', ARGV[3])
    if KEYS[4] then redis.call('SADD', KEYS[4], ARGV[4]) end
    return redis.call('HINCRBY', KEYS[1], 'writer', 1)
"""
_CLAIM_AGAIN = """
    if redis.call('HGET', KEYS[1], 'writer') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[1], 'holder', ARGV[2])
    return 1
"""
_RELEASE = """
    if redis.call('HGET', KEYS[1], 'writer') ~= ARGV[1] then return 0 end
    return redis.call('HDEL', KEYS[1], 'holder')
"""
_WRITE = """
    if redis.call('HGET', KEYS[1], 'writer') ~= ARGV[1] then return 0 end
    redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
    redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
    redis.call('HSET', KEYS[1], 'length', string.format('%d', ARGV[2] + 1))
    return 1
"""
_PUT = """
    if redis.call('HGET', KEYS[1], 'writer') ~= ARGV[1] then return 0 end
    local before = redis.call('HGET', KEYS[1], 'checkpoint')
    if before then redis.call('HSET', KEYS[1], 'previous', before) end
    redis.call('HSET', KEYS[1], 'checkpoint', ARGV[2])
    return 1
"""


class RedisStore:
    """Sessions on the server at `url` (`redis://`, `rediss://`, `unix://`), under `prefix`."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "conversation",
        accept_loss: bool = False,
        user_id: str | None = None,
    ) -> None:
        self._url = url
        self._prefix = prefix
        self._accept_loss = accept_loss
        self.user_id = user_id

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; see `Store.open`."""
        keys = Keys.of(self._prefix, self.user_id, session_id)
        name = full_name(self.user_id, session_id)
        return held_on(_RedisShelf(self._url, keys, name, accept_loss=self._accept_loss), name, now)

    def of(self, user_id: str) -> RedisStore:
        """The same store for this user's sessions alone."""
        folder_name(user_id)
        return RedisStore(
            self._url, prefix=self._prefix, accept_loss=self._accept_loss, user_id=user_id
        )

    def session_ids(self) -> list[str]:
        """The sessions here; nobody's cost a look at every key of the server."""
        with self._reading() as client:
            return own_sessions(self.user_id, sessions(client, self._prefix, self.user_id))

    def lines(self, user_id: str | None = None) -> Iterator[StoredLine]:
        """All users' lines, or one user's; all users' cost a look at every key of the server."""
        with self._reading() as client:
            for row in sessions(client, self._prefix, user_id):
                keys = Keys.at(self._prefix, row.key)
                yield from user_lines(row, rows_of(client, keys.log, 0, row.length))

    @contextmanager
    def _reading(self) -> Iterator[redis.Redis]:
        driver = _driver()
        try:
            with driver.Redis.from_url(self._url) as client:
                yield client
        except driver.RedisError as error:
            raise unavailable("Redis: the server", error) from error


class _RedisShelf:
    def __init__(self, url: str, keys: Keys, session_id: str, *, accept_loss: bool) -> None:
        self.name = f"Redis: session {session_id!r}"
        self._url = url
        self._session_id = session_id
        self._accept_loss = accept_loss
        self._keys = keys
        self._client: redis.Redis | None = None
        self._released = False
        self._writer = ""
        self._do(lambda client: None)

    def length(self) -> int:
        """How many records were acknowledged."""
        found: Any = self._do(lambda client: client.hget(self._keys.session, "length"))
        return int(found or 0)

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """The rows of `start` <= sequence < `stop`, in order."""
        return self._do(lambda client: rows_of(client, self._keys.log, start, stop))

    def holds(self, record_key: bytes, before: int) -> bool:
        """Whether a record of that key has a sequence below `before`."""
        (found,) = self._fields(self._keys.all[2], record_key)
        return found is not None and int(found) < before

    def write(self, sequence: int, record_key: bytes, line: bytes) -> None:
        """Put one row in, durable when it returns."""
        self._change(_WRITE, str(sequence), record_key, line)

    def put_checkpoint(self, data: bytes) -> None:
        """Replace the newest checkpoint, and keep the one it replaces."""
        self._change(_PUT, data)

    def checkpoints(self) -> Sequence[bytes]:
        """The newest checkpoint and the one before."""
        found = self._fields(self._keys.session, "checkpoint", "previous")
        return [each for each in found if each is not None]

    def release(self) -> None:
        """Let the next writer in."""
        self._released = True
        client, self._client = self._client, None
        if client is None:
            return
        try:
            self._run(client, _RELEASE, self._writer)
        except _driver().RedisError:
            _LOG.debug("%s: could not say goodbye; the closed connection frees it", self.name)
        finally:
            client.close()

    def _fields(self, key: str, *names: str | bytes) -> list[bytes | None]:
        found: Any = self._do(lambda client: client.hmget(key, list(names)))
        return list(found)

    def _change(self, script: str, *values: str | bytes) -> None:
        if not self._do(lambda client: self._run(client, script, self._writer, *values)):
            raise overtaken(self.name)

    def _run(self, client: redis.Redis, script: str, *values: str | bytes) -> int:
        keys = self._keys.all
        result: Any = client.eval(script, len(keys), *keys, *values)
        return int(result)

    def _do(self, action: Callable[[redis.Redis], _Result]) -> _Result:
        """Do it; once again where the connection had been lost: each of them may be repeated."""
        if self._released:
            raise StoreUnavailable(f"{self.name}: it was closed; open the conversation again")
        driver = _driver()
        old = self._client
        try:
            try:
                return action(self._connected(driver))
            except driver.ConnectionError:
                if old is None:
                    raise
                self._drop()
                return action(self._connected(driver))
        except driver.RedisError as error:
            self._drop()
            raise unavailable(f"{self.name}: the server", error) from error

    def _connected(self, driver: Any) -> redis.Redis:
        if self._client is None:
            self._client = self._connect(driver)
        return self._client

    def _drop(self) -> None:
        """After an error the connection may be another one, which nobody knows as the holder."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connect(self, driver: Any) -> redis.Redis:
        client: redis.Redis = driver.Redis.from_url(
            self._url,
            single_connection_client=True,
            # A silent second try on a new connection would be a write whose holder is not known.
            retry=driver.retry.Retry(driver.backoff.NoBackoff(), 0),
        )
        try:
            self._check_durability(client, driver)
            self._hold(client)
        except BaseException:
            client.close()
            raise
        return client

    def _hold(self, client: redis.Redis) -> None:
        run = _info(client, "server")["run_id"]
        me = f"{run} {client.client_id()}"
        if self._writer:
            if not self._run(client, _CLAIM_AGAIN, self._writer, me):
                raise overtaken(self.name)
            return
        found: Any = client.hget(self._keys.session, "holder")
        holder = (found or b"").decode()
        if holder and _alive(client, holder, run):
            raise busy(self.name)
        writer = self._run(client, _CLAIM, holder, me, self._session_id, self._keys.place)
        if not writer:
            raise busy(self.name)
        self._writer = str(writer)

    def _check_durability(self, client: redis.Redis, driver: Any) -> None:
        try:
            settings = {
                name: _setting(client, name)
                for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
            }
        except driver.ResponseError as error:
            complaint = f"its settings are not to be seen ({error})"
        else:
            complaint = complaint_of(settings)
        if not complaint:
            return
        if not self._accept_loss:
            raise NotDurable(
                f"{self.name}: acknowledged turns could be lost on this server, {complaint}; set "
                "appendonly yes, appendfsync always and maxmemory-policy noeviction there, or say "
                "accept_loss=True"
            )
        _LOG.warning("%s: acknowledged turns may be lost, %s", self.name, complaint)


def complaint_of(settings: dict[str, str]) -> str:
    """What keeps these settings of a server from keeping acknowledged turns; "" for nothing."""
    expected = {"appendonly": "yes", "appendfsync": "always"}
    wrong = [
        f"expected {name} {value}, got {settings[name]}"
        for name, value in expected.items()
        if settings[name] != value
    ]
    policy = settings["maxmemory-policy"]
    if settings["maxmemory"] != "0" and policy.startswith("allkeys"):
        wrong.append(f"expected maxmemory-policy noeviction or volatile-*, got {policy}")
    return "; ".join(wrong)


def _alive(client: redis.Redis, holder: str, run: str) -> bool:
    """Whether the connection that holds the session still is; a restart has ended them all."""
    of_run, _, number = holder.partition(" ")
    if of_run != run:
        return False
    clients: Any = client.client_list(client_id=[number])
    return bool(clients)


def _setting(client: redis.Redis, name: str) -> str:
    found: Any = client.config_get(name)
    return str(found[name])


def _info(client: redis.Redis, section: str) -> dict[str, Any]:
    found: Any = client.info(section)
    return dict(found)


def _driver() -> Any:
    try:
        import redis
        import redis.backoff
        import redis.retry
    except ImportError as error:
        raise ImportError(
            "RedisStore needs redis: install the extra, conversation-crash-lab[redis]"
        ) from error
    return redis
