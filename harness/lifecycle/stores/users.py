"""Users in a database: their sessions stand under `user/number`, in one run of keys.

A key is made of folder names, which hold no "/": what stands before it is the user's. The sessions
of nobody have none in theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.storage.store import Held, StoredLine
from harness.lifecycle.stores.checkpoints import StoredCheckpoints
from harness.lifecycle.stores.log import StoredLog
from harness.lifecycle.stores.shelf import Row, Shelf

_AFTER_SLASH = "0"
_AFTER_ALL = "\x7f"


class SessionRow(NamedTuple):
    """A session as its database lists it: key, full name, acknowledged records."""

    key: str
    name: str
    length: int

    @property
    def user_id(self) -> str | None:
        """Whose it is; None for nobody's."""
        return self.name.rpartition("/")[0] if "/" in self.key else None


def held_on(shelf: Shelf, name: str, now: Callable[[], int] | None) -> Held:
    """A claimed shelf as a held session."""
    log = StoredLog(shelf, now=now)
    return Held(log, StoredCheckpoints(shelf, session_id=name), shelf.release)


def key_range(user_id: str | None) -> tuple[str, str]:
    """The first key that may be this user's (None: anybody's), and the first that is not."""
    if user_id is None:
        return "", _AFTER_ALL
    folder = folder_name(user_id)
    return f"{folder}/", folder + _AFTER_SLASH


def own_sessions(user_id: str | None, rows: Iterable[SessionRow]) -> list[str]:
    """The ids of this user's sessions, or of nobody's, in the order of their keys."""
    skip = 0 if user_id is None else len(user_id) + 1
    return [row.name[skip:] for row in rows if ("/" in row.key) == (user_id is not None)]


def user_lines(row: SessionRow, rows: Iterable[Row]) -> Iterator[StoredLine]:
    """A session's rows as lines, if it is a user's."""
    if row.user_id is not None:
        session_id = row.name.rpartition("/")[2]
        for sequence, line in rows:
            yield StoredLine(row.user_id, session_id, sequence, line)
