"""A life: seeded, its tools across the bridge, its network shut, its target found."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.world.clock import VirtualClock
from harness.world.process import Life, Raised, Returned, Server

PAY = {"name": "pay", "description": "Pay.", "input_schema": {}, "contract": "at_most_once"}


@pytest.fixture
def calls() -> list[Mapping[str, Any]]:
    return []


def _send(server: Server, home: Path, text: str, calls: list[Mapping[str, Any]]) -> Any:
    def answer(call: Mapping[str, Any]) -> Mapping[str, Any]:
        calls.append(call)
        return {"takes_ns": 5, "halfway": False, "ordinal": 1, "result": "paid"}

    clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
    life = Life(server, clock, {"home": str(home), "seed": 1, "tools": [PAY]})
    life.ask({"do": "open", "session_id": "s", "settings": {}}, answer)
    outcome = life.ask({"do": "send", "message_id": "m", "text": text}, answer)
    life.quit()
    clock.close()
    return outcome


def test_a_tool_call_crosses_the_bridge_twice(
    echo_server: Server, tmp_path: Path, calls: list[Mapping[str, Any]]
) -> None:
    assert _send(echo_server, tmp_path, "use pay", calls) == Returned("echo use pay")
    assert [call["call"] for call in calls] == ["tool", "effect"]
    assert calls[1]["input"] == {"with": "care"}


def test_whoever_phones_out_is_refused_and_reported(
    echo_server: Server, tmp_path: Path, calls: list[Mapping[str, Any]]
) -> None:
    outcome = _send(echo_server, tmp_path, "phone http://192.0.2.1/", calls)
    assert isinstance(outcome, Raised)
    assert {call["call"] for call in calls} == {"network"}
    assert "192.0.2.1" in calls[0]["address"]


def test_every_life_draws_lots_of_its_own_and_the_same_ones_in_every_run(
    echo_server: Server, tmp_path: Path
) -> None:
    def drawn(life: int) -> str:
        clock = VirtualClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
        order = {"home": str(tmp_path), "seed": 1, "tools": [], "life": life}
        born = Life(echo_server, clock, order)
        born.ask({"do": "open", "session_id": "s", "settings": {}}, lambda call: {})
        born.ask({"do": "send", "message_id": "m", "text": "draw"}, lambda call: {})
        born.quit()
        clock.close()
        return (tmp_path / "drawn").read_text(encoding="ascii")

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
