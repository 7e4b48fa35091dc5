"""What a target cannot be asked for, because it has no such thing: neither kept nor broken.

A fault that waits for a checkpoint never fires on a stack that saves none; one that waits for what
another stack's option makes it do (`stack.options`), in a file of that stack's, fires on no other;
an old message's id means nothing to a store. That says nothing about the target, so such a fault
is not owed, and what is expected after a death that it cannot die is not asked.
"""

from __future__ import annotations

from harness.checks.evidence.facts import Evidence
from harness.scenario.faults import Crash, Damage, Fault

CHECKPOINT, OPTIONS, REDELIVERY = "faults.checkpoint", "stack.options", "faults.redelivery"


def absent_faults(evidence: Evidence) -> dict[int, str]:
    """The faults that did not fire because the target lacks what they need: what it lacks."""
    unfired = {
        index: fault
        for index, fault in enumerate(evidence.scenario.faults)
        if index not in evidence.fired
    }
    lacking = {index: _lacking(evidence, fault) for index, fault in unfired.items()}
    return {index: what for index, what in lacking.items() if what is not None}


def _lacking(evidence: Evidence, fault: Fault) -> str | None:
    if fault.redelivery is not None and evidence.store:
        return REDELIVERY
    place = _place(fault)
    if "checkpoint" in place and "checkpoint" not in evidence.capabilities:
        return CHECKPOINT
    if " " in place and evidence.scenario.stack.options.keys() - evidence.options:
        return OPTIONS
    return None


def _place(fault: Fault) -> str:
    """Where it waits: a boundary, a disk operation with its file, or a file at rest."""
    what = fault.what
    if isinstance(what, Crash):
        return what.at
    return what.file if isinstance(what, Damage) else ""
