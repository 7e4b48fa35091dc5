"""Content blocks as the API takes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle.memory.blocks import (
    joined,
    sendable,
    text_of,
    tool_results,
    tool_uses,
    unknown_result,
    without_thinking,
)

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}
HELLO = {"type": "text", "text": "hello"}
BLANK = {"type": "text", "text": " \n"}


def test_blank_text_is_left_out_and_thinking_alone_is_nothing() -> None:
    assert sendable([THOUGHT, HELLO, BLANK]) == [THOUGHT, HELLO]
    assert sendable([THOUGHT, BLANK]) is None
    assert sendable([]) is None
    assert sendable("  ") is None
    assert sendable("hello") == "hello"


def test_untouched_content_stays_the_same_object() -> None:
    content = [THOUGHT, HELLO]
    assert sendable(content) is content
    assert without_thinking([HELLO]) == [HELLO]
    assert without_thinking(content) == [HELLO]


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=5))
def test_pieces_of_text_join_to_one_text(pieces: list[str]) -> None:
    assert joined([[{"type": "text", "text": piece}] for piece in pieces]) == "".join(pieces)


def test_other_blocks_keep_their_places_when_pieces_join() -> None:
    assert joined([[THOUGHT, HELLO], [HELLO], [THOUGHT]]) == [
        THOUGHT,
        {"type": "text", "text": "hellohello"},
        THOUGHT,
    ]
    assert joined([[]]) == ""


def test_calls_and_results_are_found_by_kind() -> None:
    use = {"type": "tool_use", "id": "t1", "name": "n", "input": {}}
    assert tool_uses([HELLO, use]) == [use]
    assert tool_results([HELLO, unknown_result("t1")]) == [unknown_result("t1")]
    assert tool_uses("hello") == tool_results("hello") == []
    assert text_of([HELLO, use, HELLO]) == "hellohello"
    assert text_of("plain") == "plain"
    assert unknown_result("t1")["is_error"] is True
