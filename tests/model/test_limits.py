"""Rate limits fill in virtual time and tell of themselves in headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.bill import Usage
from harness.model.catalogue import shipped
from harness.model.limits import Limiter, RateLimits
from harness.model.message import Refusal
from harness.model.mock import MockModel
from harness.scenario.schema import Model

HI = [{"role": "user", "content": "hi"}]
NAME = "claude-sonnet-5-5"


def test_one_request_too_many_waits_until_there_is_one_again(desk: Callable[..., Any]) -> None:
    here = desk(limits={NAME: RateLimits(2, 10**6, 10**6)})
    assert [here.post(HI).status for _ in range(2)] == [200, 200]
    refused = here.post(HI)
    assert (refused.status, refused.kind) == (429, "rate_limit_error")
    assert refused.row.rule == "rate_limit"
    assert refused.reply.headers["retry-after"] == "30"
    here.wait(29.9)
    assert here.post(HI).status == 429
    here.wait(0.1)
    assert here.post(HI).status == 200


def test_tokens_run_out_as_requests_do(desk: Callable[..., Any]) -> None:
    here = desk(limits={NAME: RateLimits(1000, 60, 10**6)})
    long = [{"role": "user", "content": "words " * 50}]
    assert here.post(long).status == 200
    refused = here.post(HI)
    assert refused.status == 429
    here.wait(int(refused.reply.headers["retry-after"]))
    assert here.post(HI).status == 200


def test_cache_reads_do_not_count_against_the_input(desk: Callable[..., Any]) -> None:
    marked = {"type": "text", "text": "words " * 500, "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "user", "content": [marked]}]
    here = desk(limits={NAME: RateLimits(1000, 10**4, 10**6)})
    before = here.post(messages).reply.headers["anthropic-ratelimit-input-tokens-remaining"]
    here.now_ns = 1_000_000_000
    after = here.post(messages).reply.headers["anthropic-ratelimit-input-tokens-remaining"]
    assert int(after) >= int(before)


def test_a_reply_carries_all_twelve_headers(desk: Callable[..., Any]) -> None:
    here = desk(limits={NAME: RateLimits(60, 6000, 600)}, start_ns=1_772_442_000_000_000_000)
    headers = here.post(HI).reply.headers
    for bucket in ("requests", "tokens", "input-tokens", "output-tokens"):
        for field in ("limit", "remaining", "reset"):
            assert f"anthropic-ratelimit-{bucket}-{field}" in headers
    assert headers["anthropic-ratelimit-requests-limit"] == "60"
    assert headers["anthropic-ratelimit-requests-remaining"] == "59"
    assert headers["anthropic-ratelimit-requests-reset"] == "2026-03-02T09:00:01Z"


def test_the_rule_can_be_switched_off(desk: Callable[..., Any]) -> None:
    here = desk(limits={NAME: RateLimits(1, 10**6, 10**6)}, rules_off=frozenset({"rate_limit"}))
    answers = [here.post(HI) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert "anthropic-ratelimit-requests-limit" not in answers[0].reply.headers


def test_counting_is_not_limited(desk: Callable[..., Any]) -> None:
    here = desk(limits={NAME: RateLimits(1, 10**6, 10**6)})
    count = [here.post(HI, path="/v1/messages/count_tokens") for _ in range(3)]
    assert [answer.status for answer in count] == [200] * 3


@given(
    st.integers(1, 100),
    st.lists(st.integers(0, 20_000_000_000), min_size=1, max_size=200),
)
def test_never_more_than_a_bucket_and_what_has_filled_since(limit: int, gaps: list[int]) -> None:
    limiter = Limiter(RateLimits(limit, 10**9, 10**9), 0)
    now_ns = 0
    waits: list[int] = []
    for gap in gaps:
        now_ns += gap
        try:
            limiter.admit(now_ns)
        except Refusal as refusal:
            waits.append(int(refusal.headers["retry-after"]))
    admitted = len(gaps) - len(waits)
    assert all(wait >= 1 for wait in waits)
    assert admitted <= limit + now_ns * limit // 60_000_000_000


def test_a_debt_is_waited_for() -> None:
    limiter = Limiter(RateLimits(10, 60, 60), 0)
    limiter.admit(0)
    limiter.used(Usage(120))
    with pytest.raises(Refusal) as caught:
        limiter.admit(0)
    assert caught.value.headers["retry-after"] == "61"


def test_a_scenario_sets_the_limits_of_its_model_and_leaves_the_rest_as_they_are() -> None:
    told = Model(rate_limits={"input_tokens": 1000})
    mock = MockModel(None, model=told)
    spec = shipped().find(told.name)
    assert spec is not None
    headers = mock._limits.of(spec, 0).headers(0)
    assert headers["anthropic-ratelimit-input-tokens-limit"] == "1000"
    assert headers["anthropic-ratelimit-requests-limit"] == str(spec.requests_per_minute)


def test_a_copy_that_was_made_before_anything_was_asked_has_the_scenario_s_limits_too() -> None:
    told = Model(rate_limits={"input_tokens": 1000})
    spec = shipped().find(told.name)
    assert spec is not None
    mock = MockModel(None, model=told)
    assert mock.copy()._limits.of(spec, 0).headers(0) == mock._limits.of(spec, 0).headers(0)


def test_what_a_copy_uses_up_the_other_still_has() -> None:
    one = Limiter(RateLimits(2, 1000, 1000), 0)
    one.admit(0)
    two = one.copy()
    assert two.headers(0) == one.headers(0)
    two.admit(0)
    two.used(Usage(100))
    with pytest.raises(Refusal):
        two.admit(0)
    one.admit(0)
