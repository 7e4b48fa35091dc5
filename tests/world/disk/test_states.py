"""Laws of the states: legal by a second statement, reproducible, each once, latest crash point."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given, settings

from harness.world.disk.choices import TIERS, Tier
from harness.world.disk.replay import replay
from harness.world.disk.states import State, left_at_the_end, state, states
from harness.world.syscalls.operations import Operation
from harness.world.tree import Tree, difference
from tests.world.disk.scripts import Reference, script, write_down

NAIVE = write_down([("write", "a", -1, 300, False)] * 3 + [("write", "b", -1, 5000, False)])
SYNCED = write_down(
    [("write", "a", -1, 300, False), ("fsync", "a"), ("fsync directory", "."), ("sync",)]
)


def _key(found: State) -> object:
    return tuple(sorted(found.files.items())), found.view.directories, found.view.links


@settings(deadline=None, max_examples=80)
@given(operations=script)
def test_every_state_is_legal_by_a_second_statement(operations: list[Operation]) -> None:
    for tier in TIERS:
        for found in states(operations, tier):
            objection = Reference.until(operations, found.at).objection(found)
            assert objection is None, f"{tier}: {objection}; {found.describe()}"


@settings(deadline=None, max_examples=80)
@given(operations=script)
def test_what_a_kill_leaves_whole_a_power_cut_can_leave_too(operations: list[Operation]) -> None:
    """The law between the tiers: of a kill's states only those within a write are its own."""
    whole = {_key(found): found.at for found in states(operations, "kill") if not found.choice}
    for tier in ("ext4", "posix"):
        cut = {_key(found): found.at for found in states(operations, tier)}
        for key, at in whole.items():
            assert key in cut
            assert cut[key] >= at


@settings(deadline=None, max_examples=80)
@given(operations=script)
def test_states_are_distinct_and_their_numbers_name_them_again(
    operations: list[Operation],
) -> None:
    for tier in TIERS:
        found = states(operations, tier)
        assert found.complete
        assert len({_key(one) for one in found}) == len({one.digest for one in found}) == len(found)
        assert [one.at for one in found] == sorted(one.at for one in found)
        for one in list(found)[::7]:
            again = state(operations, tier, one.number)
            assert (again.at, again.files, again.describe()) == (
                one.at,
                one.files,
                one.describe(),
            )


@settings(deadline=None, max_examples=60)
@given(operations=script)
def test_without_a_crash_nothing_is_lost(operations: list[Operation]) -> None:
    last = [found for found in states(operations, "kill") if found.at == len(operations)]
    assert len(last) == 1
    assert difference(replay(operations), last[0].tree()) is None


@settings(deadline=None, max_examples=60)
@example(
    write_down(
        [("write", "a", 0, 1, False), ("rename", "a", "d/a"), ("fsync directory", "d")],
    )
)
@given(operations=script)
def test_after_a_sync_of_everything_there_is_one_state(operations: list[Operation]) -> None:
    synced = [*operations, Operation("sync", "sync", ".")]
    for tier in TIERS:
        last = [found for found in states(synced, tier) if found.at == len(synced)]
        assert [difference(replay(synced), found.tree()) for found in last] == [None]


def test_an_unsynced_write_is_lost_on_power_cut_and_kept_on_kill() -> None:
    operations = write_down(
        [("write", "a", -1, 300, False), ("sync",), ("write", "a", -1, 300, False)]
    )
    size = {
        tier: {
            len(found.files["a"])
            for found in states(operations, tier)
            if found.at == len(operations)
        }
        for tier in TIERS
    }
    assert size == {"kill": {600}, "ext4": {300, 600}, "posix": {300, 600}}


def test_a_long_append_may_stop_at_a_page_when_its_process_is_killed() -> None:
    stopped = [found for found in states(NAIVE, "kill") if found.choice]
    assert [(found.at, len(found.files["b"])) for found in stopped] == [(6, 4096)]
    assert "stops at byte 4096" in stopped[0].describe()


def test_size_before_data_is_posix_only() -> None:
    zeros = {"ext4": False, "posix": True}
    for tier, expected in zeros.items():
        contents = {found.files.get("a") for found in states(NAIVE, tier)}
        assert (bytes(900) in contents) is expected


def test_a_rename_over_flushes_the_data_first_on_ext4() -> None:
    steps = [
        ("write", "a", -1, 300, False),
        ("sync",),
        ("write", "b", -1, 300, False),
        ("rename", "b", "a"),
    ]
    operations = write_down(steps)
    replaced = {
        tier: {
            len(found.files["a"])
            for found in states(operations, tier)
            if found.at == len(operations) and found.files["a"][:1] != b"\x01"
        }
        for tier in ("ext4", "posix")
    }
    assert replaced["ext4"] == {300}
    assert 0 in replaced["posix"]


