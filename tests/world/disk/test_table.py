"""The table: which stores survive which crashes, found again from stores written for it.

`slow` opens every state of a conversation of fifty turns; the gate a sample of twenty turns'.
"""

from __future__ import annotations

import errno
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.world.disk.choices import TIERS, Tier
from harness.world.disk.lay_down import lay_down
from harness.world.disk.replay import mismatch, unmodelled
from harness.world.disk.states import State, states
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Fail, Go
from tests.stacks.recording import Run, Workshop
from tests.stacks.stores.oracle import wrongs

CONVERSE = "tests.stacks.stores.variants:converse"
OPENED_MAX = 300
Fresh = Callable[[], Path]

LOST = {"acknowledged turn lost", "stale checkpoint", "duplicate effect"}
TABLE: dict[str, dict[Tier, set[str]]] = {
    "naive": {
        "kill": {"unreadable"},
        "ext4": {*LOST, "unreadable", "checkpoint ahead"},
        "posix": {*LOST, "unreadable", "checkpoint ahead"},
    },
    "replacing": {
        "kill": {"unreadable"},
        "ext4": {*LOST, "unreadable", "checkpoint ahead"},
        "posix": {*LOST, "unreadable", "checkpoint ahead"},
    },
    "syncing": {"kill": set(), "ext4": {"stale checkpoint"}, "posix": {*LOST, "checkpoint ahead"}},
    "hardened": {"kill": set(), "ext4": set(), "posix": set()},
    "sqlite_WAL_FULL": {"kill": set(), "ext4": set(), "posix": set()},
    "sqlite_WAL_NORMAL": {"kill": set(), "ext4": LOST, "posix": LOST},
    "sqlite_DELETE_FULL": {
        "kill": set(),
        "ext4": {"stale checkpoint", "duplicate effect"},
        "posix": {"stale checkpoint", "duplicate effect"},
    },
    "sqlite_DELETE_EXTRA": {"kill": set(), "ext4": set(), "posix": set()},
}
"""Every class of harm that each tier does to each store; a zero is an empty set."""


def _record(workshop: Workshop, home: Path, variant: str, turns: int) -> Run:
    run = workshop.run(CONVERSE, home, variant, turns)
    assert run.error is None
    assert mismatch(run.operations, home) is None
    assert unmodelled(run.operations) == ()
    return run


def _judge(run: Run, variant: str, found: Sequence[State], place: Path) -> tuple[int, Counter[str]]:
    """How many of these states are harmed, and the classes."""
    harmed, classes = 0, Counter[str]()
    for state in found:
        lay_down(state, place)
        wrong = wrongs(variant, place, run.heard_before(state.at))
        harmed += bool(wrong)
        classes.update(wrong)
    return harmed, classes


@pytest.mark.parametrize("variant", TABLE)
def test_each_store_is_harmed_by_the_crashes_of_the_table(
    workshop: Workshop, fresh: Fresh, variant: str
) -> None:
    run = _record(workshop, fresh(), variant, 20)
    for tier in TIERS:
        found = states(run.operations, tier, candidates_max=5000).distinct
        step = -(-len(found) // OPENED_MAX)
        harmed, classes = _judge(run, variant, found[::step], fresh())
        expected = TABLE[variant][tier]
        assert bool(harmed) is bool(expected), f"{tier}: {harmed}, {classes}"
        assert set(classes) <= expected, f"{tier}: {classes}"


@pytest.mark.slow
@pytest.mark.parametrize("variant", TABLE)
def test_the_whole_table_comes_out(
    workshop: Workshop, fresh: Fresh, variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _record(workshop, fresh(), variant, 50)
    for tier in TIERS:
        started = time.perf_counter()
        found = states(run.operations, tier)
        enumerated = time.perf_counter()
        harmed, classes = _judge(run, variant, found.distinct, fresh())
        opened = time.perf_counter()
        with capsys.disabled():
            sys.stdout.write(
                f"\n{variant:20} {tier:5} {harmed}/{len(found)} states harmed, "
                f"{found.tried} of {found.planned} candidates "
                f"({found.tried / (enumerated - started):,.0f}/s), opened "
                f"{len(found) / (opened - enumerated):,.0f}/s {dict(classes)}\n"
            )
        assert set(classes) == TABLE[variant][tier]


def _failing(number: int) -> Callable[[Operation], Decision]:
    """EIO for one fsync of the log."""
    seen = Counter[str]()

    def decide(operation: Operation) -> Decision:
        if operation.kind != "fsync" or operation.path != "turns.jsonl":
            return Go()
        seen["fsync"] += 1
        return Fail(errno.EIO) if seen["fsync"] == number else Go()

    return decide


@pytest.mark.parametrize(
    ("variant", "loses"), [("retrying", True), ("rewriting", False), ("hardened", False)]
)
def test_asking_again_after_a_failed_fsync_loses_what_it_acknowledges(
    workshop: Workshop, fresh: Fresh, variant: str, loses: bool
) -> None:
    home = fresh()
    run = workshop.run(CONVERSE, home, variant, 4, decide=_failing(8))
    assert mismatch(run.operations, home) is None
    assert (run.error is not None) is (variant == "hardened")
    found = states(run.operations, "posix")
    _, classes = _judge(run, variant, found.distinct, fresh())
    lost = {"acknowledged turn lost", "unreadable", "checkpoint ahead"} & set(classes)
    assert bool(lost) is loses
