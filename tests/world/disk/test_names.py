"""Directory entries between memory and disk."""

from __future__ import annotations

import pytest

from harness.world.disk.names import Names, View
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree

BEFORE = Tree({"a": 0, "d/b": 1}, {0: b"", 1: b""}, frozenset({"d"}), {"l": "a"})


def _see(names: Names, *kept: int) -> View:
    return names.see(kept, lambda _path: False)


def _all(names: Names) -> View:
    return _see(names, *range(len(names.pending)))


def test_what_was_there_is_durable() -> None:
    names = Names(BEFORE)
    assert _all(names) == View((("a", 0), ("d/b", 1)), ("d",), (("l", "a"),))
    assert names.reachable() == {0, 1}


def test_a_directory_is_moved_with_all_below_it() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("rename", "rename", "d", to="e"))
    assert _all(names) == View((("a", 0), ("e/b", 1)), ("e",), (("l", "a"),))
    assert _see(names) == View((("a", 0), ("d/b", 1)), ("d",), (("l", "a"),))


def test_a_synced_directory_takes_its_own_entries_along_and_no_others() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("create", "openat", "new", 2))
    names.apply(1, Operation("create", "openat", "d/new", 3))
    names.sync("d")
    assert [change.operation for change in names.pending] == [0]
    assert ("d/new", 3) in _see(names).files
    names.sync(".")
    assert names.pending == []


def test_a_move_between_directories_is_sure_when_either_is_synced() -> None:
    for synced in (".", "d"):
        names = Names(BEFORE)
        names.apply(0, Operation("rename", "rename", "a", 0, to="d/a"))
        names.sync(synced)
        assert _see(names).files == (("d/a", 0), ("d/b", 1))


def test_a_name_that_a_synced_move_settled_does_not_come_back() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("create", "openat", "new", 2))
    names.apply(1, Operation("rename", "rename", "new", 2, to="d/new"))
    names.sync("d")
    assert names.pending == []
    assert _all(names).files == (("a", 0), ("d/b", 1), ("d/new", 2))


def test_two_names_change_places() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("rename", "renameat2", "a", 0, to="d/b", exchange=True))
    assert _all(names).files == (("a", 1), ("d/b", 0))


def test_links_both_hard_and_symbolic() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("link", "link", "a", 0, to="twin"))
    names.apply(1, Operation("symlink", "symlink", "s", data=b"twin"))
    names.apply(2, Operation("link", "link", "s", None, to="s2"))
    names.apply(3, Operation("unlink", "unlink", "a", 0))
    names.apply(4, Operation("mkdir", "mkdir", "x"))
    names.apply(5, Operation("rmdir", "rmdir", "x"))
    seen = _all(names)
    assert seen.files == (("d/b", 1), ("twin", 0))
    assert seen.links == (("l", "a"), ("s", "twin"), ("s2", "twin"))
    assert seen.directories == ("d",)


def test_only_a_rename_over_something_flushes() -> None:
    names = Names(BEFORE)
    names.apply(0, Operation("rename", "rename", "a", 0, to="fresh"))
    names.apply(1, Operation("rename", "rename", "fresh", 0, to="d/b"))
    assert [change.flushes for change in names.pending] == [None, 0]


def test_a_name_in_a_directory_that_nobody_made_is_refused() -> None:
    with pytest.raises(ValueError, match="missing/file lies in a directory"):
        Names(BEFORE).apply(0, Operation("create", "openat", "missing/file", 2))
