"""What is played to measure the lab is sound, and its figures are of a run that passed."""

from __future__ import annotations

from harness.bench.groups.sim import SDK, TURNS, UNITS, cases, day, evening
from harness.bench.run import run
from harness.scenario.plan import plan


def test_the_day_has_120_turns_and_ten_hours() -> None:
    told = plan(day().scenario, 11)
    assert len(told.turns) == TURNS
    assert len(plan(evening().scenario, 11).turns) == 12
    assert [case.workload for case in cases(peers=True)] == ["turns", "states"]


def test_turns_are_measured_beside_the_bare_sdk() -> None:
    report = run(["sim"], only="turns")
    found = {(row.subject, row.unit): row.median or 0.0 for row in report.rows}
    unit = UNITS["turns"]
    assert found[(SDK, unit)] > found[("harness", unit)] > 1
    assert found[("harness", "virtual hours/s")] > 0.1
