"""P3 and P4: what a restart begins from is one thing, and it agrees with the log.

P3: after each scripted crash a second process is opened on a copy of what is left, at the same
moment, and told the same; both must ask the model for the same thing, word for word.

P4: a checkpoint can be read, does not stand for turns that the log does not hold, and is not
further behind than `checkpoint_every` allows: of the turns acknowledged before, at most so many
less one are missing in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from harness.checks.evidence.alignment import departures
from harness.checks.evidence.breach import Breach, Crash, contrast, shape
from harness.checks.evidence.facts import Evidence, Memory, canonical, number
from harness.checks.evidence.transcript import completed
from harness.record import Event


def fork_determinism(evidence: Evidence) -> Iterator[Breach]:
    """P3: one finding for each crash after which two processes went different ways."""
    for fork in evidence.of("forked"):
        crash = next(c for c in evidence.crashes if c.number == fork.data["after_crash"])
        ours = _first_request(evidence, fork)
        theirs = fork.data["body"]
        if ours is None or theirs is None or canonical(ours) == canonical(theirs):
            continue
        yield Breach(
            "P3",
            fork.n,
            fork.turn,
            f"two processes resumed from one state after {crash.told} and asked for different "
            f"things: {contrast(_plain(theirs), _plain(ours))}",
            crash,
        )


def checkpoint_validity(evidence: Evidence) -> Iterator[Breach]:
    """P4: one finding for each crash and kind of wrong."""
    told: set[tuple[int, str]] = set()
    for event in evidence.of("checkpoint.failed", "checkpoint"):
        crash = evidence.crash_before(event.n)
        wrong = _wrong(evidence, event)
        if wrong is None:
            continue
        kind, message = wrong
        cause = (crash.number if crash else 0, kind)
        if cause not in told and (0, kind) not in told:
            told.add(cause)
            yield Breach("P4", event.n, _turn(event, crash), message, crash)


def _first_request(evidence: Evidence, fork: Event) -> object:
    """What the process that really went on asked for, if it lived to ask at all."""
    for event in evidence.of("request.sent", "crashed", "died", "reply.returned", "send.failed"):
        if event.n > fork.n:
            return event.data["body"] if event.kind == "request.sent" else None
    return None


def _plain(body: object) -> str:
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, sort_keys=True)


def _wrong(evidence: Evidence, event: Event) -> tuple[str, str] | None:
    """What is wrong with one checkpoint: a kind, and a message."""
    if event.kind == "checkpoint.failed":
        if _disk_failed(evidence, event):
            return None
        error = str(event.data["error"])
        return shape(error), f"the checkpoint cannot be read: {error}"
    memory = _memory_beside(evidence, event)
    told = event.data["turn_number"]
    saved = told if isinstance(told, int) else 0
    if memory is None or any(d.memory.event <= memory.event for d in departures(evidence)):
        # The log itself is wrong there, which is told under another code.
        return None
    held = completed(memory.messages)
    if saved > held + _spoilt(evidence, memory):
        return "ahead", f"the checkpoint is of turn {saved}, and {memory.told} holds only {held}"
    every = evidence.scenario.stack.checkpoint_every
    acknowledged = len({answer.turn for answer in evidence.returned if answer.event < event.n})
    if every is not None and acknowledged - _spoilt(evidence, memory) - saved >= every:
        is_of = f"is of turn {saved}" if saved else "is not there"
        return "stale", (
            f"the checkpoint {is_of} beside {memory.told}, where {acknowledged} turns had been "
            f"acknowledged and one is due every {every}"
        )
    return None


def _spoilt(evidence: Evidence, memory: Memory) -> int:
    """How many turns a history may lack, because the scenario damaged them."""
    after = memory.after_crash
    return sum(
        after is None or number(event.data, "after_crash") <= after
        for event in evidence.of("damaged")
    )


def _disk_failed(evidence: Evidence, event: Event) -> bool:
    """Whether the disk had failed in this life, as the scenario wants: then it may say so."""
    return any(
        each.life == event.life and each.n < event.n and each.data["error"] is not None
        for each in evidence.of("disk")
    )


def _memory_beside(evidence: Evidence, event: Event) -> Memory | None:
    return next((m for m in reversed(evidence.memories) if m.event < event.n), None)


def _turn(event: Event, crash: Crash | None) -> int | None:
    return crash.turn if event.turn is None and crash else event.turn
