"""The stage: deaths wait for their turn and boundary, and happen once."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.lab.faults.deaths import Death
from harness.lab.stage import ATTEMPTS_PER_TURN_MAX, Stage
from harness.model.mock import MockModel
from harness.record import Header, Record
from harness.scenario.plan import plan
from harness.scenario.schema import Scenario
from harness.world.clock import ORIGIN_NS, VirtualClock
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
        "body": b"{}",
    }
    for _ in range(ATTEMPTS_PER_TURN_MAX):
        stage.answer(request)
    with pytest.raises(Die):
        stage.answer(request)
    assert stage.limit_hit
    stage.tell_limit("a.py:3 ask()")
    (limit,) = record.of("limit")
    assert limit.data["bound"] == "attempts_per_turn"
    assert limit.data["where"] == "a.py:3 ask()"


def _ask(stage: Stage, body: bytes = b"{}") -> Mapping[str, Any]:
    headers = {"x-api-key": "k", "anthropic-version": "v", "content-type": "application/json"}
    path = "/v1/messages"
    call = {"call": "request", "method": "POST", "path": path, "headers": headers, "body": body}
    answer = stage.answer(call)
    assert answer is not None
    return answer


def test_a_life_waits_at_the_boundaries_of_a_reply_while_a_death_at_one_may_come() -> None:
    stage, _record = _stage([Death(0, 2, "reply.received", None), Death(1, 1, "tool.called", None)])
    assert _ask(stage)["gated"]
    stage.turn = 2
    with pytest.raises(Die):
        stage.answer({"call": "gate", "at": ["reply.started", "reply.received"], "request": 0})
    assert not _ask(stage)["gated"]


def test_a_boundary_that_was_passed_is_recorded_at_the_time_it_was_passed() -> None:
    stage, record = _stage([])
    at = ["reply.started", "reply.received"]
    passed = {"call": "passed", "at": at, "request": 3, "page_ns": ORIGIN_NS + 5}
    assert stage.answer(passed) is None
    assert [(event.kind, event.at_ns, event.data) for event in record.events] == [
        ("reply.started", 5, {"request": 3}),
        ("reply.received", 5, {"request": 3}),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.booleans(), st.sampled_from([None, 1]))
def test_the_record_shows_the_very_body_that_was_sent(
    body: dict[str, object], ascii_only: bool, indent: int | None
) -> None:
    stage, record = _stage([])
    data = json.dumps(body, ensure_ascii=ascii_only, indent=indent)
    data = data.encode("utf-8", "surrogatepass")
    _ask(stage, data)
    shown = next(record.of("request.sent")).data["body"]
    assert repr(shown) == repr(json.loads(data.decode("utf-8", "surrogateescape")))


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"[1, 2]", [1, 2]),
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b'{"a": Infinity}', {"a": math.inf}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b"no JSON", "no JSON"),
        (b"\xff", "\udcff"),
        (b"", ""),
    ],
)
def test_the_record_shows_a_body_that_the_model_refuses(body: bytes, shown: object) -> None:
    stage, record = _stage([])
    _ask(stage, body)
    assert next(record.of("request.sent")).data["body"] == shown
