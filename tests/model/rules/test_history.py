"""Messages: each rule refuses its offence and lets its neighbour pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

RULES = (
    "empty_messages",
    "first_is_assistant",
    "system_role",
    "empty_content",
    "empty_text",
    "blank_text",
    "unknown_block",
    "dangling_tool_use",
    "orphan_tool_result",
    "duplicate_tool_use",
    "duplicate_tool_result",
    "trailing_assistant",
    "trailing_space",
    "undefined_tools",
)


@pytest.mark.parametrize("rule", RULES)
def test_the_offence_is_refused_and_its_nearest_neighbour_is_not(
    rule: str, check_rules: Callable[..., None]
) -> None:
    check_rules(rule)


def test_the_same_role_twice_is_merged_into_one_turn(desk: Callable[..., Any]) -> None:
    here = desk()
    twice = here.post([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}])
    once = here.post(
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            }
        ]
    )
    assert twice.status == once.status == 200
    assert twice.row.prompt_tokens == once.row.prompt_tokens


def test_a_guess_is_off_until_it_is_asked_for(desk: Callable[..., Any]) -> None:
    pair = [
        {"role": "user", "content": "x"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "a", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
    ]
    assert desk().post(pair).status == 200
    assert desk(rules_on=frozenset({"undefined_tools"})).post(pair).status == 400


def test_a_paused_turn_may_be_sent_back_as_it_is(desk: Callable[..., Any]) -> None:
    here = desk(
        [{"user": "go", "reply": [{"text": "Wait.", "stop": "pause_turn"}, {"text": "Done."}]}]
    )
    go = {"role": "user", "content": "go"}
    paused = here.post([go])
    assert paused.body["stop_reason"] == "pause_turn"
    resumed = here.post([go, {"role": "assistant", "content": paused.blocks}])
    assert resumed.said == "Done."
    prefilled = here.post([go, {"role": "assistant", "content": "Something else."}])
    assert prefilled.row.rule == "trailing_assistant"


def test_a_message_with_unknown_fields_or_no_role_is_refused(desk: Callable[..., Any]) -> None:
    here = desk()
    assert here.post([{"role": "user", "content": "x", "name": "y"}]).status == 400
    assert here.post([{"role": "tool", "content": "x"}]).status == 400
    assert here.post([{"content": "x"}]).status == 400
    assert here.post([{"role": "user"}]).status == 400
