"""The warm server: forks on request, is not disturbed by Ctrl-C, knows how its lives ended."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

from harness.life import server as warm
from harness.world.clock import VirtualClock
from harness.world.process import Life, Server


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


def test_a_process_control_that_does_not_exist_here_is_left_out() -> None:
    warm.control(-1, 0)
    assert os.getpid() > 0
