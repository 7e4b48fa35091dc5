"""The naive stack is caught: most stories break it, each with a code and a token that replays."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab.play import play, replay
from harness.report.result import Run, story_of
from harness.scenario.load import Loaded, find, load
from tests.mutants.planting import defects
from tests.targets.naive_table import (
    DOC,
    ROOT,
    ROWS,
    TUTORIALS,
    Results,
    Row,
    document,
    finding,
    found,
)

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def stories() -> list[Loaded]:
    return [load(path) for path in find([SCENARIOS])]


@pytest.fixture(scope="module")
def run(stories: list[Loaded]) -> Run:
    return play(stories, target="naive", sweeps=False)


KEPT = {"disk/unicode_separators"}
"""It escapes what it writes, and so keeps this one."""
CAUGHT = {
    "budget/bill_does_not_spike": {"W1", "W2", "W4", "W6", "P5"},
    "budget/cache_thrash": {"W6", "W2"},
    "budget/cached_tokens_count": {"W2"},
    "budget/cjk_and_code": {"W2"},
    "budget/estimator_drift": {"W2"},
    "budget/max_tokens_continuation": {"P5"},
    "budget/refusal_loop_is_bounded": {"W4", "W1"},
    "disk/empty_checkpoint": {"P4"},
    "disk/enospc_is_visible": {"P5"},
    "disk/enospc_then_space_again": {"S1"},
    "disk/fsync_fails_once": {"S1"},
    "disk/mid_log_garbage": {"S2"},
    "disk/nul_hole_after_power_loss": {"S1"},
    "disk/one_letter_turned_at_rest": {"P1", "S2"},
    "disk/power_cut_after_the_effect": {"S1", "P2"},
    "disk/rename_lost": {"S1"},
    "disk/slow_disk": {"S1"},
    "disk/torn_then_append": {"S2"},
    "disk/torn_tail_at_every_byte": {"P5"},
    "disk/two_writers": {"S5"},
    "overflow/context_window_exceeded_mid_reply": {"W1", "W2"},
    "overflow/irreducible_floor": {"W1", "W2"},
    "overflow/oversize_paste": {"W1"},
    "overflow/oversize_tool_result": {"W2"},
    "overflow/parallel_tool_pairs": {"W1", "W2"},
    "overflow/pinned_message_stays": {"W2"},
    "overflow/system_prompt_eats_the_budget": {"W2"},
    "overflow/thinking_is_untouched": {"P5", "P2"},
    "overflow/trim_cut_at_every_turn": {"W1", "W2"},
    "overflow/turn_47_stays_in_budget": {"W2", "W1"},
    "overflow/window_smaller_than_estimate": {"P5", "P4"},
    "resume/append_during_summary": {"P2", "W2"},
    "resume/crash_on_turn_12_resumes_from_11": {"P4", "P5"},
    "resume/double_crash": {"P2", "P4"},
    "resume/kill_at_result_2_of_3": {"P2"},
    "resume/kill_before_the_effect": {"P5", "P4"},
    "resume/kill_before_tool_result": {"P2"},
    "resume/kill_between_log_and_checkpoint": {"P4", "P2"},
    "resume/kill_during_summary": {"W1", "W3"},
    "resume/nine_to_two_then_two_days_later": {"W2", "P4"},
    "resume/redelivered_days_later": {"P5"},
    "resume/resend_after_undelivered_reply": {"P2", "P5"},
    "resume/resume_prefix_identical": {"W6", "W2"},
    "resume/usage_conserved_over_resume": {"P4", "P5"},
    "sessions/expiry_at_the_second": {"T1"},
    "sessions/fence_at_any_alignment": {"T1"},
    "sessions/hostile_session_ids": {"S6"},
    "sessions/rotation_killed_at_every_step": {"S2"},
    "sessions/two_users_never_meet": {"P4", "P5"},
    "wire/outage_is_told_not_waited_out": {"P5"},
    "wire/overloaded_then_recovers": {"P5"},
    "wire/poison_message_is_quarantined": {"W1"},
    "wire/rate_limited_by_tokens": {"W4"},
    "wire/retry_after_59_61_3600": {"P5"},
    "wire/stream_ends_early": {"P5"},
    "wire/stream_error_event": {"P5"},
    "wire/stream_reset": {"P5"},
    "wire/timeout_before_headers": {"P5"},
    "wire/tool_json_cut": {"W1"},
}


THEMES = {
    "budget/cache_thrash": ("W6", "cache_read_share"),
    "budget/cjk_and_code": ("W2", "over the model's window"),
    "budget/estimator_drift": ("W2", "over the model's window"),
    "disk/empty_checkpoint": ("P4", "cannot be read"),
    "disk/mid_log_garbage": ("S2", "cannot be read"),
    "disk/nul_hole_after_power_loss": ("S1", "power cut"),
    "disk/one_letter_turned_at_rest": ("P1", "departs from what happened"),
    "disk/slow_disk": ("S1", "power cut at user.received in turn 6"),
    "disk/torn_tail_at_every_byte": ("S2", "Extra data"),
    "resume/kill_between_log_and_checkpoint": ("P4", "has no tool_state"),
    "resume/kill_during_summary": ("W1", "system_role"),
    "sessions/expiry_at_the_second": ("T1", "it still tells of turn"),
    "sessions/fence_at_any_alignment": ("T1", "turns a minute are allowed"),
    "sessions/hostile_session_ids": ("S6", "outside"),
    "wire/overloaded_then_recovers": ("P5", "turn 10 was spoken once"),
    "wire/rate_limited_by_tokens": ("W4", "seconds_per_turn"),
    "wire/retry_after_59_61_3600": ("P5", "turn 8 was spoken once"),
    "wire/stream_error_event": ("P5", "turn 6 was spoken once"),
    "wire/stream_reset": ("P5", "turn 6 was spoken once"),
    "wire/timeout_before_headers": ("P5", "turn 5 was spoken once"),
}
"""Stories that this stack breaks by what they are about, and no single defect is listed for."""
ELSEWHERE = {"disk/unicode_separators", "sessions/two_users_never_meet", "wire/stream_ends_early"}
"""Stories that another stack breaks by what they are about: the tests below play them."""


@pytest.fixture(scope="module")
def results(run: Run) -> Results:
    return found(run.results)


def test_the_stories_break_it_under_the_codes_they_were_written_for(run: Run) -> None:
    assert run.exit_code == 1
    assert {result.story for result in run.results if not result.verdict.findings} == KEPT
    for result in run.results:
        codes = {finding.code for finding in result.verdict.findings}
        assert codes >= CAUGHT.get(result.story, set()), result.story


def test_every_story_is_caught_or_said_to_be_kept(stories: list[Loaded]) -> None:
    assert {story_of(loaded.path) for loaded in stories} == CAUGHT.keys() | KEPT


def test_every_story_has_a_stack_that_breaks_it_by_what_it_is_about(run: Run) -> None:
    found = {result.story: result.verdict.findings for result in run.results}
    for story, (code, says) in THEMES.items():
        assert any(one.code == code and says in one.message for one in found[story]), story
    by_defects = {name for defect in defects() for name in defect.first}
    named = {story.partition("/")[2] for story in THEMES.keys() | ELSEWHERE}
    assert named | by_defects == {story.partition("/")[2] for story in found}


def test_half_a_reply_is_shown_by_a_stack_that_takes_it_for_the_whole(
    stories: list[Loaded],
) -> None:
    cut = [loaded for loaded in stories if loaded.path.endswith("ends_early.scenario.yaml")]
    (result,) = play(cut, target=f"{ROOT}/tests/broken/p5_shows_half.py:Broken").results
    told = [one.message for one in result.verdict.findings if one.code == "P5"]
    assert any("answered with a part of the answer" in message for message in told)


def test_what_it_keeps_another_tutorial_breaks(stories: list[Loaded]) -> None:
    kept = [loaded for loaded in stories if story_of(loaded.path) in KEPT]
    (result,) = play(kept, target=f"{ROOT / TUTORIALS}:SplitsLines").results
    assert {finding.code for finding in result.verdict.findings} == {"P5", "S2"}


def test_users_meet_in_a_stack_that_has_one_file_for_all(stories: list[Loaded]) -> None:
    meeting = [loaded for loaded in stories if loaded.path.endswith("never_meet.scenario.yaml")]
    (result,) = play(meeting, target=f"{ROOT}/tests/broken/honest.py:Honest").results
    assert "S6" in {finding.code for finding in result.verdict.findings}


def test_each_of_its_defects_is_caught_and_the_document_says_so(results: Results) -> None:
    missed = [row.number for row in ROWS if finding(row, results) is None]
    assert missed == []
    assert DOC.read_text(encoding="utf-8") == document(results), "run tests.targets.naive_table"


def test_the_table_is_whole() -> None:
    assert [row.number for row in ROWS] == list(range(1, 34))


def _check_it_shows_again(row: Row, results: Results) -> None:
    shown = finding(row, results)
    assert shown is not None
    target = None if row.target == "naive" else str(ROOT / row.target)
    again = replay(shown.token, [row.loaded], target=target).verdict.findings
    assert any(one.code == row.code and row.says in one.message for one in again), row.number


def test_a_token_shows_its_defect_again(results: Results) -> None:
    for row in ROWS[::8]:
        _check_it_shows_again(row, results)


@pytest.mark.slow
def test_every_token_shows_its_defect_again(results: Results) -> None:
    for row in ROWS:
        _check_it_shows_again(row, results)
