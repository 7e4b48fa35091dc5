"""The operations played again: the directory that they give when nothing is lost.

The recorder sees calls enter and not how they return; this is its proof. It shares nothing with the
model of crashes beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree, difference, is_rebuildable, read_tree, write_tree

_EMPTY = Tree()


class _Replay:
    def __init__(self, before: Tree) -> None:
        self.names = dict(before.names)
        self.contents = {file: bytearray(data) for file, data in before.contents.items()}
        self.directories = set(before.directories)
        self.links = dict(before.links)

    def apply(self, operation: Operation) -> None:
        """Do it; fsync and its kind change nothing."""
        does = getattr(self, f"_{operation.kind}", None)
        if does is not None and not operation.error:
            does(operation)

    def _create(self, operation: Operation) -> None:
        file = _known(operation.file)
        self.contents[file] = bytearray(operation.data)
        if operation.path is not None:
            self._forget(operation.path)
            self.names[operation.path] = file

    def _write(self, operation: Operation) -> None:
        content = self.contents[_known(operation.file)]
        end = operation.offset + len(operation.data)
        if len(content) < end:
            content.extend(bytes(end - len(content)))
        content[operation.offset : end] = operation.data

    def _truncate(self, operation: Operation) -> None:
        content = self.contents[_known(operation.file)]
        del content[operation.size :]
        content.extend(bytes(operation.size - len(content)))

    def _rename(self, operation: Operation) -> None:
        old, new = operation.path or "", operation.to or ""
        moved, replaced = self._take(old), self._take(new)
        self._put(moved, old, new)
        if operation.exchange:
            self._put(replaced, new, old)

    def _link(self, operation: Operation) -> None:
        if operation.file is None:
            self.links[operation.to or ""] = self.links[operation.path or ""]
        else:
            self.names[operation.to or ""] = operation.file

    def _symlink(self, operation: Operation) -> None:
        self.links[operation.path or ""] = os.fsdecode(operation.data)

    def _unlink(self, operation: Operation) -> None:
        self._forget(operation.path or "")

    def _mkdir(self, operation: Operation) -> None:
        self.directories.add(operation.path or "")

    def _rmdir(self, operation: Operation) -> None:
        self.directories.discard(operation.path or "")

    def _forget(self, path: str) -> None:
        self.names.pop(path, None)
        self.links.pop(path, None)

    def _take(self, path: str) -> tuple[dict[str, int], dict[str, str], set[str]]:
        """Remove a name and everything below it."""

        def below(name: str) -> bool:
            return name == path or name.startswith(path + "/")

        names = {name: self.names.pop(name) for name in [*self.names] if below(name)}
        links = {name: self.links.pop(name) for name in [*self.links] if below(name)}
        directories = {name for name in self.directories if below(name)}
        self.directories -= directories
        return names, links, directories

    def _put(
        self, taken: tuple[dict[str, int], dict[str, str], set[str]], old: str, new: str
    ) -> None:
        names, links, directories = taken
        self.names.update({new + name[len(old) :]: file for name, file in names.items()})
        self.links.update({new + name[len(old) :]: target for name, target in links.items()})
        self.directories |= {new + name[len(old) :] for name in directories}


def replay(operations: Iterable[Operation], before: Tree = _EMPTY) -> Tree:
    """The tree after all operations, each whole. KeyError for a file that was never created."""
    done = _Replay(before)
    for operation in operations:
        done.apply(operation)
    named = set(done.names.values())
    contents = {file: bytes(data) for file, data in done.contents.items() if file in named}
    return Tree(done.names, contents, frozenset(done.directories), done.links)


def rebuild(operations: Iterable[Operation], into: Path, before: Tree = _EMPTY) -> None:
    """Lay down what `replay` gives, in an existing empty directory."""
    write_tree(replay(operations, before), into)


def mismatch(operations: Iterable[Operation], home: Path, before: Tree = _EMPTY) -> str | None:
    """How a directory differs from its replayed operations, as a sentence; None if it does not.

    Rebuildable files do not count (`harness.world.tree.is_rebuildable`).
    """
    expected = replay(operations, before).without(is_rebuildable)
    found, _ = read_tree(home)
    return difference(expected, found.without(is_rebuildable))


def unmodelled(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """What the recorder could not follow, such as a data file mapped writable: say it loudly."""
    return tuple(
        operation
        for operation in operations
        if operation.kind == "unmodelled" and not is_rebuildable(operation.path or "")
    )


def _known(file: int | None) -> int:
    if file is None:
        raise ValueError("an operation on a file's content has no file")
    return file
