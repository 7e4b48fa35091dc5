"""S1 and S2: acknowledged turns that are gone, and what no longer opens."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from tests.checks.building import after, changed, chat, dying, perfect, with_history, without


def crashed(turn: int, at: str) -> Record:
    """A chat of four turns with one crash."""
    return dying(chat(), turn, at)


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


def test_acknowledged_turns_lost_in_a_crash_are_one_finding_with_their_number() -> None:
    finding = the_finding(with_history(crashed(4, "reply.started"), 0, lambda m: m[:2]))

    assert (finding.code, finding.turn) == ("S1", 2)
    assert finding.message == (
        "2 acknowledged turns lost after crash 1 (killed at reply.started in turn 4), the first is "
        "turn 2: the history after crash 1 no longer holds what the user was answered"
    )


def test_an_empty_memory_after_a_crash_is_a_loss_and_not_a_wrong_prefix() -> None:
    record = crashed(4, "reply.started")
    record = with_history(record, 0, lambda _m: [])
    record = with_history(record, -1, lambda m: m[6:])

    assert (the_finding(record).code, the_finding(record).turn) == ("S1", 1)


def test_a_lost_answer_to_a_turn_that_was_acknowledged_is_a_loss() -> None:
    record = crashed(3, "reply.delivered")
    finding = the_finding(with_history(record, 0, lambda m: m[:-1]))

    assert (finding.code, finding.turn) == ("S1", 3)


def test_an_acknowledgement_that_the_user_never_saw_binds_all_the_same() -> None:
    finding = the_finding(with_history(crashed(3, "reply.delivered"), 0, lambda m: m[:-2]))

    assert (finding.code, finding.turn) == ("S1", 3)


def test_a_turn_that_was_not_acknowledged_may_be_lost() -> None:
    record = crashed(3, "reply.returned")

    assert judge(with_history(record, 0, lambda m: m[:-2])).findings == ()


def test_a_turn_lost_without_any_crash_is_a_loss_too() -> None:
    finding = the_finding(with_history(perfect(chat()), -1, lambda m: m[:-2]))

    assert (finding.code, finding.turn, finding.where) == ("S1", 4, None)


def test_each_crash_that_loses_turns_is_a_finding_of_its_own() -> None:
    faults = [{"crash": {"turn": turn, "at": "reply.started"}} for turn in (2, 4)]
    record = perfect(chat(faults=faults))
    record = with_history(record, 0, lambda _m: [])
    record = with_history(record, 1, lambda m: m[2:4])
    record = with_history(record, 2, lambda m: m[2:4] + m[6:])

    assert [(f.code, f.turn) for f in judge(record).findings] == [("S1", 1), ("S1", 3)]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("open.failed", "the session cannot be opened: JSONDecodeError: line 7"),
        ("history.failed", "its history cannot be read: JSONDecodeError: line 7"),
        ("resume.failed", "the interrupted turn cannot be resumed: JSONDecodeError: line 7"),
    ],
)
def test_what_fails_after_a_crash_breaks_s2(kind: str, words: str) -> None:
    failed = (kind, {"error": "JSONDecodeError: line 7", "trace": ""})
    record = crashed(3, "reply.received")
    finding = the_finding(after(record, "life.started", 1, failed))

    assert (finding.code, finding.turn) == ("S2", 3)
    assert finding.message == f"after crash 1 (killed at reply.received in turn 3) {words}"
    assert finding.where == next(record.of("crashed")).data["where"]


def test_a_resume_that_meets_a_scripted_refusal_may_raise() -> None:
    refused = chat(faults=[{"http": {"turn": 3, "status": 400, "times": 2}}])
    fired = ("fault.fired", {"fault": 0, "what": "status 400"})
    raised = ("resume.failed", {"error": "MessageRefused: for good", "trace": ""})
    record = dying(refused, 3, "reply.received")
    assert not judge(after(record, "opened", 1, fired, raised)).findings
    assert [f.code for f in judge(after(record, "opened", 1, raised, fired)).findings] == ["S2"]


def test_a_resume_may_say_that_an_outage_goes_on_which_began_before_the_crash() -> None:
    outage = chat(faults=[{"http": {"turn": 3, "status": 529, "times": 1000}}])
    fired = ("fault.fired", {"fault": 0, "what": "status 529"})
    raised = ("resume.failed", {"error": "OverloadedError: 529", "trace": ""})
    record = after(dying(outage, 3, "request.sent"), "request.sent", 2, fired)
    sent = next(record.of("request.sent")).data
    row = {**next(record.of("model.answered")).data, "request": 99, "status": 529, "fault": 0}
    asked = [("request.sent", {**sent, "request": 99}), ("model.answered", row), raised]
    assert not [f for f in judge(after(record, "opened", 1, *asked)).findings if f.code == "S2"]
    alone = judge(after(record, "opened", 1, raised)).findings
    assert [f.code for f in alone if f.code == "S2"] == ["S2"]


def test_a_process_that_ends_while_opening_breaks_s2_and_not_p5() -> None:
    record = crashed(3, "reply.received")
    death = ("died", {"status": 139, "stderr": ""})
    finding = the_finding(after(record, "life.started", 1, death))

    assert finding.code == "S2"
    assert "ended by itself while opening (status 139): it wrote nothing" in finding.message


def test_the_same_failure_twice_after_one_crash_is_one_finding() -> None:
    failed: tuple[str, dict[str, Any]]
    failed = ("open.failed", {"error": "OSError: byte 12", "trace": ""})
    again = ("open.failed", {"error": "OSError: byte 13", "trace": ""})

    assert the_finding(after(perfect(chat()), "life.started", 0, failed, again)).code == "S2"


def test_a_session_that_never_opens_again_is_one_finding_and_its_silence_is_not() -> None:
    record = crashed(3, "reply.received")
    cut = next(e.n for e in record.events if e.kind == "life.started" and e.life == 2)
    record = Record(record.header, record.events[: cut + 1])
    record = after(record, "life.started", 1, ("open.failed", {"error": "OSError", "trace": ""}))

    assert the_finding(record).code == "S2"


def test_a_failed_open_and_the_death_that_follows_it_are_one_finding() -> None:
    failed = ("open.failed", {"error": "OSError: bad block", "trace": ""})
    death = ("died", {"status": 1, "stderr": "OSError: bad block"})
    record = after(crashed(3, "reply.received"), "life.started", 1, failed, death)

    assert the_finding(record).code == "S2"


def test_a_clean_crash_keeps_both_promises() -> None:
    record = without(crashed(3, "reply.received"), "checkpoint")

    assert judge(changed(record, "crashed", where=None)).findings == ()


def disk(operation: str, error: str | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
    """A disk operation, as it is recorded."""
    data = {"operation": operation, "path": "log", "to": None, "offset": 0, "size": 9}
    return "disk", {**data, "error": error, **more}


FAILED = ("send.failed", {"message_id": "m00002", "error": "OSError", "trace": []})


@pytest.mark.parametrize(
    "disk_says",
    [
        [disk("write", "ENOSPC")],
        [disk("write", "ENOSPC"), disk("write", offset=9)],
        [disk("write", "ENOSPC"), disk("write", size=8)],
        [disk("write"), disk("fsync", "EIO"), disk("fsync")],
        [disk("write"), disk("fsync", "EIO"), disk("write", offset=9), disk("fsync")],
        [disk("rename", "EIO", to="saved"), disk("rename", path="a", to="b")],
    ],
)
def test_an_error_of_the_disk_that_nobody_hears_of_breaks_s4(
    disk_says: list[tuple[str, dict[str, Any]]],
) -> None:
    record = after(perfect(chat()), "request.sent", 1, *disk_says)
    ((code, message),) = [(f.code, f.message) for f in judge(record).findings]
    assert code == "S4"
    assert message.endswith("reached nobody: turn 2's answer was acknowledged over it")


@pytest.mark.parametrize(
    "disk_says",
    [
        [disk("write", "ENOSPC"), disk("write")],
        [disk("write", "short"), disk("write", "slow", offset=4)],
        [disk("write"), disk("fsync", "EIO"), disk("write"), disk("fsync")],
        [
            disk("write"),
            disk("fsync", "EIO"),
            disk("write", path="new"),
            disk("fsync", path="new"),
            disk("rename", path="new", to="log"),
            disk("fsync", path="."),
        ],
        [disk("rename", "EIO", to="saved"), disk("rename", to="saved")],
    ],
)
def test_what_is_done_again_and_works_needs_no_telling(
    disk_says: list[tuple[str, dict[str, Any]]],
) -> None:
    assert judge(after(perfect(chat()), "request.sent", 1, *disk_says)).findings == ()


def test_an_error_that_was_raised_has_reached_the_caller() -> None:
    faults = [{"disk": {"turn": 2, "on": "write", "error": "ENOSPC"}}]
    record = perfect(chat(faults=faults))
    fired = ("fault.fired", {"fault": 0, "what": "ENOSPC"})
    told = after(record, "request.sent", 1, disk("write", "ENOSPC"), fired, FAILED)
    assert judge(told).findings == ()
    silent = after(record, "request.sent", 1, disk("write", "ENOSPC"), fired)
    assert [finding.code for finding in judge(silent).findings] == ["S4"]
