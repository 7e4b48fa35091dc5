"""From a record to a verdict: asks every promise, and says invalid where a check breaks.

Any finding is a fail. Without one, a fault that did not fire, a line unspoken, a reply unused or a
broken check makes the record invalid. Only what is left is a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from harness.checks import expect
from harness.checks.evidence import validity
from harness.checks.evidence.absent import absent_faults
from harness.checks.evidence.breach import Breach
from harness.checks.evidence.facts import Evidence, gather
from harness.checks.promises import (
    confined,
    effects,
    recovery,
    restart,
    resume,
    storage,
    writers,
)
from harness.checks.verdict import Finding, Numbers, Outcome, Verdict
from harness.checks.wire import books, clocks, newest, prefix, requests
from harness.record import Record

Check = Callable[[Evidence], Iterable[Breach]]

CHECKS: Mapping[str, Check] = {
    "P1": resume.prefix_continuation,
    "P2": effects.exactly_once,
    "P3": restart.fork_determinism,
    "P4": restart.checkpoint_validity,
    "P5": resume.consume_once,
    "P6": recovery.recovery_determinism,
    "S1": storage.acknowledged_durable,
    "S2": storage.loads_clean,
    "S3": recovery.append_after_recovery,
    "S4": storage.errors_visible,
    "S5": writers.one_writer,
    "S6": confined.confined,
    "W1": requests.requests_accepted,
    "W2": requests.window_kept,
    "W3": newest.newest_kept,
    "W4": requests.bounded,
    "W5": books.books_agree,
    "W6": prefix.prefix_stable,
    "W7": requests.shut_network,
    "T1": clocks.time_honest,
}
"""Every check by the code of its promise."""
JUDGED_IN_STORES = ("P1", "P4", "S1", "S2", "S3", "S4", "S5", "S6")
"""A store is not held to what the harness's own plain loop does."""
OF_MEMORY = ("P1", "P4", "P6", "S1", "S2", "S6")
"""What can be said of a target that was opened on a state, asked and closed."""
NEEDS = {"P4": "checkpoint", "W5": "usage"}
"""Promises that only a target with this capability makes."""
PIN = "script.pin"
"""What a target without pins is not held to, where the script pins something."""

_NOTHING = Numbers(0.0, 0, 0, 0, 0.0, 0, 0)


def judge(record: Record, promises: Collection[str] | None = None) -> Verdict:
    """Judge a record: a pure function, the same verdict every time.

    With `promises` only these codes are asked, and not what the script and its numbers want: for a
    case that was opened and not spoken to, of which only what it remembers can be judged.
    """
    try:
        evidence = gather(record)
    except Exception as error:  # noqa: BLE001  whatever is wrong with the header, it is no pass
        return unjudged(f"the record's header holds no scenario that can be judged: {_told(error)}")
    reasons: list[str] = []
    breaches = _ask_promises(evidence, CHECKS if promises is None else promises, reasons)
    absent: list[str] = []
    numbers = _NOTHING
    try:
        absent += _not_applicable(evidence)
        if promises is None:
            expected = expect.judge_expectations(evidence, breaches)
            breaches += expected.breaches
            absent += expected.not_applicable
            reasons += (*expected.reasons, *validity.reasons(evidence))
        else:
            reasons += validity.unplayed(evidence)
        numbers = _count(evidence)
    except Exception as error:  # noqa: BLE001  a check that breaks says invalid, whatever broke
        reasons.append(f"the check of numbers and faults broke: {_told(error)}")
    findings = tuple(
        _finding(breach, evidence) for breach in sorted(breaches, key=lambda breach: breach.event)
    )
    outcome: Outcome = "fail" if findings else "invalid" if reasons else "pass"
    return Verdict(outcome, findings, tuple(reasons), tuple(absent), numbers)


def unjudged(why: str) -> Verdict:
    """The verdict on what cannot be judged."""
    return Verdict("invalid", (), (why,), (), _NOTHING)


def _ask_promises(
    evidence: Evidence, promises: Collection[str], reasons: list[str]
) -> list[Breach]:
    """All that is broken; a check that raises adds a reason instead."""
    breaches: list[Breach] = []
    for code, check in CHECKS.items():
        try:
            if code in promises and (code in JUDGED_IN_STORES or not evidence.store):
                breaches += list(check(evidence))
        except Exception as error:  # noqa: BLE001  a check that breaks says invalid, whatever broke
            reasons.append(f"check {code} broke: {_told(error)}")
    return breaches


def _not_applicable(evidence: Evidence) -> list[str]:
    absent = {code for code, need in NEEDS.items() if need not in evidence.capabilities}
    if "pins" not in evidence.capabilities and any(turn.pinned for turn in evidence.plan.turns):
        absent.add(PIN)
    absent.update(absent_faults(evidence).values())
    if evidence.store:
        absent |= CHECKS.keys() - set(JUDGED_IN_STORES)
    return sorted(absent)


def _finding(breach: Breach, evidence: Evidence) -> Finding:
    crash, message = breach.crash, breach.message
    where = raised = _raised_at(breach, evidence.record)
    if crash is not None and (crash.where or evidence.swept or raised is None):
        # The death is the cause, and has the place; of what raised after it, the message tells.
        where = crash.where or crash.at
        verb = "it stood" if breach.code == "W4" else "raised"
        message += f"; {verb} at {raised}" if raised else ""
    return Finding(
        code=breach.code,
        tier=crash.tier if crash else "kill",
        turn=breach.turn,
        message=message,
        where=where,
        token=evidence.record.header.token,
    )


def _raised_at(breach: Breach, record: Record) -> str | None:
    """The target's own line, where what broke the promise is that it raised, or did not end."""
    if not 0 <= breach.event < len(record.events):
        return None
    where = record.events[breach.event].data.get("where")
    kind = record.events[breach.event].kind
    return str(where) if where and (kind == "limit" or kind.endswith(".failed")) else None


def _count(evidence: Evidence) -> Numbers:
    events, rows = evidence.record.events, evidence.answers
    planned, fired = validity.crash_points(evidence)
    return Numbers(
        virtual_s=events[-1].at_ns / 1e9 if events else 0.0,
        requests=len(rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost_usd=sum(row.cost_usd for row in rows),
        crash_points_planned=planned,
        crash_points_fired=fired,
    )


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
