"""Talks: the turns of a script are counted without speaking them."""

from __future__ import annotations

import itertools

from harness.lab.explore.invent import invented
from harness.lab.explore.talk import Spoken, spoken
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario


def test_a_turn_tells_of_its_calls_and_whether_the_model_is_asked() -> None:
    scenario = Scenario.model_validate(
        {
            "name": "x",
            "tools": {"pay": {}},
            "script": [
                {"repeat": 2, "user": "Hello", "reply": {"text": "Hi."}},
                {"wait": "1h"},
                {"user": "Pay", "reply": [{"tools": [{"tool": "pay"}] * 2}, {"text": "Paid."}]},
                {"user": " \n ", "reply": {"text": "Yes?"}},
                {"user": "Go on", "reply": {"text": "On."}},
            ],
        }
    )
    assert spoken(scenario) == (
        Spoken(1, True, 0, True),
        Spoken(2, True, 0, True),
        Spoken(3, True, 2, True, True),
        Spoken(4, False, 0, False, True),
        Spoken(5, True, 0, False),
    )


def test_it_agrees_with_the_script_as_it_is_spoken() -> None:
    for one in itertools.islice(invented(4), 40):
        turns = plan(one, one.seed).turns
        assert [turn.calls for turn in spoken(one)] == [len(turn.calls) for turn in turns]
        assert [turn.asks for turn in spoken(one)] == [bool(turn.user.strip()) for turn in turns]
