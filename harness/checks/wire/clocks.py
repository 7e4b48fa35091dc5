"""T1: the target's notion of time is right across gaps, and where the wall clock is not.

- Told to wait (`retry-after`), it does not ask again sooner within the same call. It may give up.
- A wall clock that was set back does not make it wait until the clock has caught up.

Cache lifetimes: what was read from the cache and what had to be written anew is in the books as the
API billed it, which W5 compares.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.checks.evidence.breach import Breach, counted
from harness.checks.evidence.facts import Evidence
from harness.record import Event

JUMPS_FROM_NS = 600_000_000_000
"""Smaller jumps than ten minutes cannot be told from the time that a turn takes anyway."""
_SLACK_NS = 1_000_000
_SECOND_NS = 1_000_000_000
_ENDS_THE_CALL = ("reply.returned", "send.failed", "resumed", "resume.failed", "user.received")


def time_honest(evidence: Evidence) -> Iterator[Breach]:
    """T1: one finding for hurrying, and one for waiting on a clock that was set back."""
    hurried = [
        (told, again) for told in evidence.of("model.answered") if (again := _again(evidence, told))
    ]
    if hurried:
        told, again = hurried[0]
        waited = (again.at_ns - told.at_ns) / _SECOND_NS
        more = f" (and {counted(len(hurried) - 1, 'more time')})" if len(hurried) > 1 else ""
        yield Breach(
            "T1",
            again.n,
            again.turn,
            f"told to wait {_wait(told):g} s, it asked again after {waited:.3g} s in turn "
            f"{again.turn}{more}",
        )
    yield from _stuck(evidence)


def _wait(answered: Event) -> float:
    """Seconds that an answer said to wait."""
    wait = answered.data.get("retry_after")
    return float(wait) if isinstance(wait, int | float) else 0.0


def _again(evidence: Evidence, told: Event) -> Event | None:
    """The next request of the same call, where it came too soon."""
    if not _wait(told):
        return None
    for event in evidence.record.events[told.n + 1 :]:
        if event.life != told.life or event.kind in _ENDS_THE_CALL:
            return None
        if event.kind == "request.sent":
            soonest = told.at_ns + int(_wait(told) * _SECOND_NS) - _SLACK_NS
            return event if event.at_ns < soonest else None
    return None


def _stuck(evidence: Evidence) -> Iterator[Breach]:
    """Turns that took half of what the clock had been set back, for no other reason."""
    for jump in evidence.of("clock.set"):
        back = -int(str(jump.data["ns"]))
        calls = [s for s in evidence.sendings if s.turn == jump.turn and s.start > jump.n]
        if back < JUMPS_FROM_NS or not calls:
            continue
        events = evidence.record.events[calls[0].start : calls[0].end]
        end = next((event for event in events[1:] if event.kind in _ENDS_THE_CALL), events[-1])
        took = end.at_ns - events[0].at_ns
        if took - _scripted(evidence, events) >= back / 2:
            yield Breach(
                "T1",
                end.n,
                jump.turn,
                f"turn {jump.turn} took {took / _SECOND_NS:.0f} s: the wall clock had been set "
                f"back by {back / _SECOND_NS:.0f} s, and it waited for it",
            )


def _scripted(evidence: Evidence, events: list[Event]) -> int:
    """What the script itself made it wait for: tools, and what the API asked for."""
    tools = evidence.scenario.tools
    taken = [
        tools[name].takes
        for event in events
        if event.kind == "tool.called" and (name := str(event.data["name"])) in tools
    ]
    told = [int(_wait(event) * _SECOND_NS) for event in events if event.kind == "model.answered"]
    return sum(taken) + sum(told)
