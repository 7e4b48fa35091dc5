"""What a target has not got is not asked of it: no reason for "invalid", no promise kept by it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import changed, chat, perfect

CRASH = {"crash": {"turn": 3, "at": "reply.received"}}


def unfired(*faults: dict[str, Any], **more: Any) -> Record:
    """A chat in which only the faults at boundaries fire, on a stack without checkpoints."""
    return perfect(chat(faults=[*faults], **more), capabilities=())


@pytest.mark.parametrize(
    "fault",
    [
        {"crash": {"turn": 2, "at": "checkpoint.stored"}},
        {"crash": {"turn": 2, "at": "write *checkpoint*"}},
        {"damage": {"turn": 2, "file": "*checkpoint*", "what": "empty"}},
    ],
)
def test_a_fault_at_a_checkpoint_is_not_asked_of_who_saves_none(fault: dict[str, Any]) -> None:
    expect = {"resume": {"after_crash": 2, "transcript": 2, "tool_state": 0}}
    verdict = judge(unfired(fault, CRASH, expect=expect))
    assert (verdict.outcome, verdict.reasons) == ("pass", ())
    assert verdict.not_applicable == (
        "P4",
        "W5",
        "faults.checkpoint",
        "expect.resume.transcript",
        "expect.resume.tool_state",
    )
    assert verdict.numbers.crash_points_planned == verdict.numbers.crash_points_fired == 1
    saves = judge(perfect(chat(faults=[fault, CRASH])))
    assert saves.outcome == "invalid"


def test_what_an_option_makes_another_stack_do_is_not_asked_of_one_that_does_not_know_it() -> None:
    rename = {"crash": {"turn": 2, "at": "rename *.jsonl*"}}
    stack = {"options": {"rotate_bytes": 900}}
    record = unfired(rename, stack=stack)
    assert judge(record).outcome == "pass"
    assert "stack.options" in judge(record).not_applicable
    knows = changed(record, "opened", 0, options=["rotate_bytes"])
    assert judge(knows).outcome == "invalid"
    assert judge(unfired(rename)).outcome == "invalid"
    boundary = {"crash": {"turn": 9, "at": "tool.called"}}
    assert judge(unfired({"crash": {**boundary["crash"], "turn": 2}}, stack=stack)).outcome == (
        "invalid"
    )


def test_a_store_knows_no_ids() -> None:
    again = {"redelivery": {"turn": 3, "of": 1}}
    verdict = judge(perfect(chat(faults=[again]), store=True, capabilities=()))
    assert verdict.outcome == "pass"
    assert "faults.redelivery" in verdict.not_applicable
    assert judge(unfired(again)).outcome == "invalid"
