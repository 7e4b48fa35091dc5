"""What goes wrong is legal, where it can happen, and comes in every kind."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.explore.invent import invented
from harness.lab.explore.talk import Spoken, spoken
from harness.lab.explore.trouble import FAULTS_MAX, TROUBLES, Place
from harness.scenario.faults import BOUNDARIES, Fault
from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints

SEEDS, CASES = range(5), 80


@pytest.fixture(scope="module")
def many() -> list[Scenario]:
    return [one for seed in SEEDS for one in itertools.islice(invented(seed), CASES)]


@pytest.mark.parametrize("name", TROUBLES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_goes_wrong_is_legal_and_on_a_turn_that_there_is(
    name: str, data: st.DataObject
) -> None:
    trouble = TROUBLES[name]
    calls = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=9))
    turns = [Spoken(n, True, count, True) for n, count in enumerate(calls, 1)]
    place = Place(turns, data.draw(st.sampled_from((None, 1, 2))))
    if not trouble.fits(place):
        return
    draw: Any = data.draw
    faults = trouble.draw(draw, place)
    assert len(faults) <= FAULTS_MAX
    script = [{"user": f"Line {n}", "reply": {"text": "Yes."}} for n in range(len(turns))]
    scenario = Scenario.model_validate({"name": "x", "script": script, "faults": faults})
    assert complaints(scenario) == []


def test_a_death_at_a_tool_is_on_a_turn_with_so_many_calls(many: list[Scenario]) -> None:
    seen = 0
    for one in many:
        turns = spoken(one)
        for fault in one.faults:
            turn = turns[fault.what.turn - 1]
            if fault.tool is not None:
                assert fault.tool.call <= turn.calls
            if fault.crash is not None and fault.crash.at.split(" #")[0] in _AT_TOOLS:
                assert int(fault.crash.at.partition(" #")[2] or 1) <= turn.calls
            seen += _at_a_tool(fault)
    assert seen >= len(many) / 10


def test_no_fault_waits_where_the_model_is_not_asked(many: list[Scenario]) -> None:
    for one in many:
        turns = spoken(one)
        for fault in one.faults:
            assert turns[fault.what.turn - 1].asks or fault.writer is not None


def test_who_wants_the_disk_to_himself_is_not_watched(many: list[Scenario]) -> None:
    """Where a recorder watches one process, neither neighbours nor other writers are let in."""
    for one in many:
        alone = [fault for fault in one.faults if fault.neighbour or fault.writer]
        assert not alone or not any(fault.of_the_disk for fault in one.faults)


def test_every_kind_of_fault_every_boundary_and_every_tier_is_drawn(many: list[Scenario]) -> None:
    some = [fault for one in many for fault in one.faults]
    assert {fault.kind for fault in some} == set(Fault.model_fields)
    crashes = [fault.crash for fault in some if fault.crash is not None]
    places = {crash.at.partition(" ")[0] for crash in crashes}
    assert places >= {*BOUNDARIES, "write", "fsync", "rename", "create"}
    assert {crash.disk for crash in crashes} == {"kill", "ext4", "posix"}
    assert any(crash.torn for crash in crashes)


_AT_TOOLS = ("tool.called", "tool.done", "result.stored")


def _at_a_tool(fault: Fault) -> bool:
    crash = fault.crash
    return fault.tool is not None or (crash is not None and crash.at.split(" #")[0] in _AT_TOOLS)
