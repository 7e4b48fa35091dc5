"""The report that other programs read: one JSON object, version 1, every key always there.

What does not apply is null or empty. `fidelity` says who recorded the disk: with `none` nobody did,
and S6 was judged by what lies beside the session's directory alone. `states` counts
distinct and violating crash states a tier, those of a second crash included. `reasons` says why a
scenario is invalid, or would be besides its findings.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.files import storable
from harness.report.result import RecoveryCount, Result, Run, StateCount

VERSION = 1


def report(run: Run) -> dict[str, object]:
    """The whole report as plain data."""
    return {
        "version": VERSION,
        "exit": run.exit_code,
        "scenarios": [_row(result) for result in run.results],
    }


def dumps(run: Run) -> str:
    """The report as text, indented, with a newline at its end."""
    text = json.dumps(report(run), indent=2, ensure_ascii=False, allow_nan=False)
    return f"{storable(text)}\n"


def _row(result: Result) -> dict[str, object]:
    header, numbers = result.record.header, result.verdict.numbers
    return {
        "name": result.name,
        "path": result.path,
        "target": header.target,
        "seed": header.seed,
        "verdict": result.outcome,
        "fidelity": header.fidelity,
        "virtual_s": numbers.virtual_s,
        "wall_s": round(result.wall_s, 6),
        "requests": numbers.requests,
        "input_tokens": numbers.input_tokens,
        "output_tokens": numbers.output_tokens,
        "cost_usd": round(numbers.cost_usd, 6),
        "crash_points": {
            "planned": numbers.crash_points_planned,
            "fired": numbers.crash_points_fired,
        },
        "states": {tier: _states(result, tier) for tier in result.states},
        "not_applicable": list(result.verdict.not_applicable),
        "reasons": list(result.verdict.reasons),
        "findings": [
            {
                key: asdict(finding)[key]
                for key in ("code", "tier", "turn", "message", "where", "token")
            }
            for finding in result.verdict.findings
        ],
    }


def _states(result: Result, tier: str) -> dict[str, int]:
    counts: list[StateCount | RecoveryCount] = [result.states[tier]]
    if tier in result.recoveries:
        counts.append(result.recoveries[tier])
    return {
        "distinct": sum(count.distinct for count in counts),
        "violating": sum(count.violating for count in counts),
    }
