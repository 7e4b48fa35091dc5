"""Calls on an open file, as operations: writes, truncations, fsync, mappings.

The kernel has not carried them out yet, so where a write will go is worked out as the kernel will:
the file's end for O_APPEND (even for a positioned write, as Linux does), the descriptor's position
or the given offset otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from harness.world.syscalls.operations import Kind, Operation
from harness.world.syscalls.places import Call, Opened

_RWF_DSYNC, _RWF_SYNC, _RWF_APPEND = 2, 4, 16
_KEEP_SIZE, _PUNCH_HOLE = 0x01, 0x02
_HERE = (1 << 64) - 1
_COPY_BYTES_MAX = 1 << 30


class Unsupported(Exception):
    """The call is answered EOPNOTSUPP, as file systems do that lack it."""


Read = Callable[[], bytes]


def write(call: Call) -> Operation | None:
    """write(fd, buffer, size)."""
    _, address, size, *_ = call.arguments
    return _written(call, 0, lambda: call.memory(address, size), None)


def pwrite64(call: Call) -> Operation | None:
    """pwrite64(fd, buffer, size, offset)."""
    _, address, size, offset, *_ = call.arguments
    return _written(call, 0, lambda: call.memory(address, size), offset)


def writev(call: Call) -> Operation | None:
    """writev(fd, vectors, count)."""
    _, address, count, *_ = call.arguments
    return _written(call, 0, lambda: call.vectors(address, count), None)


def pwritev(call: Call) -> Operation | None:
    """pwritev(fd, vectors, count, offset, unused)."""
    _, address, count, offset, *_ = call.arguments
    return _written(call, 0, lambda: call.vectors(address, count), offset)


def pwritev2(call: Call) -> Operation | None:
    """pwritev2(fd, vectors, count, offset or -1, unused, flags)."""
    _, address, count, offset, _, flags = call.arguments
    where = None if offset == _HERE else offset
    return _written(call, 0, lambda: call.vectors(address, count), where, flags)


def sendfile(call: Call) -> Operation | None:
    """sendfile(out, in, offset pointer, size): out's position moves."""
    return _copied(call, source=1, source_offset=call.offset_at(2), target=0, size_at=3, to=None)


def copy_file_range(call: Call) -> Operation | None:
    """copy_file_range(in, offset pointer, out, offset pointer, size, flags)."""
    return _copied(
        call, source=0, source_offset=call.offset_at(1), target=2, size_at=4, to=call.offset_at(3)
    )


def splice(call: Call) -> Operation | None:
    """splice(in, offset pointer, out, ...): what a pipe holds cannot be seen."""
    return _unfollowed(call, call.opened(2))


def ftruncate(call: Call) -> Operation | None:
    """ftruncate(fd, size)."""
    opened = call.opened(0)
    if opened is None or opened.directory or not _writable(call, opened):
        return None
    return _on(call, opened, "truncate", size=call.arguments[1])


def fallocate(call: Call) -> Operation | None:
    """fallocate(fd, mode, offset, length): growth is a truncation, a hole is a write of zeros.

    The modes that a memory file system lacks (zeroing, collapsing, inserting, unsharing) are not
    supported here either: Unsupported; programs do without.
    """
    opened = call.opened(0)
    if opened is None or opened.directory or not _writable(call, opened):
        return None
    mode, (offset, length) = call.signed(1), call.arguments[2:4]
    if mode not in (0, _KEEP_SIZE, _KEEP_SIZE | _PUNCH_HOLE):
        raise Unsupported
    if not length:
        return None
    size = opened.status.st_size
    if mode & _PUNCH_HOLE:
        zeros = bytes(max(0, min(size, offset + length) - offset))
        return _on(call, opened, "write", offset=offset, data=zeros) if zeros else None
    return _on(call, opened, "truncate", size=size if mode else max(size, offset + length))


def fsync(call: Call) -> Operation | None:
    """fsync(fd) and fdatasync(fd), of a file or a directory."""
    opened = call.opened(0)
    if opened is None or call.files.relative(opened.path) is None:
        return None
    if opened.directory:
        return Operation("fsync", call.name, call.files.relative(opened.path), thread=call.thread)
    return _on(call, opened, "fsync")


