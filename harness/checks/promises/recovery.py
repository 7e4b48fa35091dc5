"""P6 and S3: a recovery is the same however often it is broken off, and what comes after it lasts.

Two crashes in a row are needed to see either. What one undisturbed recovery remembers stands in the
record (`recovered`) where a second crash fell into it. The first turn after a recovery is looked
for after the crash that follows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.checks.evidence.alignment import Departure, departures
from harness.checks.evidence.breach import Breach, Crash, contrast, counted
from harness.checks.evidence.facts import Evidence, canonical
from harness.record import Event

_UNREADABLE = ("open.failed", "history.failed")


def recovery_determinism(evidence: Evidence) -> Iterator[Breach]:
    """P6: after a crash during recovery the same is remembered as without it."""
    for once in evidence.of("recovered"):
        again = _next(evidence, once, "history")
        if again is None:
            continue
        crash = evidence.crash_before(again.n)
        told = f" after {crash.told}" if crash else ""
        if difference := _difference(once.data["messages"], again.data["messages"]):
            message = f"recovering once and recovering{told} do not remember the same: {difference}"
            yield Breach("P6", again.n, again.turn, message, crash)
            continue
        saved, now = once.data["checkpoint"], _next(evidence, once, "checkpoint")
        if saved is not None and now is not None and _checkpoint(now.data) != _checkpoint(saved):
            found = contrast(_checkpoint(saved), _checkpoint(now.data))
            message = f"recovering once and recovering{told} find two checkpoints: {found}"
            yield Breach("P6", now.n, now.turn, message, crash)


def append_after_recovery(evidence: Evidence) -> Iterator[Breach]:
    """S3: what was acknowledged first after a recovery is there, and readable, after the next."""
    for departure in departures(evidence):
        if is_first_after_recovery(evidence, departure):
            memory, crash = departure.memory, evidence.crash_before(departure.memory.event)
            after = f" after {crash.told}" if crash else ""
            yield Breach(
                "S3",
                memory.event,
                departure.turns[0],
                f"turn {departure.turns[0]}, the first after a recovery, was acknowledged and is "
                f"lost{after}: {memory.told} no longer holds what the user was answered",
                crash,
            )
    for event in evidence.of(*_UNREADABLE):
        if (turn := turn_made_unreadable(evidence, event)) is not None:
            yield Breach(
                "S3",
                event.n,
                turn,
                f"after turn {turn}, the first after a recovery, the session cannot be read any "
                f"more: {event.data['error']}",
                evidence.crash_before(event.n),
            )


def is_first_after_recovery(evidence: Evidence, departure: Departure) -> bool:
    """Whether what is lost was all acknowledged after a recovery, the first turn included."""
    answered = _answered_since_recovery(evidence, departure.memory.event)
    return (
        departure.kind == "lost"
        and bool(answered)
        and answered[0] in departure.turns
        and set(departure.turns) <= set(answered)
    )


def turn_made_unreadable(evidence: Evidence, failed: Event) -> int | None:
    """The only turn acknowledged between a good recovery and this bad one."""
    if failed.kind not in _UNREADABLE or evidence.met_disk_error(failed):
        return None
    answered = _answered_since_recovery(evidence, failed.n)
    return answered[0] if len(answered) == 1 else None


def _answered_since_recovery(evidence: Evidence, event: int) -> list[int]:
    """The turns acknowledged between the last two crashes before an event, in order."""
    last = evidence.crash_before(event)
    before = None if last is None else evidence.crash_before(last.event)
    if last is None or before is None or not _recovered_between(evidence, before, last):
        return []
    turns = [said.turn for said in evidence.returned if before.event < said.event < last.event]
    return [*dict.fromkeys(turns)]


def _recovered_between(evidence: Evidence, first: Crash, second: Crash) -> bool:
    return any(first.event < memory.event < second.event for memory in evidence.memories)


def _next(evidence: Evidence, after: Event, kind: str) -> Event | None:
    """The first of a kind after an event and the crash that follows it, before any other crash."""
    crashes = [crash.event for crash in evidence.crashes if crash.event > after.n]
    end = crashes[1] if len(crashes) > 1 else len(evidence.record.events)
    return next((event for event in evidence.of(kind) if after.n < event.n < end), None)


def _difference(once: Any, again: Any) -> str | None:
    expected, got = [*map(canonical, once)], [*map(canonical, again)]
    if expected == got:
        return None
    pairs = zip(expected, got, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(got)))
    if same == min(len(expected), len(got)):
        return f"{counted(len(expected), 'message')}, and {len(got)}"
    return f"message {same + 1}: {contrast(expected[same], got[same])}"


def _checkpoint(data: Any) -> str:
    found: Mapping[str, object] = data
    return canonical({key: found[key] for key in ("turn_number", "tool_state")})
