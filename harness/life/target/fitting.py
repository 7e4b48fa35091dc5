"""What the plain loop leaves out when the model says that a conversation is too long.

The older half of the turns first; once only the newest turn is left, the second half of its longest
text. It counts no tokens: the model's refusals are its only ruler, and each halves what is sent.
Blocks stay whole otherwise, so calls keep their results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.protocol import Message

_LEAST_CHARACTERS = 64
Content = str | list[dict[str, Any]]


def halved(messages: Sequence[Message]) -> Sequence[Message] | None:
    """A shorter conversation that ends alike; None where nothing is left to leave out."""
    starts = [place for place, message in enumerate(messages) if place and asks(message)]
    if starts:
        return messages[starts[len(starts) // 2] :]
    longest = max((text for message in messages for text in _texts(message.content)), key=len)
    if len(longest) < _LEAST_CHARACTERS:
        return None
    return [_with(message, longest, longest[: len(longest) // 2]) for message in messages]


def asks(message: Message) -> bool:
    """Whether it is the user's own words, not only results of tools."""
    return message.role == "user" and bool(text_of(message))


def text_of(message: Message) -> str:
    """Its text blocks, joined."""
    if isinstance(message.content, str):
        return message.content
    return "".join(str(block["text"]) for block in message.content if block.get("type") == "text")


def _texts(content: Content) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content:
        value = block.get(_key(block))
        if isinstance(value, str):
            yield value


def _with(message: Message, old: str, new: str) -> Message:
    if isinstance(message.content, str):
        return Message(message.role, new) if message.content == old else message
    blocks = [
        {**block, _key(block): new} if block.get(_key(block)) == old else block
        for block in message.content
    ]
    return Message(message.role, blocks)


def _key(block: Mapping[str, Any]) -> str:
    """Where a block keeps its text."""
    return "content" if block.get("type") == "tool_result" else "text"
