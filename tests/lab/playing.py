"""What the tests of the lab share: a small scenario, and one case of it played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.lab import runner
from harness.record import Header, Record
from harness.report.folder import Keep
from harness.scenario.schema import Scenario
from harness.world.process import Server

BOOKING = {"user": "book", "reply": [{"tool": "book", "input": {"n": 2}}, {"text": "done"}]}


def scenario_of(**fields: Any) -> Scenario:
    script = [
        {"user": "hello", "reply": {"text": "hi"}},
        {"wait": "5h"},
        BOOKING,
        {"user": "bye", "reply": {"text": "see you"}},
    ]
    return Scenario.model_validate(
        {"name": "x", "tools": {"book": {"takes": "5s"}}, "script": script, **fields}
    )


def play(server: Server, home: Path, scenario: Scenario, keep: Path | None = None) -> Record:
    header = Header("hx1-t", scenario.dump(), "x.yaml", "t", 7, "none")
    record = Record(header)
    home.mkdir(exist_ok=True)
    runner.run(scenario, record, server, home, Keep(keep) if keep else None)
    assert not list(record.of("broke")), list(record.of("broke"))
    return record


def kinds_of(record: Record, turn: int | None) -> list[str]:
    return [event.kind for event in record.events if event.turn == turn]
