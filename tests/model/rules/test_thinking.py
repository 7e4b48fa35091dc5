"""Thinking comes back as it was, after the conversation it was thought in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

SCRIPT = [
    {
        "user": "Book a table.",
        "reply": [
            {"think": "I should look at the calendar.", "tool": "book", "input": {"seats": 2}},
            {"think": "It worked.", "text": "Done."},
        ],
    },
    {"user": "Thanks.", "reply": {"think": "How kind.", "text": "You are welcome."}},
]
TOOL = {"name": "book", "input_schema": {"type": "object"}}
BINDS = "claude-sonnet-5-5"
DOES_NOT_BIND = "claude-opus-5"


def conversation(here: Any, **fields: Any) -> list[dict[str, Any]]:
    """Both turns, up to the last user message."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Book a table."}]
    first = here.post(messages, tools=[TOOL], system="Be kind.", **fields)
    assert [block["type"] for block in first.blocks] == ["thinking", "tool_use"]
    messages.append({"role": "assistant", "content": first.blocks})
    call = first.blocks[1]["id"]
    messages.append(
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": "ok"}]}
    )
    second = here.post(messages, tools=[TOOL], system="Be kind.", **fields)
    assert second.said == "Done."
    messages.append({"role": "assistant", "content": second.blocks})
    messages.append({"role": "user", "content": "Thanks."})
    return messages


@pytest.mark.parametrize("name", [BINDS, DOES_NOT_BIND])
def test_thinking_sent_back_as_it_came_is_accepted(name: str, desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, name=name)
    messages = conversation(here)
    assert here.post(messages, tools=[TOOL], system="Be kind.").said == "You are welcome."


def test_cache_control_and_block_form_do_not_break_the_binding(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, name=BINDS)
    messages = conversation(here)
    marked = [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]
    messages[0]["content"] = [{"type": "text", "text": "Book a table."}]
    assert here.post(messages, tools=[TOOL], system=marked).status == 200


@pytest.mark.parametrize(
    ("edit", "fields"),
    [
        ("the first user message", {}),
        ("nothing", {"system": "Be cruel."}),
        ("nothing", {"tools": [TOOL, {**TOOL, "name": "cook"}]}),
    ],
)
def test_an_edited_past_breaks_the_binding_of_models_that_bind(
    edit: str, fields: dict[str, Any], desk: Callable[..., Any]
) -> None:
    for name, status in ((BINDS, 400), (DOES_NOT_BIND, 200)):
        here = desk(SCRIPT, name=name)
        messages = conversation(here)
        if edit != "nothing":
            messages[0]["content"] = "Book a table!"
        answer = here.post(messages, **{"tools": [TOOL], "system": "Be kind.", **fields})
        assert answer.status == status
        if status == 400:
            assert answer.row.rule == "bound_thinking"
            assert "messages.1.content.0: Invalid `signature`" in answer.body["error"]["message"]
            assert "bound to a different conversation" in answer.body["error"]["message"]


def test_dropping_the_thinking_makes_an_edited_past_acceptable(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, name=BINDS)
    messages = conversation(here)
    messages[0]["content"] = "Book a table!"
    for message in messages:
        if message["role"] == "assistant":
            message["content"] = [b for b in message["content"] if b["type"] != "thinking"]
    assert here.post(messages, tools=[TOOL], system="Be kind.").status == 200


@pytest.mark.parametrize("name", [BINDS, DOES_NOT_BIND])
def test_edited_thinking_is_refused_in_the_latest_assistant_message(
    name: str, desk: Callable[..., Any]
) -> None:
    here = desk(SCRIPT, name=name)
    messages = conversation(here)
    latest = copy.deepcopy(messages)
    latest[3]["content"][0]["thinking"] = "It failed."
    refused = here.post(latest, tools=[TOOL], system="Be kind.")
    assert refused.row.rule == "edited_thinking"
    assert "cannot be modified" in refused.body["error"]["message"]
    earlier = copy.deepcopy(messages)
    earlier[1]["content"][0]["signature"] = "A" * 40
    refused = here.post(earlier, tools=[TOOL], system="Be kind.")
    assert refused.row.rule == "edited_thinking"
    assert refused.body["error"]["message"].endswith("Invalid `signature` in `thinking` block.")


def test_manual_thinking_in_flight_opens_the_turn(check_rules: Callable[..., None]) -> None:
    check_rules("thinking_first")


def test_thinking_is_shown_where_it_is_asked_for_and_left_out_by_default(
    desk: Callable[..., Any],
) -> None:
    go = [{"role": "user", "content": "Book a table."}]
    here = desk(SCRIPT, name=BINDS)
    shown = here.post(go, thinking={"type": "adaptive", "display": "summarized"})
    hidden = here.post(go)
    assert shown.blocks[0]["thinking"] == "I should look at the calendar."
    assert hidden.blocks[0]["thinking"] == ""
    assert shown.body["usage"]["output_tokens"] == hidden.body["usage"]["output_tokens"]
    assert shown.body["usage"]["output_tokens_details"]["thinking_tokens"] > 0


def test_a_model_that_does_not_think_by_default_thinks_when_told(
    desk: Callable[..., Any],
) -> None:
    go = [{"role": "user", "content": "Book a table."}]
    here = desk(SCRIPT, name="claude-opus-4-8")
    assert [block["type"] for block in here.post(go).blocks] == ["tool_use"]
    told = here.post(go, thinking={"type": "adaptive"})
    assert [block["type"] for block in told.blocks] == ["thinking", "tool_use"]
