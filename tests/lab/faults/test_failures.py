"""Failures of the disk: read from the faults, and what each does to an operation."""

from __future__ import annotations

import errno

import pytest

from harness.lab.faults.failures import SLOW_NS, Failure, failing, scripted_failures
from harness.scenario.schema import Scenario
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Fail, Go, Short, Slow

WRITE = Operation("write", "write", "log", data=b"twelve bytes")
FSYNC = Operation("fsync", "fsync", "log")


def test_failures_are_read_from_the_faults_in_the_order_of_the_script() -> None:
    faults = [
        {"disk": {"turn": 1, "on": "fsync", "error": "EIO"}},
        {"http": {"turn": 1, "status": 529}},
        {"disk": {"turn": 1, "on": "write", "error": "short"}},
    ]
    scenario = Scenario.model_validate(
        {"name": "x", "script": [{"user": "hello"}], "faults": faults}
    )
    assert scripted_failures(scenario.faults) == [
        Failure(0, 1, "fsync", "EIO"),
        Failure(2, 1, "write", "short"),
    ]


@pytest.mark.parametrize(
    ("error", "operation", "decision"),
    [
        ("EIO", FSYNC, Fail(errno.EIO)),
        ("ENOSPC", WRITE, Fail(errno.ENOSPC)),
        ("slow", FSYNC, Slow(SLOW_NS)),
        ("short", WRITE, Short(6)),
        ("short", FSYNC, Go()),
    ],
)
def test_an_error_becomes_what_the_disk_answers(
    error: str, operation: Operation, decision: Decision
) -> None:
    assert failing(error, operation) == decision
