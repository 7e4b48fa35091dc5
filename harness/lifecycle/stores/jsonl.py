"""Sessions as folders of files under one home; the default, for one machine's own disk.

A user's sessions are folders in a folder of the user's own, which says in `user.json` whose it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.lifecycle.errors import SessionIdError
from harness.lifecycle.sessions.lock import SessionLock
from harness.lifecycle.sessions.naming import folder_name, full_name, id_of
from harness.lifecycle.storage.codec import ROTATE_BYTES, ConversationCodec
from harness.lifecycle.storage.durable import create_directory, seal, unseal, write_temporary
from harness.lifecycle.storage.resume import CheckpointStore
from harness.lifecycle.storage.segments import Segments
from harness.lifecycle.storage.store import Held, StoredLine

LOG_NAME = "turns.jsonl"
CHECKPOINT_NAME = "checkpoint.json"
USER_NAME = "user.json"


class JsonlStore:
    """A folder a session in `home`, with its log, its checkpoint and its lock."""

    def __init__(
        self,
        home: str | Path,
        *,
        user_id: str | None = None,
        rotate_bytes: int = ROTATE_BYTES,
    ) -> None:
        self.home = Path(home)
        self.user_id = user_id
        self.rotate_bytes = rotate_bytes
        self._folder = self.home if user_id is None else self.home / folder_name(user_id)

    def open(self, session_id: str, *, now: Callable[[], int] | None = None) -> Held:
        """Become the session's one writer; see `Store.open`."""
        folder = self._folder / folder_name(session_id)
        if self.user_id is not None:
            _name_user(self._folder, self.user_id)
        lock = SessionLock(folder)
        log = ConversationCodec(folder / LOG_NAME, now=now, rotate_bytes=self.rotate_bytes)

        def release() -> None:
            log.retire()
            lock.release()

        name = full_name(self.user_id, session_id)
        return Held(log, CheckpointStore(folder / CHECKPOINT_NAME, session_id=name), release)

    def of(self, user_id: str) -> JsonlStore:
        """The same store for this user's sessions alone."""
        folder_name(user_id)
        return JsonlStore(self.home, user_id=user_id, rotate_bytes=self.rotate_bytes)

    def session_ids(self) -> list[str]:
        """The sessions here; an id that was too long for a folder is given as its folder's name."""
        return list(self._folders())

    def lines(self, user_id: str | None = None) -> Iterator[StoredLine]:
        """All users' lines, or one user's; see `UserStore.lines`."""
        folders = sorted(self.home.iterdir()) if self.home.is_dir() else []
        if user_id is not None:
            folders = [self.home / folder_name(user_id)]
        for folder in folders:
            if (folder / USER_NAME).exists():
                mine = self.of(user_of(folder))
                for session_id, place in mine._folders().items():
                    yield from mine._lines_of(session_id, place)

    def _folders(self) -> dict[str, Path]:
        found = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        folders = [each for each in found if each.is_dir() and not (each / USER_NAME).exists()]
        return {id_of(each.name): each for each in folders}

    def _lines_of(self, session_id: str, folder: Path) -> Iterator[StoredLine]:
        files = Segments(folder / LOG_NAME)
        files.look()
        offset = 0
        for line in files.read().split(b"\n"):
            if line:
                yield StoredLine(self.user_id or "", session_id, offset, line)
            offset += len(line) + 1


def user_of(folder: Path) -> str:
    """Whose folder it is; SessionIdError where the name in it is damaged."""
    path = folder / USER_NAME
    try:
        return str(unseal(path.read_bytes().removesuffix(b"\n"))["user_id"])
    except (ValueError, KeyError) as error:
        raise SessionIdError(
            f"{path}: {error}; write the user's id into it again by opening one of the user's "
            "sessions after removing the file"
        ) from error


def _name_user(folder: Path, user_id: str) -> None:
    """Write down whose folder it is, before there is a session in it."""
    path = folder / USER_NAME
    if not path.exists():
        create_directory(folder)
        # A name of this process alone: two may meet a user at the same moment.
        mine = folder / f"{USER_NAME}.{os.getpid()}"
        write_temporary(mine, seal({"user_id": user_id}) + b"\n").replace(path)
