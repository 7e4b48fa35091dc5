"""OpenAI Agents and SQLiteSession: zero on the disk; a call that a kill interrupts is not kept."""

from __future__ import annotations

import importlib
import json

import pytest

from tests.targets.published import codes, found, lost_turns, needs, played, swept

TARGET = "openai_sqlite"
pytestmark = needs(TARGET, "openai-agents")


def test_neither_kill_nor_power_cut_loses_a_turn() -> None:
    result = swept(TARGET, 15)
    assert result.verdict.findings == ()
    assert {count.violating for count in result.states.values()} == {0}


@pytest.mark.parametrize("name", ["full_disk", "torn"])
def test_neither_a_full_disk_nor_a_torn_write_loses_anything(name: str) -> None:
    result = played(name, TARGET)
    assert result.outcome == "pass", result.verdict


def test_a_call_that_was_interrupted_is_not_kept_though_it_had_its_effect() -> None:
    result = played("tool", TARGET)
    after = next(event for event in result.record.of("history") if event.data["after_crash"] == 1)
    effects = [event for event in result.record.of("tool.effect") if event.n < after.n]
    assert len(effects) == 1
    assert "tool_use" not in json.dumps(after.data["messages"])
    assert "P2" in found(result)


def test_a_limit_can_keep_a_result_and_drop_its_call() -> None:
    result = played("limited", TARGET)
    assert "W1" in found(result)


def test_items_become_messages_of_one_role_after_the_other() -> None:
    room = importlib.import_module("harness.targets.openai_sqlite")
    said = {"type": "message", "role": "assistant", "content": [{"text": "One moment."}]}
    call = {"type": "function_call", "call_id": "c", "name": "pay", "arguments": '{"to": "bob"}'}
    done = {"type": "function_call_output", "call_id": "c", "output": "paid"}
    told = room.to_anthropic([{"role": "user", "content": "pay"}, said, call, done])
    assert [message["role"] for message in told] == ["user", "assistant", "user"]
    assert [block["type"] for block in told[1]["content"]] == ["text", "tool_use"]
    assert told[2]["content"][0]["tool_use_id"] == "c"
    assert room.to_anthropic("hi") == [{"role": "user", "content": "hi"}]


def test_two_writers_lose_nothing_and_their_turns_interleave() -> None:
    result = played("two_writers", TARGET)
    assert lost_turns(result) == 0
    (final,) = [event for event in result.record.of("history") if event.data["final"]]
    told = json.dumps(final.data["messages"])
    for said in ("Put milk", "Put eggs", "Milk.", "Eggs."):
        assert told.count(said) == 1
    assert "S5" in codes(result)
