"""What comes back through a door: frames with delays and an end, or no reply at all.

Delays are virtual nanoseconds since the frame before (for the first frame: since the request).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

End = Literal["ok", "eof", "cut", "reset", "hang"]
"""How a body ends: whole, a clean close in the middle, a close in the middle of a chunk, a TCP
reset, or silence for ever.

A clean close raises nothing where the body has no `content-length`: nothing says that there was
more. Where it has one, the client finds it short.
"""


class Frame(NamedTuple):
    """One piece of the body: `delay_ns` after the one before, `data` bytes."""

    delay_ns: int
    data: bytes


@dataclass(frozen=True)
class Reply:
    """Status, headers and body frames, and how the body ends."""

    status: int
    headers: Mapping[str, str]
    frames: tuple[Frame, ...]
    end: End = "ok"
    gate: Callable[[str], None] | None = field(default=None, compare=False)
    """Called with "reply.started" before the first byte is handed on, with "reply.received" before
    the last frame of a whole body is; raising there shuts the door."""


@dataclass(frozen=True)
class NoReply:
    """Nothing comes back: the connection fails, or the server never answers."""

    kind: Literal["connect_error", "connect_timeout", "reset", "hang"]
    delay_ns: int = 0


class DoorClock(Protocol):
    """The time that passes at a door."""

    def sleep_ns(self, delay_ns: int) -> None:
        """Let `delay_ns` pass, blocking the thread."""
        ...

    async def asleep_ns(self, delay_ns: int) -> None:
        """Let `delay_ns` pass on the running event loop."""
        ...


Handle = Callable[[str, str, Mapping[str, str], bytes], "Reply | NoReply"]
"""A model behind a door: (method, path, headers with lower-case names, body) -> answer."""
