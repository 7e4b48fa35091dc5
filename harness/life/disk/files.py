"""`open`, `io.FileIO` and `mmap.mmap` that tell what they are about to do to a file.

Buffers and text layers stay Python's own, so what reaches the kernel is cut into the same writes;
only the file below them is another class. A file opened for reading alone is Python's own too.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import warnings
from typing import Any

from harness.life.disk.tell import Told, joined, opening, silent, tell, writing

_open_now = open
_FLAGS = {
    "r": 0,
    "w": os.O_CREAT | os.O_TRUNC,
    "a": os.O_CREAT | os.O_APPEND,
    "x": os.O_CREAT | os.O_EXCL,
}


class WatchedFile(io.FileIO):
    """A file whose opening, writes and truncations are told."""

    def __init__(
        self, file: Any, mode: str = "r", closefd: bool = True, opener: Any = None
    ) -> None:
        told = None
        if not silent() and opener is None and not isinstance(file, int):
            with contextlib.suppress(TypeError, ValueError):
                told = opening(file, _flags(mode), 0o666)
        tell(told, lambda: super(WatchedFile, self).__init__(file, mode, closefd, opener))

    def write(self, data: Any, /) -> int:
        """Write, as much as the kernel takes."""
        now = super().write
        if silent() or self.closed or not self.writable():
            return now(data)
        told = writing(self.fileno(), data, lambda size: now(joined(data)[:size]))
        written: int = tell(told, lambda: now(data))
        return written

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or grow to this size, or to the position."""
        if silent() or self.closed or not self.writable():
            return super().truncate(size)
        length = self.tell() if size is None else size
        now = super().truncate
        cut: int = tell(Told("ftruncate", (self.fileno(), length)), lambda: now(length))
        return cut


class WatchedMap(mmap.mmap):
    """A mapping, told where it is shared and writable: what it changes cannot be followed."""

    def __new__(cls, fileno: int, length: int, *arguments: Any, **named: Any) -> WatchedMap:
        """As `mmap.mmap`: flags, prot, access and offset may follow."""

        def act() -> WatchedMap:
            return super(WatchedMap, cls).__new__(cls, fileno, length, *arguments, **named)

        shared = not silent() and fileno != -1 and _changes_its_file(*arguments, **named)
        told = Told("mmap", (0, length, 0, 0, fileno, 0)) if shared else None
        mapped: WatchedMap = tell(told, act)
        return mapped


def _changes_its_file(
    flags: int = mmap.MAP_SHARED,
    prot: int = mmap.PROT_WRITE | mmap.PROT_READ,
    access: int = mmap.ACCESS_DEFAULT,
    offset: int = 0,
    **_more: int,
) -> bool:
    if access != mmap.ACCESS_DEFAULT:
        return access == mmap.ACCESS_WRITE
    return bool(flags & mmap.MAP_SHARED and prot & mmap.PROT_WRITE)


def open_watched(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """As `open`."""
    if silent() or not _writes(mode) or _is_odd(mode, encoding, errors, newline):
        return _open_now(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if buffering == 1 and "b" in mode:
        warnings.warn("bytes have no lines to buffer by", RuntimeWarning, stacklevel=2)
        buffering = -1
    if not isinstance(file, int):
        file = os.fspath(file)
    raw = WatchedFile(file, mode.replace("b", "").replace("t", ""), closefd, opener)
    try:
        return _layered(raw, mode, buffering, encoding, errors, newline)
    except BaseException:
        raw.close()
        raise


def _layered(
    raw: WatchedFile,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
) -> Any:
    if buffering == 0:
        if "b" not in mode:
            raise ValueError("can't have unbuffered text I/O")
        return raw
    by_line = buffering == 1 or (buffering < 0 and raw.isatty())
    size = buffering if buffering > 1 else getattr(raw, "_blksize", io.DEFAULT_BUFFER_SIZE)
    buffer = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw, size)
    if "b" in mode:
        return buffer
    text = io.TextIOWrapper(buffer, io.text_encoding(encoding, 4), errors, newline, by_line)
    vars(text)["mode"] = mode
    return text


def _writes(mode: Any) -> bool:
    return isinstance(mode, str) and bool(set(mode) & set("wax+"))


def _is_odd(mode: str, *text_only: Any) -> bool:
    """Whether `open` refuses this before it opens anything: it says so best itself."""
    kinds = [letter for letter in mode if letter in "rwax"]
    if len(kinds) != 1 or len(set(mode)) != len(mode) or set(mode) - set("rwaxbt+"):
        return True
    return "b" in mode and ("t" in mode or any(value is not None for value in text_only))


def _flags(mode: str) -> int:
    """The flags that `FileIO` opens a file with."""
    access = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
    kind = next((letter for letter in mode if letter in _FLAGS), "r")
    return access | _FLAGS[kind] | os.O_CLOEXEC
