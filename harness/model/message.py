"""A message as the rules see it: its blocks, and at a glance what any rule may have to look at.

A conversation sends the same messages again and again: they are known by their content, so that
whoever works something out from one can remember it by the object. What has no shape is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

Block = Mapping[str, Any]
REMEMBERED_CHARACTERS_MAX = 10_000
REMEMBERED_MESSAGES_MAX = 4_096
BLOCKS = {
    "user": frozenset({"text", "tool_result"}),
    "assistant": frozenset({"text", "tool_use", "thinking"}),
    "system": frozenset({"text"}),
}
"""The block types that the mock emulates, by role."""
BLOCK_FIELDS = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
    "thinking": frozenset({"type", "thinking", "signature", "cache_control"}),
}
MESSAGES_MAX = 100_000
ANY, ODD_COUNT, ASSISTANT_ENDS, SYSTEM, UNSOUND = (1 << bit for bit in range(5))
TOOLS, UNPAIRED, THINKING, MARKS = (1 << bit for bit in range(5, 9))
"""Traits of messages, as bits: every request has ANY; there are none or too many; the assistant is
first or last; the role system; blocks that may be forbidden; calls or results; such that are not
plainly a message of calls and a message of its results; thinking; cache_control."""


class Refusal(Exception):
    """An error answer: status, type, message, and headers of its own."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        rule: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = kind
        self.rule = rule
        self.headers = headers or {}


class Message(NamedTuple):
    """One message as sent. A string content is one text block, and `plain` remembers it."""

    role: str
    blocks: Sequence[Block]
    plain: bool
    traits: int
    """Bits as above. Without UNSOUND no rule about single blocks has anything to look for."""
    calls: tuple[str, ...] = ()
    """The ids of its tool_use blocks."""
    results: tuple[str, ...] = ()
    """The ids that its tool_result blocks answer."""


def bad(message: str) -> Refusal:
    """A 400."""
    return Refusal(message)


def read_messages(values: list[Any]) -> tuple[tuple[Message, ...], int]:
    """The messages of a request, and the traits of them all."""
    messages = []
    traits = ANY if 0 < len(values) <= MESSAGES_MAX else ANY | ODD_COUNT
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise bad(f"messages.{index}: Input should be a valid dictionary")
        role, content = value.get("role"), value.get("content")
        if role not in ("user", "assistant", "system"):
            raise bad(f"messages.{index}.role: Input should be 'user', 'assistant' or 'system'")
        if len(value) > 2:
            key = next(key for key in value if key not in ("role", "content"))
            raise bad(f"messages.{index}.{key}: Extra inputs are not permitted")
        if isinstance(content, str):
            known = len(content) <= REMEMBERED_CHARACTERS_MAX
            message = _remembered(role, content) if known else _said(role, content)
        elif isinstance(content, list):
            message = _listed_blocks(role, content, index)
        elif content is None:
            raise bad(f"messages.{index}.content: Field required")
        else:
            raise bad(f"messages.{index}.content: Input should be a valid string or list")
        messages.append(message)
        traits |= message.traits
    if traits & TOOLS and not _paired(messages):
        traits |= UNPAIRED
    if messages and "assistant" in (messages[0].role, messages[-1].role):
        traits |= ASSISTANT_ENDS
    return tuple(messages), traits


def _listed_blocks(role: str, content: list[Any], index: int) -> Message:
    """A message of blocks; most are one text block, which is known by its text alone."""
    block = content[0] if len(content) == 1 else None
    if isinstance(block, dict) and len(block) == 2 and block.get("type") == "text":
        text = block.get("text")
        if isinstance(text, str) and len(text) <= REMEMBERED_CHARACTERS_MAX:
            return _remembered_block(role, text)
    return _kept(role, content, f"messages.{index}.content")


_KEPT: dict[tuple[str, bytes], Message] = {}


def _kept(role: str, content: list[Any], place: str) -> Message:
    data = to_json(content)
    if len(data) > REMEMBERED_CHARACTERS_MAX:
        return _blocked(role, read_blocks(content, place))
    message = _KEPT.get((role, data))
    if message is None:
        message = _blocked(role, read_blocks(content, place))
        if len(_KEPT) >= REMEMBERED_MESSAGES_MAX:
            _KEPT.clear()
        _KEPT[(role, data)] = message
    return message


