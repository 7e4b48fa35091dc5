"""The door to the hunt: an interrupt is told apart from a finding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab import play as lab
from harness.lab.explore.explore import Interrupted, explore
from harness.report.result import Run


def test_a_run_that_was_interrupted_ends_the_hunt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> Run:
        return Run((), 1, interrupted=True)

    monkeypatch.setattr(lab, "play", stopped)
    with pytest.raises(Interrupted):
        explore(budget_ns=10**12, cases_max=3, folder=tmp_path)
