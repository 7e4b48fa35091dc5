"""The reference target: `harness.lifecycle.Conversation` in the protocol's shapes.

A scenario may ask one thing more of it: `options: {summarize: true}` folds what leaves the window
into a summary, in the model's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anthropic

from harness.lifecycle import (
    Conversation,
    Fence,
    JsonlStore,
    Query,
    Sessions,
    Summary,
    UserStore,
    search,
)
from harness.lifecycle.turns.reply import read_reply
from harness.protocol import Checkpoint, Message, Tool, Usage

SUMMARY_TOKENS = 400
_OF_USERS = ("expire_after_s", "turns_per_minute")
_SETTINGS = ("window_tokens", "checkpoint_every", "max_tokens", "system", "model")


def _summarize(
    client: Any, model: Any, before: str | None, messages: Sequence[Mapping[str, Any]]
) -> Summary:
    """What leaves the window, in the model's words; asked for in a request of its own."""
    said = "\n".join(f"{message['role']}: {_words(message['content'])}" for message in messages)
    reply = client.messages.create(
        model=model,
        max_tokens=SUMMARY_TOKENS,
        system="Summarise the conversation so far in a few sentences. Keep names and numbers.",
        messages=[{"role": "user", "content": f"{before or ''}\n\n{said}".strip()}],
    )
    text = "".join(block.text for block in reply.content if block.type == "text")
    return Summary(text, read_reply(reply).usage)


def _words(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text") or block.get("content") or "") for block in content)


class LifecycleSession:
    """One conversation of the reference stack."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation

    def send(self, message_id: str, text: str) -> str:
        """Answer one message; durable when it returns."""
        return self._conversation.send(message_id, text)

    def send_pinned(self, message_id: str, text: str) -> str:
        """The same, and the message stays in every request."""
        return self._conversation.send(message_id, text, pin=True)

    def history(self) -> Sequence[Message]:
        """All that is remembered."""
        return [Message(said.role, said.content) for said in self._conversation.history()]

    def window(self) -> Sequence[Message]:
        """What the next request would carry."""
        return [Message(said.role, said.content) for said in self._conversation.window()]

    def checkpoint(self) -> Checkpoint | None:
        """The newest coarse checkpoint."""
        saved = self._conversation.checkpoint()
        if saved is None:
            return None
        return Checkpoint(saved.turn_number, saved.tool_state, saved.last_assistant_message)

    def usage(self) -> Usage:
        """The stack's own books."""
        books = self._conversation.usage()
        return Usage(
            books.input_tokens,
            books.output_tokens,
            books.cache_read_tokens,
            books.cache_write_tokens,
            books.attempts,
        )

    def resume(self) -> str | None:
        """Finish what a crash interrupted."""
        return self._conversation.resume()

    def close(self) -> None:
        """Let go of the files."""
        self._conversation.close()


class LifecycleUser:
    """One user of the reference stack: sessions that expire one after the other, behind a fence.

    Each session has checkpoints of its own, which say nothing of the user's turns: none is shown.
    """

    def __init__(
        self,
        home: Path,
        user_id: str,
        *,
        expire_after_s: float | None,
        turns_per_minute: int | None,
        **settings: Any,
    ) -> None:
        self._home = home
        self._store: UserStore = settings.pop("store")
        self._user = user_id
        self._settings = settings
        self._fence = None if turns_per_minute is None else Fence(turns_per_minute)
        self._admitted: set[str] = set()
        if self._fence is not None:
            asked = [
                each.record for each in search(self._store, Query(role="user", user_id=user_id))
            ]
            self._admitted.update(record.id for record in asked)
            self._fence.restore(user_id, (record.at_ns for record in asked))
        self._sessions = Sessions(
            home, expire_after_s=expire_after_s, store=self._store, **settings
        )

    def send(self, message_id: str, text: str) -> str:
        """Answer one message in the session of the moment; RateFenced where there are too many."""
        if self._fence is not None and message_id not in self._admitted:
            self._fence.enter(self._user)
            self._admitted.add(message_id)
        return self._sessions.send(self._user, message_id, text)

    def history(self) -> Sequence[Message]:
        """All that was said, in this session and those before it."""
        with self._each() as sessions:
            return [message for each in sessions for message in each.history()]

    def window(self) -> Sequence[Message]:
        """What the next request would carry."""
        with self._each() as sessions:
            return sessions[-1].window()

    def usage(self) -> Usage:
        """The books of all sessions."""
        with self._each() as sessions:
            books = [vars(each.usage()) for each in sessions]
        return Usage(**{name: sum(each[name] for each in books) for name in books[0]})

    def resume(self) -> str | None:
        """Finish what a crash interrupted."""
        with self._sessions.of(self._user) as conversation:
            return conversation.resume()

    def close(self) -> None:
        """Let go of the files."""
        self._sessions.close()

    @contextmanager
    def _each(self) -> Iterator[list[LifecycleSession]]:
        """All sessions, oldest first; the newest is the registry's, the others are only read."""
        with ExitStack() as held:
            newest = held.enter_context(self._sessions.of(self._user))
            store = self._store.of(self._user)
            older = [
                held.enter_context(Conversation(self._home, number, store=store, **self._settings))
                for number in self._sessions.session_ids(self._user)[:-1]
            ]
            yield [LifecycleSession(each) for each in (*older, newest)]


class Lifecycle:
    """The target."""

    name = "lifecycle"
    private_modes = True
    writers = "one"
    acknowledges = "turn"
    options = ("summarize", "rotate_bytes")

    def store(self, home: Path, options: Mapping[str, Any]) -> UserStore:
        """Where the sessions are: files, and another store in a class of yours."""
        rotate_bytes = options.get("rotate_bytes")
        if rotate_bytes is None:
            return JsonlStore(home)
        return JsonlStore(home, rotate_bytes=int(rotate_bytes))

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> LifecycleSession | LifecycleUser:
        """Open the session, with the SDK's client as the environment makes it."""
        known: dict[str, Any] = {key: settings[key] for key in _SETTINGS if key in settings}
        client = anthropic.Anthropic()
        options: Any = settings.get("options") or {}
        if options.get("summarize"):
            known["summarize"] = partial(_summarize, client, settings["model"])
        known["store"] = self.store(home, options)
        of_users: dict[str, Any] = {key: settings.get(key) for key in _OF_USERS}
        if any(value is not None for value in of_users.values()):
            return LifecycleUser(home, session_id, client=client, tools=tools, **known, **of_users)
        return LifecycleSession(
            Conversation.open(home, session_id, client=client, tools=tools, **known)
        )
