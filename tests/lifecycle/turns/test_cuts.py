"""Cuts in the log: pins and summaries come back byte for byte; a hook that kills is left alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import AsyncConversation, Conversation, Summary, Usage
from harness.lifecycle.memory.summary import summary_content
from tests.lifecycle.fake_claude import AsyncFakeClaude, FakeClaude, Killed, bare_messages, says
from tests.lifecycle.opening import opened

Hook = Callable[[str | None, Sequence[dict[str, Any]]], str | None]


def fold(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
    firsts = [str(message["content"]).split()[0] for message in messages[::2]]
    return " ".join([*(before or "").split(), *firsts])


def client() -> FakeClaude:
    return FakeClaude(lambda request: says("answer " * 20))


def talk(conversation: Conversation, first: int, last: int) -> None:
    for number in range(first, last):
        conversation.send(f"m{number}", f"q{number} " + "word " * 20, pin=number == 3)


@pytest.mark.parametrize("lose_checkpoint", [False, True])
def test_a_restart_sends_the_same_bytes_with_summary_and_pins(
    tmp_path: Path, lose_checkpoint: bool
) -> None:
    through, apart = client(), client()
    settings: dict[str, Any] = {"window_tokens": 1500, "summarize": fold}
    with opened(tmp_path / "through", through, **settings) as conversation:
        talk(conversation, 0, 60)
    for number in range(60):
        with opened(tmp_path / "apart", apart, **settings) as conversation:
            talk(conversation, number, number + 1)
        if lose_checkpoint:
            for path in (tmp_path / "apart").rglob("checkpoint.json*"):
                path.unlink()
    assert apart.requests == through.requests
    last = bare_messages(through.requests[-1])
    assert last[0]["role"] == "user"
    assert "Summary" in last[0]["content"][0]["text"]
    assert last[1]["content"][0]["text"].startswith("q3 ")
    assert all(message["role"] != "system" for message in last)


def test_a_hook_that_kills_the_process_is_not_asked_again_about_the_same(tmp_path: Path) -> None:
    asked: list[int] = []

    def kills(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        asked.append(len(messages))
        raise Killed

    died = 0
    number = 0
    while number < 40:
        with opened(tmp_path, client(), window_tokens=1500, summarize=kills) as conversation:
            try:
                talk(conversation, number, number + 1)
            except Killed:
                died += 1
                continue
        number += 1
    assert died == len(asked) >= 2
    with opened(tmp_path, client(), window_tokens=1500) as conversation:
        assert len(conversation.history()) == 80
        assert "Summary" not in str(conversation.window()[0].content)


def test_a_failing_hook_does_not_stop_the_conversation(tmp_path: Path) -> None:
    def fails(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        raise RuntimeError("no")

    with opened(tmp_path, client(), window_tokens=1500, summarize=fails) as conversation:
        talk(conversation, 0, 40)
        kinds = [record.meta.get("kind") for record in conversation.records()]
    assert kinds.count("folding") == kinds.count("cut") >= 2


def test_the_title_says_what_the_summary_is() -> None:
    assert summary_content("they met").splitlines()[1] == "they met"


def test_on_an_event_loop_a_slow_hook_leaves_the_loop_free(tmp_path: Path) -> None:
    loop_threads: set[int] = set()
    hook_threads: set[int] = set()

    def slow(before: str | None, messages: Sequence[dict[str, Any]]) -> str:
        hook_threads.add(threading.get_ident())
        return fold(before, messages)

    async def talk_on_the_loop() -> str:
        loop_threads.add(threading.get_ident())
        client = AsyncFakeClaude(lambda request: says("answer " * 20))
        async with await AsyncConversation.open(
            tmp_path, "ada", client=client, window_tokens=1500, summarize=slow
        ) as conversation:
            for number in range(40):
                await conversation.send(f"m{number}", f"q{number} " + "word " * 20)
            return str(conversation.window()[0].content)

    assert "Summary" in asyncio.run(talk_on_the_loop())
    assert hook_threads
    assert not hook_threads & loop_threads


@pytest.mark.parametrize("lose_checkpoint", [False, True])
def test_what_a_summary_was_billed_is_in_the_books_of_every_life(
    tmp_path: Path, lose_checkpoint: bool
) -> None:
    asked: list[str] = []

    def billed(before: str | None, messages: Sequence[dict[str, Any]]) -> Summary:
        asked.append(fold(before, messages))
        return Summary(asked[-1], Usage(input_tokens=100, output_tokens=10, attempts=1))

    books: list[Usage] = []
    for name, hook in (("free", fold), ("billed", billed)):
        settings: dict[str, Any] = {"window_tokens": 1500, "summarize": hook}
        with opened(tmp_path / name, client(), **settings) as conversation:
            talk(conversation, 0, 30)
        if lose_checkpoint:
            for checkpoint in (tmp_path / name).rglob("checkpoint*"):
                checkpoint.unlink()
        with opened(tmp_path / name, client(), **settings) as conversation:
            talk(conversation, 30, 40)
            books.append(conversation.usage())
    count = len(asked)
    assert count > 1
    assert books[1] - books[0] == Usage(
        input_tokens=100 * count, output_tokens=10 * count, attempts=count
    )
