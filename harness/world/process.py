"""Lives and deaths: the warm server, and the processes that are forked from it.

A `Server` is one child process that has imported the target and the SDK; a `Life` is forked from
it in milliseconds. Death is a SIGKILL to the whole process. Nothing here decides when: the runner
answers each message of a life, and says `Die` where it wants it dead.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.channel import Channel, Hangup, pair
from harness.world.clock import ORIGIN_NS, VirtualClock

HANG_LIMIT_S = 30.0
"""Real seconds without a sign of life before a life counts as hanging."""
_SLICE_MS = 100
_LAST_WORDS_S = 2.0
_OUTPUT_BYTES = 4000


class ServerError(Exception):
    """The warm server could not be started; the message says why, for the user."""


class Stopped(Exception):
    """The user wants to stop."""


@dataclass(frozen=True)
class Returned:
    """The target answered."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The target raised: `Type: message`, and the last frames."""

    error: str
    trace: list[str]


@dataclass(frozen=True)
class Died:
    """The process ended by itself: exit status (negative: by that signal), what it last said."""

    status: int
    output: str


@dataclass(frozen=True)
class Killed:
    """The runner said so; `where` is the source line it stood on."""

    where: str | None


@dataclass(frozen=True)
class Hung:
    """No sign of life for `HANG_LIMIT_S`; it has been killed."""


Outcome = Returned | Raised | Died | Killed | Hung


class Die(Exception):
    """Raised by the answerer of a life's message: this is where it dies."""


Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Server:
    """A warm fork server for one target. `stopped` is asked now and then; True ends everything."""

    def __init__(
        self,
        target: Mapping[str, Any],
        root: Path,
        *,
        stopped: Callable[[], bool] = lambda: False,
        python: str = sys.executable,
    ) -> None:
        mine, theirs = pair()
        self.root = root
        self.stopped = stopped
        self._channel = Channel(mine)
        here = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [python, "-m", "harness.life.server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": search, "TZ": "UTC"},
        )
        theirs.close()
        try:
            self._channel.send({"target": dict(target), "runner": os.getpid(), "root": str(root)})
            answer = self._wait_ready()
        except Hangup:
            self.close()
            raise ServerError("the process that imports the target ended by itself") from None
        except BaseException:
            self.close()
            raise
        if "failed" in answer:
            self.close()
            raise ServerError(answer["failed"])

    def _wait_ready(self) -> dict[str, Any]:
        while True:
            readable, _, _ = select.select([self._channel], [], [], _SLICE_MS / 1000)
            if readable:
                return self._channel.receive()
            if self.stopped():
                raise Stopped

    def fork(self, order: Mapping[str, Any], descriptors: list[int]) -> int:
        """Fork a life and return its process id."""
        self._channel.send({"do": "fork", **order}, descriptors)
        pid: int = self._channel.receive()["pid"]
        return pid

    def reap(self, pid: int) -> int:
        """Wait for a dead life and end its strays; its exit status."""
        self._channel.send({"do": "reap", "pid": pid})
        status: int = self._channel.receive()["status"]
        return status

    @property
    def alive(self) -> bool:
        """Whether it still runs: a target may have brought its own server down."""
        return self._process.poll() is None

    def close(self) -> None:
        """Hang up and wait: the server ends what it started."""
        self._channel.close()
        try:
            self._process.wait(HANG_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Life:
    """One process of the target, from fork to death."""

    def __init__(self, server: Server, clock: VirtualClock, order: Mapping[str, Any]) -> None:
        self._server = server
        commands, theirs = pair()
        door, their_door = pair()
        self._output = os.memfd_create("life-output", os.MFD_CLOEXEC)
        full = {**order, "epoch_ns": clock.epoch_ns, "origin_ns": ORIGIN_NS}
        self.pid = server.fork(
            full, [theirs.fileno(), their_door.fileno(), clock.descriptor, self._output]
        )
        theirs.close()
        their_door.close()
        self._commands, self._door = Channel(commands), Channel(door)
        # Its sockets may be held open by a child of its own: only the pidfd tells its end surely.
        self._pidfd = os.pidfd_open(self.pid)
        self._all = _poll(self._commands, self._door, self._pidfd)
        self.alive = True

    def ask(self, command: Mapping[str, Any], answer: Answer) -> Outcome:
        """Give one command and serve the life's calls until it is carried out, or the life ends."""
        try:
            self._commands.send(command)
            return self._serve(answer)
        except Hangup:
            return self._gone()
        except Die:
            return Killed(self._last_words())

    def _serve(self, answer: Answer) -> Outcome:
        silent_since = time.monotonic()
        while True:
            readable = [descriptor for descriptor, _event in self._all.poll(_SLICE_MS)]
            if not readable:
                if self._server.stopped():
                    raise Stopped
                if time.monotonic() - silent_since > HANG_LIMIT_S:
                    self.kill()
                    return Hung()
                continue
            silent_since = time.monotonic()
            while (call := self._door.receive_now()) is not None:
                self._door.send(answer(call))
            if (done := self._commands.receive_now()) is not None:
                if "error" in done:
                    return Raised(done["error"], done["trace"])
                return Returned(done["value"])
            if self._pidfd in readable:
                return self._gone()

    def kill(self) -> None:
        """SIGKILL, now; every thread of it."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def quit(self) -> None:
        """Let it go in peace."""
        with contextlib.suppress(Hangup):
            self._commands.send({"do": "quit"})
            deadline = time.monotonic() + _LAST_WORDS_S
            while time.monotonic() < deadline and not _poll(self._commands).poll(_SLICE_MS):
                pass
        self.kill()

    def _last_words(self) -> str | None:
        """Tell it to die, hear which line it stands on, and kill it."""
        where: str | None = None
        with contextlib.suppress(Hangup):
            self._door.send({"die": True})
            deadline = time.monotonic() + _LAST_WORDS_S
            heard = _poll(self._door)
            while time.monotonic() < deadline:
                if heard.poll(_SLICE_MS) and (words := self._door.receive_now()) is not None:
                    where = words["where"]
                    break
        self.kill()
        return where

    def _gone(self) -> Died:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        size = os.fstat(self._output).st_size
        tail = os.pread(self._output, _OUTPUT_BYTES, max(0, size - _OUTPUT_BYTES))
        return Died(self._end(), tail.decode("utf-8", "replace"))

    def _end(self) -> int:
        self.alive = False
        status = self._server.reap(self.pid)
        self._commands.close()
        self._door.close()
        os.close(self._pidfd)
        os.close(self._output)
        return status


def _poll(*ends: Channel | int) -> select.poll:
    """A poll that hears when one of these has something to say."""
    poll = select.poll()
    for end in ends:
        poll.register(end, select.POLLIN)
    return poll
