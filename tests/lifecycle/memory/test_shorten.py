"""Shortening the middle, and saying so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import OversizeMessage, count_content, count_tokens
from harness.lifecycle.memory.shorten import shorten_content, shorten_text


@given(st.text(min_size=1, max_size=3000), st.integers(40, 400))
def test_it_always_comes_down_to_the_limit_and_keeps_both_ends(text: str, most: int) -> None:
    short = shorten_text(text, most)
    assert count_tokens(short) <= most
    if short != text:
        head, rest = short.split("\n[... ", 1)
        left_out, tail = rest.split(" characters left out here to fit the window ...]\n", 1)
        assert text.startswith(head)
        assert text.endswith(tail)
        assert len(head) + int(left_out) + len(tail) == len(text)


def test_what_fits_is_the_same_object() -> None:
    text = "hello"
    assert shorten_text(text, 100) is text


def test_less_than_the_notice_itself_is_refused() -> None:
    with pytest.raises(OversizeMessage, match="cannot be shortened to 3 tokens"):
        shorten_text("word " * 100, 3)


def test_blocks_are_shortened_in_proportion_and_keep_their_frames() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "word " * 2000}
    nested = {**result, "content": [{"type": "text", "text": "word " * 1000}], "is_error": True}
    short = shorten_content([result, nested, {"type": "text", "text": "go on"}], 600)
    assert isinstance(short, list)
    assert count_content(short) <= 660
    assert short[0]["tool_use_id"] == "t1"
    assert short[1]["is_error"] is True
    assert short[2] == {"type": "text", "text": "go on"}


def test_what_has_no_text_is_refused() -> None:
    with pytest.raises(OversizeMessage, match="split it"):
        shorten_content([{"type": "image", "source": {}}], 100)
