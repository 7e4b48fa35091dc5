"""S5 on records built by hand: what two processes at once may leave, and what not."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checks.judge import judge
from harness.record import Event, Record
from tests.checks.building import SECOND, after, chat, edited, perfect, with_history

FAULTS = [{"writer": {"turn": 2}}]
Kind = tuple[str, int]


def findings(record: Record) -> list[tuple[str, int | None, str]]:
    return [(f.code, f.turn, f.message) for f in judge(record).findings]


def together(order: Sequence[Kind] = (), writers: str = "many", *, store: bool = False) -> Record:
    """Turns 2 and 3 were written by two processes; `order` is that of their events, if mixed."""
    record = perfect(chat(4, faults=FAULTS), capabilities=(), store=store)
    first = next(event.n for event in record.of("user.received") if event.turn == 2)
    last = next(event.n for event in record.of("user.received") if event.turn == 4)
    inside = record.events[first:last]
    if order:
        groups = {kind: [e for e in inside if (e.kind, e.turn) == kind] for kind in order}
        inside = [event for kind in order for event in groups[kind]]
    fired = Event(0, 0, 1, 2, "fault.fired", {"fault": 0, "what": "2 processes"})
    began = Event(0, 0, 1, 2, "writers", {"turns": [2, 3]})
    over = Event(0, 0, 1, 2, "writers.over", {})
    whole = [*record.events[:first], fired, began, *inside, over, *record.events[last:]]
    numbered = [Event(n, n * SECOND, e.life, e.turn, e.kind, e.data) for n, e in enumerate(whole)]

    def named(event: Event) -> list[Event]:
        if event.kind == "opened":
            data = {**event.data, "writers": writers}
            return [Event(0, event.at_ns, event.life, None, event.kind, data)]
        return [event]

    return edited(Record(record.header, numbered), named)


MIXED: list[Kind] = [
    (kind, turn)
    for kind in (
        "user.received",
        "request.sent",
        "model.answered",
        "reply.started",
        "reply.received",
        "reply.returned",
        "reply.delivered",
    )
    for turn in (2, 3)
]


def test_one_after_the_other_is_one_writer_at_a_time() -> None:
    assert findings(together(writers="one")) == []


def test_two_at_once_are_many_writers_and_not_one() -> None:
    assert findings(together(MIXED)) == []
    ((code, turn, message),) = findings(together(MIXED, writers="one"))
    assert (code, turn) == ("S5", 3)
    assert message.startswith("turns 2 and 3 were answered by two processes at once")


def test_what_two_wrote_may_stand_in_any_order() -> None:
    swapped = with_history(together(MIXED), -1, lambda m: [*m[:2], *m[4:6], *m[2:4], *m[6:]])
    assert findings(swapped) == []


def test_an_answer_that_one_of_them_wrote_over_is_lost() -> None:
    record = with_history(together(MIXED), -1, lambda m: [*m[:4], *m[6:]])
    ((code, turn, message),) = findings(record)
    assert (code, turn) == ("S5", 3)
    assert message.startswith("2 processes wrote at once, and the final history departs at turn 3")


def test_messages_that_were_shuffled_are_no_turns() -> None:
    record = with_history(together(MIXED), -1, lambda m: [*m[:3], m[4], m[3], *m[5:]])
    assert [code for code, _turn, _message in findings(record)] == ["S5"]


def test_what_happens_to_other_turns_has_its_own_code() -> None:
    assert [f[0] for f in findings(with_history(together(), -1, lambda m: m[2:]))] == ["P1"]


def test_a_store_keeps_what_two_loops_gave_it_in_whatever_order() -> None:
    told = {"role": "assistant", "content": [{"type": "text", "text": "Answer number 3."}]}
    record = together(MIXED, writers="one", store=True)
    record = after(record, "reply.returned", 2, ("message.stored", told))
    shuffled = with_history(record, -1, lambda m: [*m[:3], m[4], m[3], *m[5:]])
    assert findings(shuffled) == []
    ((code, turn, message),) = findings(with_history(shuffled, -1, lambda m: [*m[:5], *m[6:]]))
    assert (code, turn) == ("S5", 3)
    assert "the assistant's message of turn 3 is not in the final history" in message
