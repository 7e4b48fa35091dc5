"""What a check hands to the judge: a broken promise, and the event and the crash it goes back to.

The judge makes a Finding of it: tier and place come from the crash, the token from the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.checks.verdict import Tier

_SHOWN = 60
_VARIES = re.compile(r"toolu_\w+|req_\w+|msg_\w+|\d+")


@dataclass(frozen=True)
class Crash:
    """One death. `event` is its number in the record, `number` counts crashes from 1."""

    event: int
    number: int
    turn: int | None
    at: str
    tier: Tier
    where: str | None

    @property
    def told(self) -> str:
        """How a message names it: `crash 1 (killed at tool.done in turn 2)`."""
        place = "between turns" if self.turn is None else f"in turn {self.turn}"
        how = "killed" if self.tier in ("kill", "real") else "power cut"
        return f"crash {self.number} ({how} at {self.at} {place})"


@dataclass(frozen=True)
class Breach:
    """A broken promise. `event` is where in the record it first shows; `crash` what explains it."""

    code: str
    event: int
    turn: int | None
    message: str
    crash: Crash | None = None


def shape(message: str) -> str:
    """A message without what varies from one case of it to the next: numbers and ids."""
    return _VARIES.sub("#", message)


def shorten(text: str, around: int = 0) -> str:
    """At most about sixty characters of a text, quoted, with position `around` in sight."""
    start = max(0, around - _SHOWN // 3) if around > _SHOWN * 2 // 3 else 0
    cut = text[start : start + _SHOWN]
    before, after = "…" if start else "", "…" if start + _SHOWN < len(text) else ""
    return repr(before + cut + after)


def contrast(expected: str, got: str) -> str:
    """`expected '…', got '…'`, both cut so that the first difference is in sight."""
    pairs = zip(expected, got, strict=False)
    same = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(expected), len(got)))
    return f"expected {shorten(expected, same)}, got {shorten(got, same)}"


def times(count: int) -> str:
    """Once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def counted(count: int, noun: str) -> str:
    """`1 turn`, `3 turns`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
