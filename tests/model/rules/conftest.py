"""The offence and its nearest legal neighbour, for every rule that looks at a body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

TOOL = {"name": "book", "description": "Books.", "input_schema": {"type": "object"}}
COOK = {**TOOL, "name": "cook"}
SHORT = {"cache_control": {"type": "ephemeral"}}
LONG = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    """An assistant message."""
    return {"role": "assistant", "content": content}


def text(words: str, **fields: Any) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words, **fields}


def use(call: str, **fields: Any) -> dict[str, Any]:
    """A tool_use block."""
    return {"type": "tool_use", "id": call, "name": "book", "input": {}, **fields}


def result(call: str, **fields: Any) -> dict[str, Any]:
    """A tool_result block."""
    return {"type": "tool_result", "tool_use_id": call, "content": "ok", **fields}


class Case(NamedTuple):
    """A rule, a request that breaks it, one that just does not, and the answer's beginning."""

    rule: str
    offence: dict[str, Any]
    neighbour: dict[str, Any]
    message: str
    name: str = "claude-sonnet-5-5"


def talk(*messages: Any, **fields: Any) -> dict[str, Any]:
    """A body's fields around these messages."""
    return {"messages": list(messages), **fields}


HI = user("hi")
OLD = "claude-haiku-4-5"
LOOSE = "claude-haiku-5-5"
MARKED = [text(f"part {number}", **SHORT) for number in range(5)]

