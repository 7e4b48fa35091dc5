"""Functions that make the system calls one by one, for the recorder's tests to look at."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import queue
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

Say = Callable[[Any], None]
Steps = list[list[Any]]

_LIBC = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_NOREPLACE = 1
_AT_SYMLINK_FOLLOW = 0x400
_SETUP_CALLS = {"io_uring_setup": 425}


def writes(home: Path, say: Say) -> None:
    """Every way to write, on one file."""
    file = os.open(home / "file", os.O_CREAT | os.O_RDWR)
    os.write(file, b"0123456789")
    os.writev(file, [b"ab", b"cd"])
    os.pwrite(file, b"P", 1)
    os.pwritev(file, [b"V", b"W"], 2)
    os.lseek(file, 4, os.SEEK_SET)
    twin = os.dup(file)
    os.write(twin, b"D")
    os.write(file, b"E")
    os.pwritev(file, [b"S"], 0, os.RWF_DSYNC)
    os.fdatasync(file)


def appends(home: Path, say: Say) -> None:
    """Appending, a file that somebody else makes longer meanwhile."""
    one = os.open(home / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    other = os.open(home / "log", os.O_WRONLY | os.O_APPEND)
    os.write(one, b"one ")
    os.write(other, b"two ")
    os.write(one, b"three ")
    os.pwrite(one, b"four", 0)
    synchronous = os.open(home / "log", os.O_WRONLY | os.O_APPEND | os.O_DSYNC)
    os.write(synchronous, b" five")


def copies(home: Path, say: Say) -> None:
    """Writes whose data never pass through the process."""
    source = os.open(home / "source", os.O_CREAT | os.O_RDWR)
    os.write(source, b"0123456789")
    target = os.open(home / "target", os.O_CREAT | os.O_RDWR)
    os.lseek(source, 2, os.SEEK_SET)
    os.copy_file_range(source, target, 4)
    os.copy_file_range(source, target, 100, 0, 20)
    os.sendfile(target, source, 8, 100)


def sizes(home: Path, say: Say) -> None:
    """Growing and shrinking."""
    path = home / "file"
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    os.write(file, b"x" * 100)
    os.ftruncate(file, 50)
    os.truncate(path, 70)
    os.posix_fallocate(file, 60, 40)
    _LIBC.fallocate(file, 1, ctypes.c_long(0), ctypes.c_long(500))
    _LIBC.fallocate(file, 3, ctypes.c_long(10), ctypes.c_long(5))
    os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.open(path, os.O_WRONLY | os.O_TRUNC)


def odd_sizes(home: Path, say: Say) -> None:
    """Modes of fallocate that not every file system has."""
    file = os.open(home / "file", os.O_CREAT | os.O_RDWR)
    os.write(file, b"x" * 8192)
    for mode in (0x08, 0x10, 0x20, 0x40):
        result = _LIBC.fallocate(file, mode, ctypes.c_long(0), ctypes.c_long(4096))
        say(errno.errorcode[ctypes.get_errno()] if result else "done")


def names(home: Path, say: Say) -> None:
    """Every way to change names, by path and by directory."""
    os.mkdir(home / "sub")
    folder = os.open(home / "sub", os.O_RDONLY | os.O_DIRECTORY)
    os.open("inner", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
    os.link("inner", "twin", src_dir_fd=folder, dst_dir_fd=folder)
    os.rename("inner", "../outer", src_dir_fd=folder, dst_dir_fd=folder)
    os.symlink("outer", home / "pointer")
    os.write(os.open(home / "pointer", os.O_WRONLY), b"through the link")
    exchange(home / "outer", home / "sub")
    exchange(home / "outer", home / "sub")
    os.unlink("twin", dir_fd=folder)
    os.rename(home / "sub", home / "dir")
    os.fsync(folder)
    os.rmdir(home / "dir")
    os.chdir(home)
    os.replace("outer", "relative")
    os.unlink("pointer")


def exchange(one: Path, other: Path, flags: int = _RENAME_EXCHANGE) -> int:
    """renameat2."""
    paths = os.fsencode(one), os.fsencode(other)
    result: int = _LIBC.renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], flags)
    return result


def rare(home: Path, say: Say, numbers: dict[str, int]) -> None:
    """Calls that Python and the C library do not make by themselves; by number, where there are."""

    def call(name: str, *arguments: object) -> int:
        result: int = _LIBC.syscall(numbers[name], *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), name)
        return result

    def path(name: str) -> bytes:
        return os.fsencode(home / name)

    how = struct.pack("QQQ", os.O_CREAT | os.O_RDWR, 0o600, 0)
    file = call("openat2", _AT_FDCWD, path("openat2"), how, len(how))
    vector = (ctypes.c_void_p * 2)(ctypes.cast(b"vector", ctypes.c_void_p).value, 6)
    call("pwritev", file, vector, 1, ctypes.c_long(4), 0)
    call("linkat", file, b"", _AT_FDCWD, path("linked"), 0x1000)
    call("mknodat", _AT_FDCWD, path("mknodat"), stat.S_IFREG | 0o600, 0)
    call("mknodat", _AT_FDCWD, path("pipe"), stat.S_IFIFO | 0o600, 0)
    call("syncfs", file)
    call("sync")
    if "open" in numbers:
        os.close(call("open", path("open"), os.O_CREAT | os.O_RDWR, 0o600))
        os.close(call("creat", path("creat"), 0o600))
        call("mknod", path("mknod"), stat.S_IFREG | 0o600, 0)
        call("link", path("open"), path("twin"))
        call("symlink", b"open", path("pointer"))
        call("rename", path("creat"), path("renamed"))
        call("unlink", path("mknod"))
        call("mkdir", path("folder"), 0o700)
        call("rmdir", path("folder"))


def failures(home: Path, say: Say) -> None:
    """Calls that change nothing: none of them is an operation."""
    (home / "file").write_bytes(b"content")
    os.mkdir(home / "full")
    (home / "full" / "file").touch()
    read_only = os.open(home / "file", os.O_RDONLY)
    exclusive = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    attempts: list[Callable[[], object]] = [
        lambda: os.open(home / "file", exclusive),
        lambda: os.open(home / "missing" / "file", os.O_CREAT | os.O_WRONLY),
        lambda: os.open(home / "missing", os.O_WRONLY),
        lambda: os.write(read_only, b"no"),
        lambda: os.ftruncate(read_only, 0),
        lambda: os.truncate(home / "missing", 0),
        lambda: os.rename(home / "missing", home / "file"),
        lambda: os.rename(home / "file", home / "missing" / "file"),
        lambda: os.rename(home / "file", home / "full"),
        lambda: os.rename(home / "full", home / "file"),
        lambda: os.rename(home / "full", home / "full" / "inner"),
        lambda: os.link(home / "file", home / "full"),
        lambda: os.symlink("x", home / "file"),
        lambda: os.unlink(home / "missing"),
        lambda: os.unlink(home / "full"),
        lambda: os.rmdir(home / "full"),
        lambda: os.rmdir(home / "file"),
        lambda: os.mkdir(home / "file"),
        lambda: os.mkdir(home / "missing" / "sub"),
    ]
    say("now")
    for attempt in attempts:
        try:
            attempt()
        except OSError:
            continue
        raise AssertionError("a call that was to fail went through")
    if exchange(home / "file", home / "full", _RENAME_NOREPLACE) != -1:
        raise AssertionError("NOREPLACE replaced")


def nameless(home: Path, say: Say) -> None:
    """A file that gets its name last, and one that is written after it lost its name."""
    file = os.open(home, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(file, b"first data, then a name")
    # Python makes the call that follows links only where a directory is given.
    os.link(f"/proc/self/fd/{file}", home / "named", src_dir_fd=os.open(home, os.O_RDONLY))
    gone = os.open(home / "gone", os.O_CREAT | os.O_WRONLY)
    os.unlink(home / "gone")
    os.open(home / "new", os.O_CREAT | os.O_WRONLY)
    os.write(gone, b"nobody reads this")


def maps(home: Path, say: Say) -> None:
    """A shared writable mapping; private and read-only ones are no business of the recorder's."""
    file = os.open(home / "data", os.O_CREAT | os.O_RDWR)
    os.ftruncate(file, 4096)
    mmap.mmap(file, 4096, prot=mmap.PROT_READ)
    mmap.mmap(file, 4096, flags=mmap.MAP_PRIVATE)
    mmap.mmap(-1, 4096)
    with mmap.mmap(file, 4096) as mapped:
        mapped[0:4] = b"seen"


