"""A fault belongs to a turn, is met so many times, and then no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.model.script.faults import Faults, refusal_for, seconds
from harness.scenario.faults import Fault, Http

SCRIPT = [
    {"user": "one", "reply": {"text": "First."}},
    {"user": "two", "reply": [{"tool": "look", "input": {}}, {"text": "Second."}]},
]


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def faults(*scripted: Any) -> Faults:
    """These faults, numbered as in a scenario."""
    return Faults(list(enumerate(Fault.model_validate(one) for one in scripted)))


def test_a_fault_is_met_so_many_times_in_its_turn_only() -> None:
    mine = faults({"http": {"turn": 2, "status": 529, "times": 2}})
    assert mine.meet(1) is None
    met = [mine.meet(2) for _ in range(3)]
    assert [one.fault if one else None for one in met] == [0, 0, None]


def test_several_faults_of_a_turn_are_met_one_after_the_other() -> None:
    mine = faults(
        {"http": {"turn": 1, "status": 529}},
        {"crash": {"turn": 1, "at": "reply.received"}},
        {"stream": {"turn": 1, "cut": "eof"}},
    )
    met = [mine.meet(1) for _ in range(3)]
    assert [one.fault if one else None for one in met] == [0, 2, None]


def test_a_refused_request_uses_no_fault_up(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, faults=[{"http": {"turn": 1, "status": 529}}])
    assert here.post([user("one"), {"role": "assistant", "content": "x"}]).status == 400
    assert here.post([user("one")]).row.fault == 0
    assert here.post([user("one")]).status == 200


def test_every_attempt_of_the_turn_counts_whichever_step_it_is(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, faults=[{"http": {"turn": 2, "status": 529, "times": 1}}])
    assert here.post([user("one")]).status == 200
    assert here.post([user("two")]).status == 529
    assert here.post([user("two")]).status == 200


def test_a_scripted_status_says_when_to_come_back() -> None:
    fault = Http(turn=1, status=429, retry_after="61s")  # type: ignore[arg-type]
    refusal = refusal_for(fault)
    assert (refusal.status, refusal.type) == (429, "rate_limit_error")
    assert refusal.headers == {"retry-after": "61"}
    assert refusal_for(Http(turn=1, status=529)).headers == {}


def test_a_stream_error_without_a_stream_is_a_status(desk: Callable[..., Any]) -> None:
    here = desk(SCRIPT, faults=[{"stream": {"turn": 1, "error": "overloaded_error"}}])
    answer = here.post([user("one")])
    assert (answer.status, answer.kind, answer.row.fault) == (529, "overloaded_error", 0)


@pytest.mark.parametrize(
    ("duration_ns", "text"), [(61_000_000_000, "61"), (500_000_000, "0.5"), (1, "0.000000001")]
)
def test_seconds_in_a_header_are_exact(duration_ns: int, text: str) -> None:
    assert seconds(duration_ns) == text
