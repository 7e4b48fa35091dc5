"""The reference target: every story of the library passes on it, and every fault has fired."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lab.play import play
from harness.scenario.load import Loaded, find, load
from harness.scenario.schema import Scenario

STORIES = find([Path(__file__).parents[2] / "scenarios"])
SQLITE = str(Path(__file__).parents[1] / "stacks" / "lifecycle_sqlite.py:InSqlite")
STATES_MIN = 50
"""A story that is swept has more crash states than that."""


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name.partition(".")[0])
def test_every_story_of_the_library_passes(path: Path) -> None:
    (result,) = play([load(path)]).results
    assert result.outcome == "pass", result.verdict
    numbers = result.verdict.numbers
    assert numbers.crash_points_fired == numbers.crash_points_planned


@dataclass(frozen=True)
class Otherwise:
    """What comes of a story in SQLite where it is not what comes of it in files, and why."""

    outcome: str
    codes: frozenset[str]
    why: str


_ITS_LOG = "SQLite reads its log to the first bad checksum and says nothing of the rest"
_NO_SUCH_FILE = "its deaths are at files that SQLite does not have"
IN_SQLITE = {
    "mid_log_garbage": Otherwise("fail", frozenset({"S1", "S2"}), _ITS_LOG),
    "one_letter_turned_at_rest": Otherwise("fail", frozenset({"S1", "S2"}), _ITS_LOG),
    "nine_to_two_then_two_days_later": Otherwise(
        "fail", frozenset({"W4"}), "it expects few bytes read a turn, and SQLite reads whole pages"
    ),
    "empty_checkpoint": Otherwise("invalid", frozenset(), _NO_SUCH_FILE),
    "kill_between_log_and_checkpoint": Otherwise("invalid", frozenset(), _NO_SUCH_FILE),
    "rotation_killed_at_every_step": Otherwise("invalid", frozenset(), _NO_SUCH_FILE),
}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.name.partition(".")[0])
def test_in_sqlite_every_story_passes_but_for_those_whose_reason_is_told(path: Path) -> None:
    (result,) = play([load(path)], target=SQLITE, sweeps=False).results
    otherwise = IN_SQLITE.get(path.name.partition(".")[0])
    wanted = ("pass", frozenset()) if otherwise is None else (otherwise.outcome, otherwise.codes)
    codes = frozenset(finding.code for finding in result.verdict.findings)
    assert (result.outcome, codes) == wanted, result.verdict


def test_stories_about_deaths_at_any_moment_are_swept_as_well() -> None:
    swept = {path.name.partition(".")[0]: load(path).scenario for path in STORIES}
    swept = {name: scenario for name, scenario in swept.items() if scenario.sweep is not None}
    assert swept.keys() >= {"rotation_killed_at_every_step", "kill_before_tool_result"}
    assert all(scenario.sweep.depth == 1 for scenario in swept.values() if scenario.sweep)
    path = next(path for path in STORIES if "kill_before_tool_result" in path.name)
    (scripted,) = play([load(path)], sweeps=False).results
    (whole,) = play([load(path)]).results
    assert whole.outcome == scripted.outcome == "pass"
    assert whole.verdict.numbers.crash_points_planned > (
        scripted.verdict.numbers.crash_points_planned + STATES_MIN
    )


def test_a_story_is_the_same_twice_and_another_seed_is_kept_too() -> None:
    loaded = load(next(path for path in STORIES if "turn_12" in path.name))
    first, second, other = (play([loaded], seed=seed).results[0] for seed in (12, 12, 13))
    assert first.record.events == second.record.events
    assert first.record.events != other.record.events
    assert other.outcome == "pass"


GAPS = {
    "name": "gaps",
    "stack": {"window_tokens": 3000, "checkpoint_every": 3, "system": "Be brief."},
    "tools": {"look": {"takes": "2s", "contract": "idempotent", "returns": {"seen": 1}}},
    "script": [
        {"repeat": 4, "every": "3m", "user": {"words": [20, 60]}, "reply": {"words": [40, 160]}},
        {"wait": "5h"},
        {"user": "look", "reply": [{"tool": "look", "input": {}}, {"words": 30}]},
        {"wait": "2d"},
        {"repeat": 8, "every": "3m", "user": {"words": [20, 60]}, "reply": {"words": [40, 160]}},
    ],
}


def _last_requests(fault: dict[str, object] | None) -> dict[int | None, str]:
    """The last request of every turn, as bytes would have it."""
    data = {**GAPS, "faults": [] if fault is None else [fault]}
    scenario = Scenario.model_validate(data)
    (result,) = play([Loaded("gaps.scenario.yaml", scenario)]).results
    assert result.outcome == "pass", result.verdict
    return {
        event.turn: json.dumps(event.data["body"]) for event in result.record.of("request.sent")
    }


@pytest.mark.parametrize(
    "at",
    [
        "user.received",
        "request.sent",
        "reply.started",
        "reply.received",
        "tool.called",
        "tool.done",
        "reply.delivered",
    ],
)
def test_after_hours_days_and_a_death_it_sends_what_an_unbroken_run_sends(at: str) -> None:
    unbroken = _last_requests(None)
    resumed = _last_requests({"crash": {"turn": 5, "at": at}})
    assert resumed == unbroken
