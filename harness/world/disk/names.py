"""Directory entries between memory and disk.

A directory is a node, an entry is (directory, name) -> node. One operation changes its entries
together; until its directory is synced (any of its directories: a rename between two is one
transaction) it may or may not be on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.world.syscalls.operations import Operation
from harness.world.tree import Rebuildable, Tree

ROOT = -1

Node = int | str
"""A file's identity (0 and up), a directory (-1 and down), or a symbolic link's target."""
Entry = tuple[int, str]
Entries = Mapping[Entry, Node]


@dataclass(frozen=True, slots=True)
class NameChange:
    """What one operation does to entries: the new node of each, None to remove it.

    `flushes` is the file whose data a rename over an existing file makes ext4 write out first.
    """

    operation: int
    entries: tuple[tuple[Entry, Node | None], ...]
    flushes: int | None = None


@dataclass(frozen=True)
class View:
    """What one set of entries looks like from the root."""

    files: tuple[tuple[str, int], ...]
    directories: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


class Names:
    """All entries of a home: what is surely on disk, what is pending, and what a process sees."""

    def __init__(self, before: Tree) -> None:
        self.durable: dict[Entry, Node] = {}
        self.pending: list[NameChange] = []
        self._current: dict[Entry, Node] = {}
        self._views: dict[tuple[int, ...], View] = {}
        self._last_directory = ROOT
        for path in sorted(before.directories):
            self._set(path, self._new_directory())
        for path, file in before.names.items():
            self._set(path, file)
        for path, target in before.links.items():
            self._set(path, target)
        self.durable = dict(self._current)

    def apply(self, index: int, operation: Operation) -> None:
        """One operation on names; others are none of our business."""
        changes = getattr(self, f"_{operation.kind}", None)
        if changes is None:
            return
        entries = changes(operation)
        if not entries:
            return
        flushes = self._flushed(operation, entries)
        self.pending.append(NameChange(index, entries, flushes))
        self._views.clear()
        _apply(self._current, entries)

    def sync(self, path: str | None) -> None:
        """The entries of a directory are on disk; None: those of all."""
        directory = None if path is None else self._directory(path)
        if path is not None and directory is None:
            return
        kept: list[NameChange] = []
        synced: list[NameChange] = []
        settled: set[Entry] = set()
        for change in reversed(self.pending):
            if directory is None or any(entry[0] == directory for entry, _ in change.entries):
                synced.append(change)
                settled |= {entry for entry, _ in change.entries}
                continue
            # A rename out of this directory settled its old name: what came before is past.
            left = tuple((entry, node) for entry, node in change.entries if entry not in settled)
            if left:
                kept.append(replace(change, entries=left))
        for change in reversed(synced):
            _apply(self.durable, change.entries)
        if synced:
            self.pending = kept[::-1]
            self._views.clear()

    def see(self, kept: Iterable[int], unwanted: Rebuildable) -> View:
        """What a crash leaves to see that keeps these pending changes, by their numbers."""
        key = tuple(kept)
        if key not in self._views:
            entries = dict(self.durable)
            for number in key:
                _apply(entries, self.pending[number].entries)
            self._views[key] = view(entries, unwanted)
        return self._views[key]

    def reachable(self) -> set[int]:
        """The files that some crash, or the process itself, could still find by a name."""
        nodes = {*self.durable.values(), *self._current.values()}
        nodes |= {node for change in self.pending for _, node in change.entries if node is not None}
        return {node for node in nodes if isinstance(node, int) and node >= 0}

    def _create(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        if operation.path is None or operation.file is None:
            return ()
        return ((self._entry(operation.path), operation.file),)

    def _mkdir(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        return ((self._entry(operation.path), self._new_directory()),)

    def _symlink(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        return ((self._entry(operation.path), os.fsdecode(operation.data)),)

    def _link(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        node = operation.file
        linked = self._current[self._entry(operation.path)] if node is None else node
        return ((self._entry(operation.to), linked),)

    def _unlink(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        return ((self._entry(operation.path), None),)

    _rmdir = _unlink

    def _rename(self, operation: Operation) -> tuple[tuple[Entry, Node | None], ...]:
        old, new = self._entry(operation.path), self._entry(operation.to)
        swapped = self._current[new] if operation.exchange else None
        return ((old, swapped), (new, self._current[old]))

    def _flushed(
        self, operation: Operation, entries: tuple[tuple[Entry, Node | None], ...]
    ) -> int | None:
        replaces = operation.kind == "rename" and entries[1][0] in self._current
        return operation.file if replaces and not operation.exchange else None

    def _entry(self, path: str | None) -> Entry:
        head, _, tail = (path or "").rpartition("/")
        directory = self._directory(head or ".")
        if directory is None:
            raise ValueError(f"{path} lies in a directory that no operation has made")
        return directory, tail

    def _directory(self, path: str) -> int | None:
        if path == ".":
            return ROOT
        node: Node | None = ROOT
        for name in path.split("/"):
            node = self._current.get((node, name)) if isinstance(node, int) else None
        return node if isinstance(node, int) and node < 0 else None

    def _set(self, path: str, node: Node) -> None:
        self._current[self._entry(path)] = node

    def _new_directory(self) -> int:
        self._last_directory -= 1
        return self._last_directory


def view(entries: Entries, unwanted: Rebuildable) -> View:
    """Everything that can be reached from the root, in the order of the paths."""
    below: dict[int, list[tuple[str, Node]]] = {}
    for (directory, name), node in entries.items():
        below.setdefault(directory, []).append((name, node))
    files: list[tuple[str, int]] = []
    directories: list[str] = []
    links: list[tuple[str, str]] = []
    todo = [("", ROOT)]
    while todo:
        start, directory = todo.pop()
        for name, node in below.pop(directory, ()):
            path = start + name
            if isinstance(node, str):
                links.append((path, node))
            elif node < 0:
                directories.append(path)
                todo.append((path + "/", node))
            elif not unwanted(path):
                files.append((path, node))
    return View(tuple(sorted(files)), tuple(sorted(directories)), tuple(sorted(links)))


def _apply(entries: dict[Entry, Node], changes: Iterable[tuple[Entry, Node | None]]) -> None:
    for entry, node in changes:
        if node is None:
            entries.pop(entry, None)
        else:
            entries[entry] = node
