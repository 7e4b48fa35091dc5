"""From a record to a verdict: asks every promise, and says invalid where a check breaks."""

from __future__ import annotations

from harness.checks.verdict import Verdict
from harness.record import Record


def judge(record: Record) -> Verdict:
    """Judge a record: a pure function, the same verdict every time."""
    raise NotImplementedError
