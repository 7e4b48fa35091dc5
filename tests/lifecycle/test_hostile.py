"""What nobody should do to a conversation, and somebody does: it says so and goes on."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path
from typing import Any

import anthropic
import pytest

from harness.lifecycle import (
    AsyncConversation,
    Conversation,
    ConversationCodec,
    FunctionTool,
    MessageRefused,
    SessionBusy,
    Sessions,
    StoreUnavailable,
)
from harness.lifecycle.storage.durable import seal
from tests.lifecycle.fake_claude import AsyncFakeClaude, FakeClaude, calls, says
from tests.lifecycle.opening import opened, roles


def nested(depth: int) -> Any:
    inner: Any = "x"
    for _ in range(depth):
        inner = [inner]
    return inner


ODD_RESULTS = {
    "bytes in a block": [{"type": "image", "source": {"data": b"\x00\xff"}}],
    "a lone surrogate in a block": [{"type": "text", "text": "a\ud800b"}],
    "a blank block": [{"type": "text", "text": ""}],
    "not a number in a block": [{"type": "text", "text": "x", "more": float("nan")}],
    "a text that is none": [{"type": "text", "text": None}],
    "a deep nest": nested(5000),
    "bytes": b"\x00\xff",
    "thirty megabytes": "word " * 6_000_000,
}


@pytest.mark.parametrize("what", ODD_RESULTS)
def test_whatever_a_tool_returns_the_turn_is_finished_and_the_next_one_works(
    what: str, tmp_path: Path
) -> None:
    ran = []
    tool = FunctionTool("look", lambda: (ran.append(1), ODD_RESULTS[what])[1])
    client = FakeClaude(iter([calls(("t1", "look", {})), says("seen"), says("and on")]))
    with opened(tmp_path, client, tools=[tool], window_tokens=6000) as conversation:
        assert conversation.send("m1", "look") == "seen"
        assert conversation.send("m2", "go on") == "and on"
    with opened(tmp_path, client, tools=[tool], window_tokens=6000) as conversation:
        assert len(roles(conversation)) == 6
    assert len(ran) == 1


def test_thirty_megabytes_of_text_are_stored_whole_and_sent_short(tmp_path: Path) -> None:
    text = "beginning " + "ü\u2028word " * 4_000_000 + " end"
    client = FakeClaude(iter([says("long"), says("yes")]))
    with opened(tmp_path, client, window_tokens=6000) as conversation:
        assert conversation.send("m1", text) == "long"
        assert conversation.send("m2", "was it?") == "yes"
    shown = client.requests[0]["messages"][0]["content"][0]["text"]
    assert (shown[:9], shown[-4:], len(shown) < 30_000) == ("beginning", " end", True)
    with opened(tmp_path, client, window_tokens=6000) as conversation:
        assert roles(conversation)[0] == ("user", text)


@pytest.mark.parametrize("message_id", ["", "a\ud800", None, 7])
def test_a_message_id_that_is_none_is_refused_with_nothing_written(
    message_id: Any, tmp_path: Path
) -> None:
    client = FakeClaude(iter([says("hello")]))
    with opened(tmp_path, client) as conversation:
        with pytest.raises(MessageRefused, match=r"message id|surrogate"):
            conversation.send(message_id, "hi")
        assert conversation.records() == []
        assert conversation.send("m1", "hi") == "hello"


@pytest.mark.parametrize("text", ["", " \n", "a\ud800", None, 7, ["x"]])
def test_a_text_that_is_none_is_refused_with_nothing_written(text: Any, tmp_path: Path) -> None:
    client = FakeClaude(iter([says("hello")]))
    with opened(tmp_path, client) as conversation:
        with pytest.raises(MessageRefused):
            conversation.send("m1", text)
        assert conversation.records() == []
        assert conversation.send("m1", "hi") == "hello"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"checkpoint_every": 0}, "checkpoint_every: expected at least 1, got 0"),
        ({"window_tokens": "9"}, "window_tokens: expected a whole number, got '9'"),
        ({"max_tokens": True}, "max_tokens: expected a whole number, got True"),
        ({"system": 5}, "system: expected a text or a list of blocks, got 5"),
        ({"window_token": 9}, "no setting 'window_token'; did you mean window_tokens?"),
        ({"bogus": 1}, "no setting 'bogus'; see harness.lifecycle.Settings"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_bought_or_written(
    settings: Any, words: str, tmp_path: Path
) -> None:
    client = FakeClaude(iter([]))
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        opened(tmp_path, client, **settings)
    assert (client.requests, list(tmp_path.iterdir())) == ([], [])


def test_a_client_of_the_other_kind_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"expected an anthropic\.Anthropic here, got an AsyncAnth"):
        opened(tmp_path, anthropic.AsyncAnthropic(api_key="none"))
    blocking = anthropic.Anthropic(api_key="none")
    with pytest.raises(TypeError, match=r"expected an anthropic\.AsyncAnthropic here, got an Anth"):
        asyncio.run(AsyncConversation.open(tmp_path, "ada", client=blocking))
    assert list(tmp_path.iterdir()) == []


def test_content_too_deep_for_json_is_refused(tmp_path: Path) -> None:
    with ConversationCodec(tmp_path / "log.jsonl") as codec:
        with pytest.raises(MessageRefused, match="nothing was written"):
            codec.append("user", nested(100_000))
        codec.append("user", "fine")
        assert [each.content for each in codec.read_all()] == ["fine"]


def test_a_closed_conversation_writes_no_more_and_its_session_is_the_next_ones(
    tmp_path: Path,
) -> None:
    first = opened(tmp_path, FakeClaude(iter([says("one"), says("never")])))
    first.send("m1", "hi")
    first.close()
    with opened(tmp_path, FakeClaude(iter([says("two")]))) as second:
        for attempt in (lambda: first.send("m2", "me again"), first.resume):
            with pytest.raises(StoreUnavailable, match="closed"):
                attempt()
        assert second.send("m2", "and I") == "two"
    first.close()


def test_closing_in_the_middle_of_a_turn_lets_no_second_writer_interleave(tmp_path: Path) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(request: dict[str, Any]) -> Any:
        inside.set()
        assert go_on.wait(10)
        return says("late")

    conversation = opened(tmp_path, FakeClaude(slow))
    told: list[Any] = []

    def talk() -> None:
        try:
            told.append(conversation.send("m1", "hi"))
        except StoreUnavailable as error:
            told.append(error)

    talking = threading.Thread(target=talk)
    talking.start()
    assert inside.wait(10)
    closing = threading.Thread(target=conversation.close)
    closing.start()
    closing.join(0.2)
    with pytest.raises(SessionBusy):
        opened(tmp_path, FakeClaude([]))
    go_on.set()
    talking.join()
    closing.join()
    assert told == ["late"]
    opened(tmp_path, FakeClaude([])).close()


def test_a_registry_closed_in_the_middle_of_a_turn_lets_it_finish(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, client=FakeClaude(lambda request: says("done")))
    with sessions.of("ada") as conversation:
        sessions.close()
        assert conversation.send("m1", "hi") == "done"
    assert sessions.open_count == 0
    with sessions.of("ada") as conversation:
        conversation.close()
    assert sessions.send("ada", "m2", "again") == "done"
    sessions.close()


def test_a_cancelled_send_does_not_leave_a_summary_at_work_beside_the_next(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    at_once: list[int] = []
    inside = 0

    def summarize(before: str | None, messages: Any) -> str:
        nonlocal inside
        inside += 1
        at_once.append(inside)
        begun.set()
        assert go_on.wait(10)
        inside -= 1
        return "so far"

    async def talk() -> list[Any]:
        client = AsyncFakeClaude(lambda request: says("word " * 60))
        conversation = await AsyncConversation.open(
            tmp_path, "ada", client=client, window_tokens=1500, summarize=summarize, now=lambda: 1
        )
        for number in range(50):
            sending = asyncio.ensure_future(conversation.send(f"m{number}", "word " * 60))
            while not sending.done() and not begun.is_set():
                await asyncio.sleep(0)
            if begun.is_set():
                break
        sending.cancel()
        following = asyncio.ensure_future(conversation.send("next", "go on"))
        await asyncio.sleep(0.05)
        waited = not following.done()
        go_on.set()
        await asyncio.gather(sending, following, return_exceptions=True)
        found = conversation.records()
        await conversation.close()
        return [waited, sending.cancelled(), [each.sequence for each in found]]

    waited, cancelled, sequences = asyncio.run(talk())
    assert (waited, cancelled) == (True, True)
    assert sequences == list(range(len(sequences)))
    assert max(at_once) == 1


def test_a_log_of_plain_records_is_gone_on_with(tmp_path: Path) -> None:
    with ConversationCodec(tmp_path / "ada" / "turns.jsonl") as codec:
        codec.append("assistant", "Who is there?")
        codec.append("user", "My name is Ada.")
        codec.append("assistant", "Hello, Ada.")
        codec.append("user", "Do you remember me?")
    client = FakeClaude(iter([says("You are Ada."), says("Still.")]))
    with opened(tmp_path, client) as conversation:
        assert conversation.resume() == "You are Ada."
        assert conversation.send("m9", "And now?") == "Still."
        assert ("assistant", "Hello, Ada.") in roles(conversation)
    assert len(client.requests[-1]["messages"]) == 5


@pytest.mark.parametrize(
    "odd",
    [
        {"sequence": "x"},
        {"sequence": None},
        {"v": None},
        {"meta": None},
        {"meta": {"kind": "result"}},
        {"meta": {"kind": "assistant"}},
        {"meta": {"kind": "cut", "first_kept": "x"}},
        {"content": None},
        {"role": 5},
        {"at_ns": "later"},
    ],
)
def test_a_sealed_record_of_another_shape_never_keeps_a_session_shut(
    odd: dict[str, Any], tmp_path: Path
) -> None:
    client = FakeClaude(lambda request: says("fine"))
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "hi")
    path = tmp_path / "ada" / "turns.jsonl"
    shape = {"v": 1, "sequence": 3, "id": "z", "at_ns": 9, "role": "note", "content": ""}
    with path.open("ab") as log:
        log.write(seal({**shape, "tokens": 0, "meta": {}, **odd}) + b"\n")
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m2", "go on") == "fine"
    with opened(tmp_path, client) as conversation:
        assert [said for said in roles(conversation) if said[1] == "go on"]


def test_one_conversation_is_not_opened_twice_in_one_process(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude([])), pytest.raises(SessionBusy):
        Conversation.open(tmp_path, "ada", client=FakeClaude([]))


def test_a_tool_that_changes_its_arguments_changes_nothing_that_was_said(tmp_path: Path) -> None:
    class Greedy:
        name, description, input_schema, contract = "pack", "", {"type": "object"}, "idempotent"

        def __call__(self, arguments: Any, *, call_id: str | None = None) -> Any:
            arguments["bag"].clear()
            return arguments.pop("bag")

    client = FakeClaude(iter([calls(("t1", "pack", {"bag": ["hat"]})), says("done"), says("ok")]))
    with opened(tmp_path, client, tools=[Greedy()]) as conversation:
        conversation.send("m1", "pack")
    with opened(tmp_path, client, tools=[Greedy()]) as conversation:
        conversation.send("m2", "and?")
    sent = [request["messages"][1]["content"][-1]["input"] for request in client.requests[1:]]
    assert sent == [{"bag": ["hat"]}] * 2


def test_an_eviction_hook_that_raises_takes_no_turn_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def no(eviction: Any) -> None:
        raise RuntimeError("no room for evictions")

    client = FakeClaude(lambda request: says("word " * 60))
    for turn in range(12):
        with opened(tmp_path, client, window_tokens=1000, on_evict=no) as conversation:
            conversation.send(f"m{turn}", "word " * 60)
    assert "no room for evictions" in caplog.text
    with opened(tmp_path, client, window_tokens=1000) as conversation:
        cuts = [each for each in conversation.records() if each.meta.get("kind") == "cut"]
        assert cuts
        assert conversation.window()[0].role == "user"


def test_an_id_of_the_logs_own_form_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path, FakeClaude([])) as conversation:
        with pytest.raises(MessageRefused, match="the log's own"):
            conversation.send("r00000003", "hi")
        assert conversation.records() == []
