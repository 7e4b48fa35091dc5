"""What a database must do for one session: hold a row a record, know its writer, keep two saves.

The rows hold the sealed lines of the JSONL log, byte for byte, so that damage is noticed by the
same checksums and a session can leave any database as a JSONL file. A row's sequence is its key.

One writer: `claim` gives the session a writer number one higher than any before. Every write names
its own number, so a writer that lost its connection and was overtaken cannot interleave: it gets
SessionBusy, whatever it believes about its lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.lifecycle.errors import SessionBusy, StoreUnavailable

Row = tuple[int, bytes]
"""The sequence and the sealed line of one record."""


class Shelf(Protocol):
    """One session in one database, claimed by this writer.

    Every call may raise StoreUnavailable; the next call connects again and makes sure that the
    session is still its own: SessionBusy if it is not.
    """

    name: str
    """The database and the session, for messages."""

    def length(self) -> int:
        """How many records were acknowledged, whether or not they are still there."""
        ...

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        """The rows of `start` <= sequence < `stop`, in order."""
        ...

    def holds(self, record_key: bytes, before: int) -> bool:
        """Whether a record of that key has a sequence below `before`; true if in doubt."""
        ...

    def write(self, sequence: int, record_key: bytes, line: bytes) -> None:
        """Put one row in, durable when it returns, in place of one that was never acknowledged.

        `record_key` is 16 bytes, a digest of the record's id: ids may be longer than a key may.
        """
        ...

    def put_checkpoint(self, data: bytes) -> None:
        """Replace the newest checkpoint, and keep the one it replaces."""
        ...

    def checkpoints(self) -> Sequence[bytes]:
        """The newest checkpoint and the one before, as far as there are any."""
        ...

    def release(self) -> None:
        """Let the next writer in."""
        ...


def busy(name: str) -> SessionBusy:
    """Somebody else's session."""
    return SessionBusy(
        f"{name}: another writer has this session open; two would interleave their turns: close "
        "the other one, or wait until it ends"
    )


def overtaken(name: str) -> SessionBusy:
    """It was this writer's, and is no more."""
    return SessionBusy(
        f"{name}: another writer has taken this session over since this one lost its connection; "
        "nothing was written: open the conversation again"
    )


def unavailable(
    name: str, error: Exception, remedy: str = "it may be tried again"
) -> StoreUnavailable:
    """What a database's own error means here; `name` says whose words they are."""
    return StoreUnavailable(
        f"{name} says {str(error).strip()}; nothing was acknowledged, and {remedy}"
    )
