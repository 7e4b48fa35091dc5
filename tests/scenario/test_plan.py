"""The script worked out: turns, pauses, call ids, always the same for one seed."""

from __future__ import annotations

from harness.scenario.plan import count_turns, plan
from harness.scenario.schema import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "x",
        "tools": {"book": {}},
        "script": [
            {"user": "hello", "reply": {"text": "hi"}},
            {"wait": "5h"},
            {"repeat": 3, "every": "3m", "user": {"words": 5}, "reply": {"words": [5, 9]}},
            {"user": "book", "reply": [{"tools": [{"tool": "book"}] * 2}, {"text": "done"}]},
            {"wait": "1s"},
        ],
    }
)


def test_every_line_becomes_turns_with_the_pauses_before_them() -> None:
    planned = plan(SCENARIO, 7)
    assert [turn.number for turn in planned.turns] == [1, 2, 3, 4, 5]
    assert [turn.line for turn in planned.turns] == [0, 2, 2, 2, 3]
    minute = 60 * 10**9
    assert [turn.pause_ns for turn in planned.turns] == [0, 303 * minute, 3 * minute, 3 * minute, 0]
    assert planned.tail_ns == 10**9
    assert count_turns(SCENARIO) == 5


def test_one_seed_gives_one_plan_and_another_seed_another() -> None:
    assert plan(SCENARIO, 7) == plan(SCENARIO, 7)
    assert plan(SCENARIO, 7).turn(2).user != plan(SCENARIO, 8).turn(2).user


def test_calls_have_ids_of_their_own() -> None:
    turn = plan(SCENARIO, 7).turn(5)
    assert len({call.id for call in turn.calls}) == 2
    assert all(call.id.startswith("toolu_01") for call in turn.calls)
    assert turn.final_text == "done"


def test_repeated_turns_differ_in_their_words() -> None:
    turns = plan(SCENARIO, 7).turns[1:4]
    assert len({turn.user for turn in turns}) == 3


def test_what_the_script_pins_is_pinned_in_the_plan() -> None:
    data = {"name": "x", "script": [{"user": "a", "pin": True}, {"wait": "1h"}, {"user": "b"}]}
    assert [turn.pinned for turn in plan(Scenario.model_validate(data), 1).turns] == [True, False]
