"""The stream, event by event, read by a parser that is stricter than the SDK's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

GO = [{"role": "user", "content": "go"}]
TOOL = {"name": "book", "input_schema": {"type": "object"}}
STORY = " ".join(f"Sentence number {number} goes here." for number in range(60))
SCRIPT = [
    {
        "user": "go",
        "reply": {
            "think": "I should tell a story, and then book.",
            "text": STORY,
            "tools": [{"tool": "book", "input": {"seats": 2, "name": "Zoë, 東京"}}],
        },
    }
]
SHOWN = {"type": "adaptive", "display": "summarized"}
_EVENT = re.compile(rb"event: ([a-z_]+)\ndata: (\{[^\n]*\})\n\n")


def events_of(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a body; nothing but whole events may be in it."""
    position = 0
    while position < len(data):
        match = _EVENT.match(data, position)
        assert match is not None, data[position : position + 80]
        fields = json.loads(match[2])
        assert fields["type"] == match[1].decode()
        yield fields["type"], fields
        position = match.end()


class StrictReader:
    """Puts a message together, and fails on anything out of order."""

    def __init__(self, data: bytes) -> None:
        self.names: list[str] = []
        self.message: dict[str, Any] = {}
        self.pieces: list[str] = []
        self._open: int | None = None
        self._json = ""
        for name, fields in events_of(data):
            assert "message_stop" not in self.names
            self.names.append(name)
            getattr(self, name)(fields)
        assert self.names[-1] == "message_stop"

    def message_start(self, fields: dict[str, Any]) -> None:
        """First, complete but for what is said and why it stopped."""
        assert len(self.names) == 1
        self.message = fields["message"]
        assert self.message["content"] == []
        assert self.message["stop_reason"] is None
        assert 1 <= self.message["usage"]["output_tokens"] <= 8
        self.first_usage = dict(self.message["usage"])

    def ping(self, _fields: dict[str, Any]) -> None:
        """After the first block has started."""
        assert self.names[-2] == "content_block_start"

    def content_block_start(self, fields: dict[str, Any]) -> None:
        """Empty, one at a time, numbered in a row."""
        assert self._open is None
        assert fields["index"] == len(self.message["content"])
        block = fields["content_block"]
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        assert all(block[key] == value for key, value in empty.items() if key in block)
        self.message["content"].append(block)
        self._open, self._json, self._deltas = fields["index"], "", 0

    def content_block_delta(self, fields: dict[str, Any]) -> None:
        """To the open block, of its own kind."""
        assert fields["index"] == self._open
        block, delta = self.message["content"][-1], fields["delta"]
        kind = delta["type"]
        if kind == "text_delta":
            assert block["type"] == "text"
            assert delta["text"]
            block["text"] += delta["text"]
            self.pieces.append(delta["text"])
        elif kind == "thinking_delta":
            assert block["type"] == "thinking"
            block["thinking"] += delta["thinking"]
        elif kind == "signature_delta":
            assert block["type"] == "thinking"
            block["signature"] = delta["signature"]
        else:
            assert (kind, block["type"]) == ("input_json_delta", "tool_use")
            assert (delta["partial_json"] == "") == (self._deltas == 0)
            self._json += delta["partial_json"]
        self._deltas += 1

    def content_block_stop(self, fields: dict[str, Any]) -> None:
        """The block is whole."""
        assert fields["index"] == self._open
        block = self.message["content"][-1]
        if block["type"] == "tool_use":
            block["input"] = json.loads(self._json)
        if block["type"] == "thinking":
            assert block["signature"]
        self._open = None

    def message_delta(self, fields: dict[str, Any]) -> None:
        """Why it stopped, and the counters again."""
        assert self._open is None
        self.message.update(fields["delta"])
        for counter in (
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
        ):
            assert fields["usage"][counter] == self.first_usage[counter]
        self.message["usage"].update(fields["usage"])

    def message_stop(self, _fields: dict[str, Any]) -> None:
        """Last."""
        assert self.names[-2] == "message_delta"


def stream(here: Any, **fields: Any) -> Any:
    """A streamed answer to `go`."""
    return here.post(GO, tools=[TOOL], stream=True, **fields)


