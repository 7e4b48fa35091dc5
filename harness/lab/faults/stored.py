"""The `*.stored` boundaries: where they fall, told from what the target wrote, asked and answered.

Between two crossings the target does a stretch of disk operations, which falls into *stores*: a
store is what is written to one file up to its barrier, with the renames and the barriers of folders
that follow; a write after them, or to another file, begins the next one. A database and its log are
one file. What was stored is known by its words (the text of the message or of the reply, the ids of
its tool calls), in plain or as JSON writes them; where no store of the stretch shows them, the
first store is it.

- `user.stored`, `reply.stored`, `result.stored`: the store of the message after `user.received`, of
  the reply after `reply.received`, of the result after `tool.done` has been made;
- `checkpoint.stored`: the last store before `send` returns has been made, where it comes after the
  reply's and the target keeps checkpoints.

A death there leaves the disk as it was after that operation. The process is killed at the crossing
that ends the stretch, before it takes effect: nobody outside can tell the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.world.syscalls.operations import Operation
from harness.world.tree import is_rebuildable

ANCHORS = {
    "user.received": "user.stored",
    "reply.received": "reply.stored",
    "tool.done": "result.stored",
}
CHECKPOINT = "checkpoint.stored"
_BEGIN = ("create", "write", "truncate", "mkdir", "symlink")
_SHOWN = 24
_BESIDE = ("-wal", "-journal", "-shm")


@dataclass(frozen=True)
class Stretch:
    """What is written after the crossing `after`: the operations from number `start` on."""

    after: str
    start: int
    words: tuple[str, ...] = ()

    def moment(
        self, at: str, until: str, operations: Sequence[Operation], *, checkpoints: bool
    ) -> int | None:
        """How many operations there are when `at` is reached; None where this stretch does not.

        `until` is the crossing that ends it.
        """
        ends = stores(operations, self.start)
        if not ends or self.after not in ANCHORS:
            return None
        mine = self._mine(ends, operations)
        if at == ANCHORS[self.after]:
            return ends[mine]
        last = len(ends) - 1
        saved = checkpoints and until == "reply.returned" and last > mine
        return ends[last] if at == CHECKPOINT and saved else None

    def _mine(self, ends: Sequence[int], operations: Sequence[Operation]) -> int:
        """The place of the store that shows the words."""
        marks = [mark for text in self.words for mark in _written(text)]
        for place, (start, end) in enumerate(zip((self.start, *ends), ends, strict=False)):
            written = b"".join(operation.data for operation in operations[start:end])
            if any(mark in written for mark in marks):
                return place
        return 0


def stores(operations: Sequence[Operation], start: int = 0) -> tuple[int, ...]:
    """Where each store from operation `start` on ends: the number of operations by then."""
    ends: list[int] = []
    file, over = None, True
    for number, operation in enumerate(operations[start:], start + 1):
        if operation.error or is_rebuildable(operation.path or ""):
            continue
        if operation.kind in _BEGIN:
            if over or file != _file(operation):
                ends.append(number)
            file, over = _file(operation), False
        elif operation.kind != "unmodelled":
            over = True
        if ends:
            ends[-1] = number
    return tuple(ends)


def _file(operation: Operation) -> str:
    path = operation.path or ""
    return next((path.removesuffix(tail) for tail in _BESIDE if path.endswith(tail)), path)


def _written(text: str) -> Iterator[bytes]:
    """The beginning of a text as a file may hold it."""
    shown = text[:_SHOWN]
    if shown:
        yield shown.encode("utf-8", "replace")
        yield json.dumps(shown)[1:-1].encode()
        yield json.dumps(shown, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
