"""At the entry: who asks, how much, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.model.rules.entry import BODY_BYTES_MAX

GOOD = {
    "x-api-key": "test",
    "anthropic-version": "2026-10-21",
    "content-type": "application/json",
}
BODY = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}


def without(name: str) -> dict[str, str]:
    """The good headers but one."""
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("rule", "status", "kind", "headers"),
    [
        ("bad_key", 401, "authentication_error", {**GOOD, "x-api-key": "bad"}),
        ("bad_key", 401, "authentication_error", without("x-api-key")),
        ("missing_version", 400, "invalid_request_error", without("anthropic-version")),
        ("content_type", 400, "invalid_request_error", {**GOOD, "content-type": "text/plain"}),
        ("content_type", 400, "invalid_request_error", without("content-type")),
    ],
)
def test_a_wrong_header_is_refused_and_the_right_one_is_not(
    rule: str, status: int, kind: str, headers: dict[str, str], desk: Callable[..., Any]
) -> None:
    body = json.dumps(BODY).encode()
    refused = desk().send(body, headers=headers)
    assert (refused.status, refused.kind, refused.row.rule) == (status, kind, rule)
    assert desk().send(body, headers=GOOD).status == 200
    assert desk(rules_off=frozenset({rule})).send(body, headers=headers).status == 200


def test_a_key_may_come_as_a_bearer_token(desk: Callable[..., Any]) -> None:
    headers = {**without("x-api-key"), "authorization": "Bearer test"}
    assert desk().send(json.dumps(BODY).encode(), headers=headers).status == 200
    headers["authorization"] = "Bearer bad"
    assert desk().send(json.dumps(BODY).encode(), headers=headers).status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/messages", 200),
        ("POST", "/v1/messages?beta=true", 200),
        ("GET", "/v1/messages", 405),
        ("POST", "/v1/complete", 404),
        ("POST", "/v1/models", 405),
        ("GET", "/v1/models", 200),
        ("GET", "/", 404),
    ],
)
def test_what_is_not_served_is_not_found(
    method: str, path: str, status: int, desk: Callable[..., Any]
) -> None:
    answer = desk().send(json.dumps(BODY).encode(), method=method, path=path)
    assert answer.status == status
    assert answer.row.rule == (None if status == 200 else "unknown_path")


def test_a_body_over_32_mb_is_too_large_and_one_of_32_mb_is_not(desk: Callable[..., Any]) -> None:
    body = json.dumps(BODY).encode()
    full = body + b" " * (BODY_BYTES_MAX - len(body))
    assert desk().send(full).status == 200
    refused = desk().send(full + b" ")
    assert (refused.status, refused.kind) == (413, "request_too_large")
