"""S2 of damage at rest: told aloud, and it costs the record that was hit, no more."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import after, changed, chat, dying, with_history, without

Messages = list[dict[str, Any]]


def damaged(left: Any = None, *, loud: bool = True) -> Record:
    """A chat whose log was hit before turn 4; `left` makes the history that was left of it."""
    record = dying(chat(5), 4, "user.received")
    spoilt = {"path": "log.jsonl", "offset": 90, "size": 12, "what": "garbage", "after_crash": 1}
    record = after(record, "history", 0, ("damaged", {**spoilt, "fault": 0, "loud": loud}))
    if left is not None:
        record = with_history(record, 0, left)
        record = with_history(record, -1, lambda m: [*left(m[:6]), *m[6:]])
    return record


def told(record: Record) -> list[tuple[str, int | None]]:
    """Codes and turns of the findings."""
    return [(finding.code, finding.turn) for finding in judge(record).findings]


def without_answer(messages: Messages) -> Messages:
    """The answer of turn 2 is gone."""
    return messages[:3] + messages[4:]


def without_question(messages: Messages) -> Messages:
    """The question of turn 2 is gone, its answer is left behind."""
    return messages[:2] + messages[3:]


def without_turn(messages: Messages) -> Messages:
    """Both are gone."""
    return messages[:2] + messages[4:]


@pytest.mark.parametrize("left", [None, without_answer, without_question, without_turn])
def test_one_record_may_be_gone_where_the_scenario_damaged_one(left: Any) -> None:
    assert told(damaged(left)) == []


@pytest.mark.parametrize(("stop", "broken"), [("max_tokens", False), ("end_turn", True)])
def test_of_an_answer_in_pieces_one_may_be_gone(stop: str, broken: bool) -> None:
    def without_piece(messages: Messages) -> Messages:
        return [*messages[:3], {"role": "assistant", "content": "Answer 2."}, *messages[4:]]

    record = damaged(without_piece)
    first = next(record.of("model.answered"))
    data = {**first.data, "turn": 2, "stop_reason": stop}
    record = after(record, "request.sent", 1, ("model.answered", data))
    assert (("P1", 2) in told(record)) is broken


def test_the_process_that_opened_it_may_die_before_it_can_tell_of_what_is_gone() -> None:
    record = damaged(without_answer)
    (hit,) = record.of("damaged")
    record = without(record, "damaged")
    again = {"crash": 2, "at": "user.received", "tier": "kill", "fault": 0, "where": None}
    record = after(record, "crashed", 0, ("crashed", again))
    record = changed(record, "history", after_crash=2)
    assert ("P1", 2) in told(record)
    assert told(after(record, "history", 0, ("damaged", hit.data))) == []


def test_damage_that_is_opened_without_a_word_breaks_s2() -> None:
    (finding,) = judge(damaged(loud=False)).findings

    assert (finding.code, finding.turn) == ("S2", 4)
    assert finding.message == (
        "log.jsonl was damaged at rest (garbage from byte 90 on), and the process that opened it "
        "did not say a word"
    )


def test_more_than_the_record_that_was_hit_breaks_p1() -> None:
    assert ("P1", 1) in told(damaged(lambda m: m[:1] + m[5:]))


def test_garbage_taken_for_what_was_said_breaks_p1() -> None:
    def garbled(messages: Messages) -> Messages:
        return [*messages[:2], {"role": "user", "content": "Qu\ufffd\ufffd 2?"}, *messages[3:]]

    assert ("P1", 2) in told(damaged(garbled))


def test_without_damage_nothing_may_be_gone() -> None:
    record = with_history(dying(chat(5), 4, "user.received"), 0, without_answer)

    assert ("P1", 2) in told(record)
