"""LangGraph and SqliteSaver: a full disk, and tools, resumed and not."""

from __future__ import annotations

import pytest

from tests.targets.published import codes, lost_turns, needs, played, swept

TARGET = "langgraph_sqlite"
pytestmark = needs(TARGET, "langgraph", "langgraph-checkpoint-sqlite")


def test_neither_kill_nor_power_cut_loses_a_turn() -> None:
    result = swept(TARGET, 30)
    assert result.verdict.findings == ()
    assert {count.violating for count in result.states.values()} == {0}


@pytest.mark.parametrize("name", ["full_disk", "torn"])
def test_neither_a_full_disk_nor_a_torn_write_loses_anything(name: str) -> None:
    result = played(name, TARGET)
    assert result.outcome == "pass", result.verdict


def test_resumed_the_tool_node_runs_again() -> None:
    (finding,) = played("tool", TARGET).verdict.findings
    assert (finding.code, finding.message) == ("P2", "charge_card ran twice for one request")


def test_at_the_second_call_both_run_again() -> None:
    (finding,) = played("second_call", TARGET).verdict.findings
    assert finding.message == "charge_card ran twice for one request; the same goes for book_table"


def test_a_message_put_in_without_resuming_sends_the_call_without_its_result_for_ever() -> None:
    result = played("tool_new_message", TARGET)
    (finding,) = result.verdict.findings
    assert finding.code == "W1"
    assert "the API rejected 9 requests with 400 (rule dangling_tool_use)" in finding.message


def test_of_two_writers_one_takes_the_others_turn_away() -> None:
    result = played("two_writers", TARGET)
    assert {"S5", "S1"} <= codes(result)
    assert lost_turns(result) == 1


def test_checkpoints_that_are_put_off_are_missing_when_the_results_are_sent() -> None:
    (finding,) = played("before_results", TARGET).verdict.findings
    assert finding.message == "charge_card ran twice for one request; the same goes for book_table"
    result = played("before_results_sync", TARGET)
    assert result.outcome == "pass", result.verdict


def test_of_two_steps_only_the_second_runs_again() -> None:
    (finding,) = played("second_step", TARGET).verdict.findings
    assert finding.message == "book_table ran twice for one request"
