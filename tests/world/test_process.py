"""Lives and deaths: forked warm, killed for good, and nothing is left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.lab.targets import find_target
from harness.world import interpreter, process
from harness.world.clock import VirtualClock
from harness.world.outcome import HANG_LIMIT
from harness.world.process import (
    Die,
    Died,
    Hung,
    Killed,
    Life,
    Raised,
    Returned,
    Server,
    ServerError,
    Stopped,
)
from tests.conftest import ODD

TOOLS = [{"name": "pay", "description": "Pay.", "input_schema": {}, "contract": "at_most_once"}]


def _no_calls(call: Mapping[str, Any]) -> Mapping[str, Any]:
    raise AssertionError(f"unexpected {call}")


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def clock() -> Iterator[VirtualClock]:
    clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    yield clock
    clock.close()


@pytest.fixture
def life(echo_server: Server, clock: VirtualClock, tmp_path: Path) -> Iterator[Life]:
    life = Life(echo_server, clock, {"home": str(tmp_path), "seed": 7, "tools": TOOLS})
    opened = life.ask({"do": "open", "session_id": "s", "settings": {}}, _no_calls)
    assert isinstance(opened, Returned)
    yield life
    life.kill()


def _send(life: Life, text: str, answer: process.Answer = _no_calls) -> process.Outcome:
    return life.ask({"do": "send", "message_id": "m1", "text": text}, answer)


def test_a_life_answers(life: Life) -> None:
    assert _send(life, "hello") == Returned("echo hello")


def test_what_needs_no_life_is_done_once_before_the_next_life_is_heard(
    life: Life, echo_server: Server
) -> None:
    done: list[str] = []

    def die(_call: Mapping[str, Any]) -> Mapping[str, Any]:
        done.append("heard")
        raise Die

    for name in ("first", "second"):
        echo_server.meanwhile(lambda name=name: done.append(name))  # type: ignore[misc]
    assert done == []
    assert isinstance(_send(life, "use pay", die), Killed)
    assert done == ["first", "second", "heard"]


def test_a_sleep_in_a_life_moves_the_shared_clock(life: Life, clock: VirtualClock) -> None:
    assert _send(life, "sleep 3600") == Returned("echo sleep 3600")
    assert clock.elapsed_ns == 3600 * 10**9


def test_what_the_target_raises_is_an_answer(life: Life) -> None:
    outcome = _send(life, "raise hell")
    assert isinstance(outcome, Raised)
    assert outcome.error == "RuntimeError: hell"
    assert _send(life, "still there") == Returned("echo still there")


def test_a_life_that_ends_by_itself_leaves_its_status_and_last_words(life: Life) -> None:
    assert _send(life, "exit 3") == Died(3, "so long\n")
    assert not life.alive


def test_a_killed_life_says_where_it_stood_and_is_gone(life: Life) -> None:
    def die(_call: Mapping[str, Any]) -> Mapping[str, Any]:
        raise Die

    outcome = _send(life, "use pay", die)
    assert isinstance(outcome, Killed)
    assert (outcome.where or "").startswith("odd.py:")
    assert "self.tools[tool]" in (outcome.where or "")
    assert not _is_there(life.pid)


def test_a_life_that_hangs_is_ended(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HANG_LIMIT, "0.3")
    hung = _send(life, "hang")
    assert isinstance(hung, Hung)
    assert hung.after_s == 0.3
    assert (hung.where or "").startswith("odd.py:")
    assert not _is_there(life.pid)


def test_a_request_to_stop_is_heard_while_a_life_works(
    life: Life, echo_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(echo_server, "stopped", lambda: True)
    with pytest.raises(Stopped):
        _send(life, "hang")


def test_a_stray_in_a_session_of_its_own_ends_with_its_life(life: Life, tmp_path: Path) -> None:
    _send(life, "stray")
    stray = int((tmp_path / "stray").read_text(encoding="ascii"))
    assert _is_there(stray)
    life.kill()
    assert not _is_there(stray)


def test_a_target_that_cannot_be_imported_says_why(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import nowhere_to_be_found\n", encoding="utf-8")
    with pytest.raises(ServerError, match="nowhere_to_be_found"):
        Server(find_target(f"{broken}:Any").order(), tmp_path)
    with pytest.raises(ServerError, match="has no class 'Nobody'"):
        Server(find_target(f"{ODD}:Nobody").order(), tmp_path)
    with pytest.raises(ServerError, match="has no open"):
        Server(find_target(f"{ODD}:NoTarget").order(), tmp_path)


def test_a_runner_that_is_killed_leaves_no_process_and_no_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    code = f"""
        import os, sys
        from datetime import UTC, datetime
        from pathlib import Path
        from harness.lab.targets import find_target
        from harness.world.clock import VirtualClock
        from harness.world.process import Life, Server
        server = Server(find_target({str(ODD) + ":Echo"!r}).order(), Path({str(root)!r}))
        order = {{"home": {str(root)!r}, "seed": 1, "tools": []}}
        life = Life(server, VirtualClock(datetime.now(UTC)), order)
        life.ask({{"do": "open", "session_id": "s", "settings": {{}}}}, lambda call: {{}})
        life.ask({{"do": "send", "message_id": "m", "text": "stray"}}, lambda call: {{}})
        stray = (Path({str(root)!r}) / "stray").read_text()
        print(server._process.pid, life.pid, stray, flush=True)
        life.ask({{"do": "send", "message_id": "m", "text": "hang"}}, lambda call: {{}})
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    pids = [int(pid) for pid in runner.stdout.readline().split()]
    assert len(pids) == 3
    ends = [os.pidfd_open(pid) for pid in pids]
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    runner.stdout.close()
    for pid, end in zip(pids, ends, strict=True):
        ended, _, _ = select.select([end], [], [], 10)
        os.close(end)
        assert ended, f"process {pid} outlived its runner"
    assert not root.exists()


def test_a_runner_killed_while_the_target_is_imported_leaves_nothing(tmp_path: Path) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    root = tmp_path / "root"
    code = f"""
        from pathlib import Path
        from harness.lab.targets import find_target
        from harness.world import interpreter
        real = interpreter.subprocess.Popen
        def tell(*args, **kwargs):
            server = real(*args, **kwargs)
            print(server.pid, flush=True)
            return server
        interpreter.subprocess.Popen = tell
        interpreter.Server(find_target({str(slow) + ":T"!r}).order(), Path({str(root)!r}))
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    server = os.pidfd_open(int(runner.stdout.readline()))
    runner.kill()
    runner.wait()
    runner.stdout.close()
    ended, _, _ = select.select([server], [], [], 10)
    os.close(server)
    assert ended
    assert not root.exists()


def test_an_import_without_end_is_given_up_and_a_stop_is_heard_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("import time\ntime.sleep(600)\n", encoding="utf-8")
    order = find_target(f"{slow}:T").order()
    with pytest.raises(Stopped):
        Server(order, tmp_path / "root", stopped=lambda: True)
    monkeypatch.setattr(interpreter, "import_limit_s", lambda: 0.3)
    told = r"importing it took more than 0.3 s; .*, set HARNESS_HANG_LIMIT to more seconds"
    with pytest.raises(ServerError, match=told):
        Server(order, tmp_path / "root")