def pipes(home: Path, say: Say) -> None:
    """splice out of a pipe."""
    out, into = os.pipe()
    os.write(into, b"from a pipe")
    os.splice(out, os.open(home / "file", os.O_CREAT | os.O_WRONLY), 11)


def elsewhere(home: Path, say: Say, other: str) -> None:
    """Writes outside of the home, a file moved in, one moved out."""
    place = Path(other)
    (place / "outside").write_bytes(b"elsewhere")
    os.mkdir(place / "folder")
    os.truncate(place / "outside", 9)
    os.link(place / "outside", place / "twin")
    os.rename(place / "twin", place / "other")
    os.rename(place / "outside", home / "inside")
    (home / "inside").write_bytes(b"changed")
    os.rename(home / "inside", place / "back")
    os.unlink(place / "back")
    with suppress(BrokenPipeError):
        os.write(os.memfd_create("memory"), b"no disk")


def moved_folders(home: Path, say: Say, other: str) -> None:
    """Directories moved in, with a file in it that nobody saw made, and out."""
    place = Path(other)
    (place / "folder").mkdir()
    (place / "folder" / "file").touch()
    os.rename(place / "folder", home / "came")
    (home / "came" / "file").write_bytes(b"whose is it?")
    os.mkdir(home / "goes")
    os.rename(home / "goes", place / "gone")


