"""Runs a function in a process of its own, under the recorder, and keeps what it did.

A `Workshop` is one warm process of few imports and one thread, which forks for every run; the
forked one puts the filter on itself. What it says (`say`) is a round trip, and so is in order with
its operations.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.channel import Channel, Hangup, pair, to_bytes, to_text
from harness.life.disk.trap import hand_over, write_stacks_to
from harness.world.syscalls.filter import program
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Dying, Go, Recorder, Trace

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


@dataclass
class Run:
    """What one run did. `said` holds how many operations came before, and the words."""

    trace: Trace
    said: list[tuple[int, Any]] = field(default_factory=list)
    error: str | None = None
    killed: bool = False
    status: int | None = None
    stack: tuple[str, ...] = ()

    @property
    def operations(self) -> list[Operation]:
        return self.trace.operations

    def heard_before(self, at: int) -> list[Any]:
        """What had been said when operation `at` was about to reach the kernel."""
        return [words for count, words in self.said if count <= at]


def go(_operation: Operation) -> Decision:
    return Go()


class Workshop:
    """The warm process, seen from the tests."""

    def __init__(self) -> None:
        mine, theirs = pair()
        self._channel = Channel(mine)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stacks.recording", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)},
        )
        theirs.close()

    def run(
        self,
        function: str,
        home: Path,
        *arguments: Any,
        decide: Callable[[Operation], Decision] = go,
        trace: Trace | None = None,
        recorded: bool = True,
        stacks: bool = False,
        advance: Callable[[int], None] = lambda ns: None,
    ) -> Run:
        """Run `module:function(home, say, *arguments)` to its end, or to its death."""
        run = Run(trace or Trace.of(home))
        order = {"function": function, "home": str(home), "arguments": arguments}
        order["filter"] = to_text(program()) if recorded else None
        order["stacks"] = stacks
        written = os.memfd_create("stacks")
        self._channel.send(order, [written])
        recorder: Recorder | None = None
        pid = None
        deadline = time.monotonic() + PATIENCE_S
        try:
            while run.status is None:
                left = deadline - time.monotonic()
                assert left > 0, f"{function} did not end within {PATIENCE_S} s"
                ends = [self._channel, *([recorder] if recorder and not recorder.over else [])]
                select.select(ends, [], [], left)
                while (message := self._channel.receive_now()) is not None:
                    pid = message.get("pid", pid)
                    if "trapped" in message:
                        [descriptor] = self._channel.take_descriptors()
                        recorder = Recorder(descriptor, run.trace, decide, advance=advance)
                    self._hear(run, message)
                if recorder is not None and not run.killed:
                    try:
                        recorder.serve()
                    except Dying as dying:
                        run.killed = True
                        if stacks:
                            run.stack = recorder.stack(dying, written)
                        assert pid is not None
                        os.kill(pid, signal.SIGKILL)
        finally:
            if run.status is None:
                self._end(run, pid)
            if recorder is not None:
                recorder.close()
            os.close(written)
        return run

    def _end(self, run: Run, pid: int | None) -> None:
        """A run that broke off: nothing of it is left to trouble the next one."""
        while run.status is None:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            message = self._channel.receive()
            pid, run.status = message.get("pid", pid), message.get("status")

    def _hear(self, run: Run, message: Mapping[str, Any]) -> None:
        if "say" in message:
            run.said.append((len(run.operations), message["say"]))
            self._channel.send({})
        run.error = message.get("error", run.error)
        run.status = message.get("status", run.status)

    def close(self) -> None:
        self._channel.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _serve(descriptor: int) -> None:
    channel = Channel(socket.socket(fileno=descriptor))
    while True:
        try:
            order = channel.receive()
        except Hangup:
            return
        module, _, name = order["function"].partition(":")
        function = getattr(importlib.import_module(module), name)
        [written] = channel.take_descriptors()
        pid = os.fork()
        if pid == 0:
            if order["stacks"]:
                write_stacks_to(written)
            _live(channel, function, order)
        os.close(written)
        channel.send({"pid": pid})
        _, status = os.waitpid(pid, 0)
        channel.send({"status": os.waitstatus_to_exitcode(status)})


def _live(channel: Channel, function: Callable[..., Any], order: Mapping[str, Any]) -> None:
    try:
        if order["filter"] is not None:
            hand_over(channel, to_bytes(order["filter"]), trapped=True)

        def say(words: Any) -> None:
            channel.send({"say": words})
            channel.receive()

        function(Path(order["home"]), say, *order["arguments"])
    except BaseException as error:
        channel.send({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