def sync(call: Call) -> Operation | None:
    """sync() and syncfs(fd)."""
    return Operation("sync", call.name, ".", thread=call.thread)


def mmap(call: Call) -> Operation | None:
    """mmap(address, length, protection, flags, fd, offset), shared and writable."""
    opened = call.opened(4)
    return None if opened is None else _unfollowed(call, opened)


CALLS: dict[str, Callable[[Call], Operation | None]] = {
    "write": write,
    "pwrite64": pwrite64,
    "writev": writev,
    "pwritev": pwritev,
    "pwritev2": pwritev2,
    "sendfile": sendfile,
    "copy_file_range": copy_file_range,
    "splice": splice,
    "ftruncate": ftruncate,
    "fallocate": fallocate,
    "fsync": fsync,
    "fdatasync": fsync,
    "sync": sync,
    "syncfs": sync,
    "mmap": mmap,
}
TARGET_ARGUMENT = {"copy_file_range": 2}
"""Which argument is the written descriptor, where it is not the first."""


def moves_position(name: str, arguments: tuple[int, ...]) -> bool:
    """Whether a write moves the position of the descriptor it writes to."""
    if name == "copy_file_range":
        return not arguments[3]
    if name == "pwritev2":
        return arguments[3] == _HERE
    return name in ("write", "writev", "sendfile")


def _written(
    call: Call, target: int, read: Read, offset: int | None, flags: int = 0
) -> Operation | None:
    opened = call.opened(target)
    if opened is None or opened.directory:
        return None
    position, status = call.position(opened.number)
    if status & os.O_ACCMODE == os.O_RDONLY:
        return None
    if call.files.relative(opened.path) is None:
        return _on(call, opened, "write")
    if status & os.O_APPEND or flags & _RWF_APPEND:
        position = opened.status.st_size
    elif offset is not None:
        position = offset
    data = read()
    durable = bool(status & os.O_DSYNC or flags & (_RWF_DSYNC | _RWF_SYNC))
    return _on(call, opened, "write", offset=position, data=data, durable=durable) if data else None


def _copied(
    call: Call, *, source: int, source_offset: int | None, target: int, size_at: int, to: int | None
) -> Operation | None:
    given, taken = call.opened(source), call.opened(target)
    if taken is None or taken.directory:
        return None
    if given is None or given.directory:
        return _unfollowed(call, taken)
    start = call.position(given.number)[0] if source_offset is None else source_offset
    size = min(call.arguments[size_at], given.status.st_size - start, _COPY_BYTES_MAX)

    def read() -> bytes:
        copy = os.open(f"/proc/{call.thread}/fd/{given.number}", os.O_RDONLY)
        try:
            return os.pread(copy, max(0, size), start)
        finally:
            os.close(copy)

    return _written(call, target, read, to)


def _writable(call: Call, opened: Opened) -> bool:
    return call.position(opened.number)[1] & os.O_ACCMODE != os.O_RDONLY


def _unfollowed(call: Call, opened: Opened | None) -> Operation | None:
    if opened is None or opened.directory or not _writable(call, opened):
        return None
    return _on(call, opened, "unmodelled")


def _on(
    call: Call,
    opened: Opened,
    kind: Kind,
    *,
    offset: int = 0,
    size: int = 0,
    data: bytes = b"",
    durable: bool = False,
) -> Operation:
    """The operation, or the report of one outside, or of one on a file that nobody made."""
    inside = call.files.relative(opened.path)
    if inside is None:
        return Operation(kind, call.name, opened.path, outside=True, thread=call.thread)
    file = call.files.of(opened)
    path = None if opened.nameless else inside
    if file is None:
        return Operation("unmodelled", call.name, inside, thread=call.thread)
    return Operation(
        kind,
        call.name,
        path,
        file,
        offset=offset,
        size=size,
        data=data,
        durable=durable,
        thread=call.thread,
    )
