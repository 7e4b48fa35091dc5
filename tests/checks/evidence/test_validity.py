"""Invalid: faults unfired, lines unspoken, replies unused, and what excuses them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import (
    after,
    booking,
    chat,
    dying,
    edited,
    perfect,
    rows_changed,
    with_history,
    without,
)


def reasons(record: Record) -> tuple[str, ...]:
    """The reasons of a verdict that is invalid and nothing else."""
    verdict = judge(record)
    assert (verdict.outcome, verdict.findings) == ("invalid", ())
    return verdict.reasons


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            {"crash": {"turn": 2, "at": "tool.called"}},
            "fault 1 (crash at tool.called in turn 2) never fired: the target never came to that "
            "point in turn 2; choose a turn or a point that it passes",
        ),
        (
            {"stream": {"turn": 2, "cut": "reset", "after_chars": 5}},
            "fault 1 (stream cut reset, after_chars 5 in turn 2) never fired: the target asked the "
            "model too seldom in turn 2; name a turn that asks it",
        ),
        (
            {"disk": {"turn": 3, "on": "fsync", "error": "EIO"}},
            "fault 1 (disk on fsync, error EIO in turn 3) never fired: the target did no such "
            "thing in turn 3; name what it does there",
        ),
        (
            {"tool": {"turn": 1, "crash": "during", "call": 2}},
            "fault 1 (crash at tool call 2 (during) in turn 1) never fired: the target made no "
            "such tool call in turn 1; name a call that it makes",
        ),
    ],
)
def test_a_fault_that_never_fired_is_named_with_a_remedy(fault: dict[str, Any], words: str) -> None:
    assert reasons(perfect(chat(faults=[fault]))) == (words,)


def test_a_second_fault_is_counted_from_one() -> None:
    faults = [{"http": {"turn": 1, "status": 529}}, {"writer": {"turn": 2}}]

    assert reasons(perfect(chat(faults=faults)))[0].startswith("fault 2 (writer in turn 2)")


def test_turns_never_spoken_are_named() -> None:
    record = perfect(chat(turns=6), capabilities=())
    record = edited(record, lambda e: [] if e.turn in (4, 5, 6) else [e])
    record = with_history(record, -1, lambda m: m[:6])

    assert reasons(record) == (
        "turns 4 to 6 were never spoken: the conversation stopped before; see what happened in "
        "turn 3",
    )


def test_a_conversation_that_never_began_is_invalid() -> None:
    record = perfect(chat(turns=1))
    record = edited(record, lambda e: [] if e.turn == 1 else [e])

    assert reasons(with_history(record, -1, lambda _m: [])) == (
        "turn 1 was never spoken: the target was never ready to listen",
    )


def test_a_scripted_step_never_used_is_named() -> None:
    record = without(perfect(booking()), "model.answered", 2)

    assert reasons(record) == (
        "reply 2 of turn 2 was never used: the target did not ask the model for it; take it out "
        "of the script, or find out why",
    )


def test_a_reply_that_the_api_refused_to_give_is_not_to_be_taken_out_of_the_script() -> None:
    record = rows_changed(perfect(chat(turns=3)), status=400, rule="first_is_assistant", step=None)
    verdict = judge(record)

    assert verdict.findings[0].code == "W1"
    assert verdict.reasons[-1] == (
        "the replies of turns 1 to 3 were never used: the API refused the target's requests with "
        "400; mend those first"
    )


def test_a_reply_that_a_target_raised_instead_of_asking_for_is_told_so() -> None:
    gone = ("model.answered", "reply.returned", "reply.delivered")
    record = edited(perfect(chat(turns=3)), lambda e: [] if e.turn == 2 and e.kind in gone else [e])
    failed = ("send.failed", {"message_id": "m00002", "error": "TypeError: x", "trace": ""})
    verdict = judge(after(record, "user.received", 1, failed))

    assert verdict.reasons[-1] == (
        "the reply of turn 2 was never used: the target raised instead of asking the model for it; "
        "mend that first"
    )


def test_replies_of_neighbouring_turns_never_used_are_told_together() -> None:
    record = edited(
        perfect(chat(turns=6)),
        lambda e: [] if e.kind == "model.answered" and e.turn in (2, 3, 4, 6) else [e],
    )
    told = [reason.split(": ")[0] for reason in judge(record).reasons]

    assert told == [
        "the replies of turns 2 to 4 were never used",
        "the reply of turn 6 was never used",
    ]


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        (
            "open.failed",
            {"error": "KeyError: 'talk'", "trace": [], "where": 'a.py:9 x["talk"]'},
            "mend this, then play the case again: after crash 1 the session cannot be opened: "
            "KeyError: 'talk', at a.py:9 x[\"talk\"]",
        ),
        (
            "history.failed",
            {"error": "ValueError: no", "trace": [], "where": None},
            "mend this, then play the case again: after crash 1 its history cannot be read: "
            "ValueError: no",
        ),
        (
            "died",
            {"status": 7, "stderr": "", "during": "open"},
            "mend this, then play the case again: after crash 1 the process ended by itself in "
            "open() with status 7",
        ),
        (
            "limit",
            {"bound": "real_time", "value": 0, "message": "send() gave no sign", "where": "a.py:3"},
            "send() gave no sign, at a.py:3",
        ),
    ],
)
def test_a_script_that_was_cut_off_names_what_broke_and_where(
    kind: str, data: dict[str, Any], words: str
) -> None:
    record = dying(chat(), 2, "reply.received")
    crash = next(record.of("crashed"))
    record = after(record, "life.started", 1, (kind, data))
    record = edited(record, lambda e: [e] if e.n <= crash.n + 2 else [])

    assert judge(record).reasons[0] == f"the script was not played to its end: {words}"


def test_a_record_that_breaks_off_without_a_reason_says_so() -> None:
    record = edited(perfect(chat()), lambda e: [e] if e.n < 5 else [])

    assert (
        judge(record)
        .reasons[0]
        .startswith("the script was not played to its end: the record breaks off after event 4 (")
    )


def test_a_reply_that_a_fault_made_impossible_is_excused() -> None:
    scenario = chat(faults=[{"http": {"turn": 4, "status": 400}}])
    record = perfect(scenario)
    record = without(without(record, "model.answered", -1), "reply.delivered", -1)
    record = edited(record, lambda e: [] if e.turn == 4 and e.kind == "reply.returned" else [e])
    failed = ("send.failed", {"message_id": "m00004", "error": "400", "trace": ""})
    record = after(record, "fault.fired", 0, failed)

    assert judge(with_history(record, -1, lambda m: m[:-1])).outcome == "pass"


def test_neighbouring_turns_are_told_together_and_others_apart() -> None:
    record = edited(
        perfect(chat(turns=6), capabilities=()), lambda e: [] if e.turn in (2, 5, 6) else [e]
    )
    record = with_history(record, -1, lambda m: m[:2] + m[4:8])

    assert [reason.split(" were")[0].split(" was")[0] for reason in reasons(record)] == [
        "turn 2",
        "turns 5 to 6",
    ]


def test_a_harness_that_broke_is_invalid() -> None:
    told = {"error": "BugError: x", "trace": ["runner.py:88 in run", "stage.py:12 in answer"]}
    record = after(perfect(chat()), "opened", 0, ("broke", told))

    assert reasons(record) == (
        "the harness itself broke: BugError: x, at stage.py:12 in answer; report this, with the "
        "scenario, to those who make the harness",
    )


def test_a_swept_case_leaves_the_scripted_crashes_out_but_must_crash() -> None:
    scenario = chat(faults=[{"crash": {"turn": 2, "at": "tool.called"}}])

    assert judge(perfect(scenario, 5, choice="k5")).outcome == "pass"
    assert reasons(perfect(scenario, choice="k5")) == (
        "the crash point of this case never came: the conversation no longer passes there, so "
        "sweep the scenario again",
    )


def test_crash_points_are_counted_as_planned_and_fired() -> None:
    faults = [{"crash": {"turn": turn, "at": "reply.received"}} for turn in (2, 3)]
    faults.append({"crash": {"turn": 4, "at": "tool.called"}})
    numbers = judge(perfect(chat(faults=faults))).numbers

    assert (numbers.crash_points_planned, numbers.crash_points_fired) == (3, 2)
