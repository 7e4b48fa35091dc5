"""T1, the part of it about users: a session expires at T and not before, and no minute holds more
turns than it may.

A session is as old as its newest reply. What is asked after `expire_after` of silence tells nothing
of what was said before; what is asked sooner does. A turn that was begun is finished where it
began. Of `turns_per_minute` no sixty seconds hold more, wherever they begin.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.checks.evidence.breach import Breach, counted
from harness.checks.evidence.facts import Answer, Evidence
from harness.checks.evidence.hours import MINUTE_NS, admitted, begun

_SECOND_NS = 1_000_000_000


def timely(evidence: Evidence) -> Iterator[Breach]:
    """T1: one finding for sessions that live too long, one for too short, one for the fence."""
    yield from _expiry(evidence)
    yield from _fence(evidence)


def _expiry(evidence: Evidence) -> Iterator[Breach]:
    after_ns = evidence.scenario.stack.expire_after
    if after_ns is None or any(evidence.of("clock.set")):
        return
    late: list[tuple[Answer, str]] = []
    early: list[tuple[Answer, str]] = []
    for row, silent_ns in _first_requests(evidence):
        told = _tells_of(evidence, row)
        silence = f"{silent_ns / _SECOND_NS:.10g} s of silence"
        if silent_ns >= after_ns and told is not None:
            late.append((row, f"after {silence} it still tells of turn {told}"))
        elif silent_ns < after_ns and told is None:
            early.append((row, f"after {silence} nothing is left of what was said"))
    limit = f"a session ends after {after_ns / _SECOND_NS:.10g} s"
    for found in (late, early):
        for row, what in found[:1]:
            more = f" (and in {counted(len(found) - 1, 'more turn')})" if len(found) > 1 else ""
            yield Breach("T1", row.event, row.turn, f"{limit}, and in turn {row.turn} {what}{more}")


def _first_requests(evidence: Evidence) -> Iterator[tuple[Answer, int]]:
    """The first request of each turn that begins in silence, and how long that was."""
    events = evidence.record.events
    replies = [(answer.event, events[answer.event].at_ns) for answer in evidence.returned]
    first: dict[int, Answer] = {}
    for row in evidence.answers:
        if row.is_message and row.turn is not None and row.script_turn == row.turn:
            first.setdefault(row.turn, row)
    begun: set[int] = set()
    for sending in evidence.sendings:
        asked = first.get(sending.turn)
        before = [at for event, at in replies if event < sending.start]
        if sending.turn not in begun and asked is not None and before:
            yield asked, events[sending.start].at_ns - before[-1]
        begun.add(sending.turn)


def _tells_of(evidence: Evidence, row: Answer) -> int | None:
    """The newest earlier turn whose message stands in the request, if one does."""
    body = json.dumps(evidence.bodies[row.request], ensure_ascii=False)
    earlier = [turn for turn in evidence.plan.turns if turn.number < (row.turn or 0)]
    for turn in reversed(earlier):
        if json.dumps(turn.user, ensure_ascii=False)[1:-1] in body:
            return turn.number
    return None


def _fence(evidence: Evidence) -> Iterator[Breach]:
    most = evidence.scenario.stack.turns_per_minute
    if most is None:
        return
    turns, first = admitted(evidence), begun(evidence)
    for (sent, _, earlier), (at, event, turn) in zip(turns, turns[most:], strict=False):
        began = min(sent, first.get(earlier, sent))
        if at - began < MINUTE_NS:
            yield Breach(
                "T1",
                event,
                turn,
                f"{most} turns a minute are allowed, and turn {turn} was the {most + 1}th within "
                f"{(at - began) / _SECOND_NS:.10g} s",
            )
            return
