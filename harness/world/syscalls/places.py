"""Where a call points: which file a descriptor or a path of another process means, and whether it
lies in the home.

Resolved anew for every call: descriptors are duplicated, files renamed, directories changed.
A file's identity is given when it is created and bound to its inode at the next call, when the
kernel has made it; an inode number that comes back belongs to the new file.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.world.syscalls.notify import read_memory, read_string, read_vectors
from harness.world.tree import read_tree

AT_FDCWD = -100
_DELETED = " (deleted)"
_NO_DISK = ("/memfd:", "/proc/", "/sys/", "/dev/")
_STILL_A_DISK = "/dev/shm/"
_FDINFO_BYTES = 512
_OF_THE_CALLER = ("/proc/self/", "/proc/thread-self/", "/dev/fd/")


@dataclass(frozen=True)
class Opened:
    """An open file or directory of another process; `path` is absolute, without links."""

    number: int
    path: str
    status: os.stat_result

    @property
    def directory(self) -> bool:
        """Whether it is a directory."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def nameless(self) -> bool:
        """Whether no directory names it (any more)."""
        return not self.status.st_nlink

    @property
    def inode(self) -> tuple[int, int]:
        """What the kernel knows it by, for now."""
        return self.status.st_dev, self.status.st_ino


class Files:
    """The files of one home across all lives; `before` is what was there first."""

    def __init__(self, home: Path) -> None:
        self.home = os.path.realpath(home)
        self.before, self._by_inode = read_tree(Path(self.home))
        self._next = len(self._by_inode)
        self._unbound: list[tuple[int, str, int]] = []
        self._nameless: list[int] = []

    def relative(self, path: str) -> str | None:
        """An absolute path as one relative to the home; None outside of it."""
        if path == self.home:
            return "."
        return path[len(self.home) + 1 :] if path.startswith(self.home + "/") else None

    def create(self, path: str | None, thread: int) -> int:
        """An identity for a file that a thread is about to make; None: without a name."""
        file, self._next = self._next, self._next + 1
        if path is None:
            self._nameless.append(file)
        else:
            self._unbound.append((file, path, thread))
        return file

    def forget(self, file: int | None) -> None:
        """This file will not be made after all."""
        self._unbound = [entry for entry in self._unbound if entry[0] != file]
        self._nameless = [number for number in self._nameless if number != file]

    def settle(self, thread: int | None) -> None:
        """Bind what the kernel has made since; this thread's last call is over (None: all are)."""
        left = []
        for file, path, maker in self._unbound:
            try:
                status = os.lstat(os.path.join(self.home, path))
            except OSError:
                # Another's may be under way; one's own has failed, and the name is free for others.
                if thread is not None and maker != thread:
                    left.append((file, path, maker))
            else:
                self._by_inode[status.st_dev, status.st_ino] = file
        self._unbound = left

    def at(self, path: str) -> int | None:
        """The identity of the file with this absolute path."""
        try:
            status = os.lstat(path)
        except OSError:
            return None
        return self._by_inode.get((status.st_dev, status.st_ino))

    def of(self, opened: Opened) -> int | None:
        """The identity of an open file; None for one that nobody was seen to make."""
        file = self._by_inode.get(opened.inode)
        if opened.nameless and self._nameless and file is None:
            file = self._by_inode[opened.inode] = self._nameless.pop(0)
        return file


@dataclass(frozen=True)
class Call:
    """One call of another process, with its pointers followed on demand."""

    name: str
    thread: int
    arguments: tuple[int, ...]
    files: Files

    def signed(self, index: int) -> int:
        """An argument as a C int."""
        low = self.arguments[index] & 0xFFFFFFFF
        return low - (1 << 32) if low >> 31 else low

    def opened(self, index: int) -> Opened | None:
        """The file or directory behind a descriptor argument; None for what is on no disk."""
        number = self.signed(index)
        link = f"/proc/{self.thread}/fd/{number}"
        try:
            path = os.readlink(link)
            if not path.startswith("/") or _on_no_disk(path):
                return None
            status = os.stat(link)
        except OSError:
            return None
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            return None
        if not status.st_nlink:
            path = path.removesuffix(_DELETED)
        return Opened(number, path, status)

    def position(self, number: int) -> tuple[int, int]:
        """The position and the flags of a descriptor."""
        # Every write asks this: a buffered file would cost as much as all else that is asked of it.
        info = os.open(f"/proc/{self.thread}/fdinfo/{number}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fields = os.read(info, _FDINFO_BYTES).split()
        finally:
            os.close(info)
        return int(fields[1]), int(fields[3], 8)

    def offset_at(self, index: int) -> int | None:
        """The 64-bit offset that an argument points to; None for a null pointer."""
        if not self.arguments[index]:
            return None
        return int.from_bytes(self.memory(self.arguments[index], 8), "little")

    def memory(self, address: int, size: int) -> bytes:
        """What lies at an address of the caller."""
        return read_memory(self.thread, address, size)

    def vectors(self, address: int, count: int) -> bytes:
        """What an iovec of the caller points to, joined."""
        return read_vectors(self.thread, address, count)

    def text(self, index: int) -> str:
        """The string that an argument points to."""
        return read_string(self.thread, self.arguments[index])

    def path(self, index: int, directory: int | None = None, *, follow: bool = False) -> str | None:
        """The absolute path of a name argument; `directory` is the index of its dirfd argument.

        `follow` follows a link in the last component too. None where it cannot be found.
        """
        text = self.text(index)
        for prefix in _OF_THE_CALLER:
            if text.startswith(prefix):
                rest = text.removeprefix(prefix)
                text = f"/proc/{self.thread}/{'fd/' if prefix == '/dev/fd/' else ''}{rest}"
        if not text.startswith("/"):
            start = AT_FDCWD if directory is None else self.signed(directory)
            link = "cwd" if start == AT_FDCWD else f"fd/{start}"
            with contextlib.suppress(OSError):
                text = os.path.join(os.readlink(f"/proc/{self.thread}/{link}"), text)
            if not text.startswith("/"):
                return None
        head, tail = os.path.split(text.rstrip("/") or "/")
        if follow or tail in ("", ".", ".."):
            return os.path.realpath(text)
        return os.path.join(os.path.realpath(head), tail)


def _on_no_disk(path: str) -> bool:
    return path.startswith(_NO_DISK) and not path.startswith(_STILL_A_DISK)
