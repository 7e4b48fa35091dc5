"""Replaying: what a sweep found is kept for each finding, under its token."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import AS_SCRIPTED, parse
from harness.lab import play as lab
from harness.lab.cases.replay import keep_each, replay
from harness.lab.crashes import sweep as sweeping
from harness.lab.crashes.sweep import Diverged
from harness.lab.targets import find_target
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
    return lab.sweep(LOADED, target="naive", keep=keep)


def _obstruct(keep: Path, result: Result) -> None:
    """A file where a finding's folder should be: nobody can write there, not even root."""
    keep.mkdir()
    (keep / result.verdict.findings[0].token).write_text("in the way", encoding="utf-8")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return _sweep(tmp_path_factory.mktemp("kept"))


def test_each_finding_is_kept_and_replays(tmp_path: Path) -> None:
    swept = _sweep(tmp_path)
    assert (swept.outcome, swept.unkept) == ("fail", "")
    for finding in swept.verdict.findings:
        assert (tmp_path / finding.token / "after-resume").is_dir()
    first = swept.verdict.findings[0]
    again = replay(first.token, [LOADED], keep=tmp_path / "again")
    assert first.code in {finding.code for finding in again.verdict.findings}
    assert again.unkept == ""
    assert (tmp_path / "again" / "after-crash").is_dir()


def test_what_cannot_be_kept_takes_no_finding_of_a_sweep_away(
    swept: Result, tmp_path: Path
) -> None:
    _obstruct(tmp_path / "kept", swept)
    again = _sweep(tmp_path / "kept")
    assert again.verdict == swept.verdict
    token = swept.verdict.findings[0].token
    assert again.unkept.startswith(f"--keep {tmp_path}/kept/{token}: expected to keep `after-crash")


def test_a_target_that_does_something_else_each_time_keeps_nothing_and_loses_nothing(
    swept: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parted(*_: object) -> None:
        raise Diverged("it went another way")

    monkeypatch.setattr(sweeping, "find_state", parted)
    kept = keep_each(swept, LOADED, find_target("naive"), tmp_path)
    assert kept.verdict == swept.verdict
    token = swept.verdict.findings[0].token
    told = f"--keep {tmp_path}: {token} could not be kept: it went another way"
    assert kept.unkept.startswith(told)


@pytest.mark.parametrize("choice", ["as scripted", "a state"])
def test_a_replay_that_cannot_be_kept_is_judged_all_the_same(
    swept: Result, tmp_path: Path, choice: str
) -> None:
    (tmp_path / "kept").mkdir()
    for name in ("after-crash", "turn-1-before"):
        (tmp_path / "kept" / name).write_text("in the way", encoding="utf-8")
    of_state = swept.verdict.findings[0].token
    token = replace(parse(of_state), choice=AS_SCRIPTED).token
    again = replay(of_state if choice == "a state" else token, [LOADED], keep=tmp_path / "kept")
    assert again.outcome == ("fail" if choice == "a state" else "pass")
    assert again.unkept.startswith(f"--keep {tmp_path}/kept: expected to keep `")
