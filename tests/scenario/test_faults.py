"""What may go wrong: one kind of fault each, at a turn, and no more than makes sense."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.scenario.faults import Fault


@pytest.mark.parametrize(
    "at", ["reply.received", "request.sent #2", "write checkpoint", "fsync *.jsonl #2"]
)
def test_a_crash_falls_on_a_boundary_or_a_disk_operation(at: str) -> None:
    fault = Fault.model_validate({"crash": {"turn": 1, "at": at}})
    assert fault.kind == "crash"
    assert fault.what.turn == 1


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"crash": {"turn": 0, "at": "reply.received"}},
        {"crash": {"turn": 1, "at": "lunch"}},
        {"crash": {"turn": 1, "at": "request.sent #0"}},
        {"crash": {"turn": 1, "at": "user.received #2"}},
        {"crash": {"turn": 1, "at": "fsync *", "torn": 3}},
        {"crash": {"turn": 1, "at": "write *", "torn": 0}},
        {"http": {"turn": 1}},
        {"http": {"turn": 1, "status": 529, "network": "hang"}},
        {"http": {"turn": 1, "status": 500}, "tool": {"turn": 1, "crash": "before"}},
        {"stream": {"turn": 1}},
        {"damage": {"turn": 1, "what": "fire"}},
        {"damage": {"turn": 1, "at": 1.5}},
    ],
)
def test_what_makes_no_sense_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(fault)
