"""P2: doubled, forgotten and unasked effects, contract by contract."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Event, Record
from tests.checks.building import CONTRACTS, after, booking, changed, dying, perfect, without


def crashed(contract: str, at: str = "tool.done") -> Record:
    """A booking with one crash in the turn that books."""
    return dying(booking(contract), 2, at)


def again(record: Record) -> Record:
    """The first effect takes place once more."""
    effect: Event = next(record.of("tool.effect"))
    return after(record, "tool.effect", 0, ("tool.effect", dict(effect.data)))


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_effect_doubled_without_a_crash_breaks_every_contract(contract: str) -> None:
    finding = the_finding(again(perfect(booking(contract))))

    assert (finding.code, finding.turn) == ("P2", 2)
    assert finding.message == "book_table ran twice for one request"


@pytest.mark.parametrize("contract", ["idempotent", "at_most_once"])
def test_an_effect_doubled_by_a_crash_breaks_the_contract(contract: str) -> None:
    finding = the_finding(again(crashed(contract)))

    assert (finding.code, finding.turn) == ("P2", 2)
    assert finding.where is not None
    assert finding.where.startswith("honest.py:")


def test_an_effect_doubled_by_a_crash_keeps_at_least_once() -> None:
    record = crashed("at_least_once")

    assert sum(1 for _ in record.of("tool.effect")) == 2
    assert judge(record).outcome == "pass"


def test_a_repetition_that_the_world_recognised_is_no_second_effect() -> None:
    record = crashed("idempotent")

    assert [e.data["fresh"] for e in record.of("tool.effect")] == [True, False]
    assert judge(record).outcome == "pass"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_an_effect_forgotten_without_a_crash_breaks_every_contract(contract: str) -> None:
    finding = the_finding(without(perfect(booking(contract)), "tool.effect"))

    assert (finding.code, finding.turn) == ("P2", 2)
    assert finding.message == (
        "book_table never ran for one request, and the turn was answered all the same"
    )


@pytest.mark.parametrize("contract", ["idempotent", "at_least_once"])
def test_an_effect_forgotten_in_a_crash_breaks_the_contract(contract: str) -> None:
    record = without(crashed(contract, "tool.called"), "tool.effect")

    assert the_finding(record).code == "P2"


def test_an_effect_forgotten_in_a_crash_keeps_at_most_once() -> None:
    record = crashed("at_most_once", "tool.effect")

    assert list(record.of("tool.effect")) == []
    assert judge(record).outcome == "pass"


def test_an_effect_of_a_turn_not_answered_is_not_forgotten() -> None:
    record = perfect(booking())
    cut = next(e.n for e in record.events if e.kind == "tool.called")
    verdict = judge(Record(record.header, record.events[:cut]))

    assert (verdict.outcome, verdict.findings) == ("invalid", ())
    assert not [reason for reason in verdict.reasons if "broke" in reason]


def test_an_effect_that_no_reply_asked_for_is_a_finding() -> None:
    other: dict[str, Any] = {"call_id": "x", "name": "pay", "input": {"sum": 9}, "fresh": True}
    finding = the_finding(after(perfect(booking()), "user.received", 0, ("tool.effect", other)))

    assert (finding.code, finding.turn) == ("P2", 1)
    assert finding.message == """pay ran with '{"sum": 9}', and no reply asked for it"""


def test_a_crash_does_not_excuse_an_effect_that_nobody_asked_for() -> None:
    record = crashed("at_least_once")
    other: dict[str, Any] = {"call_id": "x", "name": "book_table", "input": {}, "fresh": True}

    assert (
        "no reply asked for it"
        in the_finding(after(record, "tool.effect", 0, ("tool.effect", other))).message
    )


def test_a_tool_run_with_another_input_is_one_finding_and_not_also_forgotten() -> None:
    finding = the_finding(changed(perfect(booking()), "tool.effect", input={"seats": 3}))

    assert '{"seats": 3}' in finding.message


def test_the_same_input_written_in_another_order_is_the_same_effect() -> None:
    step = {"tool": "book_table", "input": {"seats": 2, "at": "7pm"}}
    line = {"user": "Book", "reply": [step, {"text": "Done."}]}
    data = {"name": "order", "tools": {"book_table": {}}, "script": [line]}
    record = perfect(booking().model_validate(data))

    assert judge(changed(record, "tool.effect", input={"at": "7pm", "seats": 2})).outcome == "pass"


def test_two_calls_alike_in_one_reply_are_two_requests() -> None:
    call = {"tool": "pay", "input": {"sum": 1}}
    line = {"user": "Pay twice", "reply": [{"tools": [call, call]}, {"text": "Paid."}]}
    data = {"name": "twice", "tools": {"pay": {}}, "script": [line]}
    record = perfect(booking().model_validate(data))

    assert judge(record).outcome == "pass"
    assert the_finding(again(record)).message == "pay ran 3 times for 2 requests"
    assert the_finding(without(record, "tool.effect", 1)).message == (
        "pay ran once for 2 requests, and the turn was answered all the same"
    )


def test_a_step_answered_twice_asks_once() -> None:
    record = crashed("at_most_once", "reply.received")
    steps = [e.data["step"] for e in record.of("model.answered") if e.turn == 2]

    assert steps == [0, 0, 1]
    assert judge(record).outcome == "pass"
    assert the_finding(again(record)).message == "book_table ran twice for one request"


def test_a_call_in_a_reply_cut_by_the_token_limit_may_stay_undone() -> None:
    record = changed(perfect(booking()), "model.answered", 1, stop_reason="max_tokens")

    assert judge(without(record, "tool.effect")).findings == ()


def test_the_same_fault_in_many_turns_is_one_finding() -> None:
    step = {"tool": "pay", "input": {}}
    line = {"repeat": 5, "user": "Pay", "reply": [step, {"text": "Paid."}]}
    record = perfect(
        booking().model_validate({"name": "many", "tools": {"pay": {}}, "script": [line]})
    )
    finding = the_finding(without(record, "tool.effect"))

    assert finding.turn == 1
    assert finding.message.endswith("(and in 4 more turns, the last is turn 5)")
