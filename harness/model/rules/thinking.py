"""Thinking blocks: how they are signed, and the rules that keep them as they were.

A signature holds two seals. One is over the block's own text. The other, on models that bind, is
over everything before the block (tools, system, messages, but no thinking and no cache_control),
so that an edit of the past shows wherever the block is sent back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator

from harness.model.message import THINKING, bad
from harness.model.meter import Part
from harness.model.request import Exchange, Placed
from harness.model.rules.ask import Ask

_KEY = b"the mock's own seal"
_TEXT_BYTES = 12
_PREFIX_BYTES = 18
_TEXT_CHARACTERS = _TEXT_BYTES * 4 // 3


def sign(model: str, text: str, prefix: bytes) -> str:
    """The signature of a thinking block that follows `prefix` (empty where nothing binds)."""
    seals = _seal(b"text", model.encode(), text.encode("utf-8", "surrogatepass"))[:_TEXT_BYTES]
    seals += _seal(b"prefix", model.encode(), prefix)[:_PREFIX_BYTES]
    return base64.b64encode(seals).decode()


def _seal(*parts: bytes) -> bytes:
    return hmac.digest(_KEY, b"\0".join(parts), "sha256")


def extend(prefix: bytes, parts: Iterable[Part]) -> bytes:
    """The prefix after these parts; thinking leaves no trace in it."""
    for part in parts:
        if not part.thinking:
            prefix = hashlib.sha256(prefix + part.role.encode() + part.digest).digest()
    return prefix


def edited_thinking(ask: Ask) -> None:
    """Thinking comes back word for word."""
    latest = max(
        (index for index, one in enumerate(ask.request.messages) if one.role == "assistant"),
        default=-1,
    )
    for (message, place, _block), signature, expected in _signatures(ask):
        if signature[:_TEXT_CHARACTERS] == expected[:_TEXT_CHARACTERS]:
            continue
        where = f"messages.{message}.content.{place}"
        if message == latest:
            raise bad(
                f"{where}: `thinking` or `redacted_thinking` blocks in the latest assistant "
                "message cannot be modified. These blocks must remain as they were in the original "
                "response."
            )
        raise bad(f"{where}: Invalid `signature` in `thinking` block.")


def bound_thinking(ask: Ask) -> None:
    """On models that bind, thinking comes back after the very conversation it was thought in."""
    for (message, place, _block), signature, expected in _signatures(ask):
        if signature[_TEXT_CHARACTERS:] != expected[_TEXT_CHARACTERS:]:
            raise bad(
                f"messages.{message}.content.{place}: Invalid `signature` in "
                "`thinking` block. The block is bound to a different conversation. Send what came "
                "before it as it was, or remove the block."
            )


def _signatures(ask: Ask) -> Iterator[tuple[Placed, str, str]]:
    """Each thinking block, the signature it came with, and the one it should have."""
    if not ask.request.traits & THINKING:
        return
    parts = ask.prompt.parts
    blocks = (
        (number, place, block)
        for number, message in enumerate(ask.request.messages)
        for place, block in enumerate(message.blocks)
    )
    before = len(ask.request.tools) + len(ask.request.system)
    prefix = extend(b"", parts[:before])
    for part, placed in zip(parts[before:], blocks, strict=True):
        prefix = extend(prefix, (part,))
        if part.thinking:
            bound = prefix if ask.spec.binds_thinking else b""
            block = placed[2]
            yield placed, block["signature"], sign(ask.spec.id, block["thinking"], bound)


def thinking_first(ask: Ask) -> None:
    """With manual thinking, the assistant turn in flight opens with its thinking."""
    if ask.request.thinking.get("type") != "enabled":
        return
    turn = _turn_in_flight(ask.request.merged)
    if turn is None or not any(block["type"] == "tool_use" for _, _, block in turn.blocks):
        return
    message, index, block = turn.blocks[0]
    if block["type"] not in ("thinking", "redacted_thinking"):
        raise bad(
            f"messages.{message}.content.{index}.type: Expected `thinking` or `redacted_thinking`, "
            f"but found `{block['type']}`. When `thinking` is enabled, a final `assistant` message "
            "must start with a thinking block (preceding the lastmost set of `tool_use` and "
            "`tool_result` blocks)."
        )


def _turn_in_flight(merged: tuple[Exchange, ...]) -> Exchange | None:
    for exchange in reversed(merged):
        if exchange.role == "assistant":
            return exchange
        if not all(block["type"] == "tool_result" for _, _, block in exchange.blocks):
            return None
    return None
