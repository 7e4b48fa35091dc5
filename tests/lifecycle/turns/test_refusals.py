"""What an error of the API means."""

from __future__ import annotations

import anthropic
import httpx2
import pytest

from harness.lifecycle.turns.refusals import retries_before, understand
from tests.lifecycle.fake_claude import ApiError


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "prompt is too long: 9 tokens > 8 maximum", "overflow"),
        (400, "input length and `max_tokens` exceed context limit: 9 + 2 > 10", "overflow"),
        (413, "Request exceeds the maximum size", "overflow"),
        (400, "messages.1.content.0: Invalid `signature` in `thinking` block.", "thinking"),
        (400, "`thinking` blocks in the latest assistant message cannot be modified", "thinking"),
        (400, "messages.0: all messages must have non-empty content", "message"),
        (400, "Output blocked by content filtering policy", "message"),
        (400, "max_tokens: 9 > 8, which is the maximum", "passing"),
        (400, "tools.0.name: String should match pattern", "passing"),
        (401, "invalid x-api-key", "passing"),
        (404, "model: claude-0", "passing"),
        (529, "Overloaded", "passing"),
    ],
)
def test_each_error_is_told_apart(status: int, words: str, kind: str) -> None:
    assert understand(ApiError(status, words)).kind == kind


def test_an_overflow_says_how_much() -> None:
    refusal = understand(ApiError(400, "prompt is too long: 208310 tokens > 200000 maximum"))
    assert (refusal.sent_tokens, refusal.allowed_tokens) == (208310, 200000)


def test_errors_that_are_not_the_apis_pass() -> None:
    assert understand(ConnectionError("reset")).kind == "passing"


@pytest.mark.parametrize(
    ("error", "retries"),
    [
        (ApiError(529, "Overloaded"), 2),
        (ApiError(409, "conflict"), 2),
        (ApiError(400, "messages: bad"), 0),
        (anthropic.APITimeoutError(httpx2.Request("POST", "http://127.0.0.1")), 2),
        (KeyError("not the API's"), 0),
    ],
)
def test_retries_that_the_sdk_hides_are_counted_by_its_rule(error: Exception, retries: int) -> None:
    assert retries_before(error, anthropic.Anthropic(api_key="none", max_retries=2)) == retries
