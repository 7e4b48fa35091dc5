"""Whether a record proves anything: every fault fired, every line spoken, every reply used.

A scenario whose crash never came or whose scripted reply nobody asked for has tested something
else than it says. That is invalid, not a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.checks.evidence.absent import absent_faults
from harness.checks.evidence.breach import shorten
from harness.checks.evidence.facts import Evidence
from harness.record import Event
from harness.scenario.faults import Crash, Fault, ToolFault

_EXCUSING_FAULTS = ("http", "stream", "disk", "writer")


def reasons(evidence: Evidence) -> tuple[str, ...]:
    """Why this record can be no pass, a sentence each; none where it can."""
    return (
        *unplayed(evidence),
        *_unfired(evidence),
        *_unspoken(evidence),
        *_unused(evidence),
    )


def unplayed(evidence: Evidence) -> tuple[str, ...]:
    """Why not even what is in the record proves anything, whatever the script asks for."""
    return (*_broken(evidence), *_unexplained(evidence))


def crash_points(evidence: Evidence) -> tuple[int, int]:
    """How many deaths were planned in this case, and how many came."""
    if evidence.swept:
        return 1, min(1, len(evidence.crashes))
    absent = absent_faults(evidence)
    faults = enumerate(evidence.scenario.faults)
    planned = [i for i, fault in faults if kills(fault) and i not in absent]
    return len(planned), len(evidence.fired.intersection(planned))


def _broken(evidence: Evidence) -> Iterator[str]:
    broke = list(evidence.of("broke"))
    for event in broke:
        yield how_it_broke(event.data)
    if not broke and not any(evidence.of("ended")):
        yield f"the script was not played to its end: {_why_it_ended(evidence)}"


def how_it_broke(data: Mapping[str, object]) -> str:
    """What a `broke` event tells the user: the error, where it was raised, and what to do."""
    trace = data.get("trace")
    at = f", at {trace[-1]}" if isinstance(trace, list) and trace else ""
    told = f"the harness itself broke: {str(data['error'])[:ERROR_SHOWN]}{at}; report this, with "
    return told + "the scenario, to those who make the harness"


def _why_it_ended(evidence: Evidence) -> str:
    """What broke, in the target's own words where it said any, and what to do."""
    events = evidence.record.events
    last = next((event for event in reversed(events) if event.kind in _ENDS), None)
    if last is None or last.kind == "life.started":
        at = f"after event {len(events) - 1} ({events[-1].kind})" if events else "before it begins"
        return f"the record breaks off {at} and says no reason; it was cut short, so play it again"
    if last.kind == "limit":
        return f"{last.data['message']}{_at(last)}"
    crash = evidence.crash_before(last.n)
    since = f"after crash {crash.number} " if crash else ""
    if last.kind == "died":
        said = str(last.data["stderr"]).strip().rsplit("\n", 1)[-1]
        what = f"the process ended by itself in {last.data.get('during', 'a call')}() with status "
        what += f"{last.data['status']}" + (f" ({shorten(said)})" if said else "")
    else:
        what = f"{_FAILED[last.kind]}: {str(last.data['error'])[:ERROR_SHOWN]}{_at(last)}"
    return f"mend this, then play the case again: {since}{what}"


def _at(event: Event) -> str:
    """Where the target stood, if that is known."""
    where = event.data.get("where")
    return f", at {where}" if where else ""


ERROR_SHOWN = 200
"""Letters of a target's error that a reason repeats."""
_FAILED = {
    "open.failed": "the session cannot be opened",
    "history.failed": "its history cannot be read",
}
_ENDS = ("limit", "died", "life.started", *_FAILED)
"""After these nothing more is asked of the target; a life that was started may have been cut."""


def _unexplained(evidence: Evidence) -> Iterator[str]:
    """What nobody recorded can be lost in no crash that was played, so it proves nothing."""
    told = evidence.record.header.fidelity == "python"
    remedy = (
        "C libraries and child processes are not seen by the Python recorder; play it where "
        "`harness doctor` finds seccomp"
        if told
        else "a crash of such a file is not judged; keep the session's data out of it"
    )
    for event in evidence.of("unmodelled"):
        yield f"the disk was changed unseen: {event.data['why']}; {remedy}"


def kills(fault: Fault) -> bool:
    """Whether a process dies of it."""
    return fault.kind in ("crash", "tool", "damage")


def _left_out(fault: Fault) -> bool:
    """What the baseline of a sweep goes without: deaths, and other processes in the home."""
    return kills(fault) or fault.kind in ("writer", "neighbour")


def _unfired(evidence: Evidence) -> Iterator[str]:
    if evidence.swept and not evidence.baseline and not evidence.crashes:
        yield (
            "the crash point of this case never came: the conversation no longer passes there, "
            "so sweep the scenario again"
        )
    absent = absent_faults(evidence)
    for index, fault in enumerate(evidence.scenario.faults):
        # A swept case plays on for two turns only.
        owed = not evidence.swept or (evidence.baseline and not _left_out(fault))
        if owed and index not in evidence.fired and index not in absent:
            yield f"fault {index + 1} ({_named(fault)}) never fired: {_remedy(fault)}"


