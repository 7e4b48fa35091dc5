"""Lives and deaths: the processes that are forked from a warm server.

A `Life` is forked from the server in milliseconds. Death is a SIGKILL to the whole process. Nothing
here decides when: the runner answers each message of a life, and says `Die` where it wants it dead.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.channel import Channel, Hangup, pair, to_text
from harness.world.clock import VirtualClock
from harness.world.interpreter import Server, ServerError, Stopped
from harness.world.outcome import (
    HANG_LIMIT_S,
    Died,
    Hung,
    Killed,
    Outcome,
    Raised,
    Returned,
    Untraceable,
    hang_limit_s,
    innermost,
    outcome_of,
    stack_in,
)
from harness.world.syscalls.filter import program
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Dying, Recorder, Tracing
from harness.world.told import Ear

__all__ = [
    "HANG_LIMIT_S",
    "Answer",
    "Die",
    "Died",
    "Hung",
    "Killed",
    "Life",
    "Outcome",
    "Raised",
    "Returned",
    "Server",
    "ServerError",
    "Stopped",
    "Tracing",
    "Untraceable",
]

_SLICE_MS = 100
_LAST_WORDS_S = 2.0
_OUTPUT_BYTES = 4000


class Die(Exception):
    """Raised by the answerer of a life's message: this is where it dies."""


Answer = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""What becomes of a life's message: its answer, or None where the life does not wait for one."""


