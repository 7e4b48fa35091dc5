"""Sessions as folders of files under one home; the default, for one machine's own disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.lifecycle.sessions.lock import SessionLock
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.storage.codec import ConversationCodec
from harness.lifecycle.storage.resume import CheckpointStore
from harness.lifecycle.storage.store import Held

LOG_NAME = "turns.jsonl"
CHECKPOINT_NAME = "checkpoint.json"


class JsonlStore:
    """A folder a session in `home`, with its log, its checkpoint and its lock."""

    def __init__(self, home: str | Path) -> None:
        self.home = Path(home)

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; see `Store.open`."""
        folder = self.home / folder_name(session_id)
        lock = SessionLock(folder)
        log = ConversationCodec(folder / LOG_NAME, now=now)

        def release() -> None:
            log.close()
            lock.release()

        return Held(log, CheckpointStore(folder / CHECKPOINT_NAME, session_id=session_id), release)
