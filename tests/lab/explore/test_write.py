"""A finding's file says what was found, loads again, and is the same for the same scenario."""

from __future__ import annotations

from pathlib import Path

from harness.checks.verdict import Finding
from harness.lab.explore.write import told, write
from harness.scenario.load import load
from harness.scenario.schema import Scenario

FINDING = Finding("P2", "kill", 1, "pay ran twice for one request", None, "hx1-x")


def test_the_file_tells_what_breaks_and_why(tmp_path: Path) -> None:
    scenario = Scenario.model_validate(
        {
            "name": "x",
            "tools": {"pay": {}},
            "script": [{"user": "pay", "reply": [{"tool": "pay"}, {"text": "paid"}]}],
            "faults": [{"tool": {"turn": 1, "crash": "after_effect"}}],
        }
    )
    finished = told(scenario, FINDING, "naive")
    path = write(finished, "P2", tmp_path / "new")
    assert path.name.startswith("p2_death_after_effect_of_a_tool_call_on_turn_1_")
    loaded = load(path).scenario
    assert loaded == finished
    assert loaded.name == "effect-exactly-once: death after effect of a tool call on turn 1"
    assert "naive, which breaks P2 here: pay ran twice for one request" in loaded.about
    assert write(finished, "P2", tmp_path / "new") == path
