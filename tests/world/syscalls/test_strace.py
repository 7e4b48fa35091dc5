"""Believe the recorders only because strace, on the same run, tells the same story.

One store is compared in the gate, which installs strace where it can; all of them in the slow run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.world.syscalls.operations import Operation
from tests.stacks.recording import ROOT, Workshop

CALLS = "openat,write,pwrite64,rename,unlink,fsync,fdatasync,ftruncate,mkdir,mmap"
TURNS = 6
CONVERSE = "tests.stacks.stores.variants:converse"
_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)")
_PROGRAM = """
import os
from pathlib import Path
from tests.stacks.stores.variants import converse
converse(Path({home!r}), lambda words: None, {variant!r}, {turns})
os._exit(0)
"""


class _Story:
    """strace's lines, retold as the recorder would; keeps positions and sizes itself."""

    def __init__(self, home: Path, contents: bool) -> None:
        self._home = f"{home}/"
        self._contents = contents
        self._position: dict[int, int | None] = {}
        self._size: dict[str, int] = {}

    def tell(self, log: str) -> Iterator[tuple[object, ...]]:
        for line in log.splitlines():
            if (match := _LINE.match(line)) and not match[3].startswith("-"):
                details = [self._bytes(part) for part in re.findall(r'["<](.*?)[">]', match[2])]
                numbers = re.findall(r"(?:^|, )(\d+)(?=[,<)]|$)", match[2])
                told = self._retell(match[1], details, numbers, match[2], int(match[3], 0))
                if told is not None:
                    yield told

    def _retell(
        self, call: str, texts: list[bytes], numbers: list[str], line: str, result: int
    ) -> tuple[object, ...] | None:
        if call == "mmap":
            shared = "MAP_SHARED" in line and "PROT_WRITE" in line and texts
            path = self._inside(texts[0]) if shared else None
            return None if path is None else ("unmodelled", path)
        if call in ("rename", "unlink", "mkdir"):
            paths = [self._inside(text) for text in texts]
            if None in paths:
                return None
            if call == "unlink":
                del self._size[str(paths[0])]
            if call == "rename":
                self._size[str(paths[1])] = self._size.pop(str(paths[0]), 0)
            return (call, *paths)
        path = self._inside(texts[1] if call == "openat" else texts[0])
        if path is None:
            return None
        if call == "openat":
            return self._opened(path, line, result)
        descriptor = int(numbers[0])
        if call in ("fsync", "fdatasync"):
            return "fsync", path
        if call == "ftruncate":
            self._size[path] = int(numbers[1])
            return "truncate", path, int(numbers[1])
        data = texts[1]
        offset = int(numbers[-1]) if call == "pwrite64" else self._position[descriptor]
        if offset is None:
            offset = self._size[path]
        elif call == "write":
            self._position[descriptor] = offset + len(data)
        self._size[path] = max(self._size.get(path, 0), offset + len(data))
        return "write", path, offset, len(data), data if self._contents else b""

    def _opened(self, path: str, line: str, descriptor: int) -> tuple[object, ...] | None:
        self._position[descriptor] = None if "O_APPEND" in line else 0
        if path not in self._size and "O_CREAT" in line:
            self._size[path] = 0
            return "create", path
        if "O_TRUNC" in line and self._size.get(path):
            self._size[path] = 0
            return "truncate", path, 0
        return None

    def _inside(self, path: bytes) -> str | None:
        text = os.fsdecode(path)
        if text == self._home[:-1]:
            return "."
        return text.removeprefix(self._home) if text.startswith(self._home) else None

    @staticmethod
    def _bytes(text: str) -> bytes:
        return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def _retold(operation: Operation, contents: bool) -> tuple[object, ...]:
    if operation.kind == "write":
        data = operation.data if contents else b""
        return "write", operation.path, operation.offset, len(operation.data), data
    if operation.kind == "truncate":
        return operation.kind, operation.path, operation.size
    if operation.kind == "rename":
        return operation.kind, operation.path, operation.to
    return operation.kind, operation.path


def _traced_by_strace(
    home: Path, log: Path, variant: str, contents: bool
) -> list[tuple[object, ...]]:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip(reason="strace is not installed, and nothing else can say what the kernel saw")
    program = _PROGRAM.format(home=str(home), variant=variant, turns=TURNS)
    options = ["-f", "-xx", "-y", "-s", "1000000", "-e", f"trace={CALLS}", "-o"]
    subprocess.run(
        [strace, *options, str(log), sys.executable, "-c", program],
        check=True,
        cwd=ROOT,
        timeout=120,
    )
    return list(_Story(home, contents).tell(log.read_text("utf-8")))


def _check_variant(workshop: Workshop, homes: list[Path], log: Path, variant: str) -> None:
    # SQLite's salts and page images differ from run to run: of these only lengths are compared.
    contents = not variant.startswith("sqlite")
    theirs = _traced_by_strace(homes[0], log, variant, contents)
    assert len(theirs) > 3 * TURNS
    for home, telling in zip(homes[1:], (False, True), strict=True):
        if telling and not contents:
            continue
        run = workshop.run(CONVERSE, home, variant, TURNS, telling=telling)
        assert run.error is None
        assert [_retold(operation, contents) for operation in run.operations] == theirs


def test_both_recorders_see_what_strace_sees(
    workshop: Workshop, fresh: Callable[[], Path], tmp_path: Path
) -> None:
    _check_variant(workshop, [fresh(), fresh(), fresh()], tmp_path / "log", "naive")


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant",
    [
        "replacing",
        "syncing",
        "hardened",
        "sqlite_WAL_FULL",
        "sqlite_DELETE_FULL",
        "sqlite_DELETE_EXTRA",
    ],
)
def test_on_every_store_the_recorders_see_what_strace_sees(
    workshop: Workshop, fresh: Callable[[], Path], tmp_path: Path, variant: str
) -> None:
    _check_variant(workshop, [fresh(), fresh(), fresh()], tmp_path / "log", variant)
