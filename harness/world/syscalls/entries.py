"""Calls on names, as operations: open, rename, link, unlink, directories.

What is going to fail is no operation: a name that is missing, one that is taken, a directory that
is not empty. The whole is checked after a run: the operations, played again, give the directory.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.world.syscalls.operations import Kind, Operation
from harness.world.syscalls.places import Call

_AT_REMOVEDIR = 0x200
_AT_SYMLINK_FOLLOW = 0x400
_AT_EMPTY_PATH = 0x1000
_NOREPLACE, _EXCHANGE = 1, 2
_OPEN_FILE = re.compile(r"/proc/[^/]+/fd/([0-9]+)")
_O_TMPFILE = getattr(os, "O_TMPFILE", 0)


def openat(call: Call) -> Operation | None:
    """open(path, flags), openat(dirfd, path, flags), openat2(dirfd, path, how), creat(path)."""
    if call.name == "open":
        return _open(call, 0, None, call.signed(1))
    if call.name == "creat":
        return _open(call, 0, None, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    if call.name == "openat2":
        flags = int.from_bytes(call.memory(call.arguments[2], 8), "little")
        return _open(call, 1, 0, flags)
    return _open(call, 1, 0, call.signed(2))


def mknod(call: Call) -> Operation | None:
    """mknod(path, mode), mknodat(dirfd, path, mode): only of regular files."""
    name, directory, mode = (1, 0, 2) if call.name == "mknodat" else (0, None, 1)
    kind = stat.S_IFMT(call.signed(mode))
    if kind not in (0, stat.S_IFREG):
        return None
    return _open(call, name, directory, os.O_CREAT | os.O_EXCL)


def truncate(call: Call) -> Operation | None:
    """truncate(path, size)."""
    path = call.path(0, follow=True)
    if path is None or not os.path.isfile(path):
        return None
    inside = call.files.relative(path)
    return _operation(
        call, "truncate", path, None if inside is None else call.files.at(path), call.arguments[1]
    )


def rename(call: Call) -> Operation | None:
    """rename(from, to), renameat(dirfd, from, dirfd, to), renameat2(..., flags)."""
    if call.name == "rename":
        old, new = call.path(0), call.path(1)
    else:
        old, new = call.path(1, 0), call.path(3, 2)
    flags = call.signed(4) if call.name == "renameat2" else 0
    if old is None or new is None or not _can_rename(old, new, flags):
        return None
    source, target = call.files.relative(old), call.files.relative(new)
    if source is None and target is None:
        return Operation("rename", call.name, old, to=new, outside=True, thread=call.thread)
    if source is None:
        return _moved_in(call, old, new)
    if target is None:
        return replace(_removed(call, old), gone_to=new)
    return Operation(
        "rename",
        call.name,
        source,
        call.files.at(old),
        to=target,
        exchange=bool(flags & _EXCHANGE),
        thread=call.thread,
    )


def link(call: Call) -> Operation | None:
    """link(old, new), linkat(dirfd, old, dirfd, new, flags)."""
    if call.name == "link":
        old, new = call.path(0), call.path(1)
    else:
        flags, new = call.signed(4), call.path(3, 2)
        if flags & _AT_EMPTY_PATH and not call.text(1):
            return _linked_through(call, call.signed(0), new)
        old = call.path(1, 0)
        if flags & _AT_SYMLINK_FOLLOW and old is not None:
            if (through := _OPEN_FILE.fullmatch(old)) is not None:
                return _linked_through(call, int(through[1]), new)
            old = os.path.realpath(old)
    if old is None or new is None or not os.path.lexists(old) or _is_directory(old):
        return None
    if not _free(new) or not _same_device(old, new):
        return None
    target = call.files.relative(new)
    if target is None:
        return Operation("link", call.name, old, to=new, outside=True, thread=call.thread)
    source = call.files.relative(old)
    if source is None:
        return Operation("unmodelled", call.name, target, thread=call.thread)
    return Operation("link", call.name, source, call.files.at(old), to=target, thread=call.thread)


def symlink(call: Call) -> Operation | None:
    """symlink(target, path), symlinkat(target, dirfd, path)."""
    path = call.path(1) if call.name == "symlink" else call.path(2, 1)
    if path is None or not _free(path):
        return None
    return _operation(call, "symlink", path, data=os.fsencode(call.text(0)))


def unlink(call: Call) -> Operation | None:
    """unlink(path), unlinkat(dirfd, path, flags)."""
    if call.name == "unlinkat" and call.signed(2) & _AT_REMOVEDIR:
        return rmdir(call)
    path = call.path(1, 0) if call.name == "unlinkat" else call.path(0)
    if path is None or not os.path.lexists(path) or _is_directory(path):
        return None
    return _removed(call, path)


def rmdir(call: Call) -> Operation | None:
    """rmdir(path), unlinkat(dirfd, path, AT_REMOVEDIR)."""
    path = call.path(1, 0) if call.name == "unlinkat" else call.path(0)
    if path is None or not _is_directory(path) or os.listdir(path):
        return None
    return _operation(call, "rmdir", path)


def mkdir(call: Call) -> Operation | None:
    """mkdir(path), mkdirat(dirfd, path)."""
    path = call.path(1, 0) if call.name == "mkdirat" else call.path(0)
    return None if path is None or not _free(path) else _operation(call, "mkdir", path)


CALLS: dict[str, Callable[[Call], Operation | None]] = {
    "open": openat,
    "openat": openat,
    "openat2": openat,
    "creat": openat,
    "mknod": mknod,
    "mknodat": mknod,
    "truncate": truncate,
    "rename": rename,
    "renameat": rename,
    "renameat2": rename,
    "link": link,
    "linkat": link,
    "symlink": symlink,
    "symlinkat": symlink,
    "unlink": unlink,
    "unlinkat": unlink,
    "rmdir": rmdir,
    "mkdir": mkdir,
    "mkdirat": mkdir,
}


def _open(call: Call, name: int, directory: int | None, flags: int) -> Operation | None:
    exclusive = bool(flags & os.O_CREAT and flags & os.O_EXCL)
    path = call.path(name, directory, follow=not (exclusive or flags & os.O_NOFOLLOW))
    if path is None:
        return None
    if _O_TMPFILE and flags & _O_TMPFILE == _O_TMPFILE:
        if call.files.relative(path) is None:
            return None
        return Operation(
            "create", call.name, None, call.files.create(None, call.thread), thread=call.thread
        )
    try:
        status = os.lstat(path)
    except OSError:
        return _created(call, path) if flags & os.O_CREAT and _free(path) else None
    if exclusive or not stat.S_ISREG(status.st_mode):
        return None
    if flags & os.O_TRUNC and status.st_size:
        return _operation(call, "truncate", path, call.files.at(path))
    return None


def _created(call: Call, path: str) -> Operation:
    inside = call.files.relative(path)
    file = None if inside is None else call.files.create(inside, call.thread)
    return _operation(call, "create", path, file)


def _moved_in(call: Call, old: str, new: str) -> Operation:
    """Its content was written outside, where nobody looked: from here on it counts as unsynced."""
    inside = call.files.relative(new)
    if not os.path.isfile(old) or os.path.islink(old) or inside is None:
        return _operation(call, "unmodelled", new)
    return _operation(
        call, "create", new, call.files.create(inside, call.thread), data=Path(old).read_bytes()
    )


def _linked_through(call: Call, number: int, new: str | None) -> Operation | None:
    """A file that is linked by its descriptor gets its (first) name."""
    target = None if new is None or not _free(new) else call.files.relative(new)
    if target is None:
        return None
    opened = Call(call.name, call.thread, (number,), call.files).opened(0)
    file = None if opened is None else call.files.of(opened)
    if file is None:
        return Operation("unmodelled", call.name, target, thread=call.thread)
    return Operation("link", call.name, None, file, to=target, thread=call.thread)


def _removed(call: Call, path: str) -> Operation:
    if _is_directory(path):
        return _operation(call, "unmodelled", path)
    inside = call.files.relative(path)
    return _operation(call, "unlink", path, None if inside is None else call.files.at(path))


def _operation(
    call: Call, kind: Kind, path: str, file: int | None = None, size: int = 0, data: bytes = b""
) -> Operation:
    inside = call.files.relative(path)
    return Operation(
        kind,
        call.name,
        path if inside is None else inside,
        file,
        size=size,
        data=data,
        outside=inside is None,
        thread=call.thread,
    )


def _free(path: str) -> bool:
    """Whether a name can be made here: it is not taken, and its directory is there."""
    return not os.path.lexists(path) and os.path.isdir(os.path.dirname(path))


def _same_device(old: str, new: str) -> bool:
    """Whether a name can be moved or linked there; programs copy where it cannot."""
    return os.lstat(old).st_dev == os.stat(os.path.dirname(new)).st_dev


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _can_rename(old: str, new: str, flags: int) -> bool:
    if not os.path.lexists(old) or new.startswith(old + "/"):
        return False
    if not os.path.isdir(os.path.dirname(new)) or not _same_device(old, new):
        return False
    if not os.path.lexists(new):
        return not flags & _EXCHANGE
    if flags & _EXCHANGE:
        return True
    if flags & _NOREPLACE or os.path.samestat(os.lstat(old), os.lstat(new)):
        return False
    if _is_directory(old) != _is_directory(new):
        return False
    return not (_is_directory(new) and os.listdir(new))
