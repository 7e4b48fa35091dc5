"""How a command ends early."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.cli import stop
from harness.cli.stop import (
    INTERRUPTED,
    INVALID,
    NOTHING,
    SAME_S,
    USAGE,
    Stop,
    interrupted_once,
)
from tests.living import WITH_CTRL_C, living

PATIENCE_S = 60


def test_exit_codes_are_pytest_s() -> None:
    assert (INTERRUPTED, INVALID, USAGE, NOTHING) == (2, 3, 4, 5)


def test_a_stop_carries_what_to_say_and_the_code() -> None:
    early = Stop(USAGE, "expected a path, got none")
    assert (str(early), early.code) == ("expected a path, got none", 4)


def test_the_first_ctrl_c_interrupts_and_no_other_counts(hears_ctrl_c: None) -> None:
    with pytest.raises(KeyboardInterrupt), interrupted_once():
        signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_ctrl_c_that_somebody_swallowed_can_be_given_again(
    hears_ctrl_c: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter((100.0, 100.0 + SAME_S / 2, 100.0 + SAME_S))
    monkeypatch.setattr(stop.time, "monotonic", lambda: next(times))
    with interrupted_once():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_without_a_ctrl_c_the_handler_is_what_it_was(hears_ctrl_c: None) -> None:
    with interrupted_once():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_ctrl_c_that_the_parent_has_switched_off_stays_off(hears_ctrl_c: None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupted_once():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.parametrize("command", ["run", "explore"])
def test_two_ctrl_c_end_it_with_2_and_leave_no_process(command: str, shelf: Path) -> None:
    mark = f"MARK_OF_THIS_TEST={os.getpid()}-{command}"
    name, value = mark.split("=")
    argv = [sys.executable, "-c", WITH_CTRL_C, command]
    started = subprocess.Popen(
        argv, env={**os.environ, name: value}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + PATIENCE_S
    # Its servers are started, so that there is something to be left behind.
    while len(living(mark)) < 2 and time.monotonic() < deadline:
        assert started.poll() is None
        os.sched_yield()
    for _ in range(200):
        try:
            os.kill(started.pid, signal.SIGINT)
        except ProcessLookupError:
            break
    said = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == INTERRUPTED, said
    assert b"Traceback" not in said[1]
    while living(mark) and time.monotonic() < deadline:
        os.sched_yield()
    assert living(mark) == []
