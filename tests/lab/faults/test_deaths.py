"""Deaths: read from the faults, each with the place where it waits."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab.faults.deaths import Death, fits, needs_recorder, scripted_deaths, torn_at
from harness.scenario.schema import Scenario
from harness.world.syscalls.operations import Operation


def _faults(*faults: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {"name": "x", "tools": {"pay": {}}, "script": [{"user": "hello"}], "faults": faults}
    )


def test_deaths_are_read_from_the_faults_with_their_place_in_the_script() -> None:
    scenario = _faults(
        {"crash": {"turn": 1, "at": "tool.called"}},
        {"http": {"turn": 1, "status": 529}},
        {"tool": {"turn": 1, "crash": "after_effect", "call": 2}},
        {"crash": {"turn": 1, "at": "fsync *.jsonl #3", "disk": "ext4", "state": 2}},
    )
    assert scripted_deaths(scenario.faults) == [
        Death(0, 1, "tool.called", None),
        Death(2, 1, "tool.done", 2),
        Death(3, 1, "fsync *.jsonl", 3, "ext4", 2),
    ]


@pytest.mark.parametrize(
    ("fault", "needed"),
    [
        ({"crash": {"turn": 1, "at": "reply.received"}}, False),
        ({"crash": {"turn": 1, "at": "reply.received", "disk": "posix"}}, True),
        ({"crash": {"turn": 1, "at": "write checkpoint"}}, True),
        ({"disk": {"turn": 1, "on": "fsync", "error": "EIO"}}, True),
        ({"http": {"turn": 1, "status": 529}}, False),
    ],
)
def test_the_disk_is_watched_only_where_a_fault_needs_it(
    fault: dict[str, Any], needed: bool
) -> None:
    assert needs_recorder(_faults(fault).faults) is needed


def test_a_file_is_meant_by_its_name_or_its_path_and_by_how_either_begins() -> None:
    assert fits("sessions/a/log.jsonl", "log")
    assert fits("sessions/a/log.jsonl", "*.jsonl")
    assert fits("sessions/a/log.jsonl", "sessions/")
    assert not fits("sessions/a/log.jsonl", "a/")


@pytest.mark.parametrize(
    ("torn", "done"), [(None, None), (1, 1), (99, 7), (-1, 6), (-7, 1), (-99, 1)]
)
def test_a_torn_write_is_done_in_part_and_never_beyond_it(
    torn: int | None, done: int | None
) -> None:
    write = Operation("write", "write", "log", data=b"a line\n")
    assert torn_at(Death(0, 1, "write log", 1, torn=torn), write) == done
    assert (
        torn_at(Death(0, 1, "write log", 1, torn=torn), Operation("write", "write", "log")) is None
    )