def _said(role: str, content: str) -> Message:
    block = {"type": "text", "text": content}
    return Message(role, (block,), True, _role_traits(role) | _block_traits(role, block))


def _blocked(role: str, blocks: Sequence[Block]) -> Message:
    traits = _role_traits(role) if blocks else UNSOUND | _role_traits(role)
    for block in blocks:
        traits |= _block_traits(role, block)
    if not traits & TOOLS:
        return Message(role, blocks, False, traits)
    calls = tuple(block["id"] for block in blocks if block["type"] == "tool_use")
    results = tuple(block["tool_use_id"] for block in blocks if block["type"] == "tool_result")
    if any(block["type"] != "tool_result" for block in blocks[: len(results)]):
        traits |= UNPAIRED
    return Message(role, blocks, False, traits, calls, results)


def _paired(messages: Sequence[Message]) -> bool:
    """Whether each message of calls is followed by one that opens with its results in that order,
    and no id comes twice: then no rule about pairs has anything to look for."""
    seen: set[str] = set()
    waiting: tuple[str, ...] = ()
    for message in messages:
        calls, results = message.calls, message.results
        if results != waiting or (results and message.role != "user"):
            return False
        waiting = calls
        if calls:
            if message.role != "assistant" or not seen.isdisjoint(calls):
                return False
            seen.update(calls)
            if len(set(calls)) < len(calls):
                return False
    return not waiting


def _one_block(role: str, text: str) -> Message:
    return _blocked(role, ({"type": "text", "text": text},))


# A conversation sends the same messages again and again; they are frozen, so one copy will do.
_remembered = lru_cache(maxsize=REMEMBERED_MESSAGES_MAX)(_said)
_remembered_block = lru_cache(maxsize=REMEMBERED_MESSAGES_MAX)(_one_block)


def _role_traits(role: str) -> int:
    return SYSTEM if role == "system" else 0


def _block_traits(role: str, block: Block) -> int:
    kind = block["type"]
    traits = MARKS if block.get("cache_control") else 0
    if kind in ("tool_use", "tool_result"):
        traits |= TOOLS
    elif kind in ("thinking", "redacted_thinking"):
        traits |= THINKING
    blank = kind == "text" and not block["text"].strip()
    if blank or not _emulated(block, BLOCKS[role]):
        traits |= UNSOUND
    return traits


def _emulated(block: Block, kinds: frozenset[str]) -> bool:
    kind = block["type"]
    if kind not in kinds or not block.keys() <= BLOCK_FIELDS[kind]:
        return False
    inner = block.get("content")
    return not isinstance(inner, list) or all(_emulated(one, BLOCKS["system"]) for one in inner)


def read_blocks(values: list[Any], place: str) -> list[Block]:
    """Blocks of the right shape; Refusal names the place of the first that is not."""
    for index, value in enumerate(values):
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise bad(f"{place}.{index}: Input should be a valid dictionary with a `type`")
        mark = value.get("cache_control")
        if mark is not None and not isinstance(mark, dict):
            raise bad(f"{place}.{index}.cache_control: Input should be a valid dictionary")
        problem = _misshapen(value)
        if problem:
            raise bad(f"{place}.{index}.{value['type']}.{problem}")
    return values


_FIELDS: dict[str, tuple[tuple[str, type], ...]] = {
    "text": (("text", str),),
    "thinking": (("thinking", str), ("signature", str)),
    "redacted_thinking": (("data", str),),
    "tool_use": (("id", str), ("name", str), ("input", dict)),
    "tool_result": (("tool_use_id", str),),
}
_TYPE_NAMES: dict[type, str] = {str: "string", dict: "dictionary"}


def _misshapen(block: Block) -> str | None:
    for name, kind in _FIELDS.get(block["type"], ()):
        if not isinstance(block.get(name), kind):
            if name in block:
                return f"{name}: Input should be a valid {_TYPE_NAMES[kind]}"
            return f"{name}: Field required"
    if block["type"] == "tool_result":
        content = block.get("content")
        if isinstance(content, list):
            read_blocks(content, "content")
        elif content is not None and not isinstance(content, str):
            return "content: Input should be a valid string or list"
    return None
