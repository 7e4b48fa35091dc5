"""Fields beside the messages: each rule refuses its offence and lets its neighbour pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

HI = [{"role": "user", "content": "hi"}]
RULES = (
    "missing_field",
    "unknown_field",
    "unknown_feature",
    "max_tokens_over_limit",
    "max_tokens_zero",
    "sampling",
    "metadata",
    "blank_stop_sequence",
    "tool_definition",
    "tool_choice",
    "forced_tool",
    "thinking_mode",
)


@pytest.mark.parametrize("rule", RULES)
def test_the_offence_is_refused_and_its_nearest_neighbour_is_not(
    rule: str, check_rules: Callable[..., None]
) -> None:
    check_rules(rule)


def test_counting_needs_no_max_tokens(desk: Callable[..., Any]) -> None:
    answer = desk().post(HI, max_tokens=None, path="/v1/messages/count_tokens")
    assert answer.status == 200
    assert answer.body["input_tokens"] == answer.row.prompt_tokens > 0


def test_older_models_take_sampling_from_older_versions_only(desk: Callable[..., Any]) -> None:
    older = {
        "x-api-key": "test",
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
    }
    assert desk(name="claude-haiku-4-5").post(HI, headers=older, top_k=5).status == 200
    refused = desk(name="claude-sonnet-5-5").post(HI, headers=older, top_k=5)
    assert refused.body["error"]["message"] == "`top_k` is deprecated for this model."


def test_a_beta_is_refused_by_name(desk: Callable[..., Any]) -> None:
    headers = {
        "x-api-key": "test",
        "anthropic-version": "2026-10-21",
        "content-type": "application/json",
        "anthropic-beta": "compact-2026-01-12",
    }
    refused = desk().post(HI, headers=headers)
    assert refused.row.rule == "unknown_feature"
    assert "compact-2026-01-12" in refused.body["error"]["message"]


def test_forced_tools_and_manual_thinking_do_not_go_together(desk: Callable[..., Any]) -> None:
    tools = [{"name": "book", "input_schema": {"type": "object"}}]
    here = desk(name="claude-haiku-4-5")
    forced = {"tools": tools, "tool_choice": {"type": "any"}, "max_tokens": 2000}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    assert here.post(HI, **forced).status == 200
    assert here.post(HI, **forced, thinking=thinking).row.rule == "forced_tool"
