"""The wire: a reply as one JSON body, or as server-sent events with their own times.

message_start (usage complete, 1 to 8 output tokens) -> for each block content_block_start, deltas,
content_block_stop, a ping after the first start -> message_delta (the counters again) ->
message_stop. Deltas have a median of 16 characters; the first input_json_delta is empty; thinking
ends with a signature_delta. The first byte comes after the time to the first token, the rest at
so many tokens a second; a body that is not streamed comes whole at the end of that time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic_core import to_json

from harness.doors.reply import End, Frame
from harness.model.bill import Usage
from harness.model.script.compose import Spoken

DELTA_CHARACTERS = 16
STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
}


class Cut(NamedTuple):
    """Where a stream breaks off, after so many characters of the reply, and how."""

    after_chars: int
    end: End = "ok"
    error: Mapping[str, Any] | None = None
    """The data of an `error` event that is sent instead of the rest."""


class Outgoing(NamedTuple):
    """A reply on its way: the message's head, what is said, what it costs, how fast it comes."""

    id: str
    model: str
    spoken: Spoken
    usage: Usage
    first_token_ns: int
    tokens_per_second: float

    @property
    def talking_ns(self) -> int:
        """How long it takes from the first token to the last."""
        return int(self.usage.output_tokens * 1_000_000_000 / self.tokens_per_second)

    def head(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """The message before anything is said."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage,
        }


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Usage as the API words it."""
    fields: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_creation_input_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.written_5m_tokens,
            "ephemeral_1h_input_tokens": usage.written_1h_tokens,
        },
        "output_tokens": usage.output_tokens,
        "service_tier": "standard",
        "inference_geo": "global",
    }
    if usage.thinking_tokens:
        fields["output_tokens_details"] = {"thinking_tokens": usage.thinking_tokens}
    return fields


def whole(reply: Outgoing) -> tuple[Frame, ...]:
    """The reply as one body, when all of it is said."""
    body = reply.head(usage_fields(reply.usage))
    body["content"] = reply.spoken.content
    body["stop_reason"] = reply.spoken.stop_reason
    body["stop_sequence"] = reply.spoken.stop_sequence
    body["stop_details"] = reply.spoken.stop_details
    return (Frame(reply.first_token_ns + reply.talking_ns, to_json(body)),)


def cut_whole(frames: tuple[Frame, ...], cut: Cut) -> tuple[Frame, ...]:
    """A body that breaks off: at most so many bytes of it, never all."""
    (frame,) = frames
    return (Frame(frame.delay_ns, frame.data[: min(cut.after_chars, len(frame.data) - 1)]),)


class _Event(NamedTuple):
    name: str
    fields: Mapping[str, Any]
    characters: int = 0


def streamed(reply: Outgoing, cut: Cut | None = None) -> tuple[Frame, ...]:
    """The reply as server-sent events, up to the cut if there is one."""
    events = list(_events(reply, cut))
    total = sum(event.characters for event in events) or 1
    frames = []
    said = passed_ns = 0
    delay_ns = reply.first_token_ns
    for event in events:
        if cut is not None and _breaks(event, said, cut):
            break
        said += event.characters
        until_ns = reply.talking_ns * said // total
        delay_ns += until_ns - passed_ns
        passed_ns = until_ns
        frames.append(Frame(delay_ns, _sse(event.name, event.fields)))
        delay_ns = 0
    if cut is not None and cut.error is not None:
        frames.append(Frame(0, _sse("error", cut.error)))
    return tuple(frames)


def _breaks(event: _Event, said: int, cut: Cut) -> bool:
    over = bool(event.characters) and said >= cut.after_chars
    return over or event.name == "message_delta"


def _sse(name: str, fields: Mapping[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), to_json({"type": name, **fields}))


def _events(reply: Outgoing, cut: Cut | None) -> Iterator[_Event]:
    spoken, draw = reply.spoken, random.Random(reply.id)
    usage = usage_fields(reply.usage)
    usage.pop("output_tokens_details", None)
    usage["output_tokens"] = min(reply.usage.output_tokens, draw.randint(1, 8))
    yield _Event("message_start", {"message": reply.head(usage)})
    said = 0
    for index, block in enumerate(spoken.content):
        yield _Event("content_block_start", {"index": index, "content_block": _opened(block)})
        if index == 0:
            yield _Event("ping", {})
        kind, key, text = _stuff(block, spoken.json.get(index, ""))
        if kind == "input_json_delta":
            yield _delta(index, {"type": kind, key: ""}, 0)
        for piece in _pieces(text, draw, None if cut is None else cut.after_chars - said):
            yield _delta(index, {"type": kind, key: piece}, len(piece))
        said += len(text)
        if block["type"] == "thinking":
            signature = {"type": "signature_delta", "signature": block["signature"]}
            yield _delta(index, signature, 0)
        yield _Event("content_block_stop", {"index": index})
    yield _Event("message_delta", _ending(reply))
    yield _Event("message_stop", {})


def _delta(index: int, delta: Mapping[str, Any], characters: int) -> _Event:
    return _Event("content_block_delta", {"index": index, "delta": delta}, characters)


def _opened(block: Mapping[str, Any]) -> dict[str, Any]:
    if block["type"] == "text":
        return {"type": "text", "text": ""}
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}


def _stuff(block: Mapping[str, Any], said: str) -> tuple[str, str, str]:
    if block["type"] == "text":
        return "text_delta", "text", block["text"]
    if block["type"] == "thinking":
        return "thinking_delta", "thinking", block["thinking"]
    return "input_json_delta", "partial_json", said


def _pieces(text: str, draw: random.Random, boundary: int | None) -> Iterator[str]:
    """Pieces of a text; one ends at the boundary, so that a cut is exact to the character."""
    start = 0
    while start < len(text):
        size = draw.randint(DELTA_CHARACTERS // 2, DELTA_CHARACTERS * 3 // 2)
        if boundary is not None and start < boundary < start + size:
            size = boundary - start
        yield text[start : start + size]
        start += size


def _ending(reply: Outgoing) -> dict[str, Any]:
    usage = usage_fields(reply.usage)
    counters = (
        "input_tokens",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "output_tokens",
        "output_tokens_details",
    )
    return {
        "delta": {
            "stop_reason": reply.spoken.stop_reason,
            "stop_sequence": reply.spoken.stop_sequence,
            "stop_details": reply.spoken.stop_details,
        },
        "usage": {name: usage[name] for name in counters if name in usage},
    }
