"""The summary: each dropped turn folded once, in front, as a user's text; its hook may fail."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from harness.lifecycle import Eviction, MessageWindow, count_tokens
from harness.lifecycle.memory.summary import folded, summary_content
from tests.lifecycle.fake_claude import check


class Folding:
    """A hook that keeps the first word of everything, and all that it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def __call__(self, before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        firsts = [str(message["content"]).split()[0] for message in messages]
        self.given += firsts
        return " ".join([*(before or "").split(), *firsts])


def talk(window: MessageWindow, turns: int) -> None:
    for number in range(turns):
        window.push("user", f"q{number} " + "word " * 20)
        window.push("assistant", f"a{number} " + "word " * 20)


def test_each_dropped_message_is_folded_exactly_once() -> None:
    hook = Folding()
    told: list[Eviction] = []
    window = MessageWindow(4000, summarize=hook, on_evict=told.append)
    talk(window, 120)
    messages = window.as_messages()
    here = {str(message["content"]).split()[0] for message in messages[1:]}
    everything = {f"{who}{number}" for number in range(120) for who in "qa"}
    assert Counter(hook.given) == Counter(everything - here)
    assert len(told) > 1
    assert messages[0] == {"role": "user", "content": summary_content(str(told[-1].summary))}
    assert window.tokens <= 4000
    check({"messages": messages[:-1]})


def test_a_failing_hook_means_plain_dropping_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    def fails(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        raise OSError("no model")

    window, plain = MessageWindow(1000, summarize=fails), MessageWindow(1000)
    with caplog.at_level(logging.WARNING):
        talk(window, 40)
    talk(plain, 40)
    assert window.as_messages() == plain.as_messages()
    assert "OSError: no model" in caplog.text


def test_after_a_failure_the_summary_so_far_stays() -> None:
    answers = iter(["first"])
    window = MessageWindow(2000, summarize=lambda before, gone: next(answers, None))
    talk(window, 120)
    assert window.as_messages()[0]["content"] == summary_content("first")


@pytest.mark.parametrize("said", ["", " \n", None])
def test_a_hook_that_says_nothing_has_no_summary(said: str | None) -> None:
    assert folded(lambda *_: said, None, [{}], tokens_max=100, counter=count_tokens) is None


def test_a_summary_that_is_too_long_is_shortened_and_one_without_room_not_asked_for() -> None:
    def long(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        return "word " * 5000

    short = folded(long, None, [{}], tokens_max=100, counter=count_tokens)
    assert short is not None
    assert count_tokens(summary_content(short)) <= 101
    assert folded(long, None, [{}], tokens_max=5, counter=count_tokens) is None
    assert folded(long, None, [{}], tokens_max=30, counter=count_tokens) is None


def test_a_lone_surrogate_in_a_summary_does_not_reach_the_log() -> None:
    clean = folded(lambda *_: "so \ud800 far", None, [{}], tokens_max=100, counter=count_tokens)
    assert clean == "so ? far"
