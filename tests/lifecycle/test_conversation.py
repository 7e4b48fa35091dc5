"""A conversation as its user lives it: answers, restarts, errors."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import (
    AsyncConversation,
    FunctionTool,
    MessageRefused,
    SessionBusy,
)
from tests.lifecycle.fake_claude import (
    ApiError,
    AsyncFakeClaude,
    FakeClaude,
    calls,
    says,
    stops,
)
from tests.lifecycle.opening import opened, roles


def test_a_second_process_carries_on_what_the_first_one_heard(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude([says("Paris.")])) as first:
        assert first.send("m1", "Capital of France?") == "Paris."
    client = FakeClaude([says("Rome.")])
    with opened(tmp_path, client) as second:
        assert second.send("m2", "And of Italy?") == "Rome."
        assert roles(second) == [
            ("user", "Capital of France?"),
            ("assistant", "Paris."),
            ("user", "And of Italy?"),
            ("assistant", "Rome."),
        ]
    assert [m["role"] for m in client.requests[0]["messages"]] == ["user", "assistant", "user"]


def test_the_same_message_id_is_answered_from_the_log(tmp_path: Path) -> None:
    client = FakeClaude([says("Paris."), says("Rome.")])
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "Capital of France?")
        conversation.send("m2", "And of Italy?")
        assert conversation.send("m1", "Capital of France?") == "Paris."
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m2", "And of Italy?") == "Rome."
        assert len(roles(conversation)) == 4
    assert len(client.requests) == 2


def test_one_message_id_for_two_texts_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude([says("Paris.")])) as conversation:
        conversation.send("m1", "Capital of France?")
        with pytest.raises(MessageRefused, match="another text"):
            conversation.send("m1", "Capital of Italy?")


def test_a_failed_send_duplicates_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    client = FakeClaude([ApiError(529, "Overloaded"), ApiError(529, "Overloaded"), says("Hi.")])
    with opened(tmp_path, client) as conversation:
        for _ in range(2):
            with pytest.raises(ApiError):
                conversation.send("m1", "Hello")
        assert conversation.pending
        assert conversation.send("m1", "Hello") == "Hi."
        assert roles(conversation) == [("user", "Hello"), ("assistant", "Hi.")]
        assert conversation.usage().attempts == 3


def test_after_a_failed_send_another_message_goes_through(tmp_path: Path) -> None:
    client = FakeClaude([ApiError(529, "Overloaded"), says("Both."), says("Again.")])
    with opened(tmp_path, client) as conversation:
        with pytest.raises(ApiError):
            conversation.send("m1", "Hello")
        assert conversation.send("m2", "Are you there?") == "Both."
        assert conversation.send("m1", "Hello") == "Again."
        users = [said.content for said in conversation.history() if said.role == "user"]
        assert users == ["Are you there?", "Hello"]


def test_a_message_the_api_refuses_for_good_is_set_aside(tmp_path: Path) -> None:
    client = FakeClaude([ApiError(400, "messages.0: poison"), says("Fine.")])
    with opened(tmp_path, client) as conversation:
        with pytest.raises(MessageRefused, match="poison"):
            conversation.send("m1", "bad")
        assert conversation.send("m2", "good") == "Fine."
        with pytest.raises(MessageRefused, match="set aside"):
            conversation.send("m1", "bad")
    assert "bad" not in str(client.requests[1]["messages"])
    with opened(tmp_path, client) as conversation:
        assert [said.content for said in conversation.history()] == ["bad", "good", "Fine."]


def test_a_wrong_setting_does_not_condemn_the_message(tmp_path: Path) -> None:
    client = FakeClaude([ApiError(400, "max_tokens: 9 > 8, which is the maximum"), says("Fine.")])
    with opened(tmp_path, client) as conversation:
        with pytest.raises(ApiError):
            conversation.send("m1", "good")
        assert conversation.send("m1", "good") == "Fine."


@pytest.mark.parametrize("text", ["", "   \n", "a\ud800b"])
def test_what_cannot_be_said_is_refused_before_anything_is_written(
    tmp_path: Path, text: str
) -> None:
    with opened(tmp_path, FakeClaude([])) as conversation:
        with pytest.raises(MessageRefused):
            conversation.send("m1", text)
        assert conversation.history() == []
        assert (tmp_path / "ada" / "turns.jsonl").read_bytes() == b""


def test_several_text_blocks_are_one_answer(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude([says("One. ", "Two.")])) as conversation:
        assert conversation.send("m1", "Count") == "One. Two."


@pytest.mark.parametrize("stop", ["end_turn", "stop_sequence", "refusal"])
def test_these_stop_reasons_end_the_turn(tmp_path: Path, stop: str) -> None:
    with opened(tmp_path, FakeClaude([says("So.", stop=stop), says("On.")])) as conversation:
        assert conversation.send("m1", "Well?") == "So."
        assert conversation.send("m2", "And?") == "On."


@pytest.mark.parametrize("stop", ["max_tokens", "pause_turn"])
def test_an_unfinished_answer_is_continued_and_is_one_message(tmp_path: Path, stop: str) -> None:
    client = FakeClaude([says("One, ", stop=stop), says("two, ", stop=stop), says("three.")])
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m1", "Count") == "One, two, three."
        assert roles(conversation) == [("user", "Count"), ("assistant", "One, two, three.")]
    assert len(client.requests) == 3


def test_server_tools_that_pause_are_sent_back_as_they_are(tmp_path: Path) -> None:
    paused = stops(
        "pause_turn",
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
    )
    client = FakeClaude([paused, says("Found.")])
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m1", "Search") == "Found."
    assert client.requests[1]["messages"][-1]["role"] == "assistant"


def test_a_refused_question_is_not_sent_again(tmp_path: Path) -> None:
    client = FakeClaude([stops("refusal"), says("Sure.")])
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m1", "forbidden") == ""
        assert conversation.send("m2", "allowed") == "Sure."
        assert roles(conversation)[:2] == [("user", "forbidden"), ("assistant", "")]
    assert "forbidden" not in str(client.requests[1]["messages"])


def test_a_question_refused_after_its_tools_is_not_sent_again_and_stays_in_the_history(
    tmp_path: Path,
) -> None:
    answers = [calls(("t1", "add", {"a": 1, "b": 2})), stops("refusal"), says("Sure."), says("So.")]
    client = FakeClaude(answers)
    tool = FunctionTool("add", lambda a, b: a + b)
    with opened(tmp_path, client, tools=[tool]) as conversation:
        conversation.send("m1", "forbidden")
        conversation.send("m2", "allowed")
    with opened(tmp_path, client, tools=[tool]) as conversation:
        conversation.send("m3", "allowed too")
        assert [said.role for said in conversation.history()][:4] == [
            "user",
            "assistant",
            "user",
            "assistant",
        ]
    for request in client.requests[2:]:
        assert "forbidden" not in str(request["messages"])
        assert "t1" not in str(request["messages"])


def test_parallel_tools_run_and_their_results_go_together(tmp_path: Path) -> None:
    client = FakeClaude(
        [calls(("t1", "add", {"a": 1, "b": 2}), ("t2", "add", {"a": 3, "b": 4})), says("3 and 7.")]
    )
    tool = FunctionTool("add", lambda a, b: a + b)
    with opened(tmp_path, client, tools=[tool]) as conversation:
        assert conversation.send("m1", "Add") == "3 and 7."
        assert [said.role for said in conversation.history()] == [
            "user",
            "assistant",
            "user",
            "assistant",
        ]
    results = client.requests[1]["messages"][-1]["content"]
    assert [(r["tool_use_id"], r["content"]) for r in results] == [("t1", "3"), ("t2", "7")]


def test_a_tool_that_fails_or_does_not_exist_is_the_models_to_know(tmp_path: Path) -> None:
    client = FakeClaude([calls(("t1", "div", {"a": 1}), ("t2", "nope", {})), says("Sorry.")])
    tool = FunctionTool("div", lambda a: a / 0)
    with opened(tmp_path, client, tools=[tool]) as conversation:
        assert conversation.send("m1", "Divide") == "Sorry."
    results = client.requests[1]["messages"][-1]["content"]
    assert [r["is_error"] for r in results] == [True, True]
    assert "ZeroDivisionError" in results[0]["content"]


def test_the_coarse_checkpoint_lags_and_the_transcript_does_not(tmp_path: Path) -> None:
    numbers = iter(range(100))

    def script(request: dict[str, Any]) -> Any:
        if request["messages"][-1]["content"][0]["type"] == "tool_result":
            return says("Done.")
        return calls((f"t{next(numbers)}", "tick", {}))

    tool = FunctionTool("tick", lambda: "tock")
    with opened(tmp_path, FakeClaude(script), tools=[tool]) as conversation:
        for n in range(11):
            conversation.send(f"m{n}", f"turn {n}")
    with opened(tmp_path, FakeClaude(script), tools=[tool]) as conversation:
        checkpoint = conversation.checkpoint()
        assert checkpoint is not None
        assert checkpoint.turn_number == 9
        assert checkpoint.tool_state["tick"]["calls"] == 9
        assert checkpoint.last_assistant_message == "Done."
        assert len(conversation.history()) == 11 * 4


@pytest.mark.parametrize("harm", ["gone", "empty", "torn", "of another session"])
def test_a_checkpoint_that_cannot_be_trusted_is_rebuilt_from_the_log(
    tmp_path: Path, harm: str
) -> None:
    with opened(tmp_path, FakeClaude(lambda r: says("ok"))) as conversation:
        for n in range(4):
            conversation.send(f"m{n}", f"turn {n}")
        before = conversation.checkpoint()
    path = tmp_path / "ada" / "checkpoint.json"
    if harm == "gone":
        path.unlink()
    elif harm == "of another session":
        path.write_bytes(path.read_bytes().replace(b'"ada"', b'"eve"'))
    else:
        path.write_bytes(path.read_bytes()[: 0 if harm == "empty" else 40])
    with opened(tmp_path, FakeClaude([])) as conversation:
        assert conversation.checkpoint() == before
    assert path.stat().st_size > 40


def test_a_second_writer_is_refused_and_gets_in_afterwards(tmp_path: Path) -> None:
    first = opened(tmp_path, FakeClaude([]))
    with pytest.raises(SessionBusy, match="another writer"):
        opened(tmp_path, FakeClaude([]))
    first.close()
    opened(tmp_path, FakeClaude([])).close()


def test_everything_is_private(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude(lambda r: says("ok"))) as conversation:
        for n in range(6):
            conversation.send(f"m{n}", f"turn {n}")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (tmp_path / "ada").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "ada").stat().st_mode & 0o777 == 0o700


def test_the_books_are_the_sum_of_what_was_billed_over_all_lives(tmp_path: Path) -> None:
    client = FakeClaude(lambda r: says("ok"))
    for n in range(3):
        with opened(tmp_path, client) as conversation:
            conversation.send(f"m{n}", f"turn {n}")
            usage = conversation.usage()
            assert usage.prompt_tokens == sum(client.billed)
            assert usage.attempts == len(client.requests)


def test_two_async_sessions_wait_for_the_model_together(tmp_path: Path) -> None:
    async def both() -> list[str]:
        meeting = asyncio.Barrier(2)

        async def meet() -> None:
            await asyncio.wait_for(meeting.wait(), 5)

        async def one(name: str) -> str:
            client = AsyncFakeClaude([says(name)], before=meet)
            async with await AsyncConversation.open(tmp_path, name, client=client) as session:
                return await session.send("m1", "Who are you?")

        return list(await asyncio.gather(one("a"), one("b")))

    assert asyncio.run(both()) == ["a", "b"]


def test_async_tools_of_one_reply_run_at_once(tmp_path: Path) -> None:
    class Meet:
        name, description, contract = "meet", "", "at_most_once"
        input_schema: dict[str, Any] = {"type": "object"}  # noqa: RUF012

        async def call_async(self, arguments: Any, *, call_id: str | None = None) -> Any:
            await asyncio.wait_for(barrier.wait(), 5)
            return call_id

    async def go() -> str:
        async with await AsyncConversation.open(
            tmp_path,
            "a",
            client=AsyncFakeClaude([calls(("t1", "meet", {}), ("t2", "meet", {})), says("Met.")]),
            tools=[Meet()],
        ) as session:
            return await session.send("m1", "Meet")

    barrier = asyncio.Barrier(2)
    assert asyncio.run(go()) == "Met."


def test_importing_the_stack_does_not_import_the_sdk() -> None:
    import subprocess

    code = "import sys, harness.lifecycle; sys.exit('anthropic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
