"""Each function of `os` that changes a disk, as the system call that it makes.

A describing function takes the same arguments and returns what is to be told, or None where it is
no disk's business. What is wrong with the arguments may raise here: the function itself says it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from harness.life.disk.tell import AT_FDCWD, Told, joined, on_disk, opening, path_of, plain, writing

_AT_REMOVEDIR = 0x200
_AT_SYMLINK_FOLLOW = 0x400

Describe = Callable[..., Told | None]
# Bound before anything is replaced: a part of a write is done by these.
_write_now, _pwrite_now, _sendfile_now = os.write, os.pwrite, os.sendfile
_copy_now = os.copy_file_range


def _at(directory: int | None) -> int:
    return AT_FDCWD if directory is None else directory


def _pointer(offset: int | None) -> bytes | None:
    return None if offset is None else offset.to_bytes(8, "little")


def _open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> Told | None:
    return opening(os.fspath(path), flags, mode, _at(dir_fd))


def _write(fd: int, data: Any, /) -> Told | None:
    return writing(fd, data, lambda size: _write_now(fd, joined(data)[:size]))


def _pwrite(fd: int, buffer: Any, offset: int, /) -> Told | None:
    if not on_disk(fd):
        return None
    data = joined(buffer)
    arguments = (fd, data, len(data), offset)
    return Told("pwrite64", arguments, lambda size: _pwrite_now(fd, data[:size], offset))


def _writev(fd: int, buffers: Any, /) -> Told | None:
    if not on_disk(fd):
        return None
    data = joined(list(buffers))
    return Told("writev", (fd, data, len(buffers)), lambda size: _write_now(fd, data[:size]))


def _pwritev(fd: int, buffers: Any, offset: int, flags: int = 0, /) -> Told | None:
    if not on_disk(fd):
        return None
    data = joined(list(buffers))
    arguments = (fd, data, len(buffers), offset, 0, flags)
    return Told("pwritev2", arguments, lambda size: _pwrite_now(fd, data[:size], offset))


def _sendfile(out_fd: int, in_fd: int, offset: int | None, count: int, **more: Any) -> Told | None:
    def part(size: int) -> int:
        return _sendfile_now(out_fd, in_fd, offset, size, **more)

    return Told("sendfile", (out_fd, in_fd, _pointer(offset), count), part)


def _copy(
    src: int,
    dst: int,
    count: int,
    offset_src: int | None = None,
    offset_dst: int | None = None,
) -> Told | None:
    arguments = (src, _pointer(offset_src), dst, _pointer(offset_dst), count, 0)
    return Told(
        "copy_file_range",
        arguments,
        lambda size: _copy_now(src, dst, size, offset_src, offset_dst),
    )


def _splice(
    src: int,
    dst: int,
    count: int,
    offset_src: int | None = None,
    offset_dst: int | None = None,
    flags: int = 0,
) -> Told | None:
    return Told("splice", (src, _pointer(offset_src), dst, _pointer(offset_dst), count, flags))


def _ftruncate(fd: int, length: int, /) -> Told | None:
    return Told("ftruncate", (fd, length))


def _truncate(path: Any, length: int) -> Told | None:
    if isinstance(path, int):
        return _ftruncate(path, length)
    return Told("truncate", (path_of(path), length), paths=plain(path))


def _allocate(fd: int, offset: int, length: int, /) -> Told | None:
    return Told("fallocate", (fd, 0, offset, length))


def _fsync(fd: Any) -> Told | None:
    return Told("fsync", (_descriptor(fd),))


def _fdatasync(fd: Any) -> Told | None:
    return Told("fdatasync", (_descriptor(fd),))


def _descriptor(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())


def _sync() -> Told | None:
    return Told("sync", ())


def _rename(
    src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
) -> Told | None:
    paths = plain(src, dst)
    if src_dir_fd is None and dst_dir_fd is None:
        return Told("rename", (path_of(src), path_of(dst)), paths=paths)
    arguments = (_at(src_dir_fd), path_of(src), _at(dst_dir_fd), path_of(dst))
    return Told("renameat", arguments, paths=paths)


def _link(
    src: Any,
    dst: Any,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> Told | None:
    paths = plain(src, dst)
    if src_dir_fd is None and dst_dir_fd is None and follow_symlinks:
        return Told("link", (path_of(src), path_of(dst)), paths=paths)
    flags = _AT_SYMLINK_FOLLOW if follow_symlinks else 0
    arguments = (_at(src_dir_fd), path_of(src), _at(dst_dir_fd), path_of(dst), flags)
    return Told("linkat", arguments, paths=paths)


def _symlink(
    src: Any, dst: Any, target_is_directory: bool = False, *, dir_fd: int | None = None
) -> Told | None:
    paths = plain(src, dst)
    if dir_fd is None:
        return Told("symlink", (path_of(src), path_of(dst)), paths=paths)
    return Told("symlinkat", (path_of(src), dir_fd, path_of(dst)), paths=paths)


def _unlink(path: Any, *, dir_fd: int | None = None) -> Told | None:
    if dir_fd is None:
        return Told("unlink", (path_of(path),), paths=plain(path))
    return Told("unlinkat", (dir_fd, path_of(path), 0), paths=plain(path))


def _rmdir(path: Any, *, dir_fd: int | None = None) -> Told | None:
    if dir_fd is None:
        return Told("rmdir", (path_of(path),), paths=plain(path))
    return Told("unlinkat", (dir_fd, path_of(path), _AT_REMOVEDIR), paths=plain(path))


def _mkdir(path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> Told | None:
    if dir_fd is None:
        return Told("mkdir", (path_of(path), mode), paths=plain(path))
    return Told("mkdirat", (dir_fd, path_of(path), mode), paths=plain(path))


def _mknod(
    path: Any, mode: int = 0o600, device: int = 0, *, dir_fd: int | None = None
) -> Told | None:
    return Told("mknodat", (_at(dir_fd), path_of(path), mode, device), paths=plain(path))


CALLS: dict[str, Describe] = {
    "open": _open,
    "write": _write,
    "pwrite": _pwrite,
    "writev": _writev,
    "pwritev": _pwritev,
    "sendfile": _sendfile,
    "copy_file_range": _copy,
    "splice": _splice,
    "ftruncate": _ftruncate,
    "truncate": _truncate,
    "posix_fallocate": _allocate,
    "fsync": _fsync,
    "fdatasync": _fdatasync,
    "sync": _sync,
    "rename": _rename,
    "replace": _rename,
    "link": _link,
    "symlink": _symlink,
    "unlink": _unlink,
    "remove": _unlink,
    "rmdir": _rmdir,
    "mkdir": _mkdir,
    "mknod": _mknod,
}
"""How each function of `os` is told."""
