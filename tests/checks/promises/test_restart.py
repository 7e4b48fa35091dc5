"""P3 and P4 on records built by hand: two processes from one state, a checkpoint beside a log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import after, changed, chat, perfect, with_history

CRASH = {"crash": {"turn": 4, "at": "reply.received"}}


def record_of(**stack: Any) -> Record:
    return perfect(chat(5, faults=[CRASH], stack=stack))


def findings(record: Record) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in judge(record).findings]


def forked(body: Any) -> Record:
    return after(record_of(), "crashed", 0, ("forked", {"after_crash": 1, "body": body}))


def asked_after_the_crash() -> Any:
    record = record_of()
    crash = next(record.of("crashed"))
    return next(event for event in record.of("request.sent") if event.n > crash.n).data["body"]


def test_two_processes_that_ask_for_the_same_thing_keep_p3() -> None:
    assert findings(forked(json.dumps(asked_after_the_crash(), indent=2))) == []


def test_two_processes_that_ask_for_different_things_break_p3() -> None:
    body = {**asked_after_the_crash(), "metadata": {"user_id": "b"}}
    ((code, message),) = findings(forked(json.dumps(body)))
    assert code == "P3"
    assert message.startswith(
        "two processes resumed from one state after crash 1 (killed at reply.received in turn 4) "
        "and asked for different things: expected '"
    )


def test_a_process_that_never_asked_is_compared_with_nothing() -> None:
    assert findings(forked(None)) == []


def test_a_checkpoint_ahead_of_its_log_breaks_p4() -> None:
    message = "the checkpoint is of turn 4, and the history after crash 1 holds only 3"
    assert findings(changed(record_of(), "checkpoint", 0, turn_number=4)) == [("P4", message)]


@pytest.mark.parametrize(("every", "saved"), [(3, None), (2, 1), (1, 2)])
def test_a_checkpoint_further_behind_than_it_may_be_breaks_p4(
    every: int, saved: int | None
) -> None:
    record = changed(record_of(checkpoint_every=every), "checkpoint", 0, turn_number=saved)
    record = changed(record, "checkpoint", 1, turn_number=5)
    is_of = f"is of turn {saved}" if saved else "is not there"
    assert findings(record) == [
        (
            "P4",
            f"the checkpoint {is_of} beside the history after crash 1, where 3 turns had been "
            f"acknowledged and one is due every {every}",
        )
    ]


@pytest.mark.parametrize(("every", "saved"), [(3, 3), (3, 1), (2, 2), (1, 3)])
def test_a_checkpoint_may_be_a_little_behind(every: int, saved: int) -> None:
    record = changed(record_of(checkpoint_every=every), "checkpoint", 0, turn_number=saved)
    assert findings(changed(record, "checkpoint", 1, turn_number=5)) == []


def test_a_checkpoint_that_cannot_be_read_breaks_p4_once() -> None:
    failed = ("checkpoint.failed", {"error": "ValueError: version 9", "trace": []})
    record = after(after(record_of(), "history", 0, failed), "history", 1, failed)
    assert findings(record)[0] == ("P4", "the checkpoint cannot be read: ValueError: version 9")
    assert len(findings(record)) == 1


def test_a_log_that_is_wrong_itself_is_told_under_its_own_code_alone() -> None:
    assert [code for code, _ in findings(with_history(record_of(), 0, lambda m: m[:2]))] == ["S1"]


def test_a_turn_that_the_scenario_damaged_may_be_missing_beside_its_checkpoint() -> None:
    told = {"what": "garbage", "path": "log", "loud": True, "after_crash": 1, "fault": 0}
    record = changed(record_of(checkpoint_every=3), "checkpoint", 0, turn_number=4)
    record = changed(record, "checkpoint", 1, turn_number=5)
    assert "P4" in {code for code, _ in findings(record)}
    damaged = after(record, "checkpoint", 0, ("damaged", told))
    assert "P4" not in {code for code, _ in findings(damaged)}