class Life:
    """One process of the target, from fork to death."""

    def __init__(
        self,
        server: Server,
        clock: VirtualClock,
        order: Mapping[str, Any],
        tracing: Tracing | None = None,
    ) -> None:
        self._server = server
        self._tracing = tracing
        self._recorder: Recorder | None = None
        self._heard: deque[Mapping[str, Any]] = deque()
        self._ear: Ear | None = None
        self._answer: Answer
        commands, theirs = pair()
        door, their_door = pair()
        self._output = os.memfd_create("life-output", os.MFD_CLOEXEC)
        full = {**order, "epoch_ns": clock.epoch_ns, "origin_ns": clock.origin_ns}
        full |= {"telling": tracing is not None and tracing.told, "filter": None}
        if tracing is not None and tracing.told:
            self._ear = Ear(tracing.trace, tracing.decide, advance=tracing.advance)
        elif tracing is not None:
            full["filter"] = to_text(program(sleeps=tracing.slept is not None))
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

    def ask_series(self, commands: Sequence[Mapping[str, Any]], answer: Answer) -> Outcome:
        """Give several commands at once; what came of the first. The others are to be heard.

        They are carried out up to the first that raises. Not for a traced life: its operations
        would stand before the commands that come after them.
        """
        return self.ask({"do": "series", "commands": [*commands]}, answer)

    def hear(self, answer: Answer) -> Outcome:
        """What came of the next command of a series."""
        return self.ask(None, answer)

    def ask(self, command: Mapping[str, Any] | None, answer: Answer) -> Outcome:
        """Give one command and serve the life's calls until it is carried out, or the life ends."""
        self._answer = answer
        try:
            if command is not None:
                self._commands.send(command)
                self._server.do_meanwhile()
            return self._serve()
        except Hangup:
            return self._gone()
        except Die:
            return Killed(self._last_words())
        except Dying as dying:
            return Killed(self._place_of(dying))
        except _Refused as refused:
            self.kill()
            return Untraceable(str(refused))

    def _serve(self) -> Outcome:
        silent_since = time.monotonic()
        self._drain()
        while not self._heard:
            if self._server.stopped():
                raise Stopped
            held = self._recorder if self._recorder is not None and self._recorder.holds else None
            ready = dict(self._all.poll(0 if held else _SLICE_MS))
            if not ready:
                if held is not None and held.let_go(lambda: not self._all.poll(0)):
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > hang_limit_s():
                    return self._hung()
                continue
            silent_since = time.monotonic()
            # A look at what has nothing to say costs as much as one at what has. But the last
            # words of the dead may have come in while the others were looked at.
            over = self._pidfd in ready
            if over or self._door.fileno() in ready:
                self._drain()
            if self._recorder is not None and (event := ready.get(self._recorder.fileno())):
                self._record(self._recorder, event)
            asked = over or self._commands.fileno() in ready
            if asked and (done := self._commands.receive_now()) is not None:
                # What it told on its way here may have come in after the last look: it is older.
                with contextlib.suppress(Hangup):
                    self._drain()
                return outcome_of(done)
            if over:
                return self._gone()
        return outcome_of(self._heard.popleft())

    def _drain(self) -> None:
        """Answer what the life has said so far: it comes before what it does next."""
        while not self._heard and (call := self._door.receive_now()) is not None:
            if call["call"] == "answers":
                # They are heard before what crosses after them.
                self._heard.extend(call["answers"])
            elif call["call"] == "trapped":
                self._trapped(call)
            elif self._ear is not None and call["call"] == "told":
                self._told(self._ear, call)
            elif (answer := self._answer(call)) is not None:
                self._door.send(answer)

    def _told(self, ear: Ear, call: Mapping[str, Any]) -> None:
        answer = None if call["name"] == "torn" else ear.hear(call)
        if answer is None:
            raise Die
        self._door.send(answer)

    def _trapped(self, call: Mapping[str, Any]) -> None:
        if self._tracing is None or "failed" in call:
            raise _Refused(call.get("failed", "nobody asked for a recorder"))
        (listener,) = self._door.take_descriptors()
        tracing = self._tracing

        def decide(operation: Operation) -> Decision:
            self._drain()
            return tracing.decide(operation)

        def refused(address: str, what: str) -> None:
            self._drain()
            self._answer({"call": "network", "address": address, "what": what})

        self._recorder = Recorder(
            listener,
            tracing.trace,
            decide,
            advance=tracing.advance,
            refused=refused,
            slept=tracing.slept,
        )
        self._all.register(self._recorder, select.POLLIN)

    def _record(self, recorder: Recorder, event: int) -> None:
        if event & select.POLLHUP and recorder.over:
            self._all.unregister(recorder)
        else:
            recorder.serve(1)

    def _place_of(self, dying: Dying) -> str | None:
        """Which line it stands on in the operation that it dies in; then it is killed."""
        asked = self._tracing is not None and self._tracing.lines
        recorder = self._recorder if asked else None
        stack = () if recorder is None else recorder.stack(dying, self._output)
        self.kill()
        return innermost(stack, self._server.libraries)

    @property
    def said_something(self) -> bool:
        """Whether the life has written anything to its standard output or error."""
        return self.alive and os.fstat(self._output).st_size > 0

    def kill(self) -> None:
        """SIGKILL, now; every thread of it."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._end()

    def quit(self) -> None:
        """Let it go in peace, if it has not gone already."""
        if not self.alive:
            return
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

    def _hung(self) -> Hung:
        """Ask where it stands, and kill it; its stack is complete when nothing more comes."""
        begin = size = os.fstat(self._output).st_size
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + _LAST_WORDS_S
        while time.monotonic() < deadline:
            ready = dict(self._all.poll(_SLICE_MS))
            if self._recorder is not None and (event := ready.get(self._recorder.fileno())):
                self._record(self._recorder, event)
            elif self._pidfd in ready or begin < size == os.fstat(self._output).st_size:
                break
            size = os.fstat(self._output).st_size
        where = innermost(stack_in(self._output, begin), self._server.libraries)
        self.kill()
        return Hung(where, hang_limit_s())

    def _gone(self) -> Died:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        size = os.fstat(self._output).st_size
        tail = os.pread(self._output, _OUTPUT_BYTES, max(0, size - _OUTPUT_BYTES))
        return Died(self._end(), tail.decode("utf-8", "replace"))

    def _end(self) -> int:
        self.alive = False
        try:
            return self._server.reap(self.pid)
        finally:
            self._commands.close()
            self._door.close()
            if self._recorder is not None:
                self._recorder.close()
            os.close(self._pidfd)
            os.close(self._output)


def _poll(*ends: Channel | int) -> select.poll:
    """A poll that hears when one of these has something to say."""
    poll = select.poll()
    for end in ends:
        poll.register(end, select.POLLIN)
    return poll


class _Refused(Exception):
    """The life could not put the filter on."""
