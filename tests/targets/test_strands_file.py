"""Strands Agents and FileSessionManager: what a crash at its creation and a power cut leave."""

from __future__ import annotations

import pytest

from tests.targets.published import codes, found, lost_turns, needs, played, swept

TARGET = "strands_file"
pytestmark = needs(TARGET, "strands-agents")


def test_a_kill_while_it_is_created_leaves_a_session_that_cannot_be_opened() -> None:
    result = swept(TARGET, 40)
    assert found(result, "kill") == {"S2"}
    assert found(result, "ext4") == {"S1", "S2"}
    places = {finding.message for finding in result.verdict.findings if finding.tier == "kill"}
    assert all("Session session-1 already exists" in told for told in places)


@pytest.mark.parametrize("name", ["full_disk", "torn"])
def test_neither_a_full_disk_nor_a_torn_write_loses_anything(name: str) -> None:
    result = played(name, TARGET)
    assert result.outcome == "pass", result.verdict


def test_a_pair_is_repaired_and_a_tool_that_ran_is_told_as_interrupted() -> None:
    result = played("tool", TARGET)
    (final,) = [event for event in result.record.of("history") if event.data["final"]]
    messages: list[dict[str, object]] = final.data["messages"]  # type: ignore[assignment]
    told = [
        block
        for message in messages
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]
    assert [block["is_error"] for block in told] == [True, False]
    assert result.verdict.numbers.crash_points_fired == 1


def test_of_two_writers_one_takes_the_others_turn_away() -> None:
    result = played("two_writers", TARGET)
    assert codes(result) == {"S5", "S1"}
    assert lost_turns(result) == 1
