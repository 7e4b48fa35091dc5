"""One call a message, and whole processes in between."""

from __future__ import annotations

import asyncio
from pathlib import Path

import platformdirs
import pytest

from harness.lifecycle import (
    Conversation,
    ConversationCodec,
    Fence,
    RateFenced,
    SessionBusy,
    SqliteStore,
    run_conversation,
)
from tests.lifecycle.fake_claude import ApiError, AsyncFakeClaude, FakeClaude, says


def test_the_second_call_carries_the_first_turn(tmp_path: Path) -> None:
    client = AsyncFakeClaude([says("Hello Ada."), says("Ada.")])
    for words in ("I am Ada", "Who am I?"):
        answer = asyncio.run(run_conversation("ada", words, root=tmp_path, client=client))
    assert answer == "Ada."
    assert "I am Ada" in str(client.requests[1]["messages"])
    with ConversationCodec(tmp_path / "ada" / "turns.jsonl") as codec:
        turns = [turn for turn in codec.read_all() if turn["role"] in ("user", "assistant")]
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2


def test_the_same_words_after_a_failure_are_the_same_message(tmp_path: Path) -> None:
    client = AsyncFakeClaude([ApiError(529, "Overloaded"), says("Yes."), says("Again.")])
    with pytest.raises(ApiError):
        asyncio.run(run_conversation("ada", "There?", root=tmp_path, client=client))
    for expected in ("Yes.", "Again."):
        sent = run_conversation("ada", "There?", root=tmp_path, client=client)
        assert asyncio.run(sent) == expected
    with Conversation.open(tmp_path, "ada", client=client) as conversation:
        assert len(conversation.history()) == 4


def test_calls_at_once_on_one_session_wait_for_each_other(tmp_path: Path) -> None:
    client = AsyncFakeClaude(lambda request: says("ok"))

    async def three() -> None:
        await asyncio.gather(
            *(run_conversation("ada", f"tab {n}", root=tmp_path, client=client) for n in range(3))
        )

    asyncio.run(three())
    with Conversation.open(tmp_path, "ada", client=client) as conversation:
        assert [s.role for s in conversation.history()] == ["user", "assistant"] * 3


def test_a_session_that_stays_busy_is_refused_in_the_end(tmp_path: Path) -> None:
    with (
        Conversation.open(tmp_path, "ada", client=FakeClaude([])),
        pytest.raises(SessionBusy),
    ):
        asyncio.run(run_conversation("ada", "hi", root=tmp_path, client=FakeClaude([]), wait_s=0.1))


def test_sessions_live_in_the_users_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_state_path", lambda name: tmp_path / name)
    asyncio.run(run_conversation("ada", "hi", client=AsyncFakeClaude([says("ho")])))
    assert [p.name for p in tmp_path.glob("*/sessions/*")] == ["ada"]


def test_a_fenced_turn_leaves_no_trace(tmp_path: Path) -> None:
    fence = Fence(1, now=lambda: 0)
    client = AsyncFakeClaude([says("ho")])
    asyncio.run(run_conversation("ada", "hi", root=tmp_path, client=client, fence=fence))
    before = (tmp_path / "ada" / "turns.jsonl").read_bytes()
    with pytest.raises(RateFenced):
        asyncio.run(run_conversation("ada", "hi", root=tmp_path, client=client, fence=fence))
    assert (tmp_path / "ada" / "turns.jsonl").read_bytes() == before


def test_it_keeps_its_sessions_in_any_store(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "sessions.db")
    client = AsyncFakeClaude([says("Paris."), says("Rome.")])

    async def ask(text: str) -> str:
        return await run_conversation(
            "ada", text, root=tmp_path / "unused", client=client, store=store
        )

    assert asyncio.run(ask("Capital of France?")) == "Paris."
    assert asyncio.run(ask("And of Italy?")) == "Rome."
    assert [m["role"] for m in client.requests[1]["messages"]] == ["user", "assistant", "user"]
    assert not (tmp_path / "unused").exists()
