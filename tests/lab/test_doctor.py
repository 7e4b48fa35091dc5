"""The doctor tries what there is, and says what to do about what there is not."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

from harness.lab import doctor
from harness.lab.doctor import Diagnosis, Line, diagnose
from harness.life.disk import trap
from harness.world.syscalls.numbers import UnknownMachine
from harness.world.syscalls.rehearsal import VARIABLE, available
from tests.conftest import ODD

WORKS, WHY = available()


@pytest.fixture(scope="module")
def here() -> Diagnosis:
    return diagnose()


def _line(found: Diagnosis, name: str) -> Line:
    return next(line for line in found.lines if line.name == name)


def test_a_life_is_really_lived_and_its_time_passes(here: Diagnosis) -> None:
    assert here.works
    assert "opened again" in _line(here, "a life").says
    assert _line(here, "virtual time").says == "5.0 h passed in it"
    assert "lifecycle, naive" in _line(here, "targets").says
    assert _line(here, "anthropic").says == importlib.metadata.version("anthropic")


def test_every_line_that_is_not_ok_has_a_remedy(here: Diagnosis) -> None:
    assert [line for line in here.lines if line.state != "ok" and not line.remedy] == []
    assert len({line.name for line in here.lines}) == len(here.lines) > 12


@pytest.mark.skipif(not WORKS, reason=WHY)
def test_the_recorder_that_works_is_named_with_its_kernel(here: Diagnosis) -> None:
    assert here.recorder == "seccomp"
    assert os.uname().release in _line(here, "recorder").says
    assert _line(here, "seccomp").says.startswith("NEW_LISTENER")


def test_a_kernel_that_refuses_seccomp_is_degraded_and_not_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_flags: int) -> bool:
        raise trap.CannotTrap("seccomp: Operation not permitted")

    monkeypatch.setattr(trap, "knows_flags", refuse)
    monkeypatch.setattr(doctor, "available", lambda: (False, "refused"))
    monkeypatch.setenv(VARIABLE, "python")
    lines = {line.name: line for line in doctor._recorder()}
    assert lines["seccomp"].state == lines["recorder"].state == "degraded"
    assert "Operation not permitted" in lines["seccomp"].says
    assert "seccomp=unconfined" in lines["recorder"].remedy


@pytest.mark.parametrize(
    ("known", "state", "says"),
    [
        (set(), "degraded", "no user notification"),
        ({trap.NEW_LISTENER}, "degraded", "without WAIT_KILLABLE_RECV"),
        ({trap.NEW_LISTENER, trap.NEW_LISTENER | trap.WAIT_KILLABLE_RECV}, "ok", "and WAIT"),
    ],
)
def test_the_flags_of_the_kernel_are_told(
    monkeypatch: pytest.MonkeyPatch, known: set[int], state: str, says: str
) -> None:
    monkeypatch.setattr(trap, "knows_flags", known.__contains__)
    (line,) = doctor._flags()
    assert line.state == state
    assert says in line.says


def test_an_unknown_recorder_or_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "magic")
    assert [*doctor._recorder()][-1].state == "missing"

    def unknown() -> None:
        raise UnknownMachine("this machine is a loom")

    monkeypatch.setattr(doctor, "machine", unknown)
    kernel = next(line for line in doctor._machine() if line.name == "kernel")
    assert (kernel.state, "a loom" in kernel.says) == ("degraded", True)


def test_a_target_that_cannot_be_opened_is_missing_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (unwilling,) = doctor._lives(f"{ODD}:NoTarget")
    assert unwilling.state == "missing"
    assert "has no open" in unwilling.says
    first = next(iter(doctor._lives(f"{ODD}:Unwilling")))
    assert (first.state, "the rehearsal went wrong" in first.says) == ("missing", True)


def test_little_room_or_none_is_degraded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert doctor._room().state == "ok"
    monkeypatch.setattr(doctor, "ROOM_BYTES", 1 << 60)
    assert doctor._room().remedy.startswith("make room")
    monkeypatch.setattr(doctor, "memory_directory", lambda: None)
    assert doctor._room().state == "degraded"


def test_an_extra_is_what_its_requirements_say(monkeypatch: pytest.MonkeyPatch) -> None:
    required = [
        "redis>=8.1; extra == 'redis'",
        'psycopg[binary]>=3; extra == "postgres"',
        "rich>=15",
    ]
    assert doctor._needed("redis", required) == ["redis"]
    assert doctor._needed("postgres", required) == ["psycopg"]
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "redis" else "1.0")
    lines = {line.name: line for line in doctor._extras()}
    assert lines["[redis]"].state == "degraded"
    assert lines["[redis]"].remedy == "uv sync --extra redis, where it is wanted"
    assert lines["[pytest]"].state == "ok"
