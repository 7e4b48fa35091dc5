"""Tools and what becomes of their calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from harness.lifecycle import FunctionTool
from harness.lifecycle.turns.tools import (
    ToolCall,
    definition,
    named,
    run,
    run_async,
    settled_without_calling,
)
from tests.lifecycle.fake_claude import Killed

CALL = ToolCall("t1", "n", {"x": 1})


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("text", "text"),
        ({"a": "ü"}, '{"a": "ü"}'),
        (None, "null"),
        ("", "(empty)"),
        ("a\ud800b", "a?b"),
        ([{"type": "text", "text": "x"}], [{"type": "text", "text": "x"}]),
        ([1, 2], "[1, 2]"),
    ],
)
def test_results_become_what_the_model_can_be_told(result: Any, told: Any) -> None:
    outcome = run(FunctionTool("n", lambda x: result), CALL)
    assert outcome.content == told
    assert not outcome.is_error
    again = asyncio.run(run_async(FunctionTool("n", lambda x: result), CALL))
    assert again == outcome


def test_an_exception_is_an_outcome_and_a_death_is_not() -> None:
    def fails(x: int) -> None:
        raise KeyError("seat")

    def dies(x: int) -> None:
        raise Killed

    assert run(FunctionTool("n", fails), CALL).content == "KeyError: 'seat'"
    assert asyncio.run(run_async(FunctionTool("n", fails), CALL)).is_error
    with pytest.raises(Killed):
        run(FunctionTool("n", dies), CALL)


def test_an_async_function_is_awaited() -> None:
    async def later(x: int) -> str:
        return f"later {x}"

    assert asyncio.run(run_async(FunctionTool("n", later), CALL)).content == "later 1"


@pytest.mark.parametrize(
    ("contract", "begun", "called"),
    [
        ("idempotent", True, True),
        ("at_least_once", True, True),
        ("at_most_once", True, False),
        ("at_most_once", False, True),
    ],
)
def test_only_a_begun_at_most_once_call_is_not_made_again(
    contract: Any, begun: bool, called: bool
) -> None:
    tool = FunctionTool("n", lambda: None, contract=contract)
    outcome = settled_without_calling(tool, ToolCall("t1", "n", {}, begun=begun))
    assert (outcome is None) == called
    assert outcome is None or ("unknown" in str(outcome.content) and outcome.is_error)


def test_an_unknown_tool_is_settled_without_calling() -> None:
    outcome = settled_without_calling(None, CALL)
    assert outcome is not None
    assert "no tool named 'n'" in outcome.content


def test_a_definition_is_what_a_request_takes() -> None:
    bare = FunctionTool("n", lambda: None)
    assert definition(bare) == {"name": "n", "input_schema": {"type": "object"}}
    schema: Mapping[str, Any] = {"type": "object", "properties": {}}
    full = FunctionTool("n", lambda: None, "does it", schema)
    assert definition(full)["description"] == "does it"
    assert named([bare]) == named({"n": bare}) == {"n": bare}
