"""A verdict cannot be changed after the judge has spoken."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from harness.checks.judge import judge
from tests.checks.building import chat, perfect


def test_a_verdict_is_final() -> None:
    verdict = judge(perfect(chat()))

    with pytest.raises(FrozenInstanceError):
        verdict.outcome = "fail"  # type: ignore[misc]
