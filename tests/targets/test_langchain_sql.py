"""SQLChatMessageHistory on SQLite: zero after kills, the last turn after a power cut."""

from __future__ import annotations

import pytest

from tests.targets.published import found, needs, played, swept

TARGET = "langchain_sql"
pytestmark = needs(TARGET, "langchain-community", "sqlalchemy", "greenlet")


def test_it_keeps_a_conversation_with_tools_over_a_kill() -> None:
    result = played("tool", TARGET)
    assert result.outcome == "pass", result.verdict


def test_no_kill_loses_anything_and_a_power_cut_may_take_the_last_message() -> None:
    result = swept(TARGET, 40)
    assert found(result, "kill") == set()
    assert found(result, "ext4") == {"S1"}


@pytest.mark.parametrize("name", ["full_disk", "torn"])
def test_neither_a_full_disk_nor_a_torn_write_loses_anything(name: str) -> None:
    result = played(name, TARGET)
    assert result.outcome == "pass", result.verdict


def test_two_writers_lose_nothing() -> None:
    result = played("two_writers", TARGET)
    assert result.outcome == "pass", result.verdict
