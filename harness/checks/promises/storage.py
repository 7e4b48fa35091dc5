"""S1, S2 and S4: what was acknowledged is still there, what is left can be opened, and the disk's
errors reach the caller.

An error has reached the caller when a call raised before the next answer was acknowledged, or the
process ended. It is over where the target did the same again and it worked: the same bytes in the
same place, or from further before; after a failed fsync, too, they must be written anew, since the
kernel may have dropped what it was to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.checks.evidence.alignment import Departure, departures
from harness.checks.evidence.breach import Breach, Crash, counted, shape
from harness.checks.evidence.facts import Evidence, number
from harness.checks.evidence.stored import lost_messages
from harness.checks.promises import recovery
from harness.checks.promises.damaged import told_aloud
from harness.record import Event

_ERRORS = ("ENOSPC", "EIO")
_TOLD = (
    "send.failed",
    "open.failed",
    "history.failed",
    "checkpoint.failed",
    "resume.failed",
    "crashed",
    "died",
)
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
        if lost.messages[0].turn in evidence.shared_turns:
            continue
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
        if evidence.shared_turns & set(departure.turns):
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
        if event.kind in ("open.failed", "history.failed") and evidence.met_disk_error(event):
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
    refused = any(
        row.life == resumed.life and row.event < resumed.n and row.fault is not None
        for row in evidence.answers
    )
    return refused or any(
        event.life == resumed.life
        and event.n < resumed.n
        and evidence.scenario.faults[int(str(event.data["fault"]))].kind in _EXCUSING_FAULTS
        for event in evidence.of("fault.fired")
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


def errors_visible(evidence: Evidence) -> Iterator[Breach]:
    """S4: nothing is acknowledged over ENOSPC or EIO; one finding for each kind of operation."""
    told: set[tuple[object, ...]] = set()
    for event in evidence.of("disk"):
        if event.data["error"] not in _ERRORS:
            continue
        answer = next((answer for answer in evidence.returned if answer.event > event.n), None)
        cause = (event.data["error"], event.data["operation"])
        if answer is None or cause in told or _reached(evidence, event, answer.event):
            continue
        told.add(cause)
        name = event.data["to"] or event.data["path"]
        yield Breach(
            "S4",
            answer.event,
            answer.turn,
            f"{event.data['error']} on {event.data['operation']} {name} reached nobody: turn "
            f"{answer.turn}'s answer was acknowledged over it",
            evidence.crash_before(event.n),
        )


def _reached(evidence: Evidence, error: Event, acknowledged: int) -> bool:
    """Whether the caller was told, or what failed was done again."""
    since = evidence.record.events[error.n + 1 : acknowledged]
    if any(event.kind in _TOLD for event in since):
        return True
    done = [event for event in since if event.kind == "disk" and event.data["error"] is None]
    kind, names = error.data["operation"], {error.data["path"], error.data["to"]} - {None}
    if kind not in ("fsync", "write"):
        return any(
            event.data["operation"] == kind and names & {event.data["path"], event.data["to"]}
            for event in done
        )
    lost = [error] if kind == "write" else _unsynced(evidence, error)
    anew = [event for event in done if all(_is_again(event, write) for write in lost)]
    if kind == "write" or not anew:
        return bool(anew)
    return any(e.data["operation"] == "fsync" and e.n > anew[0].n for e in done)


def _unsynced(evidence: Evidence, error: Event) -> list[Event]:
    """The first write to the file since its last good fsync: what the failed one was to keep."""
    writes: list[Event] = []
    for event in evidence.of("disk"):
        if event.n >= error.n or event.data["path"] != error.data["path"]:
            continue
        if event.data["operation"] == "fsync" and event.data["error"] is None:
            writes = []
        elif event.data["operation"] == "write":
            writes.append(event)
    return writes[:1]


def _is_again(event: Event, write: Event) -> bool:
    """Whether an operation puts the bytes of a failed or lost write in their place again."""
    if write.data["path"] == event.data["to"] and event.data["operation"] == "rename":
        return True
    if (event.data["operation"], event.data["path"]) != ("write", write.data["path"]):
        return False
    again, first = number(event.data, "offset"), number(write.data, "offset")
    same = again == first and event.data["size"] == write.data["size"]
    return again < first or same
