"""A session file as messages, and what is wrong with the file.

Two shapes are read: JSON Lines of messages (`{"role", "content"}` a line, as the Messages API takes
them; a JSON list of them, or an object with `messages`, will do too), and the turn log of our own
stack, whose lines carry more. A line that is no message is damage, not the end; a file without any
message is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BYTES_MAX = 32 * 1024 * 1024
_ROLES = ("user", "assistant")
_Blocks = tuple[dict[str, Any], ...]


class ImportRefused(ValueError):
    """The file is no conversation: the sentence names what was found and what to do."""


@dataclass(frozen=True)
class Said:
    """One message of the file: `blocks` in the API's shape, `line` from 1."""

    line: int
    role: str
    blocks: _Blocks

    @property
    def text(self) -> str:
        """Its text blocks, joined by newlines."""
        texts = [str(block.get("text", "")) for block in self.blocks if block["type"] == "text"]
        return "\n".join(text for text in texts if text.strip())

    @property
    def calls(self) -> _Blocks:
        """Its tool_use blocks."""
        return tuple(block for block in self.blocks if block["type"] == "tool_use")

    @property
    def results(self) -> _Blocks:
        """Its tool_result blocks."""
        return tuple(block for block in self.blocks if block["type"] == "tool_result")


@dataclass(frozen=True)
class Session:
    """What a file holds. `damaged` are the lines that are no messages, `torn` when the last is."""

    name: str
    messages: tuple[Said, ...]
    damaged: tuple[int, ...]
    torn: bool


def read(path: Path) -> Session:
    """Read a session file; ImportRefused where it holds no conversation."""
    try:
        with path.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise ImportRefused(
            f"{path}: cannot be read: {error.strerror}; give the session's file"
        ) from error
    if len(data) > BYTES_MAX:
        raise ImportRefused(
            f"{path}: expected at most {BYTES_MAX // 2**20} MB, got more; cut it to the last turns"
        )
    lines = list(_lines(data))
    messages = tuple(message for _, message in lines if isinstance(message, Said))
    damaged = tuple(number for number, message in lines if message is None)
    if not messages:
        raise ImportRefused(
            f"{path}: expected a conversation, one JSON message with role and content a line, got "
            f"none in {len(lines)} line{'' if len(lines) == 1 else 's'}; give the file that the "
            "session's messages are kept in"
        )
    torn = bool(damaged) and damaged[-1] == lines[-1][0]
    return Session(path.name, messages, damaged, torn)


def _lines(data: bytes) -> Iterator[tuple[int, Said | bool | None]]:
    """Each line's number and what it is: a message, something else (True), or damage (None)."""
    whole = _whole(data)
    if whole is not None:
        yield from ((n, _message(n, value)) for n, value in enumerate(whole, 1))
        return
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            yield number, None
            continue
        yield number, _message(number, value)


def _whole(data: bytes) -> Sequence[object] | None:
    """The messages of a file that is one JSON value, if that is what it is."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    return value if isinstance(value, list) else None


def _message(number: int, value: object) -> Said | bool | None:
    if not isinstance(value, dict):
        return None
    # Some agents keep each message under a key of its own, beside ids and times.
    inner = value.get("message", value)
    if not isinstance(inner, dict) or "role" not in inner or "content" not in inner:
        return True
    if inner["role"] not in _ROLES:
        return True
    content = inner["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
        return None
    return Said(number, inner["role"], tuple(blocks))


def _is_block(block: object) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)