CASES = [
    Case("missing_field", talk(HI, max_tokens=None), talk(HI), "max_tokens: Field required"),
    Case("missing_field", talk(HI, model=None), talk(HI), "model: Field required"),
    Case("missing_field", {"messages": None}, talk(HI), "messages: Field required"),
    Case("unknown_field", talk(HI, colour=1), talk(HI), "colour: Extra inputs"),
    Case("unknown_field", talk(HI, container="c"), talk(HI), "container: is not emulated"),
    Case(
        "unknown_feature",
        talk(HI, output_config={"format": {"type": "json_schema", "schema": {}}}),
        talk(HI, output_config={"effort": "low"}),
        "output_config.format: is not emulated",
    ),
    Case(
        "unknown_feature",
        talk(HI, tools=[{"type": "web_search_20250305", "name": "web_search"}]),
        talk(HI, tools=[{**TOOL, "type": "custom"}]),
        "tools.0: a tool of type 'web_search_20250305' is not emulated",
    ),
    Case(
        "max_tokens_over_limit",
        talk(HI, max_tokens=128_001),
        talk(HI, max_tokens=128_000),
        "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for "
        "claude-sonnet-5-5",
    ),
    Case("max_tokens_over_limit", talk(HI, max_tokens=-1), talk(HI, max_tokens=0), "max_tokens: I"),
    Case(
        "max_tokens_zero",
        talk(HI, max_tokens=0, stream=True),
        talk(HI, max_tokens=0),
        "max_tokens: 0 is not supported",
    ),
    Case("sampling", talk(HI, temperature=1), talk(HI), "temperature: Extra inputs"),
    Case("metadata", talk(HI, metadata={"name": "x"}), talk(HI, metadata={"user_id": "x"}), "meta"),
    Case(
        "metadata",
        talk(HI, metadata={"user_id": "x" * 257}),
        talk(HI, metadata={"user_id": "x" * 256}),
        "metadata.user_id: String should have at most 256",
    ),
    Case(
        "blank_stop_sequence",
        talk(HI, stop_sequences=[" "]),
        talk(HI, stop_sequences=[" x"]),
        "stop_sequences: each stop sequence",
    ),
    Case(
        "tool_definition", talk(HI, tools=[TOOL, TOOL]), talk(HI, tools=[TOOL, COOK]), "tools: Tool"
    ),
    Case(
        "tool_definition",
        talk(HI, tools=[{**TOOL, "name": "a b"}]),
        talk(HI, tools=[{**TOOL, "name": "a-b"}]),
        "tools.0.custom.name: String should match",
    ),
    Case(
        "tool_definition",
        talk(HI, tools=[{**TOOL, "input_schema": {}}]),
        talk(HI, tools=[TOOL]),
        "tools.0.custom.input_schema.type",
    ),
    Case(
        "tool_choice",
        talk(HI, tool_choice={"type": "auto"}),
        talk(HI, tool_choice={"type": "auto"}, tools=[TOOL]),
        "tool_choice: may only",
    ),
    Case(
        "tool_choice",
        talk(HI, tool_choice={"type": "tool", "name": "x"}, tools=[TOOL]),
        talk(HI, tool_choice={"type": "tool", "name": "book"}, tools=[TOOL]),
        "tool_choice: Tool 'x' not found",
        LOOSE,
    ),
    Case(
        "forced_tool",
        talk(HI, tool_choice={"type": "any"}, tools=[TOOL]),
        talk(HI, tool_choice={"type": "auto"}, tools=[TOOL]),
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    Case(
        "thinking_mode",
        talk(HI, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
        talk(HI, thinking={"type": "adaptive"}, max_tokens=2000),
        '"thinking.type.enabled" is not supported for this model.',
    ),
    Case(
        "thinking_mode",
        talk(HI, thinking={"type": "enabled", "budget_tokens": 1023}, max_tokens=2000),
        talk(HI, thinking={"type": "enabled", "budget_tokens": 1024}, max_tokens=2000),
        "thinking.enabled.budget_tokens: Input should be greater",
        OLD,
    ),
    Case(
        "thinking_mode",
        talk(HI, thinking={"type": "enabled", "budget_tokens": 2000}, max_tokens=2000),
        talk(HI, thinking={"type": "enabled", "budget_tokens": 1999}, max_tokens=2000),
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        OLD,
    ),
    Case("empty_messages", talk(), talk(HI), "messages: at least one message is required"),
    Case(
        "first_is_assistant",
        talk(assistant("hello"), HI),
        talk(HI, assistant("hello"), HI),
        'messages: first message must use the "user" role',
    ),
    Case(
        "system_role",
        talk({"role": "system", "content": "x"}, HI),
        talk(HI, {"role": "system", "content": "x"}),
        "messages.0: role 'system' must follow",
    ),
    Case(
        "system_role",
        talk(HI, {"role": "system", "content": "x"}),
        talk(HI, user("x")),
        "role 'system' is not supported on this model",
        OLD,
    ),
    Case("empty_content", talk(user("")), talk(user("x")), "messages.0: all messages must have"),
    Case("empty_content", talk(user([])), talk(user([text("x")])), "messages.0: all messages"),
    Case(
        "empty_content",
        talk(HI, assistant(""), HI),
        talk(HI, assistant("x"), HI),
        "messages.1: all messages must have non-empty content except for the optional final",
    ),
    Case("empty_text", talk(user([text("")])), talk(user([text("x")])), "messages: text content"),
    Case(
        "blank_text", talk(user(" \n")), talk(user(" x\n")), "messages: text content blocks must c"
    ),
    Case(
        "unknown_block",
        talk(user([{"type": "image", "source": {}}])),
        talk(user([text("x")])),
        "messages.0.content.0: Input tag 'image'",
    ),
    Case(
        "unknown_block",
        talk(user([use("t1")]), assistant("x"), HI),
        talk(HI, assistant([use("t1")]), user([result("t1")])),
        "messages.0.content.0: Input tag 'tool_use'",
    ),
    Case(
        "unknown_block",
        talk(user([text("x", colour="red")])),
        talk(user([text("x", citations=None)])),
        "messages.0.content.0.text.colour: Extra inputs",
    ),
    Case(
        "dangling_tool_use",
        talk(HI, assistant([use("t1")]), user("never mind")),
        talk(HI, assistant([use("t1")]), user([result("t1"), text("never mind")])),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1.",
    ),
    Case(
        "dangling_tool_use",
        talk(HI, assistant([use("t1")]), user([text("here"), result("t1")])),
        talk(HI, assistant([use("t1")]), user([result("t1"), text("here")])),
        "messages.1: `tool_use` ids were found without",
    ),
    Case(
        "dangling_tool_use",
        talk(HI, assistant([use("t1"), use("t2")]), user([result("t1")])),
        talk(HI, assistant([use("t1"), use("t2")]), user([result("t1")]), user([result("t2")])),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t2.",
    ),
    Case(
        "orphan_tool_result",
        talk(user([result("t1")])),
        talk(HI, assistant([use("t1")]), user([result("t1")])),
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t1.",
    ),
    Case(
        "duplicate_tool_use",
        talk(HI, assistant([use("t1"), use("t1")]), user([result("t1")])),
        talk(HI, assistant([use("t1"), use("t2")]), user([result("t1"), result("t2")])),
        "messages.1.content.1: `tool_use` ids must be unique",
    ),
    Case(
        "duplicate_tool_result",
        talk(HI, assistant([use("t1")]), user([result("t1"), result("t1")])),
        talk(HI, assistant([use("t1")]), user([result("t1")])),
        "messages.2.content.1: each tool_use must have a single result.",
    ),
    Case(
        "trailing_assistant",
        talk(HI, assistant("I am")),
        talk(HI, assistant("I am"), HI),
        "This model does not support assistant message prefill.",
    ),
    Case(
        "trailing_space",
        talk(HI, assistant("I am ")),
        talk(HI, assistant("I am")),
        "messages: final assistant content cannot end with trailing whitespace",
        OLD,
    ),
    Case(
        "too_many_breakpoints",
        talk(user(MARKED)),
        talk(user(MARKED[1:])),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    Case(
        "too_many_breakpoints",
        talk(user(MARKED[1:]), **SHORT),
        talk(user(MARKED[2:]), **SHORT),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    Case(
        "ttl_order",
        talk(user([text("a", **SHORT), text("b", **LONG)])),
        talk(user([text("a", **LONG), text("b", **SHORT)])),
        "messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come",
    ),
    Case(
        "breakpoint_shape",
        talk(user([text("a", cache_control={"type": "ephemeral", "ttl": "2h"})])),
        talk(user([text("a", **LONG)])),
        "messages.0.content.0.cache_control.ttl: Input should be",
    ),
    Case(
        "breakpoint_shape",
        talk(HI, cache_control={"type": "eternal"}),
        talk(HI, **SHORT),
        "cache_control.type: Input should be 'ephemeral'",
    ),
    Case(
        "uncacheable_block",
        talk(
            HI,
            assistant([{"type": "thinking", "thinking": "", "signature": "", **SHORT}, text("x")]),
            HI,
        ),
        talk(HI, assistant([text("x", **SHORT)]), HI),
        "messages.1.content.0.cache_control: Extra inputs",
    ),
    Case(
        "undefined_tools",
        talk(HI, assistant([use("t1")]), user([result("t1")])),
        talk(HI, assistant([use("t1")]), user([result("t1")]), tools=[TOOL]),
        "Requests which include `tool_use` or `tool_result` blocks must define tools",
    ),
    Case(
        "thinking_first",
        talk(
            HI,
            assistant([use("t1")]),
            user([result("t1")]),
            thinking={"type": "enabled", "budget_tokens": 1024},
            max_tokens=2000,
        ),
        talk(
            HI,
            assistant([use("t1")]),
            user([result("t1")]),
            assistant("done"),
            user("thanks"),
            thinking={"type": "enabled", "budget_tokens": 1024},
            max_tokens=2000,
        ),
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`",
        OLD,
    ),
]


@pytest.fixture
def cases() -> list[Case]:
    """All of them."""
    return CASES


@pytest.fixture
def check_rules(desk: Callable[..., Any]) -> Callable[..., None]:
    """Check every case of these rules: offence, neighbour, and the switch."""

    def check(*rules: str) -> None:
        mine = [case for case in CASES if case.rule in rules]
        assert {case.rule for case in mine} == set(rules)
        for case in mine:
            guess = frozenset({case.rule} & {"undefined_tools"})
            here = desk(name=case.name, rules_on=guess)
            offended = here.post(**case.offence)
            place = json.dumps(case.offence)[:120]
            assert offended.status == 400, place
            assert offended.kind == "invalid_request_error", place
            assert offended.row.rule == case.rule, (place, offended.body)
            assert offended.body["error"]["message"].startswith(case.message)
            assert here.post(**case.neighbour).status == 200, json.dumps(case.neighbour)[:120]
            loose = desk(name=case.name, rules_off=frozenset({case.rule}))
            assert loose.post(**case.offence).row.rule != case.rule

    return check
