"""What each tier's barriers make sure."""

from __future__ import annotations

from harness.world.disk.cache import Cut, Disk
from harness.world.disk.choices import TIERS, Tier
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree

CREATE = Operation("create", "openat", "a", 0)
WRITE = Operation("write", "write", "a", 0, data=b"data")
FSYNC = Operation("fsync", "fsync", "a", 0)
OTHER = Operation("create", "openat", "b", 1)


def _disk(tier: Tier, *operations: Operation, before: Tree | None = None) -> Disk:
    disk = Disk(before or Tree(), tier)
    for index, operation in enumerate(operations):
        disk.apply(index, operation)
        if operation.barrier or tier == "kill":
            disk.promise(index, operation)
    return disk


def test_an_fsync_of_a_file_takes_the_whole_journal_along_on_ext4_only() -> None:
    pending = {tier: len(_disk(tier, CREATE, OTHER, WRITE, FSYNC).names.pending) for tier in TIERS}
    assert pending == {"kill": 0, "ext4": 0, "posix": 2}


def test_an_fsync_leaves_the_data_of_other_files_alone() -> None:
    unsynced = Operation("write", "write", "b", 1, data=b"more")
    for tier in ("ext4", "posix"):
        disk = _disk(tier, CREATE, OTHER, WRITE, unsynced, FSYNC)
        assert [bool(file.pending) for file in disk.files.values()] == [False, True]


def test_a_truncation_is_metadata_and_so_in_the_journal() -> None:
    before = Tree({"b": 1}, {1: b"old"})
    cut = Operation("truncate", "ftruncate", "b", 1, size=0)
    disk = _disk("ext4", CREATE, cut, WRITE, FSYNC, before=before)
    assert (disk.files[1].base_size, disk.files[1].pending) == (0, [])
    assert _disk("posix", CREATE, cut, WRITE, FSYNC, before=before).files[1].base_size == 3


def test_a_sync_makes_everything_sure() -> None:
    for tier in TIERS:
        disk = _disk(tier, CREATE, OTHER, WRITE, Operation("sync", "sync", "."))
        assert disk.names.pending == []
        assert not any(file.pending for file in disk.files.values())


def test_what_failed_has_no_effect() -> None:
    failed = Operation("write", "write", "a", 0, data=b"data", error=28)
    disk = _disk("posix", CREATE, failed, Operation("create", "openat", "c", 2, error=28))
    assert disk.files[0].size == 0
    assert 2 not in disk.files
    unsynced = _disk("posix", CREATE, WRITE, Operation("fsync", "fsync", "a", 0, error=5))
    assert unsynced.files[0].pending


def test_the_journal_bounds_what_a_file_may_be() -> None:
    before = Tree({"b": 1}, {1: b"old"})
    disk = _disk(
        "ext4",
        Operation("write", "write", "b", 1, offset=3, data=b"er"),
        Operation("truncate", "ftruncate", "b", 1, size=0),
        Operation("write", "write", "b", 1, data=b"new"),
        CREATE,
        WRITE,
        Operation("rename", "rename", "a", 0, to="b"),
        before=before,
    )
    bounds = {
        until: [(Cut(disk, until).floor(n), Cut(disk, until).ceiling(n)) for n in (1, 0)]
        for until in (-1, 1, 5)
    }
    assert bounds == {-1: [(0, 1), (0, 1)], 1: [(2, 3), (0, 1)], 5: [(2, 3), (1, 1)]}


def test_files_that_no_name_leads_to_are_dropped_and_nameless_ones_kept() -> None:
    operations = [Operation("create", "openat", None, 99)]
    for number in range(20):
        operations.append(Operation("create", "openat", f"{number}", number))
        operations.append(Operation("unlink", "unlink", f"{number}", number))
    disk = _disk("posix", *operations, Operation("fsync", "fsync", "."))
    assert set(disk.files) == {99}
    disk.apply(50, Operation("write", "write", None, 3, data=b"to nobody"))
    assert set(disk.files) == {99}
