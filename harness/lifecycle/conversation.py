"""A conversation that outlives its process: window, log, checkpoint, tools and turns in one.

Open it on a folder, send messages, close it, or be killed: opened again, it goes on where the log
ends. `send` returns when the answer is durable. The same message id sent again gets the stored
answer, or finishes what was begun; it is never said, or bought, twice.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from harness.lifecycle.errors import StoreUnavailable
from harness.lifecycle.memory.budget import Eviction
from harness.lifecycle.memory.ledger import UsageLedger
from harness.lifecycle.memory.summary import Summarizer
from harness.lifecycle.memory.tokens import Content, TokenCounter, count_tokens
from harness.lifecycle.memory.window import MessageWindow
from harness.lifecycle.sessions.naming import full_name
from harness.lifecycle.spans import Spans
from harness.lifecycle.storage.record import Damage, Record
from harness.lifecycle.storage.resume import Checkpoint
from harness.lifecycle.storage.store import Store
from harness.lifecycle.stores.jsonl import JsonlStore
from harness.lifecycle.turns.drivers import drive, drive_async
from harness.lifecycle.turns.reply import Usage
from harness.lifecycle.turns.request import RequestShape
from harness.lifecycle.turns.tools import definition, named
from harness.lifecycle.turns.transcript import Said, Transcript
from harness.lifecycle.turns.turn import Limits, TurnLogic

DEFAULT_MODEL = "claude-sonnet-5-5"
DEFAULT_WINDOW_TOKENS = 100_000
DEFAULT_CACHE_MINIMUM = 1024
"""Of most current models; some cache from 512 tokens on, some only from 4,096."""


class Settings(TypedDict, total=False):
    """What a conversation may be opened with; everything has a default."""

    model: str
    max_tokens: int
    """Output tokens of one reply."""
    window_tokens: int
    """The most that one whole request may hold."""
    checkpoint_every: int
    """Completed turns from one coarse checkpoint to the next."""
    system: Content | None
    tools: Mapping[str, Any] | Iterable[Any]
    """Each follows `Tool`."""
    now: Callable[[], int] | None
    """Nanoseconds since 1970."""
    token_counter: TokenCounter
    limits: Limits | None
    request_options: Mapping[str, Any] | None
    """More keywords for every `messages.create`, such as `thinking`."""
    on_evict: Callable[[Eviction], None] | None
    """Hears of what leaves the window."""
    store: Store | None
    """Where the session is kept, in place of files in `home`."""
    spans: bool
    """Tell OpenTelemetry of turns, model calls and tool calls; see `Spans`."""
    low_mark: float
    """Down to what share of the window a cut goes; 1.0 drops as little as it can."""
    cache_minimum: int
    """The shortest prefix that the model caches, in tokens: a cut leaves so much and a turn."""
    summarize: Summarizer | None
    """Folds what leaves the window into a summary; may take its time, may fail."""


_COUNTS = {"max_tokens": 1, "window_tokens": 1, "checkpoint_every": 1, "cache_minimum": 0}
"""Settings that are whole numbers, and the least of each."""
_OTHER_SDK = {False: "AsyncAPIClient", True: "SyncAPIClient"}


def _check(client: Any, settings: Mapping[str, Any], *, awaited: bool) -> None:
    """Refuse, before anything is bought, what could only fail after it; TypeError, ValueError."""
    for name in settings:
        if name not in Settings.__annotations__:
            alike = get_close_matches(name, Settings.__annotations__, 1)
            hint = f"did you mean {alike[0]}?" if alike else "see harness.lifecycle.Settings"
            raise TypeError(f"a conversation has no setting {name!r}; {hint}")
    for name, least in _COUNTS.items():
        value = settings.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name}: expected a whole number, got {value!r}")
        if value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}")
    system = settings.get("system")
    if not isinstance(system, str | list | tuple | None):
        raise TypeError(f"system: expected a text or a list of blocks, got {system!r}")
    if any(kind.__name__ == _OTHER_SDK[awaited] for kind in type(client).__mro__):
        fits = "an anthropic.AsyncAnthropic" if awaited else "an anthropic.Anthropic"
        raise TypeError(f"client: expected {fits} here, got an {type(client).__name__}")


def _spans(store: Store | None, session_id: str, model: str) -> Spans:
    """Spans of that session; one that a registry numbers is called by its user as well."""
    return Spans(full_name(getattr(store, "user_id", None), session_id), model=model)


class _Opened:
    """What the sync and the async conversation share: all but the waiting."""

    _awaited = False

    def __init__(
        self,
        home: str | Path,
        session_id: str,
        *,
        client: Any,
        model: str = DEFAULT_MODEL,
        max_tokens: int = 4096,
        window_tokens: int = DEFAULT_WINDOW_TOKENS,
        checkpoint_every: int = 3,
        system: Content | None = None,
        tools: Mapping[str, Any] | Iterable[Any] = (),
        now: Callable[[], int] | None = None,
        token_counter: TokenCounter = count_tokens,
        limits: Limits | None = None,
        request_options: Mapping[str, Any] | None = None,
        on_evict: Callable[[Eviction], None] | None = None,
        store: Store | None = None,
        spans: bool = False,
        low_mark: float = 0.6,
        cache_minimum: int = DEFAULT_CACHE_MINIMUM,
        summarize: Summarizer | None = None,
    ) -> None:
        self.session_id = session_id
        self.closed = False
        self._client = client
        self._tools = named(tools)
        shapes = [definition(tool) for tool in self._tools.values()]
        self._spans = _spans(store, session_id, model) if spans else None
        if self._spans is not None:
            self._client = self._spans.client(client, awaited=self._awaited)
            self._tools = self._spans.tools(self._tools)

        def new_transcript() -> Transcript:
            window = MessageWindow(
                window_tokens,
                token_counter,
                system=system,
                tools=shapes,
                ledger=UsageLedger(),
                low_mark=low_mark,
                cache_minimum=cache_minimum,
                auto=False,
            )
            return Transcript(window, checkpoint_every=checkpoint_every)

        self._held = (store or JsonlStore(home)).open(session_id, now=now)
        try:
            self._codec = self._held.log
            self._logic = TurnLogic(
                self._codec,
                self._held.checkpoints,
                new_transcript,
                RequestShape(
                    model=model,
                    max_tokens=max_tokens,
                    system=system,
                    tools=shapes,
                    options=request_options or {},
                ),
                limits or Limits(),
            )
            self._logic.open()
            self._before = self._logic.transcript.usage
            # Only from here on: what an earlier process cut is not told, or folded, again.
            self._logic.transcript.window.on_evict = on_evict
            self._logic.cuts.fold_with(summarize)
        except BaseException:
            self._let_go()
            raise

    @property
    def damage(self) -> Sequence[Damage]:
        """What was found broken in the log when it was opened."""
        return self._codec.damage

    def history(self) -> list[Said]:
        """All that is remembered, oldest first: users' messages as sent, one answer a turn."""
        return self._logic.history()

    def checkpoint(self) -> Checkpoint | None:
        """The newest coarse checkpoint: completed turns, state of the tools."""
        return self._logic.transcript.checkpoint

    def usage(self) -> Usage:
        """Everything billed to this session that is known, over all its lives.

        A reply that was lost on its way, or with its process, is an attempt whose tokens nobody
        here knows. A process killed between writing that it asks and asking counts one too many.
        """
        return self._logic.transcript.usage

    def usage_since_open(self) -> Usage:
        """The part of `usage()` that this process has made."""
        return self._logic.transcript.usage - self._before

    def window(self) -> list[Said]:
        """The messages that the next request would carry."""
        messages = self._logic.window_messages()
        return [Said(message["role"], message["content"]) for message in messages]

    @property
    def pending(self) -> bool:
        """Whether the newest turn was begun and is neither answered nor set aside."""
        turn = self._logic.transcript.turn
        return turn is not None and not turn.over

    @property
    def last_at_ns(self) -> int:
        """When the newest record was made, in nanoseconds since 1970; 0 before the first."""
        return self._logic.transcript.last_at_ns

    def records(self) -> list[Record]:
        """The whole turn log, as it is on the disk; `steps` reads it."""
        return self._codec.read_all()

    def next_message_id(self, text: str) -> str:
        """An id for callers that have none: the pending turn's if it has this text, else the next.

        So the same words after a crash are the same message.
        """
        turn = self._logic.transcript.turn
        if turn is not None and not turn.over and turn.records[0].content == text:
            return turn.message_id
        return f"turn-{self._logic.transcript.last_sequence + 1}"

    def _turn_span(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._spans is None else self._spans.turn()

    def _check_open(self) -> None:
        if self.closed:
            raise StoreUnavailable(
                f"session {self.session_id!r}: it was closed; open the conversation again"
            )

    def _let_go(self) -> None:
        self.closed = True
        self._held.release()


class Conversation(_Opened):
    """A conversation that blocks while it waits. Threads take turns.

    `client` is an `anthropic.Anthropic`, or anything with its `messages.create`.
    """

    def __init__(
        self, home: str | Path, session_id: str, *, client: Any, **settings: Unpack[Settings]
    ) -> None:
        _check(client, settings, awaited=self._awaited)
        super().__init__(home, session_id, client=client, **settings)
        self._one = threading.RLock()

    @classmethod
    def open(
        cls, home: str | Path, session_id: str, *, client: Any, **settings: Unpack[Settings]
    ) -> Self:
        """Open the session in `home`, new or again; settings as in `Settings`.

        SessionBusy where another writer has it, SessionIdError, LogVersionError, or the disk's
        OSError.
        """
        return cls(home, session_id, client=client, **settings)

    def send(self, message_id: str, text: str, *, pin: bool = False) -> str:
        """Answer one message; when this returns, message and answer are durable.

        A message sent with `pin` stays in every request, however old it grows.

        The SDK's errors pass; the message is then pending, and sending it again (or another one)
        goes on. MessageRefused, WindowFull, TurnLimit and OSError as their names say.
        """
        with self._one:
            self._check_open()
            stored = self._logic.begin(message_id, text, pin=pin)
            if stored is not None:
                return stored
            with self._turn_span():
                return drive(self._logic, self._client, self._tools)

    def resume(self) -> str | None:
        """Finish the turn in flight and return its answer; None where nothing is in flight."""
        with self._one:
            self._check_open()
            if not self.pending:
                return None
            with self._turn_span():
                return drive(self._logic, self._client, self._tools)

    def close(self) -> None:
        """Let go of the files, once the turn in flight is over.

        What is acknowledged does not depend on it.
        """
        with self._one:
            self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncConversation(_Opened):
    """The same on an event loop: `client` is an `anthropic.AsyncAnthropic` or alike.

    Waiting for the model or for tools leaves the loop free; a write to the log blocks it for one
    fsync, or for one round trip to the store's server.
    """

    _awaited = True

    def __init__(
        self, home: str | Path, session_id: str, *, client: Any, **settings: Unpack[Settings]
    ) -> None:
        _check(client, settings, awaited=self._awaited)
        super().__init__(home, session_id, client=client, **settings)
        self._one = asyncio.Lock()

    @classmethod
    async def open(
        cls, home: str | Path, session_id: str, *, client: Any, **settings: Unpack[Settings]
    ) -> Self:
        """Open the session in `home`, new or again; see `Conversation.open`."""
        return cls(home, session_id, client=client, **settings)

    async def send(self, message_id: str, text: str, *, pin: bool = False) -> str:
        """Answer one message; see `Conversation.send`."""
        async with self._one:
            self._check_open()
            stored = self._logic.begin(message_id, text, pin=pin)
            if stored is not None:
                return stored
            with self._turn_span():
                return await drive_async(self._logic, self._client, self._tools)

    async def resume(self) -> str | None:
        """Finish the turn in flight and return its answer; None where nothing is in flight."""
        async with self._one:
            self._check_open()
            if not self.pending:
                return None
            with self._turn_span():
                return await drive_async(self._logic, self._client, self._tools)

    async def close(self) -> None:
        """Let go of the files, once the turn in flight is over; not from within its tools."""
        async with self._one:
            self._let_go()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
