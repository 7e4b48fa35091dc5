"""The listener and the memory of other processes."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.world.syscalls.notify import (
    Vanished,
    borrow,
    leader,
    read_memory,
    read_string,
    read_vectors,
    signal_thread,
)
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Go
from tests.stacks.recording import Workshop


@pytest.fixture
def gone() -> int:
    """A process id that nobody has."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_memory_is_read_where_it_is() -> None:
    text = ctypes.create_string_buffer(b"some bytes")
    address = ctypes.addressof(text)
    assert read_memory(os.getpid(), address + 5, 5) == b"bytes"
    assert read_memory(os.getpid(), address, 0) == b""
    assert read_memory(os.getpid(), 0, 10) == b""


def test_a_path_may_be_longer_than_one_step() -> None:
    name = "a-long-name/" * 100
    text = ctypes.create_string_buffer(name.encode())
    assert read_string(os.getpid(), ctypes.addressof(text)) == name


def test_vectors_are_joined() -> None:
    parts = [ctypes.create_string_buffer(part) for part in (b"one", b"two")]
    table = (ctypes.c_size_t * 4)(ctypes.addressof(parts[0]), 3, ctypes.addressof(parts[1]), 3)
    assert read_vectors(os.getpid(), ctypes.addressof(table), 2) == b"onetwo"


def test_a_process_that_is_gone_has_vanished(gone: int) -> None:
    with pytest.raises(Vanished):
        read_memory(gone, 4096, 1)
    with pytest.raises(Vanished):
        leader(gone)
    with pytest.raises(Vanished):
        signal_thread(gone, gone, 0)


def test_a_borrowed_descriptor_shares_its_position(tmp_path: Path) -> None:
    original = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    ours = borrow(os.getpid(), original)
    os.write(ours, b"abc")
    assert os.lseek(original, 0, os.SEEK_CUR) == 3
    os.close(ours)
    os.close(original)
    with pytest.raises(OSError, match="pidfd_getfd"):
        borrow(os.getpid(), 9999)


def test_a_caller_killed_while_it_waits_is_left_alone(
    workshop: Workshop, fresh: Callable[[], Path]
) -> None:
    """A SIGKILL from elsewhere, between the notification and its answer."""

    def kill(operation: Operation) -> Decision:
        if operation.kind == "fsync":
            pidfd = os.pidfd_open(operation.thread)
            os.kill(operation.thread, signal.SIGKILL)
            assert select.select([pidfd], [], [], 5)[0]
            os.close(pidfd)
        return Go()

    home = fresh()
    run = workshop.run("tests.stacks.calls:line", home, decide=kill)
    assert run.status == -signal.SIGKILL
    last = run.operations[-1]
    assert (last.kind, bool(last.error)) == ("fsync", True)
    assert (home / "log").read_bytes() == b"first line\n"
