"""The offline vocabulary: exact where it is known, nothing from outside, counted once."""

from __future__ import annotations

import socket
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lifecycle import MessageWindow, vocabulary_counter
from tests.lifecycle.fake_claude import FakeClaude, says
from tests.lifecycle.opening import opened

COUNT = vocabulary_counter()


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("o200k_base", "", 0),
        ("o200k_base", "hello world", 2),
        ("cl100k_base", "hello world", 2),
        ("o200k_base", "tiktoken is great!", 6),
        ("cl100k_base", "tiktoken is great!", 6),
    ],
)
def test_known_texts_have_their_known_counts(name: str, text: str, tokens: int) -> None:
    assert vocabulary_counter(name)(text) == tokens


def test_a_spelled_out_special_token_is_the_text_that_it_is() -> None:
    assert COUNT("<|endoftext|>") > 1


@given(st.text())
def test_every_text_has_a_count_lone_surrogates_too(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    assert COUNT(text) <= size
    assert 0 < COUNT(text + "\ud800") <= size + 3


def test_nothing_comes_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the vocabulary asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert vocabulary_counter("cl100k_base")("hello world") == 2


def test_each_message_is_counted_once_at_push() -> None:
    asked: Counter[str] = Counter()

    def count(text: str) -> int:
        asked[text] += 1
        return COUNT(text)

    window = MessageWindow(2_000, count)
    for number in range(50):
        window.push("user" if number % 2 == 0 else "assistant", f"message {number} " * 10)
        window.as_messages()
    assert set(asked.values()) == {1}
    assert len(asked) == 50


def test_a_conversation_counts_with_it(tmp_path: Path) -> None:
    client = FakeClaude([says("Paris.")])
    with opened(tmp_path, client, token_counter=COUNT) as conversation:
        assert conversation.send("m1", "Capital of France?") == "Paris."


def test_an_unknown_vocabulary_is_named() -> None:
    with pytest.raises(ValueError, match="nobodys"):
        vocabulary_counter("nobodys")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splintr", None)
    with pytest.raises(ImportError, match=r"\[vocab\]"):
        vocabulary_counter()
