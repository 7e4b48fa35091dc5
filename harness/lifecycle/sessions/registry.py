"""Users and their sessions: which one a user's next message belongs to, and who holds which.

A user's sessions are numbered in the user's part of the store; the highest number is the current
one. It expires when its newest record is `expire_after_s` old, not before, and never in the middle
of a turn: one that was begun is finished in its own session, however late. Nothing is stored about
all this beside the sessions themselves. At most `open_max` sessions are open at once: the one that
was idle longest makes room, and where none is idle the next user waits. One user's turns wait for
each other; two users' do not.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, Unpack

from harness.lifecycle.conversation import AsyncConversation, Conversation, Settings
from harness.lifecycle.storage.codec import wall_clock_ns
from harness.lifecycle.storage.store import UserStore
from harness.lifecycle.stores.jsonl import JsonlStore

OPEN_MAX = 64
_DIGITS = 6
_SECOND_NS = 1_000_000_000
_Kind = TypeVar("_Kind", bound=Conversation | AsyncConversation)
_Signal = TypeVar("_Signal", bound=threading.Condition | asyncio.Condition)


@dataclass
class _Place(Generic[_Kind]):
    conversation: _Kind
    busy: bool = False
    leaving: bool = False
    """The registry was closed meanwhile: it is let go of when it is given back."""


class _Registry(Generic[_Kind, _Signal]):
    """The whole registry, but for the waiting."""

    _opens: type[_Kind]
    _signals: type[_Signal]

    def __init__(
        self,
        root: str | Path,
        *,
        client: Any,
        open_max: int = OPEN_MAX,
        expire_after_s: float | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        if open_max < 1:
            raise ValueError(f"expected room for at least 1 open session, got {open_max}")
        store = settings.get("store") or JsonlStore(root)
        if not isinstance(store, UserStore):
            raise TypeError(
                "expected a store that keeps users apart (`of`, `session_ids`, `lines`), got "
                f"{store!r}"
            )
        self.root = Path(root)
        self._store = store
        self._client = client
        self._settings = settings
        self._open_max = open_max
        self._expire_ns = None if expire_after_s is None else int(expire_after_s * _SECOND_NS)
        self._now = settings.get("now") or wall_clock_ns
        self._places: OrderedDict[str, _Place[_Kind]] = OrderedDict()
        self._changed = self._signals()

    @property
    def open_count(self) -> int:
        """How many sessions are open now."""
        return len(self._places)

    def session_ids(self, user_id: str) -> list[str]:
        """The user's sessions, oldest first."""
        return _numbers(self._store.of(user_id))

    def _take(self, user_id: str) -> _Kind | None:
        """The user's conversation, to be given back; None where it must be waited for."""
        place = self._places.get(user_id)
        if place is None:
            if len(self._places) >= self._open_max and not self._let_one_go():
                return None
            place = self._places[user_id] = _Place(self._current(user_id))
        elif place.busy:
            return None
        elif place.conversation.closed or self._expired(place.conversation):
            del self._places[user_id]
            place.conversation._let_go()
            place = self._places[user_id] = _Place(self._current(user_id))
        self._places.move_to_end(user_id)
        place.busy = True
        return place.conversation

    def _give_back(self, user_id: str) -> None:
        place = self._places[user_id]
        place.busy = False
        if place.leaving:
            del self._places[user_id]
            place.conversation._let_go()

    def _close_all(self) -> None:
        for place in self._places.values():
            place.leaving = place.busy
        while self._let_one_go():
            pass

    def _let_one_go(self) -> bool:
        for user_id, place in self._places.items():
            if not place.busy:
                del self._places[user_id]
                place.conversation._let_go()
                return True
        return False

    def _current(self, user_id: str) -> _Kind:
        store = self._store.of(user_id)
        known = _numbers(store)
        newest = known[-1] if known else f"{1:0{_DIGITS}d}"
        conversation = self._open(store, newest)
        if not self._expired(conversation):
            return conversation
        conversation._let_go()
        return self._open(store, f"{int(newest) + 1:0{_DIGITS}d}")

    def _open(self, store: UserStore, number: str) -> _Kind:
        settings: Settings = {**self._settings, "store": store}
        return self._opens(self.root, number, client=self._client, **settings)

    def _expired(self, conversation: _Kind) -> bool:
        if self._expire_ns is None or conversation.pending or not conversation.last_at_ns:
            return False
        return self._now() - conversation.last_at_ns >= self._expire_ns


class Sessions(_Registry[Conversation, threading.Condition]):
    """The registry for threads.

    Sessions are kept in files under `root`, or where `store` says (`root` then says nothing).
    `client` and the settings are those of `Conversation`; `now` is nanoseconds since 1970.
    """

    _opens = Conversation
    _signals = threading.Condition

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
        """Let go of all files; a session with a turn in flight follows when that is over."""
        with self._changed:
            self._close_all()


class AsyncSessions(_Registry[AsyncConversation, asyncio.Condition]):
    """The registry for an event loop; see `Sessions`."""

    _opens = AsyncConversation
    _signals = asyncio.Condition

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
        """Let go of all files; a session with a turn in flight follows when that is over."""
        self._close_all()


def _numbers(store: UserStore) -> list[str]:
    """The numbers of a user's sessions, oldest first."""
    numbers = (each for each in store.session_ids() if each.isascii() and each.isdigit())
    return sorted(numbers, key=int)
