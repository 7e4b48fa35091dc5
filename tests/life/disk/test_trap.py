"""The life's half: install, hand over, keep nothing."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
from pathlib import Path

from harness.channel import Channel, pair, to_text
from harness.world.syscalls.filter import program


def _start(order: dict[str, str]) -> tuple[subprocess.Popen[bytes], Channel]:
    mine, theirs = pair()
    child = subprocess.Popen(
        [sys.executable, "-m", "harness.life.disk.trap", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stderr=subprocess.PIPE,
    )
    theirs.close()
    channel = Channel(mine)
    channel.send(order)
    assert select.select([channel], [], [], 10)[0]
    return child, channel


def test_a_filter_that_the_kernel_refuses_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "file"
    no_verdict = struct.pack("HBBI", 0xFFFF, 0, 0, 0)
    child, channel = _start({"filter": to_text(no_verdict), "file": str(file), "data": "untrapped"})
    answer = channel.receive()
    assert answer["failed"].startswith("seccomp(NEW_LISTENER): Invalid argument")
    _, error = child.communicate(timeout=10)
    assert (child.returncode, error) == (0, b"")
    assert file.read_bytes() == b"untrapped"
    channel.close()


def test_a_life_without_its_runner_fails_instead_of_hanging(tmp_path: Path) -> None:
    file = tmp_path / "file"
    child, channel = _start({"filter": to_text(program()), "file": str(file), "data": "data"})
    assert "trapped" in channel.receive()
    [listener] = channel.take_descriptors()
    os.close(listener)
    _, _error = child.communicate(timeout=10)
    assert child.returncode != 0
    assert not file.exists()
    channel.close()
