"""The warm server: forks on request, is not disturbed by Ctrl-C, knows how its lives ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.channel import pair
from harness.life import server as warm
from harness.world.clock import VirtualClock
from harness.world.interpreter import start_of_server
from harness.world.process import Life, Server

PATIENCE_S = 60


def _life(server: Server, home: Path) -> Life:
    clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    return Life(server, clock, {"home": str(home), "seed": 1, "tools": []})


def test_a_life_is_a_child_of_the_server_in_a_session_of_its_own(
    echo_server: Server, tmp_path: Path
) -> None:
    life = _life(echo_server, tmp_path)
    parent = int(Path(f"/proc/{life.pid}/stat").read_text(encoding="utf-8").split()[3])
    assert parent == echo_server._process.pid
    life.ask({"do": "open", "session_id": "s", "settings": {}}, lambda call: {})
    assert os.getsid(life.pid) == life.pid
    life.quit()
    assert not life.alive


def test_ctrl_c_reaches_the_runner_not_the_server(echo_server: Server, tmp_path: Path) -> None:
    os.kill(echo_server._process.pid, signal.SIGINT)
    life = _life(echo_server, tmp_path)
    assert life.pid > 0
    life.kill()


def test_a_terminal_s_ctrl_c_does_not_reach_a_server_that_starts(echo_server: Server) -> None:
    assert os.getpgid(echo_server._process.pid) == echo_server._process.pid != os.getpgid(0)


@pytest.mark.parametrize("python", [None, sys.executable])
def test_a_runner_that_goes_before_it_has_said_anything_is_not_complained_about(
    python: str | None,
) -> None:
    mine, theirs = pair()
    start = start_of_server(theirs.fileno(), python)
    with theirs:
        server = subprocess.Popen(
            start.command,
            pass_fds=[theirs.fileno()],
            env=start.environment,
            stderr=subprocess.PIPE,
        )
    mine.close()
    said = server.communicate(timeout=PATIENCE_S)
    assert (server.returncode, said[1]) == (0, b"")


def test_a_process_control_that_does_not_exist_here_is_left_out() -> None:
    warm.control(-1, 0)
    assert os.getpid() > 0
