"""What a record means: pass, fail or invalid, with findings.

Any finding is a fail. Invalid only when nothing failed: a fault that did not fire, a scripted line
never spoken, a check that broke. What a target cannot be asked for is `not_applicable`: neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "invalid"]
Tier = Literal["kill", "ext4", "posix", "real"]


@dataclass(frozen=True)
class Finding:
    """One broken promise. `turn` counts from 1; `where` is a place in a file or an event."""

    code: str
    tier: Tier
    turn: int | None
    message: str
    where: str | None
    token: str


@dataclass(frozen=True)
class Numbers:
    """What was counted on the way: requests that reached the model, tokens, US dollars."""

    virtual_s: float
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    crash_points_planned: int
    crash_points_fired: int


@dataclass(frozen=True)
class Verdict:
    """The judgement on one record."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    """Why it is invalid, a sentence each; also filled beside findings."""
    not_applicable: tuple[str, ...]
    """Codes and `expect.KEY`s that need a capability the target lacks."""
    numbers: Numbers
