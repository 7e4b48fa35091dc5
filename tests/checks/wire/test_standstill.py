"""W4: an event loop that stands still for the model's sake."""

from __future__ import annotations

from harness.checks.judge import judge
from harness.record import Record
from tests.checks.building import after, chat, perfect


def held_up(*places: int, ns: int = 900_000_000) -> Record:
    """A chat in which requests of some turns (from 0) waited on the loop."""
    record = perfect(chat(5))
    for place in places:
        record = after(record, "request.sent", place, ("loop.blocked", {"ns": ns}))
    return record


def test_a_turn_that_holds_the_loop_breaks_w4_once_for_all_turns() -> None:
    (finding,) = judge(held_up(1, 2, 4)).findings

    assert (finding.code, finding.turn) == ("W4", 2)
    assert finding.message == (
        "turn 2 held the event loop for 0.9 s while it waited (and in 2 more turns): a blocking "
        "client in async code, and nobody else's turn gets on meanwhile"
    )


def test_a_moment_is_nothing() -> None:
    assert not judge(held_up(1, 2, ns=90_000_000)).findings
