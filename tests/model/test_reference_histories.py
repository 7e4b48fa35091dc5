"""Whatever the reference stack sends is accepted; break any of it, and the rule it breaks says so.

The scripts are invented (lengths, tools, languages, small windows that must be trimmed); the stack,
the SDK and the mock are the real ones.
"""

from __future__ import annotations

import copy
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.doors.transport import DoorTransport
from harness.lifecycle import Conversation
from harness.model.mock import MockModel
from harness.scenario.plan import plan
from harness.scenario.schema import Model, Scenario
from tests.model.test_mock import MUTATIONS, post

LOCALES = st.sampled_from(["en_US", "de_DE", "ja_JP"])


class _NoTime:
    def sleep_ns(self, delay_ns: int) -> None: ...

    async def asleep_ns(self, delay_ns: int) -> None: ...


class _Book:
    name, description = "book", "Book."
    input_schema: dict[str, object] = {"type": "object"}  # noqa: RUF012 - read only
    contract = "at_most_once"

    def __call__(self, arguments: Any, *, call_id: str | None = None) -> object:
        return {"booked": True, "for": call_id}


@st.composite
def _lines(draw: st.DrawFn) -> dict[str, Any]:
    words = {"words": draw(st.integers(1, 200)), "locale": draw(LOCALES)}
    calls = [{"tool": "book", "input": {"n": n}} for n in range(draw(st.integers(0, 3)))]
    reply: list[dict[str, Any]] = [{"tools": calls}] if calls else []
    return {"user": words, "reply": [*reply, {"words": draw(st.integers(1, 200))}]}


@st.composite
def _scenarios(draw: st.DrawFn) -> Scenario:
    script = draw(st.lists(_lines(), min_size=1, max_size=8))
    return Scenario.model_validate(
        {
            "name": "invented",
            "seed": draw(st.integers(0, 999)),
            "stack": {"window_tokens": draw(st.sampled_from([2500, 6000, 50_000]))},
            "tools": {"book": {}},
            "script": script,
        }
    )


def _bodies(scenario: Scenario) -> list[dict[str, Any]]:
    """Every request of the reference stack on this script, all of them accepted."""
    planned = plan(scenario, scenario.seed)
    model = MockModel(planned, model=scenario.model)
    bodies: list[dict[str, Any]] = []

    def handle(method: str, path: str, headers: Any, body: bytes) -> Any:
        bodies.append(json.loads(body))
        return model.handle(method, path, headers, body, 0)

    http = anthropic.DefaultHttpxClient(transport=DoorTransport(handle, _NoTime()))
    with (
        tempfile.TemporaryDirectory() as home,
        anthropic.Anthropic(api_key="any", http_client=http) as client,
        Conversation.open(
            Path(home),
            "s",
            client=client,
            window_tokens=scenario.stack.window_tokens,
            max_tokens=1000,
            tools=[_Book()],
        ) as conversation,
    ):
        for turn in planned.turns:
            model.spoken_turn = turn.number
            assert conversation.send(turn.message_id, turn.user) == turn.final_text
    assert [row.rule for row in model.ledger if row.status != 200] == []
    return bodies


@given(_scenarios())
@settings(max_examples=15, deadline=None)
def test_every_request_of_the_reference_stack_is_accepted(scenario: Scenario) -> None:
    assert len(_bodies(scenario)) >= len(scenario.script)


@pytest.mark.parametrize("mutate", MUTATIONS)
@given(_scenarios(), st.integers(0, 2**32))
@settings(max_examples=4, deadline=None)
def test_any_single_break_of_one_of_them_is_refused(
    mutate: Any, scenario: Scenario, seed: int
) -> None:
    draw = random.Random(seed)
    body = copy.deepcopy(draw.choice(_bodies(scenario)))
    rule = mutate(body["messages"], draw)
    if rule is None:
        return
    model = MockModel(None, model=Model())
    status, answer = post(model, body)
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")
    assert model.ledger[0].rule is not None
