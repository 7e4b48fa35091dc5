"""A turn: sent again after a failure, given up in the end, and bounded."""

from __future__ import annotations

from pathlib import Path

from harness.world.process import Server
from tests.lab.playing import kinds_of, play, scenario_of


def test_a_failing_message_is_sent_three_times_a_minute_apart(
    echo_server: Server, tmp_path: Path
) -> None:
    scenario = scenario_of(script=[{"user": "raise hell"}, {"user": "fine"}])
    record = play(echo_server, tmp_path / "home", scenario)
    failed = list(record.of("send.failed"))
    assert [event.at_ns for event in failed] == [0, 60 * 10**9, 120 * 10**9]
    assert kinds_of(record, 2)[-1] == "reply.delivered"


def test_sleeping_for_more_than_two_days_in_a_turn_hits_a_bound(
    echo_server: Server, tmp_path: Path
) -> None:
    scenario = scenario_of(script=[{"user": "sleep 200000"}])
    record = play(echo_server, tmp_path / "home", scenario)
    (limit,) = record.of("limit")
    assert limit.data["bound"] == "virtual_time"
