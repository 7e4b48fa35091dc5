"""The request and its cache breakpoints."""

from __future__ import annotations

import json
from typing import Any

from harness.lifecycle.turns.request import RequestShape

TOOL = {"name": "t", "input_schema": {"type": "object"}}


def shape(**settings: Any) -> RequestShape:
    return RequestShape(
        **{
            "model": "m",
            "max_tokens": 9,
            "system": "be kind",
            "tools": [TOOL],
            "options": {},
            **settings,
        }
    )


def marks(value: Any) -> int:
    return json.dumps(value).count("cache_control")


MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": [{"type": "text", "text": "two"}]},
    {"role": "user", "content": "three"},
]


def test_breakpoints_stand_after_the_system_the_last_request_and_this_one() -> None:
    request = shape().request(MESSAGES, also_at=0)
    assert marks(request["system"]) == 1
    assert [marks(message) for message in request["messages"]] == [1, 0, 1]
    assert marks(request) == 3
    assert MESSAGES[0] == {"role": "user", "content": "one"}


def test_without_a_system_prompt_the_tools_carry_it() -> None:
    request = shape(system=None).request(MESSAGES, also_at=None)
    assert marks(request["tools"]) == 1
    assert "system" not in request
    assert "tools" not in shape(tools=[]).request(MESSAGES, also_at=None)


def test_thinking_never_carries_a_breakpoint() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    messages = [
        *MESSAGES,
        {"role": "assistant", "content": [{"type": "text", "text": "x"}, thought]},
    ]
    last = shape().request(messages, also_at=None)["messages"][-1]["content"]
    assert [marks(block) for block in last] == [1, 0]


def test_options_pass_through() -> None:
    thinking = {"type": "adaptive"}
    request = shape(options={"thinking": thinking}).request(MESSAGES, also_at=None)
    assert request["thinking"] == thinking
    assert (request["model"], request["max_tokens"]) == ("m", 9)
