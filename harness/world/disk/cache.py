"""A home between memory and disk: all its files and names, as one tier of crash treats them."""

from __future__ import annotations

from harness.world.disk.choices import Tier
from harness.world.disk.file import Cached
from harness.world.disk.names import Names
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree

_FILES_KEPT = 8
"""Dead files fewer than this are not worth looking for."""


class Disk:
    """All files and names of a home, as one tier of crash treats them."""

    def __init__(self, before: Tree, tier: Tier) -> None:
        self.names = Names(before)
        self.files = {file: Cached(content) for file, content in before.contents.items()}
        self._tier = tier
        self._nameless: set[int] = set()

    def apply(self, index: int, operation: Operation) -> None:
        """One operation takes effect; a failed one none, but that a failed fsync leaves doubt."""
        file = None if operation.file is None else self.files.get(operation.file)
        if operation.error:
            if operation.kind == "fsync" and file is not None:
                file.fail()
            return
        if operation.kind == "create" and operation.file is not None:
            self.files[operation.file] = Cached()
            if operation.path is None:
                self._nameless.add(operation.file)
            if operation.data:
                self.files[operation.file].write(index, 0, operation.data)
        elif operation.kind == "write" and file is not None:
            file.write(index, operation.offset, operation.data)
        elif operation.kind == "truncate" and file is not None:
            file.truncate(index, operation.size)
        self.names.apply(index, operation)

    def promise(self, index: int, operation: Operation) -> None:
        """What a barrier makes sure when it returns. A kill loses nothing: all is sure at once."""
        if operation.error:
            return
        if operation.kind == "sync" or self._tier == "kill":
            for file in self.files.values():
                if file.pending:
                    file.sync()
            self.names.sync(None)
        else:
            if operation.file is None and self._tier == "posix":
                self.names.sync(operation.path)
            elif operation.file in self.files:
                self.files[operation.file].sync()
            if self._tier == "ext4":
                self._commit_journal(index)
        if len(self.files) > _FILES_KEPT:
            self._forget_the_lost()

    def _forget_the_lost(self) -> None:
        """Drop the files that no name will ever lead to again."""
        kept = self.names.reachable() | self._nameless
        self.files = {number: file for number, file in self.files.items() if number in kept}

    def _commit_journal(self, index: int) -> None:
        """Any fsync writes the whole journal; data that are not allocated yet stay in memory."""
        journal = Cut(self, index)
        for number, file in self.files.items():
            if file.pending:
                file.commit(journal.floor(number))
        self.names.sync(None)


class Cut:
    """The journal up to somewhere: which names it holds, and between which bounds files vary."""

    def __init__(self, disk: Disk, until: int) -> None:
        self._disk = disk
        self._until = until
        self._flushed = {
            change.flushes: change.operation
            for change in disk.names.pending
            if change.operation <= until
        }

    def floor(self, number: int) -> int:
        """How many pending changes of a file this journal takes along."""
        file = self._disk.files[number]
        truncated = [
            count
            for count, change in enumerate(file.pending, 1)
            if change.truncates and change.operation <= self._until
        ]
        flushed = self._flushed.get(number)
        with_rename = 0 if flushed is None else file.count_until(flushed)
        return max([with_rename, *truncated])

    def ceiling(self, number: int) -> int:
        """How many at most: a truncation after the cut has not happened."""
        file = self._disk.files[number]
        for count, change in enumerate(file.pending):
            if change.truncates and change.operation > self._until:
                return count
        return len(file.pending)
