"""The door to the hunt: an interrupt is told apart from a finding."""

from __future__ import annotations

import dataclasses
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.checks.verdict import Outcome
from harness.lab import play as lab
from harness.lab.explore.explore import Interrupted, explore, player
from harness.lab.explore.hunt import Hunter
from harness.report.result import Result, Run
from harness.scenario.load import Loaded


def test_a_run_that_was_interrupted_ends_the_hunt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> Run:
        return Run((), 1, interrupted=True)

    monkeypatch.setattr(lab, "play", stopped)
    with pytest.raises(Interrupted):
        explore(budget_ns=10**12, cases_max=3, folder=tmp_path)


def test_what_was_tried_until_the_interrupt_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, calls = lab.play, count(1)

    def stopped_in_the_third(*cases: Any, **more: Any) -> Run:
        return Run((), 1, interrupted=True) if next(calls) > 2 else play(*cases, **more)

    monkeypatch.setattr(lab, "play", stopped_in_the_third)
    with pytest.raises(Interrupted) as stopped:
        explore(budget_ns=10**12, cases_max=9, folder=tmp_path)
    came = stopped.value.came
    assert (came.cases, came.found) == (2, ())


def test_a_case_that_proved_nothing_is_counted(tmp_path: Path) -> None:
    real = player("lifecycle")

    def every_second_proves_nothing(loaded: Loaded) -> Result:
        result = real(loaded)
        outcome: Outcome = "invalid" if next(calls) % 2 else "pass"
        return dataclasses.replace(
            result, verdict=dataclasses.replace(result.verdict, outcome=outcome)
        )

    calls = count()
    hunter = Hunter("mine", every_second_proves_nothing, None, tmp_path, over=lambda: False)
    came = hunter.hunt(seed=0, cases_max=4)
    assert (came.cases, came.invalid) == (4, 2)
