"""A bridged tool: called, time passes, effect, result; the same for sync and async."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.life.clock import Hand
from harness.life.tools import BridgedTool

DESCRIPTION = {
    "name": "pay",
    "description": "Pay.",
    "input_schema": {"type": "object"},
    "contract": "at_most_once",
}


class _Bridge:
    def __init__(self, halfway: bool) -> None:
        self.calls: list[dict[str, Any]] = []
        self.halfway = halfway

    def call(self, **message: Any) -> dict[str, Any]:
        self.calls.append(message)
        if message["call"] == "tool":
            return {"takes_ns": 5, "halfway": self.halfway, "ordinal": 1}
        return {"result": {"paid": True}}


def _tool(halfway: bool = False) -> tuple[BridgedTool, _Bridge, Hand]:
    bridge, hand = _Bridge(halfway), Hand()
    return BridgedTool(DESCRIPTION, bridge, hand), bridge, hand  # type: ignore[arg-type]


def test_a_call_takes_its_time_and_then_has_its_effect() -> None:
    tool, bridge, hand = _tool()
    began = hand.monotonic_ns()
    assert tool({"euros": 12}, call_id="c1") == {"paid": True}
    assert hand.monotonic_ns() - began == 5
    assert [call["call"] for call in bridge.calls] == ["tool", "effect"]
    assert bridge.calls[1]["call_id"] == "c1"


def test_a_death_halfway_is_asked_for_only_where_one_is_scripted() -> None:
    tool, bridge, _hand = _tool(halfway=True)
    tool({})
    assert [call["call"] for call in bridge.calls] == ["tool", "halfway", "effect"]


def test_an_async_target_gets_the_same() -> None:
    tool, bridge, _hand = _tool()
    assert asyncio.run(tool.call_async({}, call_id="c2")) == {"paid": True}
    assert [call["call"] for call in bridge.calls] == ["tool", "effect"]
