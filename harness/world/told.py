"""The other recorder: a life that tells itself which system calls it is about to make.

For machines that refuse seccomp. The life's Python functions say each call over the bridge before
they make it (`harness.life.disk.wrapped`); it is understood, decided and recorded as a trapped call
is, by the same decoders. What makes its calls elsewhere, in a C library or a child process, is not
seen: the operations, played again, then do not give the directory, and the run is invalid.

What a pointer argument points to travels beside the call: the pointer is its place there, from 1.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.channel import to_bytes
from harness.world.syscalls import contents, entries
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.places import Call
from harness.world.syscalls.recorder import (
    Decide,
    Decision,
    Die,
    Fail,
    Short,
    Slow,
    Torn,
    Trace,
    cut,
    no_time,
)

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class ToldCall(Call):
    """A call whose pointers point into what was told with it."""

    given: tuple[bytes, ...] = ()

    def memory(self, address: int, size: int) -> bytes:
        """What was given in this place."""
        return self.given[address - 1][:size]

    def vectors(self, address: int, count: int) -> bytes:
        """The same: it was joined before it was told."""
        return self.given[address - 1]

    def text(self, index: int) -> str:
        """The path that was given."""
        return os.fsdecode(self.given[self.arguments[index] - 1])


class Ear:
    """One life's telling. `hear` takes a message and returns the answer; None where it dies."""

    def __init__(
        self, trace: Trace, decide: Decide, *, advance: Callable[[int], None] = no_time
    ) -> None:
        self.trace = trace
        trace.files.settle(None)
        self._decide = decide
        self._advance = advance

    def hear(self, told: Mapping[str, Any]) -> Answer | None:
        """`{}`: make it; `{"errno"}`: it fails; `{"part"}`: write so much, if `"torn"` then die."""
        files, thread = self.trace.files, told["thread"]
        files.settle(thread)
        given = tuple(to_bytes(text) for text in told["given"])
        call = ToldCall(told["name"], thread, tuple(told["arguments"]), files, given)
        decode = contents.CALLS.get(call.name) or entries.CALLS[call.name]
        try:
            operation = decode(call)
        except contents.Unsupported:
            return {"errno": errno.EOPNOTSUPP}
        if operation is None:
            return {}
        if operation.outside:
            self.trace.outside.append(operation)
            return {}
        return self._carried_out(operation, self._decide(operation))

    def _carried_out(self, operation: Operation, decision: Decision) -> Answer | None:
        if operation.kind == "create" and isinstance(decision, Fail | Die):
            self.trace.files.forget(operation.file)
        if isinstance(decision, Die):
            return None
        if isinstance(decision, Fail):
            self.trace.did(replace(operation, error=decision.error))
            return {"errno": decision.error}
        if isinstance(decision, Short | Torn):
            part = cut(operation, decision)
            self.trace.did(part)
            return {"part": len(part.data), "torn": isinstance(decision, Torn)}
        if isinstance(decision, Slow):
            self._advance(decision.duration_ns)
        self.trace.did(operation)
        return {}
