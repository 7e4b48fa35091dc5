"""Directories as values: read, written, compared."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from harness.world.tree import Tree, difference, is_rebuildable, read_tree, write_tree


def _make(home: Path) -> None:
    (home / "sub" / "empty").mkdir(parents=True)
    (home / "file").write_bytes(b"content")
    os.link(home / "file", home / "sub" / "twin")
    (home / "pointer").symlink_to("file")


def test_a_tree_that_is_written_reads_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    _make(one)
    tree, inodes = read_tree(one)
    assert tree.names == {"file": 0, "sub/twin": 0}
    assert len(inodes) == 1
    write_tree(tree, other)
    assert read_tree(other)[0] == tree
    assert (other / "file").stat().st_nlink == 2


def test_sockets_and_pipes_are_no_part_of_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert read_tree(tmp_path)[0] == Tree()


def test_the_first_difference_is_named() -> None:
    tree = Tree({"a": 0}, {0: b"same then"}, frozenset({"d"}), {"l": "a"})
    assert difference(tree, tree) is None
    assert difference(tree, Tree({"a": 7}, {7: b"same then"}, frozenset({"d"}), {"l": "a"})) is None
    changed = Tree({"a": 0}, {0: b"same NOW"}, frozenset({"d"}), {"l": "a"})
    assert difference(tree, changed) == (
        "a differs from byte 5 on: 9 bytes were expected, 8 are there"
    )
    renamed = Tree({"b": 0}, {0: b"same then"}, frozenset({"d"}), {"l": "a"})
    assert difference(tree, renamed) == (
        "the files differ: ['a'] are missing, ['b'] were not expected"
    )
    bare = Tree({"a": 0}, {0: b"same then"}, frozenset(), {"l": "a"})
    assert (difference(tree, bare) or "").startswith("the directories differ")
    pointed = Tree({"a": 0}, {0: b"same then"}, frozenset({"d"}), {"l": "b"})
    assert (difference(tree, pointed) or "").startswith("the symbolic links differ")


def test_only_the_index_of_a_write_ahead_log_is_rebuildable() -> None:
    assert is_rebuildable("state.db-shm")
    assert not is_rebuildable("state.db-wal")
    tree = Tree({"state.db": 0, "state.db-shm": 1}, {0: b"", 1: b"x"})
    assert tree.without(is_rebuildable).names == {"state.db": 0}
