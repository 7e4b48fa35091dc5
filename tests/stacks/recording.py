"""Runs a function in a process of its own, under the recorder, and keeps what it did.

A `Workshop` is one warm process of few imports and one thread, which forks for every run; the
forked one puts the filter on itself, or tells its calls itself (`telling`). What it says (`say`) is
a round trip, and so is in order with its operations.
"""

from __future__ import annotations

import contextlib
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
from harness.life.disk import wrapped
from harness.life.disk.trap import hand_over
from harness.life.target.standing import write_stacks_to
from harness.world.syscalls.filter import program
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Dying, Go, Recorder, Trace
from harness.world.told import Ear

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


class _Life:
    """One forked process, seen from the tests."""

    def __init__(self, run: Run, door: Channel, pid: int, ear: Ear | None) -> None:
        self.recorder: Recorder | None = None
        self._ear = ear
        self._run = run
        self._door = door
        self._pid = pid
        self._open = True
        self._deadline = time.monotonic() + PATIENCE_S

    def turn(
        self,
        workshop: Channel,
        decide: Callable[[Operation], Decision],
        advance: Callable[[int], None],
        refused: Callable[[str, str], None],
    ) -> None:
        """Wait until somebody has something to say, and hear it."""
        left = self._deadline - time.monotonic()
        assert left > 0, f"it did not end within {PATIENCE_S} s"
        ends: list[Channel | Recorder] = [workshop]
        if self._open:
            ends.append(self._door)
        if self.recorder is not None and not self.recorder.over:
            ends.append(self.recorder)
        held = self.recorder if self.recorder is not None and self.recorder.holds else None
        readable, _, _ = select.select(ends, [], [], left if held is None else 0)
        if held is not None and not readable:
            held.let_go(lambda: not select.select(ends, [], [], 0)[0])
        try:
            while (message := self._door.receive_now()) is not None:
                if "trapped" in message:
                    [listener] = self._door.take_descriptors()
                    self.recorder = Recorder(
                        listener, self._run.trace, decide, advance=advance, refused=refused
                    )
                elif "say" in message:
                    self._run.said.append((len(self._run.operations), message["say"]))
                    self._door.send({})
                elif message.get("call") == "told":
                    self._told(message)
                else:
                    self._run.error = message["error"]
        except Hangup:
            self._open = False
        if workshop in readable:
            self._run.status = workshop.receive()["status"]

    def _told(self, message: Mapping[str, Any]) -> None:
        assert self._ear is not None
        answer = None if message["name"] == "torn" else self._ear.hear(message)
        if answer is None:
            self.kill()
        else:
            self._door.send(answer)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self._run.killed = True

    def close(self) -> None:
        if self.recorder is not None:
            self.recorder.close()
        self._door.close()


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
        telling: bool = False,
        stacks: bool = False,
        kill_after: int | None = None,
        advance: Callable[[int], None] = lambda ns: None,
        refused: Callable[[str, str], None] = lambda address, call: None,
    ) -> Run:
        """Run `module:function(home, say, *arguments)` to its end, or to its death."""
        run = Run(trace or Trace.of(home))
        order = {"function": function, "home": str(home), "arguments": arguments}
        order["filter"] = to_text(program()) if recorded and not telling else None
        order["telling"] = telling
        order["stacks"] = stacks
        written = os.memfd_create("stacks")
        door, theirs = pair()
        self._channel.send(order, [written, theirs.fileno()])
        theirs.close()
        ear = Ear(run.trace, decide, advance=advance) if telling else None
        life = _Life(run, Channel(door), self._channel.receive()["pid"], ear)
        try:
            while run.status is None:
                life.turn(self._channel, decide, advance, refused)
                if life.recorder is not None and not run.killed:
                    try:
                        life.recorder.serve(most=1)
                        if len(run.operations) == kill_after:
                            # The kernel is at it: this kill is a race, as in life.
                            life.kill()
                    except Dying as dying:
                        if stacks:
                            run.stack = life.recorder.stack(dying, written)
                        life.kill()
        finally:
            if run.status is None:
                life.kill()
                run.status = self._channel.receive()["status"]
            life.close()
            os.close(written)
        return run

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
        written, door = channel.take_descriptors()
        pid = os.fork()
        if pid == 0:
            if order["stacks"]:
                write_stacks_to(written)
            _live(Channel(socket.socket(fileno=door)), function, order)
        os.close(written)
        os.close(door)
        channel.send({"pid": pid})
        _, status = os.waitpid(pid, 0)
        channel.send({"status": os.waitstatus_to_exitcode(status)})


def _live(door: Channel, function: Callable[..., Any], order: Mapping[str, Any]) -> None:
    try:
        if order["filter"] is not None:
            hand_over(door, to_bytes(order["filter"]), trapped=True)

        def ask(**message: Any) -> dict[str, Any]:
            door.send(message)
            return door.receive()

        def say(words: Any) -> None:
            ask(say=words)

        if order["telling"]:
            wrapped.install()
            wrapped.begin(ask)

        function(Path(order["home"]), say, *order["arguments"])
    except BaseException as error:
        door.send({"error": f"{type(error).__name__}: {error}"})
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
