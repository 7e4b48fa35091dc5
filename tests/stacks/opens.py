"""Every way in which plain Python changes files, for the two recorders to tell the same of it."""

from __future__ import annotations

import io
import json
import logging
import mmap
import os
import shutil
import tempfile
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from os import fsync, replace
from pathlib import Path
from typing import Any

Say = Callable[[Any], None]


def opens(home: Path, say: Say) -> None:
    """`open` in all its modes, buffered, by the line and raw."""
    path = home / "file"
    for mode in ("w", "a", "r+", "w+", "a+", "wb", "ab", "r+b", "wb+", "rb+", "wt"):
        with open(path, mode) as file:
            text = "b" not in mode
            file.write("some text\n" if text else b"some bytes")
            file.seek(2)
            file.write("x" * 9000 if text else b"y" * 9000)
            if "+" in mode:
                file.seek(5)
                say(len(file.read(3)))
                file.truncate(100)
    with open(home / "lines", "w", buffering=1) as lines:
        lines.write("one\ntwo\nthree")
        say(lines.line_buffering)
    with open(home / "raw", "xb", buffering=0) as raw:
        say([raw.write(b"first"), raw.write(b"second")])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with open(home / "no-lines", "wb", buffering=1) as no_lines:
            no_lines.write(b"one\ntwo")
        say(len(warned))
    with open(home / "small", "wb", buffering=16) as small:
        for _ in range(5):
            small.write(b"0123456789")
    with open(os.open(home / "by-number", os.O_CREAT | os.O_WRONLY), "w") as numbered:
        numbered.write("text")
    with open("below", "w", opener=lambda name, flags: os.open(home / name, flags)) as below:
        print("printed", file=below, flush=True)


def refusals(home: Path, say: Say) -> None:
    """What `open` refuses, and with which words."""
    (home / "file").write_text("text")
    attempts: list[Callable[[], Any]] = [
        partial(open, home / "file", "x"),
        partial(open, home / "file", "wbt"),
        partial(open, home / "file", "w", buffering=0),
        partial(open, home / "file", "wb", encoding="utf-8"),
        partial(open, home / "none" / "file", "w"),
        partial(open, home, "w"),
        partial(open, home / "file", "w", encoding="no such"),
        partial(open, home / "file", "rw"),
        partial(open, None, "w"),
        partial(os.write, 10**6, b"x"),
        partial(os.open, b"\0", os.O_CREAT | os.O_WRONLY),
        partial(os.replace, home / "none", home / "other"),
        partial(os.unlink, 3.5),
        partial(os.ftruncate, 1, -1),
        partial(io.FileIO, home / "none" / "file", "w"),
    ]
    for attempt in attempts:
        try:
            attempt()
        except (OSError, ValueError, TypeError, LookupError) as error:
            say(f"{type(error).__name__}: {error}".replace(str(home), "<home>"))
        else:
            say("went through")


def libraries(home: Path, say: Say) -> None:
    """What the standard library does with files."""
    sub = home / "a" / "b"
    sub.mkdir(parents=True)
    (sub / "text").write_text("text")
    (sub / "bytes").write_bytes(b"x" * 20_000)
    (sub / "touched").touch()
    shutil.copy(sub / "bytes", sub / "copy")
    shutil.copytree(home / "a", home / "c")
    shutil.move(home / "c", home / "d")
    shutil.rmtree(home / "d")
    os.makedirs(home / "e" / "f", exist_ok=True)
    os.removedirs(home / "e" / "f")
    os.renames(home / "a" / "b", home / "g" / "h")
    with (home / "state.json").open("w") as state:
        json.dump({"many": list(range(3000))}, state)
        state.flush()
        fsync(state.fileno())
    replace(home / "state.json", home / "state")
    log = logging.FileHandler(home / "log")
    log.emit(logging.makeLogRecord({"msg": "logged"}))
    log.close()
    with tempfile.NamedTemporaryFile(dir=home, prefix="draft") as draft:
        draft.write(b"not for long")
        draft.flush()
    (home / "pointer").symlink_to("state")
    (home / "twin").hardlink_to(home / "state")
    (home / "pointer").rename(home / "arrow")
    (home / "arrow").unlink()


def positions(home: Path, say: Say) -> None:
    """Vectors, positions and synchronous writes, by descriptor and below a directory's."""
    folder = os.open(home, os.O_RDONLY)
    file = os.open("file", os.O_CREAT | os.O_RDWR, dir_fd=folder)
    say([os.writev(file, [b"ab", bytearray(b"cd")]), os.pwritev(file, [b"V", b"W"], 2)])
    os.posix_fallocate(file, 0, 50)
    os.pwritev(file, [b"S"], 0, os.RWF_DSYNC)
    os.lseek(file, 10, os.SEEK_SET)
    os.write(file, memoryview(b"0123456789"))
    os.ftruncate(file, 12)
    os.truncate(file, 8)
    os.truncate(home / "file", 6)
    os.fsync(file)
    os.mkdir("sub", dir_fd=folder)
    os.symlink("../file", "sub/link", dir_fd=folder)
    os.link("file", "sub/twin", src_dir_fd=folder, dst_dir_fd=folder)
    os.rename("file", "sub/file", src_dir_fd=folder, dst_dir_fd=folder)
    os.mknod("made", dir_fd=folder)
    os.remove("made", dir_fd=folder)
    os.unlink("sub/link", dir_fd=folder)
    os.mkdir("empty", dir_fd=folder)
    os.rmdir("empty", dir_fd=folder)
    os.fsync(folder)
    os.sync()


def maps(home: Path, say: Say) -> None:
    """Mappings, of which one changes its file."""
    with open(home / "data", "w+b") as data:
        data.truncate(4096)
        mmap.mmap(data.fileno(), 4096, access=mmap.ACCESS_READ).close()
        mmap.mmap(data.fileno(), 4096, access=mmap.ACCESS_COPY).close()
        mmap.mmap(data.fileno(), 4096, flags=mmap.MAP_PRIVATE).close()
        mmap.mmap(-1, 4096).close()
        with mmap.mmap(data.fileno(), 4096) as mapped:
            mapped[:4] = b"seen"


def forked(home: Path, say: Say) -> None:
    """A child of Python's that writes: it does not tell."""
    pid = os.fork()
    if not pid:
        with suppress(BaseException):
            (home / "by the child").write_text("unseen", encoding="utf-8")
        os._exit(0)
    os.waitpid(pid, 0)
    say("waited")


def crowd(home: Path, say: Say, count: int, lines: int) -> None:
    """Several threads on one file, each with a draft of its own beside it."""

    def work(number: int) -> None:
        for line in range(lines):
            with open(home / "shared", "a") as shared:
                shared.write(f"{number} {line}\n")
            (home / f"draft-{number}").write_text(str(line))
            replace(home / f"draft-{number}", home / f"final-{number}")

    workers = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
