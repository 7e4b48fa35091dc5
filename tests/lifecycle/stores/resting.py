"""A shelf in memory, which can fail before or after it has written."""

from __future__ import annotations

from collections.abc import Sequence

from harness.lifecycle import StoreUnavailable
from harness.lifecycle.stores.shelf import Row


class MemoryShelf:
    """Rows in a dict. `fails` is "before" or "after": the next write does so, once."""

    name = "memory"

    def __init__(self) -> None:
        self.lines: dict[int, tuple[bytes, bytes]] = {}
        self.count = 0
        self.saves: list[bytes] = []
        self.fails = ""

    def length(self) -> int:
        return self.count

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        return [(n, self.lines[n][1]) for n in sorted(self.lines) if start <= n < stop]

    def holds(self, record_key: bytes, before: int) -> bool:
        return any(key == record_key for n, (key, _) in self.lines.items() if n < before)

    def write(self, sequence: int, record_key: bytes, line: bytes) -> None:
        fails, self.fails = self.fails, ""
        if fails != "before":
            self.lines[sequence] = (record_key, line)
            self.count = sequence + 1
        if fails:
            raise StoreUnavailable("nothing was acknowledged")

    def put_checkpoint(self, data: bytes) -> None:
        self.saves = [data, *self.saves[:1]]

    def checkpoints(self) -> Sequence[bytes]:
        return self.saves

    def release(self) -> None:
        self.saves = []
