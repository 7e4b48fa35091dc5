"""Reading the real SDK's messages."""

from __future__ import annotations

from typing import Any

from anthropic.types import Message

from harness.lifecycle import Usage
from harness.lifecycle.turns.reply import read_reply


def message(content: list[Any], stop: str | None = "end_turn", **usage: Any) -> Message:
    return Message.model_validate(
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-5-5",
            "content": content,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
        }
    )


def test_thinking_is_kept_to_the_byte_and_empty_fields_are_not_sent_back() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": "abc=="}
    reply = read_reply(message([thought, {"type": "text", "text": "hi", "citations": None}]))
    assert reply.content == [thought, {"type": "text", "text": "hi"}]
    assert reply.thought


def test_the_prompt_is_all_three_counts() -> None:
    reply = read_reply(message([], cache_read_input_tokens=100, cache_creation_input_tokens=1000))
    assert reply.usage.prompt_tokens == 1110
    assert reply.usage + reply.usage == Usage(20, 10, 200, 2000, 2)
    assert read_reply(message([], cache_read_input_tokens=None)).usage.prompt_tokens == 10


def test_a_call_that_may_be_incomplete_is_left_out() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "n", "input": {"a": None}}
    assert read_reply(message([use], "max_tokens")).content == []
    [kept] = read_reply(message([use], "tool_use")).content
    assert kept["input"] == {"a": None}


def test_a_message_that_broke_off_without_a_reason_is_taken_as_ended() -> None:
    assert read_reply(message([], None)).stop_reason == "end_turn"
