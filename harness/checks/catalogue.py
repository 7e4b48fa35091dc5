"""The twenty promises: what every target is held to, each under its code, in words used everywhere.

The rule under a finding, `harness explain` and the table of the README say them from here.

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
    Promise("P4", "checkpoint-validity", "a checkpoint is whole and agrees with the log"),
    Promise("P5", "consume-once", "one user message is answered once, however often it is resent"),
    Promise("P6", "recovery-determinism", "crashing again during recovery changes nothing"),
    Promise("S1", "acknowledged-durable", "no acknowledged turn is lost"),
    Promise(
        "S2", "loads-clean", "it opens on whatever a crash left; damage is told, not swallowed"
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
        "nothing outside the session's directory is written, no other session's is read",
    ),
    Promise("W1", "requests-accepted", "the API never rejects a request for its shape"),
    Promise(
        "W2", "window-kept", "every request fits budget and context window, by the API's ruler"
    ),
    Promise(
        "W3",
        "newest-kept",
        "the newest user message, pins (`pin: true`) and whole tool pairs are in the request",
    ),
    Promise("W4", "bounded", "attempts and spend per turn are bounded; no loop without progress"),
    Promise(
        "W5",
        "books-agree",
        "the stack's own usage equals the API's ledger, as far as it can know it",
    ),
    Promise(
        "W6",
        "prefix-stable",
        "each request begins with the one before it; a cut or a summary explains a break",
    ),
    Promise("W7", "shut-network", "no request leaves the lab"),
    Promise(
        "T1",
        "time-honest",
        "`retry-after` and expiry are kept, and a clock set wrong is not waited for",
    ),
)
_BY_CODE = {promise.code: promise for promise in PROMISES}


def promise(code: str) -> Promise:
    """The promise of that code; one without a name where this version does not know it."""
    return _BY_CODE.get(code, Promise(code, "", "a promise that this version does not know"))
