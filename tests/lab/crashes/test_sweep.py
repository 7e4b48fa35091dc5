"""The sweep: naive stacks are caught at the disk's level, the reference is not, tokens replay."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from harness.case import parse
from harness.lab import play as lab
from harness.lab.crashes.sweep import without_deaths
from harness.report.result import Result
from harness.scenario.load import Loaded
from harness.scenario.schema import Scenario
from harness.world.syscalls.rehearsal import available

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)


def _loaded(**fields: Any) -> Loaded:
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"user": "pay bob", "reply": [{"tool": "pay", "input": {"to": "bob"}}, {"text": "paid"}]},
        {"user": "bye", "reply": {"text": "see you"}},
    ]
    data = {
        "name": "swept",
        "stack": {"window_tokens": 8000, "checkpoint_every": 1},
        "tools": {"pay": {"takes": "2s"}},
        "script": script,
        **fields,
    }
    return Loaded("some/swept.scenario.yaml", Scenario.model_validate(data))


@pytest.fixture(scope="module")
def naive() -> Result:
    return lab.sweep(_loaded(), target="naive", tiers=("kill", "ext4"))


def test_the_naive_stack_loses_pays_twice_and_cannot_be_read(naive: Result) -> None:
    assert naive.outcome == "fail"
    codes = {(finding.code, finding.tier) for finding in naive.verdict.findings}
    assert {("P2", "kill"), ("S2", "kill"), ("S1", "ext4")} <= codes
    assert naive.states["kill"].violating > 0
    assert naive.states["ext4"].violating > naive.states["kill"].violating


def test_every_crash_point_has_fired_where_every_state_was_judged(naive: Result) -> None:
    numbers = naive.verdict.numbers
    assert numbers.crash_points_fired == numbers.crash_points_planned > 3
    for count in naive.states.values():
        assert count.judged == count.distinct


def test_the_reference_stack_survives_every_tier() -> None:
    result = lab.sweep(_loaded(), tiers=("kill", "ext4", "posix"), jobs=2)
    assert result.outcome == "pass", result.verdict
    assert {tier: count.violating for tier, count in result.states.items()} == {
        "kill": 0,
        "ext4": 0,
        "posix": 0,
    }


def test_each_finding_replays_from_its_token_alone(naive: Result, tmp_path: Path) -> None:
    finding = next(f for f in naive.verdict.findings if (f.code, f.tier) == ("S1", "ext4"))
    again = lab.replay(finding.token, [_loaded()], keep=tmp_path / "keep")
    assert finding in again.verdict.findings
    assert (tmp_path / "keep" / "after-crash").is_dir()
    assert (tmp_path / "keep" / "after-resume").is_dir()
    crashed = next(again.record.of("crashed"))
    assert crashed.data["tier"] == "ext4"
    assert "a crash before operation" in str(crashed.data["state"])


def test_on_changed_code_a_token_says_that_the_trace_diverged(naive: Result) -> None:
    case = parse(naive.verdict.findings[0].token)
    number, _, shape = case.choice.partition(".")
    other = dataclasses.replace(case, choice=f"{number}.{shape[::-1]}")
    with pytest.raises(LookupError, match="the trace diverged"):
        lab.replay(other.token, [_loaded()])


def test_a_bound_on_states_is_kept_and_said() -> None:
    result = lab.sweep(_loaded(), target="naive", states_max=4)
    count = result.states["kill"]
    assert count.judged <= 4 < count.distinct
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired < numbers.crash_points_planned


def test_scripted_deaths_are_left_out_and_other_faults_keep_their_place() -> None:
    faults = [
        {"crash": {"turn": 1, "at": "reply.received"}},
        {"http": {"turn": 2, "status": 529}},
        {"tool": {"turn": 2, "crash": "before"}},
    ]
    loaded = _loaded(faults=faults)
    kept = without_deaths(loaded.scenario).faults
    assert [fault.kind for fault in kept] == ["crash", "http", "tool"]
    assert [fault.what.turn > 3 for fault in kept] == [True, False, True]
    result = lab.sweep(loaded, tiers=("kill",), states_max=6)
    assert result.outcome == "pass", result.verdict
