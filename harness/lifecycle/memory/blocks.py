"""Content blocks: what the API accepts of them, and which call belongs to which result.

An empty or blank text block is refused by the API wherever it stands, and an assistant message of
nothing but thinking cannot be sent back; both are left out here, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.lifecycle.memory.tokens import Content

Block = dict[str, Any]
THINKING = ("thinking", "redacted_thinking")


def as_blocks(content: Content) -> list[Block]:
    """Content as a list of blocks."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def text_of(content: Content) -> str:
    """All text blocks, joined."""
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block.get("type") == "text")


def tool_uses(content: Content) -> list[Block]:
    """The tool calls in it, in order."""
    if isinstance(content, str):
        return []
    return [block for block in content if block.get("type") == "tool_use"]


def tool_results(content: Content) -> list[Block]:
    """The tool results in it, in order."""
    if isinstance(content, str):
        return []
    return [block for block in content if block.get("type") == "tool_result"]


def sendable(content: Content) -> Content | None:
    """The content without what the API refuses; None where nothing is left to send."""
    if isinstance(content, str):
        return None if not content or content.isspace() else content
    kept = [block for block in content if block.get("type") != "text" or block["text"].strip()]
    if all(block.get("type") in THINKING for block in kept):
        return None
    return kept if len(kept) != len(content) else content


def without_thinking(content: Content) -> Content:
    """The content without its thinking blocks; the same object where it has none."""
    if isinstance(content, str) or not any(block.get("type") in THINKING for block in content):
        return content
    return [block for block in content if block.get("type") not in THINKING]


def unknown_result(call_id: str) -> Block:
    """What the model is told of a call whose outcome nobody knows."""
    return {
        "type": "tool_result",
        "tool_use_id": call_id,
        "content": "The outcome of this call is unknown: it was interrupted before a result was "
        "recorded. It may or may not have taken effect. Check before doing it again.",
        "is_error": True,
    }


class Paired(NamedTuple):
    """A user message against the calls that wait: what is left of it, and what is wrong with it."""

    content: Content
    continues: bool
    """It answers calls, so it does not begin a turn."""
    orphans: int = 0
    """Results that no call waits for: left out."""
    answered: tuple[str, ...] = ()
    """The calls that wait no more once the message is taken in."""


class OpenCalls:
    """The tool calls that wait for their results, by id."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}

    def pair(self, content: Content) -> Paired:
        """Exactly the results that are waited for; changes nothing, as it may yet be refused."""
        results = tool_results(content)
        if isinstance(content, str) or not results:
            return Paired(sendable(content) or "", False)
        waiting = self.ids.copy()
        blocks = [each for each in results if waiting.pop(each["tool_use_id"], 0) is None]
        orphans = len(results) - len(blocks)
        others = [block for block in content if block.get("type") != "tool_result"]
        rest = sendable(others) or []
        if rest and not blocks:
            return Paired(rest, False, orphans)
        if rest:
            # The user talks on: what still waits is answered in the same message.
            return Paired(
                [*blocks, *map(unknown_result, waiting), *rest], True, orphans, tuple(self.ids)
            )
        answered = tuple(each["tool_use_id"] for each in blocks)
        return Paired(blocks, bool(blocks), orphans, answered)

    def closing(self) -> list[Block]:
        """An answer for every call that still waits."""
        return [unknown_result(call_id) for call_id in self.ids]


def joined(contents: Iterable[Content]) -> Content:
    """Several pieces of one message as one: adjacent text blocks become one text."""
    blocks: list[Block] = []
    for content in contents:
        for block in as_blocks(content):
            if blocks and _plain(block) and _plain(blocks[-1]):
                blocks[-1] = {"type": "text", "text": blocks[-1]["text"] + block["text"]}
            else:
                blocks.append(block)
    if not blocks:
        return ""
    return blocks[0]["text"] if len(blocks) == 1 and _plain(blocks[0]) else blocks


def _plain(block: Block) -> bool:
    return block.keys() == {"type", "text"} and block["type"] == "text"
