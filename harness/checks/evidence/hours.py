"""When a user's turns were taken in, and whether a fence of so many a minute was full."""

from __future__ import annotations

from harness.checks.evidence.facts import Evidence

MINUTE_NS = 60_000_000_000


def admitted(evidence: Evidence) -> list[tuple[int, int, int]]:
    """When each turn was taken in that was answered: virtual time, event number, turn; in order."""
    events = evidence.record.events
    returned = {answer.event: answer.turn for answer in evidence.returned}
    found = []
    for sending in evidence.sendings:
        inside = [n for n in range(sending.start, sending.end) if n in returned]
        if inside and returned[inside[0]] == sending.turn:
            found.append((events[sending.start].at_ns, sending.start, sending.turn))
    return found


def begun(evidence: Evidence) -> dict[int, int]:
    """When the model was first asked in each turn, by the sending in which it was: virtual time.

    A turn that failed and is sent again may count from then: it had been let in.
    """
    events = evidence.record.events
    asked = [event.n for event in evidence.of("request.sent")]
    first: dict[int, int] = {}
    for sending in evidence.sendings:
        if any(sending.start < n < sending.end for n in asked):
            first.setdefault(sending.turn, events[sending.start].at_ns)
    return first


def fence_is_full(evidence: Evidence, at_ns: int) -> bool:
    """Whether as many turns as a minute may hold were taken in in the minute before."""
    most = evidence.scenario.stack.turns_per_minute
    if most is None:
        return False
    let_in = {turn: at for at, _, turn in admitted(evidence)}
    times = {(turn, at) for each in (let_in, begun(evidence)) for turn, at in each.items()}
    lately = {turn for turn, at in times if at_ns - MINUTE_NS < at <= at_ns}
    return len(lately) >= most
