"""Users and their sessions: which one a user's next message belongs to, and who holds which files.

A user's sessions are numbered folders under the user's own; the highest number is the current one.
It expires when its newest record is `expire_after_s` old, not before, and never in the middle of a
turn: one that was begun is finished in its own session, however late. Nothing is stored about all
this beside the sessions themselves. At most `open_max` sessions are open at once: the one that was
idle longest makes room, and where none is idle the next user waits. One user's turns wait for each
other; two users' do not.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack

from harness.lifecycle.conversation import AsyncConversation, Conversation, Settings
from harness.lifecycle.errors import SessionIdError
from harness.lifecycle.sessions.naming import folder_name
from harness.lifecycle.storage.codec import wall_clock_ns
from harness.lifecycle.storage.durable import create_directory, seal, unseal, write_temporary

USER_NAME = "user.json"
OPEN_MAX = 64
_DIGITS = 6
_SECOND_NS = 1_000_000_000
_Kind = TypeVar("_Kind", bound=Conversation | AsyncConversation)


@dataclass
class _Place(Generic[_Kind]):
    conversation: _Kind
    busy: bool = False


class _Registry(Generic[_Kind]):
    """What the sync and the async registry share: all but the waiting."""

    def __init__(
        self,
        root: str | Path,
        open_session: Callable[[Path, str], _Kind],
        *,
        open_max: int,
        expire_after_s: float | None,
        now: Callable[[], int] | None,
    ) -> None:
        if open_max < 1:
            raise ValueError(f"expected room for at least 1 open session, got {open_max}")
        self.root = Path(root)
        self._open_session = open_session
        self._open_max = open_max
        self._expire_ns = None if expire_after_s is None else int(expire_after_s * _SECOND_NS)
        self._now = now or wall_clock_ns
        self._places: OrderedDict[str, _Place[_Kind]] = OrderedDict()

    @property
    def open_count(self) -> int:
        """How many sessions are open now."""
        return len(self._places)

    def session_ids(self, user_id: str) -> list[str]:
        """The user's sessions, oldest first."""
        return session_folders(self.root / folder_name(user_id))

    def _take(self, user_id: str) -> _Kind | None:
        """The user's conversation, to be given back; None where it must be waited for."""
        place = self._places.get(user_id)
        if place is None:
            if len(self._places) >= self._open_max and not self._let_one_go():
                return None
            place = self._places[user_id] = _Place(self._current(user_id))
        elif place.busy:
            return None
        elif self._expired(place.conversation):
            del self._places[user_id]
            place.conversation._let_go()
            place = self._places[user_id] = _Place(self._current(user_id))
        self._places.move_to_end(user_id)
        place.busy = True
        return place.conversation

    def _give_back(self, user_id: str) -> None:
        self._places[user_id].busy = False

    def _close_all(self) -> None:
        while self._places:
            _, place = self._places.popitem()
            place.conversation._let_go()

    def _let_one_go(self) -> bool:
        for user_id, place in self._places.items():
            if not place.busy:
                del self._places[user_id]
                place.conversation._let_go()
                return True
        return False

    def _current(self, user_id: str) -> _Kind:
        folder = self.root / folder_name(user_id)
        known = session_folders(folder)
        if not known:
            _name_user(folder, user_id)
            return self._open_session(folder, f"{1:0{_DIGITS}d}")
        conversation = self._open_session(folder, known[-1])
        if not self._expired(conversation):
            return conversation
        conversation._let_go()
        return self._open_session(folder, f"{int(known[-1]) + 1:0{_DIGITS}d}")

    def _expired(self, conversation: _Kind) -> bool:
        if self._expire_ns is None or conversation.pending or not conversation.last_at_ns:
            return False
        return self._now() - conversation.last_at_ns >= self._expire_ns


class Sessions(_Registry[Conversation]):
    """The registry for threads.

    `client` and the settings are those of `Conversation`; `now` is nanoseconds since 1970.
    """

    def __init__(
        self,
        root: str | Path,
        *,
        client: Any,
        open_max: int = OPEN_MAX,
        expire_after_s: float | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(
            root,
            lambda folder, number: Conversation(folder, number, client=client, **settings),
            open_max=open_max,
            expire_after_s=expire_after_s,
            now=settings.get("now"),
        )
        self._changed = threading.Condition()

    @contextmanager
    def of(self, user_id: str) -> Iterator[Conversation]:
        """The user's current conversation, for this one's use alone while it lasts.

        SessionIdError, SessionBusy where another process has it, or the disk's OSError.
        """
        with self._changed:
            while (conversation := self._take(user_id)) is None:
                self._changed.wait()
        try:
            yield conversation
        finally:
            with self._changed:
                self._give_back(user_id)
                self._changed.notify_all()

    def send(self, user_id: str, message_id: str, text: str) -> str:
        """Answer one message of a user; see `Conversation.send`."""
        with self.of(user_id) as conversation:
            return conversation.send(message_id, text)

    def close(self) -> None:
        """Let go of all files."""
        with self._changed:
            self._close_all()


class AsyncSessions(_Registry[AsyncConversation]):
    """The registry for an event loop; see `Sessions`."""

    def __init__(
        self,
        root: str | Path,
        *,
        client: Any,
        open_max: int = OPEN_MAX,
        expire_after_s: float | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        super().__init__(
            root,
            lambda folder, number: AsyncConversation(folder, number, client=client, **settings),
            open_max=open_max,
            expire_after_s=expire_after_s,
            now=settings.get("now"),
        )
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def of(self, user_id: str) -> AsyncIterator[AsyncConversation]:
        """The user's current conversation, for this one's use alone while it lasts."""
        async with self._changed:
            while (conversation := self._take(user_id)) is None:
                await self._changed.wait()
        try:
            yield conversation
        finally:
            # Given back without waiting, so that a cancelled task gives back too.
            self._give_back(user_id)
            async with self._changed:
                self._changed.notify_all()

    async def send(self, user_id: str, message_id: str, text: str) -> str:
        """Answer one message of a user; see `Conversation.send`."""
        async with self.of(user_id) as conversation:
            return await conversation.send(message_id, text)

    async def close(self) -> None:
        """Let go of all files."""
        self._close_all()


def session_folders(folder: Path) -> list[str]:
    """The numbers of the sessions in a user's folder, oldest first."""
    if not folder.is_dir():
        return []
    return sorted((each.name for each in folder.iterdir() if each.name.isdigit()), key=int)


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
    create_directory(folder)
    write_temporary(folder / USER_NAME, seal({"user_id": user_id}) + b"\n").replace(
        folder / USER_NAME
    )
