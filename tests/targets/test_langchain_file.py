"""FileChatMessageHistory: it keeps a conversation, and what a kill or a power cut makes of it."""

from __future__ import annotations

from tests.targets.published import codes, found, lost_turns, needs, played, swept

TARGET = "langchain_file"
pytestmark = needs(TARGET, "langchain-community")


def test_it_keeps_a_conversation_with_tools_over_a_kill() -> None:
    result = played("tool", TARGET)
    assert result.outcome == "pass", result.verdict


def test_a_kill_leaves_a_file_that_cannot_be_read_and_a_power_cut_one_without_turns() -> None:
    result = swept(TARGET, 40)
    assert found(result, "kill") == {"S2"}
    assert {"S1", "S2"} >= found(result, "ext4") >= {"S1"}


def test_a_full_disk_takes_what_was_there_before() -> None:
    assert found(played("full_disk", TARGET)) == {"S2"}


def test_of_two_writers_one_takes_the_others_message_away() -> None:
    result = played("two_writers", TARGET)
    assert codes(result) == {"S5", "S1"}
    assert lost_turns(result) == 1
