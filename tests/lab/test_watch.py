"""Strays, open modes, and changes that nobody recorded: each is told, and none is a pass."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.case import Case, scenario_hash, target_hash
from harness.checks.judge import judge
from harness.checks.verdict import Verdict
from harness.lab import runner
from harness.record import Header, Record
from harness.scenario.schema import Scenario
from harness.world.process import Server
from harness.world.syscalls.rehearsal import VARIABLE, available
from tests.servers import a_server

UNRULY = Path(__file__).parents[1] / "stacks" / "unruly.py"
WORKS, WHY = available()
TRAPPED = pytest.mark.skipif(not WORKS, reason=WHY)
BOTH = pytest.mark.parametrize("fidelity", [pytest.param("seccomp", marks=TRAPPED), "python"])


@pytest.fixture(scope="module")
def unruly() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="harness-", dir="/dev/shm") as root:
        server = a_server(f"{UNRULY}:Unruly", Path(root))
        yield server
        server.close()


@pytest.fixture
def home(unruly: Server) -> Path:
    return Path(tempfile.mkdtemp(dir=unruly.root))


@pytest.fixture
def away() -> Iterator[Path]:
    """On the same device as the homes, for files are moved there."""
    with tempfile.TemporaryDirectory(prefix="harness-", dir="/dev/shm") as folder:
        yield Path(folder)


def _play(server: Server, home: Path, fidelity: str, *orders: str) -> Record:
    script = [{"user": order, "reply": {"text": "unused"}} for order in orders]
    scenario = Scenario.model_validate({"name": "unruly", "script": script})
    case = Case(scenario_hash(scenario.dump()), target_hash("unruly"), 7)
    record = Record(Header(case.token, scenario.dump(), "x", "unruly", 7, fidelity))
    runner.run(scenario, record, server, home, traced=fidelity != "none")
    assert not list(record.of("broke")), list(record.of("broke"))
    return record


def _strays(record: Record) -> list[tuple[Any, Any]]:
    return [(event.data["operation"], event.data["path"]) for event in record.of("strayed")]


def _unmodelled(verdict: Verdict) -> list[str]:
    return [reason for reason in verdict.reasons if "changed unseen" in reason]


@BOTH
def test_what_is_written_elsewhere_is_a_finding_with_a_path_of_no_machine(
    unruly: Server, home: Path, fidelity: str, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    monkeypatch.setattr(tempfile, "tempdir", str(away))
    beside = home.parent / f"index-{fidelity}"
    record = _play(
        unruly,
        home,
        fidelity,
        f"outside {away}/memory",
        f"outside {away}/memory",
        f"outside {beside}",
        f"move {away}/gone",
    )
    assert _strays(record) == [
        ("create", "<tmp>/memory"),
        ("write", f"../{beside.name}"),
        ("rename", "<tmp>/gone"),
    ]
    codes = {finding.code for finding in judge(record).findings}
    assert codes == {"S6"}


def test_without_a_recorder_what_python_or_a_child_makes_beside_the_home_is_found(
    unruly: Server, home: Path
) -> None:
    record = _play(unruly, home, "none", f"outside {home.parent}/without", "spawn ../grown")
    assert _strays(record) == [("write", "../without"), ("create", "../grown")]


@pytest.mark.parametrize("fidelity", ["none", "python"])
def test_a_look_at_another_session_is_a_finding(
    unruly: Server, home: Path, fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "python")
    record = _play(unruly, home, fidelity, "peek ../other/said", "peek /etc/hostname", "peek said")
    assert _strays(record) == [("read", "../other/said")]


@BOTH
def test_a_file_that_is_mapped_writable_makes_the_run_invalid(
    unruly: Server, home: Path, fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    reasons = _unmodelled(judge(_play(unruly, home, fidelity, "map")))
    assert "mapped is mapped writable: what is written there cannot be followed" in reasons[0]
    assert len(reasons) == 2


@BOTH
@pytest.mark.parametrize("order", ["base memory.db", "spawn", "fork"])
def test_what_the_recorder_is_blind_to_makes_the_run_invalid_and_else_it_is_seen(
    unruly: Server, home: Path, fidelity: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    verdict = judge(_play(unruly, home, fidelity, order, "hello"))
    reasons = _unmodelled(verdict)
    if fidelity == "seccomp":
        assert reasons == []
    else:
        assert "files differ" in reasons[0]
        assert "not seen by the Python recorder" in reasons[0]
        assert verdict.outcome == "invalid"


@BOTH
def test_threads_that_write_at_once_are_explained(
    unruly: Server, home: Path, fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, fidelity)
    verdict = judge(_play(unruly, home, fidelity, "threads 4"))
    assert _unmodelled(verdict) == []
    assert len(os.listdir(home)) == 6


def test_the_home_is_there_and_empty_when_the_target_opens(unruly: Server, home: Path) -> None:
    record = _play(unruly, home, "none", "hello")
    assert next(record.of("history")).data["messages"][0]["content"] == "hello"
    assert sorted(os.listdir(home)) == ["said"]
