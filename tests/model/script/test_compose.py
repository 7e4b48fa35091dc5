"""A reply stops where the budgets stop it, and goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.mock import MockModel
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario

STORY = " ".join(f"Sentence number {number} goes here." for number in range(30))
HEADERS = {
    "x-api-key": "test",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
SHORT_STORY = STORY[:200]
GO = [{"role": "user", "content": "go"}]
TOOL = {"name": "book", "input_schema": {"type": "object"}}


def ask(model: MockModel, messages: list[Any], **fields: Any) -> Any:
    """One request; the JSON of the reply."""
    body = {"model": "claude-sonnet-5-5", "max_tokens": 1000, "messages": messages, **fields}
    reply = model.handle("POST", "/v1/messages", HEADERS, json.dumps(body).encode(), 0)
    return json.loads(reply.frames[0].data)  # type: ignore[union-attr]


def test_max_tokens_cuts_the_text_and_is_used_up(desk: Callable[..., Any]) -> None:
    answer = desk([{"user": "go", "reply": {"text": STORY}}]).post(GO, max_tokens=20)
    assert answer.body["stop_reason"] == "max_tokens"
    assert answer.body["usage"]["output_tokens"] == 20
    assert STORY.startswith(answer.said)
    assert 0 < len(answer.said) < len(STORY)


@given(st.integers(1, 60), st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_cut_text_is_told_to_the_end_by_asking_on(room: int, merged: bool) -> None:
    scenario = Scenario.model_validate(
        {"name": "on", "script": [{"user": "go", "reply": {"text": SHORT_STORY}}]}
    )
    model = MockModel(plan(scenario, 1), model=scenario.model)
    messages: list[Any] = [*GO]
    heard = ""
    for _ in range(1000):
        reply = ask(model, messages, max_tokens=room)
        heard += reply["content"][0]["text"]
        if reply["stop_reason"] == "end_turn":
            break
        if merged:
            messages = [*GO, {"role": "assistant", "content": heard}]
        else:
            messages.append({"role": "assistant", "content": reply["content"]})
        messages.append({"role": "user", "content": "Continue."})
    assert heard == SHORT_STORY


def test_the_window_cuts_what_max_tokens_would_not(desk: Callable[..., Any]) -> None:
    script = [{"user": "go", "reply": {"text": STORY}}]
    prompt = desk(script).post(GO).row.prompt_tokens
    answer = desk(script, context_window=prompt + 30).post(GO)
    assert answer.body["stop_reason"] == "model_context_window_exceeded"
    assert answer.body["usage"]["output_tokens"] == 30
    full = desk(script, context_window=prompt).post(GO)
    assert (full.body["stop_reason"], full.blocks) == ("model_context_window_exceeded", [])


def test_max_tokens_of_zero_says_nothing_and_warms_the_cache(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "go", "reply": {"text": STORY}}])
    big = {"type": "text", "text": STORY * 10, "cache_control": {"type": "ephemeral"}}
    warm = here.post(GO, max_tokens=0, system=[big])
    assert (warm.blocks, warm.body["stop_reason"]) == ([], "max_tokens")
    assert (warm.row.output_tokens, warm.row.cache_creation_input_tokens > 0) == (0, True)
    here.wait(60)
    assert here.post(GO, system=[big]).row.cache_read_input_tokens > 0


def test_the_earliest_stop_sequence_ends_the_text(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "go", "reply": {"text": "one two three four"}}])
    answer = here.post(GO, stop_sequences=["four", " three"])
    assert answer.said == "one two"
    assert answer.body["stop_reason"] == "stop_sequence"
    assert answer.body["stop_sequence"] == " three"


def test_a_stop_sequence_past_the_budget_is_never_reached(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "go", "reply": {"text": STORY}}])
    answer = here.post(GO, max_tokens=5, stop_sequences=["number 29"])
    assert (answer.body["stop_reason"], answer.body["stop_sequence"]) == ("max_tokens", None)


def test_a_tool_call_cut_short_has_no_input_that_parses(desk: Callable[..., Any]) -> None:
    call = {"tool": "book", "input": {"note": STORY}}
    answer = desk([{"user": "go", "reply": call}]).post(GO, max_tokens=20, tools=[TOOL])
    assert answer.body["stop_reason"] == "max_tokens"
    assert answer.blocks[0]["input"] == {}


def test_thinking_takes_of_the_same_budget(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "go", "reply": {"think": STORY, "text": "So."}}])
    answer = here.post(GO, max_tokens=20)
    assert [block["type"] for block in answer.blocks] == ["thinking"]
    assert answer.body["stop_reason"] == "max_tokens"
    assert answer.body["usage"]["output_tokens_details"] == {"thinking_tokens": 20}


def test_several_calls_come_at_once_unless_one_is_asked_for(desk: Callable[..., Any]) -> None:
    calls = {"tools": [{"tool": "book", "input": {"n": 1}}, {"tool": "book", "input": {"n": 2}}]}
    here = desk([{"user": "go", "reply": calls}])
    assert len(here.post(GO, tools=[TOOL]).blocks) == 2
    one = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(here.post(GO, tools=[TOOL], tool_choice=one).blocks) == 1


@pytest.mark.parametrize(
    ("reply", "reason", "details"),
    [
        ({"text": "So."}, "end_turn", None),
        ({"tool": "book"}, "tool_use", None),
        ({"text": "So.", "stop": "pause_turn"}, "pause_turn", None),
        ({"text": "So.", "stop": "stop_sequence"}, "stop_sequence", None),
        (
            {"stop": "refusal", "stop_details": {"type": "refusal", "category": "cyber"}},
            "refusal",
            {"type": "refusal", "category": "cyber"},
        ),
    ],
)
def test_the_scripted_stop_is_honoured(
    reply: dict[str, Any], reason: str, details: Any, desk: Callable[..., Any]
) -> None:
    answer = desk([{"user": "go", "reply": reply}]).post(GO)
    assert answer.body["stop_reason"] == answer.row.stop_reason == reason
    assert answer.body["stop_details"] == details


def test_what_was_said_costs_the_same_when_it_is_sent_back(desk: Callable[..., Any]) -> None:
    here = desk([{"user": "go", "reply": {"text": STORY, "tool": "book", "input": {"n": 1}}}])
    answer = here.post(GO, tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": answer.blocks[1]["id"], "content": "ok"}
    back = [*GO, {"role": "assistant", "content": answer.blocks}]
    before = answer.row.prompt_tokens
    after = here.post([*back, {"role": "user", "content": [result]}], tools=[TOOL])
    alone = answer.row.output_tokens
    assert after.row.prompt_tokens - before - alone < 30


def test_a_call_asked_for_again_gets_an_id_that_the_history_has_not_used() -> None:
    scenario = Scenario.model_validate(
        {
            "name": "again",
            "tools": {"book": {}},
            "script": [{"user": "book", "reply": [{"tool": "book"}, {"text": "done"}]}],
        }
    )
    model = MockModel(plan(scenario, 1), model=scenario.model)
    messages: list[Any] = []
    ids = []
    for _ in range(3):
        messages.append({"role": "user", "content": "book"})
        (call,) = ask(model, messages, tools=[TOOL])["content"]
        ids.append(call["id"])
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": "ok"}
        messages += [
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
        ]
        (text,) = ask(model, messages, tools=[TOOL])["content"]
        assert text["text"] == "done"
        messages.append({"role": "assistant", "content": [text]})
    assert len(set(ids)) == 3
