"""What a conversation asks of the place it is kept in: a turn log, a checkpoint, one writer.

The words are those of the JSONL log: `append` returns when the record is durable, an OSError means
not acknowledged (the same record may be appended again), what cannot be read is listed in `damage`
and costs nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from harness.lifecycle.memory.tokens import Content
from harness.lifecycle.storage.record import Damage, Record
from harness.lifecycle.storage.resume import Checkpoint


class TurnLog(Protocol):
    """One conversation's records, append-only; `ConversationCodec` is one."""

    damage: list[Damage]
    """What the last read found broken."""
    head: int
    """How much the last `settle` left unread, in the log's own measure; 0 for nothing."""

    def append(
        self,
        role: str,
        content: Content,
        *,
        record_id: str | None = None,
        tokens: int | None = None,
        **meta: Any,
    ) -> Record:
        """Add one record and return it, durable; see `ConversationCodec.append` for errors."""
        ...

    def append_soon(self, role: str, content: Content, **meta: Any) -> Record:
        """Add a record that may wait for the next durable one: only a power cut may lose it."""
        ...

    def read_all(self) -> list[Record]:
        """Every whole record, oldest first."""
        ...

    def verify(self) -> list[Damage]:
        """Read everything and say what is broken."""
        ...

    def settle(self, *, tail: tuple[int, int] | None = None) -> list[Record]:
        """Make what is there durable and read it; with `tail`, only from that record on.

        `tail` is the offset and the sequence of a record, as it said them itself.
        """
        ...

    def read_head(self) -> list[Record]:
        """What `settle` left unread."""
        ...

    def head_holds(self, record_id: str) -> bool:
        """Whether a record of that id may be in what `settle` left unread."""
        ...

    def read_from(self, record_id: str, until: Callable[[Record], bool]) -> list[Record]:
        """From what `settle` left unread: that record and those up to the first that is `until`."""
        ...

    def close(self) -> None:
        """Let go; what was acknowledged does not depend on it."""
        ...


class Checkpoints(Protocol):
    """The newest checkpoint and the one before; `CheckpointStore` is one."""

    damage: list[str]
    """Why the last `load` set something aside, a sentence each."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint, durably, whole or not at all."""
        ...

    def load(self, *, log_length: int | None = None) -> Checkpoint | None:
        """The newest checkpoint that can be trusted, or None."""
        ...


@dataclass(frozen=True)
class Held:
    """One session, held open by its only writer until `release`."""

    log: TurnLog
    checkpoints: Checkpoints
    release: Callable[[], None]


@dataclass(frozen=True)
class StoredLine:
    """One sealed line of a session's log, as a reader beside its writer finds it."""

    user_id: str
    session_id: str
    offset: int
    line: bytes


class Store(Protocol):
    """Where sessions are kept."""

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; `now` is nanoseconds since 1970.

        SessionBusy where a living writer has it, SessionIdError, NotDurable where acknowledged
        could not mean durable here, OSError where the store cannot be reached.
        """
        ...


@runtime_checkable
class UserStore(Store, Protocol):
    """A store that keeps users apart, and can tell whose sessions there are.

    One made for nobody holds sessions that belong to no user; `of` gives one user's own.
    """

    def of(self, user_id: str) -> UserStore:
        """The same store for this user's sessions alone; SessionIdError where it is no id."""
        ...

    def session_ids(self) -> list[str]:
        """The ids of the sessions here: this user's, or those of nobody; in order."""
        ...

    def lines(self, user_id: str | None = None) -> Iterator[StoredLine]:
        """All users' lines, or one user's, by user, session and age; asks for no lock.

        Whole lines only, broken ones too; sessions may be written to meanwhile.
        """
        ...
