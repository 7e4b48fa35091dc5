"""Names: created, renamed, linked, removed; by path, by directory, from outside; or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.world.disk.replay import mismatch, unmodelled
from harness.world.syscalls.numbers import machine
from tests.stacks.recording import Workshop

CALLS = "tests.stacks.calls"
Fresh = Callable[[], Path]


def test_every_way_to_change_names_is_seen(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:names", home)
    assert run.error is None
    assert mismatch(run.operations, home) is None
    assert [(op.kind, op.path, op.to) for op in run.operations] == [
        ("mkdir", "sub", None),
        ("create", "sub/inner", None),
        ("link", "sub/inner", "sub/twin"),
        ("rename", "sub/inner", "outer"),
        ("symlink", "pointer", None),
        ("write", "outer", None),
        ("rename", "outer", "sub"),
        ("rename", "outer", "sub"),
        ("unlink", "sub/twin", None),
        ("rename", "sub", "dir"),
        ("fsync", "dir", None),
        ("rmdir", "dir", None),
        ("rename", "outer", "relative"),
        ("unlink", "pointer", None),
    ]


def test_calls_that_python_never_makes_are_seen_too(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    numbers = dict(machine().numbers)
    run = workshop.run(f"{CALLS}:rare", home, numbers)
    assert run.error is None
    assert mismatch(run.operations, home) is None
    seen = {op.call for op in run.operations}
    assert {"openat2", "pwritev", "linkat", "mknodat", "syncfs", "sync"} <= seen
    old = {"open", "creat", "mknod", "link", "symlink", "rename", "unlink", "mkdir", "rmdir"}
    assert old & set(numbers) <= seen
    assert (home / "linked").read_bytes() == b"\0\0\0\0vector"


def test_a_directory_that_comes_or_goes_is_flagged(workshop: Workshop, fresh: Fresh) -> None:
    home, other = fresh(), fresh()
    run = workshop.run(f"{CALLS}:moved_folders", home, str(other))
    assert run.error is None
    assert [op.path for op in unmodelled(run.operations)] == ["came", "came/file", "goes"]


def test_what_fails_is_no_operation(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:failures", home)
    assert run.error is None
    [(before, _)] = run.said
    assert run.operations[before:] == []
    assert mismatch(run.operations, home) is None


def test_a_file_without_a_name_is_known_all_the_same(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:nameless", home)
    assert run.error is None
    assert mismatch(run.operations, home) is None
    first, *_ = run.operations
    [named] = [op for op in run.operations if op.kind == "link"]
    assert (first.path, first.file) == (None, named.file)
    assert (home / "named").read_bytes() == b"first data, then a name"


def test_a_write_elsewhere_is_reported_and_not_an_operation(
    workshop: Workshop, fresh: Fresh
) -> None:
    home, other = fresh(), fresh()
    run = workshop.run(f"{CALLS}:elsewhere", home, str(other))
    assert run.error is None
    assert mismatch(run.operations, home) is None
    assert [(op.kind, op.data) for op in run.operations] == [
        ("create", b"elsewhere"),
        ("truncate", b""),
        ("write", b"changed"),
        ("unlink", b""),
    ]
    assert [(op.kind, op.path) for op in run.trace.outside] == [
        ("create", f"{other}/outside"),
        ("write", f"{other}/outside"),
        ("mkdir", f"{other}/folder"),
        ("truncate", f"{other}/outside"),
        ("link", f"{other}/outside"),
        ("rename", f"{other}/twin"),
        ("rename", f"{other}/back"),
        ("unlink", f"{other}/back"),
    ]


def test_a_child_of_the_life_is_recorded_too(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:child", home)
    assert run.error is None
    assert (home / "hello").read_bytes() == b"hello\n"
    assert mismatch(run.operations, home) is None
    assert {"create", "write", "rename"} <= {op.kind for op in run.operations}


NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/b", "e", "e/a", "pointer"])
FLAGS = st.sampled_from(
    [
        os.O_CREAT | os.O_RDWR,
        os.O_CREAT | os.O_WRONLY | os.O_APPEND,
        os.O_CREAT | os.O_RDWR | os.O_TRUNC,
        os.O_CREAT | os.O_RDWR | os.O_EXCL,
        os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW,
        os.O_RDONLY,
        os.O_RDWR,
    ]
)
DESCRIPTOR = st.integers(0, 4)
SIZE = st.sampled_from([0, 1, 511, 512, 700, 5000])


def _step(name: str, *details: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.tuples(st.just(name), *details).map(list)


STEPS = st.lists(
    st.one_of(
        _step("open", NAMES, FLAGS),
        _step("open", NAMES, FLAGS),
        _step("dup", DESCRIPTOR),
        _step("write", DESCRIPTOR, SIZE),
        _step("write", DESCRIPTOR, SIZE),
        _step("pwrite", DESCRIPTOR, SIZE, SIZE),
        _step("ftruncate", DESCRIPTOR, SIZE),
        _step("truncate", NAMES, SIZE),
        _step("fallocate", DESCRIPTOR, st.sampled_from([0, 1, 3, 16, 17]), SIZE, SIZE),
        _step("copy", DESCRIPTOR, DESCRIPTOR, SIZE),
        _step("fsync", DESCRIPTOR),
        _step("rename", NAMES, NAMES),
        _step("rename", NAMES, NAMES),
        _step("exchange", NAMES, NAMES, st.sampled_from([0, 1, 2])),
        _step("link", NAMES, NAMES),
        _step("symlink", NAMES, st.sampled_from(["pointer", "d/b"])),
        _step("unlink", NAMES),
        _step("mkdir", NAMES),
        _step("rmdir", NAMES),
    ),
    max_size=30,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_operations_played_again_give_the_directory(
    workshop: Workshop, fresh: Fresh, steps: list[list[Any]]
) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:perform", home, [["mkdir", "d"], *steps])
    assert run.error is None
    assert unmodelled(run.operations) == ()
    assert mismatch(run.operations, home) is None
