"""Every promise has its story, short enough for a screen, and its reports are addresses."""

from __future__ import annotations

import re

import pytest

from harness.checks.catalogue import PROMISES
from harness.checks.stories import stories

SCREEN = 24
WIDTH = 100


def test_every_code_has_a_story_and_no_other_has() -> None:
    assert list(stories()) == [promise.code for promise in PROMISES]


@pytest.mark.parametrize("code", [promise.code for promise in PROMISES])
def test_a_story_says_how_it_breaks_and_how_to_keep_it(code: str) -> None:
    story = stories()[code]
    assert story.cause.endswith(".")
    assert story.fix.endswith(".")
    for report in story.reports:
        assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/issues/\d+", report.url)
        assert 20 < len(report.says) < WIDTH
    # Nobody reports that a test phoned home; all else was seen in the field.
    assert story.reports or code == "W7"
