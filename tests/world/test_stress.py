"""Recorded targets that write from threads, fork and are hit by signals: no hang, no zombie."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import runner
from harness.record import Header, Record
from harness.scenario.schema import Scenario
from harness.world.outcome import HANG_LIMIT_S
from harness.world.process import Server
from harness.world.syscalls.rehearsal import VARIABLE, available
from tests.servers import a_server

UNRULY = Path(__file__).parents[1] / "stacks" / "unruly.py"
WORKS, WHY = available()
TRAPPED = pytest.mark.skipif(not WORKS, reason=WHY)
BOTH = pytest.mark.parametrize("fidelity", [pytest.param("seccomp", marks=TRAPPED), "python"])
EXPLAINED = ("threads 4", "fork", "spawn", "alarms")


@pytest.fixture(scope="module")
def unruly() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="harness-", dir="/dev/shm") as root:
        server = a_server(f"{UNRULY}:Unruly", Path(root))
        yield server
        server.close()


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]


def _once(server: Server, crash: bool) -> Record:
    script = [{"user": order, "reply": {"text": "unused"}} for order in EXPLAINED]
    faults = [{"crash": {"turn": 1, "at": "rename final-* #7"}}] if crash else []
    scenario = Scenario.model_validate({"name": "unruly", "script": script, "faults": faults})
    record = Record(Header("hx1-t", scenario.dump(), "x", "unruly", 7, "seccomp"))
    with tempfile.TemporaryDirectory(dir=server.root) as home:
        runner.run(scenario, record, server, Path(home), traced=True)
    return record


def _check_repeats(server: Server, times: int, explained: bool) -> None:
    for number in range(times):
        record = _once(server, crash=bool(number % 2))
        assert not list(record.of("broke", "limit", "died")), list(record.of("broke", "limit"))
        assert next(record.of("ended"))
        assert len(list(record.of("crashed"))) == number % 2
        assert bool(list(record.of("unmodelled"))) is not explained
        assert _children(server.pid) == []


@BOTH
def test_threads_forks_and_signals_neither_hang_nor_leave_a_zombie(
    unruly: Server, fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    # A child's writes are seen by the trap only.
    _check_repeats(unruly, 4, explained=fidelity == "seccomp")


@pytest.mark.slow
@BOTH
def test_fifty_repeats_of_threads_forks_and_signals(
    unruly: Server,
    fidelity: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    began = time.monotonic()
    _check_repeats(unruly, 50, explained=fidelity == "seccomp")
    took = time.monotonic() - began
    assert took < 50 * HANG_LIMIT_S
    with capsys.disabled():
        sys.stdout.write(f"\n50 repeats, {fidelity}: {took:.1f} s, no hang, no zombie\n")
