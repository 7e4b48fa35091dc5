"""Sequences of operations that a real file system would allow, without one: for laws about states.

`script` is a Hypothesis strategy; `write_down` turns rough steps into operations. `Reference` is a
second, slow and plain statement of what a crash may leave: per sector, size and name, any version
since the last sync.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from harness.world.disk.states import State
from harness.world.syscalls.operations import Operation

SECTOR, PAGE = 512, 4096
PATHS = ["a", "b", "d/a", "d/c"]
STEPS = st.one_of(
    st.tuples(
        st.just("write"),
        st.sampled_from(PATHS),
        st.sampled_from([0, 1, 500, 512, 4000, -1, -1, -1]),
        st.sampled_from([1, 300, 512, 1500, 5000]),
        st.booleans(),
    ),
    st.tuples(st.just("truncate"), st.sampled_from(PATHS), st.sampled_from([0, 100, 512, 6000])),
    st.tuples(st.just("fsync"), st.sampled_from(PATHS)),
    st.tuples(st.just("fsync directory"), st.sampled_from([".", "d"])),
    st.tuples(st.just("sync")),
    st.tuples(st.just("rename"), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    st.tuples(st.just("unlink"), st.sampled_from(PATHS)),
)


def write_down(steps: Sequence[Any]) -> list[Operation]:
    """Operations for the steps that make sense; each write has bytes of its own."""
    operations = [Operation("mkdir", "mkdir", "d")]
    names: dict[str, int] = {}
    sizes: dict[int, int] = {}
    for number, (kind, *details) in enumerate(steps, 1):
        path = details[0] if details else "."
        if kind == "write":
            _, offset, size, durable = details
            if path not in names:
                names[path] = len(sizes)
                sizes[names[path]] = 0
                operations.append(Operation("create", "openat", path, names[path]))
            file = names[path]
            at = sizes[file] if offset < 0 else offset
            sizes[file] = max(sizes[file], at + size)
            data = bytes([number]) * size
            operations.append(
                Operation("write", "write", path, file, offset=at, data=data, durable=durable)
            )
        elif kind == "fsync directory":
            operations.append(Operation("fsync", "fsync", path))
        elif kind == "sync":
            operations.append(Operation("sync", "sync", "."))
        elif path in names:
            file = names[path]
            if kind == "truncate":
                sizes[file] = details[1]
                operations.append(Operation(kind, kind, path, file, size=details[1]))
            elif kind == "fsync":
                operations.append(Operation(kind, kind, path, file))
            elif kind == "unlink":
                del names[path]
                operations.append(Operation(kind, kind, path, file))
            elif details[1] != path:
                names[details[1]] = names.pop(path)
                operations.append(Operation(kind, kind, path, file, to=details[1]))
    return operations


script = st.lists(STEPS, max_size=14).map(write_down)


@dataclass
class Reference:
    """What may be on disk: versions of contents since each file's last sync, values of names."""

    contents: dict[int, list[bytes]] = field(default_factory=dict)
    names: dict[str, list[int | None]] = field(default_factory=dict)

    @classmethod
    def until(cls, operations: Sequence[Operation], at: int) -> Reference:
        """After `at` operations, with the next one in flight."""
        reference = cls()
        for number, operation in enumerate(operations[: at + 1]):
            reference.change(operation)
            if number < at:
                reference.promise(operation)
        return reference

    def change(self, operation: Operation) -> None:
        file, path = operation.file, operation.path or ""
        if operation.kind == "create" and file is not None:
            self.contents[file] = [b""]
            self.names.setdefault(path, [None]).append(file)
        elif operation.kind == "write" and file is not None:
            old = self.contents[file][-1]
            end = operation.offset + len(operation.data)
            new = bytearray(old.ljust(end, b"\0"))
            new[operation.offset : end] = operation.data
            self.contents[file].append(bytes(new))
        elif operation.kind == "truncate" and file is not None:
            old = self.contents[file][-1]
            self.contents[file].append(old[: operation.size].ljust(operation.size, b"\0"))
        elif operation.kind in ("rename", "unlink"):
            self.names[path].append(None)
            if operation.to is not None:
                self.names.setdefault(operation.to, [None]).append(file)

    def promise(self, operation: Operation) -> None:
        if operation.kind == "sync" or (operation.barrier and operation.file is not None):
            for file in self.contents:
                if operation.kind == "sync" or file == operation.file:
                    self.contents[file] = self.contents[file][-1:]
        if operation.kind == "sync" or (operation.kind == "fsync" and operation.file is None):
            for path, values in self.names.items():
                if operation.kind == "sync" or (path.rpartition("/")[0] or ".") == operation.path:
                    self.names[path] = values[-1:]

    def objection(self, state: State) -> str | None:
        """Why a state is not legal; None where it is."""
        seen = dict(state.view.files)
        for path, values in self.names.items():
            directory = path.rpartition("/")[0]
            hidden = bool(directory) and directory not in state.view.directories
            if not hidden and seen.get(path) not in values and path in seen:
                return f"{path} is file {seen[path]}, one of {values} it was"
            if not hidden and path not in seen and None not in values:
                return f"{path} is missing and was synced"
        for path, content in state.files.items():
            objection = self._content_objection(content, self.contents[seen[path]])
            if objection is not None:
                return f"{path}: {objection}"
        return None

    @staticmethod
    def _content_objection(content: bytes, versions: Sequence[bytes]) -> str | None:
        sizes = {len(version) for version in versions}
        between = min(sizes) <= len(content) <= max(sizes) and len(content) % PAGE == 0
        if len(content) not in sizes and not between:
            return f"its size is {len(content)}, one of {sizes} it was"
        for start in range(0, len(content), SECTOR):
            sector = content[start : start + SECTOR]
            if not any(
                version[start : start + SECTOR].ljust(SECTOR, b"\0")[: len(sector)] == sector
                for version in versions
            ):
                return f"the sector at {start} holds what it never held"
        return None
