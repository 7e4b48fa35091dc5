"""The scenario's own numbers: each key met, each key missed, each where it cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.expect import CODES
from harness.checks.judge import judge
from harness.record import Record
from harness.scenario.schema import Expect, ExpectResume
from tests.checks.building import (
    after,
    booking,
    changed,
    chat,
    perfect,
    rows_changed,
    with_history,
    without,
)

CRASH = {"crash": {"turn": 4, "at": "reply.received"}}


def expecting(turns: int = 5, **expect: Any) -> Record:
    """A chat that dies in turn 4 and expects this."""
    return perfect(chat(turns, faults=[CRASH], expect=expect))


def findings(record: Record) -> list[tuple[str, str]]:
    """Codes and messages."""
    return [(finding.code, finding.message) for finding in judge(record).findings]


MET: list[dict[str, Any]] = [
    {"resume": {"transcript": 3, "tool_state": 3}},
    {"lost_turns": 0},
    {"repeated_effects": 0},
    {"rejected_requests": 0},
    {"request_tokens": {"max": 100}},
    {"input_tokens_total": {"max": 600}},
    {"cost_usd": {"max": 0.0600001}},
    {"attempts_per_turn": {"max": 2}},
    {"seconds_per_turn": {"max": 16}},
    {"failed_sends": 0},
    {"answers_cut_short": 0},
    {"cache_breaks": {"max": 0}},
    {"cache_read_share": {"min": 0.5}},
]
MISSED: list[tuple[str, dict[str, Any], str]] = [
    (
        "P1",
        {"resume": {"transcript": 4}},
        "expect.resume.transcript: expected 4, got 3 completed turns in the history after crash 1",
    ),
    (
        "P4",
        {"resume": {"tool_state": 9}},
        "expect.resume.tool_state: expected 9, got 3: the checkpoint's turn number after "
        "crash 1 (killed at reply.received in turn 4)",
    ),
    ("S1", {"lost_turns": 1}, "expect.lost_turns: expected 1, got 0"),
    ("P2", {"repeated_effects": 1}, "expect.repeated_effects: expected 1, got 0"),
    ("W1", {"rejected_requests": 2}, "expect.rejected_requests: expected 2, got 0"),
    (
        "W2",
        {"request_tokens": {"max": 99}},
        "expect.request_tokens: expected at most 99, got 100 in turn 1",
    ),
    (
        "W4",
        {"input_tokens_total": {"max": 599}},
        "expect.input_tokens_total: expected at most 599, got 600",
    ),
    ("W4", {"cost_usd": {"max": 0.05}}, "expect.cost_usd: expected at most 0.05, got 0.06"),
    (
        "W4",
        {"attempts_per_turn": {"max": 1}},
        "expect.attempts_per_turn: expected at most 1, got 2 in turn 4",
    ),
    (
        "W4",
        {"seconds_per_turn": {"max": 15}},
        "expect.seconds_per_turn: expected at most 15, got 16 in turn 4",
    ),
    ("P5", {"failed_sends": 1}, "expect.failed_sends: expected 1, got 0"),
    ("P5", {"answers_cut_short": 1}, "expect.answers_cut_short: expected 1, got 0"),
    (
        "W6",
        {"cache_read_share": {"min": 0.51}},
        "expect.cache_read_share: expected at least 0.51, got 0.500",
    ),
]


@pytest.mark.parametrize("expect", MET, ids=lambda expect: next(iter(expect)))
def test_an_expectation_that_is_met_is_silent(expect: dict[str, Any]) -> None:
    assert judge(expecting(**expect)).outcome == "pass"


@pytest.mark.parametrize(("code", "expect", "message"), MISSED)
def test_an_expectation_that_is_missed_is_a_finding_under_its_promise(
    code: str, expect: dict[str, Any], message: str
) -> None:
    assert findings(expecting(**expect)) == [(code, message)]


def test_every_key_of_the_schema_is_judged() -> None:
    plain = [key for key in Expect.model_fields if key != "resume"]
    resume = [f"resume.{key}" for key in ExpectResume.model_fields if key != "after_crash"]

    assert set(CODES) == {*plain, *resume}


def test_tool_state_is_not_applicable_to_a_target_without_checkpoints() -> None:
    scenario = chat(5, faults=[CRASH], expect={"resume": {"tool_state": 3}})
    verdict = judge(perfect(scenario, capabilities=()))

    assert verdict.outcome == "pass"
    assert "expect.resume.tool_state" in verdict.not_applicable


def test_a_missing_checkpoint_counts_as_turn_0() -> None:
    record = expecting(resume={"tool_state": 3})
    assert findings(changed(record, "checkpoint", 0, turn_number=None)) == [
        (
            "P4",
            "expect.resume.tool_state: expected 3, got 0: there is no checkpoint after crash 1 "
            "(killed at reply.received in turn 4)",
        )
    ]
    assert judge(without(expecting(resume={"tool_state": 0}), "checkpoint")).outcome == "pass"


def test_a_history_that_could_not_be_read_is_told_under_s2_alone() -> None:
    record = expecting(resume={"transcript": 3, "tool_state": 3})
    failed = ("history.failed", {"error": "OSError", "trace": ""})
    record = after(record, "opened", 1, failed)
    record = without(without(record, "history", 0), "checkpoint", 0)

    assert [code for code, _ in findings(record)] == ["S2"]


def test_the_second_crash_is_asked_for_by_its_number() -> None:
    faults = [CRASH, {"crash": {"turn": 5, "at": "reply.received"}}]
    expect = {"resume": {"after_crash": 2, "transcript": 4}}

    assert judge(perfect(chat(5, faults=faults, expect=expect))).outcome == "pass"


def test_a_crash_that_never_came_makes_its_expectation_invalid() -> None:
    verdict = judge(expecting(resume={"after_crash": 2, "transcript": 4}))

    assert verdict.outcome == "invalid"
    assert verdict.reasons == (
        "expect.resume is about crash 2, and there were only 1: add the fault that makes it, or "
        "lower after_crash",
    )


def test_turns_lost_in_a_crash_are_told_once_and_not_again_as_numbers() -> None:
    record = expecting(lost_turns=0, resume={"transcript": 3})

    codes = [code for code, _ in findings(with_history(record, 0, lambda m: m[:2]))]
    assert codes == ["S1"]


def test_an_effect_doubled_where_the_contract_allows_it_still_counts() -> None:
    faults = [{"crash": {"turn": 2, "at": "tool.done"}}]
    record = perfect(booking("at_least_once", faults=faults, expect={"repeated_effects": 0}))

    assert findings(record) == [("P2", "expect.repeated_effects: expected 0, got 1")]


def test_an_effect_doubled_against_its_contract_is_told_once() -> None:
    record = perfect(booking(expect={"repeated_effects": 0}))
    effect = next(record.of("tool.effect"))
    record = after(record, "tool.effect", 0, ("tool.effect", dict(effect.data)))

    assert findings(record) == [("P2", "book_table ran twice for one request")]


def test_a_request_over_the_budget_is_told_once() -> None:
    scenario = chat(stack={"window_tokens": 90}, expect={"request_tokens": {"max": 90}})

    assert [code for code, _ in findings(perfect(scenario))] == ["W2"]


def test_attempts_that_went_into_an_answer_bought_again_are_told_once() -> None:
    whole = {"role": "assistant", "content": "Answer number 4."}
    record = with_history(expecting(attempts_per_turn={"max": 1}), 0, lambda m: [*m, whole])

    assert [code for code, _ in findings(record)] == ["P5"]


def test_an_answer_that_the_output_limit_cut_is_counted_where_the_user_was_shown_it() -> None:
    record = rows_changed(expecting(answers_cut_short=0), stop_reason="max_tokens")
    ((code, message), *_) = findings(record)
    assert code == "P5"
    assert message.startswith("expect.answers_cut_short: expected 0, got ")


def test_counting_tokens_is_no_attempt() -> None:
    record = rows_changed(expecting(attempts_per_turn={"max": 0}), path="/v1/messages/count_tokens")

    assert findings(record) == []


def test_a_store_is_asked_only_for_what_a_store_can_keep() -> None:
    expect = {"lost_turns": 0, "rejected_requests": 5, "resume": {"transcript": 3}}
    scenario = chat(5, faults=[CRASH], expect=expect)
    verdict = judge(perfect(scenario, store=True, capabilities=()))

    assert verdict.outcome == "pass"
    assert "expect.rejected_requests" in verdict.not_applicable
    assert "expect.lost_turns" not in verdict.not_applicable


def test_a_swept_case_is_not_held_to_the_scenarios_numbers() -> None:
    scenario = chat(5, expect={"lost_turns": 7})

    assert judge(perfect(scenario, 9, choice="k9")).outcome == "pass"
    assert judge(perfect(scenario)).outcome == "fail"


def reading(*sizes: int) -> Record:
    """A chat that read so many bytes in its turns."""
    record = perfect(chat(3, expect={"bytes_read_per_turn": {"max": 4000}}))
    for place, size in enumerate(sizes):
        record = after(record, "reply.delivered", place, ("read", {"bytes": size}))
    return record


def test_a_log_that_is_read_again_at_every_turn_breaks_w4() -> None:
    (finding,) = judge(reading(10, 4001, 9000)).findings
    assert (finding.code, finding.turn) == ("W4", 2)
    assert finding.message == "expect.bytes_read_per_turn: expected at most 4000, got 9000"
    assert not judge(reading(10, 4000)).findings
