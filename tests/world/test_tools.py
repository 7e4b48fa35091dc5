"""The world's tools: effects happen as often as they are asked for, but for what has a key."""

from __future__ import annotations

import pytest

from harness.scenario.schema import ToolSpec
from harness.world.tools import ToolShed


def _shed() -> ToolShed:
    return ToolShed(
        {
            "pay": ToolSpec(returns={"paid": True}),
            "mail": ToolSpec(returns=1, contract="idempotent", description="Send a letter."),
        }
    )


def test_a_tool_without_a_key_does_it_again() -> None:
    shed = _shed()
    assert [shed.run("pay", "c1", {}).fresh for _ in range(2)] == [True, True]


def test_an_idempotent_tool_knows_its_key() -> None:
    shed = _shed()
    assert [shed.run("mail", key, {}).fresh for key in ("c1", "c1", "c2")] == [True, False, True]
    assert shed.run("mail", None, {}).fresh
    assert shed.run("mail", None, {}).fresh


def test_tools_are_described_as_the_target_needs_them() -> None:
    pay, mail = _shed().describe()
    assert pay["contract"] == "at_most_once"
    assert pay["input_schema"] == {"type": "object"}
    assert mail["description"] == "Send a letter."


def test_an_unknown_tool_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        _shed().run("lift", None, {})


def test_a_long_result_has_so_many_words_and_is_the_same_every_time() -> None:
    shed = ToolShed({"read": ToolSpec(words=300)})
    first, second = (shed.run("read", key, {}).result for key in ("c1", "c2"))
    assert len(first.split()) == 300
    assert first == second