def test_metadata_is_a_prefix_of_the_journal_on_ext4_only() -> None:
    operations = write_down([("write", "a", -1, 1, False), ("write", "b", -1, 1, False)])
    only_second = {
        tier: any("b" in found.files and "a" not in found.files for found in states(operations, t))
        for t, tier in (("ext4", "ext4"), ("posix", "posix"))
    }
    assert only_second == {"ext4": False, "posix": True}


def test_a_state_is_judged_at_its_latest_crash_point() -> None:
    operations = [*SYNCED, Operation("fsync", "fsync", "a", 0)]
    for tier in TIERS:
        full = [
            found.at
            for found in states(operations, tier)
            if found.files == {"a": b"\x01" * 300} and found.view.directories
        ]
        assert full == [len(operations)]


def test_a_synchronous_write_is_sure_when_it_returns_and_torn_before() -> None:
    operations = write_down([("write", "a", -1, 1500, True), ("fsync directory", ".")])
    found = states(operations, "posix")
    assert {len(one.files["a"]) for one in found if "a" in one.files and one.at == 4} == {1500}
    assert any(b"\0" in one.files.get("a", b"") for one in found if one.at == 2)


def test_what_a_failed_fsync_left_stays_undecided_until_it_is_written_again() -> None:
    start = write_down([("write", "a", -1, 300, False), ("sync",)])
    file = 0
    append = Operation("write", "write", "a", file, offset=300, data=b"n" * 300)
    failed = Operation("fsync", "fsync", "a", file, error=5)
    fsync = replace(failed, error=0)
    retried = [*start, append, failed, fsync]
    tails = {one.files["a"][300:] for one in states(retried, "posix") if one.at == len(retried)}
    assert tails >= {b"n" * 300, bytes(300)}
    rewritten = [*start, append, failed, append, fsync]
    tails = {one.files["a"][300:] for one in states(rewritten, "posix") if one.at == len(rewritten)}
    assert tails == {b"n" * 300}


def test_what_lay_there_before_is_on_disk() -> None:
    before = Tree({"a": 0}, {0: b"old"}, frozenset({"d"}), {"pointer": "a"})
    operations = [Operation("write", "write", "a", 0, offset=3, data=b" new")]
    for tier in TIERS:
        found = states(operations, tier, before=before)
        assert {one.files["a"] for one in found} <= {b"old", b"old new", b"old\0\0\0\0"}
        assert {b"old", b"old new"} <= {one.files["a"] for one in found}
        assert all(one.view.links == (("pointer", "a"),) for one in found)


@pytest.mark.parametrize("tier", TIERS)
def test_a_bound_is_kept_and_said(tier: Tier) -> None:
    operations = write_down([("write", "a", -1, 300, False)] * 40)
    everything = states(operations, tier)
    bounded = states(operations, tier, candidates_max=20)
    assert everything.complete
    assert not bounded.complete
    assert (bounded.planned, bounded.tried <= 22) == (everything.planned, True)
    assert {one.digest for one in bounded} <= {one.digest for one in everything}


def test_another_seed_draws_other_mixes() -> None:
    mixes = [
        {one.digest for one in states(NAIVE, "posix", seed=seed, mixes=20)} for seed in (1, 1, 2)
    ]
    assert mixes[0] == mixes[1] != mixes[2]


def test_a_number_of_another_trace_is_refused() -> None:
    with pytest.raises(LookupError, match="no kill state number 99"):
        state(NAIVE, "kill", 99)


def test_rebuildable_files_are_not_part_of_a_state() -> None:
    operations = [Operation("create", "openat", "db-shm", 0)]
    assert all(one.files == {} for one in states(operations, "posix"))
    assert len(states(operations, "posix")) == 1


@settings(deadline=None, max_examples=80)
@given(operations=script)
def test_what_is_left_at_the_end_are_the_states_of_the_last_crash_point(
    operations: list[Operation],
) -> None:
    for tier in TIERS:
        last = [found.tree() for found in states(operations, tier) if found.at == len(operations)]
        left = list(left_at_the_end(operations, tier))
        for tree in last:
            # A kill may also stop within the last write, which is done at the end.
            assert tier == "kill" or any(difference(tree, other) is None for other in left)
        for tree in left:
            assert any(difference(tree, other) is None for other in last)