@pytest.mark.parametrize("thinking", [None, SHOWN])
def test_a_strict_reader_reads_what_the_whole_reply_says(
    thinking: Any, desk: Callable[..., Any]
) -> None:
    here = desk(SCRIPT)
    whole = here.post(GO, tools=[TOOL], thinking=thinking).body
    reader = StrictReader(stream(here, thinking=thinking).body)
    assert whole.pop("id") != reader.message.pop("id")
    assert reader.message == whole


def test_events_come_in_order(desk: Callable[..., Any]) -> None:
    names = StrictReader(stream(desk(SCRIPT)).body).names
    rhythm = [name for name, following in pairwise([*names, ""]) if name != following]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    first = [block[0], "ping", *block[1:]]
    assert rhythm == ["message_start", *first, *block, *block, "message_delta", "message_stop"]


def test_pieces_have_a_median_of_sixteen_characters(desk: Callable[..., Any]) -> None:
    pieces = StrictReader(stream(desk(SCRIPT)).body).pieces
    assert "".join(pieces) == STORY
    assert 14 <= median(map(len, pieces)) <= 18


def test_the_first_byte_waits_for_the_first_token_and_the_rest_for_theirs(
    desk: Callable[..., Any],
) -> None:
    here = desk(SCRIPT, first_token="2s", tokens_per_second=10)
    answer = stream(here)
    delays = [frame.delay_ns for frame in answer.reply.frames]
    assert delays[0] == 2_000_000_000
    assert sum(delays[1:]) == answer.row.output_tokens * 100_000_000
    whole = here.post(GO, tools=[TOOL])
    assert [frame.delay_ns for frame in whole.reply.frames] == [sum(delays)]


def test_a_stream_says_so_and_has_no_length_and_a_body_has_one(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT)
    headers = stream(here).reply.headers
    assert headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in headers
    reply = here.post(GO, tools=[TOOL]).reply
    assert reply.headers["content-length"] == str(len(reply.frames[0].data))


@pytest.mark.parametrize("after", [0, 1, 15, 16, 17, 500, 10**6])
@pytest.mark.parametrize("end", ["reset", "eof", "hang"])
def test_a_cut_comes_after_exactly_so_many_characters(
    after: int, end: str, desk: Callable[..., Any]
) -> None:
    script = [{"user": "go", "reply": {"text": STORY}}]
    here = desk(script, faults=[{"stream": {"turn": 1, "cut": end, "after_chars": after}}])
    answer = here.post(GO, stream=True)
    assert answer.reply.end == end
    said = "".join(
        fields["delta"]["text"]
        for name, fields in events_of(answer.body)
        if name == "content_block_delta"
    )
    assert said == STORY[:after]
    assert b"message_stop" not in answer.body
    assert b"message_delta" not in answer.body


def test_an_error_event_takes_the_place_of_the_rest(desk: Callable[..., Any]) -> None:
    fault = {"stream": {"turn": 1, "error": "overloaded_error", "after_chars": 40}}
    answer = stream(desk(SCRIPT, faults=[fault]))
    assert answer.reply.end == "ok"
    name, fields = list(events_of(answer.body))[-1]
    assert name == "error"
    assert fields["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert fields["request_id"] == answer.row.request_id


def test_a_whole_body_is_cut_in_its_bytes(desk: Callable[..., Any]) -> None:
    faults = [{"stream": {"turn": 1, "cut": "eof", "after_chars": after}} for after in (25, 10**6)]
    here = desk(SCRIPT, faults=faults)
    for kept in (25, None):
        answer = here.post(GO, tools=[TOOL])
        length = int(answer.reply.headers["content-length"])
        assert len(answer.body) == (kept or length - 1)


def test_an_empty_reply_is_a_whole_stream(desk: Callable[..., Any]) -> None:
    script = [{"user": "go", "reply": {"stop": "refusal"}}]
    reader = StrictReader(desk(script).post(GO, stream=True).body)
    assert reader.names == ["message_start", "message_delta", "message_stop"]
    assert reader.message["stop_reason"] == "refusal"
