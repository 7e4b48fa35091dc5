"""One writer a session, with real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.lifecycle import SessionBusy, SessionLock

HOLD = """
import sys, time
from pathlib import Path
from harness.lifecycle import SessionLock
lock = SessionLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_living_process_keeps_others_out_and_a_killed_one_does_not(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "s")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(SessionBusy):
            SessionLock(tmp_path / "s")
        holder.kill()
        holder.wait()
    SessionLock(tmp_path / "s").release()


def test_releasing_twice_does_no_harm(tmp_path: Path) -> None:
    lock = SessionLock(tmp_path / "s")
    lock.release()
    lock.release()
    again = SessionLock(tmp_path / "s")
    with pytest.raises(SessionBusy):
        SessionLock(tmp_path / "s")
    again.release()
