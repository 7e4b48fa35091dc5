"""The schema: what a scenario may say, in YAML's shape and in Python's."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.scenario.faults import Fault, Http
from harness.scenario.schema import Say, Scenario, Step, Wait

LINE = {"user": "hello", "reply": {"text": "hi"}}


def _scenario(**fields: Any) -> Scenario:
    return Scenario.model_validate({"name": "x", "script": [LINE], **fields})


def test_a_scenario_written_in_python_is_the_same_as_one_in_yaml() -> None:
    written = Scenario(
        name="x",
        script=(Say(user="hello", reply=Step(text="hi")), Wait(wait="5h")),  # type: ignore[arg-type]
        faults=(Fault(http=Http(turn=1, status=529)),),
    )
    read = _scenario(script=[LINE, {"wait": "5h"}], faults=[{"http": {"turn": 1, "status": 529}}])
    assert written == read
    assert written.dump() == read.dump()


def test_what_is_dumped_is_read_back() -> None:
    scenario = _scenario(
        model={"first_token": "800ms"},
        script=[LINE, {"repeat": 2, "every": "3m", "user": {"words": [2, 4]}}],
        faults=[{"crash": {"turn": 1, "at": "reply.received"}}],
        expect={"resume": {"after_crash": 1, "transcript": 0}, "cost_usd": {"max": 1.5}},
    )
    assert Scenario.model_validate(scenario.dump()) == scenario


@pytest.mark.parametrize(
    "fields",
    [
        {"scripts": []},
        {"script": []},
        {"script": [{"user": "x", "replay": {"text": "y"}}]},
        {"script": [{"user": ""}]},
        {"script": [{"user": {"words": [9, 3]}}]},
        {"script": [{"user": "x", "reply": {}}]},
        {"script": [{"user": "x", "reply": {"text": "y", "words": 3}}]},
        {"script": [{"user": "x", "reply": {"input": {}, "text": "y"}}]},
        {"script": [{"wait": "soon"}]},
        {"tools": {"read": {"returns": 1, "words": 9}}},
        {"expect": {"resume": {"after_crash": 1}}},
        {"seed": -1},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        _scenario(**fields)


def test_a_step_knows_its_calls_one_or_several() -> None:
    assert [call.tool for call in Step(tool="a", input={"x": 1}).calls] == ["a"]
    several = Step.model_validate({"tools": [{"tool": "a"}, {"tool": "b"}]})
    assert [call.tool for call in several.calls] == ["a", "b"]
    assert Step(text="x").calls == ()
