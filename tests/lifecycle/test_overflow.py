"""Too much of everything: long replies, long pastes, loops, a full context."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lifecycle import (
    FunctionTool,
    TurnLimit,
    WindowFull,
)
from harness.lifecycle.turns.turn import Limits
from tests.lifecycle.fake_claude import (
    ApiError,
    FakeClaude,
    bare_messages,
    calls,
    prompt_tokens,
    says,
    stops,
)
from tests.lifecycle.opening import opened


def test_continuation_is_bounded(tmp_path: Path) -> None:
    client = FakeClaude(lambda _: says("more ", stop="max_tokens"))
    with opened(tmp_path, client, limits=Limits(continuations_max=2)) as conversation:
        assert conversation.send("m1", "Talk") == "more more more "
    assert len(client.requests) == 3


def test_a_reply_cut_before_its_first_word_is_asked_to_be_brief(tmp_path: Path) -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    client = FakeClaude([stops("max_tokens", thinking), says("Yes.")])
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m1", "Well?") == "Yes."


def test_a_tool_call_cut_at_the_output_limit_is_not_run(tmp_path: Path) -> None:
    ran: list[Any] = []
    tool = FunctionTool("pay", lambda **kw: ran.append(kw))
    cut = {"type": "tool_use", "id": "t1", "name": "pay", "input": {}}
    client = FakeClaude([stops("max_tokens", {"type": "text", "text": "I "}, cut), says("stop.")])
    with opened(tmp_path, client, tools=[tool]) as conversation:
        assert conversation.send("m1", "Pay") == "I stop."
    assert ran == []


def test_a_context_that_fills_in_the_middle_of_a_reply_is_cut_and_continued(
    tmp_path: Path,
) -> None:
    script = [
        says("first " * 40),
        says("half ", stop="model_context_window_exceeded"),
        says("whole"),
    ]
    client = FakeClaude(script)
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "one")
        assert conversation.send("m2", "two") == "half whole"
    assert "first" not in str(client.requests[2]["messages"])


def test_a_full_context_with_nothing_to_cut_gives_what_there_is(tmp_path: Path) -> None:
    client = FakeClaude([says("half", stop="model_context_window_exceeded")])
    with opened(tmp_path, client) as conversation:
        assert conversation.send("m1", "one") == "half"


def test_a_loop_of_tool_calls_is_bounded_and_the_session_lives_on(tmp_path: Path) -> None:
    numbers = iter(range(10**6))

    def script(request: dict[str, Any]) -> Any:
        if "enough" in str(request["messages"][-1]):
            return says("Stopped.")
        return calls((f"t{next(numbers)}", "tick", {}))

    client = FakeClaude(script)
    tool = FunctionTool("tick", lambda: "tock")
    settings: dict[str, Any] = {"tools": [tool], "limits": Limits(replies_max=5)}
    with opened(tmp_path, client, **settings) as conversation:
        with pytest.raises(TurnLimit, match="5 model replies"):
            conversation.send("m1", "Go")
        assert conversation.send("m2", "enough") == "Stopped."


def test_spend_is_bounded(tmp_path: Path) -> None:
    numbers = iter(range(10**6))
    client = FakeClaude(lambda _: calls((f"t{next(numbers)}", "tick", {})))
    settings: dict[str, Any] = {"limits": Limits(tokens_max=2000)}
    tool = FunctionTool("tick", lambda: "tock " * 50)
    with (
        opened(tmp_path, client, tools=[tool], **settings) as conversation,
        pytest.raises(TurnLimit, match="2000 are allowed"),
    ):
        conversation.send("m1", "Go")


def test_an_overflow_is_cut_harder_once(tmp_path: Path) -> None:
    client = FakeClaude(lambda r: says("word " * 60), context_window=800)
    with opened(tmp_path, client, window_tokens=100_000) as conversation:
        for n in range(12):
            assert conversation.send(f"m{n}", f"question {n} " * 5)
    refused = [r for r in client.requests if prompt_tokens(r) > 800]
    assert 1 <= len(refused) <= 3


def test_an_overflow_that_nothing_can_cure_is_told_and_the_next_message_goes_on(
    tmp_path: Path,
) -> None:
    client = FakeClaude(lambda r: says("ok"), context_window=500)
    with opened(tmp_path, client, window_tokens=100_000) as conversation:
        with pytest.raises(WindowFull, match="too long"):
            conversation.send("m1", "word " * 1000)
        assert conversation.send("m2", "short") == "ok"


def test_thinking_goes_back_untouched_until_its_prefix_is_cut(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "let me see", "signature": "sig"}
    answer = {"type": "text", "text": "Yes. " * 20}
    client = FakeClaude(lambda r: stops("end_turn", thought, answer))
    with opened(tmp_path, client, window_tokens=600) as conversation:
        for n in range(12):
            conversation.send(f"m{n}", f"question {n}?")
    second = client.requests[1]["messages"][1]["content"]
    assert second[0] == thought
    for before, after in zip(client.requests, client.requests[1:], strict=False):
        if bare_messages(after)[: len(before["messages"])] != bare_messages(before):
            assert "let me see" not in str(after["messages"])
            break
    else:
        pytest.fail("nothing was ever cut")


def test_thinking_that_the_api_no_longer_takes_is_left_out(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "let me see", "signature": "sig"}

    def script(request: dict[str, Any]) -> Any:
        if "let me see" in str(request["messages"]):
            return ApiError(400, "messages.1.content.0: Invalid `signature` in `thinking` block.")
        return stops("end_turn", thought, {"type": "text", "text": "Yes."})

    client = FakeClaude(script)
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "one")
        assert conversation.send("m2", "two") == "Yes."


def test_thinking_is_left_out_where_damage_took_what_it_is_bound_to(tmp_path: Path) -> None:
    thought = {"type": "thinking", "thinking": "let me see", "signature": "sig"}
    client = FakeClaude(lambda _: stops("end_turn", thought, {"type": "text", "text": "Yes."}))
    with opened(tmp_path, client) as conversation:
        for n in range(3):
            conversation.send(f"m{n}", f"question {n}?")
    (log,) = tmp_path.rglob("turns.jsonl")
    data = log.read_bytes()
    log.write_bytes(data.replace(b"question 1", b"quest#on 1"))
    with opened(tmp_path, client) as conversation:
        conversation.send("m3", "and now?")
    sent = str(client.requests[-1]["messages"])
    assert "question 2?" in sent
    assert "question 1?" not in sent
    assert "let me see" not in sent


def test_an_oversize_paste_is_shown_in_part_and_kept_whole(tmp_path: Path) -> None:
    client = FakeClaude(lambda r: says("long"))
    paste = "start " + "word " * 30_000 + "end"
    with opened(tmp_path, client, window_tokens=2000) as conversation:
        conversation.send("m0", "hello")
        conversation.send("m1", paste)
        conversation.send("m2", "and now?")
        assert conversation.history()[2].content == paste
    assert all(prompt_tokens(request) <= 2000 for request in client.requests)
    shown = client.requests[1]["messages"][-1]["content"][0]["text"]
    assert shown.startswith("start ")
    assert shown.endswith("end")
    assert "left out here" in shown


def test_oversize_tool_results_are_shown_in_part(tmp_path: Path) -> None:
    client = FakeClaude([calls(("t1", "read", {}), ("t2", "read", {})), says("Read.")])
    tool = FunctionTool("read", lambda: "line\n" * 20_000)
    with opened(tmp_path, client, window_tokens=3000, tools=[tool]) as conversation:
        assert conversation.send("m1", "Read") == "Read."
    assert all(prompt_tokens(request) <= 3000 for request in client.requests)


def test_a_tool_result_that_cannot_be_shortened_is_left_out_and_said_so(tmp_path: Path) -> None:
    picture = [{"type": "image", "source": {"type": "base64", "data": "aa"}}]
    client = FakeClaude([calls(("t1", "draw", {})), says("Drawn.")])
    tool = FunctionTool("draw", lambda: picture)
    with opened(tmp_path, client, window_tokens=1200, tools=[tool]) as conversation:
        assert conversation.send("m1", "Draw") == "Drawn."
        assert picture in [
            block["content"] for said in conversation.history()[2:3] for block in said.content
        ]
    assert "left out" in str(client.requests[1]["messages"][-1])


def test_a_reply_that_fills_the_window_by_itself_is_given_as_far_as_it_got(tmp_path: Path) -> None:
    client = FakeClaude([says("word " * 400, stop="max_tokens"), says("Next.")])
    with opened(tmp_path, client, window_tokens=600) as conversation:
        assert conversation.send("m1", "Talk") == "word " * 400
        assert conversation.send("m2", "Go on") == "Next."
    assert len(client.requests) == 2


def test_an_overflow_without_numbers_is_cut_harder_too(tmp_path: Path) -> None:
    refused = ApiError(413, "Request exceeds the maximum size")
    script = [says("word " * 50), says("word " * 50), refused, says("Third.")]
    client = FakeClaude(script)
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "one")
        conversation.send("m2", "two")
        assert conversation.send("m3", "three") == "Third."
    assert len(client.requests[3]["messages"]) < len(client.requests[2]["messages"])
    with opened(tmp_path, FakeClaude([])) as conversation:
        assert len(conversation.window()) == len(client.requests[3]["messages"]) + 1


def test_an_overflow_without_numbers_says_nothing_about_later_turns(tmp_path: Path) -> None:
    refused = ApiError(413, "Request exceeds the maximum size")
    client = FakeClaude([refused, says("One."), says("Two."), refused, says("Three."), says("4.")])
    with opened(tmp_path, client) as conversation:
        with pytest.raises(WindowFull, match="no older turn"):
            conversation.send("m1", "one")
        assert conversation.send("m1", "one") == "One."
        assert conversation.send("m2", "two") == "Two."
        assert conversation.send("m3", "three") == "Three."
        kept = len(client.requests[4]["messages"])
        assert kept < len(client.requests[3]["messages"])
        assert conversation.send("m4", "four " * 40) == "4."
    assert len(client.requests[5]["messages"]) == kept + 2


def test_a_message_that_the_api_will_not_take_does_not_stop_the_next(tmp_path: Path) -> None:
    def reply(request: dict[str, Any]) -> Any:
        if "too much" in str(request["messages"]):
            raise ApiError(413, "Request exceeds the maximum size")
        return says("word " * 20)

    client = FakeClaude(reply)
    with opened(tmp_path, client) as conversation:
        for number in range(6):
            conversation.send(f"m{number}", "Tell me more")
        for _ in range(3):
            with pytest.raises(WindowFull):
                conversation.send("large", "too much")
        assert conversation.send("m7", "And now?") == "word " * 20
    assert "too much" not in str(client.requests[-1]["messages"])


def test_an_overflow_that_stays_after_the_cut_is_told(tmp_path: Path) -> None:
    refused = ApiError(413, "Request exceeds the maximum size")
    client = FakeClaude([says("word " * 50), refused, refused, says("Third.")])
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "one")
        with pytest.raises(WindowFull, match="smaller window_tokens"):
            conversation.send("m2", "two")
        assert conversation.send("m3", "three") == "Third."


def test_killed_between_the_cut_and_the_continuation_it_still_continues(tmp_path: Path) -> None:
    half = says("half ", stop="model_context_window_exceeded")
    client = FakeClaude([says("first " * 40), half, says("whole")])
    with opened(tmp_path, client) as conversation:
        conversation.send("m1", "one")
        conversation.send("m2", "two")
    log = tmp_path / "ada" / "turns.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    cut = next(index for index, line in enumerate(lines) if b'"kind":"cut"' in line)
    log.write_bytes(b"".join(lines[: cut + 1]))
    with opened(tmp_path, FakeClaude([says("whole")])) as conversation:
        assert conversation.resume() == "half whole"
