"""An operation is over when its effect can be seen."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.world import settled
from harness.world.disk.replay import mismatch
from harness.world.settled import Pending, at_rest, seen
from harness.world.syscalls import recorder
from harness.world.syscalls.operations import Operation
from tests.stacks.recording import Workshop


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        (Operation("create", "openat", "new"), lambda home: (home / "new").touch()),
        (Operation("mkdir", "mkdir", "new"), lambda home: (home / "new").mkdir()),
        (
            Operation("symlink", "symlink", "new"),
            lambda home: (home / "new").symlink_to("nowhere"),
        ),
        (Operation("unlink", "unlink", "old"), lambda home: (home / "old").unlink()),
        (Operation("rmdir", "rmdir", "folder"), lambda home: (home / "folder").rmdir()),
        (
            Operation("rename", "rename", "old", to="new"),
            lambda home: (home / "old").rename(home / "new"),
        ),
        (
            Operation("link", "link", "old", to="new"),
            lambda home: (home / "new").hardlink_to(home / "old"),
        ),
        (
            Operation("write", "write", "old", offset=3, data=b"xy"),
            lambda home: (home / "old").write_bytes(b"oldxy"),
        ),
        (
            Operation("truncate", "ftruncate", "old", size=1),
            lambda home: os.truncate(home / "old", 1),
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Operation) else "",
)
def test_an_effect_is_seen_when_it_is_there_and_not_before(
    tmp_path: Path, operation: Operation, act: Callable[[Path], None]
) -> None:
    (tmp_path / "old").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    assert not seen(operation, str(tmp_path))
    act(tmp_path)
    assert seen(operation, str(tmp_path))


@pytest.mark.parametrize(
    "operation",
    [
        Operation("fsync", "fsync", "old"),
        Operation("write", "write", None, data=b"x"),
        Operation("write", "write", "gone", data=b"x"),
        Operation("rename", "renameat2", "old", to="other", exchange=True),
    ],
    ids=str,
)
def test_what_shows_no_effect_is_not_waited_for(tmp_path: Path, operation: Operation) -> None:
    (tmp_path / "old").touch()
    assert seen(operation, str(tmp_path))


def test_a_thread_waits_for_the_other_and_not_for_itself(tmp_path: Path) -> None:
    pending = Pending(str(tmp_path))
    pending.let_go(Operation("create", "openat", "new", thread=1))
    other = threading.Timer(0.05, (tmp_path / "new").touch)
    other.start()
    pending.settle(2)
    assert (tmp_path / "new").exists()
    other.join()
    pending.let_go(Operation("create", "openat", "never", thread=1))
    began = time.monotonic()
    pending.settle(1)
    assert time.monotonic() - began < settled.PATIENCE_S / 2


def test_an_operation_that_fails_unforeseen_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settled, "PATIENCE_S", 0.02)
    pending = Pending(str(tmp_path))
    pending.let_go(Operation("create", "openat", "never", thread=1))
    pending.settle(2)
    assert not (tmp_path / "never").exists()


def test_threads_that_append_to_one_file_are_recorded_in_their_order(
    workshop: Workshop, fresh: Callable[[], Path]
) -> None:
    for _ in range(5):
        home = fresh()
        run = workshop.run("tests.stacks.opens:crowd", home, 4, 10)
        assert run.error is None
        assert mismatch(run.operations, home) is None
        assert len((home / "shared").read_bytes().splitlines()) == 40


def test_what_a_thread_writes_in_the_background_is_written_when_the_others_wait(
    workshop: Workshop, fresh: Callable[[], Path]
) -> None:
    traces = set()
    for _ in range(4):
        home = fresh()
        run = workshop.run("tests.stacks.calls:in_the_background", home, 6)
        assert run.error is None
        assert mismatch(run.operations, home) is None
        traces.add(tuple((op.kind, op.path, op.data) for op in run.operations))
    (trace,) = traces
    writers = [path for kind, path, _ in trace if kind == "write"]
    assert writers == ["main"] * 6 + ["background"] * 6


def test_a_process_is_at_rest_when_all_its_other_threads_sleep() -> None:
    me, awake = threading.get_native_id(), threading.Event()
    sleeper = threading.Thread(target=awake.wait)
    sleeper.start()
    deadline = time.monotonic() + 10
    while not at_rest(os.getpid(), me):
        assert time.monotonic() < deadline
    # This thread runs: seen from the sleeping one, its process does not rest.
    assert not at_rest(os.getpid(), sleeper.native_id or 0)
    awake.set()
    sleeper.join()


def test_nobody_waits_for_a_process_that_is_gone() -> None:
    assert at_rest(2**22 + 1, 1)


def test_a_thread_that_never_rests_is_not_waited_for_for_ever(
    workshop: Workshop, fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RUNS_ON_S", 0.05)
    home = fresh()
    run = workshop.run("tests.stacks.calls:spins_until_written", home)
    assert run.error is None
    assert (home / "file").read_bytes() == b"written"
