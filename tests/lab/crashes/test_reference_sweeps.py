"""The reference stack, in files and in SQLite, survives every crash there is, twice in a row.

`slow` sweeps every scenario of the library that writes, whole; the gate an even sample of one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.lab import play as lab
from harness.report.result import Result
from harness.scenario.load import Loaded, find, load
from harness.world.disk.choices import TIERS
from harness.world.syscalls.rehearsal import available
from tests.lab.crashes.conftest import story

WORKS, WHY = available()
pytestmark = pytest.mark.skipif(not WORKS, reason=WHY)
ROOT = Path(__file__).parents[3]
SCENARIOS = find([ROOT / "scenarios"])
STACKS = {
    "files": "lifecycle",
    "sqlite": str(ROOT / "tests" / "stacks" / "lifecycle_sqlite.py:InSqlite"),
}


def _swept(loaded: Loaded, stack: str, **more: int) -> Result:
    result = lab.sweep(loaded, target=STACKS[stack], tiers=TIERS, jobs=2, **more)
    found = [f"{each.code} {each.message} {each.token}" for each in result.verdict.findings]
    assert result.outcome == "pass", [*found, *result.verdict.reasons]
    assert {count.violating for count in result.states.values()} == {0}
    assert not any(count.violating for count in result.recoveries.values())
    return result


@pytest.mark.parametrize("stack", STACKS)
def test_a_sample_of_a_short_story(stack: str) -> None:
    result = _swept(story(), stack, states_max=12, depth=2, real=3)
    assert sum(count.judged for count in result.states.values()) > 20


@pytest.mark.slow
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("path", SCENARIOS, ids=[path.name.split(".")[0] for path in SCENARIOS])
def test_every_scenario_whole(path: Path, stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = _swept(load(path), stack, states_max=1_000_000, depth=2, real=10)
    numbers = result.verdict.numbers
    assert numbers.crash_points_planned == numbers.crash_points_fired
    with capsys.disabled():
        counts = {tier: count.distinct for tier, count in result.states.items()}
        again = {tier: count.judged for tier, count in result.recoveries.items()}
        sys.stdout.write(f"\n{path.parent.name}/{path.name} in {stack}: {counts}, {again} again\n")
