"""Which peers there are, what each offers and by which of its documented calls. Plain data.

A peer is measured where it is installed, and said to be absent where it is not: nothing is
installed here, and nothing is filled in from a file. `uv sync --group peers` brings the pinned
versions.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from harness.bench.talk import Turn

INSTALL = "`uv sync --group peers` brings the pinned version"


@dataclass(frozen=True)
class Peer:
    """A library: name, distribution, its room here, and group -> the call it is known by."""

    name: str
    distribution: str
    room: str
    calls: Mapping[str, str]

    @property
    def version(self) -> str | None:
        """The version that is installed; None where none is."""
        try:
            return importlib.metadata.version(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def absence(self) -> str:
        """What is said where it is not installed."""
        return f"absent: {self.distribution} is not installed; {INSTALL}"

    def broke(self, error: Exception) -> str:
        """What is said where its call raises, as it may beside newer versions of what it uses."""
        told = str(error).partition("\n")[0][:120]
        return f"broke: it raised {type(error).__name__}: {told}"

    def load(self) -> ModuleType:
        """Its room, and with it the library."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(f"harness.bench.peers.{self.room}")


class Trimmer(Protocol):
    """A window of the newest messages, as one library has it."""

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns into the history; nothing is trimmed."""

    def turn(self, user: str, assistant: str) -> Sized:
        """Push one turn, and get the window."""


class ListWindow:
    """A history in a list of messages with roles, which a library's function trims.

    `trim` takes the list and gives what is sent; where the window is bounded, nothing else is kept.
    """

    def __init__(self, trim: Callable[[list[Said]], list[Said]], *, bounded: bool) -> None:
        self._trim = trim
        self._bounded = bounded
        self._history: list[Said] = []

    def fill(self, turns: Iterable[Turn]) -> None:
        """Take turns in."""
        for user, assistant in turns:
            self._history += [say_role("user", user), say_role("assistant", assistant)]

    def turn(self, user: str, assistant: str) -> Sized:
        """Push and trim."""
        self._history += [say_role("user", user), say_role("assistant", assistant)]
        kept = self._trim(self._history)
        if self._bounded:
            self._history = kept
        return kept


class Store(Protocol):
    """A conversation on the disk, as one library has it."""

    def fill(self, turns: Iterable[Turn]) -> None:
        """Store turns, in the fastest documented way."""

    def append(self, role: str, text: str) -> None:
        """Store one message."""

    def restore(self) -> Sized:
        """What a new process reads: the messages."""

    def close(self) -> None:
        """Let go of the files."""


Counter = Callable[[str], int]
Said = dict[str, Any]

PEERS = (
    Peer(
        "LangChain",
        "langchain-core",
        "langchain",
        {
            "window": "trim_messages(strategy='last', token_counter=count_tokens_approximately)",
            "count": "count_tokens_approximately",
            "restore": "messages_from_dict",
        },
    ),
    Peer(
        "litellm",
        "litellm",
        "litellm",
        {"window": "trim_messages(messages, model, max_tokens)", "count": "token_counter"},
    ),
    Peer(
        "llama-index",
        "llama-index-core",
        "llama_index",
        {
            "window": "ChatMemoryBuffer.put and get",
            "count": "get_tokenizer",
            "restore": "SimpleChatStore.from_persist_path",
            "append": "SimpleChatStore.persist",
        },
    ),
    Peer(
        "Haystack",
        "haystack-ai",
        "haystack",
        {
            "window": "SlidingWindowCompactor.compact with ApproximateTokenCounter",
            "count": "ApproximateTokenCounter",
            "restore": "ChatMessage.from_dict",
        },
    ),
    Peer(
        "Strands",
        "strands-agents",
        "strands",
        {
            "window": "SlidingWindowConversationManager.apply_management",
            "restore": "FileSessionManager.list_messages",
            "append": "FileSessionManager.create_message",
        },
    ),
    Peer(
        "OpenAI Agents",
        "openai-agents",
        "openai_agents",
        {
            "window": "SQLiteSession.add_items and get_items(limit)",
            "restore": "SQLiteSession.get_items",
            "append": "SQLiteSession.add_items",
        },
    ),
    Peer(
        "agentfit",
        "agentfit-py",
        "agentfit",
        {"window": "fit(messages, max_tokens)", "count": "count"},
    ),
)


def offering(group: str) -> tuple[Peer, ...]:
    """The peers that have something for a group."""
    return tuple(peer for peer in PEERS if group in peer.calls)


def present() -> tuple[Peer, ...]:
    """The peers that are installed."""
    return tuple(peer for peer in PEERS if peer.version is not None)


def peer_of(name: str) -> Peer | None:
    """The peer of that name."""
    return next((peer for peer in PEERS if peer.name == name), None)


def say_role(role: str, text: str) -> Said:
    """A message as most libraries take it."""
    return {"role": role, "content": text}
