"""A power cut leaves what the disk had to keep: the least of it, or the state that is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import runner
from harness.lab.pool import POOL
from harness.lab.targets import find_target
from harness.record import Header, Record
from harness.scenario.schema import Scenario
from harness.world.process import Server
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)


@pytest.fixture(scope="module")
def naive() -> Iterator[Server]:
    with POOL.server(find_target("naive"), lambda: False) as server:
        yield server


@pytest.fixture(scope="module")
def reference() -> Iterator[Server]:
    with POOL.server(find_target("lifecycle"), lambda: False) as server:
        yield server


def _play(server: Server, home: Path, *faults: dict[str, Any]) -> Record:
    script = [{"repeat": 4, "every": "3m", "user": {"words": 9}, "reply": {"words": 9}}]
    scenario = Scenario.model_validate({"name": "x", "script": script, "faults": list(faults)})
    record = Record(Header("hx1-t", scenario.dump(), "x", "t", 7, "seccomp"))
    home.mkdir()
    runner.run(scenario, record, server, home)
    return record


def _remembered(record: Record) -> int:
    history = next(event for event in record.of("history") if event.data["after_crash"] == 1)
    messages: Any = history.data["messages"]
    return len(messages)


def _cut(tier: str, **more: Any) -> dict[str, Any]:
    return {"crash": {"turn": 3, "at": "reply.received", "disk": tier, **more}}


def test_a_stack_that_never_syncs_keeps_nothing(naive: Server, tmp_path: Path) -> None:
    assert _remembered(_play(naive, tmp_path / "kill", _cut("kill"))) == 5
    assert _remembered(_play(naive, tmp_path / "ext4", _cut("ext4"))) == 0


def test_another_legal_state_may_be_named(naive: Server, tmp_path: Path) -> None:
    found = {
        _remembered(_play(naive, tmp_path / str(state), _cut("ext4", state=state)))
        for state in (1, 2, 3)
    }
    assert len(found) > 1


def test_a_state_that_does_not_exist_is_the_scenarios_mistake(
    naive: Server, tmp_path: Path
) -> None:
    record = _play(naive, tmp_path / "home", _cut("ext4", state=10_000))
    (broke,) = record.of("broke")
    assert "legal ones here" in str(broke.data["error"])


@pytest.mark.parametrize("tier", ["ext4", "posix"])
def test_a_stack_that_syncs_keeps_what_it_acknowledged(
    reference: Server, tmp_path: Path, tier: str
) -> None:
    record = _play(reference, tmp_path / "home", _cut(tier))
    assert _remembered(record) >= 4
    assert next(record.of("ended"))
    assert [event.data["tier"] for event in record.of("crashed")] == [tier]


def test_a_death_at_a_disk_operation_names_the_line_that_issued_it(
    reference: Server, tmp_path: Path
) -> None:
    fault = {"crash": {"turn": 2, "at": "fsync *.jsonl #2"}}
    record = _play(reference, tmp_path / "home", fault)
    (crashed,) = record.of("crashed")
    assert "os.fsync" in str(crashed.data["where"])
    before = [event for event in record.of("disk") if event.n < crashed.n and event.turn == 2]
    assert [event.data["operation"] for event in before].count("fsync") == 1


@pytest.mark.parametrize(
    ("on", "error", "words"),
    [("fsync", "EIO", "Input/output error"), ("write", "ENOSPC", "No space left")],
)
def test_a_disk_error_reaches_the_caller_and_the_next_sending_succeeds(
    reference: Server, tmp_path: Path, on: str, error: str, words: str
) -> None:
    fault = {"disk": {"turn": 2, "on": on, "error": error}}
    record = _play(reference, tmp_path / "home", fault)
    (failed,) = record.of("send.failed")
    assert words in str(failed.data["error"])
    assert next(record.of("fault.fired"))
    assert len(list(record.of("reply.delivered"))) == 4


@pytest.mark.parametrize("error", ["short", "slow"])
def test_a_short_write_and_a_slow_disk_are_survived(
    reference: Server, tmp_path: Path, error: str
) -> None:
    fault = {"disk": {"turn": 2, "on": "write", "error": error}}
    record = _play(reference, tmp_path / "home", fault)
    assert not list(record.of("send.failed"))
    assert len(list(record.of("reply.delivered"))) == 4
