"""T1 on records built by hand: hurrying, and waiting for a clock that was set back."""

from __future__ import annotations

import pytest

from harness.checks.judge import judge
from harness.record import Event, Record
from tests.checks.building import SECOND, booking, changed, chat, edited, perfect

OVERLOADED = {"http": {"turn": 2, "status": 529}}


def findings(record: Record) -> list[tuple[str, str]]:
    return [(finding.code, finding.message) for finding in judge(record).findings]


def told_to_wait(seconds: float) -> Record:
    """Turn 2's first attempt is refused; the next request leaves a second later."""
    record = perfect(chat(3, faults=[OVERLOADED]))
    return changed(record, "model.answered", 1, retry_after=seconds)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 2.0])
def test_waiting_as_long_as_told_is_honest(seconds: float) -> None:
    assert findings(told_to_wait(seconds)) == []


def test_asking_again_too_soon_breaks_t1() -> None:
    assert findings(told_to_wait(61.0)) == [
        ("T1", "told to wait 61 s, it asked again after 2 s in turn 2")
    ]


def test_giving_up_is_no_hurry() -> None:
    record = told_to_wait(61.0)
    refused = next(event for event in record.of("model.answered") if event.data["fault"] == 0)

    def change(event: Event) -> list[Event]:
        failed = {"message_id": "m00002", "error": "RateLimitError", "trace": []}
        gave_up = Event(0, event.at_ns, event.life, event.turn, "send.failed", failed)
        return [event, gave_up] if event is refused else [event]

    assert "T1" not in {code for code, _ in findings(edited(record, change))}


def set_back(record: Record, back_s: int, took_s: int) -> Record:
    """The clock is set back before turn 2, which takes so many seconds longer."""
    starts = next(event.n for event in record.of("user.received") if event.turn == 2)
    ends = next(event.n for event in record.of("reply.returned") if event.turn == 2)

    def change(event: Event) -> list[Event]:
        late = took_s * SECOND if event.n >= ends else 0
        moved = Event(0, event.at_ns + late, event.life, event.turn, event.kind, event.data)
        jump = Event(0, event.at_ns, event.life, 2, "clock.set", {"ns": -back_s * SECOND})
        return [jump, moved] if event.n == starts else [moved]

    return edited(record, change)


def test_a_turn_that_waits_for_the_clock_to_catch_up_breaks_t1() -> None:
    record = set_back(perfect(chat(3)), 7200, 7200)
    ((code, message),) = findings(record)
    assert code == "T1"
    assert message.startswith("turn 2 took 7205 s: the wall clock had been set back by 7200 s")


@pytest.mark.parametrize(("back_s", "took_s"), [(7200, 60), (60, 60), (-7200, 7200)])
def test_a_turn_that_takes_its_time_is_honest(back_s: int, took_s: int) -> None:
    assert findings(set_back(perfect(chat(3)), back_s, took_s)) == []


def test_what_a_tool_takes_is_not_held_against_the_clock() -> None:
    record = perfect(booking())
    assert [code for code, _ in findings(set_back(record, 7200, 5000))] == ["T1"]
    slow = perfect(
        booking().model_copy(
            update={
                "tools": {
                    "book_table": booking()
                    .tools["book_table"]
                    .model_copy(update={"takes": 5000 * SECOND})
                }
            }
        )
    )
    assert findings(set_back(slow, 7200, 5000)) == []
