"""Blame: which operation a broken state goes back to, on which bytes, and what was missing."""

from __future__ import annotations

from harness.lab.crashes.blame import culprit_of
from harness.world.disk.choices import Tier
from harness.world.disk.states import State, states
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree

CREATE = Operation("create", "openat", "log", 0)
FIRST = Operation("write", "write", "log", 0, offset=0, data=b"a" * 600)
SECOND = Operation("write", "write", "log", 0, offset=600, data=b"b" * 600)
FSYNC = Operation("fsync", "fsync", "log", 0)
FOLDER = Operation("fsync", "fsync", ".")


def _state(operations: list[Operation], tier: Tier, **wanted: object) -> State:
    for state in states(operations, tier):
        if all(getattr(state, key) == value for key, value in wanted.items()):
            return state
    raise AssertionError(f"no {tier} state has {wanted}")


def _told(operations: list[Operation], left: State) -> str:
    culprit = culprit_of(operations, left, Tree())
    assert culprit is not None
    return culprit.what


def test_a_kill_is_before_an_operation_or_within_it() -> None:
    operations = [CREATE, FIRST, SECOND]
    left = _state(operations, "kill", at=2, choice="")
    assert _told(operations, left) == "stopped before it: operation 2, write log 600 bytes at 600"
    long = Operation("write", "write", "log", 0, offset=0, data=b"a" * 5000)
    torn = _state([CREATE, long], "kill", choice="operation 1 stops at byte 4096")
    assert "stopped within it (operation 1 stops at byte 4096)" in _told([CREATE, long], torn)


def test_what_was_written_and_not_synced_is_the_culprit_with_its_sectors() -> None:
    operations = [CREATE, FIRST, FSYNC, FOLDER, SECOND]
    lost = [s for s in states(operations, "posix") if s.at == 5 and s.files == {"log": b"a" * 600}]
    told = _told(operations, lost[0])
    assert told.startswith("operation 4, write log 600 bytes at 600, did not reach the disk of log")
    assert "sectors 1 to 2, bytes 512 to 1535" in told
    assert "missing: an fsync of log before what came next was acknowledged" in told


def test_a_barrier_that_came_too_late_is_named() -> None:
    operations = [CREATE, FIRST, FSYNC, FOLDER, SECOND, FOLDER, FSYNC]
    lost = [s for s in states(operations, "posix") if s.at == 6 and s.files == {"log": b"a" * 600}]
    assert "missing" in _told(operations, lost[0])


def test_a_name_that_was_lost_lacks_an_fsync_of_its_folder() -> None:
    operations = [CREATE, FIRST, FSYNC]
    gone = [s for s in states(operations, "posix") if s.at == 3 and not s.files]
    told = _told(operations, gone[0])
    assert told.startswith("operation 0, openat log, did not reach the disk")
    assert "an fsync of the home, which holds the name, after it" in told


def test_at_the_end_where_all_is_there_nobody_is_to_blame() -> None:
    operations = [CREATE, FIRST, FSYNC, FOLDER]
    assert culprit_of(operations, _state(operations, "kill", at=4), Tree()) is None
