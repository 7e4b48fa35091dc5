"""A finding shrinks to the shortest script and the single fault that still show it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from harness.lab.explore.invent import scenarios
from harness.lab.explore.shrink import TRIES_MAX, shrink
from harness.scenario.plan import count_turns, plan
from harness.scenario.schema import Scenario
from harness.scenario.sense import complaints


def _scenario(**fields: Any) -> Scenario:
    data: dict[str, Any] = {
        "name": "long",
        "seed": 9,
        "stack": {"window_tokens": 4000, "checkpoint_every": 2},
        "tools": {"pay": {"takes": "2s"}, "look": {}},
        "script": [
            {"repeat": 4, "every": "3m", "user": {"words": 20}, "reply": {"words": 30}},
            {"wait": "5h"},
            {
                "user": "Pay bob",
                "reply": [
                    {"text": "A moment.", "tools": [{"tool": "look"}, {"tool": "pay"}]},
                    {"words": 40},
                ],
            },
            {"repeat": 3, "user": {"words": 20}, "reply": {"words": 30}},
        ],
        "faults": [
            {"http": {"turn": 2, "status": 529, "times": 2}},
            {"tool": {"turn": 5, "crash": "after_effect", "call": 2}},
        ],
        **fields,
    }
    return Scenario.model_validate(data)


def _pays_and_dies(scenario: Scenario) -> bool:
    """A tool named pay is called in a turn whose call dies."""
    turns = plan(scenario, scenario.seed).turns
    return any(
        fault.tool is not None
        and any(call.name == "pay" for call in turns[fault.tool.turn - 1].calls)
        for fault in scenario.faults
    )


def test_what_has_no_part_in_it_goes() -> None:
    smallest = shrink(_scenario(), _pays_and_dies)
    assert _pays_and_dies(smallest)
    assert smallest.dump() == {
        "name": "long",
        "seed": 0,
        "tools": {"pay": {"takes": "2s"}},
        "script": [{"user": "Go on.", "reply": [{"tool": "pay"}, {"text": "Done."}]}],
        "faults": [{"tool": {"turn": 1, "crash": "after_effect"}}],
    }


def test_a_fault_moves_along_when_lines_before_it_go() -> None:
    def needs_two_turns_before(scenario: Scenario) -> bool:
        return any(fault.what.turn >= 3 for fault in scenario.faults if fault.tool)

    smallest = shrink(_scenario(), needs_two_turns_before)
    assert [fault.what.turn for fault in smallest.faults] == [3]
    assert count_turns(smallest) == 3


def test_both_turns_of_a_redelivery_move_along() -> None:
    data = _scenario().dump()
    data["faults"] = [{"redelivery": {"turn": 5, "of": 4}}]
    smallest = shrink(Scenario.model_validate(data), lambda one: bool(one.faults))
    (fault,) = smallest.faults
    assert fault.redelivery is not None
    assert (fault.redelivery.turn, fault.redelivery.of, count_turns(smallest)) == (2, 1, 2)


def test_what_needs_much_to_be_said_is_said_in_few_turns() -> None:
    def overflows(scenario: Scenario) -> bool:
        said = "".join(turn.user + turn.final_text for turn in plan(scenario, 0).turns)
        return len(said) > 900

    scenario = _scenario(faults=[])
    assert overflows(scenario)
    smallest = shrink(scenario, overflows)
    assert count_turns(smallest) == 1
    assert overflows(smallest)


def test_turns_that_an_expectation_keeps_apart_are_joined_without_it() -> None:
    def overflows_unless_it_is_cut_short(scenario: Scenario) -> bool:
        turns = plan(scenario, 0).turns
        cut = scenario.expect.answers_cut_short == 0 and any(len(t.final_text) > 400 for t in turns)
        return sum(len(turn.final_text) for turn in turns) > 900 and not cut

    script = [{"repeat": 24, "every": "1m", "user": "Go on.", "reply": {"words": 40}}]
    scenario = _scenario(script=script, faults=[], tools={}, expect={"answers_cut_short": 0})
    asked = 0

    def shows(one: Scenario) -> bool:
        nonlocal asked
        asked += 1
        return overflows_unless_it_is_cut_short(one)

    smallest = shrink(scenario, shows)
    assert count_turns(smallest) == 1
    assert asked < 25


def test_a_bound_on_replies_keeps_no_turns_apart() -> None:
    def overflows_in_whole_replies(scenario: Scenario) -> bool:
        said = [turn.final_text for turn in plan(scenario, 0).turns]
        bound = scenario.dump().get("stack", {}).get("max_tokens")
        whole = len(said) == 1 if bound is None else all(len(text) < 4 * bound for text in said)
        return sum(map(len, said)) > 900 and whole

    script = [{"repeat": 6, "user": "Go on.", "reply": {"words": 40}}]
    scenario = _scenario(script=script, faults=[], tools={}, stack={"max_tokens": 120})
    assert overflows_in_whole_replies(scenario)
    smallest = shrink(scenario, overflows_in_whole_replies)
    assert count_turns(smallest) == 1
    assert "stack" not in smallest.dump()


def test_what_cannot_get_smaller_stays() -> None:
    scenario = _scenario()
    assert shrink(scenario, lambda _: False) == scenario


def test_it_asks_no_more_often_than_it_may() -> None:
    asked = 0

    def shows(_: Scenario) -> bool:
        nonlocal asked
        asked += 1
        return False

    shrink(_scenario(), shows, tries_max=7)
    assert asked == 7


@pytest.mark.parametrize("count", [1, 3, 8])
def test_the_number_of_turns_that_it_takes_is_found(count: int) -> None:
    scenario = _scenario(faults=[])
    smallest = shrink(scenario, lambda one: count_turns(one) >= count)
    assert count_turns(smallest) == count


@settings(max_examples=30, deadline=None)
@given(scenarios())
def test_every_try_is_a_legal_scenario_with_a_reply_that_ends(scenario: Scenario) -> None:
    def shows(one: Scenario) -> bool:
        assert complaints(one) == []
        for turn in plan(one, one.seed).turns:
            assert not turn.steps[-1].calls
            assert turn.steps[-1].stop != "pause_turn"
        return len(one.model_dump_json()) % 3 == 0

    shrink(scenario, shows, tries_max=min(40, TRIES_MAX))
