"""A disk that fails at any operation: the caller is told, nothing is lost, the talk goes on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from harness.case import parse
from harness.lab import play as lab
from harness.lab.crashes import errors as failures
from harness.lab.crashes.errors import ERRORS, failing_at, named
from harness.lab.crashes.sweep import Diverged
from harness.lab.faults.failures import DiskError
from harness.record import Record
from harness.report.result import Result
from harness.report.screen import plain, swept
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.operations import Operation
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
BROKEN = Path(__file__).parents[2] / "stacks" / "swallowing.py"
MAPPED = f"{Path(__file__).parents[2] / 'stacks' / 'mapped.py'}:Mapped"


def _loaded(turns: int) -> Loaded:
    """A conversation of so many turns, with one that pays."""
    chat: dict[str, Any] = {"every": "3m", "user": {"words": 9}, "reply": {"words": 9}}
    pay = {"user": "pay bob", "reply": [{"tool": "pay", "input": {"n": 1}}, {"text": "paid"}]}
    before = turns // 3
    data = {
        "name": "errors",
        "tools": {"pay": {}},
        "stack": {"window_tokens": 8000, "checkpoint_every": 3},
        "script": [{"repeat": before, **chat}, pay, {"repeat": turns - before - 1, **chat}],
    }
    return Loaded("some/errors.scenario.yaml", Scenario.model_validate(data))


def _check(result: Result, errors: tuple[str, ...]) -> None:
    assert result.outcome == "pass", result.verdict
    assert set(result.states) == set(errors)
    for count in result.states.values():
        assert count.violating == 0 < count.judged


def test_the_reference_stack_survives_a_sample_of_errors() -> None:
    result = lab.fail_everywhere(_loaded(6), most=6)
    _check(result, ERRORS)
    assert "disk operations that fail, 0 broken of" in plain([*swept(result)])


@pytest.mark.slow
def test_the_reference_stack_survives_each_error_at_each_operation_of_twenty_turns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = lab.fail_everywhere(_loaded(20))
    with capsys.disabled():
        sys.stdout.write("\n" + plain([*swept(result)]) + f"  in {result.wall_s:.0f} s\n")
    _check(result, ERRORS)
    assert all(count.judged == count.distinct > 100 for count in result.states.values())


def test_two_at_a_time_say_what_one_does() -> None:
    heard: list[tuple[str, int, int]] = []
    target = f"{BROKEN}:Swallowing"
    alone, shared = (
        lab.fail_everywhere(
            _loaded(3),
            target=target,
            errors=("ENOSPC",),
            most=6,
            jobs=jobs,
            on_case=lambda *said: heard.append(said),
        )
        for jobs in (1, 2)
    )
    assert shared.verdict == alone.verdict
    assert shared.states == alone.states
    assert heard[len(heard) // 2 :] == heard[: len(heard) // 2]


def _told(record: Record) -> list[str]:
    return [event.kind for event in record.of("open.failed", "send.failed")]


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_is_told_to_whoever_waits_and_the_power_is_cut_at_the_end(error: str) -> None:
    base = lab.sweep(_loaded(3), tiers=("kill",), states_max=1)
    disk = list(base.record.of("disk"))
    opening = next(n for n, event in enumerate(disk) if event.data["operation"] == "fsync")
    writing = next(n for n, event in enumerate(disk) if event.turn == 2)
    for number, told in ((opening, ["open.failed"]), (writing, ["send.failed"])):
        record = _replay(number, error).record
        assert _told(record) == told
        failed = [event for event in record.of("disk") if event.data["error"] == error]
        assert failed
        (crashed,) = record.of("crashed")
        assert (crashed.data["at"], crashed.data["tier"]) == ("the end", "ext4")
        assert len(list(record.of("reply.delivered"))) == 3


def _replay(number: int, error: str) -> Result:
    """One case by the token that names it."""
    loaded = _loaded(3)
    bench_token = _token(loaded, number, error)
    return lab.replay(bench_token, [loaded])


def _token(loaded: Loaded, number: int, error: str) -> str:
    tokens: list[str] = []
    with lab.bench(loaded, "lifecycle") as bench:
        operations = bench.base().operations
        tokens.append(bench.play(failing_at(operations, number, error)).header.token)
    return tokens[0]


def test_a_stack_that_swallows_errors_is_caught_and_its_token_replays() -> None:
    target = f"{BROKEN}:Swallowing"
    result = lab.fail_everywhere(_loaded(4), target=target, errors=("ENOSPC",), most=8)
    assert result.outcome == "fail"
    finding = next(f for f in result.verdict.findings if "expected its answer 'paid'" in f.message)
    assert (finding.code, finding.tier) == ("P1", "ext4")
    assert (finding.where or "").startswith("honest.py:")
    assert "; it began with ENOSPC at operation " in finding.message
    again = lab.replay(finding.token, [_loaded(4)], target=target)
    assert finding in again.verdict.findings
    choice = parse(finding.token).choice
    failing = named(choice)
    assert failing is not None
    assert failing.choice == choice


def test_on_changed_code_a_token_says_that_the_trace_diverged() -> None:
    token = _token(_loaded(3), 4, "EIO")
    other = _loaded(3)
    with lab.bench(other, "lifecycle") as bench:
        failing = named(parse(token).choice)
        assert failing is not None
        assert bench.replay(failing).outcome == "pass"
        with pytest.raises(Diverged, match="the trace diverged"):
            bench.replay(type(failing)(failing.number, failing.error, "0" * 12))


def test_a_case_of_another_kind_is_none_of_these() -> None:
    assert named("e231.0123456789ab") is None
    assert named("s") is None


def test_a_full_disk_has_no_room_for_what_needs_it_until_the_call_is_over() -> None:
    error = DiskError(3, "ENOSPC")
    write, cut = Operation("write", "write", "log"), Operation("truncate", "ftruncate", "log")
    assert [error.hits(done, write) for done in (2, 3, 4)] == [False, True, True]
    assert [error.hits(done, cut) for done in (3, 4)] == [True, False]
    assert error.hits(4, Operation("truncate", "fallocate", "log"))
    error.over = True
    assert not error.hits(4, write)
    once = DiskError(3, "EIO")
    assert [once.hits(done, write) for done in (2, 3, 4)] == [False, True, False]


def test_what_is_written_when_it_is_closed_is_no_part_of_the_conversation() -> None:
    stores = Path(__file__).parents[1] / "faults" / "stores.py"
    result = lab.fail_everywhere(
        _loaded(3), target=f"{stores}:Logging", errors=("ENOSPC",), most=12
    )
    closing = [event.data["path"] for event in result.record.of("disk")][-1]
    assert closing == "rows.db-wal"
    assert result.verdict.reasons == ()
    _check(result, ("ENOSPC",))


def test_where_the_disk_was_written_unseen_no_error_is_judged() -> None:
    result = lab.fail_everywhere(_loaded(3), target=MAPPED, most=4)
    assert (result.outcome, result.verdict.findings) == ("invalid", ())
    assert "mapped writable" in result.verdict.reasons[0]
    assert result.states == {}


def test_an_operation_that_never_comes_again_is_the_targets_doing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = failures._before_the_end
    monkeypatch.setattr(failures, "_before_the_end", lambda base: [*real(base), *real(base)])
    result = lab.fail_everywhere(_loaded(3), errors=("EIO",), most=4)
    assert result.outcome == "invalid"
    assert all("never came, so it could not fail" in why for why in result.verdict.reasons)
