"""Replaying: what a sweep found is kept for each finding, under its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import play as lab
from harness.lab.cases.replay import replay
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=f"seccomp is refused here: {WHY}")
LOADED = Loaded(
    "somewhere/x.scenario.yaml",
    Scenario.model_validate({"name": "x", "script": [{"user": "hi", "reply": {"text": "x"}}]}),
)


def _sweep(keep: Path) -> Result:
    return lab.sweep(LOADED, target="naive", keep=keep, states_max=6)


def test_each_finding_is_kept_and_replays(tmp_path: Path) -> None:
    swept = _sweep(tmp_path)
    assert swept.outcome == "fail"
    for finding in swept.verdict.findings:
        assert (tmp_path / finding.token / "after-resume").is_dir()
    first = swept.verdict.findings[0]
    again = replay(first.token, [LOADED])
    assert first.code in {finding.code for finding in again.verdict.findings}
