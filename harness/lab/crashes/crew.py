"""Several at a time: each worker is a fork of this process with a warm server of its own.

Judging costs as much as the target does, and threads would share one interpreter for it. A worker
shares the base by being a fork, takes its share of the states, and sends what it finds over a pipe;
it dies with its parent. Whoever wants only one gets none: the work is done right here.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import struct
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.life.server import die_with_parent
from harness.world.process import Server

T = TypeVar("T")
_LENGTH = struct.Struct("<I")
_SLICE_S = 0.1
STRETCHES = 8
"""Stretches of neighbours that each worker gets."""


class WorkerDied(RuntimeError):
    """A worker ended without saying why."""


@dataclass(frozen=True)
class _Failed:
    """What a worker broke on."""

    error: BaseException
    trace: str


def share_out(
    work: Callable[[Server, Sequence[T]], Iterable[Any]],
    items: Sequence[T],
    servers: Sequence[Server],
) -> Iterator[Any]:
    """What `work(server, some of the items)` yields for all of them, as it comes.

    What a worker raises is raised here. With one server, or one item, it is done in this process.
    """
    count = min(len(servers), len(items))
    if count <= 1:
        yield from work(servers[0], items)
        return
    gc.freeze()  # what a fork never touches need not be copied for it
    workers: dict[int, _Worker] = {}
    try:
        for number, some in enumerate(dealt(items, count)):
            worker = _start(work, some, servers[number])
            workers[worker.end] = worker
        while workers:
            for end in select.select([*workers], [], [], _SLICE_S)[0]:
                worker = workers[end]
                yield from worker.heard()
                if worker.over:
                    del workers[end]
                    worker.close()
            for server in servers:
                if server.stopped():
                    raise KeyboardInterrupt
    finally:
        for worker in workers.values():
            worker.kill()
        gc.unfreeze()


def dealt(items: Sequence[T], count: int) -> list[list[T]]:
    """For each of so many its share: a stretch in turn, each of a few neighbours.

    What neighbours have in common is worked out once; the later ones, which cost more, are shared.
    """
    size = -(-len(items) // (count * STRETCHES))
    stretches = [items[start : start + size] for start in range(0, len(items), size)]
    return [[item for some in stretches[number::count] for item in some] for number in range(count)]


class _Worker:
    """One fork, seen from here; `end` is where it is heard."""

    def __init__(self, pid: int, end: int) -> None:
        self.pid = pid
        self.end = end
        self.over = False
        self._buffer = bytearray()

    def heard(self) -> Iterator[Any]:
        """What has come in since; raises what it broke on."""
        data = os.read(self.end, 1 << 20)
        self.over = not data
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            whole = _LENGTH.size + length
            if len(self._buffer) < whole:
                break
            said = pickle.loads(self._buffer[_LENGTH.size : whole])
            del self._buffer[:whole]
            if isinstance(said, _Failed):
                said.error.add_note(said.trace)
                raise said.error
            yield said

    def close(self) -> None:
        """Wait for its end; WorkerDied where it was not a good one."""
        os.close(self.end)
        _pid, status = os.waitpid(self.pid, 0)
        if status:
            raise WorkerDied(f"a worker of the sweep ended with status {status}")

    def kill(self) -> None:
        """End it now."""
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        with contextlib.suppress(OSError):
            os.close(self.end)


def _start(
    work: Callable[[Server, Sequence[T]], Iterable[Any]], items: Sequence[T], server: Server
) -> _Worker:
    mine, theirs = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    parent = os.getpid()
    with warnings.catch_warnings():
        # Other threads may exist (a test runner's); a worker uses nothing that they may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(theirs)
        return _Worker(pid, mine)
    status = 70
    try:
        die_with_parent(parent)
        gc.freeze()
        for said in work(server, items):
            _send(theirs, said)
        status = 0
    except BaseException as error:  # noqa: BLE001 - raised again in the parent
        with contextlib.suppress(Exception):
            _send(theirs, _Failed(error, traceback.format_exc()))
            status = 0
    finally:
        os._exit(status)


def _send(end: int, said: object) -> None:
    body = pickle.dumps(said)
    data = memoryview(_LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(end, data) :]
