"""The recorder lets operations through, fails them, cuts them, slows them, kills in them."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.world.disk.replay import mismatch
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.recorder import (
    Decision,
    Die,
    Fail,
    Go,
    Short,
    Slow,
    Torn,
    Trace,
    no_time,
)
from tests.stacks.recording import Run, Workshop

LINE = "tests.stacks.calls:line"
Fresh = Callable[[], Path]


def _at(number: int, decision: Decision) -> Callable[[Operation], Decision]:
    """This decision for operation `number`, all others go."""
    counter = iter(range(10**6))
    return lambda operation: decision if next(counter) == number else Go()


def _log(home: Path) -> bytes:
    return (home / "log").read_bytes()


def _words(run: Run) -> list[object]:
    return [words for _, words in run.said]


def test_operations_are_in_order_with_what_is_said(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(LINE, home)
    assert [op.kind for op in run.operations] == ["create", "write", "fsync", "write", "fsync"]
    assert run.said == [(2, 11), (4, 12), (5, "end")]
    assert run.heard_before(4) == [11, 12]
    assert run.heard_before(3) == [11]


def test_a_failed_operation_changes_nothing_and_is_on_record(
    workshop: Workshop, fresh: Fresh
) -> None:
    home = fresh()
    run = workshop.run(LINE, home, decide=_at(1, Fail(errno.ENOSPC)))
    assert _words(run) == ["ENOSPC", 12, "end"]
    assert run.operations[1].error == errno.ENOSPC
    assert _log(home) == b"second line\n"
    assert mismatch(run.operations, home) is None


def test_a_file_that_could_not_be_made_is_made_the_second_time(
    workshop: Workshop, fresh: Fresh
) -> None:
    home = fresh()
    run = workshop.run("tests.stacks.calls:insists", home, decide=_at(0, Fail(errno.ENOSPC)))
    assert run.error is None
    assert [(op.kind, op.error) for op in run.operations] == [
        ("create", errno.ENOSPC),
        ("create", 0),
        ("write", 0),
        ("rename", 0),
        ("write", 0),
    ]
    assert mismatch(run.operations, home) is None


def test_a_failed_fsync_is_told_to_the_caller(workshop: Workshop, fresh: Fresh) -> None:
    run = workshop.run(LINE, fresh(), decide=_at(2, Fail(errno.EIO)))
    assert _words(run) == [11, "EIO", 12, "end"]


def test_a_short_write_is_told_to_the_caller_and_moves_the_position(
    workshop: Workshop, fresh: Fresh
) -> None:
    home = fresh()
    run = workshop.run(LINE, home, decide=_at(1, Short(5)))
    assert _words(run) == [5, 12, "end"]
    assert _log(home) == b"firstsecond line\n"
    assert mismatch(run.operations, home) is None


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7], ids=lambda number: f"write-{number}")
def test_every_kind_of_write_can_be_cut(workshop: Workshop, fresh: Fresh, number: int) -> None:
    home = fresh()
    run = workshop.run("tests.stacks.calls:writes", home, decide=_at(number, Short(1)))
    assert run.error is None
    assert len(run.operations[number].data) == 1
    assert mismatch(run.operations, home) is None


def test_a_torn_write_leaves_its_first_bytes_and_no_process(
    workshop: Workshop, fresh: Fresh
) -> None:
    home = fresh()
    run = workshop.run(LINE, home, decide=_at(1, Torn(5)))
    assert (run.killed, run.status) == (True, -signal.SIGKILL)
    assert _log(home) == b"first"
    assert run.operations[-1].data == b"first"
    assert mismatch(run.operations, home) is None


def test_a_death_in_an_operation_comes_before_it(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    run = workshop.run(LINE, home, decide=_at(3, Die()))
    assert run.killed
    assert _log(home) == b"first line\n"
    assert [op.kind for op in run.operations] == ["create", "write", "fsync"]
    assert mismatch(run.operations, home) is None


def test_a_slow_operation_moves_the_clock_and_goes_through(
    workshop: Workshop, fresh: Fresh
) -> None:
    home, passed = fresh(), []
    run = workshop.run(LINE, home, decide=_at(2, Slow(30 * 10**9)), advance=passed.append)
    assert passed == [30 * 10**9]
    assert _words(run) == [11, 12, "end"]


def test_only_a_write_can_be_cut(workshop: Workshop, fresh: Fresh) -> None:
    with pytest.raises(ValueError, match="only a write can be cut"):
        workshop.run(LINE, fresh(), decide=_at(2, Short(1)))
    with pytest.raises(ValueError, match="between 1 and all of its 11 bytes"):
        workshop.run(LINE, fresh(), decide=_at(1, Torn(12)))


def test_a_delay_without_a_clock_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="give it `advance`"):
        no_time(1)


def test_a_trace_goes_on_over_several_lives(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    trace = Trace.of(home)
    workshop.run(LINE, home, trace=trace, decide=_at(3, Die()))
    workshop.run(LINE, home, trace=trace)
    assert mismatch(trace.operations, home) is None
    assert _log(home) == b"first line\nfirst line\nsecond line\n"
    assert {op.file for op in trace.operations} == {trace.operations[0].file}


def test_a_trace_starts_from_what_lies_there(workshop: Workshop, fresh: Fresh) -> None:
    home = fresh()
    (home / "log").write_bytes(b"older\n")
    run = workshop.run(LINE, home)
    assert run.operations[0].offset == len(b"older\n")
    assert mismatch(run.operations, home, run.trace.before) is None


def test_the_same_run_has_the_same_shape(workshop: Workshop, fresh: Fresh) -> None:
    shapes = [[op.shape() for op in workshop.run(LINE, fresh()).operations] for _ in range(2)]
    assert shapes[0] == shapes[1]


def test_a_stack_names_the_line_that_issued_an_operation(workshop: Workshop, fresh: Fresh) -> None:
    run = workshop.run(LINE, fresh(), decide=_at(2, Die()), stacks=True)
    assert run.killed
    innermost, *_ = run.stack
    assert "tests/stacks/calls.py" in innermost
    assert innermost.endswith("in line")
    line = int(innermost.split("line ")[1].split(" ")[0].rstrip(","))
    source = (Path(__file__).parents[2] / "stacks" / "calls.py").read_text(encoding="utf-8")
    assert "os.fsync(file)" in source.splitlines()[line - 1]
