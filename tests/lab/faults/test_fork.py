"""The fork: asks what the process that goes on will ask, and leaves no trace of itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.world.process import Server
from tests.lab.playing import play, scenario_of


@pytest.mark.parametrize("at", ["user.received", "request.sent", "tool.done"])
def test_a_fork_asks_what_the_process_that_goes_on_asks(
    naive_server: Server, tmp_path: Path, at: str
) -> None:
    scenario = scenario_of(faults=[{"crash": {"turn": 2, "at": at}}])
    record = play(naive_server, tmp_path / "home", scenario)
    (fork,) = record.of("forked")
    after = [event for event in record.of("request.sent") if event.n > fork.n]
    assert json.loads(str(fork.data["body"])) == after[0].data["body"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    lives = {event.life for event in record.events}
    assert lives == {1, 2}


def test_each_crash_has_a_fork_and_time_stands_still_meanwhile(
    naive_server: Server, tmp_path: Path
) -> None:
    faults = [{"crash": {"turn": 2, "at": at}} for at in ("request.sent", "reply.received")]
    record = play(naive_server, tmp_path / "home", scenario_of(faults=faults))
    forks = list(record.of("forked"))
    assert [fork.data["after_crash"] for fork in forks] == [1, 2]
    crashes = list(record.of("crashed"))
    assert [fork.at_ns for fork in forks] == [crash.at_ns for crash in crashes]
    effects = [event.data["name"] for event in record.of("tool.effect")]
    assert effects == ["book"]
