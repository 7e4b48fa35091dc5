"""What a target is: the shapes a conversation stack offers to be tested. Imports nothing of ours.

A target is a *stack* (it has its own loop: `Target` opens a `Session`) or a *store* (it only
remembers: `StoreTarget` opens a `Store`, and the harness runs a plain loop around it). Every method
of a session or a store may be plain or `async`. What a target can do beyond the minimum is found by
its methods: see the capabilities at the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

Contract = Literal["idempotent", "at_most_once", "at_least_once"]
"""A tool's word about repetition.

`idempotent`: calling again with the same `call_id` has no further effect. `at_most_once`: a call
may be lost in a crash, never doubled. `at_least_once`: it may be doubled in a crash, never lost.
"""


@dataclass(frozen=True)
class Message:
    """One message in Anthropic's shape: `role` is "user" or "assistant"; content text or blocks."""

    role: str
    content: str | list[dict[str, object]]


@dataclass(frozen=True)
class Checkpoint:
    """What a stack saved beside its log.

    `turn_number` counts completed user turns (from 1); `tool_state` is the stack's own data.
    """

    turn_number: int
    tool_state: Mapping[str, object]
    last_assistant_message: str | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens and calls by the target's own books, over the life of the session."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    attempts: int = 0


class Tool(Protocol):
    """A tool as the target sees it. Its effect happens in the world, outside the process."""

    name: str
    description: str
    input_schema: Mapping[str, object]
    contract: Contract

    def __call__(self, arguments: Mapping[str, object], *, call_id: str | None = None) -> object:
        """Run the tool and return its JSON-like result; `call_id` is the model's tool_use id."""
        ...

    def call_async(
        self, arguments: Mapping[str, object], *, call_id: str | None = None
    ) -> Awaitable[object]:
        """The same for an async target: the time the tool takes passes on the event loop."""
        ...


class Session(Protocol):
    """One open conversation. Each method may be `async`."""

    def send(self, message_id: str, text: str) -> str | Awaitable[str]:
        """Answer one user message. Returning is the acknowledgement: the user sees the answer.

        The same `message_id` is sent again after a crash that lost the acknowledgement.
        """
        ...

    def history(self) -> Sequence[Message] | Awaitable[Sequence[Message]]:
        """All that it remembers now, oldest first."""
        ...

    def close(self) -> Awaitable[None] | None:
        """Let go of files and connections. What is acknowledged does not depend on it."""
        ...


class Target(Protocol):
    """A conversation stack with its own loop."""

    name: str

    def open(
        self,
        home: Path,
        session_id: str,
        settings: Mapping[str, object],
        tools: Mapping[str, Tool],
    ) -> Session | Awaitable[Session]:
        """Open, or open again after a crash, the session that lives in `home`.

        `home` exists. Several sessions may share it, each under its own id, so the id belongs in
        the path of what is kept; it is any text, `../x` too, so quote or hash it. `settings` is the
        scenario's `stack` (keys `window_tokens`, `checkpoint_every`, `max_tokens`, `system`,
        `expire_after_s` and `options`, each only when set) and `model`, the model's name.
        """
        ...


class Store(Protocol):
    """A memory without a loop. Each method may be `async`."""

    def append(self, message: Message) -> Awaitable[None] | None:
        """Remember one message. Returning is the acknowledgement: it is durable."""
        ...

    def load(self) -> Sequence[Message] | Awaitable[Sequence[Message]]:
        """All that it remembers now, oldest first."""
        ...

    def close(self) -> Awaitable[None] | None:
        """Let go of files and connections."""
        ...


class StoreTarget(Protocol):
    """A conversation store."""

    name: str

    def open_store(self, home: Path, session_id: str) -> Store | Awaitable[Store]:
        """Create the session's store in `home`, or open what is there.

        Several sessions may share `home`, as for `Target.open`: the id belongs in the path.
        """
        ...


# Capabilities, found by their methods. Beside them four attributes of a target are read when they
# are there: `private_modes: bool` (its files are 0700/0600), `writers: "one" | "many"`,
# `acknowledges: "message" | "turn"`, and `options`, the names of a scenario's `stack.options` that
# it knows (a disk fault that waits for what an unknown one would do is not asked of it).


@runtime_checkable
class HasCheckpoint(Protocol):
    """A session that saves coarse checkpoints."""

    def checkpoint(self) -> Checkpoint | Awaitable[Checkpoint | None] | None:
        """The newest checkpoint that this session would resume from; None where there is none."""
        ...


@runtime_checkable
class HasUsage(Protocol):
    """A session that keeps books."""

    def usage(self) -> Usage | Awaitable[Usage]:
        """Everything this session was billed, over all its lives."""
        ...


@runtime_checkable
class HasWindow(Protocol):
    """A session that trims."""

    def window(self) -> Sequence[Message] | Awaitable[Sequence[Message]]:
        """The messages its next request would carry, oldest first."""
        ...


@runtime_checkable
class HasPins(Protocol):
    """A session that can keep a message in every request, however old it grows."""

    def send_pinned(self, message_id: str, text: str) -> str | Awaitable[str]:
        """As `send`; the message then stays in every request of the session."""
        ...


@runtime_checkable
class HasResume(Protocol):
    """A session that finishes by itself what a crash interrupted."""

    def resume(self) -> str | Awaitable[str | None] | None:
        """Finish the turn in flight and return its answer; None where nothing was in flight."""
        ...
