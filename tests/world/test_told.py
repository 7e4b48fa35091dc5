"""What a life tells of itself is what the kernel is asked to do: both recorders, the same story.

The recorder that traps system calls is the real thing here, and strace is its own; a store of plain
Python makes the same operations under both, with the same decisions.
"""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from harness.world.disk.replay import mismatch, unmodelled
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import Decision, Die, Fail, Go, Short, Slow, Torn
from tests.stacks.recording import Run, Workshop
from tests.world.syscalls.test_entries import STEPS

Fresh = Callable[[], Path]
CALLS = "tests.stacks.calls"
OPENS = "tests.stacks.opens"
LINE = f"{CALLS}:line"


def _at(number: int, decision: Decision) -> Callable[[Operation], Decision]:
    counter = iter(range(10**6))
    return lambda operation: decision if next(counter) == number else Go()


def _story(run: Run) -> list[Operation]:
    """The operations, less what differs from process to process: threads, names drawn by lot."""
    return [
        replace(op, thread=0, path=op.path and re.sub(r"draft\w+", "draft", op.path))
        for op in run.operations
    ]


@pytest.mark.parametrize(
    "function",
    [f"{CALLS}:{name}" for name in ("writes", "appends", "copies", "failures", "nameless", "pipes")]
    + [f"{CALLS}:{name}" for name in ("line", "insists", "long_write", "maps")]
    + [f"{OPENS}:{name}" for name in ("opens", "refusals", "libraries", "positions", "maps")],
)
def test_both_recorders_tell_the_same_story(
    workshop: Workshop, fresh: Fresh, function: str
) -> None:
    trapped = workshop.run(function, fresh())
    told_home = fresh()
    told = workshop.run(function, told_home, telling=True)
    assert (told.error, trapped.error) == (None, None)
    assert _story(told) == _story(trapped)
    assert told.said == trapped.said
    assert len(told.operations) > 1
    if not unmodelled(told.operations):
        assert mismatch(told.operations, told_home) is None


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_whatever_the_steps_both_recorders_tell_the_same(
    workshop: Workshop, fresh: Fresh, steps: list[list[Any]]
) -> None:
    # These two go to the C library, past Python.
    plain = [["mkdir", "d"], *(step for step in steps if step[0] not in ("fallocate", "exchange"))]
    trapped = workshop.run(f"{CALLS}:perform", fresh(), plain)
    home = fresh()
    told = workshop.run(f"{CALLS}:perform", home, plain, telling=True)
    assert _story(told) == _story(trapped)
    assert mismatch(told.operations, home) is None


@pytest.mark.parametrize("variant", ["naive", "replacing", "syncing", "hardened"])
def test_stores_of_plain_python_make_the_same_operations_under_both(
    workshop: Workshop, fresh: Fresh, variant: str
) -> None:
    converse, home = "tests.stacks.stores.variants:converse", fresh()
    trapped = workshop.run(converse, fresh(), variant, 10)
    told = workshop.run(converse, home, variant, 10, telling=True)
    assert _story(told) == _story(trapped)
    assert told.said == trapped.said
    assert mismatch(told.operations, home) is None


def test_writes_elsewhere_are_told_as_such(workshop: Workshop, fresh: Fresh) -> None:
    def outside(run: Run, place: Path) -> list[tuple[str, str]]:
        home = str(place.parent)
        return [(op.kind, str(op.path).replace(home, "")) for op in run.trace.outside]

    stories = []
    for telling in (False, True):
        place = fresh() / "place"
        place.mkdir()
        run = workshop.run(f"{CALLS}:elsewhere", fresh(), str(place), telling=telling)
        assert run.error is None
        stories.append((outside(run, place), [op.kind for op in run.operations]))
    assert stories[0] == stories[1]
    assert ("create", "/place/outside") in stories[0][0]


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize(
    "decision", [Fail(errno.ENOSPC), Fail(errno.EIO), Die(), Slow(3)], ids=repr
)
def test_decisions_do_the_same_under_both(
    workshop: Workshop, fresh: Fresh, at: int, decision: Decision
) -> None:
    runs, homes = [], []
    for telling in (False, True):
        homes.append(fresh())
        runs.append(workshop.run(LINE, homes[-1], telling=telling, decide=_at(at, decision)))
    trapped, told = runs
    assert _story(told) == _story(trapped)
    assert (told.said, told.killed) == (trapped.said, trapped.killed)
    errors = [str(run.error).replace(str(home), "") for run, home in zip(runs, homes, strict=True)]
    assert errors[0] == errors[1]
    assert told.status == trapped.status
    assert mismatch(told.operations, homes[1]) is None


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7], ids=lambda number: f"write-{number}")
def test_every_kind_of_write_can_be_cut_under_both(
    workshop: Workshop, fresh: Fresh, number: int
) -> None:
    stories = []
    for telling in (False, True):
        home = fresh()
        decide = _at(number, Short(1))
        run = workshop.run(f"{CALLS}:writes", home, telling=telling, decide=decide)
        assert run.error is None
        assert mismatch(run.operations, home) is None
        stories.append(_story(run))
    assert stories[0] == stories[1]
    assert len(stories[1][number].data) == 1


def test_a_buffer_goes_on_after_a_short_write(workshop: Workshop, fresh: Fresh) -> None:
    stories = []
    for telling in (False, True):
        home = fresh()
        decide = _at(1, Short(3))
        run = workshop.run(
            "tests.stacks.stores.variants:converse",
            home,
            "naive",
            2,
            telling=telling,
            decide=decide,
        )
        assert run.error is None
        assert mismatch(run.operations, home) is None
        stories.append(_story(run))
    assert stories[0] == stories[1]


def test_a_torn_write_leaves_its_first_bytes_and_no_process(
    workshop: Workshop, fresh: Fresh
) -> None:
    home = fresh()
    run = workshop.run(LINE, home, telling=True, decide=_at(1, Torn(5)))
    assert (run.killed, run.status) == (True, -signal.SIGKILL)
    assert (home / "log").read_bytes() == b"first"
    assert mismatch(run.operations, home) is None


def test_threads_that_write_are_told_one_at_a_time(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(f"{CALLS}:threads", home, 4, 10, telling=True)
    assert run.error is None
    assert len({operation.thread for operation in run.operations}) == 4
    assert mismatch(run.operations, home) is None


@pytest.mark.parametrize("variant", ["sqlite_WAL_FULL", "sqlite_DELETE_FULL"])
def test_what_a_c_library_does_is_found_unexplained(
    workshop: Workshop, fresh: Fresh, variant: str
) -> None:
    home = fresh()
    converse = "tests.stacks.stores.variants:converse"
    run = workshop.run(converse, home, variant, 2, telling=True)
    assert run.error is None
    assert run.operations == []
    assert "were not expected" in str(mismatch(run.operations, home))


@pytest.mark.parametrize("function", [f"{OPENS}:forked", f"{CALLS}:child"])
def test_what_a_child_does_is_found_unexplained(
    workshop: Workshop, fresh: Fresh, function: str
) -> None:
    home = fresh()
    run = workshop.run(function, home, telling=True)
    assert (run.error, run.status) == (None, 0)
    assert "were not expected" in str(mismatch(run.operations, home))
    assert os.listdir(home)
