"""The naive stack is caught: most stories break it, each with a code and a token that replays."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.case import parse
from harness.lab.play import play, replay
from harness.report.result import Run
from harness.scenario.load import Loaded, find, load

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(scope="module")
def stories() -> list[Loaded]:
    return [load(path) for path in find([SCENARIOS])]


@pytest.fixture(scope="module")
def run(stories: list[Loaded]) -> Run:
    return play(stories, target="naive")


KEPT = {"disk/unicode_separators"}
"""It escapes what it writes, and so keeps this one."""
CAUGHT = {
    "budget/bill_does_not_spike": {"W1", "W2", "W4", "W6", "P5"},
    "budget/cache_thrash": {"W6", "W2"},
    "budget/cached_tokens_count": {"W2"},
    "budget/cjk_and_code": {"W2"},
    "budget/estimator_drift": {"W2"},
    "budget/max_tokens_continuation": {"W1"},
    "budget/refusal_loop_is_bounded": {"W4", "W1"},
    "disk/empty_checkpoint": {"S2"},
    "disk/enospc_is_visible": {"P5"},
    "disk/enospc_then_space_again": {"S1"},
    "disk/fsync_fails_once": {"S1"},
    "disk/mid_log_garbage": {"S2"},
    "disk/nul_hole_after_power_loss": {"S1"},
    "disk/rename_lost": {"S1"},
    "disk/slow_disk": {"S1"},
    "disk/torn_then_append": {"S2"},
    "disk/torn_tail_at_every_byte": {"P5"},
    "overflow/context_window_exceeded_mid_reply": {"W1", "W2"},
    "overflow/irreducible_floor": {"W1", "W2"},
    "overflow/oversize_paste": {"W1"},
    "overflow/oversize_tool_result": {"W2"},
    "overflow/parallel_tool_pairs": {"W1", "W2"},
    "overflow/system_prompt_eats_the_budget": {"W2"},
    "overflow/thinking_is_untouched": {"P5", "P2"},
    "overflow/trim_cut_at_every_turn": {"W1", "W2"},
    "overflow/turn_47_stays_in_budget": {"W2", "W1"},
    "overflow/window_smaller_than_estimate": {"P5", "P4"},
    "resume/append_during_summary": {"P2", "W2"},
    "resume/crash_on_turn_12_resumes_from_11": {"P4", "P5"},
    "resume/double_crash": {"P2", "P4"},
    "resume/kill_at_result_2_of_3": {"P2"},
    "resume/kill_before_tool_result": {"P2"},
    "resume/kill_between_log_and_checkpoint": {"S2", "P4"},
    "resume/kill_during_summary": {"W1", "W3"},
    "resume/nine_to_two_then_two_days_later": {"W2", "P4"},
    "resume/resend_after_undelivered_reply": {"P2", "P5"},
    "resume/resume_prefix_identical": {"W6", "W2"},
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


def test_the_stories_break_it_under_the_codes_they_were_written_for(run: Run) -> None:
    assert run.exit_code == 1
    assert {result.story for result in run.results if not result.verdict.findings} == KEPT
    for result in run.results:
        codes = {finding.code for finding in result.verdict.findings}
        assert codes >= CAUGHT.get(result.story, set()), result.story


def test_a_finding_replays_from_its_token_alone(run: Run, stories: list[Loaded]) -> None:
    for result in (result for result in run.results[::6] if result.verdict.findings):
        token = result.verdict.findings[0].token
        assert parse(token).token == token
        assert replay(token, stories).verdict == result.verdict
