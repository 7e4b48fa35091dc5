"""Scenarios that several tests of the checks tell: a chat, a booking, the three contracts."""

from __future__ import annotations

from typing import Any

from harness.scenario.schema import Scenario

CONTRACTS = ("idempotent", "at_most_once", "at_least_once")


def chat(turns: int = 4, **more: Any) -> Scenario:
    """A conversation without tools, every text different."""
    script = [
        {"user": f"Question number {n}?", "reply": {"text": f"Answer number {n}."}}
        for n in range(1, turns + 1)
    ]
    return Scenario.model_validate({"name": "a chat", "script": script, **more})


def booking(contract: str = "at_most_once", **more: Any) -> Scenario:
    """Three turns, the second of which books a table."""
    script = [
        {"user": "Are you there?", "reply": {"text": "Yes."}},
        {
            "user": "Book us a table",
            "reply": [
                {"text": "One moment.", "tool": "book_table", "input": {"seats": 2}},
                {"text": "Done."},
            ],
        },
        {"user": "Thank you", "reply": {"text": "You are welcome."}},
    ]
    tools = {"book_table": {"contract": contract}}
    data = {"name": "a booking", "script": script, "tools": tools, **more}
    return Scenario.model_validate(data)
