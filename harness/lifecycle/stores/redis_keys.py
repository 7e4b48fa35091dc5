"""The keys of a session in Redis, and whose sessions there are.

`PREFIX:{SESSION}:session`, `:log` and `:ids` are nobody's; `PREFIX:{USER}:NUMBER:session` and so on
are a user's, whose `PREFIX:{USER}:sessions` names them all. The braces keep what one script touches
on one node of a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.lifecycle.sessions.naming import folder_name, session_key
from harness.lifecycle.stores.shelf import Row
from harness.lifecycle.stores.users import SessionRow

if TYPE_CHECKING:
    import redis

_ROWS_AT_ONCE = 1000
_PLACE = re.compile(r"\{([^{}]*)\}(?::([^:]*))?:session")
_GLOB = re.compile(r"([*?\[\]\\])")


@dataclass(frozen=True)
class Keys:
    """Where one session is; `place` is its key in every store, `user` its user's list, if any."""

    place: str
    base: str
    user: str | None

    @classmethod
    def of(cls, prefix: str, user_id: str | None, session_id: str) -> Keys:
        """The keys of a session; SessionIdError where it can have none."""
        return cls.at(prefix, session_key(user_id, session_id))

    @classmethod
    def at(cls, prefix: str, place: str) -> Keys:
        """The keys of the session that stands there."""
        first, slash, own = place.partition("/")
        if not slash:
            return cls(place, f"{prefix}:{{{first}}}", None)
        return cls(place, f"{prefix}:{{{first}}}:{own}", f"{prefix}:{{{first}}}:sessions")

    @property
    def session(self) -> str:
        """The hash that says who writes, and how long the log is."""
        return f"{self.base}:session"

    @property
    def log(self) -> str:
        """The hash of its lines, by sequence."""
        return f"{self.base}:log"

    @property
    def all(self) -> tuple[str, ...]:
        """What its scripts are given: session, log, ids, and its user's list."""
        own = (self.session, self.log, f"{self.base}:ids")
        return own if self.user is None else (*own, self.user)


def sessions(client: redis.Redis, prefix: str, user_id: str | None) -> list[SessionRow]:
    """This user's sessions, or, by a look at every key of the server, all there are."""
    if user_id is None:
        pattern = _GLOB.sub(r"\\\1", prefix) + ":{*:session"
        found = [key.decode()[len(prefix) + 1 :] for key in client.scan_iter(pattern)]
        matches = [match for each in set(found) if (match := _PLACE.fullmatch(each))]
        places = ["/".join(part for part in each.groups() if part is not None) for each in matches]
    else:
        listed: Any = client.smembers(f"{prefix}:{{{folder_name(user_id)}}}:sessions")
        places = [each.decode() for each in listed]
    return [_row(client, prefix, place) for place in sorted(places)]


def rows_of(client: redis.Redis, log: str, start: int, stop: int) -> Sequence[Row]:
    """The rows of `start` <= sequence < `stop`, in order."""
    rows: list[Row] = []
    for first in range(start, stop, _ROWS_AT_ONCE):
        wanted = range(first, min(stop, first + _ROWS_AT_ONCE))
        lines: Any = client.hmget(log, list(map(str, wanted)))
        found = zip(wanted, lines, strict=True)
        rows += [(sequence, line) for sequence, line in found if line is not None]
    return rows


def _row(client: redis.Redis, prefix: str, place: str) -> SessionRow:
    found: Any = client.hmget(Keys.at(prefix, place).session, ["session_id", "length"])
    name, length = found
    return SessionRow(place, (name or b"").decode(), int(length or 0))
