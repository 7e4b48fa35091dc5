"""Writes, sizes and mappings: what is recorded is what happens."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from harness.world.disk.replay import mismatch, unmodelled
from tests.stacks.recording import Run, Workshop

CALLS = "tests.stacks.calls"
Fresh = Callable[[], Path]


def _record(workshop: Workshop, home: Path, function: str) -> Run:
    run = workshop.run(f"{CALLS}:{function}", home)
    assert run.error is None
    assert mismatch(run.operations, home, run.trace.before) is None
    return run


def test_every_way_to_write_lands_where_the_kernel_puts_it(
    workshop: Workshop, fresh: Fresh
) -> None:
    run = _record(workshop, fresh(), "writes")
    assert [(op.kind, op.call, op.offset, op.data) for op in run.operations] == [
        ("create", "openat", 0, b""),
        ("write", "write", 0, b"0123456789"),
        ("write", "writev", 10, b"abcd"),
        ("write", "pwrite64", 1, b"P"),
        ("write", "pwritev2", 2, b"VW"),
        ("write", "write", 4, b"D"),
        ("write", "write", 5, b"E"),
        ("write", "pwritev2", 0, b"S"),
        ("fsync", "fdatasync", 0, b""),
    ]
    assert [op.durable for op in run.operations if op.kind == "write"][-1]


def test_an_append_lands_at_the_end_whoever_moved_it(workshop: Workshop, fresh: Fresh) -> None:
    run = _record(workshop, fresh(), "appends")
    writes = [op for op in run.operations if op.kind == "write"]
    assert [op.offset for op in writes] == [0, 4, 8, 14, 18]
    assert [op.durable for op in writes] == [False, False, False, False, True]


def test_copies_inside_the_kernel_are_seen_with_their_data(
    workshop: Workshop, fresh: Fresh
) -> None:
    run = _record(workshop, fresh(), "copies")
    assert [(op.call, op.offset, op.data) for op in run.operations if op.kind == "write"] == [
        ("write", 0, b"0123456789"),
        ("copy_file_range", 0, b"2345"),
        ("copy_file_range", 20, b"0123456789"),
        ("sendfile", 4, b"89"),
    ]


def test_growth_shrinkage_and_holes_are_sizes_and_zeros(workshop: Workshop, fresh: Fresh) -> None:
    run = _record(workshop, fresh(), "sizes")
    assert [(op.kind, op.call, op.size, op.data) for op in run.operations[2:]] == [
        ("truncate", "ftruncate", 50, b""),
        ("truncate", "truncate", 70, b""),
        ("truncate", "fallocate", 100, b""),
        ("truncate", "fallocate", 100, b""),
        ("write", "fallocate", 0, bytes(5)),
        ("truncate", "openat", 0, b""),
    ]


def test_what_a_memory_file_system_lacks_is_lacking(workshop: Workshop, fresh: Fresh) -> None:
    run = _record(workshop, fresh(), "odd_sizes")
    assert {words for _, words in run.said} == {errno.errorcode[errno.EOPNOTSUPP]}
    assert len(run.operations) == 2


def test_only_a_shared_writable_mapping_is_flagged(workshop: Workshop, fresh: Fresh) -> None:
    run = workshop.run(f"{CALLS}:maps", fresh())
    assert [(op.call, op.path) for op in unmodelled(run.operations)] == [("mmap", "data")]


def test_what_comes_out_of_a_pipe_is_flagged(workshop: Workshop, fresh: Fresh) -> None:
    run = workshop.run(f"{CALLS}:pipes", fresh())
    assert [(op.call, op.path) for op in unmodelled(run.operations)] == [("splice", "file")]


def test_threads_keep_their_own_order(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:threads", home, 3, 5)
    assert run.error is None
    assert mismatch(run.operations, home) is None
    assert len({op.thread for op in run.operations}) == 3
