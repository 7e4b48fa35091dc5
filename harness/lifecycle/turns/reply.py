"""The API's reply as plain data: content blocks, stop reason, usage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.lifecycle.memory.blocks import THINKING, Block

TRUNCATED = ("max_tokens", "model_context_window_exceeded")


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in the money of your choice; the caches are priced apart.

    The defaults are the usual multiples: a tenth for a read, a quarter more for a write that lasts
    five minutes.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None

    def of(self, usage: Usage) -> float:
        """What this usage costs."""
        read = 0.1 * self.input if self.cache_read is None else self.cache_read
        write = 1.25 * self.input if self.cache_write is None else self.cache_write
        millions = (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + usage.cache_read_tokens * read
            + usage.cache_write_tokens * write
        )
        return millions / 1e6


@dataclass(frozen=True)
class Usage:
    """Tokens as billed, and model calls. `input_tokens` are the uncached ones."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    attempts: int = 0

    @property
    def prompt_tokens(self) -> int:
        """The whole prompt: uncached, read from the cache and written to it."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            *(getattr(self, name) + getattr(other, name) for name in Usage.__dataclass_fields__)
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            *(getattr(self, name) - getattr(other, name) for name in Usage.__dataclass_fields__)
        )


@dataclass(frozen=True)
class Reply:
    """One answer of the model, safe to store and to send back."""

    content: list[Block]
    stop_reason: str
    usage: Usage

    @property
    def thought(self) -> bool:
        """Whether thinking was part of it (its tokens are billed, but not all are sent again)."""
        return any(block.get("type") in THINKING for block in self.content)


def read_reply(message: Any) -> Reply:
    """The SDK's Message (or anything of its shape) as a Reply.

    A tool call that was cut off at the output limit is left out: its input may be incomplete.
    """
    stop = message.stop_reason or "end_turn"
    content = [_block(block) for block in message.content]
    if stop in TRUNCATED:
        content = [block for block in content if block.get("type") != "tool_use"]
    usage = message.usage
    return Reply(
        content,
        stop,
        Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=getattr(usage, "cache_read_input_tokens", None) or 0,
            cache_write_tokens=getattr(usage, "cache_creation_input_tokens", None) or 0,
            attempts=1,
        ),
    )


def _block(block: Any) -> Block:
    if isinstance(block, Mapping):
        return dict(block)
    shape: Block = block.to_dict(mode="json")
    if shape.get("type") in THINKING:
        return shape
    return {key: value for key, value in shape.items() if value is not None}
