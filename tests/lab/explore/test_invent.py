"""What is invented is legal, varied, and the same for the same seed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.explore.hunt import invented
from harness.lab.explore.invent import scenarios
from harness.scenario.load import Loaded
from harness.scenario.plan import count_turns
from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints


@settings(max_examples=80, deadline=None)
@given(scenarios())
def test_every_invented_scenario_is_legal_and_survives_its_own_dump(scenario: Scenario) -> None:
    assert complaints(scenario) == []
    assert Scenario.model_validate(scenario.dump()) == scenario


def test_one_seed_invents_the_same_cases_twice_and_another_seed_others() -> None:
    first, again, other = (list(itertools.islice(invented(seed), 60)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_the_cases_of_a_few_batches_reach_every_kind_of_fault_and_of_line() -> None:
    some = [one for seed in range(3) for one in itertools.islice(invented(seed), 100)]
    assert {fault.kind for one in some for fault in one.faults} >= {
        "crash", "disk", "http", "stream", "tool",
    }  # fmt: skip
    said = repr([one.dump() for one in some])
    for word in ("'repeat'", "'wait'", "'think'", "'pause_turn'", "'tools'", "ext4", "\\u2028"):
        assert word in said, word


@pytest.mark.parametrize("tools", [{}, {"pay": {}}])
def test_a_base_keeps_its_script_and_gets_faults_on_its_own_turns(tools: dict[str, object]) -> None:
    base = Scenario.model_validate(
        {
            "name": "mine",
            "tools": tools,
            "script": [{"repeat": 3, "user": "hello", "reply": {"text": "hi"}}],
            "expect": {"lost_turns": 0},
        }
    )
    for one in itertools.islice(invented(2, Loaded("mine", base)), 50):
        assert one.script == base.script
        assert one.expect.lost_turns is None
        assert all(fault.what.turn <= count_turns(base) for fault in one.faults)
        assert tools or all(fault.kind != "tool" for fault in one.faults)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_fault_on_a_tool_is_only_drawn_where_a_tool_is_called(data: st.DataObject) -> None:
    scenario = data.draw(scenarios())
    if any(fault.kind == "tool" for fault in scenario.faults):
        assert scenario.tools