def _named(fault: Fault) -> str:
    what = fault.what
    if isinstance(what, Crash):
        return f"crash at {what.at} in turn {what.turn}"
    if isinstance(what, ToolFault):
        return f"crash at tool call {what.call} ({what.crash}) in turn {what.turn}"
    given = what.model_dump(mode="json", exclude_unset=True, exclude={"turn"})
    details = ",".join(f" {key} {value}" for key, value in given.items())
    return f"{fault.kind}{details} in turn {what.turn}"


def _remedy(fault: Fault) -> str:
    turn = fault.what.turn
    if fault.kind == "tool":
        return f"the target made no such tool call in turn {turn}; name a call that it makes"
    if fault.kind in ("http", "stream"):
        return f"the target asked the model too seldom in turn {turn}; name a turn that asks it"
    if fault.kind == "clock":
        return f"turn {turn} was never reached; see what happened before it"
    if fault.kind == "damage":
        return f"there was no such file before turn {turn}, or it was empty; name one that is there"
    if fault.kind in ("disk", "writer"):
        return f"the target did no such thing in turn {turn}; name what it does there"
    return (
        f"the target never came to that point in turn {turn}; choose a turn or a point that it "
        "passes"
    )


def _unspoken(evidence: Evidence) -> Iterator[str]:
    if evidence.swept and not evidence.baseline:
        return
    spoken = {sending.turn for sending in evidence.sendings}
    silent = [turn.number for turn in evidence.plan.turns if turn.number not in spoken]
    for first, last in _runs(silent):
        turns = f"turn {first} was" if first == last else f"turns {first} to {last} were"
        yield (
            f"{turns} never spoken: the conversation stopped before; see what happened in turn "
            f"{first - 1}"
            if first > 1
            else f"{turns} never spoken: the target was never ready to listen"
        )


def _unused(evidence: Evidence) -> Iterator[str]:
    used = {(row.script_turn, row.step) for row in evidence.answers if row.status == 200}
    spoken = {sending.turn for sending in evidence.sendings} - _given_up(evidence)
    whole: dict[str, list[int]] = {}
    for turn in evidence.plan.turns:
        if turn.number not in spoken:
            continue
        steps = [n + 1 for n in range(len(turn.steps)) if (turn.number, n) not in used]
        if not steps:
            continue
        why = _why_unused(evidence, turn.number)
        if len(steps) == len(turn.steps):
            whole.setdefault(why, []).append(turn.number)
        else:
            told = f"reply {', '.join(map(str, steps))} of turn {turn.number} was never used: {why}"
            yield told.format(them="it")
    for why, turns in whole.items():
        for first, last in _runs(turns):
            if first == last:
                yield f"the reply of turn {first} was never used: {why.format(them='it')}"
            else:
                told = f"the replies of turns {first} to {last} were never used: "
                yield told + why.format(them="them")


def _why_unused(evidence: Evidence, turn: int) -> str:
    """Why a turn's replies were left over, as far as that is seen, and what to do."""
    asked = [row for row in evidence.answers if row.turn == turn and row.is_message]
    if asked and (asked[-1].status or 0) >= 400:
        return f"the API refused the target's requests with {asked[-1].status}; mend those first"
    answered = any(answer.turn == turn for answer in evidence.delivered)
    if not answered and any(event.turn == turn for event in evidence.of("send.failed")):
        return "the target raised instead of asking the model for {them}; mend that first"
    return (
        "the target did not ask the model for {them}; take {them} out of the script, or find out "
        "why"
    )


def _given_up(evidence: Evidence) -> set[int]:
    """Turns without an answer for a good reason: a scripted fault, or a message nobody can say."""
    last = {sending.turn: sending for sending in evidence.sendings}
    seen = {answer.turn for answer in evidence.delivered}
    return (
        {
            turn
            for turn, sending in last.items()
            if turn not in seen
            and any(
                event.kind == "fault.fired" and _excuses(evidence, event.data["fault"])
                for event in evidence.record.events[sending.start : sending.end]
            )
        }
        | _refused_for_good(evidence)
        | _blank(evidence)
    )


def _refused_for_good(evidence: Evidence) -> set[int]:
    """Turns whose last attempt at the model met a scripted fault, or the rate limit."""
    last = {row.turn: row for row in evidence.answers if row.turn is not None}
    return {turn for turn, row in last.items() if row.fault is not None or row.status == 429}


def _blank(evidence: Evidence) -> set[int]:
    return {turn.number for turn in evidence.plan.turns if not turn.user.strip()}


def _excuses(evidence: Evidence, index: object) -> bool:
    return isinstance(index, int) and evidence.scenario.faults[index].kind in _EXCUSING_FAULTS


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers as (first, last)."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run[0], run[-1]
            run = []
        run.append(number)
    if run:
        yield run[0], run[-1]
