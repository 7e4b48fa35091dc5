"""Whether the recorder works here is found out by recording."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from harness.world.syscalls import rehearsal
from harness.world.syscalls.rehearsal import available
from tests.stacks.recording import Workshop


def test_a_recording_that_works_says_so(workshop: Workshop) -> None:
    assert workshop is not None, "the fixture skips where it does not work"
    works, why = available()
    assert works
    assert os.uname().release in why


def test_another_system_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal.sys, "platform", "darwin")
    assert available() == (False, "seccomp user notification is Linux's; this is darwin")


def test_a_machine_without_numbers_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    works, why = available()
    assert not works
    assert "riscv64" in why


def test_a_child_that_gives_no_sign_of_life_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(rehearsal, "PATIENCE_S", 0.2)
    works, why = available(str(python))
    assert not works
    assert "no sign of life" in why


def test_an_interpreter_that_cannot_start_the_trap_is_named(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    assert available(str(python)) == (
        False,
        "seccomp user notification does not work here: its child ended by itself",
    )
