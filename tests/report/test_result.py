"""What a run came to."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.report.result import Result, Run, story_of


@pytest.mark.parametrize(
    ("path", "story"),
    [
        ("scenarios/resume/double_crash.scenario.yaml", "resume/double_crash"),
        ("resume\\double_crash.scenario.yaml", "resume/double_crash"),
        ("double_crash.scenario.yaml", "double_crash"),
        ("other.yaml", "other"),
        ("reports/ci/resume/double_crash/scenario.json", "resume/double_crash"),
    ],
)
def test_a_story_is_folder_and_name_without_the_ending(path: str, story: str) -> None:
    assert story_of(path) == story


def test_a_broken_promise_beats_an_invalid_run(result_of: Callable[..., Result]) -> None:
    kept, broken = result_of(), result_of(outcome="fail", findings=1)
    invalid = result_of(outcome="invalid")
    assert Run((kept, invalid, broken), 3).exit_code == 1
    assert Run((kept, invalid), 2).exit_code == 3
    assert Run((kept,), 1).exit_code == 0
    assert Run((), 0).exit_code == 5
    assert Run((broken,), 3, interrupted=True).exit_code == 2
