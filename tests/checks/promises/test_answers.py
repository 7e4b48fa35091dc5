"""P5 on answers that are half there, and on turns that say the same words."""

from __future__ import annotations

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from harness.scenario.schema import Scenario
from tests.checks.building import after, changed, chat, perfect, with_history, without


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


CUT = {"stream": {"turn": 2, "cut": "eof", "after_chars": 8}}


def shown(text: str, *, fault: int | None, stop: str = "end_turn") -> Record:
    """Turn 2's answer is this; its last reply met a fault, or none."""
    record = perfect(chat(faults=[CUT] if fault is not None else []))
    fired = ("fault.fired", {"fault": 0, "what": "cut"})
    record = after(record, "request.sent", 1, fired) if fault is not None else record
    record = changed(record, "model.answered", 1, fault=fault, stop_reason=stop)
    for kind in ("reply.returned", "reply.delivered"):
        record = changed(record, kind, 1, text=text)
    said = {"role": "assistant", "content": text}
    return with_history(record, -1, lambda m: [*m[:3], said, *m[4:]])


def test_an_empty_answer_to_what_the_model_never_replied_to_is_none() -> None:
    refused = {"http": {"turn": 2, "status": 400}}
    record = changed(perfect(chat(faults=[refused])), "reply.returned", 1, text="")
    record = without(changed(record, "reply.delivered", 1, text=""), "model.answered", 2)
    found = [each for each in judge(record).findings if "empty" in each.message]
    assert [(each.code, each.turn, each.message) for each in found] == [
        (
            "P5",
            2,
            "turn 2's message was acknowledged with an empty answer, and the model has never "
            "replied to it",
        )
    ]


def delivered_again(*during: tuple[str, dict[str, object]]) -> Record:
    """Turn 1's message arrives once more after turn 3."""
    faults = [{"redelivery": {"turn": 4, "of": 1}}]
    fired = ("fault.fired", {"fault": 0, "what": "again"})
    told = ("redelivered", {"message_id": "m00001", "of": 1})
    over = ("redelivery.over", {"answer": "Answer number 1.", "error": None})
    record = perfect(chat(faults=faults))
    return after(record, "reply.delivered", 2, fired, told, *during, over)


def test_a_message_of_long_ago_is_not_asked_again() -> None:
    assert judge(delivered_again()).outcome == "pass"
    plain = perfect(chat())
    asked = [next(plain.of(kind)).data for kind in ("request.sent", "model.answered")]
    again = [{**data, "request": 99} for data in asked]
    record = delivered_again(("request.sent", again[0]), ("model.answered", again[1]))
    (first, *_) = [each for each in judge(record).findings if "once more" in each.message]
    assert first.code == "P5"
    assert first.message == (
        "turn 1's message had been answered, arrived once more under its id m00001, and the model "
        "was asked again"
    )


@pytest.mark.parametrize("fault", [0, None])
def test_a_part_of_a_reply_is_no_answer_whether_or_not_it_broke_off(fault: int | None) -> None:
    finding = the_finding(shown("Answer n", fault=fault))
    assert (finding.code, finding.turn) == ("P5", 2)
    assert finding.message == (
        "turn 2's message was answered with a part of the answer: expected 'Answer number 2.', "
        "got 'Answer n'"
    )


@pytest.mark.parametrize("stop", ["max_tokens", "model_context_window_exceeded"])
def test_what_the_model_itself_left_unsaid_is_not_held_against_the_answer(stop: str) -> None:
    assert judge(shown("Answer n", fault=None, stop=stop)).findings == ()


def test_a_history_that_holds_all_that_the_model_said_has_lost_nothing() -> None:
    whole = {"role": "assistant", "content": "Answer number 2."}
    record = with_history(shown("number 2.", fault=None), -1, lambda m: [*m[:3], whole, *m[4:]])
    assert the_finding(record).code == "P5"
    last = with_history(record, -1, lambda m: m[:4])
    assert [finding.code for finding in judge(last).findings].count("P5") == 1


def test_an_answer_with_something_around_it_is_whole() -> None:
    assert judge(shown("He said: Answer number 2.", fault=None)).findings == ()


SAME = [{"user": "Go on", "reply": {"text": f"Part {n}."}} for n in range(1, 5)]


def test_of_two_turns_with_the_same_words_the_doubled_one_is_told() -> None:
    scenario = Scenario.model_validate({"name": "go on", "script": SAME})
    record = with_history(perfect(scenario), -1, lambda m: [*m[:2], m[2], *m[2:]])
    finding = the_finding(record)
    assert (finding.code, finding.turn) == ("P5", 2)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_an_answer_that_stands_twice_is_told_under_its_own_turn(turn: int) -> None:
    scenario = Scenario.model_validate({"name": "go on", "script": SAME})
    pair = slice(2 * turn - 2, 2 * turn)
    record = with_history(
        perfect(scenario), -1, lambda m: [*m[: pair.stop], *m[pair], *m[pair.stop :]]
    )
    finding = the_finding(record)
    assert (finding.code, finding.turn) == ("P5", turn)


def test_a_process_that_keeps_ending_in_one_way_is_one_finding_with_a_count() -> None:
    record = perfect(chat())
    for turn, status in enumerate((7, 7, 7, 9)):
        death = ("died", {"status": status, "stderr": ""})
        record = after(record, "user.received", turn, death, death)

    told = [f.message.split(": ")[0].split("itself ")[1] for f in judge(record).findings]
    assert told == [
        "in turn 1 with status 7, 6 times in 3 turns", "in turn 4 with status 9, twice in 1 turn"
    ]  # fmt: skip