def in_the_background(home: Path, say: Say, count: int) -> None:
    """A thread writes for the main one, which speaks and writes meanwhile, and waits at the end."""
    handed: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def work() -> None:
        with open(home / "background", "ab", buffering=0) as file:
            while (number := handed.get()) is not None:
                file.write(b"%d" % number)

    thread = threading.Thread(target=work)
    thread.start()
    with open(home / "main", "ab", buffering=0) as file:
        for number in range(count):
            handed.put(number)
            sum(range(3_000))
            file.write(b"%d" % number)
    handed.put(None)
    thread.join()
    say("end")


def spins_until_written(home: Path, say: Say) -> None:
    """The main thread never sleeps while another one is to write."""
    thread = threading.Thread(target=lambda: (home / "file").write_bytes(b"written"))
    thread.start()
    while thread.is_alive():
        pass
    say("end")


def threads(home: Path, say: Say, count: int, lines: int) -> None:
    """Several threads, each with a file of its own."""

    def work(number: int) -> None:
        for line in range(lines):
            with open(home / f"thread-{number}", "a", encoding="utf-8") as file:
                file.write(f"line {line}\n")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def child(home: Path, say: Say) -> None:
    """A shell that writes: another program, another address space, the same filter."""
    subprocess.run(["/bin/sh", "-c", "echo hello > greeting; mv greeting hello"], cwd=home)


def doors(home: Path, say: Say) -> None:
    """The doors that nobody can watch."""
    found = {}
    for name, number in _SETUP_CALLS.items():
        result = _LIBC.syscall(number, 1, 0)
        found[name] = errno.errorcode.get(ctypes.get_errno()) if result < 0 else "open"
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            try:
                socket.socket(family, kind).close()
                found[f"{family.name} {kind.name}"] = "open"
            except OSError as error:
                found[f"{family.name} {kind.name}"] = errno.errorcode[error.errno or 0]
    say(found)


def line(home: Path, say: Say) -> None:
    """Appends a line and says what came of it."""
    file = os.open(home / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for text in (b"first line\n", b"second line\n"):
        try:
            say(os.write(file, text))
            os.fsync(file)
        except OSError as error:
            say(errno.errorcode[error.errno or 0])
    say("end")


def insists(home: Path, say: Say) -> None:
    """Makes a file elsewhere where it cannot be made here, and moves it in place."""
    with suppress(OSError):
        os.open(home / "file", os.O_CREAT | os.O_WRONLY)
    file = os.open(home / "other", os.O_CREAT | os.O_WRONLY)
    os.write(file, b"first ")
    os.rename(home / "other", home / "file")
    os.write(file, b"second")


def long_write(home: Path, say: Say) -> None:
    """One write of several pages."""
    os.write(os.open(home / "file", os.O_CREAT | os.O_WRONLY), b"x" * 20000)


def perform(home: Path, say: Say, steps: Steps) -> None:
    """Whatever steps, failing ones too; a descriptor is a number of those opened before."""
    opened: list[int] = []
    for name, *details in steps:
        with suppress(OSError, IndexError):
            _step(home, opened, name, details)


def _step(home: Path, opened: list[int], name: str, details: list[Any]) -> None:
    paths = [home / detail for detail in details if isinstance(detail, str)]
    numbers = [detail for detail in details if isinstance(detail, int)]
    if name == "open":
        opened.append(os.open(paths[0], numbers[0], 0o644))
    elif name == "dup":
        opened.append(os.dup(opened[numbers[0]]))
    elif name == "write":
        os.write(opened[numbers[0]], b"w" * numbers[1])
    elif name == "pwrite":
        os.pwrite(opened[numbers[0]], b"p" * numbers[1], numbers[2])
    elif name == "ftruncate":
        os.ftruncate(opened[numbers[0]], numbers[1])
    elif name == "truncate":
        os.truncate(paths[0], numbers[0])
    elif name == "fallocate":
        offset, length = ctypes.c_long(numbers[2]), ctypes.c_long(numbers[3])
        _LIBC.fallocate(opened[numbers[0]], numbers[1], offset, length)
    elif name == "copy":
        os.copy_file_range(opened[numbers[0]], opened[numbers[1]], numbers[2])
    elif name == "fsync":
        os.fsync(opened[numbers[0]])
    elif name == "exchange":
        exchange(paths[0], paths[1], numbers[0])
    else:
        does = {"rename": os.rename, "link": os.link, "symlink": os.symlink}.get(name)
        if does is None:
            {"unlink": os.unlink, "mkdir": os.mkdir, "rmdir": os.rmdir}[name](paths[0])
        elif name == "symlink":
            os.symlink(details[0], paths[1])
        else:
            does(*paths)
