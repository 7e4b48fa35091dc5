"""T1: a session that expires at T and not before, and a fence of so many turns a minute."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.record import Event, Record
from tests.checks.building import SECOND, after, chat, dying, edited, perfect

REFUSED = ("send.failed", {"message_id": "m00004", "error": "Full: no", "trace": []})


def spoken_at(record: Record, *seconds: int) -> Record:
    """The turns take place at these seconds, each in no time."""
    return edited(record, lambda e: [_moved(e, seconds[e.turn - 1] if e.turn else seconds[-1])])


def _moved(event: Event, second: int) -> Event:
    return Event(event.n, second * SECOND, event.life, event.turn, event.kind, event.data)


def told(record: Record, *turns: int) -> Record:
    """What these turns ask tells nothing of what was said before."""

    def change(event: Event) -> list[Event]:
        if event.kind != "request.sent" or event.turn not in turns:
            return [event]
        body: Any = event.data["body"]
        fresh = {**event.data, "body": {**body, "messages": body["messages"][-1:]}}
        return [Event(event.n, event.at_ns, event.life, event.turn, event.kind, fresh)]

    return edited(record, change)


def ending(*fresh: int, at: tuple[int, ...]) -> list[tuple[str, int | None, str]]:
    """The findings on a chat whose sessions end after 100 s, with new ones in these turns."""
    record = told(perfect(chat(4, stack={"expire_after": "100s"})), *fresh)
    found = judge(spoken_at(record, *at)).findings
    return [(one.code, one.turn, one.message) for one in found if one.code == "T1"]


@pytest.mark.parametrize(
    ("fresh", "at"),
    [((1,), (0, 99, 198, 297)), ((1, 3), (0, 99, 199, 200)), ((1, 2, 3, 4), (0, 100, 200, 900))],
)
def test_a_session_that_ends_at_its_second_keeps_t1(
    fresh: tuple[int, ...], at: tuple[int, ...]
) -> None:
    assert ending(*fresh, at=at) == []


def test_a_session_that_lives_on_breaks_t1() -> None:
    assert ending(1, at=(0, 99, 199, 500)) == [
        (
            "T1",
            3,
            "a session ends after 100 s, and in turn 3 after 100 s of silence it still tells of "
            "turn 2 (and in 1 more turn)",
        )
    ]


def test_a_session_that_ends_too_soon_breaks_t1() -> None:
    assert ending(1, 3, at=(0, 50, 149, 150)) == [
        (
            "T1",
            3,
            "a session ends after 100 s, and in turn 3 after 99 s of silence nothing is left of "
            "what was said",
        )
    ]


def fenced(*seconds: int) -> Record:
    """A chat of four turns at these seconds, of which a minute may hold three."""
    return spoken_at(perfect(chat(4, stack={"turns_per_minute": 3})), *seconds)


def test_three_turns_in_any_minute_keep_t1() -> None:
    assert not judge(fenced(59, 60, 61, 119)).findings


def test_a_fourth_within_a_minute_breaks_t1() -> None:
    (finding,) = judge(fenced(59, 60, 61, 118)).findings

    assert (finding.code, finding.turn) == ("T1", 4)
    assert finding.message == ("3 turns a minute are allowed, and turn 4 was the 4th within 59 s")


@pytest.mark.parametrize(("at", "broken"), [("reply.received", False), ("user.received", True)])
def test_a_turn_that_had_been_let_in_may_count_from_then(at: str, broken: bool) -> None:
    """It was asked, its process died, and it is finished a minute later."""
    record = dying(chat(4, stack={"turns_per_minute": 3}), 1, at)
    record = edited(record, lambda e: [_moved(e, 0 if e.life == 1 else 60 + (e.turn or 9))])
    assert ("T1" in {one.code for one in judge(record).findings}) is broken


@pytest.mark.parametrize(("again_at", "found"), [(50, []), (59, ["P5"])])
def test_a_turn_is_turned_away_where_the_fence_is_full_and_nowhere_else(
    again_at: int, found: list[str]
) -> None:
    record = fenced(0 if again_at == 50 else -10, 1, 2, 70)
    sent = next(event for event in record.of("user.received") if event.turn == 4)
    place = [event.turn for event in record.of("user.received")].index(4)
    record = after(record, "user.received", place, REFUSED, ("user.received", dict(sent.data)))
    events = list(record.events)
    first = next(event for event in events if event.kind == "user.received" and event.turn == 4)
    record = edited(record, lambda e: [_moved(e, again_at) if e.n in (first.n, first.n + 1) else e])

    assert [finding.code for finding in judge(record).findings] == found
