"""When turns were taken in, and whether a fence of so many a minute was full."""

from __future__ import annotations

from harness.checks.evidence.facts import gather
from harness.checks.evidence.hours import admitted, begun, fence_is_full
from tests.checks.building import SECOND, chat, dying, perfect


def test_a_turn_is_taken_in_when_the_sending_that_was_answered_began() -> None:
    evidence = gather(dying(chat(3), 2, "reply.received"))
    sent = [event for event in evidence.of("user.received") if event.turn == 2]
    taken = admitted(evidence)
    assert [turn for _, _, turn in taken] == [1, 2, 3]
    assert taken[1][:2] == (sent[-1].at_ns, sent[-1].n)


def test_a_turn_begins_when_the_model_is_first_asked_in_it() -> None:
    evidence = gather(dying(chat(3), 2, "reply.received"))
    first, second = (event for event in evidence.of("user.received") if event.turn == 2)
    assert first.at_ns <= second.at_ns
    assert begun(evidence)[2] == first.at_ns
    early = gather(dying(chat(3), 2, "user.received"))
    (sent,) = (event for event in early.of("user.received") if event.turn == 2)
    assert begun(early)[2] == sent.at_ns


def test_a_fence_is_full_when_the_last_minute_holds_what_it_may() -> None:
    evidence = gather(perfect(chat(3, stack={"turns_per_minute": 2})))
    second, third = (at for at, _, _ in admitted(evidence)[1:])
    assert fence_is_full(evidence, third)
    assert not fence_is_full(evidence, second - 1)
    assert not fence_is_full(evidence, third + 60 * SECOND)
    assert not fence_is_full(gather(perfect(chat(3))), third)
