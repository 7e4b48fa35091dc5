"""Each function of `os` as a system call: its name and its arguments in the kernel's order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from harness.life.disk.calls import CALLS
from harness.world.syscalls import contents, entries

HERE = -100
TWO = (2).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("function", "arguments", "named", "name", "told"),
    [
        ("open", ("a", os.O_CREAT), {}, "openat", (HERE, b"a", os.O_CREAT, 0o777)),
        ("open", ("a", os.O_CREAT, 0o600), {"dir_fd": 5}, "openat", (5, b"a", os.O_CREAT, 0o600)),
        ("replace", ("a", Path("b")), {}, "rename", (b"a", b"b")),
        ("rename", (b"a", "b"), {"dst_dir_fd": 4}, "renameat", (HERE, b"a", 4, b"b")),
        ("link", ("a", "b"), {}, "link", (b"a", b"b")),
        ("link", ("a", "b"), {"src_dir_fd": 3}, "linkat", (3, b"a", HERE, b"b", 0x400)),
        ("link", ("a", "b"), {"follow_symlinks": False}, "linkat", (HERE, b"a", HERE, b"b", 0)),
        ("symlink", ("to", "a"), {}, "symlink", (b"to", b"a")),
        ("symlink", ("to", "a"), {"dir_fd": 3}, "symlinkat", (b"to", 3, b"a")),
        ("remove", ("a",), {}, "unlink", (b"a",)),
        ("unlink", ("a",), {"dir_fd": 3}, "unlinkat", (3, b"a", 0)),
        ("rmdir", ("a",), {"dir_fd": 3}, "unlinkat", (3, b"a", 0x200)),
        ("mkdir", ("a", 0o700), {}, "mkdir", (b"a", 0o700)),
        ("mkdir", ("a",), {"dir_fd": 3}, "mkdirat", (3, b"a", 0o777)),
        ("truncate", ("a", 7), {}, "truncate", (b"a", 7)),
        ("truncate", (9, 7), {}, "ftruncate", (9, 7)),
        ("sendfile", (4, 3, None, 10), {}, "sendfile", (4, 3, None, 10)),
        ("copy_file_range", (3, 4, 9, 2), {}, "copy_file_range", (3, TWO, 4, None, 9, 0)),
        ("sync", (), {}, "sync", ()),
        ("fdatasync", (3,), {}, "fdatasync", (3,)),
    ],
)  # fmt: skip
def test_a_function_is_told_as_its_system_call(
    function: str, arguments: Any, named: dict[str, Any], name: str, told: Any
) -> None:
    described = CALLS[function](*arguments, **named)
    assert described is not None
    assert (described.name, described.arguments) == (name, told)


def test_every_call_that_is_told_can_be_understood(tmp_path: Path) -> None:
    file = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    samples: dict[str, tuple[Any, ...]] = {
        "write": (file, b"x"),
        "pwrite": (file, b"x", 0),
        "writev": (file, [b"x"]),
        "pwritev": (file, [b"x"], 0),
        "ftruncate": (file, 1),
        "posix_fallocate": (file, 0, 1),
        "fsync": (file,),
        "splice": (file, file, 1),
        "mknod": ("a",),
    }
    for function, arguments in samples.items():
        described = CALLS[function](*arguments)
        assert described is not None
        assert described.name in {**contents.CALLS, **entries.CALLS}
    os.close(file)


def test_every_function_that_the_table_names_is_one_of_pythons() -> None:
    assert [name for name in CALLS if not hasattr(os, name)] == []
