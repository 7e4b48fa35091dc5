"""A session file as messages, and what is wrong with the file.

Two shapes are read: JSON Lines of messages (`{"role", "content"}` a line, as the Messages API takes
them; a JSON list of them, or an object with `messages`, will do too), and the turn log of our own
stack, whose lines carry more. A line that is no message is damage, not the end; a file without any
message is refused, and so is one whose text no scenario can hold: half a character, endless depth.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.files import Unreadable, read_file

BYTES_MAX = 32 * 1024 * 1024
ROLES_MAX, ROLE_SHOWN = 5, 20
LEVELS_MAX = 50
"""So deep may a message nest: a scenario holds it some levels farther in."""
_ROLES = ("user", "assistant")
_HALF = re.compile("[\ud800-\udfff]")
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
    """What a file holds. `damaged` are the lines that are no messages, `torn` when the last is;
    `others` are messages of neither user nor assistant: their lines, by their role."""

    name: str
    messages: tuple[Said, ...]
    damaged: tuple[int, ...]
    torn: bool
    others: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def read(path: Path) -> Session:
    """Read a session file; ImportRefused where it holds no conversation."""
    try:
        data = read_file(path, BYTES_MAX)
    except Unreadable as error:
        raise ImportRefused(f"{path}: expected a session's file, {error}") from error
    lines = list(_lines(data, path))
    messages = tuple(message for _, message in lines if isinstance(message, Said))
    damaged = tuple(number for number, message in lines if message is None)
    others: dict[str, tuple[int, ...]] = {}
    for number, role in lines:
        if isinstance(role, str) and (role in others or len(others) < ROLES_MAX):
            others[role] = (*others.get(role, ()), number)
    if not messages:
        raise ImportRefused(
            f"{path}: expected a conversation, one JSON message with role and content a line, got "
            f"none in {len(lines)} line{'' if len(lines) == 1 else 's'}; give the file that the "
            "session's messages are kept in"
        )
    torn = bool(damaged) and damaged[-1] == lines[-1][0]
    return Session(path.name, messages, damaged, torn, others)


def unsayable(value: object) -> str | None:
    """Why no scenario can hold a JSON value: what was expected, what was got and what to do."""
    level = [value]
    for _ in range(LEVELS_MAX):
        for text in level:
            if isinstance(text, str) and (half := _HALF.search(text)):
                return (
                    f"expected text, got half a character (\\u{ord(half[0]):04x}); "
                    "write \\ufffd in its place, or take the line out"
                )
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return None
    return f"expected at most {LEVELS_MAX} levels, got more; flatten it, or take the line out"


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return itertools.chain(value, value.values())
    return value if isinstance(value, list) else ()


def _lines(data: bytes, path: Path) -> Iterator[tuple[int, Said | str | bool | None]]:
    """Each line's number and what it is: a message, the role of another one, something else
    (True), or damage (None)."""
    whole = _whole(data)
    for number, value in enumerate(whole, 1) if whole is not None else _values(data):
        message = _message(number, value)
        said = message.blocks if isinstance(message, Said) else message
        if why := unsayable(list(said) if isinstance(said, tuple) else said):
            raise ImportRefused(f"{path}:{number}: {why}")
        yield number, message


def _values(data: bytes) -> Iterator[tuple[int, object]]:
    """The value of each line that is not empty; None where it is no JSON."""
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError):
            yield number, None


def _whole(data: bytes) -> Sequence[object] | None:
    """The messages of a file that is one JSON value, if that is what it is."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        value = value["messages"]
    return value if isinstance(value, list) else None


def _message(number: int, value: object) -> Said | str | bool | None:
    if not isinstance(value, dict):
        return None
    # Some agents keep each message under a key of its own, beside ids and times.
    inner = value.get("message", value)
    if not isinstance(inner, dict) or "role" not in inner or "content" not in inner:
        return True
    if inner["role"] not in _ROLES:
        return str(inner["role"])[:ROLE_SHOWN]
    content = inner["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not all(_is_block(block) for block in blocks):
        return None
    return Said(number, inner["role"], tuple(blocks))


def _is_block(block: object) -> bool:
    return isinstance(block, dict) and isinstance(block.get("type"), str)
