"""S1 and S2: what was acknowledged is still there, and what is left can be opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.checks.evidence.alignment import Departure, departures
from harness.checks.evidence.breach import Breach, Crash, counted, shape
from harness.checks.evidence.facts import Evidence
from harness.checks.evidence.stored import lost_messages
from harness.checks.promises import recovery
from harness.checks.promises.damaged import told_aloud
from harness.record import Event

_EXCUSING_FAULTS = ("http", "stream", "disk")
_FAILED = {
    "open.failed": "the session cannot be opened",
    "history.failed": "its history cannot be read",
    "resume.failed": "the interrupted turn cannot be resumed",
}


def acknowledged_durable(evidence: Evidence) -> Iterator[Breach]:
    """S1: nothing that was acknowledged is missing in a later history: turns that send() returned
    for at its end, and what a store that acknowledges by the message was given."""
    found = departures(evidence)
    yield from _lost_turns(evidence, found)
    wrong = [departure.memory for departure in found if departure.kind != "twice"]
    for lost in lost_messages(evidence, wrong):
        crash = evidence.crash_before(lost.memory.event)
        since = f" after {crash.told}" if crash else ""
        yield Breach(
            "S1",
            lost.memory.event,
            lost.messages[0].turn,
            f"{counted(len(lost.messages), 'acknowledged message')} lost{since}, the first is "
            f"{lost.told}: its append had returned, and {lost.memory.told} does not hold it",
            crash,
        )


def _lost_turns(evidence: Evidence, found: Iterable[Departure]) -> Iterator[Breach]:
    for departure in found:
        if departure.kind != "lost" or recovery.is_first_after_recovery(evidence, departure):
            continue
        memory, turns = departure.memory, departure.turns
        crash = evidence.crash_before(memory.event)
        since = f" after {crash.told}" if crash else ""
        yield Breach(
            "S1",
            memory.event,
            turns[0],
            f"{counted(len(turns), 'acknowledged turn')} lost{since}, the first is turn "
            f"{turns[0]}: {memory.told} no longer holds what the user was answered",
            crash,
        )


def loads_clean(evidence: Evidence) -> Iterator[Breach]:
    """S2: it opens, remembers and resumes on what is left, without an error; damage is told."""
    told: set[str] = set()
    failed_lives: set[int] = set()
    for event in evidence.of(*_FAILED, "died"):
        if event.kind == "died" and (event.life in failed_lives or evidence.was_open(event)):
            continue
        if recovery.turn_made_unreadable(evidence, event) is not None:
            continue
        if event.kind == "resume.failed" and _was_to_fail(evidence, event):
            continue
        if event.kind in ("open.failed", "history.failed") and _met_an_error(evidence, event):
            continue
        failed_lives.add(event.life)
        what = _what(event)
        crash = evidence.crash_before(event.n)
        cause = f"{crash.number if crash else 0} {shape(what)}"
        if cause not in told:
            told.add(cause)
            yield Breach("S2", event.n, _turn(event, crash), _told(what, crash), crash)
    yield from told_aloud(evidence)


def _was_to_fail(evidence: Evidence, resumed: Event) -> bool:
    """Whether a scripted fault of API or disk took place in this life: resume() may say so."""
    return any(
        event.life == resumed.life
        and event.n < resumed.n
        and evidence.scenario.faults[int(str(event.data["fault"]))].kind in _EXCUSING_FAULTS
        for event in evidence.of("fault.fired")
    )


def _met_an_error(evidence: Evidence, failed: Event) -> bool:
    """Whether a disk operation of this life failed before: then it must say so, and does."""
    return any(
        event.life == failed.life
        and event.n < failed.n
        and event.data["error"] in ("ENOSPC", "EIO")
        for event in evidence.of("disk")
    )


def _what(event: Event) -> str:
    if event.kind == "died":
        stderr = str(event.data["stderr"]).strip().rsplit("\n", 1)[-1]
        reason = stderr or "it wrote nothing to stderr"
        return (
            f"the process ended by itself while opening (status {event.data['status']}): {reason}"
        )
    return f"{_FAILED[event.kind]}: {event.data['error']}"


def _turn(event: Event, crash: Crash | None) -> int | None:
    return crash.turn if event.turn is None and crash else event.turn


def _told(what: str, crash: Crash | None) -> str:
    return f"after {crash.told} {what}" if crash else what
