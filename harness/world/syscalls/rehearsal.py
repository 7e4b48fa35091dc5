"""Whether the recorder works here: one child is recorded for good, and what it did is looked at.

A kernel may lack the call, a container's own filter may refuse it, a security module may forbid to
read another process's memory. All of these are met here as they would be met in a run.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.channel import Channel, Hangup, pair, to_text
from harness.world.disk.replay import mismatch
from harness.world.syscalls.filter import program
from harness.world.syscalls.numbers import UnknownMachine
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Go, Recorder, Trace

VARIABLE = "HARNESS_RECORDER"
"""The environment variable that chooses a recorder: `seccomp` or `python`."""
PATIENCE_S = 10.0
_DATA = b"one line\n"
_EXPECTED = ["create", "write", "fsync"]


class _Unfit(Exception):
    """It does not work here; the message says why."""


@dataclass(frozen=True)
class Choice:
    """The recorder of this machine, as a record's `fidelity` names it, and why it is that one."""

    fidelity: Literal["seccomp", "python"]
    why: str


class UnknownRecorder(ValueError):
    """The environment asks for a recorder that there is not; the message says what there is."""


def choose(environ: Mapping[str, str] = os.environ) -> Choice:
    """System calls trapped where that works, else told by the life's Python."""
    wanted = environ.get(VARIABLE, "")
    if wanted not in ("", "seccomp", "python"):
        raise UnknownRecorder(f"{VARIABLE}={wanted}: expected seccomp or python")
    if wanted:
        return Choice("python" if wanted == "python" else "seccomp", f"{VARIABLE} asks for it")
    works, why = _known()
    return Choice("seccomp" if works else "python", why)


@functools.cache
def _known() -> tuple[bool, str]:
    return available()


def available(python: str = sys.executable) -> tuple[bool, str]:
    """Whether lives of this interpreter can be recorded, and a sentence about it."""
    if not sys.platform.startswith("linux"):
        return False, f"seccomp user notification is Linux's; this is {sys.platform}"
    try:
        code = program()
    except UnknownMachine as error:
        return False, str(error)
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        try:
            _rehearse(Path(folder), code, python)
        except (_Unfit, OSError, Hangup) as error:
            why = str(error) or "its child ended by itself"
            return False, f"seccomp user notification does not work here: {why}"
    release = os.uname().release
    return True, f"seccomp user notification works (Linux {release}): every system call is seen"


def _rehearse(home: Path, code: bytes, python: str) -> None:
    mine, theirs = pair()
    root = str(Path(__file__).resolve().parents[3])
    search = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    child = subprocess.Popen(
        [python, "-m", "harness.life.disk.trap", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": search},
    )
    theirs.close()
    channel = Channel(mine)
    try:
        order = {"filter": to_text(code), "file": str(home / "file"), "data": to_text(_DATA)}
        channel.send(order)
        _record(channel, home)
    finally:
        channel.close()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()


def _record(channel: Channel, home: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    _wait(channel, deadline)
    answer = channel.receive()
    if "failed" in answer:
        raise _Unfit(answer["failed"])
    trace = Trace.of(home)
    recorder = Recorder(channel.take_descriptors()[0], trace, _go)
    try:
        while not recorder.over:
            _wait(recorder, deadline)
            recorder.serve()
    finally:
        recorder.close()
    kinds = [operation.kind for operation in trace.operations]
    if kinds != _EXPECTED:
        raise _Unfit(f"it recorded {kinds} of {_EXPECTED}")
    if (wrong := mismatch(trace.operations, home)) is not None:
        raise _Unfit(f"what it recorded is not what happened: {wrong}")


def _wait(end: Channel | Recorder, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([end], [], [], left)[0]:
        raise _Unfit(f"its child gave no sign of life within {PATIENCE_S:.0f} s")


def _go(_operation: Operation) -> Decision:
    return Go()
