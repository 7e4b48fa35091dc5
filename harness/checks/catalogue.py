"""The twenty promises: what every target is held to, each under its code.

Clauses P come from the published contract "Resume Means Resume" (arXiv:2608.03836); S is the
storage layer, W the wire, T time.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One promise: its code, its name, and what it says, in one line."""

    code: str
    name: str
    says: str


PROMISES = (
    Promise(
        "P1",
        "prefix-continuation",
        "what is resumed is a prefix of what happened, plus at most the turn in flight",
    ),
    Promise(
        "P2",
        "effect-exactly-once",
        "within each tool's declared contract, no effect is doubled or forgotten",
    ),
    Promise("P3", "fork-determinism", "resuming twice from one state gives the same request"),
    Promise(
        "P4",
        "checkpoint-validity",
        "a checkpoint is whole, of a known version, and agrees with the log",
    ),
    Promise("P5", "consume-once", "one user message is answered once, however often it is resent"),
    Promise("P6", "recovery-determinism", "crashing again during recovery changes nothing"),
    Promise("S1", "acknowledged-durable", "no acknowledged turn is lost"),
    Promise(
        "S2",
        "loads-clean",
        "it opens on any legal state; damage is reported, never swallowed or fatal to the rest",
    ),
    Promise(
        "S3",
        "append-after-recovery",
        "the first turn after a recovery is itself durable and readable",
    ),
    Promise(
        "S4", "errors-visible", "ENOSPC and EIO reach the caller; nothing is acknowledged over them"
    ),
    Promise("S5", "one-writer", "two writers never interleave unnoticed"),
    Promise(
        "S6",
        "confined",
        "nothing is read or written outside the session's directory; modes 0700/0600",
    ),
    Promise("W1", "requests-accepted", "the API never rejects a request for its shape"),
    Promise(
        "W2", "window-kept", "every request fits budget and context window, by the meter's ruler"
    ),
    Promise(
        "W3",
        "newest-kept",
        "the newest user message, pins, and whole tool pairs are in the request",
    ),
    Promise(
        "W4",
        "bounded",
        "attempts per turn and spend per turn are bounded; no loop without progress",
    ),
    Promise(
        "W5",
        "books-agree",
        "the target's own usage equals the API's ledger, lost replies included",
    ),
    Promise(
        "W6",
        "prefix-stable",
        "a resumed session re-sends a byte-identical prefix; cache breaks are labelled by cause",
    ),
    Promise("W7", "shut-network", "no request leaves the harness"),
    Promise(
        "T1",
        "time-honest",
        "expiry, rate limits and cache lifetimes are right across gaps and clock jumps",
    ),
)
_BY_CODE = {promise.code: promise for promise in PROMISES}


def promise(code: str) -> Promise:
    """The promise of that code; one without a name where this version does not know it."""
    return _BY_CODE.get(code, Promise(code, "", "a promise that this version does not know"))
