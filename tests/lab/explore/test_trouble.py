"""What goes wrong is legal, on turns that there are, and comes in every kind."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.explore.hunt import invented
from harness.lab.explore.trouble import FAULTS_MAX, troubles
from harness.scenario.faults import BOUNDARIES, Fault
from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.booleans(), st.data())
def test_whatever_goes_wrong_is_legal_and_on_a_turn_that_there_is(
    turns: int, tools: bool, data: st.DataObject
) -> None:
    faults = data.draw(troubles(turns, tools))
    assert 1 <= len(faults) <= FAULTS_MAX
    script = [{"user": f"Line {n}", "reply": {"text": "Yes."}} for n in range(turns)]
    scenario = Scenario.model_validate({"name": "x", "script": script, "faults": faults})
    assert complaints(scenario) == []


def test_without_tools_nobody_dies_at_one() -> None:
    drawn = [fault for one in itertools.islice(invented(3), 150) for fault in one.faults]
    assert any(fault.tool is not None for fault in drawn)
    plain = [one for one in itertools.islice(invented(3), 150) if not one.tools]
    assert all(
        fault.tool is None and not _at_a_tool(fault) for one in plain for fault in one.faults
    )


def test_every_kind_of_fault_every_boundary_and_every_tier_is_drawn() -> None:
    some = [fault for one in itertools.islice(invented(1), 400) for fault in one.faults]
    assert {fault.kind for fault in some} == set(Fault.model_fields)
    crashes = [fault.crash for fault in some if fault.crash is not None]
    assert {crash.at for crash in crashes} >= set(BOUNDARIES)
    assert {crash.disk for crash in crashes} == {"kill", "ext4", "posix"}
    assert any(crash.torn for crash in crashes)


def _at_a_tool(fault: Fault) -> bool:
    crash = fault.crash
    return crash is not None and crash.at in ("tool.called", "tool.done", "result.stored")
