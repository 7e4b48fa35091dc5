"""P6 and S3: two crashes in a row, and what is remembered after the second."""

from __future__ import annotations

from typing import Any

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from tests.checks.building import after, changed, chat, dying, edited, perfect, with_history

SAVED = {"turn_number": 3, "tool_state": {}}


def twice(turn: int = 2) -> Record:
    """A chat of four turns: killed in turn 2, and once more when a turn was answered."""
    points = ((2, "reply.started"), (turn, "reply.delivered"))
    faults = [{"crash": {"turn": number, "at": at}} for number, at in points]
    return perfect(chat(faults=faults))


def in_recovery(**recovered: Any) -> Record:
    """Killed in turn 4, and once more in the recovery; `recovered` is what one alone remembers."""
    record = dying(chat(), 4, "reply.started")
    (first, _final) = record.of("history")
    told = {"messages": first.data["messages"], "checkpoint": SAVED, **recovered}
    crash = {"at": "fsync log", "tier": "ext4", "crash": 2, "fault": None, "where": None}
    record = after(record, "crashed", 0, ("recovered", told), ("crashed", crash))
    return changed(record, "history", 0, after_crash=2)


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


def test_the_first_turn_after_a_recovery_that_is_lost_is_s3_and_not_s1() -> None:
    assert judge(twice()).findings == ()
    finding = the_finding(with_history(twice(), 1, lambda m: m[:2]))
    assert (finding.code, finding.turn) == ("S3", 2)
    assert "turn 2, the first after a recovery, was acknowledged and is lost" in finding.message


def test_where_older_turns_are_lost_too_it_is_s1() -> None:
    finding = the_finding(with_history(twice(), 1, lambda _m: []))
    assert (finding.code, finding.turn) == ("S1", 1)


def test_a_session_that_its_first_turn_made_unreadable_is_s3_and_not_s2() -> None:
    histories = list(twice().of("history"))
    record = edited(
        twice(),
        lambda event: [event] if event.n < histories[1].n else [],
    )
    failed = {"error": "ValueError: a torn line", "trace": []}
    finding = the_finding(after(record, "opened", 2, ("history.failed", failed)))
    assert (finding.code, finding.turn) == ("S3", 2)
    assert "cannot be read any more: ValueError: a torn line" in finding.message


def test_a_session_that_cannot_be_read_because_the_disk_fails_just_then_is_not_s3() -> None:
    histories = list(twice().of("history"))
    record = edited(twice(), lambda event: [event] if event.n < histories[1].n else [])
    error = {"operation": "write", "path": "log", "to": None, "error": "EIO"}
    failed = ("history.failed", {"error": "OSError: input/output error", "trace": []})
    told = after(record, "opened", 2, ("disk", {**error, "offset": 0, "size": 9}), failed)
    assert [finding.code for finding in judge(told).findings] == []
    assert the_finding(after(record, "opened", 2, failed)).code == "S3"


def test_a_session_that_more_turns_made_unreadable_is_s2() -> None:
    histories = list(twice(3).of("history"))
    record = edited(twice(3), lambda event: [event] if event.n < histories[1].n else [])
    failed = {"error": "ValueError: a torn line", "trace": []}
    assert the_finding(after(record, "opened", 2, ("history.failed", failed))).code == "S2"


def test_a_recovery_broken_off_that_remembers_the_same_is_kept() -> None:
    assert judge(in_recovery()).findings == ()


def test_a_recovery_broken_off_that_remembers_less_or_something_else_is_p6() -> None:
    whole: Any = next(iter(in_recovery().of("recovered"))).data["messages"]
    more = [*whole, {"role": "user", "content": "and more"}]
    finding = the_finding(in_recovery(messages=more))
    assert (finding.code, finding.tier) == ("P6", "ext4")
    assert f"{len(whole) + 1} messages, and {len(whole)}" in finding.message
    other = [{**whole[0], "content": "another beginning"}, *whole[1:]]
    assert "message 1: expected" in the_finding(in_recovery(messages=other)).message


def test_a_recovery_broken_off_that_finds_another_checkpoint_is_p6() -> None:
    finding = the_finding(in_recovery(checkpoint={"turn_number": 2, "tool_state": {}}))
    assert finding.code == "P6"
    assert "find two checkpoints" in finding.message
    assert judge(in_recovery(checkpoint=None)).findings == ()
