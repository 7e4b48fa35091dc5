"""Laying down; and that real kills leave what the kill tier says."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.world.disk.lay_down import lay_down, memory_directory
from harness.world.disk.replay import mismatch
from harness.world.disk.states import state, states
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Die, Go, Torn
from harness.world.tree import read_tree
from tests.stacks.recording import Workshop
from tests.world.disk.scripts import write_down

CONVERSE = "tests.stacks.stores.variants:converse"
TURNS = 2
Fresh = Callable[[], Path]


def _files(home: Path) -> dict[str, bytes]:
    tree, _ = read_tree(home)
    return {path: tree.content(path) for path in tree.names}


def test_a_directory_holds_the_state_and_nothing_else(tmp_path: Path) -> None:
    operations = write_down([("write", "d/a", -1, 300, False), ("write", "b", -1, 5, False)])
    place = tmp_path / "new" / "place"
    for found in states(operations, "posix"):
        lay_down(found, place)
        assert _files(place) == found.files
        assert read_tree(place)[0].directories == set(found.view.directories)
        (place / "left over").mkdir()
        (place / "left over" / "file").touch()


def test_memory_is_used_where_there_is_some() -> None:
    assert memory_directory() in (None, Path("/dev/shm"))


@pytest.mark.parametrize("variant", ["naive", "replacing", "syncing", "hardened"])
def test_a_real_kill_at_any_operation_leaves_a_state_of_the_kill_tier(
    workshop: Workshop, fresh: Fresh, variant: str
) -> None:
    kills, whole, _torn = _kill_at_every_operation(workshop, fresh, variant, TURNS)
    assert kills > whole > 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", ["naive", "replacing", "syncing", "hardened", "retrying", "rewriting"]
)
def test_so_it_does_at_every_operation_of_a_long_conversation(
    workshop: Workshop, fresh: Fresh, variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kills, whole, torn = _kill_at_every_operation(workshop, fresh, variant, 50)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{variant:12} {kills} real kills, all inside the kill tier; all {whole} states "
            f"that are not torn were reached, and {torn} torn ones\n"
        )
    assert kills > whole > 200


def _kill_at_every_operation(
    workshop: Workshop, fresh: Fresh, variant: str, turns: int
) -> tuple[int, int, int]:
    """A kill before each operation and one while the kernel is at it; what was reached, counted."""
    operations = workshop.run(CONVERSE, fresh(), variant, turns).operations
    legal = states(operations, "kill")
    torn = {_key(found.files) for found in legal if found.choice}
    whole = {_key(found.files) for found in legal if not found.choice}
    before, during = set(), set()
    for number in range(len(operations)):
        home = fresh()
        run = workshop.run(CONVERSE, home, variant, turns, decide=_dying_at(number, Die()))
        assert run.killed
        assert mismatch(run.operations, home) is None
        before.add(_key(_files(home)))
        shutil.rmtree(home)
        home = fresh()
        workshop.run(CONVERSE, home, variant, turns, kill_after=number + 1)
        during.add(_key(_files(home)))
        shutil.rmtree(home)
    assert before <= whole
    assert during <= whole | torn
    # The state after the last operation is that of a run that ends by itself.
    assert whole - before <= {_key(legal.distinct[-1].files)}
    return 2 * len(operations), len(whole), len(during & torn)


def _key(files: Mapping[str, bytes]) -> frozenset[tuple[str, bytes]]:
    return frozenset(files.items())


def _dying_at(number: int, decision: Decision) -> Callable[[Operation], Decision]:
    counter = iter(range(10**6))
    return lambda operation: decision if next(counter) == number else Go()


def test_a_really_torn_write_is_a_state_too(workshop: Workshop, fresh: Fresh) -> None:
    whole_run = workshop.run("tests.stacks.calls:long_write", fresh())
    legal = [found.files for found in states(whole_run.operations, "kill")]
    home = fresh()
    workshop.run("tests.stacks.calls:long_write", home, decide=_dying_at(1, Torn(8192)))
    assert _files(home) == {"file": b"x" * 8192}
    assert _files(home) in legal


def test_a_store_runs_on_from_a_laid_down_state(workshop: Workshop, fresh: Fresh) -> None:
    """A crash, a second life on what it left, and a crash of that one: depth two."""
    run = workshop.run(CONVERSE, fresh(), "hardened", 1)
    found = states(run.operations, "ext4")
    for first in list(found)[:: max(1, len(found) // 4)]:
        home = fresh()
        lay_down(state(run.operations, "ext4", first.number), home)
        second = workshop.run(CONVERSE, home, "hardened", 1)
        assert second.error is None
        assert mismatch(second.operations, home, second.trace.before) is None
        again = states(second.operations, "ext4", before=second.trace.before)
        assert again.distinct[0].files == first.files
