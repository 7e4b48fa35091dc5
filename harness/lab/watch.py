"""What a life does besides answering: strays outside its home, open modes, changes unexplained.

Everything that the recorder saw outside the home is a stray; without a recorder, what is new beside
the home at the end of a life. Paths are told from the home, or from a name for the place, so that a
record reads the same on every machine. Not strays: Python's own bytecode, POSIX semaphores and
shared memory. Where every operation was recorded, the operations must explain the directory.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from harness.lab.stage import Stage
from harness.world.disk.replay import mismatch, unmodelled
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Trace

_CHANGES_NOTHING = {"fsync", "sync"}
_MEMORY = ("/dev/shm/sem.", "/dev/shm/psm_")
_OTHERS = 0o077


class Watch:
    """One case's directory, and what lies around it."""

    def __init__(self, home: Path, stage: Stage) -> None:
        self.private = False
        self._home = _real(home.parent) / home.name
        self._stage = stage
        self._around = _names(self._home.parent)

    def after_command(self, trace: Trace | None) -> None:
        """Tell the strays that the recorder saw."""
        if trace is None:
            return
        for operation in trace.outside:
            if operation.kind not in _CHANGES_NOTHING:
                self._stray(operation.kind, operation.path)
                if operation.to is not None:
                    self._stray(operation.kind, operation.to)
        trace.outside.clear()

    def after_life(self) -> None:
        """Look around the home, and at the modes in it where the target calls it private."""
        for name in sorted(_names(self._home.parent) - self._around):
            self._around.add(name)
            self._stray("create", str(self._home.parent / name))
        if self.private:
            for path, mode in _open_to_others(self._home):
                self._stage.stray("exposed", path, mode=f"{mode:04o}")

    def at_the_end(self, trace: Trace | None) -> None:
        """Where the directory is not what its operations make it, nothing else proves anything."""
        if trace is None:
            return
        for operation in {op.path: op for op in unmodelled(trace.operations)}.values():
            self._stage.record("unmodelled", path=operation.path, why=_why(operation))
        if (difference := mismatch(trace.operations, self._home, trace.before)) is not None:
            self._stage.record("unmodelled", path=None, why=difference)

    def _stray(self, operation: str, path: str | None) -> None:
        if path is None or path.startswith(_MEMORY) or "/__pycache__" in path:
            return
        if not path.startswith(f"{self._home}{os.sep}"):
            self._stage.stray("strayed", self._named(path), operation=operation)

    def _named(self, path: str) -> str:
        """`../other`, `<tmp>/x`, `~/x`, `<cwd>/x`, or the path itself."""
        if path.startswith(f"{self._home.parent}{os.sep}"):
            return os.path.relpath(path, self._home)
        places = {"<cwd>": os.getcwd(), "<tmp>": tempfile.gettempdir(), "~": str(Path.home())}
        for name, place in sorted(places.items(), key=lambda entry: -len(entry[1])):
            if path.startswith(place.rstrip(os.sep) + os.sep):
                return name + path[len(place.rstrip(os.sep)) :]
        return path


@lru_cache(64)
def _real(folder: Path) -> Path:
    """Without links: homes come and go by the thousand in folders that stay."""
    return Path(os.path.realpath(folder))


def _why(operation: Operation) -> str:
    if operation.call == "mmap":
        return f"{operation.path} is mapped writable: what is written there cannot be followed"
    return f"what {operation.call} did to {operation.path} cannot be followed"


def _names(folder: Path) -> set[str]:
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


def _open_to_others(home: Path) -> Iterator[tuple[str, int]]:
    """The files and directories that more than their owner may use, and their modes."""
    for place in sorted(home.rglob("*")):
        mode = place.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            yield place.relative_to(home).as_posix(), stat.S_IMODE(mode)
