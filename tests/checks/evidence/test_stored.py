"""Each append that returned is an acknowledgement, where a store says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from harness.checks.evidence.facts import gather
from harness.checks.evidence.stored import lost_messages
from harness.checks.judge import judge
from harness.record import Event, Record
from tests.checks.building import (
    after,
    booking,
    changed,
    chat,
    dying,
    edited,
    perfect,
    with_history,
)


def _appended(record: Record, *, acknowledges: str = "message") -> Record:
    """The record of a store: each user text and answer was appended, once."""

    def change(event: Event) -> Iterator[Event]:
        if event.kind == "opened":
            data = {**event.data, "store": True, "acknowledges": acknowledges}
            event = replace(event, data=data)
        yield event
        said: dict[str, Any] | None = None
        if event.kind == "user.received" and event.data["sending"] == 1:
            said = {"role": "user", "content": event.data["text"]}
        if event.kind == "reply.received" and event.turn is not None:
            said = {"role": "assistant", "content": f"Answer number {event.turn}."}
        if said is not None:
            yield replace(event, kind="message.stored", data=said)

    return edited(record, change)


def _store(turns: int = 4, **options: Any) -> Record:
    return _appended(perfect(chat(turns), store=True, capabilities=()), **options)


def test_a_store_that_keeps_everything_has_lost_nothing() -> None:
    record = _store()

    assert list(lost_messages(gather(record))) == []
    assert judge(record).outcome == "pass"


def test_an_appended_question_that_is_gone_was_lost_though_its_turn_had_no_answer() -> None:
    record = _appended(dying(chat(), 3, "reply.started", store=True, capabilities=()))
    record = with_history(record, 0, lambda m: m[:4])
    (finding,) = judge(record).findings

    assert (finding.code, finding.turn) == ("S1", 3)
    assert finding.message == (
        "1 acknowledged message lost after crash 1 (killed at reply.started in turn 3), the first "
        "is the user's message of turn 3: its append had returned, and the history after crash 1 "
        "does not hold it"
    )


def test_a_store_that_acknowledges_by_the_turn_may_lose_the_one_in_flight() -> None:
    record = dying(chat(), 3, "reply.started", store=True, capabilities=())
    record = _appended(record, acknowledges="turn")

    assert judge(with_history(record, 0, lambda m: m[:4])).findings == ()


def test_what_a_lost_turn_tells_is_not_told_message_by_message() -> None:
    record = with_history(_store(), -1, lambda m: m[:4])

    assert [finding.code for finding in judge(record).findings] == ["S1"]


def test_a_message_is_told_missing_once() -> None:
    record = _appended(dying(chat(), 3, "reply.started", store=True, capabilities=()))
    record = with_history(record, 0, lambda m: m[:4])
    record = with_history(record, -1, lambda m: m[:4] + m[5:])
    lost = list(lost_messages(gather(record)))

    assert [entry.messages[0].turn for entry in lost] == [3]


def test_a_message_that_was_lost_and_given_again_is_lost_once() -> None:
    record = _appended(dying(chat(), 3, "reply.started", store=True, capabilities=()))
    again = {"role": "user", "content": "Question number 3?"}
    record = after(record, "user.received", 3, ("message.stored", again))
    record = with_history(record, 0, lambda m: m[:4])
    (lost,) = lost_messages(gather(record))

    assert lost.memory.after_crash == 1


@pytest.mark.parametrize(
    ("kept", "same"),
    [
        ([{"type": "text", "text": "Question "}, {"type": "text", "text": "number 1?"}], True),
        ([{"type": "text", "text": "Question number 2?"}], False),
        ([{"type": "tool_use", "id": "toolu_1", "name": "x", "input": {}}], False),
    ],
)
def test_how_the_blocks_are_written_is_the_stores_own_affair(
    kept: list[dict[str, Any]], same: bool
) -> None:
    record = with_history(_store(1), -1, lambda m: [{"role": "user", "content": kept}, *m[1:]])

    assert (list(lost_messages(gather(record))) == []) is same


def test_a_stack_is_not_asked_for_its_appends() -> None:
    record = changed(perfect(booking()), "opened", 0, acknowledges="message")

    assert list(lost_messages(gather(record))) == []
