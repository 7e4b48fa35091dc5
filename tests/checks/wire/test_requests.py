"""W1, W2, W4, W7: rejected, oversize, endless and escaping requests."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks.judge import judge
from harness.checks.verdict import Finding
from harness.record import Record
from tests.checks.building import after, changed, chat, perfect, rows_changed

ORPHAN = "messages.{}: `tool_use` ids were found without `tool_result` blocks: toolu_01{}"


def the_finding(record: Record) -> Finding:
    """The one finding of a record."""
    (finding,) = judge(record).findings
    return finding


def rejected(record: Record, nth: int, message: str, rule: str = "pairs", **row: Any) -> Record:
    """The nth request rejected by the API."""
    data = {"status": 400, "error_message": message, "rule": rule, **row}
    return changed(record, "model.answered", nth, **data)


def asked_again(record: Record, nth: int, count: int, **row: Any) -> Record:
    """The nth request asked and answered `count` times more."""
    sent = list(record.of("request.sent"))[nth]
    answered = list(record.of("model.answered"))[nth]
    for extra in range(count):
        request = 1000 + extra
        record = after(
            record,
            "model.answered",
            nth,
            ("request.sent", {**sent.data, "request": request}),
            ("model.answered", {**answered.data, "request": request, **row}),
        )
    return record


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_rejected_request_breaks_w1_in_the_words_of_the_api(status: int) -> None:
    finding = the_finding(rejected(perfect(chat()), 1, ORPHAN.format(3, "abc"), status=status))

    assert (finding.code, finding.turn) == ("W1", 2)
    assert finding.message == (
        f"the API rejected 1 request with {status} (rule pairs): {ORPHAN.format(3, 'abc')}"
    )


def test_a_request_declined_for_a_turn_that_was_declined_before_breaks_w1() -> None:
    row = {"rule": "refused_turn_kept", "stop_reason": "refusal", "step": None}
    record = changed(perfect(chat()), "model.answered", 2, **row)
    found = [each for each in judge(record).findings if each.code == "W1"]
    assert [(each.turn, each.message.partition(":")[0]) for each in found] == [
        (3, "the API declined 1 request (rule refused_turn_kept)")
    ]


def test_requests_rejected_for_the_same_reason_are_one_finding() -> None:
    record = perfect(chat())
    for nth in (1, 2, 3):
        record = rejected(record, nth, ORPHAN.format(nth, nth))
    finding = the_finding(record)

    assert finding.turn == 2
    assert finding.message.startswith("the API rejected 3 requests with 400")


def test_requests_rejected_for_two_reasons_are_two_findings() -> None:
    record = rejected(perfect(chat()), 1, "messages: at least one message is required", "empty")

    assert len(judge(rejected(record, 2, ORPHAN.format(1, 2))).findings) == 2


def test_a_rejection_that_the_scenario_scripted_keeps_w1() -> None:
    scenario = chat(faults=[{"http": {"turn": 2, "status": 400}}])

    assert judge(perfect(scenario)).outcome == "pass"


@pytest.mark.parametrize("status", [401, 429, 500, 529])
def test_other_statuses_are_not_about_the_shape(status: int) -> None:
    record = changed(perfect(chat()), "model.answered", 1, status=status)

    assert "W1" not in [finding.code for finding in judge(record).findings]


def test_a_rejection_in_the_turn_of_a_crash_names_the_crash() -> None:
    record = perfect(chat(faults=[{"crash": {"turn": 2, "at": "reply.received"}}]))

    assert the_finding(rejected(record, 2, "no")).where is not None
    assert the_finding(rejected(record, 4, "no")).where is None


def test_a_prompt_over_the_models_window_breaks_w2() -> None:
    record = changed(perfect(chat()), "model.answered", 1, prompt_tokens=8001)
    record = changed(record, "model.answered", 3, prompt_tokens=9000)
    finding = the_finding(record)

    assert (finding.code, finding.turn) == ("W2", 2)
    assert finding.message == (
        "2 requests over the model's window of 8000 tokens: the worst has 9000 tokens, in turn 4"
    )


def test_a_prompt_rejected_for_its_size_breaks_w2_and_not_w1() -> None:
    record = rejected(perfect(chat()), 1, "prompt is too long", prompt_tokens=8001)

    assert the_finding(record).code == "W2"


def test_over_the_window_and_over_the_budget_is_one_finding() -> None:
    record = perfect(chat(stack={"window_tokens": 1000}))
    record = changed(record, "model.answered", 1, prompt_tokens=1300)

    assert (
        "model's window"
        in the_finding(changed(record, "model.answered", 2, prompt_tokens=8001)).message
    )


def test_a_prompt_that_fills_the_window_exactly_keeps_w2() -> None:
    assert judge(rows_changed(perfect(chat()), prompt_tokens=8000)).outcome == "pass"


@pytest.mark.parametrize(
    ("turns", "tokens", "broken"),
    [(1000, 1050, False), (1000, 1051, True), (999, 1001, True), (4, 1000, False)],
)
def test_the_budget_is_kept_in_999_of_1000_requests_and_never_missed_by_far(
    turns: int, tokens: int, broken: bool
) -> None:
    record = perfect(chat(turns, stack={"window_tokens": 1000}))
    verdict = judge(changed(record, "model.answered", 1, prompt_tokens=tokens))

    assert [finding.code for finding in verdict.findings] == (["W2"] if broken else [])


def test_a_budget_missed_says_the_worst_request() -> None:
    record = perfect(chat(stack={"window_tokens": 1000}))
    finding = the_finding(changed(record, "model.answered", 2, prompt_tokens=1300))

    assert finding.message == (
        "1 request over the budget of 1000 tokens: the worst has 1300 tokens, in turn 3"
    )


def test_a_bound_that_was_hit_breaks_w4_in_its_own_words() -> None:
    limit = ("limit", {"bound": "virtual_s", "value": 60, "message": "turn 2 took over 60 s"})
    finding = the_finding(after(perfect(chat()), "user.received", 1, limit))

    assert (finding.code, finding.turn, finding.message) == ("W4", 2, "turn 2 took over 60 s")


def test_the_same_request_answered_three_times_is_a_circle() -> None:
    finding = the_finding(asked_again(perfect(chat()), 1, 2))

    assert (finding.code, finding.turn) == ("W4", 2)
    assert "answered 3 times" in finding.message


def test_the_same_request_answered_twice_is_a_retry() -> None:
    assert judge(asked_again(perfect(chat()), 1, 1)).outcome == "pass"


def test_a_request_answered_three_times_over_cut_streams_is_a_retry() -> None:
    faults = [{"stream": {"turn": 2, "cut": "reset", "times": 3}}]
    record = asked_again(perfect(chat(faults=faults)), 1, 3, fault=0)
    record = after(record, "user.received", 1, ("fault.fired", {"fault": 0, "what": "stream"}))

    assert judge(record).findings == ()


def test_more_than_fifty_attempts_in_a_turn_break_w4() -> None:
    record = perfect(chat())

    assert judge(asked_again(record, 1, 49, status=529)).findings == ()
    finding = the_finding(asked_again(record, 1, 50, status=529))
    assert (finding.code, finding.turn) == ("W4", 2)
    assert "more than 50 times" in finding.message


def test_a_request_that_leaves_the_harness_breaks_w7_once_for_each_address() -> None:
    refused = ("network.refused", {"address": "192.0.2.1:443", "what": "socket.connect"})
    finding = the_finding(after(perfect(chat()), "user.received", 2, refused, refused))

    assert (finding.code, finding.turn) == ("W7", 3)
    assert finding.message == (
        "socket.connect tried to reach 192.0.2.1:443, 2 times: nothing may leave the harness"
    )
