"""The stage: deaths wait for their turn and boundary, and happen once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.lab.faults.deaths import Death
from harness.lab.stage import ATTEMPTS_PER_TURN_MAX, Stage
from harness.model.mock import MockModel
from harness.record import Header, Record
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario
from harness.world.clock import VirtualClock
from harness.world.process import Die
from harness.world.tools import ToolShed

SCENARIO = Scenario.model_validate(
    {
        "name": "x",
        "tools": {"pay": {"takes": "2s"}},
        "script": [{"user": "hello", "reply": {"text": "hi"}}],
        "faults": [
            {"crash": {"turn": 1, "at": "tool.called"}},
            {"http": {"turn": 1, "status": 529}},
            {"tool": {"turn": 1, "crash": "after_effect", "call": 2}},
        ],
    }
)


def _stage(deaths: list[Death]) -> tuple[Stage, Record]:
    record = Record(Header("hx1-t", {}, "x", "t", 7, "none"))
    clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    model = MockModel(plan(SCENARIO, 7), model=SCENARIO.model)
    stage = Stage(record, clock, model, ToolShed(SCENARIO.tools), deaths)
    stage.turn, stage.life = 1, 1
    return stage, record


def _call(kind: str, **more: object) -> dict[str, object]:
    return {"call": kind, "name": "pay", "input": {}, "call_id": "c", **more}


def test_a_death_happens_once_and_nothing_of_the_crossing_with_it() -> None:
    stage, record = _stage([Death(0, 1, "tool.called", None)])
    with pytest.raises(Die):
        stage.answer(_call("tool"))
    assert stage.dying == Death(0, 1, "tool.called", None)
    assert not record.events
    assert stage.answer(_call("tool"))["takes_ns"] == 2 * 10**9


def test_a_death_at_the_second_call_lets_the_first_one_pass() -> None:
    stage, record = _stage([Death(0, 1, "tool.done", 2)])
    for ordinal in (1, 2):
        assert stage.answer(_call("tool"))["ordinal"] == ordinal
        if ordinal == 1:
            stage.answer(_call("effect", ordinal=ordinal))
    with pytest.raises(Die):
        stage.answer(_call("effect", ordinal=2))
    assert [event.kind for event in record.of("tool.effect", "tool.done")] == [
        "tool.effect",
        "tool.done",
        "tool.effect",
    ]


def test_another_turn_is_not_its_turn() -> None:
    stage, _record = _stage([Death(0, 2, "tool.called", None)])
    assert stage.answer(_call("tool"))["ordinal"] == 1


def test_a_turn_that_asks_without_end_hits_a_bound() -> None:
    stage, record = _stage([])
    request = {
        "call": "request",
        "method": "POST",
        "path": "/v1/messages",
        "headers": {},
        "body": "{}",
    }
    for _ in range(ATTEMPTS_PER_TURN_MAX):
        stage.answer(request)
    with pytest.raises(Die):
        stage.answer(request)
    assert stage.limit_hit
    (limit,) = record.of("limit")
    assert limit.data["bound"] == "attempts_per_turn"
