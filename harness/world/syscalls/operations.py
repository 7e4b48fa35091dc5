"""An operation: what one system call is about to do to the directory under test.

Recorded when the kernel is entered, before anything has happened; a call that is known to fail (a
missing name, a read-only descriptor) is none. The file is named by an identity of our own: the
kernel gives a deleted file's inode number to the next one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "create",
    "write",
    "truncate",
    "fsync",
    "sync",
    "rename",
    "link",
    "symlink",
    "unlink",
    "mkdir",
    "rmdir",
    "unmodelled",
]
BARRIERS: frozenset[Kind] = frozenset({"fsync", "sync"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Paths are relative to the home, absolute where `outside`; None for no name.

    - create: `path`, `file`, and `data` where a file was moved in from outside
    - write: `file`, `offset`, `data`; `durable` where the file is open for synchronous writing
    - truncate: `file`, `size` (to grow, too)
    - fsync: `file`, or None and the directory's `path`; sync: all of it
    - rename, link: `path`, `to`, `file` (None: a directory); `exchange` where the two change places
    - symlink: `path`, and the target in `data`
    - unlink, rmdir, mkdir: `path`; unlink: `gone_to`, where it was moved outside
    - unmodelled: what `call` does cannot be followed from here on

    `error` is the errno that it was answered; 0 where it took effect.
    """

    kind: Kind
    call: str
    path: str | None
    file: int | None = None
    to: str | None = None
    offset: int = 0
    size: int = 0
    data: bytes = b""
    durable: bool = False
    exchange: bool = False
    outside: bool = False
    error: int = 0
    thread: int = 0
    gone_to: str | None = None

    @property
    def barrier(self) -> bool:
        """Whether the storage promises something when it returns."""
        return self.kind in BARRIERS or self.durable

    def shape(self) -> str:
        """What stays the same in every run of the same code: no content, no names."""
        sizes = f"{self.offset}+{len(self.data)}" if self.kind == "write" else str(self.size)
        marks = f"{'d' * self.durable}{'x' * self.exchange}{self.error or ''}"
        return f"{self.kind}:{self.file}:{sizes}:{marks}"

    def __str__(self) -> str:
        detail = {
            "write": f" {len(self.data)} bytes at {self.offset}",
            "truncate": f" to {self.size} bytes",
            "rename": f" to {self.to}",
            "link": f" as {self.to}",
        }.get(self.kind, "")
        failed = f" (fails with errno {self.error})" if self.error else ""
        return f"{self.call} {self.path or 'a nameless file'}{detail}{failed}"


def fingerprint(operations: Iterable[Operation]) -> str:
    """Twelve hexadecimal digits of the trace's shape: which calls, on which files, how long."""
    hashed = hashlib.blake2b(digest_size=6)
    for operation in operations:
        hashed.update(operation.shape().encode() + b"\n")
    return hashed.hexdigest()


def divergence(one: Sequence[Operation], other: Sequence[Operation]) -> int | None:
    """The index of the first operation whose shape differs; None where the traces agree."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left.shape() != right.shape():
            return index
    return None if len(one) == len(other) else min(len(one), len(other))
