"""Two drivers over one logic: the same log, whichever carries the turn out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from harness.lifecycle import AsyncConversation, Conversation, FunctionTool
from tests.lifecycle.fake_claude import ApiError, AsyncFakeClaude, FakeClaude, calls, says

SCRIPT = [
    says("One."),
    calls(("t1", "add", {"a": 1}), ("t2", "nope", {})),
    says("two, ", stop="max_tokens"),
    says("three."),
]
TOOLS = [FunctionTool("add", lambda a: a + 1)]


def settings() -> dict[str, Any]:
    return {"tools": TOOLS, "now": lambda: 1, "system": "Be kind."}


async def spoken(home: Path, client: Any) -> None:
    async with await AsyncConversation.open(home, "a", client=client, **settings()) as session:
        await session.send("m1", "first")
        await session.send("m2", "second")


def test_both_drivers_write_the_same_log_and_send_the_same_requests(tmp_path: Path) -> None:
    plain, on_loop = FakeClaude(SCRIPT), AsyncFakeClaude(SCRIPT)
    with Conversation.open(tmp_path / "sync", "a", client=plain, **settings()) as session:
        session.send("m1", "first")
        session.send("m2", "second")
    asyncio.run(spoken(tmp_path / "async", on_loop))
    assert plain.requests == on_loop.requests
    logs = [(tmp_path / kind / "a" / "turns.jsonl").read_bytes() for kind in ("sync", "async")]
    assert logs[0].count(b"intent") == logs[1].count(b"intent") == 1
    assert len(logs[0].splitlines()) == len(logs[1].splitlines())


def test_an_async_turn_that_failed_is_finished_by_resume(tmp_path: Path) -> None:
    async def go() -> tuple[Any, ...]:
        client = AsyncFakeClaude([ApiError(500, "down"), says("Up.")])
        async with await AsyncConversation.open(tmp_path, "a", client=client) as session:
            with pytest.raises(ApiError):
                await session.send("m1", "hello")
            first = await session.resume()
            return first, await session.resume(), await session.send("m1", "hello")

    assert asyncio.run(go()) == ("Up.", None, "Up.")


def test_a_cancelled_send_can_be_sent_again(tmp_path: Path) -> None:
    async def go() -> str:
        started = asyncio.Event()

        async def wait_once() -> None:
            if not started.is_set():
                started.set()
                await asyncio.Event().wait()

        client = AsyncFakeClaude([says("Hi.")], before=wait_once)
        async with await AsyncConversation.open(tmp_path, "a", client=client) as session:
            task = asyncio.create_task(session.send("m1", "hello"))
            await started.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            answer = await session.send("m1", "hello")
            assert [said.content for said in session.history()] == ["hello", "Hi."]
            return answer

    assert asyncio.run(go()) == "Hi."


def test_calls_at_once_on_one_async_conversation_take_turns(tmp_path: Path) -> None:
    async def go() -> list[str]:
        client = AsyncFakeClaude(lambda request: says("ok"), before=lambda: asyncio.sleep(0))
        async with await AsyncConversation.open(tmp_path, "a", client=client) as session:
            await asyncio.gather(*(session.send(f"m{n}", f"text {n}") for n in range(5)))
            return [said.role for said in session.history()]

    assert asyncio.run(go()) == ["user", "assistant"] * 5


REPLY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5-5",
    "content": [{"type": "text", "text": "Hi."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 3},
}
BUSY = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def answering(statuses: list[int]) -> httpx2.MockTransport:
    """An API that answers with these statuses in turn."""
    left = iter(statuses)

    def handle(request: httpx2.Request) -> httpx2.Response:
        status = next(left)
        body = REPLY if status == 200 else BUSY
        return httpx2.Response(status, json=body, headers={"retry-after-ms": "1"})

    return httpx2.MockTransport(handle)


def test_the_real_sdk_is_driven_and_its_hidden_retries_are_in_the_books(tmp_path: Path) -> None:
    transport = answering([529, 200, 529, 529, 529, 200])
    with (
        anthropic.Anthropic(
            api_key="none", http_client=anthropic.DefaultHttpxClient(transport=transport)
        ) as client,
        Conversation.open(tmp_path, "a", client=client) as session,
    ):
        assert session.send("m1", "one") == "Hi."
        assert session.usage().attempts == 2
        with pytest.raises(anthropic.APIStatusError):
            session.send("m2", "two")
        assert session.send("m2", "two") == "Hi."
        assert session.usage().attempts == 6
        assert session.usage().prompt_tokens == 26


def test_the_real_async_sdk_is_driven_too(tmp_path: Path) -> None:
    async def go() -> int:
        http_client = anthropic.DefaultAsyncHttpxClient(transport=answering([529, 200]))
        async with (
            anthropic.AsyncAnthropic(api_key="none", http_client=http_client) as client,
            await AsyncConversation.open(tmp_path, "a", client=client) as session,
        ):
            assert await session.send("m1", "one") == "Hi."
            return session.usage().attempts

    assert asyncio.run(go()) == 2
