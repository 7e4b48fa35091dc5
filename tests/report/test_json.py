"""The report that other programs read."""

from __future__ import annotations

import json
from collections.abc import Callable

from harness.report.json import dumps, report
from harness.report.result import Result, Run


def test_a_report_has_the_documented_shape(sample_run: Run) -> None:
    read = json.loads(dumps(sample_run))
    assert {key: read[key] for key in ("version", "exit")} == {"version": 1, "exit": 1}
    broken = read["scenarios"][1]
    token = sample_run.results[1].record.header.token
    assert broken == {
        "name": "kill before tool result",
        "path": "scenarios/resume/kill_before_tool_result.scenario.yaml",
        "target": "naive",
        "seed": 7,
        "verdict": "fail",
        "fidelity": "seccomp",
        "virtual_s": 29_520.0,
        "wall_s": 0.31,
        "requests": 43,
        "input_tokens": 51_234,
        "output_tokens": 7_100,
        "cost_usd": 0.2613,
        "crash_points": {"planned": 1, "fired": 1},
        "states": {},
        "not_applicable": [],
        "reasons": [],
        "findings": [
            {
                "code": "P2",
                "tier": "kill",
                "turn": 41,
                "message": "book_table ran twice for one request",
                "where": "naive.py:88  log.append(result)",
                "token": token,
            },
            {
                "code": "P1",
                "tier": "kill",
                "turn": 12,
                "message": "turn 12's answer is missing",
                "where": "event 301",
                "token": token,
            },
        ],
    }


def test_every_row_has_every_key(sample_run: Run) -> None:
    rows = report(sample_run)["scenarios"]
    assert isinstance(rows, list)
    assert len({tuple(row) for row in rows}) == 1


def test_an_empty_run_is_a_report_too() -> None:
    assert report(Run((), 0)) == {"version": 1, "exit": 5, "scenarios": []}


def test_half_a_letter_in_what_a_target_said_takes_no_report_away(
    result_of: Callable[..., Result],
) -> None:
    said = "it raised \ud800"
    text = dumps(Run((result_of(outcome="invalid", reasons=(said,)),), 1))
    assert json.loads(text.encode("utf-8"))["scenarios"][0]["reasons"] == [said]
