"""Replaying operations, and comparing what comes out with a directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.world.disk.replay import mismatch, rebuild, replay, unmodelled
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree, read_tree

OPERATIONS = [
    Operation("mkdir", "mkdir", "d"),
    Operation("create", "openat", "d/a", 0),
    Operation("write", "write", "d/a", 0, offset=2, data=b"cde"),
    Operation("truncate", "ftruncate", "d/a", 0, size=4),
    Operation("truncate", "ftruncate", "d/a", 0, size=6),
    Operation("link", "link", "d/a", 0, to="twin"),
    Operation("symlink", "symlink", "pointer", data=b"twin"),
    Operation("rename", "rename", "d", to="e"),
    Operation("fsync", "fsync", "e/a", 0),
]
CONTENT = b"\0\0cd\0\0"


def test_operations_give_a_tree() -> None:
    assert replay(OPERATIONS) == Tree(
        {"e/a": 0, "twin": 0}, {0: CONTENT}, frozenset({"e"}), {"pointer": "twin"}
    )


def test_a_rebuilt_directory_matches_and_a_changed_one_does_not(tmp_path: Path) -> None:
    rebuild(OPERATIONS, tmp_path)
    assert mismatch(OPERATIONS, tmp_path) is None
    assert (tmp_path / "e" / "a").read_bytes() == CONTENT
    (tmp_path / "twin").write_bytes(b"other")
    assert "e/a differs from byte 0 on" in (mismatch(OPERATIONS, tmp_path) or "")


def test_what_was_there_before_is_replayed_upon(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"old")
    before, _ = read_tree(tmp_path)
    operations = [Operation("write", "write", "log", 0, offset=3, data=b" new")]
    assert replay(operations, before).content("log") == b"old new"
    assert replay([], before) == before


def test_a_failed_operation_changes_nothing() -> None:
    failed = Operation("unlink", "unlink", "e/a", 0, error=5)
    assert replay([*OPERATIONS, failed]) == replay(OPERATIONS)


def test_names_change_places_with_all_below_them() -> None:
    swap = Operation("rename", "renameat2", "e", to="twin", exchange=True)
    assert replay([*OPERATIONS, swap]).names == {"e": 0, "twin/a": 0}


def test_a_file_that_lost_its_names_is_gone() -> None:
    gone = [Operation("unlink", "unlink", path, 0) for path in ("e/a", "twin")]
    assert replay([*OPERATIONS, *gone]).contents == {}


def test_a_write_to_no_file_is_a_fault_of_the_trace() -> None:
    with pytest.raises(ValueError, match="has no file"):
        replay([Operation("write", "write", "a", data=b"x")])


def test_what_cannot_be_followed_is_listed_but_for_what_is_rebuildable() -> None:
    mapped = Operation("unmodelled", "mmap", "data.bin", 0)
    index = Operation("unmodelled", "mmap", "state.db-shm", 1)
    assert unmodelled([*OPERATIONS, mapped, index]) == (mapped,)
