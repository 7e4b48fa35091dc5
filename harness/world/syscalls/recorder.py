"""The recorder: every operation of a life, numbered, shown to the runner, and answered.

A `Trace` belongs to a home and outlives its lives; a `Recorder` is one life's listener on it. The
life waits in the call meanwhile: what the runner records before it decides comes before the
operation, in order. Only entries are seen, no return values; so after a run the operations, played
again, are compared with the directory (`harness.world.disk.replay`).

It is also where the network ends for C libraries and child processes (`harness.world.network`).

Poll `fileno()` beside the life's sockets. A life may have sent a message before the call that woke
the poll: drain its sockets in `decide`, before recording the operation.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.world import network
from harness.world.outcome import stack_in
from harness.world.settled import RUNS_ON_S, Pending, at_rest
from harness.world.syscalls import contents, entries
from harness.world.syscalls.filter import SLEEPS
from harness.world.syscalls.notify import (
    Listener,
    Notification,
    Vanished,
    borrow,
    leader,
    signal_thread,
)
from harness.world.syscalls.numbers import machine
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.places import Call, Files
from harness.world.tree import Tree


@dataclass(frozen=True)
class Go:
    """It takes effect."""


@dataclass(frozen=True)
class Fail:
    """It fails with this errno, and nothing happens."""

    error: int


@dataclass(frozen=True)
class Short:
    """Only the first bytes are written, and the caller is told so; at least one."""

    size: int


@dataclass(frozen=True)
class Torn:
    """Only the first bytes are written, and there it dies."""

    size: int


@dataclass(frozen=True)
class Slow:
    """It takes effect after this much virtual time."""

    duration_ns: int


@dataclass(frozen=True)
class Die:
    """It does not take effect: there it dies."""


_STACK_CALLS_MAX = 10_000
_STACK_PATIENCE_MS = 500

Decision = Go | Fail | Short | Torn | Slow | Die
Decide = Callable[[Operation], Decision]


class Dying(Exception):
    """The life waits in this operation and must be killed now; `done` is False if untouched."""

    def __init__(self, operation: Operation, waiting: Notification, *, done: bool) -> None:
        super().__init__(f"it dies in {operation}")
        self.operation = operation
        self.waiting = waiting
        self.done = done


@dataclass
class Trace:
    """What all lives on one home did to it, in order; `outside` lists writes elsewhere."""

    files: Files
    operations: list[Operation] = field(default_factory=list)
    outside: list[Operation] = field(default_factory=list)

    @classmethod
    def of(cls, home: Path) -> Trace:
        """A trace that starts from what lies in the home now."""
        return cls(Files(home))

    def did(self, operation: Operation) -> None:
        """This was done, or failed; what was moved out of the home is a file outside, too."""
        self.operations.append(operation)
        if operation.gone_to is not None and not operation.error:
            self.outside.append(
                replace(operation, kind="rename", path=operation.gone_to, outside=True)
            )

    @property
    def before(self) -> Tree:
        """What lay there before the first operation."""
        return self.files.before


@dataclass(frozen=True)
class Tracing:
    """Every disk operation of a life goes through `decide` into `trace`; `advance` moves time.

    `told`: the life tells its calls itself, for there is no trapping them here. With `slept` its
    sleeps are trapped as well, and over when that returns. `lines`: of a life that dies in an
    operation the line is found that it stood on.
    """

    trace: Trace
    decide: Decide
    advance: Callable[[int], None]
    told: bool = False
    slept: Callable[[], None] | None = None
    lines: bool = True


def cut(operation: Operation, decision: Short | Torn) -> Operation:
    """The part of a write that takes effect; ValueError for what cannot be cut."""
    if operation.kind != "write" or not 0 < decision.size <= len(operation.data):
        raise ValueError(
            f"{decision} cannot be done to {operation}: only a write can be cut, to between "
            f"1 and all of its {len(operation.data)} bytes"
        )
    return replace(operation, data=operation.data[: decision.size])


def no_time(duration_ns: int) -> None:
    """The default of `advance`: there is no clock to move."""
    raise ValueError(f"Slow({duration_ns}) needs a recorder with a clock: give it `advance`")


class Recorder:
    """One life's disk system calls. Owns the listener; `close` it when the life is dead."""

    def __init__(
        self,
        descriptor: int,
        trace: Trace,
        decide: Decide,
        *,
        advance: Callable[[int], None] = no_time,
        refused: Callable[[str, str], None] = lambda address, call: None,
        slept: Callable[[], None] | None = None,
    ) -> None:
        self.trace = trace
        # Whoever was making files before is dead.
        trace.files.settle(None)
        self._listener = Listener(descriptor)
        self._decide = decide
        self._advance = advance
        self._refused = refused
        self._slept = slept
        self._pending = Pending(trace.files.home)
        self._held: list[Notification] = []
        self._held_since = 0.0
        self._leaders: dict[int, int] = {}
        self._names = {number: name for name, number in machine().numbers.items()}

    def fileno(self) -> int:
        """The listener, for a poll; it hangs up when no process of the life is left."""
        return self._listener.fileno()

    @property
    def over(self) -> bool:
        """Whether no process of the life is left. A poll of `fileno()` then never waits."""
        return self._listener.hung_up()

    def close(self) -> None:
        """Close the listener; a process that still waits gets ENOSYS."""
        self._listener.close()

    def serve(self, most: int | None = None) -> int:
        """Take every call that waits now (or at most so many), and say how many.

        Those of threads in the background are held until `let_go`, all others are answered.
        Dying where the life must be killed: it waits in the call, which stays unanswered.
        """
        served = 0
        while served != most and self._listener.waiting():
            try:
                waiting = self._listener.receive()
                if self._leader(waiting.thread) == waiting.thread:
                    self._answer(waiting)
                else:
                    self._hold(waiting)
            except Vanished:
                continue
            served += 1
        return served

    @property
    def holds(self) -> bool:
        """Whether a call of a thread in the background is held."""
        return bool(self._held)

    def let_go(self, quiet: Callable[[], bool]) -> bool:
        """Answer one call that is held: if all other threads rest, and it is `quiet` even then.

        False where it is too early. Dying as with `serve`.
        """
        first = min(self._held, key=lambda waiting: waiting.thread)
        rests = at_rest(self._leaders[first.thread], first.thread) and quiet()
        if not rests and time.monotonic() - self._held_since < RUNS_ON_S:
            return False
        self._held.remove(first)
        self._held_since = time.monotonic()
        with contextlib.suppress(Vanished):
            self._answer(first)
        return True

    def _hold(self, waiting: Notification) -> None:
        if not self._held:
            self._held_since = time.monotonic()
        self._held.append(waiting)

    def _leader(self, thread: int) -> int:
        if thread not in self._leaders:
            self._leaders[thread] = leader(thread)
        return self._leaders[thread]

    def stack(self, dying: Dying, written: int) -> tuple[str, ...]:
        """The Python frames that issued the operation it dies in, innermost first.

        `written` is a descriptor of ours for the file that the life gave `write_stacks_to`. The
        call is interrupted, so the life must be killed afterwards all the same; it gets no further
        than its next operation. Empty where the life writes none.
        """
        process = leader(dying.waiting.thread)
        signal_thread(process, dying.waiting.thread, signal.SIGUSR2)
        end = os.fstat(written).st_size
        self._listener.refuse(dying.waiting, errno.EINTR)
        for _ in range(_STACK_CALLS_MAX):
            if not self._listener.wait(_STACK_PATIENCE_MS):
                break
            waiting = self._listener.receive()
            try:
                if self._names[waiting.number] in network.CALLS | SLEEPS:
                    break
                if self._understand(waiting) is not None:
                    break
            except contents.Unsupported:
                break
            self._listener.go_on(waiting)
        return stack_in(written, end)

    def _answer(self, waiting: Notification) -> None:
        if self._names[waiting.number] in network.CALLS:
            self._gate(waiting)
            return
        if self._names[waiting.number] in SLEEPS:
            if self._slept is not None:
                self._slept()
            self._listener.check(waiting)
            self._listener.give(waiting, 0)
            return
        try:
            operation = self._understand(waiting)
        except contents.Unsupported:
            self._listener.refuse(waiting, errno.EOPNOTSUPP)
            return
        if operation is None:
            self._listener.go_on(waiting)
        elif operation.outside:
            self.trace.outside.append(operation)
            self._listener.go_on(waiting)
        else:
            self._carry_out(waiting, operation, self._decide(operation))

    def _gate(self, waiting: Notification) -> None:
        """Nothing leaves this machine, whoever sends it."""
        name = self._names[waiting.number]
        address = network.outside(Call(name, waiting.thread, waiting.arguments, self.trace.files))
        self._listener.check(waiting)
        if address is None:
            self._listener.go_on(waiting)
        else:
            self._refused(address, name)
            self._listener.refuse(waiting, errno.ENETUNREACH)

    def _understand(self, waiting: Notification) -> Operation | None:
        """The operation; the caller is known to be still there when this returns."""
        self._pending.settle(waiting.thread)
        self.trace.files.settle(waiting.thread)
        name = self._names[waiting.number]
        call = Call(name, waiting.thread, waiting.arguments, self.trace.files)
        decode = contents.CALLS.get(name) or entries.CALLS[name]
        try:
            operation = decode(call)
        except OSError:
            # The files of a caller that died meanwhile cannot be looked up; of a live one they can.
            self._listener.check(waiting)
            raise
        self._listener.check(waiting)
        return operation

    def _carry_out(self, waiting: Notification, operation: Operation, decision: Decision) -> None:
        if operation.kind == "create" and isinstance(decision, Fail | Die):
            self.trace.files.forget(operation.file)
        if isinstance(decision, Short | Torn):
            self._in_part(waiting, operation, decision)
        elif isinstance(decision, Die):
            raise Dying(operation, waiting, done=False)
        elif isinstance(decision, Fail):
            self.trace.did(replace(operation, error=decision.error))
            self._listener.refuse(waiting, decision.error)
        else:
            if isinstance(decision, Slow):
                self._advance(decision.duration_ns)
            self.trace.did(operation)
            self._pending.let_go(operation)
            try:
                self._listener.go_on(waiting)
            except Vanished:
                # Interrupted or dead before it was let go: the kernel did nothing.
                self.trace.operations[-1] = replace(operation, error=errno.EINTR)
                raise

    def _in_part(self, waiting: Notification, operation: Operation, decision: Short | Torn) -> None:
        part = cut(operation, decision)
        argument = contents.TARGET_ARGUMENT.get(operation.call, 0)
        ours = borrow(waiting.thread, waiting.arguments[argument] & 0xFFFFFFFF)
        try:
            if contents.moves_position(operation.call, waiting.arguments):
                os.write(ours, part.data)
            else:
                os.pwrite(ours, part.data, part.offset)
        finally:
            os.close(ours)
        self.trace.did(part)
        if isinstance(decision, Torn):
            raise Dying(part, waiting, done=True)
        self._listener.give(waiting, decision.size)
