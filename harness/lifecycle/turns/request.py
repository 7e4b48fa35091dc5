"""The request: the same bytes for the same past, with the prompt cache's breakpoints set.

Order of the cache: tools, system, messages. One breakpoint stands at the end of system and tools,
one at the last block, one where the request before ended (the API looks back only 20 blocks from a
breakpoint): three of the four that are allowed. Contents are always lists of blocks, so that moving
a breakpoint on changes no other byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.lifecycle.memory.blocks import THINKING, Block, as_blocks
from harness.lifecycle.memory.tokens import Content

_MARK = {"type": "ephemeral"}


class RequestShape:
    """What stands in every request of a conversation."""

    def __init__(
        self,
        *,
        model: str,
        max_tokens: int,
        system: Content | None,
        tools: Iterable[Block],
        options: Mapping[str, Any],
    ) -> None:
        self._fixed: dict[str, Any] = {"model": model, "max_tokens": max_tokens, **options}
        shapes = [dict(tool) for tool in tools]
        if system:
            self._fixed["system"] = _marked(as_blocks(system))
        elif shapes:
            shapes[-1]["cache_control"] = _MARK
        if shapes:
            self._fixed["tools"] = shapes

    def request(self, messages: list[dict[str, Any]], *, also_at: int | None) -> dict[str, Any]:
        """Keyword arguments for `client.messages.create`.

        `also_at` is the index of the message that was last in the request before.
        """
        sent = [{"role": each["role"], "content": as_blocks(each["content"])} for each in messages]
        for index in {len(sent) - 1, also_at}:
            if index is not None and 0 <= index < len(sent):
                sent[index]["content"] = _marked(sent[index]["content"])
        return {**self._fixed, "messages": sent}


def _marked(blocks: list[Block]) -> list[Block]:
    """The blocks with a breakpoint on the last one that may carry it."""
    for index in range(len(blocks) - 1, -1, -1):
        block = blocks[index]
        if block.get("type") not in THINKING:
            return [*blocks[:index], {**block, "cache_control": _MARK}, *blocks[index + 1 :]]
    return blocks
