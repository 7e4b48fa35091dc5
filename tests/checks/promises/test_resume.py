"""P1 and P5: each way in which a memory can part from what happened, or answer twice."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from tests.checks.building import (
    after,
    booking,
    changed,
    chat,
    dying,
    edited,
    perfect,
    with_history,
    without,
)

Messages = list[dict[str, Any]]
REFUSED = ("send.failed", {"message_id": "m00003", "error": "ValueError: no", "trace": ""})


def crashed(turn: int, at: str, turns: int = 4) -> Record:
    """A chat with one crash."""
    return dying(chat(turns), turn, at)


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


def spoil(record: Record, nth: int, index: int, *new: dict[str, Any]) -> Record:
    """Message `index` of the nth history replaced."""
    return with_history(record, nth, lambda m: [*m[:index], *new, *m[index + 1 :]])


def test_a_turn_missing_before_a_later_one_breaks_p1() -> None:
    record = with_history(perfect(chat()), -1, lambda m: m[:2] + m[4:])
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P1", 2)
    assert finding.message == (
        "the final history departs from what happened at turn 2: user expected "
        "'Question number 2?', got 'Question number 3?'"
    )


def test_a_memory_that_forgot_its_beginning_breaks_p1_once_though_every_history_shows_it() -> None:
    record = crashed(4, "reply.received")
    for nth in (0, 1):
        record = with_history(record, nth, lambda m: m[4:])
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P1", 1)
    assert "after crash 1" in finding.message


def test_a_user_text_changed_by_one_character_breaks_p1() -> None:
    finding = the_finding(
        spoil(perfect(chat()), -1, 2, {"role": "user", "content": "Question number 2"})
    )

    assert (finding.code, finding.turn) == ("P1", 2)
    assert "expected user 'Question number 2?', got user 'Question number 2'" in finding.message


def test_a_user_text_nobody_spoke_breaks_p1() -> None:
    extra = {"role": "user", "content": "Ignore all that."}
    finding = the_finding(with_history(perfect(chat()), -1, lambda m: [*m, extra]))

    assert (finding.code, finding.turn) == ("P1", 4)
    assert "expected nothing more, got user 'Ignore all that.', which nobody said" in (
        finding.message
    )


def test_turns_in_another_order_break_p1() -> None:
    record = with_history(perfect(chat()), -1, lambda m: m[:2] + m[4:6] + m[2:4] + m[6:])

    assert (the_finding(record).code, the_finding(record).turn) == ("P1", 2)


def test_an_answer_other_than_the_one_delivered_breaks_p1() -> None:
    finding = the_finding(
        spoil(perfect(chat()), -1, 3, {"role": "assistant", "content": "Answer number 9."})
    )

    assert (finding.code, finding.turn) == ("P1", 2)
    assert "as its answer expected 'Answer number 2.', got 'Answer number 9.'" in finding.message


def test_words_nobody_said_before_the_right_answer_break_p1() -> None:
    note = {"role": "assistant", "content": "I lost the thread."}
    record = with_history(perfect(chat()), -1, lambda m: [*m[:3], note, *m[3:]])

    assert (the_finding(record).code, the_finding(record).turn) == ("P1", 2)


def test_an_answer_missing_before_a_later_turn_breaks_p1() -> None:
    finding = the_finding(spoil(perfect(chat()), -1, 3))

    assert (finding.code, finding.turn) == ("P1", 2)
    assert "expected its answer 'Answer number 2.', got none" in finding.message


def test_a_question_missing_before_its_answer_breaks_p1() -> None:
    finding = the_finding(with_history(perfect(chat()), -1, lambda m: m[1:]))

    assert (finding.code, finding.turn) == ("P1", 1)
    assert "expected user 'Question number 1?', got assistant 'Answer number 1.'" in (
        finding.message
    )


def test_words_nobody_said_in_the_turn_in_flight_break_p1() -> None:
    record = crashed(3, "reply.received")
    torn = {"role": "assistant", "content": "[connection error]"}
    finding = the_finding(with_history(record, 0, lambda m: [*m, torn]))

    assert (finding.code, finding.turn) == ("P1", 3)
    assert finding.where is not None


@pytest.mark.parametrize("kept", range(3))
def test_the_turn_in_flight_may_be_remembered_up_to_anywhere(kept: int) -> None:
    record = crashed(3, "reply.returned")

    assert judge(with_history(record, 0, lambda m: m[: 4 + kept])).findings == ()


def test_a_part_of_the_answer_in_flight_may_be_remembered() -> None:
    record = crashed(3, "reply.received")
    part = {"role": "assistant", "content": [{"type": "text", "text": "Answer num"}]}

    assert judge(with_history(record, 0, lambda m: [*m, part])).findings == ()


def test_an_answer_may_be_remembered_in_several_blocks() -> None:
    blocks = [{"type": "text", "text": "Answer "}, {"type": "text", "text": "number 2."}]
    record = spoil(perfect(chat()), -1, 3, {"role": "assistant", "content": blocks})

    assert judge(record).outcome == "pass"


def test_a_system_message_in_a_history_is_no_part_of_the_conversation() -> None:
    system = {"role": "system", "content": "Be brief."}

    assert judge(with_history(perfect(chat()), -1, lambda m: [system, *m])).outcome == "pass"


def test_two_different_answers_to_one_message_break_p5() -> None:
    record = crashed(3, "reply.delivered")
    record = changed(record, "reply.returned", 3, text="Something else.")
    record = changed(record, "reply.delivered", 2, text="Something else.")
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P5", 3)
    assert "two different texts: expected 'Answer number 3.', got 'Something else.'" in (
        finding.message
    )


def test_resume_and_send_answering_differently_breaks_p5() -> None:
    record = dying(chat(), 3, "reply.returned", capabilities=("resume",))
    record = changed(record, "resumed", answer="Something else.")

    assert (the_finding(record).code, the_finding(record).turn) == ("P5", 3)


def test_a_user_text_twice_for_one_message_breaks_p5_alone() -> None:
    record = crashed(3, "reply.received")
    record = with_history(record, -1, lambda m: [*m[:5], m[4], *m[5:]])
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P5", 3)
    assert finding.message == (
        "turn 3 was spoken once, and its user message stands twice in the final history"
    )


def test_many_texts_standing_twice_without_a_crash_are_one_finding() -> None:
    record = with_history(
        perfect(chat()),
        -1,
        lambda m: [x for i in range(4) for x in (m[2 * i], *m[2 * i : 2 * i + 2])],
    )
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P5", 1)
    assert finding.message.endswith("(and in 3 more turns, the last is turn 4)")


def test_a_crash_in_another_turn_does_not_explain_a_text_that_stands_twice() -> None:
    record = with_history(crashed(3, "reply.received"), -1, lambda m: [*m[:2], m[2], *m[2:]])

    assert (the_finding(record).turn, the_finding(record).where) == (2, None)


def test_a_turn_bought_again_and_standing_twice_is_one_finding() -> None:
    whole = {"role": "assistant", "content": "Answer number 3."}
    record = with_history(crashed(3, "reply.received"), 0, lambda m: [*m, whole])
    record = with_history(record, -1, lambda m: [*m[:5], whole, *m[4:]])

    assert "bought again" in the_finding(record).message


def test_an_answer_twice_in_a_history_breaks_p5() -> None:
    finding = the_finding(with_history(perfect(chat()), -1, lambda m: [*m, m[-1]]))

    assert (finding.code, finding.turn) == ("P5", 4)
    assert "its answer stands twice" in finding.message


def test_the_same_words_spoken_twice_may_stand_twice() -> None:
    line = {"user": "Again?", "reply": {"text": "Again."}}
    scenario = chat().model_validate({"name": "echo", "script": [line, line, line]})

    assert judge(perfect(scenario)).outcome == "pass"


def test_the_same_words_spoken_twice_may_not_stand_three_times() -> None:
    line = {"user": "Again?", "reply": {"text": "Again."}}
    scenario = chat().model_validate({"name": "echo", "script": [line, line]})
    record = with_history(perfect(scenario), -1, lambda m: [*m, m[0]])

    assert (the_finding(record).code, the_finding(record).turn) == ("P5", 2)


def test_an_answer_that_was_remembered_and_asked_for_again_breaks_p5() -> None:
    record = crashed(3, "reply.received")
    whole = {"role": "assistant", "content": "Answer number 3."}
    finding = the_finding(with_history(record, 0, lambda m: [*m, whole]))

    assert (finding.code, finding.turn) == ("P5", 3)
    assert "bought again: the history after crash 1 already held 'Answer number 3.'" in (
        finding.message
    )


@pytest.mark.parametrize(
    ("asks", "broken"), [("Question number 3?", True), ("Sum up what was said.", False)]
)
def test_a_request_off_the_script_buys_an_answer_again_if_it_ends_with_the_question(
    asks: str, broken: bool
) -> None:
    whole = {"role": "assistant", "content": "Answer number 3."}
    record = with_history(crashed(3, "reply.received"), 0, lambda m: [*m, whole])
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": asks}]}]}
    record = changed(record, "request.sent", 3, body=body)
    record = changed(record, "model.answered", 3, turn=None, step=None)

    assert [f.code for f in judge(record).findings] == (["P5"] if broken else [])


def test_the_same_error_in_many_turns_is_one_finding() -> None:
    record = perfect(chat(), capabilities=())
    for nth in (1, 2):
        record = edited(
            record,
            lambda e, t=nth + 1: (
                [] if e.turn == t and e.kind in ("reply.returned", "reply.delivered") else [e]
            ),
        )
        record = after(record, "reply.received", nth, REFUSED)
    finding = the_finding(with_history(record, -1, lambda m: [*m[:3], m[4], *m[6:]]))

    assert (finding.code, finding.turn) == ("P5", 2)
    assert "send() raised twice: ValueError: no" in finding.message


def refused_twice(status: int) -> Record:
    """Turn 3 fails over a scripted fault, is sent once more, and fails again without one."""
    scenario: dict[str, Any] = {"faults": [{"http": {"turn": 3, "status": status}}]}
    record = without(failed_at(3, **scenario), "model.answered", 3)
    fired = ("fault.fired", {"fault": 0, "what": f"status {status}"})
    record = after(without(record, "fault.fired"), "user.received", 2, fired)
    sent = list(record.of("user.received"))[2]
    return after(record, "send.failed", 0, ("user.received", {**sent.data, "sending": 2}), REFUSED)


@pytest.mark.parametrize(("status", "broken"), [(400, False), (529, True)])
def test_a_message_that_the_scenario_had_refused_for_good_may_stay_refused(
    status: int, broken: bool
) -> None:
    found = [finding.code for finding in judge(refused_twice(status)).findings]

    assert found == (["P5"] if broken else [])


def test_a_fault_told_by_the_ledger_alone_explains_a_failed_send() -> None:
    record = refused_twice(529)
    row = list(record.of("model.answered"))[2]
    record = after(record, "user.received", 3, ("model.answered", dict(row.data)))

    assert judge(record).findings == ()


def test_a_send_that_failed_and_a_text_that_stands_twice_for_it_are_one_finding() -> None:
    record = with_history(failed_at(3), -1, lambda m: [*m[:5], m[4], *m[5:]])

    assert "send() raised" in the_finding(record).message


@pytest.mark.parametrize("kind", ["limit", "network.refused"])
def test_what_another_promise_tells_explains_a_failed_send(kind: str) -> None:
    data = {"bound": "calls", "value": 1, "message": "too many", "address": "x", "what": "y"}

    assert "P5" not in [f.code for f in judge(failed_at(3, (kind, data))).findings]


def test_buying_again_an_answer_that_was_lost_is_no_finding() -> None:
    assert judge(crashed(3, "reply.received")).outcome == "pass"


def failed_at(turn: int, *before: tuple[str, dict[str, Any]], **scenario: Any) -> Record:
    """A chat in which send() raised in one turn, after these events."""
    record = perfect(chat(**scenario))
    record = edited(
        record,
        lambda e: [] if e.turn == turn and e.kind.startswith("reply.re") else [e],
    )
    record = without(record, "reply.delivered", turn - 1)
    record = after(record, "model.answered", turn - 1, *before, REFUSED)
    return with_history(record, -1, lambda m: m[: 2 * turn - 1] + m[2 * turn :])


def test_a_send_that_raises_for_no_scripted_reason_breaks_p5() -> None:
    finding = the_finding(failed_at(3))

    assert (finding.code, finding.turn) == ("P5", 3)
    assert finding.message == ("turn 3's message was not answered, send() raised: ValueError: no")


def test_a_send_that_raises_over_a_scripted_fault_keeps_p5() -> None:
    scenario: dict[str, Any] = {"faults": [{"http": {"turn": 3, "status": 529}}]}
    record = without(failed_at(3, **scenario), "model.answered", 3)

    assert judge(record).outcome == "pass"


def test_a_crash_does_not_explain_an_error_in_the_sending_after_it() -> None:
    record = failed_at(3)
    record = after(
        record,
        "user.received",
        1,
        ("fault.fired", {"fault": 0, "what": "529"}),
    )
    record.header.__dict__["scenario"]["faults"] = [{"http": {"turn": 2, "status": 529}}]

    assert [f.code for f in judge(record).findings] == ["P5"]


def test_a_rejected_request_is_told_under_w1_and_not_again_under_p5() -> None:
    record = failed_at(3)
    record = changed(record, "model.answered", 2, status=400, rule="first_role", error_message="no")

    assert [f.code for f in judge(record).findings] == ["W1"]


def test_a_process_that_ends_by_itself_in_a_turn_breaks_p5() -> None:
    death = ("died", {"status": 1, "stderr": "Traceback\nKeyError: 'x'\n"})
    finding = the_finding(after(perfect(chat()), "user.received", 1, death))

    assert (finding.code, finding.turn) == ("P5", 2)
    assert finding.message == "the process ended by itself in turn 2 with status 1: KeyError: 'x'"


def test_a_turn_never_answered_breaks_p5() -> None:
    record = edited(
        perfect(chat()),
        lambda e: [] if e.turn == 4 and e.kind in ("reply.returned", "reply.delivered") else [e],
    )
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("P5", 4)
    assert "never answered" in finding.message


def test_a_tool_turn_in_flight_may_be_remembered_with_its_call() -> None:
    record = perfect(booking(faults=[{"crash": {"turn": 2, "at": "tool.called"}}]))

    assert judge(record).outcome == "pass"
    assert len(record.events) > 20
